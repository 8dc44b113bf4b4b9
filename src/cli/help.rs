//! `onering completions` and `onering man`: made from the same definition that parses the arguments.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Cli, Exit, Failure, Stdout};

/// Print shell completions
///
/// For bash: onering completions bash > ~/.local/share/bash-completion/completions/onering
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell to complete for
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        // The generator panics where it cannot write, so it writes to memory.
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "onering", &mut script);
        out.write_all(&script)?;
        Ok(Exit::Done)
    }
}

/// Print the manual page, or write one page per command
///
/// To read it: onering man | man -l -
#[derive(Debug, Args)]
pub(super) struct Man {
    /// Directory for one page per command; without it, the page of onering itself goes to standard output
    dir: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        match self.dir {
            None => {
                clap_mangen::Man::new(Cli::command().disable_help_subcommand(true)).render(out)?
            }
            Some(dir) => pages(&dir).map_err(|error| {
                Failure::Failed(format!("cannot write {}: {error}", dir.display()))
            })?,
        }
        Ok(Exit::Done)
    }
}

fn pages(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), dir)
}
