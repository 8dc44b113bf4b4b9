//! What comes to an attempt after its outcome was known.
//!
//! We may have given up, but somebody's phone may not: a late provisional is cancelled, a late answer is hung up, a
//! late refusal is acknowledged. Each amends the record once.

use super::Late;
use super::attempt::{Attempt, patience};
use super::context::Context;
use super::said;
use crate::call::CancelCause;
use crate::call::facts::End;
use crate::sip::message::{Key, Message};

impl Attempt {
    /// A response to an INVITE that was given up, or to one that was challenged before.
    pub(super) fn late_response(
        &mut self,
        message: &Message,
        key: &Key<'_>,
        (status, n): (u16, u8),
        cx: &mut Context<'_>,
    ) -> Option<Late> {
        if let Some(leg) = self.leg(n) {
            cx.target = cx.line.target(leg.target);
        }
        match status {
            100..=199 if n == self.invite_n && self.leg(n).is_none() => {
                self.late_provisional(message, key, status, cx)
            }
            100..=199 => {
                self.cancel_leg(n, cx);
                None
            }
            200..=299 => {
                let (open, heard) = (self.facts.end == End::Open, self.call.is_heard());
                let late = self.answer(message, key, status, cx);
                if n != self.invite_n && open {
                    self.give_up_invite(heard, cx);
                }
                late
            }
            300..=699 => {
                let uri = said::request_uri(self.wire.to, cx.line);
                said::acknowledge_again(message, &uri, cx);
                let first = n == self.invite_n && self.is_given_up();
                if first {
                    self.facts.end = End::Refused;
                }
                first.then_some(Late { status, alerted: false })
            }
            _ => None,
        }
    }

    /// The INVITE arrived after all: the phone must not ring on, and RFC 3261 §9.1 allows the CANCEL now.
    fn late_provisional(
        &mut self,
        message: &Message,
        key: &Key<'_>,
        status: u16,
        cx: &mut Context<'_>,
    ) -> Option<Late> {
        if !self.is_given_up() {
            return None;
        }
        let known = self.facts.alert.is_some();
        self.note_provisional(message, key, status, cx);
        let alerted = !known && self.facts.alert.is_some();
        let first = self.facts.cancel.is_none();
        if first {
            self.send_cancel(CancelCause::NoAlert, cx);
            self.linger_until = cx.now + patience(cx);
        }
        (first || alerted).then_some(Late { status, alerted })
    }

    /// Whether the attempt was reported without any final.
    const fn is_given_up(&self) -> bool {
        self.reported && matches!(self.facts.end, End::Silence | End::Unreachable | End::NoFinal)
    }
}
