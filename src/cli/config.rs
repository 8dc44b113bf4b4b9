//! `onering config`: what a configuration may hold; and the flag by which commands are given one.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{Exit, Failure, Stdout};
use crate::api::SOCKET;
use crate::config::describe::{example, schema};
use crate::config::{self, Loaded, Place, Report};

/// Help with the configuration file
#[derive(Debug, Args)]
pub(super) struct Config {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    Example(Example),
    Schema(Schema),
}

/// Print a configuration with every key and what it means
///
/// To begin with it: onering config example > onering.toml
#[derive(Debug, Args)]
struct Example {}

/// Print the JSON schema of the configuration, for editors
///
/// Editors that know TOML find it by a first line "#:schema ./onering.schema.json".
#[derive(Debug, Args)]
struct Schema {}

impl Config {
    pub(super) fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        match self.command {
            ConfigCommand::Example(Example {}) => out.write_all(example().as_bytes())?,
            ConfigCommand::Schema(Schema {}) => {
                serde_json::to_writer_pretty(&mut *out, &schema()).map_err(std::io::Error::from)?;
                writeln!(out)?;
            }
        }
        Ok(Exit::Done)
    }
}

/// The configuration file of a command.
#[derive(Args, Debug)]
pub(super) struct ConfigArg {
    /// The configuration file
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    pub(super) config: PathBuf,
}

impl ConfigArg {
    /// Reads it. Where it cannot be used, its mistakes go to standard error.
    pub(super) fn load(&self) -> Result<Loaded, Failure> {
        config::load(&self.config).map_err(|report| unusable(&self.config, &report))
    }

    /// Reads only where its service is found.
    pub(super) fn place(&self) -> Result<Place, Failure> {
        config::place(&self.config).map_err(|report| unusable(&self.config, &report))
    }
}

/// Where the service of a command is found.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct DirArg {
    /// The configuration of the service; only where its data directory and its socket are is read
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data directory of the service, in place of its configuration
    #[arg(long, value_name = "PATH")]
    dir: Option<PathBuf>,
}

impl DirArg {
    #[cfg(test)]
    pub(super) const fn of(dir: PathBuf) -> Self {
        Self { config: None, dir: Some(dir) }
    }

    /// The data directory, and the socket in it unless the configuration has it elsewhere.
    pub(super) fn place(&self) -> Result<Place, Failure> {
        match (&self.config, &self.dir) {
            (Some(file), _) => ConfigArg { config: file.clone() }.place(),
            (None, Some(dir)) => Ok(Place { dir: dir.clone(), socket: dir.join(SOCKET) }),
            (None, None) => Err(Failure::Usage("-c or --dir is missing".to_owned())),
        }
    }
}

/// Shows why a configuration cannot be used.
fn unusable(file: &Path, report: &Report) -> Failure {
    let mut stderr = std::io::stderr();
    let text = report.render(stderr.is_terminal());
    // Nobody is left to tell that standard error cannot be written.
    stderr.write_all(text.as_bytes()).ok();
    Failure::Usage(format!("{} has {}", file.display(), counted(report)))
}

/// `2 errors and 1 warning`.
pub(super) fn counted(report: &Report) -> String {
    let count = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{count} {word}s")),
    };
    let both = [count(report.errors(), "error"), count(report.warnings(), "warning")];
    let both: Vec<String> = both.into_iter().flatten().collect();
    if both.is_empty() { "no mistakes".to_owned() } else { both.join(" and ") }
}
