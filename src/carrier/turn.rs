//! What every part of a call needs while it takes one input: the time, chance, the way out, and the books.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;

use super::behaviour::Behaviour;
use super::rule::{Offence, Rule};
use super::{Config, Output};
use crate::base::clock::Instant;
use crate::base::number::{CallerId, Destination};
use crate::base::rng::Rng;

/// What happened so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls, each with a Call-ID of its own.
    pub calls: u64,
    /// Calls by what was done with them.
    pub by_behaviour: BTreeMap<String, u64>,
    /// Offences by rule.
    pub offences: BTreeMap<Rule, u64>,
    /// INVITE transactions.
    pub invites: u64,
    /// Requests that came again.
    pub repeated: u64,
    /// CANCEL transactions.
    pub cancels: u64,
    /// ACKs, with those that came again.
    pub acks: u64,
    /// BYE transactions.
    pub byes: u64,
    /// PRACK transactions.
    pub pracks: u64,
    /// Other requests.
    pub others: u64,
    /// Datagrams that came, and datagrams that left.
    pub received: u64,
    /// Datagrams that left.
    pub sent: u64,
    /// Datagrams that came and were thrown away, as the loss rate asks.
    pub lost_in: u64,
    /// Datagrams that should have left and were thrown away.
    pub lost_out: u64,
    /// Responses and ACKs that belong to nothing.
    pub strays: u64,
    /// Calls refused with 503 because there were too many.
    pub turned_away: u64,
}

/// One input's worth of context.
pub(super) struct Turn<'a> {
    pub(super) now: Instant,
    pub(super) config: &'a Config,
    pub(super) counts: &'a mut Counts,
    pub(super) rng: &'a mut Rng,
    pub(super) out: &'a mut Vec<Output>,
}

impl Turn<'_> {
    /// Throws the dice.
    pub(super) fn loses(&mut self, permille: u16) -> bool {
        permille > 0 && self.rng.wire() % 1000 < u64::from(permille)
    }
}

/// What all parts of a call share.
pub(super) struct Head {
    pub(super) call_id: Box<[u8]>,
    pub(super) from: Option<CallerId>,
    pub(super) to: Option<Destination>,
    pub(super) behaviour: Behaviour,
    pub(super) loss_permille: u16,
    /// Rules already reported; a retransmission of the same mistake is no second one.
    broken: u64,
}

impl Head {
    pub(super) const fn new(
        call_id: Box<[u8]>,
        from: Option<CallerId>,
        to: Option<Destination>,
        behaviour: Behaviour,
        loss_permille: u16,
    ) -> Self {
        Self { call_id, from, to, behaviour, loss_permille, broken: 0 }
    }

    /// Sends, unless the loss rate says otherwise; whether it left.
    pub(super) fn send(&self, to: SocketAddr, bytes: &Bytes, turn: &mut Turn<'_>) -> bool {
        if turn.loses(self.loss_permille) {
            turn.counts.lost_out += 1;
            return false;
        }
        turn.counts.sent += 1;
        turn.out.push(Output::Send { to, bytes: bytes.clone() });
        true
    }

    /// Reports a broken rule, once a call.
    pub(super) fn offend(&mut self, rule: Rule, saw: String, turn: &mut Turn<'_>) {
        if self.broken & rule.bit() != 0 {
            return;
        }
        self.broken |= rule.bit();
        *turn.counts.offences.entry(rule).or_default() += 1;
        turn.out.push(Output::Offence(Offence {
            rule,
            call_id: self.call_id.escape_ascii().to_string(),
            from: self.from,
            to: self.to,
            at: turn.now,
            saw,
        }));
    }
}
