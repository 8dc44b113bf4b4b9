//! How far the record files are behind, for the metrics.

use crate::api::metrics::Metrics;
use crate::base::calendar::parse_rfc3339;
use crate::io::deliver::{Delivery, Tally};
use crate::io::net::clock::Clock;
use crate::io::store::sqlite::{CdrQuery, Direction, Reader};
use crate::verify::cdr::Show;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// Between two looks: a scrape is seldom more frequent.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Looks now and then, until it is stopped.
pub(super) struct Lag {
    task: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

/// What is looked at.
pub(super) struct Looking {
    pub(super) reader: Reader,
    pub(super) rows: watch::Receiver<u64>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Clock,
}

impl Lag {
    pub(super) fn start(looking: Looking, deliveries: &[Delivery]) -> Self {
        let sinks: Arc<[_]> = deliveries
            .iter()
            .map(|delivery| (delivery.name().to_owned(), Arc::clone(delivery.tally())))
            .collect();
        let looking = Arc::new(looking);
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            loop {
                let (looking, sinks) = (Arc::clone(&looking), Arc::clone(&sinks));
                // The store's reader may keep it waiting.
                let look = move || sinks.iter().for_each(|(name, tally)| looking.at(name, tally));
                tokio::task::spawn_blocking(look).await.ok();
                if tokio::time::timeout(LOOK_EVERY, &mut stopped).await.is_ok() {
                    break;
                }
            }
        });
        Self { task, stop }
    }

    /// Lets go of the store.
    pub(super) async fn stop(self) {
        // Fails only where it has ended already; either way it is waited for.
        self.stop.send(()).ok();
        self.task.await.ok();
    }
}

impl Looking {
    fn at(&self, name: &str, tally: &Tally) {
        let behind = tally.behind(*self.rows.borrow());
        let oldest = if behind == 0 { None } else { self.began_unix_us(tally.reached()) };
        let age_us = oldest.map_or(0, |began| self.clock.now().unix_us.saturating_sub(began));
        self.metrics.sink_lag(name, behind, Duration::from_micros(age_us));
    }

    /// When the first call behind this row began. None where there is none, or the store cannot be read now: its records
    /// are counted all the same.
    fn began_unix_us(&self, row: u64) -> Option<u64> {
        let query = CdrQuery {
            after: Some(row),
            direction: Direction::OldestFirst,
            limit: 1,
            ..CdrQuery::default()
        };
        let first = self.reader.cdrs(&query).ok()?.into_iter().next()?;
        parse_rfc3339(&first.view(Show::Masked).ok()?.start_at).ok()
    }
}
