//! Log lines, to standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::SubscriberBuilder;

use super::Failure;
use crate::config::{LogConfig, LogFormat};

/// Says which lines, before whatever a configuration says: `ONERING_LOG=info`, `ONERING_LOG=onering::driver=debug`.
const NAME: &str = "ONERING_LOG";

/// For commands without a configuration: what somebody should know of, which is warnings and errors.
pub(super) fn plain() -> Result<(), Failure> {
    // A program that uses us as a library may log in its own way.
    lines().with_env_filter(filter("warn")?).with_ansi(is_terminal()).try_init().ok();
    Ok(())
}

/// For the service.
pub(super) fn configured(config: &LogConfig) -> Result<(), Failure> {
    let lines = lines().with_env_filter(filter(&config.level)?);
    match config.format {
        LogFormat::Pretty => lines.with_ansi(is_terminal()).try_init().ok(),
        LogFormat::Json => lines.json().flatten_event(true).try_init().ok(),
    };
    Ok(())
}

type Lines = SubscriberBuilder<
    tracing_subscriber::fmt::format::DefaultFields,
    tracing_subscriber::fmt::format::Format,
    tracing_subscriber::filter::LevelFilter,
    fn() -> std::io::Stderr,
>;

fn lines() -> Lines {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr as fn() -> std::io::Stderr)
        // A line that cannot be written, as on a full disk, is lost. To say so would be a panic.
        .log_internal_errors(false)
}

fn filter(default: &str) -> Result<EnvFilter, Failure> {
    let wanted = std::env::var(NAME).unwrap_or_else(|_| default.to_owned());
    EnvFilter::try_new(&wanted).map_err(|error| Failure::Usage(format!("{NAME}={wanted}: {error}")))
}

fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}
