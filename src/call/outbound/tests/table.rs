//! State × event as text, compared with `tests/golden/call_outbound.txt`.

use std::fmt::Write as _;
use std::time::Duration;

use crate::base::clock::Instant;
use crate::base::tests::golden::same_as_kept;
use crate::call::outbound::{Event, Outbound};
use crate::call::{AlertSource, Pace};

const EVENTS: [Event; 10] = [
    Event::Provisional(None),
    Event::Provisional(Some(AlertSource::Ringing)),
    Event::Provisional(Some(AlertSource::Progress)),
    Event::Answered,
    Event::Refused,
    Event::Retried,
    Event::Lost,
    Event::Asked,
    Event::HungUp,
    Event::TimePassed,
];

const ALERT: Event = Event::Provisional(Some(AlertSource::Ringing));
const PATIENCE: Duration = Duration::from_secs(32);

/// A state by its name, its hold, and the events that lead there: at 0.1 s, 0.2 s …, or when due.
struct Way {
    name: &'static str,
    hold_ms: u64,
    events: &'static [Event],
}

const fn way(name: &'static str, hold_ms: u64, events: &'static [Event]) -> Way {
    Way { name, hold_ms, events }
}

const WAYS: [Way; 11] = [
    way("Inviting", 600, &[]),
    way("Inviting, hold 0", 0, &[]),
    way("Inviting, doomed by the guard", 600, &[Event::TimePassed]),
    way("Inviting, doomed by a wish", 600, &[Event::Asked]),
    way("Trying", 600, &[Event::Provisional(None)]),
    way("Trying, hold 0", 0, &[Event::Provisional(None)]),
    way("Inviting after a challenge", 600, &[Event::Provisional(None), Event::Retried]),
    way("Ringing", 600, &[ALERT]),
    way("Cancelling", 600, &[ALERT, Event::TimePassed]),
    way("HangingUp", 600, &[ALERT, Event::Answered]),
    way("Ended", 600, &[Event::Refused]),
];

fn pace(hold_ms: u64) -> Pace {
    Pace { hold: Duration::from_millis(hold_ms), ..Pace::default() }
}

/// The machine in its state, and since when.
fn reached(way: &Way) -> (Outbound, Instant) {
    let pace = pace(way.hold_ms);
    let mut machine = Outbound::start(Instant::START, &pace);
    let mut now = Instant::START;
    for event in way.events {
        now = if *event == Event::TimePassed {
            machine.deadline()
        } else {
            now + Duration::from_millis(100)
        };
        machine.step(*event, now, &pace, PATIENCE);
    }
    (machine, now)
}

/// When an event comes: a tenth of a second later; time itself just before the deadline, at it, and long after.
fn moments(machine: &Outbound, since: Instant, event: Event) -> Vec<Instant> {
    let due = machine.deadline();
    if event == Event::TimePassed && due != Instant::NEVER {
        let before = Instant::from_micros(due.as_micros() - 1);
        vec![before, due, due + Duration::from_secs(3600)]
    } else {
        vec![since + Duration::from_millis(100)]
    }
}

#[test]
fn the_table_is_as_before() {
    let mut text = String::from(
        "call_outbound: what each event does in each state; guard 20 s, 64*T1 32 s.\n\
         TimePassed comes a microsecond before the deadline, at it, and an hour after it.\n",
    );
    for way in &WAYS {
        let (machine, since) = reached(way);
        writeln!(text, "\n{}: {:?}, due {:?}", way.name, machine.state, machine.deadline())
            .unwrap();
        for event in EVENTS {
            for now in moments(&machine, since, event) {
                let mut after = machine;
                let action = after.step(event, now, &pace(way.hold_ms), PATIENCE);
                let state = if after == machine {
                    "(same)".to_owned()
                } else {
                    format!("{:?}, due {:?}", after.state, after.deadline())
                };
                writeln!(text, "  {event:?} at {now:?} => {action:?} => {state}").unwrap();
            }
        }
    }
    same_as_kept("call_outbound.txt", &text);
}

#[test]
fn the_table_has_every_state() {
    let all: String = WAYS.iter().map(|way| format!("{:?}\n", reached(way).0.state)).collect();
    for state in ["Inviting", "Trying", "Ringing", "Cancelling", "HangingUp", "Ended"] {
        assert!(all.contains(state), "{state} is in no row");
    }
}
