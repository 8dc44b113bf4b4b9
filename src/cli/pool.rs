//! `onering pool`: the numbers to call from, and how many are needed.

use std::io::Write as _;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::config::ConfigArg;
use super::{Exit, Failure, Stdout, table};
use crate::config::value::duration;
use crate::numbers::odds::Odds;
use crate::verify::rules::Rules;

/// Look at pools, and plan them
#[derive(Debug, Args)]
pub(super) struct Pool {
    #[command(subcommand)]
    command: PoolCommand,
}

#[derive(Debug, Subcommand)]
enum PoolCommand {
    List(List),
    Plan(Plan),
}

/// List the pools of a configuration with their numbers and codes
#[derive(Args, Debug)]
struct List {
    #[command(flatten)]
    file: ConfigArg,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

/// Say how many numbers are needed for which odds
///
/// Whoever knows the pool guesses among its distinct codes, so their count decides, not the digits of a code. With
/// --per-hour it also says how often each number calls, and how often somebody who did nothing but guess would be right.
#[derive(Args, Debug)]
struct Plan {
    /// Digits of the code
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(4..=8))]
    code_length: u8,
    /// Tries of a verification
    #[arg(long, value_name = "K", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=10))]
    tries: u8,
    /// Verifications an hour
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    per_hour: Option<u32>,
    /// How long a verification lives
    #[arg(long, value_name = "TIME", default_value = "3m", value_parser = lifetime)]
    lifetime: Duration,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn lifetime(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|time| {
        let fits = (Duration::from_secs(1)..=Duration::from_secs(600)).contains(&time);
        fits.then_some(time).ok_or_else(|| "from 1s to 10m".to_owned())
    })
}

impl Pool {
    pub(super) fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        match self.command {
            PoolCommand::List(command) => command.run(out),
            PoolCommand::Plan(command) => command.run(out),
        }
    }
}

/// A pool and its codes of one length.
#[derive(Serialize)]
struct Listed {
    pool: String,
    numbers: usize,
    code_length: u8,
    distinct: u32,
    largest_share: u32,
    bits: f64,
    routes: Vec<String>,
}

impl List {
    fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        let listed = listed(&self.file.load()?.config.rules);
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &listed).map_err(std::io::Error::from)?;
            writeln!(out)?;
            return Ok(Exit::Done);
        }
        let row = |pool: &Listed| {
            [
                pool.pool.clone(),
                pool.numbers.to_string(),
                pool.code_length.to_string(),
                pool.distinct.to_string(),
                pool.largest_share.to_string(),
                format!("{:.1}", pool.bits),
                pool.routes.join(", "),
            ]
        };
        let rows: Vec<_> = listed.iter().map(row).collect();
        let headings = ["pool", "numbers", "digits", "codes", "most alike", "bits", "routes"];
        table::write(out, headings, &rows)?;
        Ok(Exit::Done)
    }
}

fn listed(rules: &Rules) -> Vec<Listed> {
    let lengths = rules.profiles.values().map(|profile| profile.code_length);
    let lengths: std::collections::BTreeSet<u8> = lengths.collect();
    let mut listed = Vec::new();
    for (place, pool) in rules.pools.iter().enumerate() {
        let routes = rules.routes.iter().filter(|route| route.pool == place);
        let routes: Vec<String> = routes.map(|route| route.name.to_string()).collect();
        for code_length in &lengths {
            let distinct = pool.distinct(*code_length);
            listed.push(Listed {
                pool: pool.name.to_string(),
                numbers: pool.len(),
                code_length: *code_length,
                distinct,
                largest_share: pool.largest_share(*code_length),
                bits: tenths(Odds { distinct, tries: 1 }.bits()),
                routes: routes.clone(),
            });
        }
    }
    listed
}

fn tenths(bits: f64) -> f64 {
    (bits * 10.0).round() / 10.0
}

