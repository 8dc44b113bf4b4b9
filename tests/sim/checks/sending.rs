//! What the engine may send, and what it has to, in answer to what it was given.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use onering::base::clock::Instant;

use super::call::Intent;
use super::sent::{Growth, Sent};
use super::{Cause, Checks, Due};
use crate::glance::Glance;

/// A datagram that left the engine.
pub(crate) struct Left {
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Bytes,
}

const TIMER_E: Growth = Growth::UpTo(Duration::from_secs(4));

impl Checks {
    /// Everything that the engine has sent because of `cause`.
    pub(crate) fn sent(&mut self, now: Instant, left: &[Left], cause: &Cause<'_>) {
        for datagram in left {
            let glance = Glance::of(&datagram.bytes);
            if glance.status > 0 {
                if !matches!(cause, Cause::Request) {
                    self.broken.push(format!("a response to no request: {}", glance.start));
                }
                continue;
            }
            let Some(index) = self.find(glance.call_id) else {
                self.broken.push(format!("{} of no call", glance.start));
                continue;
            };
            let wrong = match glance.method {
                "INVITE" => self.invite(index, now, &glance, &datagram.bytes),
                "CANCEL" => self.cancel(index, now, &glance, &datagram.bytes),
                "ACK" => self.ack(index, &glance, cause),
                "BYE" => self.bye(index, now, &glance, &datagram.bytes),
                "PRACK" => self.prack(index, now, (&glance, cause), &datagram.bytes),
                _ => Some("a method that no flash call has".to_owned()),
            };
            if let Some(wrong) = wrong {
                self.fail(index, &format!("{}: {wrong}", glance.method));
            }
        }
        match cause {
            Cause::Response(glance) if glance.cseq_method == "INVITE" => {
                self.owed(now, glance, left);
            }
            Cause::Nothing if !left.is_empty() => {
                self.broken.push("an answer to what should have had no effect".to_owned());
            }
            Cause::Response(_)
            | Cause::Request
            | Cause::Nothing
            | Cause::Time
            | Cause::Command
            | Cause::Verdict
            | Cause::Undeliverable(_) => {}
        }
        let about = match cause {
            Cause::Response(glance) => self.find(glance.call_id),
            Cause::Undeliverable(glance) => self.by_branch.get(glance.branch).copied(),
            Cause::Request | Cause::Nothing | Cause::Time | Cause::Command | Cause::Verdict => None,
        };
        if let Some(index) = about {
            self.calls[index].settle(|_| false, now);
            self.dues.insert((now, index, Due::End));
        }
    }

    fn invite(
        &mut self,
        index: usize,
        now: Instant,
        glance: &Glance<'_>,
        bytes: &Bytes,
    ) -> Option<String> {
        let call = &mut self.calls[index];
        let mut wrong = None;
        if let Some(invite) = &mut call.invite {
            call.again += 1;
            wrong = invite.again(glance.branch, bytes, now);
        } else {
            if call.intent != Intent::Kept {
                wrong = Some("sent before its intent was kept".to_owned());
            } else if call.asked {
                wrong = Some("sent although the end was asked for".to_owned());
            } else if call.not_after < now {
                wrong = Some("sent later than anybody waits".to_owned());
            }
            call.invite = Some(Sent::new(glance.branch, bytes, now, call.t1, Growth::Doubles));
            self.dues.insert((now + call.pace.no_alert, index, Due::Guard));
            self.by_branch.insert(glance.branch.to_owned(), index);
        }
        let invite = call.invite.as_ref()?;
        self.dues.insert((invite.due().min(invite.given_up_at()), index, Due::InviteAgain));
        if call.heard.is_empty() {
            self.dues.insert((invite.given_up_at(), index, Due::End));
        }
        wrong
    }

    fn cancel(
        &mut self,
        index: usize,
        now: Instant,
        glance: &Glance<'_>,
        bytes: &Bytes,
    ) -> Option<String> {
        let late = self.calls[index].over.is_some() && self.saying.is_some_and(|said| said < 200);
        let call = &mut self.calls[index];
        let mut wrong = None;
        if let Some(cancel) = &mut call.cancel {
            call.again += u32::from(call.over.is_none());
            wrong = cancel.again(glance.branch, bytes, now);
        } else {
            if call.invite.as_ref().is_none_or(|invite| invite.branch != glance.branch) {
                wrong = Some("not on the branch of the INVITE".to_owned());
            } else if call.heard.is_empty() && !late {
                wrong = Some("sent before any provisional response".to_owned());
            } else if call.final_.is_some() {
                wrong = Some("sent after a final response".to_owned());
            } else if !late && call.wish(now).is_none() {
                wrong = Some("sent too early".to_owned());
            }
            call.cancel = Some(Sent::new(glance.branch, bytes, now, call.t1, TIMER_E));
        }
        let cancel = call.cancel.as_ref()?;
        self.dues.insert((cancel.due(), index, Due::CancelAgain));
        self.dues.insert((cancel.given_up_at(), index, Due::End));
        wrong
    }

