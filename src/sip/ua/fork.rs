//! One answer to our INVITE, and its end: ACK and BYE (RFC 3261 §13.2.2.4, §15.1.1).
//!
//! Each fork that answered is a dialog of its own. Its ACK is kept and sent again, byte for byte, for each copy
//! of the 2xx; its BYE is a transaction, sent at once, and answered once more with credentials if challenged.

use super::attempt::UDP;
use super::auth::Auth;
use super::context::{BranchText, Context};
use super::dialog::Dialog;
use crate::base::clock::Instant;
use crate::call::facts;
use crate::sip::message::{Key, Message};
use crate::sip::txn::Actions;
use crate::sip::txn::client_other::{self, ClientOther};

/// An answered fork.
pub(super) struct Fork {
    dialog: Dialog,
    ack: Box<[u8]>,
    acks: u16,
    bye: Box<[u8]>,
    bye_n: u8,
    bye_status: Option<u16>,
    txn: Option<ClientOther>,
    done: bool,
    challenged: bool,
}

impl Fork {
    /// Acknowledges a 2xx and hangs up. `ids` are the BYE's count, the branches of ACK and BYE, and the CSeq
    /// numbers of the INVITE and of the last request in this dialog.
    pub(super) fn open(
        message: &Message,
        key: &Key<'_>,
        fallback: &[u8],
        (bye_n, (ack_branch, bye_branch), last_cseq): (u8, (BranchText, BranchText), u32),
        (auth, authorization): (Option<&mut Auth>, &[u8]),
        cx: &mut Context<'_>,
    ) -> Self {
        let mut dialog = Dialog::of(message, key, fallback, cx.target);
        // ACK repeats the INVITE's number and credentials (§13.2.2.4, §22.1); BYE is above all that was sent.
        let ack = dialog.request("ACK", key.cseq, &ack_branch, authorization, cx);
        dialog.cseq = last_cseq.max(key.cseq) + 1;
        let lines = auth.map(|auth| auth.lines("BYE", dialog.uri(), b"", cx)).unwrap_or_default();
        let bye = dialog.request("BYE", dialog.cseq, &bye_branch, &lines, cx);
        let txn = Some(ClientOther::start(cx.now, &cx.line.trunk.timers, UDP));
        Self {
            dialog,
            ack,
            acks: 1,
            bye,
            bye_n,
            bye_status: None,
            txn,
            done: false,
            challenged: false,
        }
    }

    pub(super) fn has_tag(&self, tag: &[u8]) -> bool {
        self.dialog.tag.as_slice() == tag
    }

    pub(super) const fn is_bye(&self, n: u8) -> bool {
        self.bye_n == n
    }

    /// The same ACK, for another copy of the 2xx.
    pub(super) fn acknowledge_again(&mut self, cx: &mut Context<'_>) {
        self.acks = self.acks.saturating_add(1);
        self.dialog.send(&self.ack, cx);
    }

    /// A response to the BYE. If it is a challenge, the BYE goes out again with credentials, once (§22.2), under the
    /// count and branch that are offered; says whether they were used.
    pub(super) fn response(
        &mut self,
        message: &Message,
        status: u16,
        auth: &mut Auth,
        (n, branch): (u8, &BranchText),
        cx: &mut Context<'_>,
    ) -> bool {
        let Some(event) = client_other::Event::of(status) else { return false };
        let (told, _) = self.step(event, cx);
        if !told {
            return false;
        }
        // 481 and 408 end the dialog as 200 does (RFC 5057).
        self.bye_status = Some(status);
        let again = matches!(status, 401 | 407)
            && cx.line.trunk.credentials.is_some()
            && !std::mem::replace(&mut self.challenged, true)
            && auth.challenged(message, status);
        if again {
            let lines = auth.lines("BYE", self.dialog.uri(), b"", cx);
            self.dialog.cseq += 1;
            self.bye = self.dialog.request("BYE", self.dialog.cseq, branch, &lines, cx);
            self.bye_n = n;
            self.txn = Some(ClientOther::start(cx.now, &cx.line.trunk.timers, UDP));
            self.done = false;
        }
        again
    }

    /// Acts if something is due; how many requests were sent again.
    pub(super) fn time_passed(&mut self, cx: &mut Context<'_>) -> u16 {
        self.step(client_other::Event::TimePassed, cx).1
    }

    fn step(&mut self, event: client_other::Event, cx: &mut Context<'_>) -> (bool, u16) {
        let Some(txn) = &mut self.txn else { return (false, 0) };
        let mut actions = Actions::new();
        txn.step(event, cx.now, &cx.line.trunk.timers, UDP, &mut actions);
        let (mut told, mut again) = (false, 0);
        for action in actions {
            match action {
                client_other::Action::Send => {
                    again += 1;
                    self.dialog.send(&self.bye, cx);
                }
                client_other::Action::Tell(client_other::News::Provisional) => {}
                client_other::Action::Tell(
                    client_other::News::Final
                    | client_other::News::TimedOut
                    | client_other::News::TransportFailed,
                ) => {
                    told = true;
                    self.done = true;
                }
                client_other::Action::Terminated => self.txn = None,
            }
        }
        (told, again)
    }

    /// Whether its BYE is done, or given up.
    pub(super) const fn is_done(&self) -> bool {
        self.done
    }

    pub(super) fn deadline(&self) -> Instant {
        self.txn.as_ref().and_then(ClientOther::deadline).unwrap_or(Instant::NEVER)
    }

    /// What there is to tell of it.
    pub(super) fn facts(&self) -> facts::Fork {
        facts::Fork { tag: self.dialog.tag.clone(), acks: self.acks, bye_status: self.bye_status }
    }
}
