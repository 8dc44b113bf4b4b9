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

    /// Whether one code is as hard to guess as NIST SP 800-63B asks of a secret that is sent: 20 bits, 1,048,576 codes.
    #[must_use]
    pub const fn meets_20_bits(&self) -> bool {
        self.distinct >= 1 << 20
    }

    /// A guesser is right once in so many verifications, rounded, at least 1; none where he has no try.
    #[must_use]
    pub fn one_in(&self) -> Option<u32> {
        let (distinct, tries) = (self.distinct.max(1), u32::from(self.tries));
        let rounded = distinct.saturating_add(tries / 2).checked_div(tries)?;
        Some(rounded.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_codes_and_three_tries_are_one_in_333() {
        let odds = Odds { distinct: 1000, tries: 3 };
        assert_eq!(format!("{:.1} {:.4}", odds.bits(), odds.guess()), "10.0 0.0030");
        assert_eq!(odds.one_in(), Some(333));
        assert!(!odds.meets_20_bits());
    }

    #[test]
    fn odds_are_rounded_to_the_nearest() {
        let one_in = |distinct, tries| Odds { distinct, tries }.one_in();
        assert_eq!(one_in(10_000, 3), Some(3333));
        assert_eq!(one_in(11, 3), Some(4));
        assert_eq!(one_in(10, 4), Some(3));
        assert_eq!(one_in(2, 10), Some(1));
        assert_eq!(one_in(0, 3), Some(1));
        assert_eq!(one_in(u32::MAX, 1), Some(u32::MAX));
        assert_eq!(one_in(1000, 0), None);
    }

    #[test]
    fn twenty_bits_are_two_to_the_twentieth_codes() {
        for (distinct, meets) in [(1_048_575, false), (1_048_576, true), (1_000_000, false)] {
            let odds = Odds { distinct, tries: 3 };
            assert_eq!(odds.meets_20_bits(), meets);
            assert_eq!(odds.bits() >= 20.0, meets);
        }
    }

    #[test]
    fn an_empty_pool_is_guessed_at_once() {
        let odds = Odds { distinct: 0, tries: 3 };
        assert_eq!((odds.bits(), odds.guess()), (0.0, 1.0));
    }
}
