//! What has to hold at every moment of a run, and at its end.
//!
//! The checks see what an observer sees: commands and answers, records given to the store, datagrams on both ends
//! of the wire. From these they keep a model of each call ([`call`]), and compare.

pub(crate) mod call;
pub(crate) mod end;
mod outcome;
mod records;
pub(crate) mod sending;
mod sent;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use onering::base::clock::Instant;
use onering::base::id::{AttemptId, Ticket};
use onering::carrier::Offence;
use onering::sip::ua::Plan;

use super::glance::Glance;
use super::params::Params;
use call::{Call, Doom, Heard};

/// What the engine is given, and so what its datagrams may be due to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cause<'a> {
    /// A response from an address of a trunk.
    Response(Glance<'a>),
    /// A request from an address of a trunk.
    Request,
    /// A datagram that must have no effect.
    Nothing,
    /// Time.
    Time,
    /// A command.
    Command,
    /// The store's verdict.
    Verdict,
    /// A datagram of ours that did not arrive.
    Undeliverable(Glance<'a>),
}

/// What has to happen until then, unless something else has made it needless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    Guard,
    Cancel,
    InviteAgain,
    CancelAgain,
    ByeAgain,
    End,
}

/// A wish of the application, and what was said to it.
pub(crate) struct Wish {
    plan: Plan,
    not_after: Instant,
    refused: u32,
    call: Option<usize>,
}

/// The books.
pub(crate) struct Checks {
    pub(crate) calls: Vec<Call>,
    by_call_id: BTreeMap<String, usize>,
    /// Of its INVITE.
    by_branch: BTreeMap<String, usize>,
    by_id: BTreeMap<AttemptId, usize>,
    wishes: BTreeMap<Ticket, Wish>,
    dues: BTreeSet<(Instant, usize, Due)>,
    t1: Duration,
    /// What is wrong. The run ends with the first.
    pub(crate) broken: Vec<String>,
    /// Offences that the network is guilty of: all of what was missed was lost until then.
    pub(crate) excused: BTreeMap<&'static str, u64>,
    lossy: bool,
    pub(crate) configurations: u32,
    freezes: bool,
    drain_asked: Option<Ticket>,
    drained: u32,
    /// At least once: a record may wait for the store then.
    store_failed: bool,
    /// Amendments of the call that the present input is about, and what that input said.
    saying: Option<u16>,
    pub(crate) amendments: u64,
}

/// Whether the engine, which counts in milliseconds and rounds up, has noticed that this moment has come.
const fn has_come(at: Instant, now: Instant) -> bool {
    at.as_micros().div_ceil(1000) <= now.as_micros() / 1000
}

impl Checks {
    pub(crate) fn new(params: &Params) -> Self {
        Self {
            calls: Vec::new(),
            by_call_id: BTreeMap::new(),
            by_branch: BTreeMap::new(),
            by_id: BTreeMap::new(),
            wishes: BTreeMap::new(),
            dues: BTreeSet::new(),
            t1: params.t1,
            broken: Vec::new(),
            excused: BTreeMap::new(),
            lossy: params.is_lossy(),
            configurations: 0,
            freezes: params.freezes > 0,
            drain_asked: None,
            drained: 0,
            store_failed: false,
            saying: None,
            amendments: 0,
        }
    }

    fn fail(&mut self, index: usize, what: &str) {
        let call = &self.calls[index];
        self.broken.push(format!("{what} (call {}, {})", call.call_id, call.id));
    }

    fn find(&self, call_id: &str) -> Option<usize> {
        self.by_call_id.get(call_id).copied()
    }

    pub(crate) fn wishes(&mut self, ticket: Ticket, plan: Plan, not_after: Instant) {
        self.wishes.insert(ticket, Wish { plan, not_after, refused: 0, call: None });
    }

    pub(crate) fn asks_to_cancel(&mut self, id: AttemptId) {
        if let Some(call) = self.by_id.get(&id).and_then(|&index| self.calls.get_mut(index)) {
            call.asked = true;
            call.doom(Doom::Asked);
        }
    }

    pub(crate) fn asks_to_drain(&mut self, ticket: Ticket) {
        self.drain_asked = Some(ticket);
        for call in &mut self.calls {
            call.asked = true;
            call.doom(Doom::Asked);
        }
    }

    /// Whether the call of this branch is under way in the engine's eyes, so that what is forged in its name has to be found out.
    pub(crate) fn is_live(&self, branch: &str) -> bool {
        self.by_branch.get(branch).is_some_and(|&index| self.calls[index].over.is_none())
    }

    /// The engine is about to take this.
    pub(crate) fn before(
        &mut self,
        now: Instant,
        received: Instant,
        cause: &Cause<'_>,
        bytes: &[u8],
    ) {
        self.saying = None;
        match cause {
            Cause::Response(glance) => self.before_response((now, received), glance, bytes),
            Cause::Undeliverable(glance) if glance.method == "INVITE" => {
                // Little of it may have come back: the branch is what counts.
                if let Some(&index) = self.by_branch.get(glance.branch) {
                    let call = &mut self.calls[index];
                    let silent = call.heard.is_empty() && call.final_.is_none();
                    if silent
                        && call.over.is_none()
                        && let Some(invite) = &mut call.invite
                    {
                        invite.done = true;
                        call.unreachable = true;
                    }
                }
            }
            Cause::Time => {
                let guards: Vec<_> = self
                    .dues
                    .iter()
                    .take_while(|(at, ..)| has_come(*at, now))
                    .filter(|(.., due)| *due == Due::Guard)
                    .map(|(_, index, _)| *index)
                    .collect();
                for index in guards {
                    self.calls[index].doom(Doom::Silent);
                }
            }
            Cause::Request
            | Cause::Nothing
            | Cause::Command
            | Cause::Verdict
            | Cause::Undeliverable(_) => {}
        }
    }

