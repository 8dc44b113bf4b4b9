//! How long the timers of RFC 3261 §17 run (Table 4), and those of RFC 6026.

use std::time::Duration;

/// Whether what is sent may get lost on the way to the next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// UDP: retransmit, and wait for what the peer retransmits.
    Unreliable,
    /// TCP, TLS: no retransmission, no waiting for duplicates.
    Reliable,
}

/// The three times that all timers are made of. [`Default`] is RFC 3261 §17.1.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// Estimate of the round trip; 500 ms. Less only inside a closed network (§17.1.1.1).
    pub t1: Duration,
    /// Longest interval between retransmissions of anything but an INVITE; 4 s.
    pub t2: Duration,
    /// Longest time that a message stays in the network; 5 s.
    pub t4: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
        }
    }
}

impl Timers {
    /// Timer A, between two copies of an INVITE: T1, doubled each time, without a cap.
    #[must_use]
    pub fn a(&self, doublings: u8) -> Duration {
        let factor = 1_u32.checked_shl(u32::from(doublings)).unwrap_or(u32::MAX);
        self.t1.saturating_mul(factor)
    }

    /// Timer B: an INVITE without any response.
    #[must_use]
    pub fn b(&self) -> Duration {
        self.times_64()
    }

    /// Timer D: how long a repeated 3xx–6xx is still acknowledged; at least 32 s over UDP.
    #[must_use]
    pub fn d(&self, transport: Transport) -> Duration {
        self.unless_reliable(self.times_64().max(Duration::from_secs(32)), transport)
    }

    /// Timer E, between two copies of any other request: T1, doubled each time up to T2.
    #[must_use]
    pub fn e(&self, doublings: u8) -> Duration {
        self.a(doublings).min(self.e_max())
    }

    /// What Timers E and G grow to: T2, or T1 where somebody made that the longer one.
    #[must_use]
    pub fn e_max(&self) -> Duration {
        self.t2.max(self.t1)
    }

    /// Timer F: any other request without a final response.
    #[must_use]
    pub fn f(&self) -> Duration {
        self.times_64()
    }

    /// Timer G, between two copies of a 3xx–6xx: as Timer E.
    #[must_use]
    pub fn g(&self, doublings: u8) -> Duration {
        self.e(doublings)
    }

    /// Timer H: a 3xx–6xx without ACK.
    #[must_use]
    pub fn h(&self) -> Duration {
        self.times_64()
    }

    /// Timer I: how long a repeated ACK is absorbed.
    #[must_use]
    pub fn i(&self, transport: Transport) -> Duration {
        self.unless_reliable(self.t4, transport)
    }

    /// Timer J: how long a repeated request is answered again.
    #[must_use]
    pub fn j(&self, transport: Transport) -> Duration {
        self.unless_reliable(self.times_64(), transport)
    }

    /// Timer K: how long a repeated final response is absorbed.
    #[must_use]
    pub fn k(&self, transport: Transport) -> Duration {
        self.unless_reliable(self.t4, transport)
    }

    /// Timer L (RFC 6026 §7.1): how long INVITEs are absorbed after a 2xx was sent.
    #[must_use]
    pub fn l(&self) -> Duration {
        self.times_64()
    }

    /// Timer M (RFC 6026 §7.2): how long further 2xx are passed up.
    #[must_use]
    pub fn m(&self) -> Duration {
        self.times_64()
    }

    /// When a client's Timer E is reset to T2 for the first time, counted from its request: 3.5 s.
    /// A 100 to anything but an INVITE must not leave before (RFC 4320 §4.1).
    #[must_use]
    pub fn e_reaches_t2(&self) -> Duration {
        let mut elapsed = Duration::ZERO;
        for doublings in 0..u8::MAX {
            let interval = self.e(doublings);
            if interval >= self.e_max() {
                break;
            }
            elapsed = elapsed.saturating_add(interval);
        }
        elapsed
    }

    fn times_64(&self) -> Duration {
        self.t1.saturating_mul(64)
    }

    fn unless_reliable(&self, wait: Duration, transport: Transport) -> Duration {
        match transport {
            Transport::Unreliable => wait,
            Transport::Reliable => Duration::ZERO,
        }
    }
}
