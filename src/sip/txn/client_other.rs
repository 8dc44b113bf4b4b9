//! Client transaction of every method but INVITE and ACK: RFC 3261 §17.1.2.2, RFC 4320.
//!
//! ```text
//!                the request was sent
//!                        |
//!                  +-----v-----+  E: send again, T1 doubling up to T2
//!                  |  Trying   +-------------------+
//!                  +--+-----+--+  F, error: tell,  |
//!           1xx: tell |     |     end              |
//!              +------v---+ | final: tell          |
//!              |Proceeding| |                      |
//!              +------+---+ |  E: send again, T2   |
//!                     |     |  F, error: tell, end |
//!         final: tell |     |                      |
//!                  +--v-----v--+                   |
//!                  | Completed |                   |
//!                  +-----+-----+                   |
//!                     K  |                         |
//!                  +-----v-------------------------v-+
//!                  |           Terminated            |
//!                  +---------------------------------+
//! ```
//!
//! A 1xx neither stops Timer E nor restarts it: the copy that is due leaves when it is due, the next one
//! T2 later. A 408 is told as a timeout (RFC 4320 §4.2: nobody should have sent it, and it says no more).
//! Woken late, it sends one copy, not the missed ones.

use std::fmt;

use super::{Actions, Timers, Transport};
use crate::base::clock::Instant;

/// One CANCEL, BYE, PRACK or OPTIONS on its way to one target.
#[derive(PartialEq, Eq)]
pub struct ClientOther {
    state: State,
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A 1xx.
    Provisional,
    /// A 2xx to 6xx, but not 408.
    Final,
    /// A 408.
    RequestTimeout,
    /// The request could not be sent, or the network said that it did not arrive.
    TransportError,
    /// [`ClientOther::deadline`] may have passed.
    TimePassed,
    /// The owner stops waiting.
    Abandon,
}

impl Event {
    /// The event that a response is by its status. `None` for a number that is no status: such a response
    /// is discarded.
    #[must_use]
    pub const fn of(status: u16) -> Option<Self> {
        match status {
            100..=199 => Some(Self::Provisional),
            408 => Some(Self::RequestTimeout),
            200..=699 => Some(Self::Final),
            _ => None,
        }
    }
}

/// What the owner is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send the same request again, to the same address.
    Send,
    /// Let the call know.
    Tell(News),
    /// Forget the machine.
    Terminated,
}

/// What the call gets to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Each 1xx.
    Provisional,
    /// The first final response.
    Final,
    /// Timer F, or a 408.
    TimedOut,
    /// The request did not get out.
    TransportFailed,
}

/// Each state holds its own deadlines, so leaving it stops them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No response yet. Timers E (never on a reliable transport) and F.
    Trying { resend_at: Instant, doublings: u8, give_up_at: Instant },
    /// A 1xx has come. Timers E and F.
    Proceeding { resend_at: Instant, give_up_at: Instant },
    /// A final has come. Timer K.
    Completed { done_at: Instant },
    /// Over.
    Terminated,
}

impl ClientOther {
    /// The request has just been handed to the transport.
    #[must_use]
    pub fn start(now: Instant, timers: &Timers, transport: Transport) -> Self {
        let resend_at = match transport {
            Transport::Unreliable => now + timers.e(0),
            Transport::Reliable => Instant::NEVER,
        };
        Self { state: State::Trying { resend_at, doublings: 0, give_up_at: now + timers.f() } }
    }

    /// Takes one event; what is to be done is pushed to `out`.
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
            (
                State::Trying { resend_at, give_up_at, .. }
                | State::Proceeding { resend_at, give_up_at },
                Event::Provisional,
            ) => {
                out.push(Action::Tell(News::Provisional));
                State::Proceeding { resend_at, give_up_at }
            }
            (State::Trying { .. } | State::Proceeding { .. }, Event::Final) => {
                complete(News::Final, now, timers, transport, out)
            }
            (State::Trying { .. } | State::Proceeding { .. }, Event::RequestTimeout) => {
                complete(News::TimedOut, now, timers, transport, out)
            }
            (
                State::Trying { give_up_at, .. } | State::Proceeding { give_up_at, .. },
                Event::TimePassed,
            ) if now >= give_up_at => {
                out.push(Action::Tell(News::TimedOut));
                terminate(out)
            }
            (State::Trying { resend_at, doublings, give_up_at }, Event::TimePassed) => {
                if now >= resend_at {
                    out.push(Action::Send);
                    let doublings = doublings.saturating_add(1);
                    State::Trying { resend_at: now + timers.e(doublings), doublings, give_up_at }
                } else {
                    state
                }
            }
            (State::Proceeding { resend_at, give_up_at }, Event::TimePassed) => {
                if now >= resend_at {
                    out.push(Action::Send);
                    State::Proceeding { resend_at: now + timers.e_max(), give_up_at }
                } else {
                    state
                }
            }
            (State::Trying { .. } | State::Proceeding { .. }, Event::TransportError) => {
                out.push(Action::Tell(News::TransportFailed));
                terminate(out)
            }
            (State::Completed { done_at }, Event::TimePassed) => {
                if now >= done_at {
                    terminate(out)
                } else {
                    state
                }
            }
            (
                State::Trying { .. } | State::Proceeding { .. } | State::Completed { .. },
                Event::Abandon,
            ) => terminate(out),
            (
                State::Completed { .. },
                Event::Provisional | Event::Final | Event::RequestTimeout | Event::TransportError,
            ) => state,
            (
                State::Terminated,
                Event::Provisional
                | Event::Final
                | Event::RequestTimeout
                | Event::TransportError
                | Event::TimePassed
                | Event::Abandon,
            ) => state,
        };
    }

    /// When to come back with [`Event::TimePassed`]; `None` once it is over.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Trying { resend_at, give_up_at, .. }
            | State::Proceeding { resend_at, give_up_at } => Some(resend_at.min(give_up_at)),
            State::Completed { done_at } => Some(done_at),
            State::Terminated => None,
        }
    }
}

impl fmt::Debug for ClientOther {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state.fmt(f)
    }
}

fn complete(
    news: News,
    now: Instant,
    timers: &Timers,
    transport: Transport,
    out: &mut Actions<Action>,
) -> State {
    out.push(Action::Tell(news));
    let wait = timers.k(transport);
    if wait.is_zero() { terminate(out) } else { State::Completed { done_at: now + wait } }
}

fn terminate(out: &mut Actions<Action>) -> State {
    out.push(Action::Terminated);
    State::Terminated
}
