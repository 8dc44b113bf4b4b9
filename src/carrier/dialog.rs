//! One to-tag of an INVITE: an early dialog with its reliable provisional response (RFC 3262 §3), and after
//! a 2xx the answer that is repeated until its ACK comes (RFC 3261 §13.3.1.4).

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::rule::Rule;
use super::turn::{Head, Turn};
use crate::base::clock::Instant;

/// One branch of a forked call, or the only one.
pub(super) struct Dialog {
    pub(super) tag: String,
    /// The highest CSeq number that the caller used in it.
    pub(super) cseq: u32,
    pub(super) reliable: Option<Reliable>,
    /// RSeq of the last reliable response.
    pub(super) rseq: u32,
    pub(super) answer: Option<Answer>,
    /// A BYE came.
    pub(super) ended: bool,
    pub(super) lost: Lost,
}

/// Requests that would have settled it, and were thrown away on purpose.
#[derive(Default)]
pub(super) struct Lost {
    pub(super) ack: bool,
    pub(super) bye: bool,
    pub(super) prack: bool,
}

/// A response that is sent until it is acknowledged.
pub(super) struct Repeated {
    pub(super) bytes: Bytes,
    pub(super) at: Instant,
    pub(super) interval: Duration,
    pub(super) give_up_at: Instant,
    /// Some copy of it was not thrown away.
    pub(super) left: bool,
}

/// A provisional response that wants a PRACK.
pub(super) struct Reliable {
    pub(super) repeated: Repeated,
    /// Whether the caller offered 100rel, and so owes a PRACK.
    pub(super) offered: bool,
}

/// A 2xx.
pub(super) struct Answer {
    /// `None` once it was acknowledged, or nobody believes in it any more.
    pub(super) repeated: Option<Repeated>,
    pub(super) acked: bool,
    /// When a missing BYE is an offence; set by the ACK.
    pub(super) bye_due: Instant,
}

impl Repeated {
    /// Sends the first copy.
    pub(super) fn start(bytes: Bytes, to: SocketAddr, head: &Head, turn: &mut Turn<'_>) -> Self {
        let left = head.send(to, &bytes, turn);
        let t1 = turn.config.timers.t1;
        let give_up_at = turn.now + t1 * 64;
        Self { bytes, at: turn.now + t1, interval: t1, give_up_at, left }
    }

    /// Sends another copy if it is time; `false` once it is time to give up.
    fn time_passed(
        &mut self,
        longest: Duration,
        to: SocketAddr,
        head: &Head,
        turn: &mut Turn<'_>,
    ) -> bool {
        if turn.now >= self.give_up_at {
            return false;
        }
        if turn.now >= self.at {
            self.left |= head.send(to, &self.bytes, turn);
            self.interval = (self.interval * 2).min(longest);
            self.at = turn.now + self.interval;
        }
        true
    }

    fn deadline(&self) -> Instant {
        self.at.min(self.give_up_at)
    }
}

impl Dialog {
    pub(super) fn new(turn: &mut Turn<'_>, cseq: u32) -> Self {
        Self {
            tag: format!("{:016x}", turn.rng.wire()),
            cseq,
            reliable: None,
            rseq: 0,
            answer: None,
            ended: false,
            lost: Lost::default(),
        }
    }

    /// The ACK of its 2xx came.
    pub(super) fn acknowledged(&mut self, turn: &Turn<'_>) {
        if let Some(answer) = &mut self.answer
            && !answer.acked
        {
            answer.acked = true;
            answer.repeated = None;
            answer.bye_due = turn.now + turn.config.timers.t1 * 64;
        }
    }

    /// Whether a reliable response was given up on.
    pub(super) fn time_passed(
        &mut self,
        to: SocketAddr,
        head: &mut Head,
        turn: &mut Turn<'_>,
    ) -> bool {
        let mut given_up = false;
        if let Some(reliable) = &mut self.reliable
            // RFC 3262 §3 doubles without a cap.
            && !reliable.repeated.time_passed(Duration::MAX, to, head, turn)
        {
            given_up = true;
            let owed = reliable.offered && reliable.repeated.left && !self.lost.prack;
            self.reliable = None;
            if owed {
                let saw = "a reliable 180 without PRACK for 64*T1".into();
                head.offend(Rule::PrackMissing, saw, turn);
            }
        }
        let Some(answer) = &mut self.answer else { return given_up };
        let longest = turn.config.timers.e_max();
        if let Some(repeated) = &mut answer.repeated
            && !repeated.time_passed(longest, to, head, turn)
        {
            let owed = repeated.left && !self.lost.ack;
            answer.repeated = None;
            if owed {
                let saw = "a 2xx without ACK for 64*T1".into();
                head.offend(Rule::AnswerNotAcked, saw, turn);
            }
        }
        if turn.now >= answer.bye_due {
            answer.bye_due = Instant::NEVER;
            if !self.ended && !self.lost.bye {
                let saw = "an answered call without BYE for 64*T1 after its ACK".into();
                head.offend(Rule::AnswerNotEnded, saw, turn);
            }
        }
        given_up
    }

    pub(super) fn deadline(&self) -> Instant {
        let reliable = self.reliable.as_ref().map(|reliable| reliable.repeated.deadline());
        let answer = self.answer.as_ref().map(|answer| {
            let bye_due = if self.ended { Instant::NEVER } else { answer.bye_due };
            let repeated = answer.repeated.as_ref().map_or(Instant::NEVER, Repeated::deadline);
            bye_due.min(repeated)
        });
        reliable.unwrap_or(Instant::NEVER).min(answer.unwrap_or(Instant::NEVER))
    }

    /// Nothing is to be expected of it.
    pub(super) fn is_over(&self) -> bool {
        self.deadline() == Instant::NEVER
    }
}