    /// An ACK answers a final, at once; that there is one for each is seen in [`Checks::owed`].
    fn ack(&mut self, index: usize, glance: &Glance<'_>, cause: &Cause<'_>) -> Option<String> {
        let Cause::Response(response) = cause else {
            return Some("sent out of the blue".to_owned());
        };
        let same = response.call_id == glance.call_id
            && response.to_tag == glance.to_tag
            && response.cseq == glance.cseq;
        if !same || !response.is_response_to("INVITE") || response.status < 200 {
            return Some(format!("sent for {} {}", response.start, response.cseq_method));
        }
        let on_branch = response.branch == glance.branch;
        if on_branch != (response.status >= 300) {
            return Some(format!("a {} acknowledged on the wrong branch", response.status));
        }
        if let Some(fork) = self.calls[index].forks.get_mut(glance.to_tag) {
            fork.acks += u32::from(response.status < 300);
        }
        None
    }

    fn bye(
        &mut self,
        index: usize,
        now: Instant,
        glance: &Glance<'_>,
        bytes: &Bytes,
    ) -> Option<String> {
        let call = &mut self.calls[index];
        let first = call.forks.values().map(|fork| fork.since).min().unwrap_or(now);
        let Some(fork) = call.forks.get_mut(glance.to_tag) else {
            return Some("sent to somebody who has not answered".to_owned());
        };
        let mut wrong = None;
        // 64*T1 after the first answer no copy should come any more (§13.2.2.4), and nothing remembers it.
        let forgotten = now >= first + call.t1 * 64;
        if let Some(bye) = fork.bye.as_mut().filter(|bye| !forgotten || bye.branch == glance.branch)
        {
            call.again += u32::from(call.over.is_none());
            wrong = bye.again(glance.branch, bytes, now);
        } else {
            let bye = Sent::new(glance.branch, bytes, now, call.t1, TIMER_E);
            self.dues.insert((bye.given_up_at(), index, Due::End));
            fork.bye = Some(bye);
        }
        let due = fork.bye.as_ref()?.due();
        self.dues.insert((due, index, Due::ByeAgain));
        wrong
    }

    fn prack(
        &mut self,
        index: usize,
        now: Instant,
        (glance, cause): (&Glance<'_>, &Cause<'_>),
        bytes: &Bytes,
    ) -> Option<String> {
        let call = &mut self.calls[index];
        let answers = matches!(cause, Cause::Response(response) if !response.rseq.is_empty());
        match call.pracks.get_mut(glance.branch) {
            Some(_) if answers => {
                call.again += 1;
                None
            }
            Some(prack) => {
                call.again += u32::from(call.over.is_none());
                prack.again(glance.branch, bytes, now)
            }
            None => {
                let prack = Sent::new(glance.branch, bytes, now, call.t1, TIMER_E);
                call.pracks.insert(glance.branch.to_owned(), prack);
                let wrong = if !answers {
                    "sent for no reliable response"
                } else if call.cancel.is_some() {
                    "begun when the CANCEL was out"
                } else {
                    return None;
                };
                Some(wrong.to_owned())
            }
        }
    }

    /// Each copy of a final has its ACK in the same turn, and each answer its BYE; a late sign of life of a call that
    /// was given up has its CANCEL.
    fn owed(&mut self, now: Instant, response: &Glance<'_>, left: &[Left]) {
        let Some(index) = self.find(response.call_id) else { return };
        let count = |method: &str| {
            left.iter().filter(|left| Glance::of(&left.bytes).method == method).count()
        };
        let wrong = if response.status >= 200 {
            let answered = self.calls[index].forks.get(response.to_tag);
            let no_bye = response.status < 300 && answered.is_none_or(|fork| fork.bye.is_none());
            if count("ACK") != 1 {
                Some("a final without exactly one ACK")
            } else if no_bye {
                Some("an answer without BYE")
            } else {
                None
            }
        } else {
            let call = &self.calls[index];
            let late = call.over.is_some() && call.is_watched(now);
            late.then_some("a late provisional of a call that was given up, without CANCEL")
        };
        if let Some(wrong) = wrong {
            self.fail(index, wrong);
        }
    }
}
