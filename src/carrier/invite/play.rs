//! What the far end does with an INVITE: the steps of its script, and how it ends.

use crate::base::clock::Instant;
use crate::carrier::answer::{self, Answer as Written};
use crate::carrier::behaviour::Act;
use crate::carrier::dialog::{Answer, Dialog, Reliable, Repeated};
use crate::carrier::rule::Rule;
use crate::carrier::turn::{Head, Turn};
use crate::sip::txn::server_invite::Event;
use crate::sip::txn::{Actions, Transport};

use super::{Invite, Repeats};

impl Invite {
    pub(super) fn play(&mut self, head: &mut Head, turn: &mut Turn<'_>) {
        while self.steps_left() && self.step_due() <= turn.now {
            let Some(step) = self.script.steps.get(usize::from(self.step)) else { return };
            self.step += 1;
            let next = self.script.steps.get(usize::from(self.step));
            let wait = next.map(|next| turn.now + next.wait(turn.config.late));
            self.step_at = wait.unwrap_or(Instant::NEVER);
            match step.act {
                Act::Provisional { status, fork } => {
                    self.provisional(status, fork, false, head, turn);
                }
                Act::EarlyMedia => self.provisional(183, 0, true, head, turn),
                Act::Reliable => self.reliable(head, turn),
                Act::Answer { fork } => self.answer(usize::from(fork), head, turn),
                Act::Refuse => self.finish(self.status, head, turn),
                Act::End => self.finish(487, head, turn),
            }
        }
    }

    fn provisional(
        &mut self,
        status: u16,
        fork: u8,
        sdp: bool,
        head: &mut Head,
        turn: &mut Turn<'_>,
    ) {
        let mut written = self.written(status, sdp);
        written.dialog = status > 100;
        let tag = if status > 100 { self.fork(usize::from(fork), turn) } else { String::new() };
        written.tag = &tag;
        self.last = written.write(&self.request, self.source, turn.config);
        self.last_status = status;
        self.step(Event::Provisional, head, turn);
    }

    fn reliable(&mut self, head: &mut Head, turn: &mut Turn<'_>) {
        let tag = self.fork(0, turn);
        let rseq = self.dialogs.first().map_or(0, |dialog| dialog.rseq) + 1;
        let written =
            Written { dialog: true, tag: &tag, rseq: Some(rseq), ..self.written(180, false) };
        self.last = written.write(&self.request, self.source, turn.config);
        self.last_status = 180;
        // The machine only keeps it for copies of the INVITE; the first copy leaves with the repetition.
        let repeated = Repeated::start(self.last.clone(), self.reply_to, head, turn);
        if repeated.left {
            self.heard(180, turn);
        }
        let offered = answer::offers_100rel(&self.request);
        if let Some(dialog) = self.dialogs.first_mut() {
            dialog.rseq = rseq;
            dialog.reliable = Some(Reliable { repeated, offered });
        }
    }

    pub(super) fn answer(&mut self, fork: usize, head: &mut Head, turn: &mut Turn<'_>) {
        let tag = self.fork(fork, turn);
        let written = Written { dialog: true, tag: &tag, ..self.written(200, true) };
        let bytes = written.write(&self.request, self.source, turn.config);
        self.last = bytes.clone();
        self.last_status = 200;
        let repeated = Repeated::start(bytes, self.reply_to, head, turn);
        let mut actions = Actions::new();
        let timers = &turn.config.timers;
        // Its own copy left just now, with the repetition.
        self.machine.step(Event::Success, turn.now, timers, Transport::Unreliable, &mut actions);
        if let Some(dialog) = self.dialogs.get_mut(fork) {
            dialog.reliable = None;
            let repeated = Some(repeated);
            dialog.answer = Some(Answer { repeated, acked: false, bye_due: Instant::NEVER });
        }
    }

    pub(super) fn finish(&mut self, status: u16, head: &mut Head, turn: &mut Turn<'_>) {
        if !self.is_open() {
            return;
        }
        let tag = self.fork(0, turn);
        let written = Written { tag: &tag, ..self.written(status, false) };
        self.last = written.write(&self.request, self.source, turn.config);
        self.last_status = status;
        for dialog in &mut self.dialogs {
            dialog.reliable = None;
        }
        self.step(Event::Failure, head, turn);
    }

    /// Nobody cancels, nobody takes the phone: the far end's own limit.
    pub(super) fn give_up(&mut self, head: &mut Head, turn: &mut Turn<'_>) {
        let limit = turn.config.ring_limit;
        match self.heard_at.map(|at| at + limit).filter(|_| !self.seen.cancelled) {
            // Counted from what the caller could hear.
            Some(at) if at > turn.now => self.limit_at = at,
            Some(_) => {
                if !self.seen.lost_cancel {
                    let rang = turn.now.since(self.came_at).as_secs();
                    let saw = format!("an INVITE open for {rang} s without CANCEL");
                    head.offend(Rule::LeftRinging, saw, turn);
                }
                self.finish(480, head, turn);
            }
            // Cancelled and without a final on purpose, or never heard of: forgotten without a word.
            None => self.step(Event::Abandon, head, turn),
        }
    }

    pub(super) fn repeat(&mut self, head: &mut Head, turn: &mut Turn<'_>) {
        if self.repeats.at.is_none_or(|at| at > turn.now) {
            return;
        }
        let t1 = turn.config.timers.t1;
        if self.repeats.left > 0 {
            self.repeats.left -= 1;
            self.repeats.sent += u8::from(head.send(self.reply_to, &self.last, turn));
            let wait = if self.repeats.left > 0 { t1 } else { t1 * 2 };
            self.repeats.at = Some(turn.now + wait);
            return;
        }
        self.repeats.at = None;
        let deaf = self.repeats.sent > 1 && self.acks == self.repeats.acks_before;
        if deaf && !self.seen.lost_ack && !turn.config.lossy_wire {
            let saw =
                format!("a final sent {} more times and acknowledged once", self.repeats.sent);
            head.offend(Rule::AckNotRepeated, saw, turn);
        }
    }

    fn written(&self, status: u16, sdp: bool) -> Written<'static> {
        Written { status, sdp, routed: self.script.routed, ..Written::default() }
    }

    /// The tag of a fork, which exists from here on.
    pub(super) fn fork(&mut self, place: usize, turn: &mut Turn<'_>) -> String {
        let cseq = self.cseq();
        while self.dialogs.len() <= place {
            self.dialogs.push(Dialog::new(turn, cseq));
        }
        self.dialogs.get(place).map(|dialog| dialog.tag.clone()).unwrap_or_default()
    }
}

impl Repeats {
    /// The first ACK came: now annoy the caller.
    pub(super) fn arm(&mut self, acks: u16, turn: &Turn<'_>) {
        if self.left > 0 && self.at.is_none() && acks == 1 {
            self.acks_before = acks;
            self.at = Some(turn.now + turn.config.timers.t1);
        }
    }
}
