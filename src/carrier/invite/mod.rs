//! One INVITE that came: its server transaction, the script that is played on it, its dialogs, and what has
//! been seen of its CANCEL and ACKs.

mod play;
mod requests;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::base::clock::Instant;
use crate::carrier::answer;
use crate::carrier::behaviour::Script;
use crate::carrier::dialog::Dialog;
use crate::carrier::judge::Request;
use crate::carrier::rule::Rule;
use crate::carrier::turn::{Head, Turn};
use crate::sip::message::{Message, Name};
use crate::sip::txn::server_invite::{Action, Event, News, ServerInvite};
use crate::sip::txn::{Actions, Transport};

/// One INVITE transaction.
pub(in crate::carrier) struct Invite {
    request: Message,
    source: SocketAddr,
    reply_to: SocketAddr,
    status: u16,
    script: Script,
    machine: ServerInvite,
    gone: bool,
    dialogs: SmallVec<[Dialog; 1]>,
    /// Next step of the script, and when it is due.
    step: u8,
    step_at: Instant,
    /// The latest response, and its status; 0 while there is none.
    last: Bytes,
    last_status: u16,
    came_at: Instant,
    /// When the first provisional response really left.
    heard_at: Option<Instant>,
    rang: bool,
    refresh_at: Instant,
    /// When an unanswered INVITE ends by itself.
    limit_at: Instant,
    /// When it is ended although its CANCEL was refused.
    end_at: Instant,
    /// A 3xx to 6xx really left.
    refused: bool,
    acks: u16,
    pub(in crate::carrier) seen: Seen,
    repeats: Repeats,
}

/// What has come for it.
#[derive(Default)]
pub(in crate::carrier) struct Seen {
    /// CANCEL transactions, matching or not.
    cancels: u16,
    /// One of them ended it, or would have.
    cancelled: bool,
    /// One came and was thrown away on purpose.
    pub(in crate::carrier) lost_cancel: bool,
    /// An ACK came and was thrown away on purpose.
    pub(in crate::carrier) lost_ack: bool,
}

/// The final that is sent again although it was acknowledged.
#[derive(Default)]
struct Repeats {
    left: u8,
    at: Option<Instant>,
    sent: u8,
    acks_before: u16,
}

/// RFC 3261 §13.3.1.1: a provisional response at least every minute, or proxies cancel the call.
const REFRESH: Duration = Duration::from_secs(60);

impl Invite {
    /// A new INVITE; `status` is what a refusing script refuses with.
    pub(in crate::carrier) fn start(
        request: Request<'_>,
        addresses: (SocketAddr, SocketAddr),
        (script, status): (Script, u16),
        head: &mut Head,
        turn: &mut Turn<'_>,
    ) -> Self {
        let first = script.steps.first().map(|step| turn.now + step.wait(turn.config.late));
        let mut invite = Self {
            request: request.message.clone(),
            source: addresses.0,
            reply_to: addresses.1,
            status,
            script,
            machine: ServerInvite::start(turn.now),
            gone: false,
            dialogs: SmallVec::new(),
            step: 0,
            step_at: first.unwrap_or(Instant::NEVER),
            last: Bytes::new(),
            last_status: 0,
            came_at: turn.now,
            heard_at: None,
            rang: false,
            refresh_at: Instant::NEVER,
            limit_at: turn.now + turn.config.ring_limit,
            end_at: Instant::NEVER,
            refused: false,
            acks: 0,
            seen: Seen::default(),
            repeats: Repeats { left: turn.config.repeats, ..Repeats::default() },
        };
        if !script.repeats {
            invite.repeats.left = 0;
        }
        invite.play(head, turn);
        invite
    }

    /// It came again.
    pub(in crate::carrier) fn again(
        &mut self,
        copy: &Message,
        head: &mut Head,
        turn: &mut Turn<'_>,
    ) {
        if copy.bytes() != self.request.bytes() {
            let saw = "an INVITE that came again with other bytes".into();
            head.offend(Rule::InviteChanged, saw, turn);
        }
        self.step(Event::Request, head, turn);
    }

    /// Whether a request has this INVITE's branch and sent-by (RFC 3261 §17.2.3).
    pub(in crate::carrier) fn is(&self, request: Request<'_>) -> bool {
        self.request
            .key()
            .is_ok_and(|key| key.branch == request.key.branch && key.sent_by == request.key.sent_by)
    }

    pub(in crate::carrier) fn cseq(&self) -> u32 {
        self.request.key().map_or(0, |key| key.cseq)
    }

    /// Whether `other` is the same request by another way (RFC 3261 §8.2.2.2).
    pub(in crate::carrier) fn is_merged(&self, other: Request<'_>) -> bool {
        self.is_open()
            && self.request.key().is_ok_and(|key| {
                key.cseq == other.key.cseq
                    && key.from_tag == other.key.from_tag
                    && other.key.to_tag.is_none()
            })
    }

    /// No final yet.
    pub(in crate::carrier) const fn is_open(&self) -> bool {
        self.last_status < 200 && !self.gone
    }

    /// A phone rings, and its caller could know and has not cancelled.
    pub(in crate::carrier) const fn rings_on(&self) -> bool {
        self.is_open() && self.rang && !self.seen.cancelled && !self.seen.lost_cancel
    }

