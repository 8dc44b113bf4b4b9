//! One call: everything that came with its Call-ID, handed to the INVITE it belongs to.

use std::net::SocketAddr;

use smallvec::SmallVec;

use super::Output;
use super::answer::Answer as Written;
use super::behaviour::{Behaviour, OnCancel};
use super::invite::Invite;
use super::judge::{self, Request};
use super::other::Other;
use super::rule::Rule;
use super::tell::Heard;
use super::turn::{Head, Turn};
use crate::base::clock::Instant;
use crate::base::number::{CallerId, Destination};
use crate::sip::message::{Method, Name, response_target};

/// One call.
pub(super) struct Call {
    pub(super) head: Head,
    invites: SmallVec<[Invite; 1]>,
    others: SmallVec<[Other; 1]>,
    /// Until then its late retransmissions are still known.
    quiet_at: Instant,
}

/// Transactions of one call that are kept; more belong to no flash call.
const TRANSACTIONS_MAX: usize = 32;

impl Call {
    /// A call that begins with this INVITE.
    pub(super) fn new(invite: Request<'_>, turn: &mut Turn<'_>) -> Self {
        let to = number(invite.uri());
        let behaviour = turn.config.behaviour.unwrap_or_else(|| {
            let tail = to.map(Destination::reveal);
            Behaviour::of_number(tail.as_ref().map_or("", |digits| digits.as_str()))
        });
        let loss = behaviour.script().loss_permille.max(turn.config.loss_permille);
        let from = caller(judge::address(invite.message, Name::From));
        let head = Head::new(invite.key.call_id.into(), from, to, behaviour, loss);
        let quiet_at = turn.now + turn.config.timers.t1 * 64;
        Self { head, invites: SmallVec::new(), others: SmallVec::new(), quiet_at }
    }

    /// A request with this call's Call-ID.
    pub(super) fn handle(
        &mut self,
        request: Request<'_>,
        method: Method,
        source: SocketAddr,
        turn: &mut Turn<'_>,
    ) {
        self.quiet_at = turn.now + turn.config.timers.t1 * 64;
        let Some(reply_to) = response_target(request.message, source) else { return };
        if method == Method::Invite {
            self.invite(request, (source, reply_to), turn);
        } else if method == Method::Ack {
            self.ack(request, turn);
        } else {
            self.other(request, method, (source, reply_to), turn);
        }
    }

    /// A request of this call that the loss rate threw away: nothing happens, but the caller cannot be blamed
    /// for not having sent it.
    pub(super) fn lose(&mut self, request: Request<'_>, method: Method) {
        let tag = request.key.to_tag.unwrap_or_default();
        for invite in &mut self.invites {
            let mine = invite.is(request) || invite.has_dialog(request);
            if method == Method::Cancel && mine {
                invite.seen.lost_cancel = true;
            }
            if method == Method::Ack && mine {
                invite.seen.lost_ack = true;
            }
            let Some(dialog) = invite.dialog(tag) else { continue };
            dialog.lost.ack |= method == Method::Ack;
            dialog.lost.bye |= method == Method::Bye;
            dialog.lost.prack |= method == Method::Prack;
        }
    }

    pub(super) fn time_passed(&mut self, turn: &mut Turn<'_>) {
        for invite in &mut self.invites {
            invite.time_passed(&mut self.head, turn);
        }
        for other in &mut self.others {
            other.time_passed(&self.head, turn);
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        let invites = self.invites.iter().map(Invite::deadline);
        let others = self.others.iter().map(Other::deadline);
        let next = invites.chain(others).min().unwrap_or(Instant::NEVER);
        if self.is_settled() { next.min(self.quiet_at) } else { next }
    }

    /// Whether it can be forgotten.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.is_settled() && now >= self.quiet_at
    }

    /// Phones that ring in it, and whose caller has not tried to cancel.
    pub(super) fn ringing(&self) -> usize {
        self.invites.iter().filter(|invite| invite.rings_on()).count()
    }

