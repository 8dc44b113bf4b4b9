//! Chance: everything random in a run comes from its seed, each part from a stream of its own.

use std::time::Duration;

use onering::base::rng::Rng;

/// One stream.
pub(crate) struct Chance(Rng);

impl Chance {
    /// The stream of this number. A part that draws more does not change what the others draw.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        Self(Rng::from_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (stream << 56)))
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0.wire()
    }

    /// 0 to `bound` − 1.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound.max(1) as u64) as usize
    }

    /// Whether something happens that does so this often in a thousand.
    pub(crate) fn hits(&mut self, permille: u32) -> bool {
        permille > 0 && self.bits() % 1000 < u64::from(permille)
    }

    /// One of these.
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Up to this long, to the microsecond.
    pub(crate) fn within(&mut self, longest: Duration) -> Duration {
        let micros = longest.as_micros() as u64;
        Duration::from_micros(self.bits() % (micros + 1))
    }
}
