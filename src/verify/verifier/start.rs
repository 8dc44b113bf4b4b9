//! The beginning of a verification: may it be, is it the first, and its first call.

use super::session::{Owed, Saying, Session};
use super::{Calls, Deed, Token, Verifier};
use crate::base::clock::Now;
use crate::base::id::{SessionId, Ticket};
use crate::numbers::route::{Route, find};
use crate::verify::command::{Answer, Fresh, IDEMPOTENCY_KEPT, Idempotency, Refusal, Start};
use crate::verify::event::What;
use crate::verify::record::{Opened, Past, Record};
use crate::verify::rules::{Duplicates, Profile};
use crate::verify::status::{Phase, Status};
use smallvec::{SmallVec, smallvec};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// A claim of an `Idempotency-Key` that the store may not know yet.
struct Claim {
    body: [u8; 32],
    /// The verification that it made; none while its start waits for the store.
    made: Option<SessionId>,
}

/// Starts that wait for the store, and the keys they came with.
#[derive(Default)]
pub(super) struct Starts {
    waiting: HashMap<Ticket, Start>,
    claims: HashMap<(Arc<str>, [u8; 32]), Claim>,
}

impl Starts {
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Start> {
        self.waiting.remove(&ticket)
    }

    /// A start has been answered; its key is free again unless it made something.
    pub(super) fn done(&mut self, start: &Start) {
        if let Some(key) = key_of(start)
            && self.claims.get(&key).is_some_and(|claim| claim.made.is_none())
        {
            self.claims.remove(&key);
        }
    }

    /// From now on the store knows the key, or nobody does.
    pub(super) fn release(&mut self, opened: &Opened) {
        if let Some(Idempotency { key, .. }) = opened.idempotency {
            self.claims.remove(&(Arc::clone(&opened.tenant), key));
        }
    }
}

