//! What the last life left open goes on: verifications can still be claimed until their lifetime is over.

use super::session::{Call, Session};
use super::{Calls, Verifier};
use crate::base::clock::Now;
use crate::call::outcome::Outcome;
use crate::numbers::route::find;
use crate::verify::matcher::Stand;
use crate::verify::reach::failure;
use crate::verify::record::{Intent, LeftSession};
use crate::verify::status::{Phase, Reason, Status};
use smallvec::SmallVec;
use std::sync::Arc;
use std::time::Duration;

impl Verifier {
    /// Takes up the verifications of the last life. `intents` are its calls without a record, which are recorded as
    /// interrupted by whoever restores: none of them is made again.
    pub fn restore(
        &mut self,
        left: Vec<LeftSession>,
        intents: &[Intent],
        now: Now,
        calls: &mut impl Calls,
    ) {
        for session in left {
            self.take_up(session, now);
        }
        for intent in intents {
            let Some(part) = intent.part else { continue };
            let Some(place) = self.place(part.session) else { continue };
            if let Some(session) = self.sessions.get_mut(place) {
                session.calls.push(Call {
                    id: intent.id,
                    number: part.number,
                    trunk: Arc::clone(&intent.way.trunk),
                    caller: intent.from,
                    stand: Stand::Over(Outcome::Interrupted),
                    alerted: false,
                });
                session.calls.sort_by_key(|call| call.number);
            }
        }
        let mut places: Vec<u32> = self.by_id.values().copied().collect();
        places.sort_unstable();
        for place in places {
            self.go_on(place, now, calls);
        }
    }

    fn take_up(&mut self, left: LeftSession, now: Now) {
        let LeftSession { opened, tries_left, redials_left, calls } = left;
        let rules = Arc::clone(&self.rules);
        let route = find(&rules.routes, opened.to, opened.country);
        let trunks = route.map(|route| self.trunk_names(route)).unwrap_or_default();
        let pool = route.and_then(|route| rules.pools.get(route.pool)).map(Arc::clone);
        // A clock that was set may not make it live longer than it should.
        let lifetime = opened.expires_unix_us.saturating_sub(opened.created_unix_us);
        let remains = opened.expires_unix_us.saturating_sub(now.unix_us).min(lifetime);
        let expires_at = now.instant + Duration::from_micros(remains);
        let call = |call: crate::verify::record::LeftCall| Call {
            id: call.id,
            number: call.number,
            trunk: call.trunk,
            caller: call.from,
            stand: Stand::Over(call.outcome),
            alerted: call.alerted,
        };
        let (id, to) = (opened.id, opened.to);
        let session = Session {
            status: Status::Pending,
            phase: Phase::AwaitingCode,
            reason: None,
            ended_unix_us: None,
            tries_left,
            redials_left,
            approved_by: None,
            late: false,
            expires_at,
            next_trunk: calls.len() % trunks.len().max(1),
            trunks_left: trunks.len(),
            trunks,
            pool,
            calls: calls.into_iter().map(call).collect::<SmallVec<_>>(),
            unstored: 0,
            unrecorded: 0,
            owed: Vec::new(),
            // Above every number that the last life can have given to an event.
            sequence: now.unix_us,
            opened: Arc::new(opened),
        };
        let Ok(place) = self.sessions.insert(session) else { return };
        self.by_id.insert(id, place);
        self.destinations.join(to, place);
        self.wheel.arm(place, expires_at);
    }

    /// One whose call was never made is called now, if there is time; one that nothing can be claimed of fails.
    fn go_on(&mut self, place: u32, now: Now, calls: &mut impl Calls) {
        let Some(session) = self.sessions.get(place) else { return };
        if session.expires_at <= now.instant || session.has_hope() {
            return;
        }
        match session.last_outcome() {
            None => {
                let to = session.opened.to;
                if self.dial(place, false, None, now, calls).is_err() {
                    let reason = Some(Reason::NotAttempted);
                    self.end(place, Status::Failed, reason, None, now);
                    self.pass_turn(place, to, now, calls);
                }
            }
            Some(outcome) => {
                self.end(place, Status::Failed, Some(failure(outcome)), None, now);
            }
        }
    }
}
