//! SIPp as these tests start it: strict, one call, no help of its own.

use std::path::{Path, PathBuf};

use super::stage::{Program, installed, read, until_bound};

/// A running SIPp.
pub(crate) struct Sipp {
    program: Program,
    name: &'static str,
    folder: PathBuf,
}

impl Sipp {
    /// Starts SIPp with a scenario (`-sf FILE` or `-sn NAME`), at an address, as a caller if there is a target.
    ///
    /// - `-nr`: SIPp repeats nothing by itself, and swallows nothing that comes twice: each copy is an event.
    /// - `abortunexp` alone: what is not expected ends the call as failed; no BYE or CANCEL is answered for us.
    pub(crate) fn start(
        name: &'static str,
        scenario: [&str; 2],
        (address, port): (&str, u16),
        target: Option<&str>,
        folder: &Path,
        seconds: u32,
    ) -> Self {
        assert!(installed("sipp"), "SIPp is missing: install sip-tester (scripts/test does it)");
        let file = |kind: &str| format!("{name}.{kind}");
        let numbers = [port, port + 2, port + 6].map(|port| port.to_string());
        let seconds_text = format!("{seconds}s");
        let mut arguments: Vec<&str> = target.into_iter().collect();
        arguments.extend(scenario);
        arguments.extend(["-i", address, "-bind_local", "-p", &numbers[0]]);
        arguments.extend(["-mi", address, "-mp", &numbers[1], "-ci", address, "-cp", &numbers[2]]);
        arguments.extend(["-m", "1", "-nostdin", "-timeout", &seconds_text, "-timeout_error"]);
        arguments.extend(["-timer_resol", "1"]);
        if scenario[0] == "-sf" {
            arguments.extend(["-nr", "-default_behaviors", "abortunexp"]);
        }
        let (errors, messages) = (file("errors"), file("messages"));
        arguments.extend(["-trace_err", "-error_file", &errors]);
        arguments.extend(["-trace_msg", "-message_file", &messages]);
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        let program = Program::start(name, "sipp", &arguments, folder, seconds + 5);
        if target.is_none() {
            until_bound(port);
        }
        Self { program, name, folder: folder.to_owned() }
    }

    /// Waits for its end: nothing if every call went as the scenario says, else the story.
    pub(crate) fn failure(&mut self) -> Option<String> {
        let status = self.program.end();
        let log = |kind: &str| read(&self.folder.join(format!("{}.{kind}", self.name)));
        (!status.success()).then(|| {
            let (errors, err, messages) = (log("errors"), log("err"), log("messages"));
            format!("{} ended with {status}\n{errors}{err}\n{messages}", self.name)
        })
    }
}
