//! `onering trunk`: the carriers, as the service has them while it runs, and as the configuration has them while it does not.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use axum::http::Method;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use super::config::ConfigArg;
use super::trunk::runtime;
use super::{Exit, Failure, Stdout, table};
use crate::api::client::Service;
use crate::config::TrunkConfig;
use crate::config::value::show_duration;

/// Look at trunks
#[derive(Debug, Args)]
pub(super) struct Trunks {
    #[command(subcommand)]
    command: TrunksCommand,
}

#[derive(Debug, Subcommand)]
enum TrunksCommand {
    List(List),
}

/// List the trunks: where they are, whether they can be called, and the calls on them
///
/// While the service runs, it is asked over its Unix socket, and what it says is in force, whatever the file says by now.
/// While it does not run, the configuration is read, and nothing is known of calls.
#[derive(Args, Debug)]
struct List {
    #[command(flatten)]
    file: ConfigArg,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What is known.
#[derive(Serialize)]
struct Listed {
    /// Whether the service said so, or the configuration.
    running: bool,
    trunks: Vec<Line>,
}

/// A trunk. What nobody said is not there.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Line {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    targets: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    callable: Option<bool>,
    /// What keeps it from being called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calls_active: Option<i64>,
    ring_hold_ms: u64,
    no_alert_ms: u64,
}

/// What the service answers.
#[derive(Deserialize)]
struct Answer {
    data: Vec<Line>,
}

impl Trunks {
    pub(super) fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        match self.command {
            TrunksCommand::List(command) => command.run(out),
        }
    }
}

impl List {
    fn run(&self, out: &mut Stdout) -> Result<Exit, Failure> {
        let socket = self.file.place()?.socket;
        let listed = if UnixStream::connect(&socket).is_ok() {
            let service = Service::Socket(socket);
            Listed { running: true, trunks: runtime()?.block_on(asked(&service))? }
        } else {
            Listed { running: false, trunks: self.configured()? }
        };
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &listed).map_err(std::io::Error::from)?;
            writeln!(out)?;
            return Ok(Exit::Done);
        }
        let rows: Vec<_> = listed.trunks.iter().map(row).collect();
        let headings = ["trunk", "targets", "can be called", "calls", "ring hold", "no alert"];
        table::write(out, headings, &rows)?;
        if !listed.running {
            writeln!(out, "\nThe service does not run; this is what the configuration says.")?;
        }
        Ok(Exit::Done)
    }

    fn configured(&self) -> Result<Vec<Line>, Failure> {
        let config = self.file.load()?.config;
        let line = |trunk: &TrunkConfig| Line {
            name: trunk.name.to_string(),
            targets: Some(trunk.targets.iter().map(ToString::to_string).collect()),
            ring_hold_ms: ms(trunk.pace.hold),
            no_alert_ms: ms(trunk.pace.no_alert),
            ..Line::default()
        };
        Ok(config.trunks.iter().map(line).collect())
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

async fn asked(service: &Service) -> Result<Vec<Line>, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(error.to_string());
    let answer = service.request(Method::GET, "/v1/trunks", None).await;
    let (status, body) = answer.map_err(|error| failed(&error))?;
    if !status.is_success() {
        return Err(failed(&format!("the service refuses: {status}")));
    }
    let answer = serde_json::from_slice(&body);
    let Answer { data } = answer
        .map_err(|error| failed(&format!("the service's answer is not understood: {error}")))?;
    Ok(data)
}

fn row(line: &Line) -> [String; 6] {
    let unknown = || "-".to_owned();
    let time = |ms: u64| show_duration(Duration::from_millis(ms));
    let called = match (line.callable, &line.problem) {
        (Some(true), _) => "yes".to_owned(),
        (Some(false), problem) => {
            format!("no: {}", problem.as_deref().unwrap_or("it has no target"))
        }
        (None, _) => unknown(),
    };
    [
        line.name.clone(),
        line.targets.as_ref().map_or_else(unknown, |targets| targets.join(", ")),
        called,
        line.calls_active.map_or_else(unknown, |calls| calls.to_string()),
        time(line.ring_hold_ms),
        time(line.no_alert_ms),
    ]
}
