//! Answers of a call: each is acknowledged and hung up, before a CANCEL, after it, and from every fork.

use super::attempt::Attempt;
use super::auth::Auth;
use super::context::Context;
use super::early::Early;
use super::fork::Fork;
use super::said;
use super::{FORKS_MAX, Late};
use crate::call::facts::{At, End};
use crate::call::outbound::Event;
use crate::sip::message::{Key, Message};

impl Attempt {
    /// A 2xx: every one is acknowledged and hung up, each fork with its own tag, Contact and route
    /// (RFC 3261 §13.2.2.4, §15), and the same ACK goes out for each copy.
    pub(super) fn answer(
        &mut self,
        message: &Message,
        key: &Key<'_>,
        status: u16,
        cx: &mut Context<'_>,
    ) -> Option<Late> {
        let tag = key.to_tag.unwrap_or_default();
        if let Some(fork) = self.forks_mut().iter_mut().find(|fork| fork.has_tag(tag)) {
            fork.acknowledge_again(cx);
            return None;
        }
        if self.forks_mut().len() >= FORKS_MAX {
            return None;
        }
        let (slot, generation, first) = (self.slot, self.generation, self.n.saturating_add(1));
        self.n = self.n.saturating_add(2);
        let facts = &mut self.facts;
        facts.tag(tag);
        facts.times.answer_or_refusal.first(At::of(cx.received, self.started));
        facts.times.ack.first(At::of(cx.now, self.started));
        facts.times.bye.first(At::of(cx.now, self.started));
        if said::diverted(message) {
            facts.forwarded = true;
        }
        if facts.end == End::Open {
            facts.end = End::Answered;
            facts.said = Some(Box::new(said::read(message, status)));
        } else if facts.end != End::Refused {
            // Nothing is to be cancelled any more, whatever was thought before.
            facts.end = End::Answered;
        }
        let fallback = said::request_uri(self.wire.to, cx.line);
        let more = self.more.get_or_insert_with(Box::default);
        // A PRACK of the same dialog has used a number already (§12.2.1.1).
        let early = more.early.iter().find(|early| early.has_tag(tag));
        let last = early.and_then(Early::cseq).unwrap_or(key.cseq);
        let branches = (cx.branch(slot, generation, first), cx.branch(slot, generation, self.n));
        let ids = (self.n, branches, last);
        let credentials = (more.auth.as_mut(), more.authorization.as_slice());
        more.forks.push(Fork::open(message, key, &fallback, ids, credentials, cx));
        self.drive(Event::Answered, cx);
        self.reported.then_some(Late { status, alerted: true })
    }

    pub(super) fn bye_response(
        &mut self,
        index: usize,
        message: &Message,
        status: u16,
        cx: &mut Context<'_>,
    ) -> Option<Late> {
        let next = self.n.saturating_add(1);
        let branch = cx.branch(self.slot, self.generation, next);
        let seed = self.wire.tag.random;
        let more = self.more.as_mut()?;
        let auth = more.auth.get_or_insert_with(|| Auth::new(seed));
        let fork = more.forks.get_mut(index)?;
        if fork.response(message, status, auth, (next, &branch), cx) {
            self.n = next;
        }
        self.settle_forks(cx);
        None
    }

    /// Tells the call that everything it answered is hung up, once it is.
    pub(super) fn settle_forks(&mut self, cx: &mut Context<'_>) {
        if self.forks_mut().iter().all(|fork| fork.is_done()) {
            self.drive(Event::HungUp, cx);
        }
    }

    pub(super) fn forks_mut(&mut self) -> &mut [Fork] {
        self.more.as_mut().map_or(&mut [], |more| &mut more.forks)
    }

    pub(super) fn forks(&self) -> &[Fork] {
        self.more.as_ref().map_or(&[], |more| &more.forks)
    }
}
