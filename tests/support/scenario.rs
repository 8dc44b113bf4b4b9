//! Reads what a scenario says of itself: the comment at its head is also its row of expectations.
//!
//! ```text
//!   rules:   CAN-01 CAN-03          the rules it guards
//!   call:    hold=300ms             what `onering call` is told: --hold 300ms; [port] is SIPp's
//!   exit:    0                      its exit code
//!   cdr:     final.status=487       a fact of the record; `a.b=x`, `a=1..9`, `a=absent`, `list.len=2`
//!   seconds: 4                      how long it may take
//!   event:   interrupt              the call gets SIGINT (`terminate`: SIGTERM) when the scenario writes to the
//!                                   file `event`
//!   far:     rings_long             this one plays a caller; the call itself has that far end
//!   from:    127.0.0.2              and it calls from here
//! ```

use std::fs;
use std::path::PathBuf;

use super::head::{arguments, folder, values};

/// What the runner does when the far end says that the moment has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Sends this signal to `onering call`.
    Signal(&'static str),
    /// Starts this scenario as a caller, from that address.
    Caller { scenario: PathBuf, from: String },
}

/// A scenario and what is expected of it.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// The file that plays the far end of the call.
    pub(crate) far: PathBuf,
    /// Arguments of `onering call`.
    pub(crate) call: Vec<String>,
    /// Exit code of `onering call`.
    pub(crate) exit: i32,
    /// Facts of the record: a path, and what is expected there.
    pub(crate) cdr: Vec<(String, String)>,
    /// How long it may take.
    pub(crate) seconds: u32,
    /// What happens in between.
    pub(crate) event: Option<Event>,
}

impl Scenario {
    /// Reads `sipp-scenarios/NAME.xml`.
    pub(crate) fn read(name: &str) -> Self {
        let file = folder().join(format!("{name}.xml"));
        let text =
            fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let one = |key| {
            let mut values = values(&text, key);
            let first = values.next();
            assert!(values.next().is_none(), "{name}: two lines begin with {key}:");
            first
        };
        let number = |key| {
            let value = one(key).unwrap_or_else(|| panic!("{name}: no line begins with {key}:"));
            value.parse().unwrap_or_else(|_| panic!("{name}: {key}: {value} is no number"))
        };
        assert!(one("rules").is_some(), "{name}: it says no rule that it guards");
        let event = match (one("event"), one("from")) {
            (Some("interrupt"), None) => Some(Event::Signal("INT")),
            (Some("terminate"), None) => Some(Event::Signal("TERM")),
            (None, Some(from)) => {
                Some(Event::Caller { scenario: file.clone(), from: from.to_owned() })
            }
            (None, None) => None,
            (event, from) => panic!("{name}: event: {event:?} from: {from:?}"),
        };
        Self {
            far: one("far").map_or(file, |far| folder().join("far").join(format!("{far}.xml"))),
            call: one("call").map(arguments).unwrap_or_default(),
            exit: number("exit"),
            cdr: values(&text, "cdr").map(fact).collect(),
            seconds: u32::try_from(number("seconds")).unwrap(),
            event,
        }
    }
}

fn fact(line: &str) -> (String, String) {
    let (path, expected) = line.split_once('=').unwrap_or_else(|| panic!("cdr: {line}: no ="));
    (path.to_owned(), expected.to_owned())
}