/// How much a pool of a size is worth.
#[derive(Serialize)]
struct Size {
    one_in: u32,
    codes: u32,
    bits: f64,
    meets_20_bits: bool,
    /// Whether a code of so many digits has so many values.
    possible: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    calls_per_number_and_hour: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hours_between_lucky_guesses: Option<f64>,
}

#[derive(Serialize)]
struct Planned {
    code_length: u8,
    tries: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    open_at_a_time: Option<f64>,
    sizes: Vec<Size>,
}

/// One guesser in so many is right.
const ODDS: [u32; 6] = [10, 33, 100, 1_000, 10_000, 100_000];

impl Plan {
    fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        let open = |per_hour: u32| f64::from(per_hour) * self.lifetime.as_secs_f64() / 3600.0;
        let planned = Planned {
            code_length: self.code_length,
            tries: self.tries,
            open_at_a_time: self.per_hour.map(open),
            sizes: self.sizes(),
        };
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &planned).map_err(std::io::Error::from)?;
            writeln!(out)?;
        } else {
            self.print(out, &planned)?;
        }
        Ok(Exit::Done)
    }

    /// A pool for each of the odds, one with every code of this length, and one of 20 bits.
    fn sizes(&self) -> Vec<Size> {
        let all = 10_u32.pow(u32::from(self.code_length));
        let mut codes: Vec<u32> =
            ODDS.iter().map(|one_in| one_in.saturating_mul(u32::from(self.tries))).collect();
        codes.extend([all, 1 << 20]);
        codes.sort_unstable();
        codes.dedup();
        codes.into_iter().map(|codes| self.size(codes, all)).collect()
    }

    fn size(&self, codes: u32, all: u32) -> Size {
        let odds = Odds { distinct: codes, tries: self.tries };
        let per_hour = self.per_hour.map(f64::from);
        Size {
            one_in: odds.one_in().unwrap_or(u32::MAX),
            codes,
            bits: tenths(odds.bits()),
            meets_20_bits: odds.meets_20_bits(),
            possible: codes <= all,
            calls_per_number_and_hour: per_hour.map(|calls| calls / f64::from(codes)),
            hours_between_lucky_guesses: per_hour.map(|calls| 1.0 / (calls * odds.guess())),
        }
    }

    fn print(&self, out: &mut Stdout, planned: &Planned) -> Result<(), Failure> {
        let (digits, tries) = (self.code_length, self.tries);
        writeln!(out, "Codes of {digits} digits, tries: {tries}.")?;
        if let (Some(per_hour), Some(open)) = (self.per_hour, planned.open_at_a_time) {
            writeln!(out, "{per_hour} verifications an hour; {open:.1} are open at a time.")?;
        }
        writeln!(out)?;
        let or_dash =
            |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v:.2}"));
        let row = |size: &Size| {
            [
                format!("one in {}", size.one_in),
                size.codes.to_string(),
                format!("{:.1}", size.bits),
                if size.meets_20_bits { "yes" } else { "no" }.to_owned(),
                if size.possible { "yes".to_owned() } else { format!("not with {digits} digits") },
                or_dash(size.calls_per_number_and_hour),
                or_dash(size.hours_between_lucky_guesses),
            ]
        };
        let rows: Vec<_> = planned.sizes.iter().map(row).collect();
        if self.per_hour.is_some() {
            let headings = [
                "guessed by",
                "numbers",
                "bits",
                "meets 20 bits",
                "possible",
                "calls of each an hour",
                "hours between lucky guesses",
            ];
            table::write(out, headings, &rows)?;
        } else {
            let rows: Vec<_> =
                rows.into_iter().map(|[a, b, c, d, e, _, _]| [a, b, c, d, e]).collect();
            let headings = ["guessed by", "numbers", "bits", "meets 20 bits", "possible"];
            table::write(out, headings, &rows)?;
        }
        writeln!(
            out,
            "\nThe numbers must all have different last {digits} digits; those that share them count once."
        )?;
        Ok(())
    }
}
