//! How many CDRs a service has stored, out of its metrics.

use std::time::Duration;

use super::line::Line;
use super::service::{Fault, Service};
use crate::base::clock::Instant;
use crate::io::net::clock::Clock;

/// Counts the calls whose CDR is stored.
const SERIES: &str = "onering_calls_finished_total";
/// How often the last ones are asked for.
const AGAIN: Duration = Duration::from_millis(100);

/// Asks a service how many CDRs it has stored since it began.
pub struct Cdrs<'a> {
    service: &'a Service,
    line: Line,
    before: u64,
}

impl<'a> Cdrs<'a> {
    /// Counts from now on.
    ///
    /// # Errors
    /// The service does not say.
    pub async fn from_now(service: &'a Service) -> Result<Self, Fault> {
        let mut cdrs = Self { service, line: Line::default(), before: 0 };
        cdrs.before = cdrs.stored().await?;
        Ok(cdrs)
    }

    /// Waits until there are `expected` more than there were, or until it is time. How many there are.
    ///
    /// # Errors
    /// The service does not say.
    pub async fn more(
        &mut self,
        expected: u64,
        until: Instant,
        clock: Clock,
    ) -> Result<u64, Fault> {
        let mut again = tokio::time::interval(AGAIN);
        loop {
            again.tick().await;
            let stored = self.stored().await?;
            // A service that was started again counts from 0.
            let more = stored.checked_sub(self.before).unwrap_or(stored);
            if more >= expected || clock.instant() >= until {
                return Ok(more);
            }
        }
    }

    async fn stored(&mut self) -> Result<u64, Fault> {
        let request = self.service.metrics()?;
        let answer = self.line.ask(self.service.address, request).await?;
        if answer.status != 200 {
            return Err(answer.refusal());
        }
        Ok(finished(&String::from_utf8_lossy(&answer.body)))
    }
}

/// The sum of the series over its labels; 0 where there is none yet.
fn finished(metrics: &str) -> u64 {
    metrics.lines().filter_map(value).map(|value| value as u64).sum()
}

/// The value in a line of the series.
fn value(line: &str) -> Option<f64> {
    let rest = line.strip_prefix(SERIES)?;
    let rest = match rest.strip_prefix('{') {
        Some(labels) => labels.get(end_of_labels(labels)? + 1..)?,
        None => rest,
    };
    // What follows may be a time.
    rest.strip_prefix(' ')?.split(' ').next()?.parse().ok()
}

/// Where the brace after the labels is: one that is in no quotes.
fn end_of_labels(labels: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    labels.bytes().position(|byte| {
        let ends = byte == b'}' && !quoted;
        quoted ^= byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_is_summed_over_its_labels() {
        let text = "# HELP onering_calls_finished Calls.\n# TYPE onering_calls_finished counter\n\
                    onering_calls_finished_total{trunk=\"west\",outcome=\"rang\"} 40\n\
                    onering_calls_finished_total{trunk=\"a} 7 \\\" {\",outcome=\"busy\"} 2 1764064000\n\
                    onering_calls_finished_total_other{a=\"b\"} 100\n\
                    onering_calls_placed_total 1000\nonering_calls_finished_total 1\n# EOF\n";
        assert_eq!(finished(text), 43);
        assert_eq!(finished(""), 0);
        assert_eq!(finished("onering_calls_finished_total{a=\"b\n"), 0);
    }
}
