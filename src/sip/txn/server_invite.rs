//! Server INVITE transaction: RFC 3261 §17.2.1, with `Accepted` from RFC 6026 §7.1.
//!
//! ```text
//!                    an INVITE came
//!                          |
//!                    +-----v-----+
//!                    | Received  |  nothing for 200 ms: send 100
//!                    +-----+-----+
//!                          | 1xx of ours: send
//!                    +-----v-----+
//!                    | Proceeding|  INVITE again: send the last response
//!                    +--+-----+--+
//!       2xx of ours:    |     |   3xx-6xx of ours: send
//!       send            |     +-----------+
//!            +----------v--+         +----v------+  INVITE again, G: send again
//!            |  Accepted   |         | Completed +----------------------+
//!            |  ACK: tell  |         +----+------+  H: tell, end        |
//!            +----------+--+           ACK|                             |
//!                       |            +----v------+                      |
//!                       |            | Confirmed |                      |
//!                       |            +----+------+                      |
//!                    L  |               I |                             |
//!            +----------v-----------------v-----------------------------v-+
//!            |                         Terminated                         |
//!            +------------------------------------------------------------+
//! ```
//!
//! `Received` and `Proceeding` are both the RFC's `Proceeding`, before and after the first response. The
//! 2xx is retransmitted by the call (§13.3.1.4), not here. A transport error is told and changes nothing
//! (RFC 6026 §8.8 on §17.2.4), since the peer will ask again. Woken late, it sends one copy, not the missed ones.

use std::fmt;
use std::time::Duration;

use super::{Actions, Timers, Transport};
use crate::base::clock::Instant;

/// One INVITE that came to us.
#[derive(PartialEq, Eq)]
pub struct ServerInvite {
    state: State,
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The INVITE came again.
    Request,
    /// Its ACK came: on the INVITE's branch for a 3xx–6xx, or the one of a 2xx.
    Ack,
    /// The call answers with a 1xx.
    Provisional,
    /// The call answers with a 2xx, or repeats it.
    Success,
    /// The call answers with a 3xx, 4xx, 5xx or 6xx.
    Failure,
    /// A response could not be sent.
    TransportError,
    /// [`ServerInvite::deadline`] may have passed.
    TimePassed,
    /// The owner stops waiting.
    Abandon,
}

impl Event {
    /// The event that a response of ours is by its status; `None` for a number that is no status.
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
    /// Send the latest response: the one just given, or the same bytes again.
    Send,
    /// Send a 100 (Trying), from now on the latest response.
    SendTrying,
    /// Let the call know.
    Tell(News),
    /// Forget the machine.
    Terminated,
}

/// What the call gets to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The ACK of its 2xx.
    Ack,
    /// Timer H: no ACK came for its 3xx–6xx.
    TimedOut,
    /// A response did not get out.
    TransportFailed,
}

/// Each state holds its own deadlines, so leaving it stops them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing sent yet.
    Received { trying_at: Instant },
    /// A 1xx has been sent.
    Proceeding,
    /// A 2xx has been sent. Timer L.
    Accepted { done_at: Instant },
    /// A 3xx–6xx has been sent. Timers G (never on a reliable transport) and H.
    Completed { resend_at: Instant, doublings: u8, give_up_at: Instant },
    /// The ACK has come. Timer I.
    Confirmed { done_at: Instant },
    /// Over.
    Terminated,
}

/// How long the call may think before the caller gets a 100 (§17.2.1).
const TRYING_AFTER: Duration = Duration::from_millis(200);

impl ServerInvite {
    /// An INVITE that matches no transaction has come.
    #[must_use]
    pub fn start(now: Instant) -> Self {
        Self { state: State::Received { trying_at: now + TRYING_AFTER } }
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
            (State::Received { .. } | State::Proceeding, Event::Provisional) => {
                out.push(Action::Send);
                State::Proceeding
            }
            (State::Received { .. } | State::Proceeding, Event::Success) => {
                out.push(Action::Send);
                State::Accepted { done_at: now + timers.l() }
            }
            (State::Received { .. } | State::Proceeding, Event::Failure) => {
                out.push(Action::Send);
                let resend_at = match transport {
                    Transport::Unreliable => now + timers.g(0),
                    Transport::Reliable => Instant::NEVER,
                };
                State::Completed { resend_at, doublings: 0, give_up_at: now + timers.h() }
            }
            (State::Received { trying_at }, Event::TimePassed) => {
                if now >= trying_at {
                    out.push(Action::SendTrying);
                    State::Proceeding
                } else {
                    state
                }
            }
            (State::Proceeding | State::Completed { .. }, Event::Request)
            | (State::Accepted { .. }, Event::Success) => {
                out.push(Action::Send);
                state
            }
            (State::Accepted { .. }, Event::Ack) => {
                out.push(Action::Tell(News::Ack));
                state
            }
            (State::Completed { .. }, Event::Ack) => {
                let wait = timers.i(transport);
                if wait.is_zero() {
                    terminate(out)
                } else {
                    State::Confirmed { done_at: now + wait }
                }
            }
            (State::Completed { resend_at, doublings, give_up_at }, Event::TimePassed) => {
                if now >= give_up_at {
                    out.push(Action::Tell(News::TimedOut));
                    terminate(out)
                } else if now >= resend_at {
                    out.push(Action::Send);
                    let doublings = doublings.saturating_add(1);
                    State::Completed { resend_at: now + timers.g(doublings), doublings, give_up_at }
                } else {
                    state
                }
            }
            (
                State::Received { .. }
                | State::Proceeding
                | State::Accepted { .. }
                | State::Completed { .. },
                Event::TransportError,
            ) => {
                out.push(Action::Tell(News::TransportFailed));
                state
            }
            (State::Accepted { done_at } | State::Confirmed { done_at }, Event::TimePassed) => {
                if now >= done_at {
                    terminate(out)
                } else {
                    state
                }
            }
            (
                State::Received { .. }
                | State::Proceeding
                | State::Accepted { .. }
                | State::Completed { .. }
                | State::Confirmed { .. },
                Event::Abandon,
            ) => terminate(out),
            (State::Received { .. }, Event::Request | Event::Ack)
            | (State::Proceeding, Event::Ack | Event::TimePassed)
            | (State::Accepted { .. }, Event::Request | Event::Provisional | Event::Failure)
            | (State::Completed { .. }, Event::Provisional | Event::Success | Event::Failure)
            | (
                State::Confirmed { .. },
                Event::Request
                | Event::Ack
                | Event::Provisional
                | Event::Success
                | Event::Failure
                | Event::TransportError,
            )
            | (
                State::Terminated,
                Event::Request
                | Event::Ack
                | Event::Provisional
                | Event::Success
                | Event::Failure
                | Event::TransportError
                | Event::TimePassed
                | Event::Abandon,
            ) => state,
        };
    }

    /// When to come back with [`Event::TimePassed`]; `None` while only the peer or the call can move it.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Received { trying_at } => Some(trying_at),
            State::Accepted { done_at } | State::Confirmed { done_at } => Some(done_at),
            State::Completed { resend_at, give_up_at, .. } => Some(resend_at.min(give_up_at)),
            State::Proceeding | State::Terminated => None,
        }
    }
}

impl fmt::Debug for ServerInvite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state.fmt(f)
    }
}

fn terminate(out: &mut Actions<Action>) -> State {
    out.push(Action::Terminated);
    State::Terminated
}
