//! What comes for an INVITE: CANCEL, ACK, and BYE and PRACK in its dialogs. Each is judged, then obeyed.

use std::time::Duration;

use super::Invite;
use crate::base::clock::Instant;
use crate::carrier::answer;
use crate::carrier::behaviour::OnCancel;
use crate::carrier::dialog::Dialog;
use crate::carrier::judge::{self, Peer, Request};
use crate::carrier::rule::Rule;
use crate::carrier::turn::{Head, Turn};
use crate::sip::txn::server_invite::Event;

/// How long a refused CANCEL waits for the 487 all the same.
const REFUSED_CANCEL: Duration = Duration::from_secs(2);

impl Invite {
    /// Judges a CANCEL that is meant for it, matching or not. `copy`: this very CANCEL came before.
    pub(in crate::carrier) fn judge_cancel(
        &mut self,
        cancel: Request<'_>,
        head: &mut Head,
        turn: &mut Turn<'_>,
    ) {
        let Ok(key) = self.request.key() else { return };
        let request = Request { message: &self.request, key };
        for (rule, saw) in judge::cancel(request, cancel) {
            head.offend(rule, saw, turn);
        }
        if self.heard_at.is_none() {
            let saw = "a CANCEL when no provisional response had been sent".into();
            head.offend(Rule::CancelEarly, saw, turn);
        }
        if self.is_acknowledged() && !self.seen.lost_cancel && !turn.config.lossy_wire {
            let saw = "a CANCEL after the ACK of the final response".into();
            head.offend(Rule::CancelAfterFinal, saw, turn);
        }
        if self.seen.cancels > 0 {
            head.offend(Rule::CancelTwice, "a second CANCEL transaction".into(), turn);
        }
        self.seen.cancels += 1;
    }

    /// What a CANCEL that matches does to it: the status that the CANCEL is answered with, if any. What the
    /// INVITE gets is sent by [`Invite::carry_out`], before or after.
    pub(in crate::carrier) fn on_cancel(&self) -> OnCancel {
        if self.is_open() { self.script.on_cancel } else { OnCancel::KeepsSilent }
    }

    /// The INVITE's part of being cancelled.
    pub(in crate::carrier) fn carry_out(
        &mut self,
        how: OnCancel,
        head: &mut Head,
        turn: &mut Turn<'_>,
    ) {
        if !self.is_open() {
            return;
        }
        if how != OnCancel::Rejects {
            self.seen.cancelled = true;
        }
        self.step_at = Instant::NEVER;
        match how {
            OnCancel::Ends | OnCancel::EndsFirst => self.finish(487, head, turn),
            OnCancel::Answers => self.answer(0, head, turn),
            OnCancel::Rejects => self.end_at = turn.now + REFUSED_CANCEL,
            OnCancel::KeepsSilent | OnCancel::Ignores => {}
        }
    }

    /// An ACK on its branch, or one that belongs here by everything else.
    pub(in crate::carrier) fn ack(
        &mut self,
        ack: Request<'_>,
        head: &mut Head,
        turn: &mut Turn<'_>,
    ) {
        let Ok(key) = self.request.key() else { return };
        let request = Request { message: &self.request, key };
        let on_branch = key.branch == ack.key.branch && key.sent_by == ack.key.sent_by;
        let found = match self.last_status {
            300.. if self.refused => {
                let tag = self.dialogs.first().map_or("", |dialog| dialog.tag.as_str());
                let mut found = judge::ack_of_failure(request, ack, tag.as_bytes());
                if !on_branch {
                    let saw = "an ACK that is not on the INVITE's branch".into();
                    found.push((Rule::AckBranch, saw));
                }
                found
            }
            200..300 => self.judge_ack_of_answer(request, ack, turn),
            _ => vec![(Rule::AckUnasked, "an ACK when no final response had been sent".into())],
        };
        for (rule, saw) in found {
            head.offend(rule, saw, turn);
        }
        if self.last_status < 200 {
            return;
        }
        self.acks = self.acks.saturating_add(1);
        if let Some(tag) = ack.key.to_tag
            && let Some(dialog) = self.dialog(tag)
        {
            dialog.acknowledged(turn);
        }
        if on_branch && self.last_status >= 300 {
            self.step(Event::Ack, head, turn);
            self.repeats.arm(self.acks, turn);
        } else if !on_branch && self.last_status >= 300 {
            // It will never be matched; one offence is enough.
            self.seen.lost_ack = true;
        }
    }

