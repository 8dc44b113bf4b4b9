//! The command line: what was typed, checked for form, and handed to the command's own file.
//!
//! Exit codes are one table, [`Exit`]: 0 done, 1 failed, 2 wrong usage. A command writes what there is to
//! read to the [`Stdout`] it is given and returns; nothing here ends the process.

mod call;
mod carrier;
mod help;
mod load;
mod output;
mod sip;
mod trunk;
pub mod value;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use output::{Exit, Failure, Stdout};

/// Verify phone numbers by flash call: ring them for less than a second over SIP.
#[derive(Debug, Parser)]
#[command(name = "onering", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Exit status: 0 done, 1 failed, 2 wrong usage.")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Carrier(carrier::Carrier),
    Call(Box<call::Call>),
    Completions(help::Completions),
    Load(load::Load),
    Man(help::Man),
    Sip(sip::Sip),
}

impl Command {
    fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        match self {
            Self::Carrier(command) => command.run(out),
            Self::Call(command) => command.run(out),
            Self::Completions(command) => command.run(out),
            Self::Load(command) => command.run(out),
            Self::Man(command) => command.run(out),
            Self::Sip(command) => command.run(out),
        }
    }
}

/// Runs the program with these arguments, its own name first, and says how to exit.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        // `--help` and `--version` come this way too, with exit code 0; nobody is left to tell that
        // printing them failed.
        Err(answer) => {
            answer.print().ok();
            return ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(2));
        }
    };
    let mut out = Stdout::new();
    let ended = cli.command.run(&mut out);
    let flushed = out.flush().map_err(Failure::Output);
    match ended.and_then(|exit| flushed.map(|()| exit)) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            writeln!(std::io::stderr(), "error: {failure}").ok();
            failure.exit().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