    /// INVITEs without a final.
    pub(super) fn open(&self) -> usize {
        self.invites.iter().filter(|invite| invite.is_open()).count()
    }

    fn is_settled(&self) -> bool {
        self.invites.iter().all(Invite::is_over) && self.others.iter().all(Other::is_over)
    }

    fn invite(
        &mut self,
        request: Request<'_>,
        addresses: (SocketAddr, SocketAddr),
        turn: &mut Turn<'_>,
    ) {
        if let Some(known) = self.invites.iter_mut().find(|invite| invite.is(request)) {
            turn.counts.repeated += 1;
            return known.again(request.message, &mut self.head, turn);
        }
        if self.invites.len() >= TRANSACTIONS_MAX {
            turn.counts.strays += 1;
            return;
        }
        turn.counts.invites += 1;
        if let (true, Some(to), Some(from)) =
            (self.invites.is_empty(), self.head.to, self.head.from)
        {
            turn.out.push(Output::Heard(Heard { to, from }, self.head.call_id.clone()));
        }
        let cancelled = self.invites.iter().any(|invite| invite.was_cancelled());
        if cancelled && request.key.to_tag.is_none() {
            let saw = "another INVITE after the CANCEL".into();
            self.head.offend(Rule::InviteAfterCancel, saw, turn);
        }
        let challenged = self.invites.last().filter(|invite| invite.was_challenged());
        if challenged.is_some_and(|invite| request.key.cseq <= invite.cseq()) {
            let saw = format!("CSeq {} again after a challenge", request.key.cseq);
            self.head.offend(Rule::InviteCseq, saw, turn);
        }
        let refusal = if self.invites.iter().any(|invite| invite.is_merged(request)) {
            Some(482)
        } else {
            // Within a dialog nothing is to be negotiated.
            request.key.to_tag.map(|_| 488)
        };
        let behaviour = refusal.map_or(self.head.behaviour, Behaviour::Refuses);
        let status = match behaviour {
            Behaviour::Refuses(status) => status,
            Behaviour::Listed(_) => 500,
        };
        let play = (behaviour.script(), status);
        let invite = Invite::start(request, addresses, play, &mut self.head, turn);
        self.invites.push(invite);
    }

    fn ack(&mut self, request: Request<'_>, turn: &mut Turn<'_>) {
        turn.counts.acks += 1;
        let place = self.belongs(request);
        if let Some(invite) = place.and_then(|place| self.invites.get_mut(place)) {
            invite.ack(request, &mut self.head, turn);
        }
    }

    /// The INVITE that an ACK or CANCEL is meant for: by branch; else by its dialog; else by CSeq; else the last.
    fn belongs(&self, request: Request<'_>) -> Option<usize> {
        let by = |test: &dyn Fn(&Invite) -> bool| self.invites.iter().rposition(test);
        by(&|invite| invite.is(request))
            .or_else(|| by(&|invite| invite.has_dialog(request)))
            .or_else(|| by(&|invite| invite.cseq() == request.key.cseq))
            .or_else(|| self.invites.len().checked_sub(1))
    }

