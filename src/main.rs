//! The `onering` program: what was typed goes to [`onering::cli`], which says how to exit.

use std::process::ExitCode;

fn main() -> ExitCode {
    onering::cli::run(std::env::args_os())
}
