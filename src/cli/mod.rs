//! The command line: what was typed, checked for form, and handed to the command's own file.
//!
//! Exit codes are one table, [`Exit`]: 0 done, 1 failed, 2 wrong usage or configuration. A command writes what there is to
//! read to the [`Stdout`] it is given and returns; nothing here ends the process.

mod call;
mod carrier;
mod check;
mod config;
mod help;
mod key;
mod load;
mod output;
mod pool;
mod route;
mod sip;
mod table;
mod trunk;

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

pub use output::{Exit, Failure, Stdout};

/// Verify phone numbers by flash call: ring them for less than a second over SIP.
#[derive(Debug, Parser)]
#[command(name = "onering", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Exit status: 0 done, 1 failed, 2 wrong usage or configuration.")]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Carrier(carrier::Carrier),
    Call(Box<call::Call>),
    Check(check::Check),
    Completions(help::Completions),
    Key(key::Key),
    Config(config::Config),
    Load(load::Load),
    Man(help::Man),
    Pool(pool::Pool),
    Route(route::Route),
    Sip(sip::Sip),
}

impl Command {
    fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        match self {
            Self::Carrier(command) => command.run(out),
            Self::Call(command) => command.run(out),
            Self::Check(command) => command.run(out),
            Self::Completions(command) => command.run(out),
            Self::Key(command) => command.run(out),
            Self::Config(command) => command.run(out),
            Self::Load(command) => command.run(out),
            Self::Man(command) => command.run(out),
            Self::Pool(command) => command.run(out),
            Self::Route(command) => command.run(out),
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
    let ended = log().and_then(|()| cli.command.run(&mut out));
    let flushed = out.flush().map_err(Failure::Output);
    match ended.and_then(|exit| flushed.map(|()| exit)) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            writeln!(std::io::stderr(), "error: {failure}").ok();
            failure.exit().into()
        }
    }
}

/// Log lines go to standard error. `ONERING_LOG` says which, as in `ONERING_LOG=info` or `ONERING_LOG=onering::driver=debug`;
/// by default what somebody should know of: warnings and errors.
fn log() -> Result<(), Failure> {
    const NAME: &str = "ONERING_LOG";
    let wanted = std::env::var(NAME).unwrap_or_else(|_| "warn".to_owned());
    let filter = EnvFilter::try_new(&wanted)
        .map_err(|error| Failure::Usage(format!("{NAME}={wanted}: {error}")))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // A program that uses us as a library may log in its own way.
    lines.try_init().ok();
    Ok(())
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
