//! What a code is worth: how hard it is to guess, with the pool known to everybody.

/// How hard a code is to guess.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Odds {
    /// Distinct codes that may be drawn.
    pub distinct: u32,
    /// Tries that a guesser has.
    pub tries: u8,
}

impl Odds {
    /// Binary logarithm of the distinct codes; 0 where there are none.
    #[must_use]
    pub fn bits(&self) -> f64 {
        f64::from(self.distinct.max(1)).log2()
    }

    /// Chance that a guesser who knows the pool is right within the tries, 0 to 1.
    #[must_use]
    pub fn guess(&self) -> f64 {
        (f64::from(self.tries) / f64::from(self.distinct.max(1))).min(1.0)
    }
}
