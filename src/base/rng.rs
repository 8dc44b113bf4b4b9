//! Chance, passed in: the same seed gives the same run, byte for byte.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng};

/// The generator behind everything others see on the wire: Call-IDs, tags, session ids.
///
/// A stream cipher (`StdRng`), so that what was seen does not tell what comes.
pub struct Rng {
    wire: StdRng,
}

impl Rng {
    /// Seeded from the operating system.
    #[must_use]
    pub fn from_os() -> Self {
        Self { wire: rand::make_rng() }
    }

    /// The same sequence for the same seed; for tests and simulations.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self { wire: StdRng::seed_from_u64(seed) }
    }

    /// 64 bits for an identifier that others will see.
    pub fn wire(&mut self) -> u64 {
        self.wire.next_u64()
    }
}
