//! Server transaction of every method but INVITE and ACK: RFC 3261 §17.2.2, RFC 4320 §4.
//!
//! ```text
//!                    a request came
//!                          |
//!                    +-----v-----+
//!                    |  Trying   |  request again: nothing
//!                    +--+-----+--+
//!  no final of ours     |     |
//!  when the client's E  |     |  final of ours: send
//!  reaches T2: send 100 |     +--------------+
//!            +----------v--+                 |
//!            | Proceeding  |                 |
//!            | again: send |                 |
//!            +----------+--+                 |
//!                       | final of ours: send|
//!                    +--v--------------------v--+
//!                    |        Completed         |  request again: send the final again
//!                    +-----------+--------------+
//!                             J  |
//!                    +-----------v--------------+
//!                    |        Terminated        |
//!                    +--------------------------+
//! ```
//!
//! The only 1xx that may answer here is a 100, and over UDP not before the client's Timer E has reached T2;
//! it *must* leave then (RFC 4320 §4.1). So the machine sends it, and there is no event by which the call
//! could. A transport error is told and changes nothing (RFC 6026 §8.8 on §17.2.4).

use std::fmt;

use super::{Actions, Timers, Transport};
use crate::base::clock::Instant;

/// One CANCEL, BYE, OPTIONS or other request that came to us.
#[derive(PartialEq, Eq)]
pub struct ServerOther {
    state: State,
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The request came again.
    Request,
    /// The call answers with a final response.
    Final,
    /// A response could not be sent.
    TransportError,
    /// [`ServerOther::deadline`] may have passed.
    TimePassed,
    /// The owner stops waiting.
    Abandon,
}

impl Event {
    /// The event that a response of ours is by its status. `None` for what must not be sent: no 1xx (the
    /// machine sends the 100 itself), and never a 408 (RFC 4320 §4.2).
    #[must_use]
    pub const fn of(status: u16) -> Option<Self> {
        match status {
            200..=407 | 409..=699 => Some(Self::Final),
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
    /// A response did not get out.
    TransportFailed,
}

/// Each state holds its own deadlines, so leaving it stops them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing sent yet.
    Trying { trying_at: Instant },
    /// The 100 has been sent.
    Proceeding,
    /// A final has been sent. Timer J.
    Completed { done_at: Instant },
    /// Over.
    Terminated,
}

impl ServerOther {
    /// A request that matches no transaction has come.
    #[must_use]
    pub fn start(now: Instant, timers: &Timers) -> Self {
        Self { state: State::Trying { trying_at: now + timers.e_reaches_t2() } }
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
            (State::Trying { .. } | State::Proceeding, Event::Final) => {
                out.push(Action::Send);
                let wait = timers.j(transport);
                if wait.is_zero() {
                    terminate(out)
                } else {
                    State::Completed { done_at: now + wait }
                }
            }
            (State::Trying { trying_at }, Event::TimePassed) => {
                if now >= trying_at {
                    out.push(Action::SendTrying);
                    State::Proceeding
                } else {
                    state
                }
            }
            (State::Proceeding | State::Completed { .. }, Event::Request) => {
                out.push(Action::Send);
                state
            }
            (State::Completed { done_at }, Event::TimePassed) => {
                if now >= done_at {
                    terminate(out)
                } else {
                    state
                }
            }
            (
                State::Trying { .. } | State::Proceeding | State::Completed { .. },
                Event::TransportError,
            ) => {
                out.push(Action::Tell(News::TransportFailed));
                state
            }
            (
                State::Trying { .. } | State::Proceeding | State::Completed { .. },
                Event::Abandon,
            ) => terminate(out),
            (State::Trying { .. }, Event::Request)
            | (State::Proceeding, Event::TimePassed)
            | (State::Completed { .. }, Event::Final)
            | (
                State::Terminated,
                Event::Request
                | Event::Final
                | Event::TransportError
                | Event::TimePassed
                | Event::Abandon,
            ) => state,
        };
    }

    /// When to come back with [`Event::TimePassed`]; `None` while only the call can move it.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Trying { trying_at } => Some(trying_at),
            State::Completed { done_at } => Some(done_at),
            State::Proceeding | State::Terminated => None,
        }
    }
}

impl fmt::Debug for ServerOther {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state.fmt(f)
    }
}

fn terminate(out: &mut Actions<Action>) -> State {
    out.push(Action::Terminated);
    State::Terminated
}
