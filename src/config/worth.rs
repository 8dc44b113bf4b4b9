//! What the pools are worth: how hard the codes are to guess, by route and profile.

use std::sync::Arc;

use serde::Serialize;

use crate::numbers::odds::Odds;
use crate::numbers::pool::Pool;
use crate::verify::rules::{Profile, Rules};

/// Fewer distinct codes than that are worth a warning: three tries at 1,000 codes find one in 333.
const CODES_FEW: u32 = 1000;

/// What a pool is worth to the verifications of one profile over one route.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Worth {
    /// Name of the route.
    pub route: Arc<str>,
    /// Name of the profile.
    pub profile: Arc<str>,
    /// Name of the route's pool.
    pub pool: Arc<str>,
    /// Numbers in it.
    pub numbers: usize,
    /// Digits of the code.
    pub code_length: u8,
    /// Distinct codes.
    pub distinct: u32,
    /// Numbers that share the commonest code.
    pub largest_share: u32,
    /// Tries of a verification.
    pub tries: u8,
    /// Binary logarithm of the distinct codes, to a tenth.
    pub bits: f64,
    /// Chance that somebody who knows the pool guesses right within the tries, 0 to 1.
    pub guess_odds: f64,
    /// The same as one guesser in so many, rounded.
    pub one_in: u32,
    /// Whether it has the 20 bits that NIST SP 800-63B and OWASP ASVS ask for.
    pub meets_20_bits: bool,
}

/// One for each route and profile, in the order of routes.
#[must_use]
pub fn worth(rules: &Rules) -> Vec<Worth> {
    let mut all = Vec::new();
    for route in &rules.routes {
        let Some(pool) = rules.pools.get(route.pool) else { continue };
        for profile in rules.profiles.values() {
            let odds = odds(pool, profile);
            all.push(Worth {
                route: Arc::clone(&route.name),
                profile: Arc::clone(&profile.name),
                pool: Arc::clone(&pool.name),
                numbers: pool.len(),
                code_length: profile.code_length,
                distinct: odds.distinct,
                largest_share: pool.largest_share(profile.code_length),
                tries: odds.tries,
                bits: (odds.bits() * 10.0).round() / 10.0,
                guess_odds: odds.guess(),
                one_in: odds.one_in().unwrap_or(u32::MAX),
                meets_20_bits: odds.meets_20_bits(),
            });
        }
    }
    all
}

fn odds(pool: &Pool, profile: &Profile) -> Odds {
    Odds { distinct: pool.distinct(profile.code_length), tries: profile.tries }
}

/// What should be said of a pool with few codes for a profile.
pub(super) fn doubt(pool: &Pool, profile: &Profile) -> Option<(String, String)> {
    let odds = odds(pool, profile);
    (odds.distinct < CODES_FEW).then(|| {
        let Odds { distinct, tries } = odds;
        let digits = profile.code_length;
        let problem = format!(
            "pool {:?} has only {distinct} distinct codes of {digits} digits: {:.1} bits",
            &*pool.name,
            odds.bits()
        );
        let one_in = odds.one_in().unwrap_or(u32::MAX);
        let tries = if tries == 1 { "1 try".to_owned() } else { format!("{tries} tries") };
        let expected = format!(
            "with {tries} of profile {:?}, one guesser in {one_in} is right",
            &*profile.name
        );
        (problem, expected)
    })
}
