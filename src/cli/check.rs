//! `onering check`: every mistake of a configuration at once, and what its pools are worth.

use std::io::{self, IsTerminal as _, Write as _};

use clap::Args;
use serde::Serialize;

use super::config::{ConfigArg, counted};
use super::{Exit, Failure, Stdout, table};
use crate::config::worth::{Worth, worth};
use crate::config::{self, Finding, Report, Severity};

/// Say everything that is wrong with a configuration, and what its pools are worth
///
/// Each mistake comes with its line and column and what would be right. Then, for each route and profile: how many
/// numbers and distinct codes there are, and how hard they are to guess for somebody who knows the pool. Exit status: 0 the
/// configuration can be used, perhaps with warnings, 2 it cannot.
#[derive(Args, Debug)]
pub(super) struct Check {
    #[command(flatten)]
    file: ConfigArg,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Checked {
    file: String,
    valid: bool,
    errors: Vec<Finding>,
    warnings: Vec<Finding>,
    worth: Vec<Worth>,
}

impl Check {
    pub(super) fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        let file = self.file.config.display().to_string();
        let (report, worth, valid) = match config::load(&self.file.config) {
            Ok(loaded) => (loaded.warnings, worth(&loaded.config.rules), true),
            Err(report) => (report, Vec::new(), false),
        };
        if self.json {
            let of = |severity| report.findings().filter(move |found| found.severity == severity);
            let checked = Checked {
                file,
                valid,
                errors: of(Severity::Error).collect(),
                warnings: of(Severity::Warning).collect(),
                worth,
            };
            serde_json::to_writer_pretty(&mut *out, &checked).map_err(io::Error::from)?;
            writeln!(out)?;
        } else {
            print(out, &file, &report, &worth)?;
        }
        Ok(if valid { Exit::Done } else { Exit::WrongUsage })
    }
}

fn print(out: &mut Stdout, file: &str, report: &Report, worth: &[Worth]) -> Result<(), Failure> {
    out.write_all(report.render(io::stdout().is_terminal()).as_bytes())?;
    writeln!(out, "{file}: {}", counted(report))?;
    if worth.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let rows: Vec<_> = worth.iter().map(row).collect();
    let headings = [
        "route",
        "profile",
        "pool",
        "numbers",
        "digits",
        "codes",
        "most alike",
        "bits",
        "tries",
        "guessed by",
        "meets 20 bits",
    ];
    table::write(out, headings, &rows)?;
    if worth.iter().any(|worth| !worth.meets_20_bits) {
        writeln!(
            out,
            "\nNIST SP 800-63B and OWASP ASVS ask for 20 bits: 1,048,576 codes. Fewer prove less; no number of tries or \
             digits makes up for it."
        )?;
    }
    Ok(())
}

fn row(worth: &Worth) -> [String; 11] {
    [
        worth.route.to_string(),
        worth.profile.to_string(),
        worth.pool.to_string(),
        worth.numbers.to_string(),
        worth.code_length.to_string(),
        worth.distinct.to_string(),
        worth.largest_share.to_string(),
        format!("{:.1}", worth.bits),
        worth.tries.to_string(),
        format!("one in {}", worth.one_in),
        if worth.meets_20_bits { "yes".to_owned() } else { "no".to_owned() },
    ]
}
