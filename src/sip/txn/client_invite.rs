//! Client INVITE transaction: RFC 3261 §17.1.1.2, with `Accepted` from RFC 6026 §7.2.
//!
//! ```text
//!                 the INVITE was sent
//!                         |
//!                   +-----v-----+  A: send again
//!                   |  Calling  +--------------------------+
//!                   +--+--+--+--+  B: tell, end            |
//!          1xx: tell   |  |  |     transport error:        |
//!         +------------+  |  |     tell, end               |
//!         |               |  +------------+                |
//!  +------v------+  2xx: tell      3xx-6xx: ACK, tell      |
//!  |  Proceeding +--------|---------------+                |
//!  +------+------+        |               |                |
//!         |        +------v------+ +------v------+         |
//!         +--------> Accepted    | | Completed   |         |
//!                  | 2xx: tell   | | 3xx-6xx: ACK|         |
//!                  | 3xx-6xx: ACK| | 2xx: tell   |         |
//!                  +------+------+ +------+------+         |
//!                     M   |            D  |                |
//!                  +------v---------------v----------------v-+
//!                  |               Terminated                |
//!                  +-----------------------------------------+
//! ```
//!
//! Where the RFCs are silent or leave a choice:
//!
//! - `Proceeding` has no timer (§17.1.1.2 starts none): the call owns the limit, and ends the wait with
//!   [`Event::Abandon`], for example 64*T1 after its CANCEL (§9.1).
//! - A 2xx in `Completed` is told: a fork may answer after another one refused, and its phone is off the
//!   hook until somebody sends ACK and BYE. A 3xx–6xx in `Accepted` gets its ACK but is not told, so that a
//!   peer which sends both falls silent.
//! - A transport error is only news before any response. Later the machine owes nothing but ACKs; an ICMP
//!   error for one of them (§17.1.4 lets the transaction end here) must not cost the next ACK, nor disturb
//!   the call's next attempt.
//! - Woken late, over several periods of Timer A, it sends one copy, not the missed ones.

use std::fmt;

use super::{Actions, Timers, Transport};
use crate::base::clock::Instant;

/// One INVITE on its way to one target.
#[derive(PartialEq, Eq)]
pub struct ClientInvite {
    state: State,
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A 1xx.
    Provisional,
    /// A 2xx.
    Success,
    /// A 3xx, 4xx, 5xx or 6xx.
    Failure,
    /// The INVITE or an ACK could not be sent, or the network said that it did not arrive.
    TransportError,
    /// [`ClientInvite::deadline`] may have passed.
    TimePassed,
    /// The owner stops waiting.
    Abandon,
}

impl Event {
    /// The event that a response is by its status; an unknown status counts by its class (§8.1.3.2).
    /// `None` for a number that is no status: such a response is discarded.
    #[must_use]
    pub const fn of(status: u16) -> Option<Self> {
        match status {
            100..=199 => Some(Self::Provisional),
            200..=299 => Some(Self::Success),
            300..=699 => Some(Self::Failure),
            _ => None,
        }
    }
}

/// What the owner is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send the same INVITE again, to the same address.
    Send,
    /// Send the ACK for the 3xx–6xx just received, on the INVITE's branch, to the same address (§17.1.1.3).
    Ack,
    /// Let the call know.
    Tell(News),
    /// Forget the machine.
    Terminated,
}

/// What the call gets to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Each 1xx, also a repeated one.
    Provisional,
    /// Each 2xx, also a repeated one: the call sends its ACK.
    Success,
    /// The first 3xx–6xx; its ACK is out.
    Failure,
    /// Timer B: nothing was heard. Counts as a 408 (§8.1.3.1).
    TimedOut,
    /// The INVITE did not get out. Counts as a 503 (§8.1.3.1).
    TransportFailed,
}

