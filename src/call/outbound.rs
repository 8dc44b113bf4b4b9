//! The flash call: ring, then take it back. RFC 3261 §9.1 in telephone words.
//!
//! ```text
//!            provisional         alert              hold over
//! Inviting ──────────────► Trying ─────► Ringing ──────────────► Cancelling ──► Ended
//!    │  ▲                    │ │            │                        │ │    final, or
//!    │  └──── retried ───────┘ │ guard      │ 2xx                2xx │ │    64*T1 over
//!    │        (challenge)      └────────────┼──────► Cancelling      │
//!    │ guard or asked: doomed,              ▼                        ▼
//!    └ cancel at the first provisional   HangingUp ◄─────────────────┘
//! ```
//!
//! CANCEL waits for a provisional response (§9.1: "If no provisional response has been received, the CANCEL
//! request MUST NOT be sent"), goes out once, and never after a final. A call that was answered all the same is
//! acknowledged and hung up. If nothing final arrives within 64*T1 of the CANCEL, the call ends on its own side
//! (§9.1). Acknowledging, retransmitting and forks belong to the user agent.

use super::{AlertSource, CancelCause, Pace};
use crate::base::clock::Instant;
use std::time::Duration;

/// What may happen to a flash call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A provisional response, and whether it is an alert by the call's trigger.
    Provisional(Option<AlertSource>),
    /// The first 2xx.
    Answered,
    /// A final response of 300 or more.
    Refused,
    /// The INVITE was sent again as a new transaction, after a challenge or to another target.
    Retried,
    /// No response at all (timer B), or the transport said that it cannot be delivered.
    Lost,
    /// Somebody wants the call to end.
    Asked,
    /// Every answer was acknowledged and its BYE is done, or given up.
    HungUp,
    /// A deadline may be due.
    TimePassed,
}

/// What the user agent must do now. At most one thing an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    None,
    /// Send the CANCEL, the only one.
    Cancel(CancelCause),
    /// Nothing more than for every answer: it is acknowledged and hung up as it comes, this first one too.
    HangUp,
    /// No final came within 64*T1 of the CANCEL: destroy the INVITE transaction; the call is over.
    GiveUp,
    /// The call is over.
    End,
}

/// The machine of one flash call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outbound {
    state: State,
}

/// Each state holds its own deadlines, so leaving it stops them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was heard of this INVITE. `doomed` waits for the first provisional to be cancelled.
    Inviting { guard_at: Instant, doomed: Option<CancelCause> },
    /// The network has the call; the phone was not alerted.
    Trying { guard_at: Instant },
    /// The phone is being alerted.
    Ringing { cancel_at: Instant },
    /// Our CANCEL is out.
    Cancelling { give_up_at: Instant },
    /// Answered: ACK and BYE are under way.
    HangingUp,
    /// Over.
    Ended,
}

impl Outbound {
    /// A call whose INVITE leaves `now`.
    #[must_use]
    pub fn start(now: Instant, pace: &Pace) -> Self {
        Self { state: State::Inviting { guard_at: now + pace.no_alert, doomed: None } }
    }

    /// Takes one event. `patience` is 64*T1, the time that §9.1 gives a cancelled INVITE.
    pub fn step(&mut self, event: Event, now: Instant, pace: &Pace, patience: Duration) -> Action {
        let (state, action) = self.next(event, now, pace, patience);
        self.state = state;
        action
    }

