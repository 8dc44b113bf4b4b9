//! Where a datagram belongs: to a call, to the remains of one, to nobody.

use super::context::Context;
use super::request::FromTag;
use super::slots::Tenant;
use super::stray::Stray;
use super::{Late, LineId, News, STRAYS_MAX, UserAgent, inbound, said};
use crate::base::clock::Instant;
use crate::base::id::AttemptId;
use crate::sip::message::{Key, Message, Method, response_target};
use crate::sip::txn::branch::Branch;
use std::net::SocketAddr;

impl UserAgent {
    /// RFC 3261 §17.1.3 and §18.1.2: by the branch, which names the call, and then everything must agree.
    pub(super) fn handle_response(
        &mut self,
        message: &Message,
        status: u16,
        (from, received): (SocketAddr, Instant),
        now: Instant,
    ) {
        let Ok(key) = message.key() else {
            self.dropped.malformed += 1;
            return;
        };
        if key.vias != 1 {
            self.dropped.misrouted += 1;
            return;
        }
        let Some(branch) = Branch::read(&self.identity.key, key.branch) else {
            self.dropped.forged += 1;
            return;
        };
        let ours = (branch.shard, branch.epoch) == (self.identity.shard, self.identity.epoch);
        let tenant = self.slots.get(branch.slot, branch.generation).filter(|_| ours);
        let when = (now, received);
        match tenant {
            Some(Tenant::Live(place)) => {
                let Some(attempt) = self.attempts.get(place) else { return };
                let named = key.call_id == attempt.wire.call_id_text()
                    && key.from_tag == Some(&attempt.wire.tag.text()[..]);
                if !named {
                    self.dropped.forged += 1;
                } else if self.belongs(attempt.line, &key, from) {
                    self.with_attempt(place, branch.slot, when, |attempt, cx| {
                        attempt.response(message, &key, (status, branch.n), cx)
                    });
                }
            }
            Some(Tenant::Ended { line, .. }) => {
                if self.belongs(line, &key, from) {
                    self.after_the_end(message, &key, (status, branch), from, when);
                }
            }
            Some(Tenant::Stray(place)) => {
                let Some(line) = self.strays.get(place).map(|stray| stray.line) else { return };
                if key.method == Method::Bye && self.belongs(line, &key, from) {
                    self.with_stray(place, when, |stray, cx| {
                        stray.bye_response(&branch, message, status, cx);
                    });
                }
            }
            Some(Tenant::Free(_)) | None => {
                self.without_a_call(message, &key, (status, branch), from, when)
            }
        }
    }

    /// Whether a response came on the line of its call: from the trunk, with our own sent-by.
    fn belongs(&mut self, line: LineId, key: &Key<'_>, from: SocketAddr) -> bool {
        let Some(line) = self.lines.get(line) else { return false };
        if !line.admits(from.ip()) {
            self.dropped.strangers += 1;
            return false;
        }
        if !key.sent_by.eq_ignore_ascii_case(line.trunk.advertised.as_bytes()) {
            self.dropped.misrouted += 1;
            return false;
        }
        true
    }

    /// A call that is over leaves a repeated refusal to be acknowledged, and a 2xx to be hung up. A refusal that
    /// comes after we gave up waiting for one is news, once.
    fn after_the_end(
        &mut self,
        message: &Message,
        key: &Key<'_>,
        (status, branch): (u16, Branch),
        from: SocketAddr,
        when: (Instant, Instant),
    ) {
        let tenant = self.slots.get(branch.slot, branch.generation);
        let Some(Tenant::Ended { to, line, target, refused }) = tenant else { return };
        let Some(known) = self.lines.get(line) else { return };
        // It may be the refusal of an earlier target, to which its ACK goes, as the INVITE did (§17.1.1.2).
        let last = known.target(target);
        let hop = known.target_at(from).unwrap_or(last);
        let (home, uri) = ((line, hop), said::request_uri(to, known));
        match (key.method, status) {
            (Method::Invite, 300..=699) => {
                self.on_line(home, when, |cx| said::acknowledge_again(message, &uri, cx));
                if !refused && hop == last {
                    let ended = Tenant::Ended { to, line, target, refused: true };
                    self.slots.change(branch.slot, ended);
                    self.amend(branch, Late { status, alerted: false });
                }
            }
            (Method::Invite, 200..=299) => {
                self.hang_up_stray(message, key, (status, branch, &uri), home, when);
            }
            _ => self.dropped.late += 1,
        }
    }

    /// The call is gone, or was of an earlier life: what its branch proves is enough for ACK and BYE.
    fn without_a_call(
        &mut self,
        message: &Message,
        key: &Key<'_>,
        (status, branch): (u16, Branch),
        from: SocketAddr,
        when: (Instant, Instant),
    ) {
        let Some(line) = self.lines.admitting(from.ip(), key.sent_by) else {
            self.dropped.strangers += 1;
            return;
        };
        // Where the INVITE went is forgotten; what answers it is as good a guess as any.
        let target = self.lines.get(line).and_then(|line| line.target_at(from));
        let home = (line, target.unwrap_or(from));
        match (key.method, status, said::uri_called(message)) {
            (Method::Invite, 300..=699, Some(uri)) => {
                self.on_line(home, when, |cx| said::acknowledge_again(message, uri, cx));
            }
            (Method::Invite, 200..=299, uri) => {
                // Without a Contact and without a To that can be read nothing better is known.
                let uri = uri.unwrap_or(b"sip:unknown.invalid");
                self.hang_up_stray(message, key, (status, branch, uri), home, when);
            }
            _ => self.dropped.late += 1,
        }
    }