/// Each state holds its own deadlines, so leaving it stops them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No response yet. Timers A (never on a reliable transport) and B.
    Calling { resend_at: Instant, doublings: u8, give_up_at: Instant },
    /// A 1xx has come.
    Proceeding,
    /// A 2xx has come. Timer M.
    Accepted { done_at: Instant },
    /// A 3xx–6xx has come. Timer D.
    Completed { done_at: Instant },
    /// Over.
    Terminated,
}

impl ClientInvite {
    /// The INVITE has just been handed to the transport.
    #[must_use]
    pub fn start(now: Instant, timers: &Timers, transport: Transport) -> Self {
        let resend_at = match transport {
            Transport::Unreliable => now + timers.a(0),
            Transport::Reliable => Instant::NEVER,
        };
        Self { state: State::Calling { resend_at, doublings: 0, give_up_at: now + timers.b() } }
    }

    /// Takes one event; what is to be done is pushed to `out`.
    #[expect(clippy::too_many_lines, reason = "the whole table of state and event, in one place")]
    pub fn step(
        &mut self,
        event: Event,
        now: Instant,
        timers: &Timers,
        transport: Transport,
        out: &mut Actions<Action>,
    ) {
        let state = self.state;
        self.state = match (state, event) {
            (State::Calling { .. } | State::Proceeding, Event::Provisional) => {
                out.push(Action::Tell(News::Provisional));
                State::Proceeding
            }
            (State::Calling { .. } | State::Proceeding, Event::Success) => {
                out.push(Action::Tell(News::Success));
                State::Accepted { done_at: now + timers.m() }
            }
            (State::Calling { .. } | State::Proceeding, Event::Failure) => {
                out.extend([Action::Ack, Action::Tell(News::Failure)]);
                let wait = timers.d(transport);
                if wait.is_zero() {
                    terminate(out)
                } else {
                    State::Completed { done_at: now + wait }
                }
            }
            (State::Calling { resend_at, doublings, give_up_at }, Event::TimePassed) => {
                if now >= give_up_at {
                    out.push(Action::Tell(News::TimedOut));
                    terminate(out)
                } else if now >= resend_at {
                    out.push(Action::Send);
                    let doublings = doublings.saturating_add(1);
                    State::Calling { resend_at: now + timers.a(doublings), doublings, give_up_at }
                } else {
                    state
                }
            }
            (State::Calling { .. }, Event::TransportError) => {
                out.push(Action::Tell(News::TransportFailed));
                terminate(out)
            }
            (State::Accepted { .. } | State::Completed { .. }, Event::Success) => {
                out.push(Action::Tell(News::Success));
                state
            }
            (State::Accepted { .. } | State::Completed { .. }, Event::Failure) => {
                out.push(Action::Ack);
                state
            }
            (State::Accepted { done_at } | State::Completed { done_at }, Event::TimePassed) => {
                if now >= done_at {
                    terminate(out)
                } else {
                    state
                }
            }
            (
                State::Calling { .. }
                | State::Proceeding
                | State::Accepted { .. }
                | State::Completed { .. },
                Event::Abandon,
            ) => terminate(out),
            (State::Accepted { .. } | State::Completed { .. }, Event::Provisional)
            | (
                State::Proceeding | State::Accepted { .. } | State::Completed { .. },
                Event::TransportError,
            )
            | (State::Proceeding, Event::TimePassed) => state,
            (
                State::Terminated,
                Event::Provisional
                | Event::Success
                | Event::Failure
                | Event::TransportError
                | Event::TimePassed
                | Event::Abandon,
            ) => state,
        };
    }

    /// When to come back with [`Event::TimePassed`]; `None` while only the peer or the owner can move it.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Calling { resend_at, give_up_at, .. } => Some(resend_at.min(give_up_at)),
            State::Accepted { done_at } | State::Completed { done_at } => Some(done_at),
            State::Proceeding | State::Terminated => None,
        }
    }
}

impl fmt::Debug for ClientInvite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state.fmt(f)
    }
}

fn terminate(out: &mut Actions<Action>) -> State {
    out.push(Action::Terminated);
    State::Terminated
}
