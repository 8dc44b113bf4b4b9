//! The command line: what was typed, checked for form, and handed to the command's own file.
//!
//! Exit codes are one table, [`Exit`]: 0 done, 1 failed, 2 wrong usage or configuration. A command writes what there is to
//! read to the [`Stdout`] it is given and returns; nothing here ends the process.

mod call;
mod carrier;
mod cdr;
mod check;
mod config;
mod demo;
mod help;
mod key;
mod load;
mod log;
mod output;
mod pool;
mod route;
mod serve;
mod sip;
mod table;
mod trunk;
mod trunks;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
    Cdr(cdr::CdrCommand),
    Completions(help::Completions),
    Key(key::Key),
    Config(config::Config),
    Demo(demo::Demo),
    Load(load::Load),
    Man(help::Man),
    Pool(pool::Pool),
    Route(route::Route),
    Serve(serve::Serve),
    Sip(sip::Sip),
    Trunk(trunks::Trunks),
}

impl Command {
    /// The service says in its configuration how it logs.
    fn log(&self) -> Result<(), Failure> {
        if matches!(self, Self::Serve(_)) { Ok(()) } else { log::plain() }
    }

    fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        match self {
            Self::Carrier(command) => command.run(out),
            Self::Call(command) => command.run(out),
            Self::Check(command) => command.run(out),
            Self::Cdr(command) => command.run(out),
            Self::Completions(command) => command.run(out),
            Self::Key(command) => command.run(out),
            Self::Config(command) => command.run(out),
            Self::Demo(command) => command.run(out),
            Self::Load(command) => command.run(out),
            Self::Man(command) => command.run(out),
            Self::Pool(command) => command.run(out),
            Self::Route(command) => command.run(out),
            Self::Serve(command) => command.run(out),
            Self::Sip(command) => command.run(out),
            Self::Trunk(command) => command.run(out),
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
    let ended = cli.command.log().and_then(|()| cli.command.run(&mut out));
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