fn key_of(start: &Start) -> Option<(Arc<str>, [u8; 32])> {
    start.idempotency.map(|claim| (Arc::clone(&start.tenant), claim.key))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl Verifier {
    /// Looks at a wish, and asks the store for the past where that is not in memory.
    pub(super) fn start(&mut self, ticket: Ticket, start: Start, now: Now, calls: &mut impl Calls) {
        if let Err(refusal) = self.may_start(&start) {
            return self.refuse(ticket, refusal);
        }
        if let (Some(key), Some(claim)) = (key_of(&start), start.idempotency) {
            if let Some(known) = self.starts.claims.get(&key) {
                let (same, made) = (known.body == claim.body, known.made);
                return self.replay(ticket, same, made);
            }
            self.starts.claims.insert(key, Claim { body: claim.body, made: None });
        } else if self.destinations.is_known(start.to) {
            return self.start_loaded(ticket, &start, None, now, calls);
        }
        let past = Past {
            to: start.to,
            since_unix_us: now.unix_us.saturating_sub(micros(self.rules.reuse_after)),
            key: start.idempotency.map(|claim| claim.key),
            key_since_unix_us: now.unix_us.saturating_sub(micros(IDEMPOTENCY_KEPT)),
        };
        self.destinations.enter(start.to);
        self.deeds.push_back(Deed::Load { ticket, past });
        self.starts.waiting.insert(ticket, start);
    }

    /// The past is known.
    pub(super) fn start_loaded(
        &mut self,
        ticket: Ticket,
        start: &Start,
        claimed: Option<(SessionId, [u8; 32])>,
        now: Now,
        calls: &mut impl Calls,
    ) {
        if let (Some((made, body)), Some(claim)) = (claimed, start.idempotency) {
            return self.replay(ticket, body == claim.body, Some(made));
        }
        let made =
            self.may_start(start).and_then(|profile| match self.duplicate(start, &profile) {
                Some(answer) => answer,
                None => self.open(start, &profile, now, calls).map(|place| (place, Fresh::New)),
            });
        match made {
            Ok((place, fresh)) => {
                if let (Some(key), Some(session)) = (key_of(start), self.sessions.get(place))
                    && fresh == Fresh::New
                    && let Some(claim) = self.starts.claims.get_mut(&key)
                {
                    claim.made = Some(session.id());
                }
                self.owe(place, Owed::Reply(ticket, Saying::Started(fresh)));
            }
            Err(refusal) => self.refuse(ticket, refusal),
        }
    }

    /// The key was claimed before.
    fn replay(&mut self, ticket: Ticket, same: bool, made: Option<SessionId>) {
        let answer = match made {
            _ if !same => Err(Refusal::IdempotencyConflict),
            None => Err(Refusal::IdempotencyInFlight),
            Some(id) => match self.place(id) {
                Some(place) => {
                    let saying = Saying::Started(Fresh::Replayed);
                    return self.owe(place, Owed::Reply(ticket, saying));
                }
                None => Ok(Answer::Replayed(id)),
            },
        };
        self.deeds.push_back(Deed::Reply(ticket, answer));
    }

    fn may_start(&self, start: &Start) -> Result<Arc<Profile>, Refusal> {
        if self.draining {
            return Err(Refusal::Draining);
        }
        let tenant = self.rules.tenants.get(&start.tenant).ok_or(Refusal::UnknownTenant)?;
        let profile = start.profile.as_ref().unwrap_or(&tenant.profile);
        let profile = self.rules.profiles.get(profile).ok_or(Refusal::UnknownProfile)?;
        let allowed = start.country.is_some_and(|country| self.rules.countries.contains(&country));
        if !allowed && !start.test {
            return Err(Refusal::DestinationDenied);
        }
        find(&self.rules.routes, start.to, start.country).ok_or(Refusal::NoRoute)?;
        Ok(Arc::clone(profile))
    }

    /// What a start gets where the tenant has an open verification of this number and profile; none where it may have
    /// another one.
    fn duplicate(&self, start: &Start, profile: &Profile) -> Option<Result<(u32, Fresh), Refusal>> {
        let here = &self.destinations.get(start.to)?.sessions;
        let (place, open) = here.iter().find_map(|place| {
            let session = self.sessions.get(*place).filter(|session| session.is_open())?;
            let same =
                session.opened.tenant == start.tenant && session.opened.profile == profile.name;
            same.then_some((*place, session))
        })?;
        match profile.duplicates {
            Duplicates::Refuse => Some(Err(Refusal::InProgress(open.id()))),
            Duplicates::Return => Some(Ok((place, Fresh::Duplicate))),
            Duplicates::Allow => None,
        }
    }

    /// Makes the verification and its first call, and writes both down.
    fn open(
        &mut self,
        start: &Start,
        profile: &Profile,
        now: Now,
        calls: &mut impl Calls,
    ) -> Result<u32, Refusal> {
        if self.sessions.len() >= self.rules.open_max {
            return Err(Refusal::Capacity);
        }
        let rules = Arc::clone(&self.rules);
        let route = find(&rules.routes, start.to, start.country).ok_or(Refusal::NoRoute)?;
        let session = self.new_session(start, profile, route, now)?;
        let (id, expires_at) = (session.id(), session.expires_at);
        let opened = Arc::clone(&session.opened);
        let Ok(place) = self.sessions.insert(session) else { return Err(Refusal::Capacity) };
        self.by_id.insert(id, place);
        self.destinations.join(start.to, place);
        self.wheel.arm(place, expires_at);
        let mut records: SmallVec<[Record; 2]> = smallvec![Record::Opened(opened)];
        let call = if self.destinations.take_turn(start.to, place) {
            match self.prepare(place, now, calls) {
                Ok(intent) => {
                    let id = intent.id;
                    records.push(Record::Intent(intent));
                    Some(id)
                }
                Err(refusal) => {
                    self.remove(place);
                    return Err(refusal);
                }
            }
        } else {
            None
        };
        self.write(place, records, Token::Opened { id, call });
        if let Some(session) = self.sessions.get_mut(place) {
            let snapshot = Box::new(session.snapshot());
            let event = session.event(What::Started(snapshot), now.unix_us);
            self.owe(place, Owed::Event(event));
        }
        Ok(place)
    }

    fn new_session(
        &mut self,
        start: &Start,
        profile: &Profile,
        route: &Route,
        now: Now,
    ) -> Result<Session, Refusal> {
        let pool = self.rules.pools.get(route.pool).map(Arc::clone).ok_or(Refusal::NoRoute)?;
        let distinct = pool.distinct(profile.code_length);
        if distinct == 0 {
            return Err(Refusal::NoEligibleNumber);
        }
        let id = SessionId {
            unix_ms: now.unix_us / 1000,
            shard: self.config.shard,
            epoch: self.config.epoch,
            random: self.rng.wire(),
        };
        let opened = Opened {
            id,
            tenant: Arc::clone(&start.tenant),
            profile: Arc::clone(&profile.name),
            to: start.to,
            country: start.country,
            created_unix_us: now.unix_us,
            expires_unix_us: now.unix_us.saturating_add(micros(profile.lifetime)),
            code_length: profile.code_length,
            tries: profile.tries,
            redials: profile.redials,
            allow_diverted: profile.allow_diverted,
            distinct,
            idempotency: start.idempotency,
            client_reference: start.client_reference.clone(),
            metadata: start.metadata.clone(),
        };
        let trunks = self.trunk_names(route);
        Ok(Session {
            status: Status::Pending,
            phase: Phase::Queued,
            reason: None,
            ended_unix_us: None,
            tries_left: opened.tries,
            redials_left: opened.redials,
            approved_by: None,
            late: false,
            expires_at: now.instant + profile.lifetime,
            next_trunk: 0,
            trunks_left: trunks.len(),
            trunks,
            pool: Some(pool),
            calls: SmallVec::new(),
            unstored: 0,
            unrecorded: 0,
            owed: Vec::new(),
            sequence: 0,
            opened: Arc::new(opened),
        })
    }

    pub(super) fn trunk_names(&self, route: &Route) -> Arc<[Arc<str>]> {
        let named = |place: &u16| self.rules.trunks.get(usize::from(*place));
        route.trunks.iter().filter_map(named).map(|trunk| Arc::clone(&trunk.name)).collect()
    }
}
