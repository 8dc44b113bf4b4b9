//! The calls: whose each is, and the records they leave.

use crate::base::clock::Now;
use crate::base::id::{AttemptId, Ticket};
use crate::call::facts::{End, Facts};
use crate::call::outcome::Outcome;
use crate::sip::ua::{Plan, Refused, Report, TrunkId, UserAgent, WireIdentity};
use crate::verify::cdr::Cdr;
use crate::verify::record::{Intent, Part};
use crate::verify::verifier::{Calls, NoCall, Wish};
use std::sync::Arc;

/// Whose a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A bare call of whoever holds the ticket.
    Bare(Ticket),
    /// A call of a verification.
    Part(Part),
}

/// The user agent, and whose its calls are.
pub(super) struct Desk {
    pub(super) ua: UserAgent,
    /// By slot, which no two calls share.
    purposes: Vec<Purpose>,
}

impl Desk {
    pub(super) const fn new(ua: UserAgent) -> Self {
        Self { ua, purposes: Vec::new() }
    }

    pub(super) fn purpose(&self, id: AttemptId) -> Purpose {
        let known = self.purposes.get(id.slot as usize).copied();
        known.unwrap_or_else(|| Purpose::Bare(Ticket::default()))
    }

    /// Makes the ids of a call, and what must be stored before its first packet.
    pub(super) fn intend(
        &mut self,
        plan: &Plan,
        purpose: Purpose,
        now: Now,
    ) -> Result<Arc<Intent>, Refused> {
        let id = self.ua.prepare(plan)?;
        let Some(wire) = self.ua.wire_identity(id) else { return Err(Refused::NoTrunk) };
        let slot = id.slot as usize;
        if self.purposes.len() <= slot {
            self.purposes.resize(slot + 1, Purpose::Bare(Ticket::default()));
        }
        if let Some(place) = self.purposes.get_mut(slot) {
            *place = purpose;
        }
        let part = match purpose {
            Purpose::Bare(_) => None,
            Purpose::Part(part) => Some(part),
        };
        let WireIdentity { to, from, call_id, from_tag, way, target } = wire;
        let at_unix_us = now.unix_us;
        Ok(Arc::new(Intent { id, part, to, from, call_id, from_tag, way, target, at_unix_us }))
    }

    /// The record of a call that was stored and never made. Its slot is free again.
    pub(super) fn not_attempted(&mut self, id: AttemptId, now: Now) -> Option<Report> {
        let wire = self.ua.wire_identity(id)?;
        self.ua.forget(id);
        let facts = Facts { end: End::NotSent, ..Facts::default() };
        Some(Report { id, wire, cseq: 1, started: now.instant, facts })
    }
}

impl Calls for Desk {
    fn prepare(&mut self, wish: &Wish, now: Now) -> Result<Arc<Intent>, NoCall> {
        let Wish { part, to, from, trunk, pace } = *wish;
        let plan = Plan { to, from, trunk: TrunkId(trunk), pace };
        self.intend(&plan, Purpose::Part(part), now).map_err(|refused| match refused {
            Refused::NoTrunk | Refused::NoTarget => NoCall::Trunk,
            Refused::Full => NoCall::Full,
        })
    }

    fn forget(&mut self, id: AttemptId) {
        self.ua.forget(id);
    }
}

/// The record of a call that is over. `open` says whether its verification still is.
pub(super) fn cdr(
    report: Report,
    outcome: Outcome,
    part: Option<Part>,
    open: bool,
    now: Now,
) -> Cdr {
    let Report { id, wire, cseq, started, facts } = report;
    let ago = u64::try_from(now.instant.since(started).as_micros()).unwrap_or(u64::MAX);
    Cdr {
        id,
        part,
        open,
        way: wire.way,
        target: wire.target,
        from: wire.from,
        to: wire.to,
        call_id: wire.call_id,
        from_tag: wire.from_tag,
        cseq,
        start_unix_us: now.unix_us.saturating_sub(ago),
        facts,
        outcome,
    }
}

/// The record of a call that the last life left under way: what became of it is not known.
pub(super) fn interrupted(intent: &Intent, open: bool) -> Cdr {
    Cdr {
        id: intent.id,
        part: intent.part,
        open,
        way: Arc::clone(&intent.way),
        target: intent.target,
        from: intent.from,
        to: intent.to,
        call_id: intent.call_id,
        from_tag: intent.from_tag,
        cseq: 1,
        start_unix_us: intent.at_unix_us,
        facts: Facts { end: End::Open, ..Facts::default() },
        outcome: Outcome::Interrupted,
    }
}