    /// Something came after the record of the attempt that this branch is of, in this life or an earlier one.
    fn amend(&mut self, branch: Branch, late: Late) {
        let Branch { shard, epoch, slot, generation, .. } = branch;
        self.news.push_back(News::Amended(AttemptId { shard, epoch, slot, generation }, late));
    }

    fn on_line(
        &mut self,
        (line, target): (LineId, SocketAddr),
        (now, received): (Instant, Instant),
        act: impl FnOnce(&mut Context<'_>),
    ) {
        let Some(line) = self.lines.get(line) else { return };
        let mut cx =
            Context { identity: &self.identity, line, out: &mut self.out, target, now, received };
        act(&mut cx);
    }

    fn hang_up_stray(
        &mut self,
        message: &Message,
        key: &Key<'_>,
        (status, branch, fallback): (u16, Branch, &[u8]),
        (line, target): (LineId, SocketAddr),
        when: (Instant, Instant),
    ) {
        let known =
            self.strays.iter().find(|(_, stray)| stray.answers(key)).map(|(place, _)| place);
        if let Some(place) = known {
            self.with_stray(place, when, Stray::acknowledge_again);
            return;
        }
        // Strays have room of their own: somebody is off the hook, however many calls there are.
        let max = self.calls_max.saturating_add(STRAYS_MAX);
        let taken = (self.strays.len() < STRAYS_MAX)
            .then(|| self.slots.take(Tenant::Stray(u32::MAX), max))
            .flatten();
        let Some((slot, generation)) = taken else {
            self.dropped.overflow += 1;
            return;
        };
        let mut stray = None;
        self.on_line((line, target), when, |cx| {
            let home = (slot, generation, line);
            stray = Some(Stray::open(message, key, home, fallback, cx));
        });
        let Some(place) = stray.and_then(|stray| self.strays.insert(stray).ok()) else {
            self.slots.free(slot);
            return;
        };
        self.slots.change(slot, Tenant::Stray(place));
        self.lines.hold(line);
        self.with_stray(place, when, |_, _| {});
        self.amend(branch, Late { status, alerted: true });
    }

    pub(super) fn with_stray(
        &mut self,
        place: u32,
        (now, received): (Instant, Instant),
        act: impl FnOnce(&mut Stray, &mut Context<'_>),
    ) {
        let Some(stray) = self.strays.get_mut(place) else { return };
        let Some(line) = self.lines.get(stray.line) else { return };
        let target = stray.target;
        let mut cx =
            Context { identity: &self.identity, line, out: &mut self.out, target, now, received };
        act(stray, &mut cx);
        let (slot, line) = (stray.slot, stray.line);
        if stray.is_finished(now) {
            self.strays.remove(place);
            self.wheel.disarm(slot);
            self.slots.free(slot);
            self.lines.release(line);
        } else {
            // `until` may be behind us while the BYE still waits; then only the BYE's own deadline counts.
            self.wheel.arm(slot, stray.deadline(now));
        }
    }

    /// A request: answered if it is from a trunk, otherwise not even looked at.
    pub(super) fn handle_request(&mut self, message: &Message, from: SocketAddr) {
        let Some(id) = self.lines.admitting(from.ip(), b"") else {
            self.dropped.strangers += 1;
            return;
        };
        let Some(line) = self.lines.get(id) else { return };
        let Some(to) = response_target(message, from) else {
            self.dropped.malformed += 1;
            return;
        };
        let dialog = self.dialog_of(message);
        let identity = &self.identity;
        self.out.send_if(line.trunk.flow, to, |out| {
            inbound::answer(message, from, dialog, identity, out)
        });
    }

    /// The call that a request within a dialog is about: our tag is in its To, and names the slot.
    fn dialog_of(&self, message: &Message) -> inbound::Dialog {
        let found = message.key().ok().and_then(|key| {
            let tag = FromTag::read(key.to_tag?)?;
            let (Tenant::Live(place), _) = self.slots.tenant(tag.slot)? else { return None };
            let attempt = self.attempts.get(place)?;
            let known = |theirs: &[u8]| {
                let early = attempt.facts.tags.iter().any(|tag| tag.as_slice() == theirs);
                early || attempt.forks().iter().any(|fork| fork.has_tag(theirs))
            };
            let same = attempt.wire.tag == tag
                && key.call_id == attempt.wire.call_id_text()
                && key.from_tag.is_some_and(known);
            same.then_some(attempt)
        });
        match found {
            None => inbound::Dialog::None,
            Some(attempt) if attempt.forks().is_empty() => inbound::Dialog::Early,
            Some(_) => inbound::Dialog::Ending,
        }
    }
}
