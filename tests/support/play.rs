//! Plays a scenario: SIPp on one side, `onering call` on the other, and judges both.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use serde_json::Value;

use super::record::differences;
use super::scenario::{Event, Scenario};
use super::sipp::Sipp;
use super::stage::{Program, folder, ports};

/// Where the numbers come from, in every scenario.
pub(crate) const FROM: &str = "+12025550142";
/// The number that is called.
pub(crate) const TO: &str = "+4915799912345";

/// A flash call under way.
pub(crate) struct Call {
    program: Program,
}

impl Call {
    /// Starts `onering call` towards a port of loopback.
    pub(crate) fn start(port: u16, arguments: &[String], folder: &Path, seconds: u32) -> Self {
        let target = format!("127.0.0.1:{port}");
        let fixed = ["call", TO, "--target", &target, "--from", FROM, "--json", "--trace"];
        let arguments: Vec<String> =
            fixed.into_iter().map(str::to_owned).chain(arguments.iter().cloned()).collect();
        let program =
            Program::start("onering", env!("CARGO_BIN_EXE_onering"), &arguments, folder, seconds);
        Self { program }
    }

    /// Its exit code and its record.
    pub(crate) fn end(&mut self) -> (Option<i32>, Value) {
        let status = self.program.end();
        let out = self.program.out();
        let record = serde_json::from_str(&out).unwrap_or(Value::String(out));
        (status.code(), record)
    }
}

/// Plays `sipp-scenarios/NAME.xml` and fails the test unless SIPp, the exit code and the record are as it says.
pub(crate) fn play(name: &str) {
    let scenario = Scenario::read(name);
    let folder = folder(name);
    let seconds = scenario.seconds + 15;
    let happens = scenario.event.as_ref().map(|_| wait_for_event(&folder));
    let far_file = scenario.far.to_str().unwrap();
    let port = ports();
    let mut far =
        Sipp::start("far", ["-sf", far_file], ("127.0.0.1", port), None, &folder, seconds);
    let here = port.to_string();
    let mut arguments: Vec<String> =
        scenario.call.iter().map(|argument| argument.replace("[port]", &here)).collect();
    let local = format!("127.0.0.1:{}", ports());
    arguments.extend(["--local".to_owned(), local.clone()]);
    let mut call = Call::start(port, &arguments, &folder, seconds);
    let mut wrong = Vec::new();
    if let (Some(event), Some(happens)) = (&scenario.event, happens) {
        let patience = Duration::from_secs(seconds.into());
        match (event, happens.recv_timeout(patience)) {
            (_, Err(_)) => wrong.push("the far end never wrote to its file `event`".to_owned()),
            (Event::Signal(name), Ok(())) => call.program.signal(name),
            (Event::Caller { scenario, from }, Ok(())) => {
                let file = scenario.to_str().unwrap();
                let from = (from.as_str(), ports());
                let mut caller =
                    Sipp::start("caller", ["-sf", file], from, Some(&local), &folder, seconds);
                wrong.extend(caller.failure());
            }
        }
    }
    let (exit, record) = call.end();
    if exit != Some(scenario.exit) {
        wrong.push(format!("onering ended with {exit:?}, expected {}", scenario.exit));
    }
    wrong.extend(differences(&record, &scenario.cdr));
    wrong.extend(far.failure());
    assert!(wrong.is_empty(), "{name}:\n{}\n{record:#}", wrong.join("\n"));
}

/// A pipe named `event` in the folder; the scenario writes to it when the moment has come.
fn wait_for_event(folder: &Path) -> std::sync::mpsc::Receiver<()> {
    let pipe = folder.join("event");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success(), "mkfifo {}", pipe.display());
    let (tell, told) = sync_channel(1);
    std::thread::spawn(move || {
        if fs::read(&pipe).is_ok_and(|bytes| !bytes.is_empty()) {
            tell.send(()).ok();
        }
    });
    told
}
