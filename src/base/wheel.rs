//! Hierarchical timing wheel: one deadline for each of millions of keys, each operation in constant time.
//!
//! Ten levels of 64 slots with a tick of one millisecond reach beyond [`Instant::NEVER`], so there is no
//! horizon. A key hangs in the slot of the highest six bits in which its deadline differs from the time
//! reached; when that slot's time comes its keys move down, at last to the list of those that are due. Slots
//! and keys are links of circular doubly linked lists in one array: 16 bytes a key, no allocation once the
//! array has grown to the highest key.
//!
//! Deadlines are rounded up to a tick: nothing fires early, and nothing more than a tick late if the owner
//! comes back at [`Wheel::next`]. Keys fire in the order of their ticks, also after a long sleep; within a
//! tick in an order that depends on nothing but the calls made. A key armed in the past fires after those
//! already found due.

use crate::base::clock::Instant;

/// The deadlines of many keys. Keys should be small numbers: the array reaches up to the highest.
pub struct Wheel {
    /// The ends of the lists (64 slots for each level, then those found due), then one for each key.
    links: Vec<Link>,
    /// Which slots of each level hold keys.
    occupied: [u64; LEVELS],
    /// The tick reached: everything due up to it has been found.
    reached: u64,
    armed: usize,
}

/// A place in a circular list. Indices below [`LISTS`] are the lists' ends.
#[derive(Clone, Copy)]
struct Link {
    /// The tick of the deadline, of a key that is armed.
    due: u64,
    /// [`DISARMED`] in a key that is in no list.
    next: u32,
    prev: u32,
}

/// A slot that holds keys.
#[derive(Clone, Copy)]
struct Slot {
    level: usize,
    number: u32,
    /// The tick at which its keys must move on.
    start: u64,
}

const TICK_US: u64 = 1000;
const SLOTS: usize = 64;
const BITS: usize = 6;
/// Enough levels for every tick: 10 × 6 bits hold `u64::MAX` microseconds.
const LEVELS: usize = 10;
/// The list of keys found due.
const DUE: usize = LEVELS * SLOTS;
const LISTS: usize = DUE + 1;
const DISARMED: u32 = u32::MAX;

impl Default for Wheel {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "links only ever name places of the array, which never shrinks; levels and slots are masked"
)]
impl Wheel {
    /// With room for the keys below `keys`; it grows when others come.
    #[must_use]
    pub fn with_capacity(keys: usize) -> Self {
        let mut links = Vec::with_capacity(LISTS + keys);
        links.extend((0..LISTS as u32).map(|end| Link { due: 0, next: end, prev: end }));
        Self { links, occupied: [0; LEVELS], reached: 0, armed: 0 }
    }

    /// Sets the deadline of `key`, in place of the one it had. [`Instant::NEVER`] takes it away.
    ///
    /// # Panics
    /// For a key within a few hundred of `u32::MAX`; the array up to there would take 64 GiB.
    pub fn arm(&mut self, key: u32, at: Instant) {
        self.disarm(key);
        if at == Instant::NEVER {
            return;
        }
        let index = LISTS + key as usize;
        assert!(index < DISARMED as usize, "a key is an index of a table that fits in memory");
        if index >= self.links.len() {
            self.links.resize(index + 1, Link { due: 0, next: DISARMED, prev: DISARMED });
        }
        self.links[index].due = at.as_micros().div_ceil(TICK_US);
        self.armed += 1;
        self.place(index);
    }

    /// Takes the deadline of `key` away, if it has one.
    pub fn disarm(&mut self, key: u32) {
        let index = LISTS + key as usize;
        if self.links.get(index).is_some_and(|link| link.next != DISARMED) {
            self.unlink(index);
            self.armed -= 1;
        }
    }

    /// Takes out one key whose deadline has come. Call it until it says `None`, or come back soon: the rest
    /// is not lost.
    pub fn pop_due(&mut self, now: Instant) -> Option<u32> {
        let now = now.as_micros() / TICK_US;
        loop {
            let first = self.links[DUE].next as usize;
            if first != DUE {
                self.unlink(first);
                self.armed -= 1;
                return u32::try_from(first - LISTS).ok();
            }
            match self.first_slot() {
                Some(slot) if slot.start <= now => {
                    self.reached = slot.start;
                    self.empty(slot);
                }
                Some(_) | None => {
                    self.reached = self.reached.max(now);
                    return None;
                }
            }
        }
    }

