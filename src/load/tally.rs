//! What a load came to.

use crate::verify::cdr::Cdr;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;

/// Counts and times of calls that are over.
pub struct Tally {
    /// Calls with a record.
    pub calls: u64,
    /// Calls that alerted the phone.
    pub rang: u64,
    /// Calls by what they came to.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Calls that the engine did not take.
    pub refused: u64,
    /// Requests that were sent again.
    pub retransmissions: u64,
    /// From INVITE to ringing, microseconds.
    pub pdd_us: Histogram<u32>,
}

/// A histogram of microseconds, up to an hour, to three digits.
#[must_use]
#[expect(clippy::expect_used, reason = "the bounds are constants")]
pub fn histogram() -> Histogram<u32> {
    Histogram::new_with_bounds(1, 3_600_000_000, 3).expect("1 is below an hour, and 3 below 6")
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            calls: 0,
            rang: 0,
            outcomes: BTreeMap::new(),
            refused: 0,
            retransmissions: 0,
            pdd_us: histogram(),
        }
    }
}

impl Tally {
    /// Counts one record.
    pub fn add(&mut self, cdr: &Cdr) {
        self.calls += 1;
        self.rang += u64::from(cdr.outcome.alerted());
        *self.outcomes.entry(cdr.outcome.name()).or_default() += 1;
        self.retransmissions += u64::from(cdr.facts.retransmissions);
        if let Some(pdd) = cdr.pdd_us() {
            self.pdd_us.saturating_record(u64::from(pdd));
        }
    }
}

/// The usual points of a distribution, microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Percentiles {
    /// Median.
    pub p50: u64,
    /// 90 %.
    pub p90: u64,
    /// 99 %.
    pub p99: u64,
    /// 99.9 %.
    pub p999: u64,
    /// The longest.
    pub max: u64,
}

impl From<&Histogram<u32>> for Percentiles {
    fn from(histogram: &Histogram<u32>) -> Self {
        Self {
            p50: histogram.value_at_quantile(0.5),
            p90: histogram.value_at_quantile(0.9),
            p99: histogram.value_at_quantile(0.99),
            p999: histogram.value_at_quantile(0.999),
            max: histogram.max(),
        }
    }
}
