//! Who is behind a branch: a table of slots, each with a generation.
//!
//! A branch names slot and generation, so finding a call is an index and a comparison. A call in flight lives in
//! its own store; a call that ended leaves sixteen bytes here, from which the ACK of a repeated final is built.

use super::lines::LineId;
use crate::base::number::Destination;

/// Who lives in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tenant {
    /// Nobody; the next free slot.
    Free(u32),
    /// A call: its place among the calls.
    Live(u32),
    /// A call that is over, until its timer D: what the Request-URI of another ACK and its way are made of, and
    /// whether a final was seen at all.
    Ended { to: Destination, line: LineId, target: u8, refused: bool },
    /// An answer that belongs to no call any more: its place among the strays.
    Stray(u32),
}

#[derive(Debug)]
struct Entry {
    generation: u32,
    tenant: Tenant,
}

/// The end of the list of free slots.
const NO_SLOT: u32 = u32::MAX;

/// The slots.
#[derive(Debug)]
pub(super) struct Slots {
    entries: Vec<Entry>,
    free: u32,
    taken: usize,
}

impl Slots {
    pub(super) const fn new() -> Self {
        Self { entries: Vec::new(), free: NO_SLOT, taken: 0 }
    }

    /// Takes a free slot if fewer than `max` are taken, and says its generation.
    pub(super) fn take(&mut self, tenant: Tenant, max: usize) -> Option<(u32, u32)> {
        if self.taken >= max {
            return None;
        }
        if let Some(entry) = self.entries.get_mut(self.free as usize) {
            let slot = self.free;
            if let Tenant::Free(next) = entry.tenant {
                self.free = next;
            }
            entry.tenant = tenant;
            self.taken += 1;
            return Some((slot, entry.generation));
        }
        let slot = u32::try_from(self.entries.len()).ok().filter(|&slot| slot != NO_SLOT)?;
        self.entries.push(Entry { generation: 0, tenant });
        self.taken += 1;
        Some((slot, 0))
    }

    /// Who lives there, if it is still the same.
    pub(super) fn get(&self, slot: u32, generation: u32) -> Option<Tenant> {
        let entry = self.entries.get(slot as usize)?;
        (entry.generation == generation).then_some(entry.tenant)
    }

    /// Who lives there now, and its generation.
    pub(super) fn tenant(&self, slot: u32) -> Option<(Tenant, u32)> {
        self.entries.get(slot as usize).map(|entry| (entry.tenant, entry.generation))
    }

    /// Puts another tenant into a taken slot.
    pub(super) fn change(&mut self, slot: u32, tenant: Tenant) {
        if let Some(entry) = self.entries.get_mut(slot as usize) {
            entry.tenant = tenant;
        }
    }

    /// Frees a slot; whoever still names it will not be found.
    pub(super) fn free(&mut self, slot: u32) {
        if let Some(entry) = self.entries.get_mut(slot as usize)
            && !matches!(entry.tenant, Tenant::Free(_))
        {
            entry.generation = entry.generation.wrapping_add(1);
            entry.tenant = Tenant::Free(self.free);
            self.free = slot;
            self.taken -= 1;
        }
    }

    /// Slots that somebody lives in.
    pub(super) const fn taken(&self) -> usize {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freed_slot_comes_back_under_another_generation() {
        let mut slots = Slots::new();
        let (slot, generation) = slots.take(Tenant::Live(7), 2).unwrap();
        assert_eq!(slots.get(slot, generation), Some(Tenant::Live(7)));
        slots.free(slot);
        slots.free(slot);
        assert_eq!(slots.get(slot, generation), None);
        assert_eq!(slots.taken(), 0);
        assert_eq!(slots.take(Tenant::Live(8), 2), Some((slot, generation + 1)));
        assert!(slots.take(Tenant::Live(9), 2).is_some());
        assert_eq!(slots.take(Tenant::Live(10), 2), None, "the table is full");
        assert!(slots.take(Tenant::Stray(0), 3).is_some(), "but for those that have more room");
    }

    #[test]
    fn tx_19_an_ended_call_costs_three_words() {
        assert!(size_of::<Entry>() <= 24, "{}", size_of::<Entry>());
    }
}