    /// When to call [`pop_due`](Self::pop_due): no key is due before. It may then find none (keys far away move
    /// nearer in a few steps); `None` if nothing is armed.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        let tick = if self.links[DUE].next as usize == DUE {
            self.first_slot()?.start
        } else {
            self.reached
        };
        Some(Instant::from_micros(tick.saturating_mul(TICK_US)))
    }

    /// How many keys have a deadline.
    #[must_use]
    pub fn len(&self) -> usize {
        self.armed
    }

    /// Whether no key has a deadline.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.armed == 0
    }

    /// The slot whose time comes first. All keys of a level are due before all keys of the level above,
    /// since they share more leading bits with the tick reached.
    fn first_slot(&self) -> Option<Slot> {
        let level = self.occupied.iter().position(|&slots| slots != 0)?;
        let number = self.occupied[level].trailing_zeros();
        let above = self.reached >> (BITS * level) & !(SLOTS as u64 - 1);
        Some(Slot { level, number, start: (above | u64::from(number)) << (BITS * level) })
    }

    /// Moves the keys of a slot to where they belong now that its time is reached: due, or a level below.
    fn empty(&mut self, slot: Slot) {
        let end = slot.level * SLOTS + slot.number as usize;
        self.occupied[slot.level] &= !(1 << slot.number);
        let mut index = self.links[end].next as usize;
        self.links[end].next = end as u32;
        self.links[end].prev = end as u32;
        while index != end {
            let next = self.links[index].next as usize;
            self.place(index);
            index = next;
        }
    }

    /// Appends a key that is in no list to the list where its deadline belongs.
    fn place(&mut self, index: usize) {
        let due = self.links[index].due;
        let end = if due <= self.reached {
            DUE
        } else {
            let level = (due ^ self.reached).ilog2() as usize / BITS;
            let number = (due >> (BITS * level)) as usize % SLOTS;
            self.occupied[level] |= 1 << number;
            level * SLOTS + number
        };
        let last = self.links[end].prev;
        self.links[index].next = end as u32;
        self.links[index].prev = last;
        self.links[last as usize].next = index as u32;
        self.links[end].prev = index as u32;
    }

    /// Takes a key out of its list.
    fn unlink(&mut self, index: usize) {
        let Link { next, prev, .. } = self.links[index];
        self.links[index].next = DISARMED;
        self.links[prev as usize].next = next;
        self.links[next as usize].prev = prev;
        // Alone in a slot: both neighbours are the slot's own end.
        if next == prev && (next as usize) < DUE {
            let (level, number) = (next as usize / SLOTS, next as usize % SLOTS);
            self.occupied[level] &= !(1 << number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    const fn ms(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn drain(wheel: &mut Wheel, now: Instant) -> Vec<u32> {
        std::iter::from_fn(|| wheel.pop_due(now)).collect()
    }

    /// Sleeps from one `next` to the next until something fires.
    fn sleep(wheel: &mut Wheel) -> Option<(Instant, Vec<u32>)> {
        loop {
            let at = wheel.next()?;
            let fired = drain(wheel, at);
            if !fired.is_empty() {
                return Some((at, fired));
            }
        }
    }

    #[test]
    fn a_key_takes_sixteen_bytes() {
        assert_eq!(size_of::<Link>(), 16);
    }

    #[test]
    fn nothing_fires_early_and_nothing_more_than_a_tick_late() {
        for micros in [0, 1, 999, 1000, 1001, 63_999, 64_000, 64_001, 4_095_001, 262_144_000] {
            let mut wheel = Wheel::default();
            let due = Instant::from_micros(micros);
            wheel.arm(7, due);
            let (at, fired) = sleep(&mut wheel).unwrap();
            assert_eq!(fired, [7]);
            assert!(at >= due && at - due < Duration::from_millis(1), "{due:?} fired at {at:?}");
            assert!(wheel.is_empty() && wheel.next().is_none());
        }
    }

    #[test]
    fn a_deadline_years_away_fires_on_its_tick() {
        let mut wheel = Wheel::default();
        let ten_years = ms(10 * 365 * 86_400_000);
        let last = Instant::from_micros(u64::MAX - 1);
        wheel.arm(0, ten_years);
        wheel.arm(1, last);
        assert_eq!(sleep(&mut wheel), Some((ten_years, vec![0])));
        assert_eq!(wheel.len(), 1);
        assert!(wheel.pop_due(Instant::from_micros(u64::MAX - 10_000)).is_none());
        wheel.disarm(1);
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn arming_again_moves_and_never_or_disarm_takes_away() {
        let mut wheel = Wheel::default();
        wheel.arm(1, ms(10));
        wheel.arm(2, ms(10));
        wheel.arm(3, ms(10));
        wheel.arm(1, ms(5000));
        wheel.arm(2, Instant::NEVER);
        wheel.disarm(3);
        wheel.disarm(3);
        wheel.disarm(4_000);
        assert_eq!(wheel.len(), 1);
        assert_eq!(sleep(&mut wheel), Some((ms(5000), vec![1])));
    }

    #[test]
    fn a_jump_of_five_seconds_fires_everything_in_order_of_tick() {
        let mut wheel = Wheel::default();
        let mut rng = Rng::from_seed(5);
        let mut due = Vec::new();
        drain(&mut wheel, ms(123_456));
        for key in 0..5000 {
            let tick = 123_457 + rng.wire() % 5000;
            due.push(tick);
            wheel.arm(key, ms(tick));
        }
        let fired = drain(&mut wheel, ms(123_456 + 5000));
        assert_eq!(fired.len(), 5000);
        assert!(fired.is_sorted_by_key(|key| due[*key as usize]));
    }

    #[test]
    fn a_key_armed_in_the_past_fires_at_once() {
        let mut wheel = Wheel::default();
        assert_eq!(wheel.pop_due(ms(1000)), None);
        wheel.arm(9, ms(1));
        assert_eq!(wheel.next(), Some(ms(1000)));
        assert_eq!(wheel.pop_due(ms(1000)), Some(9));
    }

    #[test]
    fn who_stops_early_finds_the_rest_later_and_new_keys_in_their_place() {
        let mut wheel = Wheel::default();
        for key in 0..4 {
            wheel.arm(key, ms(100 * u64::from(key)));
        }
        let now = ms(1000);
        assert_eq!(wheel.pop_due(now), Some(0));
        assert_eq!(wheel.pop_due(now), Some(1));
        wheel.arm(8, ms(150));
        wheel.arm(9, ms(400));
        assert_eq!(wheel.next(), Some(ms(128)), "the slot that holds 150 ms");
        assert_eq!(drain(&mut wheel, now), [8, 2, 3, 9]);
    }

    /// The model: a sorted map from tick to keys.
    #[test]
    fn random_operations_agree_with_a_sorted_map() {
        for seed in 0..40 {
            let mut rng = Rng::from_seed(seed);
            let mut wheel = Wheel::default();
            let mut model = BTreeMap::<u32, u64>::new();
            let mut now = 0;
            for _ in 0..4000 {
                let key = (rng.wire() % 50) as u32;
                match rng.wire() % 10 {
                    0..5 => {
                        let reach = 1 << (rng.wire() % 36);
                        let due = (now + rng.wire() % reach).saturating_sub(rng.wire() % 2000);
                        wheel.arm(key, Instant::from_micros(due));
                        model.insert(key, due.div_ceil(1000));
                    }
                    5 => {
                        wheel.disarm(key);
                        model.remove(&key);
                    }
                    _ => {
                        now += rng.wire() % (1 << (rng.wire() % 34));
                        agree(&mut wheel, &mut model, now);
                    }
                }
                assert_eq!(wheel.len(), model.len());
            }
        }
    }

    fn agree(wheel: &mut Wheel, model: &mut BTreeMap<u32, u64>, now: u64) {
        let first = model.values().min().map(|tick| tick * 1000);
        let next = wheel.next().map(Instant::as_micros);
        assert_eq!(next.is_some(), first.is_some());
        assert!(next <= first.map(|first| first.max(now)), "next must be a lower bound");
        let fired: Vec<u32> = drain(wheel, Instant::from_micros(now));
        let due: BTreeSet<u32> =
            model.iter().filter(|(_, tick)| **tick <= now / 1000).map(|(key, _)| *key).collect();
        assert_eq!(fired.iter().copied().collect::<BTreeSet<_>>(), due);
        assert_eq!(fired.len(), due.len(), "nothing fires twice");
        for key in due {
            model.remove(&key);
        }
    }

    #[test]
    fn the_same_calls_give_the_same_order() {
        let run = || {
            let mut rng = Rng::from_seed(11);
            let mut wheel = Wheel::default();
            for _ in 0..2000 {
                wheel.arm((rng.wire() % 900) as u32, ms(rng.wire() % 300));
            }
            drain(&mut wheel, ms(300))
        };
        assert_eq!(run(), run());
    }
}