    fn other(
        &mut self,
        request: Request<'_>,
        method: Method,
        (source, reply_to): (SocketAddr, SocketAddr),
        turn: &mut Turn<'_>,
    ) {
        if let Some(known) = self.others.iter_mut().find(|other| other.is(request, method)) {
            turn.counts.repeated += 1;
            // A copy that comes sooner than any Timer E could send it is a CANCEL of its own. Networks that
            // duplicate do the same.
            let soon = turn.now.since(known.last_at) < turn.config.copy_min;
            if method == Method::Cancel && soon && !turn.config.lossy_wire {
                let ms = turn.now.since(known.last_at).as_millis();
                let saw = format!("a second CANCEL {ms} ms after the first");
                self.head.offend(Rule::CancelTwice, saw, turn);
            }
            return known.again(&self.head, turn);
        }
        if self.others.len() >= TRANSACTIONS_MAX {
            turn.counts.strays += 1;
            return;
        }
        let other = Other::start(request, method, reply_to, turn);
        self.others.push(other);
        let place = self.others.len() - 1;
        let tag = self.tag(request, turn);
        let reply = |status| Written { status, tag: &tag, ..Written::default() };
        let write =
            |status, turn: &Turn<'_>| reply(status).write(request.message, source, turn.config);
        if method == Method::Cancel {
            let Some((index, how)) = self.judge_cancel(request, turn) else {
                return self.reply(place, write(481, turn), turn);
            };
            if how == OnCancel::EndsFirst {
                self.carry_out(index, how, turn);
            }
            match how {
                OnCancel::Ignores => {}
                OnCancel::Rejects => self.reply(place, write(481, turn), turn),
                OnCancel::Ends
                | OnCancel::EndsFirst
                | OnCancel::KeepsSilent
                | OnCancel::Answers => {
                    self.reply(place, write(200, turn), turn);
                }
            }
            return self.carry_out(index, how, turn);
        }
        let dialog = self.invites.iter_mut().find(|invite| invite.has_dialog(request));
        let status = match (method, dialog) {
            (Method::Bye, Some(invite)) => invite.bye(request, &mut self.head, turn),
            (Method::Prack, Some(invite)) => invite.prack(request, &mut self.head, turn),
            (Method::Bye, None) => {
                let saw = "a BYE whose tags belong to no dialog of the call".into();
                self.head.offend(Rule::ByeDialog, saw, turn);
                481
            }
            (Method::Prack, None) => 481,
            (Method::Options, _) => 200,
            _ => 405,
        };
        let count = match status {
            _ if method == Method::Bye => &mut turn.counts.byes,
            _ if method == Method::Prack => &mut turn.counts.pracks,
            _ => &mut turn.counts.others,
        };
        *count += 1;
        let answer = write(status, turn);
        self.reply(place, answer, turn);
    }

    /// The INVITE that this CANCEL hits and what it does to it; `None` where it hits none.
    fn judge_cancel(
        &mut self,
        request: Request<'_>,
        turn: &mut Turn<'_>,
    ) -> Option<(usize, OnCancel)> {
        turn.counts.cancels += 1;
        let place = self.belongs(request)?;
        let invite = self.invites.get_mut(place)?;
        invite.judge_cancel(request, &mut self.head, turn);
        invite.is(request).then(|| (place, invite.on_cancel()))
    }

    fn carry_out(&mut self, place: usize, how: OnCancel, turn: &mut Turn<'_>) {
        if let Some(invite) = self.invites.get_mut(place) {
            invite.carry_out(how, &mut self.head, turn);
        }
    }

    fn reply(&mut self, place: usize, answer: bytes::Bytes, turn: &mut Turn<'_>) {
        if let Some(other) = self.others.get_mut(place) {
            other.answer(answer, &self.head, turn);
        }
    }

    /// The to-tag of an answer: that of the INVITE it belongs to (RFC 3261 §9.2).
    fn tag(&mut self, request: Request<'_>, turn: &mut Turn<'_>) -> String {
        let place = self.belongs(request);
        let invite = place.and_then(|place| self.invites.get_mut(place));
        invite.map(|invite| invite.tag(turn)).unwrap_or_default()
    }
}

/// The digits of the user part of a SIP or TEL URI, with `+` in front.
fn digits(uri: &[u8]) -> Option<String> {
    let uri = str::from_utf8(uri).ok()?;
    let (_, rest) = uri.split_once(':')?;
    let user = rest.split(['@', ';', '?']).next()?;
    let user = user.strip_prefix('+').unwrap_or(user);
    Some(format!("+{user}"))
}

/// The number that a URI calls.
pub(super) fn number(uri: &[u8]) -> Option<Destination> {
    Destination::parse(&digits(uri)?).ok()
}

/// The number that a URI calls from.
pub(super) fn caller(uri: &[u8]) -> Option<CallerId> {
    CallerId::parse(&digits(uri)?).ok()
}
