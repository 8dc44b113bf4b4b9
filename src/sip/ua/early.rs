//! Reliable provisional responses: RFC 3262, the calling side.
//!
//! A reliable 18x is acknowledged by PRACK within its early dialog, in the order of RSeq: the first may have any
//! number, the next is one higher (§4). A repeated one means that our PRACK was lost, so it goes out again.

use super::attempt::UDP;
use super::context::{BranchText, Context};
use super::dialog::Dialog;
use crate::base::clock::Instant;
use crate::call::facts::Tag;
use crate::sip::message::write::decimal;
use crate::sip::message::{Key, Message, Name};
use crate::sip::txn::Actions;
use crate::sip::txn::client_other::{self, ClientOther};

/// The reliable responses of one early dialog.
pub(super) struct Early {
    tag: Tag,
    rseq: Option<u32>,
    sent: Option<Prack>,
}

struct Prack {
    dialog: Dialog,
    n: u8,
    bytes: Box<[u8]>,
    txn: ClientOther,
    done: bool,
}

/// What a reliable response asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is the next one: a new PRACK.
    Next,
    /// It is a copy of the last one: the same PRACK again.
    Repeated,
}

impl Early {
    /// RSeq and to-tag of a reliable provisional: 101 to 199 with a tag, `Require: 100rel` and RSeq (§3, §7.1).
    /// Without RSeq it is not reliable, whatever it requires; 199 never is for us (RFC 6228 §5).
    pub(super) fn reliable<'a>(
        message: &Message,
        key: &Key<'a>,
        status: u16,
    ) -> Option<(u32, &'a [u8])> {
        if !(101..=198).contains(&status) {
            return None;
        }
        let rseq = message.rseq().ok()??;
        let required = message
            .tokens(Name::Require)
            .flatten()
            .any(|option| option.eq_ignore_ascii_case(b"100rel"));
        required.then_some(rseq).zip(key.to_tag)
    }

    pub(super) fn new(tag: &[u8]) -> Self {
        Self { tag: Tag::from_slice(tag), rseq: None, sent: None }
    }

    pub(super) fn has_tag(&self, tag: &[u8]) -> bool {
        self.tag.as_slice() == tag
    }

    /// What to do about a response of this RSeq; nothing if it is out of order (§4: it is discarded).
    pub(super) fn turn(&self, rseq: u32) -> Option<Turn> {
        match self.rseq {
            None => Some(Turn::Next),
            Some(last) if last == rseq => Some(Turn::Repeated),
            Some(last) if last.checked_add(1) == Some(rseq) => Some(Turn::Next),
            Some(_) => None,
        }
    }

    /// Sends the PRACK of a response: `RAck: RSeq CSeq-number method` (§7.2).
    pub(super) fn acknowledge(
        &mut self,
        message: &Message,
        key: &Key<'_>,
        fallback: &[u8],
        (rseq, n, branch): (u32, u8, &BranchText),
        cx: &mut Context<'_>,
    ) {
        let cseq = self.cseq().unwrap_or(key.cseq) + 1;
        let mut dialog = Dialog::of(message, key, fallback, cx.target);
        dialog.cseq = cseq;
        let mut rack = b"RAck: ".to_vec();
        decimal(&mut rack, u64::from(rseq));
        rack.push(b' ');
        decimal(&mut rack, u64::from(key.cseq));
        rack.extend_from_slice(b" INVITE\r\n");
        let bytes = dialog.request("PRACK", cseq, branch, &rack, cx);
        let txn = ClientOther::start(cx.now, &cx.line.trunk.timers, UDP);
        self.rseq = Some(rseq);
        self.sent = Some(Prack { dialog, n, bytes, txn, done: false });
    }

    /// Sends the last PRACK again, for another copy of its response.
    pub(super) fn acknowledge_again(&self, cx: &mut Context<'_>) {
        if let Some(prack) = &self.sent {
            prack.dialog.send(&prack.bytes, cx);
        }
    }

    /// A response to the PRACK of this count.
    pub(super) fn response(&mut self, n: u8, status: u16, cx: &mut Context<'_>) {
        if self.sent.as_ref().is_some_and(|prack| prack.n == n)
            && let Some(event) = client_other::Event::of(status)
        {
            self.step(event, cx);
        }
    }

    /// Acts if something is due; how many requests were sent again.
    pub(super) fn time_passed(&mut self, cx: &mut Context<'_>) -> u16 {
        self.step(client_other::Event::TimePassed, cx)
    }

    fn step(&mut self, event: client_other::Event, cx: &mut Context<'_>) -> u16 {
        let Some(prack) = &mut self.sent else { return 0 };
        let mut actions = Actions::new();
        prack.txn.step(event, cx.now, &cx.line.trunk.timers, UDP, &mut actions);
        let mut again = 0;
        for action in actions {
            match action {
                client_other::Action::Send => {
                    again += 1;
                    prack.dialog.send(&prack.bytes, cx);
                }
                client_other::Action::Tell(client_other::News::Provisional) => {}
                client_other::Action::Tell(
                    client_other::News::Final
                    | client_other::News::TimedOut
                    | client_other::News::TransportFailed,
                )
                | client_other::Action::Terminated => prack.done = true,
            }
        }
        again
    }

    /// The last CSeq number used in this dialog, if any request was sent.
    pub(super) fn cseq(&self) -> Option<u32> {
        self.sent.as_ref().map(|prack| prack.dialog.cseq)
    }

    /// Whether its PRACK is answered, or given up.
    pub(super) fn is_done(&self) -> bool {
        self.sent.as_ref().is_none_or(|prack| prack.done)
    }

    pub(super) fn deadline(&self) -> Instant {
        let pending = self.sent.as_ref().filter(|prack| !prack.done);
        pending.and_then(|prack| prack.txn.deadline()).unwrap_or(Instant::NEVER)
    }
}
