//! `onering load calls`: how much this machine, this engine and this far end can do.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::rc::Rc;
use std::time::Duration;

use clap::Args;
use nix::sys::resource::{UsageWho, getrusage};
use serde::Serialize;

use super::super::call::{destination, no_alert};
use super::super::trunk::{EndWish, TrunkArgs, runtime};
use super::super::{Exit, Failure, Stdout};
use super::{Progress, cpu, print_times, rate};
use crate::base::number::Destination;
use crate::base::rng::Rng;
use crate::call::{HOLD_MAX, Pace, Trigger};
use crate::config::value::duration;
use crate::io::net::clock::Clock;
use crate::load::calls::Wish;
use crate::load::{self, Percentiles, Stopwatch, Tally, histogram};

/// Bare flash calls as fast as asked
///
/// Each call has random numbers and ids of its own, and its record. Exit status 0 if every call has its record and at
/// least one rang.
#[derive(Args, Debug)]
pub(super) struct Calls {
    #[command(flatten)]
    trunk: TrunkArgs,
    /// How many calls in all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    count: u64,
    /// How many under way at a time
    #[arg(long, value_name = "C", value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    concurrency: u32,
    /// At most so many a second
    #[arg(long, value_name = "R", value_parser = rate)]
    rate: Option<f64>,
    /// How long to let it ring before the CANCEL
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = hold)]
    hold: Duration,
    /// Cancel a call that has not rung by then
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = no_alert)]
    no_alert: Duration,
    /// Call this number, instead of a random one each time
    #[arg(long, value_name = "NUMBER", value_parser = destination)]
    to: Option<Destination>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

fn hold(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|hold| {
        let fits = hold <= Duration::from_secs(3600);
        fits.then_some(hold).ok_or_else(|| "at most 1h".to_owned())
    })
}

/// The figures, by the names of the JSON object.
#[derive(Serialize)]
struct Figures {
    calls: u64,
    rang: u64,
    outcomes: BTreeMap<&'static str, u64>,
    refused: u64,
    wall_s: f64,
    calls_per_s: f64,
    cpu_us_per_call: f64,
    retransmissions: u64,
    cancel_us: Percentiles,
    pdd_us: Percentiles,
    max_rss_kib: i64,
    /// Datagrams that the kernel dropped, because its buffer was full.
    dropped: u64,
    /// Responses that came after a call's record.
    amendments: u64,
}

/// How long to stay when nothing was lost, so that the last finals have their ACK.
const QUIET: Duration = Duration::from_millis(700);
/// How long to stay where packets get lost: timer H of the far end, which repeats its finals so long (RFC 3261
/// §17.2.1).
const LOSSY: Duration = Duration::from_millis(32_500);

impl Calls {
    pub(super) fn run(&self, out: &mut Stdout) -> Result<Exit, Failure> {
        if self.to.is_some() && self.hold > HOLD_MAX {
            return Err(Failure::Usage(format!(
                "--hold: at most {}s for a number of somebody's; without --to the numbers are nobody's",
                HOLD_MAX.as_secs()
            )));
        }
        let bound = self.trunk.bind(None)?;
        let cancel_us = Rc::new(RefCell::new(histogram()));
        let stopwatch = Stopwatch::new(Rc::clone(&cancel_us));
        let clock = Clock::start();
        let concurrency = self.concurrency as usize;
        // Ended calls stay in the table for timer D.
        let calls_max = concurrency.saturating_add(8_000_000);
        let wired = bound.wire(calls_max, Some(Box::new(stopwatch)), clock)?;
        let mut driver = wired.driver;
        let mut client = driver.client(concurrency);
        let pace = Pace { trigger: Trigger::Ringing, hold: self.hold, no_alert: self.no_alert };
        let wish = Wish { count: self.count, concurrency, rate: self.rate, pace, to: self.to };
        let mut progress = Progress::new(self.count, clock);
        let (before, began) = (cpu(), clock.instant());
        let (ended, measured) = runtime()?.block_on(async {
            tokio::join!(driver.run(), async move {
                let mut end_wish = EndWish::listen()?;
                let unwanted = Cell::new(false);
                let mut rng = Rng::from_os();
                let tick = |tally: &Tally| {
                    progress.show(tally.calls);
                    !unwanted.get()
                };
                let listen = async {
                    end_wish.heard().await;
                    unwanted.set(true);
                    std::future::pending().await
                };
                let tally = tokio::select! {
                    tally = load::calls::run(&mut client, &wish, clock, &mut rng, tick) => tally,
                    never = listen => never,
                };
                let (wall, used) = (clock.instant().since(began), cpu().saturating_sub(before));
                progress.clear();
                let stay = if tally.retransmissions > 0 { LOSSY } else { QUIET };
                tokio::time::timeout(stay, std::future::pending::<()>()).await.ok();
                drop(client);
                Ok::<_, Failure>((tally, wall, used))
            })
        });
        let (tally, wall, used) = measured?;
        let ended = ended.map_err(|error| Failure::Failed(error.to_string()))?;
        let figures = Figures {
            calls: tally.calls,
            rang: tally.rang,
            refused: tally.refused,
            wall_s: wall.as_secs_f64(),
            calls_per_s: tally.calls as f64 / wall.as_secs_f64(),
            cpu_us_per_call: used.as_secs_f64() * 1e6 / (tally.calls.max(1) as f64),
            retransmissions: tally.retransmissions,
            cancel_us: Percentiles::from(&*cancel_us.borrow()),
            pdd_us: Percentiles::from(&tally.pdd_us),
            max_rss_kib: getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.max_rss()),
            dropped: ended.inflow.overflowed,
            amendments: ended.store.kept().2,
            outcomes: tally.outcomes,
        };
        let complete = figures.calls == self.count && ended.store.open() == 0;
        if self.json {
            serde_json::to_writer(&mut *out, &figures).map_err(std::io::Error::from)?;
            writeln!(out)?;
        } else {
            figures.print(out)?;
        }
        Ok(if complete && figures.rang > 0 { Exit::Done } else { Exit::Failed })
    }
}

impl Figures {
    fn print(&self, out: &mut Stdout) -> std::io::Result<()> {
        writeln!(out, "calls            {:>12}", self.calls)?;
        for (outcome, count) in &self.outcomes {
            writeln!(out, "  {outcome:<22} {count:>5}")?;
        }
        if self.refused > 0 {
            writeln!(out, "refused          {:>12}", self.refused)?;
        }
        writeln!(out, "wall             {:>12.2} s", self.wall_s)?;
        writeln!(out, "rate             {:>12.0} calls/s", self.calls_per_s)?;
        writeln!(out, "CPU              {:>12.1} us a call", self.cpu_us_per_call)?;
        writeln!(out, "sent again       {:>12}", self.retransmissions)?;
        writeln!(out, "dropped          {:>12}", self.dropped)?;
        writeln!(out, "memory, at most  {:>12} KiB", self.max_rss_kib)?;
        print_times(out, &[("180 to CANCEL", &self.cancel_us), ("INVITE to 180", &self.pdd_us)])
    }
}