    #[expect(clippy::too_many_lines, reason = "one exhaustive table: state × event")]
    fn next(&self, event: Event, now: Instant, pace: &Pace, patience: Duration) -> (State, Action) {
        let stay = (self.state, Action::None);
        let cancel =
            |cause| (State::Cancelling { give_up_at: now + patience }, Action::Cancel(cause));
        let end = (State::Ended, Action::End);
        match (self.state, event) {
            (State::Inviting { doomed: Some(cause), .. }, Event::Provisional(alert)) => {
                cancel(if alert.is_some() { CancelCause::Alerted } else { cause })
            }
            (
                State::Inviting { doomed: None, .. } | State::Trying { .. },
                Event::Provisional(Some(_)),
            ) => {
                if pace.hold.is_zero() {
                    cancel(CancelCause::Alerted)
                } else {
                    (State::Ringing { cancel_at: now + pace.hold }, Action::None)
                }
            }
            (State::Inviting { guard_at, doomed: None }, Event::Provisional(None)) => {
                (State::Trying { guard_at }, Action::None)
            }
            (State::Inviting { guard_at, doomed: None }, Event::TimePassed) if guard_at <= now => {
                let doomed = Some(CancelCause::NoAlert);
                (State::Inviting { guard_at: Instant::NEVER, doomed }, Action::None)
            }
            (State::Inviting { doomed: None, .. }, Event::Asked) => {
                let doomed = Some(CancelCause::Asked);
                (State::Inviting { guard_at: Instant::NEVER, doomed }, Action::None)
            }
            (State::Trying { guard_at }, Event::TimePassed) if guard_at <= now => {
                cancel(CancelCause::NoAlert)
            }
            (State::Trying { guard_at }, Event::Retried) => {
                (State::Inviting { guard_at, doomed: None }, Action::None)
            }
            (State::Ringing { cancel_at }, Event::TimePassed) if cancel_at <= now => {
                cancel(CancelCause::Alerted)
            }
            (State::Trying { .. } | State::Ringing { .. }, Event::Asked) => {
                cancel(CancelCause::Asked)
            }
            (State::Cancelling { give_up_at }, Event::TimePassed) if give_up_at <= now => {
                (State::Ended, Action::GiveUp)
            }
            (
                State::Inviting { .. }
                | State::Trying { .. }
                | State::Ringing { .. }
                | State::Cancelling { .. },
                Event::Answered,
            ) => (State::HangingUp, Action::HangUp),
            (
                State::Inviting { .. }
                | State::Trying { .. }
                | State::Ringing { .. }
                | State::Cancelling { .. },
                Event::Refused | Event::Lost,
            )
            | (State::HangingUp, Event::HungUp) => end,
            (State::Inviting { .. }, Event::TimePassed | Event::Asked | Event::Retried)
            | (State::Trying { .. }, Event::Provisional(None) | Event::TimePassed)
            | (State::Ringing { .. }, Event::Provisional(_) | Event::TimePassed | Event::Retried)
            | (
                State::Cancelling { .. },
                Event::Provisional(_) | Event::Retried | Event::Asked | Event::TimePassed,
            )
            | (
                State::Inviting { .. }
                | State::Trying { .. }
                | State::Ringing { .. }
                | State::Cancelling { .. },
                Event::HungUp,
            )
            | (
                State::HangingUp,
                Event::Provisional(_)
                | Event::Answered
                | Event::Refused
                | Event::Retried
                | Event::Lost
                | Event::Asked
                | Event::TimePassed,
            )
            | (State::Ended, _) => stay,
        }
    }

    /// When to come back with [`Event::TimePassed`].
    #[must_use]
    pub const fn deadline(&self) -> Instant {
        match self.state {
            State::Inviting { guard_at, .. } | State::Trying { guard_at } => guard_at,
            State::Ringing { cancel_at } => cancel_at,
            State::Cancelling { give_up_at } => give_up_at,
            State::HangingUp | State::Ended => Instant::NEVER,
        }
    }

    /// Whether the INVITE may be sent again: nobody wants the call to end, no phone was alerted, and no CANCEL
    /// is out. So a challenge that crosses a wish to cancel is the end of the call (RFC 3261 §9.1, §22.2).
    #[must_use]
    pub const fn may_retry(&self) -> bool {
        matches!(self.state, State::Inviting { doomed: None, .. } | State::Trying { .. })
    }

    /// Whether the INVITE on the wire had a provisional response, and no final: it can be cancelled (§9.1).
    #[must_use]
    pub const fn is_heard(&self) -> bool {
        matches!(
            self.state,
            State::Trying { .. } | State::Ringing { .. } | State::Cancelling { .. }
        )
    }

    /// Whether somebody wants the call to end, and nothing came yet that could be cancelled.
    #[must_use]
    pub const fn is_unwanted(&self) -> bool {
        matches!(self.state, State::Inviting { doomed: Some(CancelCause::Asked), .. })
    }

    /// Whether the call is over.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}

#[cfg(test)]
mod tests;