    /// Whether a CANCEL for it came, even if it was thrown away.
    pub(in crate::carrier) const fn was_cancelled(&self) -> bool {
        self.seen.cancels > 0 || self.seen.lost_cancel
    }

    /// Whether it was challenged.
    pub(in crate::carrier) const fn was_challenged(&self) -> bool {
        matches!(self.last_status, 401 | 407)
    }

    /// Whether these are the tags of one of its dialogs.
    pub(in crate::carrier) fn has_dialog(&self, request: Request<'_>) -> bool {
        let tag = request.key.to_tag.unwrap_or_default();
        self.request.key().is_ok_and(|key| key.from_tag == request.key.from_tag)
            && self.dialogs.iter().any(|dialog| dialog.tag.as_bytes() == tag)
    }

    /// The to-tag that a response to CANCEL has as well (RFC 3261 §9.2).
    pub(in crate::carrier) fn tag(&mut self, turn: &mut Turn<'_>) -> String {
        self.fork(0, turn)
    }

    pub(in crate::carrier) fn dialog(&mut self, tag: &[u8]) -> Option<&mut Dialog> {
        self.dialogs.iter_mut().find(|dialog| dialog.tag.as_bytes() == tag)
    }

    pub(in crate::carrier) fn time_passed(&mut self, head: &mut Head, turn: &mut Turn<'_>) {
        if self.machine.deadline().is_some_and(|at| at <= turn.now) {
            self.step(Event::TimePassed, head, turn);
        }
        let mut given_up = false;
        for dialog in &mut self.dialogs {
            given_up |= dialog.time_passed(self.reply_to, head, turn);
        }
        if given_up && self.is_open() {
            // RFC 3262 §3: "the UAS SHOULD reject the original request with a 5xx response".
            self.finish(504, head, turn);
        }
        self.play(head, turn);
        self.repeat(head, turn);
        if !self.is_open() {
            return;
        }
        if self.end_at <= turn.now {
            self.finish(487, head, turn);
        } else if self.limit_at <= turn.now {
            self.give_up(head, turn);
        } else if self.refresh_at <= turn.now {
            self.refresh_at = turn.now + REFRESH;
            self.step(Event::Request, head, turn);
        }
    }

    pub(in crate::carrier) fn deadline(&self) -> Instant {
        let dialogs = self.dialogs.iter().map(Dialog::deadline);
        let mut next = dialogs.min().unwrap_or(Instant::NEVER);
        next = next.min(self.machine.deadline().unwrap_or(Instant::NEVER));
        next = next.min(self.repeats.at.unwrap_or(Instant::NEVER));
        if self.is_open() {
            next = next.min(self.step_due()).min(self.end_at).min(self.limit_at);
            next = next.min(self.refresh_at);
        } else if self.steps_left() {
            next = next.min(self.step_due());
        }
        next
    }

    /// Nothing is to be expected of it.
    pub(in crate::carrier) fn is_over(&self) -> bool {
        self.gone && self.repeats.at.is_none() && self.dialogs.iter().all(Dialog::is_over)
    }

    fn is_acknowledged(&self) -> bool {
        self.acks > 0 && self.last_status >= 200
    }

    /// What the caller's Route has to be in a dialog.
    fn routes(&self, turn: &Turn<'_>) -> Option<Vec<String>> {
        if self.script.routed {
            return Some(answer::routes(turn.config));
        }
        self.request.value(Name::RecordRoute).is_none().then(Vec::new)
    }

    /// Steps that are still to be played: also after the first answer, for other forks.
    fn steps_left(&self) -> bool {
        !self.seen.cancelled
            && self.last_status < 300
            && usize::from(self.step) < self.script.steps.len()
    }

    fn step_due(&self) -> Instant {
        let waits = self.dialogs.iter().any(|dialog| dialog.reliable.is_some());
        if waits { Instant::NEVER } else { self.step_at }
    }

    fn heard(&mut self, status: u16, turn: &Turn<'_>) {
        self.rang |= status > 100;
        if self.heard_at.is_none() {
            self.heard_at = Some(turn.now);
            self.limit_at = turn.now + turn.config.ring_limit;
        }
        self.refresh_at = turn.now + REFRESH;
    }

    fn step(&mut self, event: Event, head: &mut Head, turn: &mut Turn<'_>) {
        let mut actions = Actions::new();
        let timers = &turn.config.timers;
        self.machine.step(event, turn.now, timers, Transport::Unreliable, &mut actions);
        for action in actions {
            match action {
                // A script that wants a 100 says so; one that does not plays dead.
                Action::SendTrying | Action::Tell(News::Ack | News::TransportFailed) => {}
                Action::Send => {
                    if !self.last.is_empty() && head.send(self.reply_to, &self.last, turn) {
                        match self.last_status {
                            ..200 => self.heard(self.last_status, turn),
                            200..300 => {}
                            300.. => self.refused = true,
                        }
                    }
                }
                Action::Tell(News::TimedOut) => {
                    if self.refused && !self.seen.lost_ack {
                        let saw = format!("a {} without ACK for 64*T1", self.last_status);
                        head.offend(Rule::AckMissing, saw, turn);
                    }
                }
                Action::Terminated => self.gone = true,
            }
        }
    }
}
