//! Chance, passed in: the same seed gives the same run, byte for byte.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng};

/// Two generators: one behind everything that others see on the wire (Call-IDs, tags, session ids), one behind what
/// somebody has to prove that he knows (which caller-ID rings him).
///
/// Stream ciphers (`StdRng`), so that what was seen does not tell what comes; and two of them, so that nothing which is
/// seen comes out of the one that is secret.
pub struct Rng {
    wire: StdRng,
    secret: StdRng,
}

impl Rng {
    /// Seeded from the operating system.
    #[must_use]
    pub fn from_os() -> Self {
        Self { wire: rand::make_rng(), secret: rand::make_rng() }
    }

    /// The same sequence for the same seed; for tests and simulations.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        let secret = StdRng::seed_from_u64(seed ^ 0x5ec2_e700_c0de_0000);
        Self { wire: StdRng::seed_from_u64(seed), secret }
    }

    /// Two generators of their own, seeded by the secret one: what others see of this one does not move.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        let mut seeded = || StdRng::from_rng(&mut self.secret);
        Self { wire: seeded(), secret: seeded() }
    }

    /// Fills a key that nobody may know.
    pub fn fill(&mut self, key: &mut [u8]) {
        self.secret.fill_bytes(key);
    }

    /// 64 bits for an identifier that others will see.
    pub fn wire(&mut self) -> u64 {
        self.wire.next_u64()
    }

    /// A number below `bound`, each as likely as any other; 0 for a bound of 0. For what must not be guessed.
    pub fn secret_below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        // Rejection: the numbers above the last whole multiple of the bound would make the small ones likelier.
        let last = u64::MAX - (u64::MAX % bound + 1) % bound;
        loop {
            let drawn = self.secret.next_u64();
            if drawn <= last {
                return drawn % bound;
            }
        }
    }
}