    fn judge_ack_of_answer(
        &self,
        invite: Request<'_>,
        ack: Request<'_>,
        turn: &Turn<'_>,
    ) -> judge::Found {
        let tag = ack.key.to_tag.unwrap_or_default();
        let answered = self.dialogs.iter().filter(|dialog| dialog.answer.is_some());
        let dialog = answered.clone().find(|dialog| dialog.tag.as_bytes() == tag);
        let Some(dialog) = dialog.or_else(|| answered.clone().next()) else {
            return judge::Found::new();
        };
        let routes = self.routes(turn);
        let contact = answer::contact(turn.config);
        judge::ack_of_answer(invite, ack, &peer(dialog, &contact, routes.as_deref()))
    }

    /// A BYE with this dialog's tags; the status it is answered with.
    pub(in crate::carrier) fn bye(
        &mut self,
        bye: Request<'_>,
        head: &mut Head,
        turn: &mut Turn<'_>,
    ) -> u16 {
        let routes = self.routes(turn);
        let contact = answer::contact(turn.config);
        let Ok(key) = self.request.key() else { return 481 };
        let request = Request { message: &self.request, key };
        let tag = bye.key.to_tag.unwrap_or_default();
        let Some(dialog) = self.dialogs.iter_mut().find(|known| known.tag.as_bytes() == tag) else {
            return 481;
        };
        for (rule, saw) in judge::bye(request, bye, &peer(dialog, &contact, routes.as_deref())) {
            head.offend(rule, saw, turn);
        }
        if dialog.ended {
            return 481;
        }
        dialog.ended = true;
        if bye.key.cseq <= dialog.cseq {
            let saw = format!("BYE with CSeq {} after {}", bye.key.cseq, dialog.cseq);
            head.offend(Rule::ByeCseq, saw, turn);
            return 500;
        }
        dialog.cseq = bye.key.cseq;
        if self.is_open() {
            // RFC 3261 §15.1.2: what is still pending gets a 487.
            self.seen.cancelled = true;
            if self.script.on_cancel != OnCancel::KeepsSilent {
                self.finish(487, head, turn);
            }
        }
        200
    }

    /// A PRACK with this dialog's tags; the status it is answered with.
    pub(in crate::carrier) fn prack(
        &mut self,
        prack: Request<'_>,
        head: &mut Head,
        turn: &mut Turn<'_>,
    ) -> u16 {
        let invite_cseq = self.cseq();
        let tag = prack.key.to_tag.unwrap_or_default();
        let Some(dialog) = self.dialog(tag) else { return 481 };
        if prack.key.cseq <= dialog.cseq {
            let saw = format!("PRACK with CSeq {} after {}", prack.key.cseq, dialog.cseq);
            head.offend(Rule::PrackCseq, saw, turn);
        }
        dialog.cseq = dialog.cseq.max(prack.key.cseq);
        if let Some(saw) = judge::rack(prack.message, dialog.rseq, invite_cseq) {
            head.offend(Rule::PrackRack, saw, turn);
            return 481;
        }
        // RFC 3262 §3: one that acknowledges nothing which still waits is refused, without blame: the copy
        // that it answers may have crossed with the PRACK before.
        if dialog.reliable.take().is_some() { 200 } else { 481 }
    }
}

fn peer<'a>(dialog: &'a Dialog, contact: &'a str, route: Option<&'a [String]>) -> Peer<'a> {
    Peer { tag: dialog.tag.as_bytes(), contact: contact.as_bytes(), route }
}
