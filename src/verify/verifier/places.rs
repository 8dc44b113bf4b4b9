//! Numbers that something is open for: who holds what there, whose call is under way, and who waits for its end.

use crate::base::number::{CallerId, Destination};
use crate::verify::record::RECENT_MAX;
use smallvec::SmallVec;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

/// One number. It stays in memory as long as anything is open or unstored there; so what is here is true, and what the
/// store says is true of every other number.
#[derive(Default)]
pub(super) struct Place {
    /// Its verifications.
    pub(super) sessions: SmallVec<[u32; 1]>,
    /// Caller-IDs that rang it, newest first.
    pub(super) recent: VecDeque<CallerId>,
    /// Whether the store was asked for those from before.
    loaded: bool,
    /// The verification whose call is under way.
    pub(super) calling: Option<u32>,
    /// Those that wait for its end.
    waiting: VecDeque<u32>,
    /// Starts that wait for the store.
    loading: u32,
}

/// All of them.
#[derive(Default)]
pub(super) struct Destinations {
    places: HashMap<Destination, Place>,
}

impl Destinations {
    pub(super) fn get(&self, to: Destination) -> Option<&Place> {
        self.places.get(&to)
    }

    pub(super) fn get_mut(&mut self, to: Destination) -> &mut Place {
        self.places.entry(to).or_default()
    }

    /// Whether what rang it before is known.
    pub(super) fn is_known(&self, to: Destination) -> bool {
        self.places.get(&to).is_some_and(|place| place.loaded)
    }

    /// A start waits for the store to say what rang it before.
    pub(super) fn enter(&mut self, to: Destination) {
        self.get_mut(to).loading += 1;
    }

    /// A start does not wait any more.
    pub(super) fn leave(&mut self, to: Destination) {
        let place = self.get_mut(to);
        place.loading = place.loading.saturating_sub(1);
        self.forget_if_empty(to);
    }

    /// What the store says, newest first. What is in memory already is newer, and true.
    pub(super) fn learn(&mut self, to: Destination, recent: &[CallerId]) {
        let place = self.get_mut(to);
        if !std::mem::replace(&mut place.loaded, true) {
            let room = RECENT_MAX.saturating_sub(place.recent.len());
            place.recent.extend(recent.iter().take(room));
        }
    }

    pub(super) fn join(&mut self, to: Destination, session: u32) {
        self.get_mut(to).sessions.push(session);
    }

    pub(super) fn part(&mut self, to: Destination, session: u32) {
        let place = self.get_mut(to);
        place.sessions.retain(|held| *held != session);
        // It may have had its turn for a call that could not be prepared; nobody waits then.
        place.calling = place.calling.filter(|calling| *calling != session);
        self.forget_if_empty(to);
    }

    /// A call is to be made: whether it may be prepared now. If not, the verification waits.
    pub(super) fn take_turn(&mut self, to: Destination, session: u32) -> bool {
        let place = self.get_mut(to);
        if place.calling.is_some_and(|calling| calling != session) {
            if !place.waiting.contains(&session) {
                place.waiting.push_back(session);
            }
            return false;
        }
        place.calling = Some(session);
        true
    }

    /// The call of this verification is over: who is next.
    pub(super) fn end_turn(&mut self, to: Destination, session: u32) -> Option<u32> {
        let place = self.places.get_mut(&to)?;
        if place.calling != Some(session) {
            return None;
        }
        place.calling = None;
        place.waiting.pop_front()
    }

    /// It does not wait any more.
    pub(super) fn unqueue(&mut self, to: Destination, session: u32) {
        if let Some(place) = self.places.get_mut(&to) {
            place.waiting.retain(|waiting| *waiting != session);
        }
    }

    /// A caller-ID rings it.
    pub(super) fn rang(&mut self, to: Destination, caller: CallerId) {
        let place = self.get_mut(to);
        place.recent.push_front(caller);
        place.recent.truncate(RECENT_MAX);
    }

    fn forget_if_empty(&mut self, to: Destination) {
        if let Entry::Occupied(place) = self.places.entry(to) {
            let Place { sessions, calling, waiting, loading, .. } = place.get();
            if sessions.is_empty() && calling.is_none() && waiting.is_empty() && *loading == 0 {
                place.remove();
            }
        }
    }
}
