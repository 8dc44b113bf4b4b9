//! `onering cdr`: the records of calls, from the service while it runs and from its store while it does not.

mod output;
mod records;
mod shown;

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::config::DirArg;
use super::{Exit, Failure, Stdout};
use crate::base::calendar::parse_rfc3339;
use crate::base::id::{AttemptId, SessionId};
use crate::base::number::Destination;
use crate::call::outcome::Outcome;
use crate::verify::cdr::Show;
use crate::verify::cdr::csv::Profile;
use output::{Form, Output};
use records::{Filter, Records};

/// Look at the records of calls, and export them
///
/// Numbers are shown in plain, but for the caller-ID of a verification that is still open: it is its code.
#[derive(Debug, Args)]
pub(super) struct CdrCommand {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(List),
    Show(ShowOne),
    Export(Export),
}

impl CdrCommand {
    pub(super) fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        match self.command {
            Verb::List(command) => command.run(out),
            Verb::Show(command) => command.run(out),
            Verb::Export(command) => command.run(out),
        }
    }
}

/// Where records are.
#[derive(Args, Debug)]
struct Place {
    #[command(flatten)]
    at: DirArg,
    /// Hide the caller-ID's tail and the middle of the called number
    #[arg(long)]
    masked: bool,
}

impl Place {
    fn open(&self) -> Result<Records, Failure> {
        Records::open(&self.at.place()?, if self.masked { Show::Masked } else { Show::Plain })
    }
}

/// Of which time.
#[derive(Args, Debug)]
struct Period {
    /// Calls that began then or later: a day like 2026-11-23, or a time like 2026-11-23T04:05:06Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<u64>,
    /// Calls that began before
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<u64>,
}

/// List records, the newest first
#[derive(Args, Debug)]
struct List {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    period: Period,
    /// Calls to this number
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    to: Option<Destination>,
    /// Calls that came to this; docs/OUTCOMES.md has the names
    #[arg(long, value_name = "NAME", value_parser = outcome)]
    outcome: Option<Outcome>,
    /// Calls over this trunk
    #[arg(long, value_name = "NAME")]
    trunk: Option<String>,
    /// Calls of this verification
    #[arg(long, value_name = "ID", value_parser = verification)]
    verification: Option<SessionId>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

/// Show one record
#[derive(Args, Debug)]
struct ShowOne {
    #[command(flatten)]
    place: Place,
    /// The cdr_id
    #[arg(value_name = "ID", value_parser = cdr_id)]
    id: AttemptId,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

/// Write records, the oldest first
#[derive(Args, Debug)]
struct Export {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    period: Period,
    /// What a line looks like
    #[arg(long, value_enum, default_value_t)]
    format: FormatArg,
    /// Columns of CSV
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = profile)]
    profile: Profile,
    /// Write to this file, in place of what it held, once all is written; by default to standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum FormatArg {
    /// A JSON object for each record
    #[default]
    Jsonl,
    /// Comma-separated values
    Csv,
}

impl List {
    fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        let filter = Filter {
            since_unix_us: self.period.since,
            until_unix_us: self.period.until,
            to: self.to,
            outcome: self.outcome,
            trunk: self.trunk,
            verification: self.verification,
        };
        let mut records = self.place.open()?;
        let found = records.list(&filter, self.limit as usize)?;
        records.close()?;
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &found).map_err(std::io::Error::from)?;
            writeln!(out)?;
        } else {
            shown::table(out, &found)?;
        }
        Ok(Exit::Done)
    }
}

impl ShowOne {
    fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        let mut records = self.place.open()?;
        let found = records.one(self.id)?;
        records.close()?;
        let Some(view) = found else {
            return Err(Failure::Failed(format!("there is no record {}", self.id)));
        };
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &view).map_err(std::io::Error::from)?;
            writeln!(out)?;
        } else {
            shown::fields(out, &view)?;
        }
        Ok(Exit::Done)
    }
}

impl Export {
    fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        let form = match self.format {
            FormatArg::Jsonl if self.profile != Profile::Default => {
                return Err(Failure::Usage("--profile: only --format csv has one".to_owned()));
            }
            FormatArg::Jsonl => Form::Lines,
            FormatArg::Csv => Form::Csv(self.profile),
        };
        let filter = Filter {
            since_unix_us: self.period.since,
            until_unix_us: self.period.until,
            ..Filter::default()
        };
        let mut records = self.place.open()?;
        match self.output {
            Some(path) => {
                let mut output = Output::create(path)?;
                form.begin(&mut output)?;
                records.all(&filter, |view| form.write(&mut output, &view))?;
                output.finish()?;
            }
            None => {
                form.begin(out)?;
                records.all(&filter, |view| form.write(out, &view))?;
            }
        }
        records.close()?;
        Ok(Exit::Done)
    }
}

fn time(text: &str) -> Result<u64, String> {
    parse_rfc3339(text).map_err(|error| error.to_string())
}

fn number(text: &str) -> Result<Destination, String> {
    Destination::parse(text).map_err(|error| error.to_string())
}

fn outcome(text: &str) -> Result<Outcome, String> {
    Outcome::named(text).ok_or_else(|| "no such outcome; docs/OUTCOMES.md has the names".to_owned())
}

fn verification(text: &str) -> Result<SessionId, String> {
    text.parse().map_err(|_| "no id of a verification; it is ver_ and 32 characters".to_owned())
}

fn cdr_id(text: &str) -> Result<AttemptId, String> {
    text.parse()
        .map_err(|_| "no id of a record; it looks like 0001-00000002-00000003-00000004".to_owned())
}

fn profile(text: &str) -> Result<Profile, String> {
    text.parse().map_err(|error: crate::verify::cdr::csv::NoSuchProfile| error.to_string())
}

#[cfg(test)]
mod tests;
