//! The pace of a load: so many calls or verifications a second, in small groups, without bursts after a pause.

use std::time::Duration;

use crate::base::clock::Instant;

/// Calls that may be made up for at once after a pause, so that a rate is kept on a busy machine without a burst.
const CATCH_UP: Duration = Duration::from_millis(20);
/// Calls of a rate are placed in groups, so long apart: a thread that is woken for every call spends its time on waking.
const GROUP: Duration = Duration::from_millis(5);
/// Without a rate, a call that ended makes room for the next at once; but the number under way grows by at most so many a
/// second. Two hundred thousand INVITEs at once would only fill, and overflow, the far end's receive buffer.
pub(super) const GROWTH: f64 = 20_000.0;
/// How often a load says at least how far it is.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// When the next calls may be placed.
pub(super) struct Rate {
    /// Nanoseconds: at 700,000 calls a second a gap is one microsecond and a half.
    gap_ns: u64,
    next_ns: u64,
    group_at: Instant,
}

impl Rate {
    pub(super) fn new(rate: f64, now: Instant) -> Self {
        Self { gap_ns: (1e9 / rate) as u64, next_ns: nanos(now), group_at: now }
    }

    /// How many calls may be placed now.
    pub(super) fn due(&mut self, now: Instant) -> u64 {
        let catch_up = u64::try_from(CATCH_UP.as_nanos()).unwrap_or(0);
        self.next_ns = self.next_ns.max(nanos(now).saturating_sub(catch_up));
        if now < self.group_at || nanos(now) < self.next_ns {
            return 0;
        }
        self.group_at = now + GROUP;
        1 + (nanos(now) - self.next_ns) / self.gap_ns.max(1)
    }

    /// How long until there are any.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        let group = self.group_at.since(now);
        group.max(Duration::from_nanos(self.next_ns.saturating_sub(nanos(now))))
    }

    /// One was placed.
    pub(super) fn placed(&mut self) {
        self.next_ns += self.gap_ns;
    }
}

fn nanos(at: Instant) -> u64 {
    at.as_micros().saturating_mul(1000)
}
