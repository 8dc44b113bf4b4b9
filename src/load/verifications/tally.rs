//! What the verifications came to.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::load::histogram;

/// Counts and times. Times count from the moment when the request was given to the connection.
pub struct Tally {
    /// Verifications that are over, whatever came of them.
    pub verifications: u64,
    /// Those that the service took on: each has a call, and so a CDR.
    pub started: u64,
    /// Those whose code was right.
    pub approved: u64,
    /// Those whose code was not told in time.
    pub untold: u64,
    /// Verifications by what came of them: what the check said, or `untold`, `deduplicated`, `not_started`,
    /// `not_checked`.
    pub results: BTreeMap<String, u64>,
    /// Requests that failed, by the code of the problem or by what happened to the connection.
    pub errors: BTreeMap<String, u64>,
    /// From the start to its answer, microseconds.
    pub post_us: Histogram<u32>,
    /// From the start to its INVITE at the carrier, by the clock of the machine, microseconds.
    pub post_to_invite_us: Histogram<u32>,
    /// From the check to its answer, microseconds.
    pub check_us: Histogram<u32>,
    /// From the start to the answer of the check, microseconds.
    pub whole_us: Histogram<u32>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            verifications: 0,
            started: 0,
            approved: 0,
            untold: 0,
            results: BTreeMap::new(),
            errors: BTreeMap::new(),
            post_us: histogram(),
            post_to_invite_us: histogram(),
            check_us: histogram(),
            whole_us: histogram(),
        }
    }
}

/// Names that are counted apart; what a service invents beyond is `other`.
const NAMES_MAX: usize = 64;

/// Counts one more of this name.
pub(super) fn count(counts: &mut BTreeMap<String, u64>, name: &str) {
    if let Some(count) = counts.get_mut(name) {
        *count += 1;
        return;
    }
    let name = if counts.len() < NAMES_MAX { name } else { "other" };
    *counts.entry(name.to_owned()).or_default() += 1;
}