    fn before_response(
        &mut self,
        (now, received): (Instant, Instant),
        glance: &Glance<'_>,
        bytes: &[u8],
    ) {
        let Some(index) = self.find(glance.call_id) else { return };
        self.saying = Some(glance.status);
        let call = &mut self.calls[index];
        let settled = glance.status >= 200;
        match glance.cseq_method {
            "INVITE" => {
                let retry_after = String::from_utf8_lossy(bytes).contains("\r\nRetry-After: ");
                let heard = Heard { received, status: glance.status, retry_after };
                if call.hear(heard, glance.to_tag, now) {
                    // What is overdue already waits for the responses that arrived with it.
                    let soonest = now + Duration::from_micros(u64::from(!call.pace.hold.is_zero()));
                    let due = (received + call.pace.hold).max(soonest);
                    self.dues.insert((due, index, Due::Cancel));
                }
            }
            "CANCEL" => {
                if let Some(cancel) = call.cancel.as_mut().filter(|cancel| settled && !cancel.done)
                {
                    cancel.done = true;
                    call.cancel_status = call.cancel_status.or(Some(glance.status));
                }
            }
            "BYE" => {
                let byes = call.forks.values_mut().filter_map(|fork| fork.bye.as_mut());
                for bye in byes.filter(|bye| settled && bye.branch == glance.branch) {
                    bye.done = true;
                }
            }
            "PRACK" => {
                if let Some(prack) = call.pracks.get_mut(glance.branch).filter(|_| settled) {
                    prack.done = true;
                }
            }
            other => self.broken.push(format!("a response to {other} came from nowhere")),
        }
    }

    /// A datagram of the engine reached the far end.
    pub(crate) fn reached(&mut self, bytes: &[u8]) {
        let glance = Glance::of(bytes);
        let Some(index) = self.find(glance.call_id) else { return };
        let reached = &mut self.calls[index].reached;
        reached.methods.insert(glance.method.to_owned());
        match glance.method {
            "ACK" => reached.acks.insert(glance.to_tag.to_owned()),
            "BYE" => reached.byes.insert(glance.to_tag.to_owned()),
            _ => false,
        };
    }

    /// The engine has done everything that was due: is something left that should have been done?
    pub(crate) fn turn_ends(&mut self, now: Instant) {
        while let Some(&(at, index, due)) = self.dues.first()
            && has_come(at, now)
        {
            self.dues.pop_first();
            let call = &self.calls[index];
            let overdue = |sent: &Option<sent::Sent>| {
                sent.as_ref().is_some_and(|sent| has_come(sent.due(), now) && sent.is_overdue(now))
            };
            let wrong = match due {
                Due::Guard => (call.may_cancel() && call.cancel.is_none() && call.alert.is_none())
                    .then_some("nothing has alerted, and there is no CANCEL"),
                Due::Cancel => (call.may_cancel() && call.cancel.is_none())
                    .then_some("no CANCEL although one is due"),
                Due::InviteAgain => (call.over.is_none() && overdue(&call.invite))
                    .then_some("the INVITE was not sent again"),
                Due::CancelAgain => {
                    overdue(&call.cancel).then_some("the CANCEL was not sent again")
                }
                Due::ByeAgain => call
                    .forks
                    .values()
                    .any(|fork| overdue(&fork.bye))
                    .then_some("a BYE was not sent again"),
                Due::End => None,
            };
            if let Some(wrong) = wrong {
                self.fail(index, wrong);
            }
            self.settle(index, now);
        }
    }

    /// Is the call over? Then its record is due, unless the store is in the way.
    fn settle(&mut self, index: usize, now: Instant) {
        let call = &mut self.calls[index];
        call.settle(|at| has_come(at, now), now);
        if call.over.is_some() && !call.recorded && !self.store_failed {
            self.fail(index, "over without a record");
        }
    }

    /// The far end complains.
    pub(crate) fn offence(&mut self, offence: &Offence) {
        if self.is_excused(offence) {
            *self.excused.entry(offence.rule.name()).or_default() += 1;
        } else {
            self.broken.push(offence.to_string());
        }
    }

    /// What a datagram is to the engine, given the addresses that it listens to.
    pub(crate) fn cause<'a>(
        bytes: &'a Bytes,
        from: SocketAddr,
        peers: &[std::net::IpAddr],
    ) -> Cause<'a> {
        let glance = Glance::of(bytes);
        match (peers.contains(&from.ip()), glance.status) {
            (false, _) => Cause::Nothing,
            (true, 0) => Cause::Request,
            (true, _) => Cause::Response(glance),
        }
    }
}
