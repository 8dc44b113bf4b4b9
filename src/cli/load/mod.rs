//! `onering load`: how much this machine, this engine, this service and this far end can do.

mod calls;
mod verifications;

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use clap::{Args, Subcommand};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use super::{Exit, Failure, Stdout};
use crate::io::net::clock::Clock;
use crate::load::Percentiles;

/// Make load, and measure
#[derive(Args, Debug)]
pub(super) struct Load {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Calls(calls::Calls),
    Verifications(Box<verifications::Verifications>),
}

impl Load {
    pub(super) fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        match self.what {
            What::Calls(calls) => calls.run(out),
            What::Verifications(verifications) => verifications.run(out),
        }
    }
}

/// A rate a second.
fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    let fits = (0.01..=1_000_000.0).contains(&rate);
    fits.then_some(rate).ok_or_else(|| "from 0.01 to 1000000 a second".to_owned())
}

/// User and system time of this process.
fn cpu() -> Duration {
    let time = |value: TimeVal| {
        let micros = u64::try_from(value.tv_usec()).unwrap_or(0);
        Duration::from_secs(u64::try_from(value.tv_sec()).unwrap_or(0))
            + Duration::from_micros(micros)
    };
    getrusage(UsageWho::RUSAGE_SELF)
        .map(|usage| time(usage.user_time()) + time(usage.system_time()))
        .unwrap_or_default()
}

/// A table of times for people.
fn print_times(out: &mut Stdout, rows: &[(&str, &Percentiles)]) -> std::io::Result<()> {
    writeln!(out, "{:>26} {:>9} {:>9} {:>9} {:>9}", "p50", "p90", "p99", "p99.9", "max")?;
    for (name, Percentiles { p50, p90, p99, p999, max }) in rows {
        writeln!(out, "{name:<14} us {p50:>9} {p90:>9} {p99:>9} {p999:>9} {max:>9}")?;
    }
    Ok(())
}

/// A bar on the terminal, where there is one.
struct Progress {
    count: u64,
    clock: Clock,
    shown_at: Option<crate::base::clock::Instant>,
    terminal: bool,
}

impl Progress {
    fn new(count: u64, clock: Clock) -> Self {
        Self { count, clock, shown_at: None, terminal: std::io::stderr().is_terminal() }
    }

    fn show(&mut self, done: u64) {
        const WIDTH: u64 = 40;
        if !self.terminal {
            return;
        }
        let now = self.clock.instant();
        if self.shown_at.is_some_and(|shown| now.since(shown) < Duration::from_millis(100)) {
            return;
        }
        self.shown_at = Some(now);
        let full = (done * WIDTH).checked_div(self.count).unwrap_or(WIDTH) as usize;
        let (bar, open) = ("=".repeat(full), " ".repeat(WIDTH as usize - full.min(WIDTH as usize)));
        write!(std::io::stderr(), "\r[{bar}{open}] {done} of {}", self.count).ok();
    }

    fn clear(&self) {
        if self.terminal {
            write!(std::io::stderr(), "\r\x1b[K").ok();
        }
    }
}
