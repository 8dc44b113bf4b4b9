//! The whole state × event table of a machine as text, compared with the one kept in `tests/golden/`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use super::{Machine, Timers, Transport};
use crate::base::clock::Instant;
use crate::sip::txn::Actions;

/// A state by its name, and the events that lead there from the start at 0 s: at 0.1 s, or when due.
pub(super) type Way<E> = (&'static str, &'static [E]);

/// Compares the table with `tests/golden/NAME.txt`; `ONERING_BLESS=1` writes the file instead.
pub(super) fn table_is_as_before<M: Machine>(name: &str, states: &[Way<M::Event>]) {
    let mut text = format!(
        "{name}: what each event does in each state, T1 0.5 s, T2 4 s, T4 5 s.\n\
         TimePassed comes a microsecond before the first deadline, at it, and an hour after it.\n"
    );
    for transport in [Transport::Unreliable, Transport::Reliable] {
        for state in states {
            write_state::<M>(&mut text, transport, state);
        }
    }
    same_as_kept(name, &text);
}

fn write_state<M: Machine>(text: &mut String, transport: Transport, (name, way): &Way<M::Event>) {
    let (machine, since) = reached::<M>(transport, way);
    let shown = format!("{machine:?}");
    writeln!(text, "\n{transport:?} {name}: {shown}").expect("a string takes everything");
    for event in M::EVENTS {
        let moments = match machine.wake_at() {
            Some(due) if *event == M::TIME_PASSED => vec![
                Instant::from_micros(due.as_micros() - 1),
                due,
                due + Duration::from_secs(3600),
            ],
            _ => vec![since + Duration::from_millis(100)],
        };
        for now in moments {
            let (mut machine, _) = reached::<M>(transport, way);
            let mut out = Actions::new();
            machine.take(*event, now, &Timers::default(), transport, &mut out);
            let actions: Vec<String> = out.iter().map(|action| format!("{action:?}")).collect();
            let actions = if actions.is_empty() { "-".into() } else { actions.join(", ") };
            let after = format!("{machine:?}");
            let after = if after == shown { "(same)" } else { &after };
            writeln!(text, "  {event:?} at {now:?} => {actions} => {after}")
                .expect("a string takes everything");
        }
    }
}

/// The machine in its state, and since when.
fn reached<M: Machine>(transport: Transport, way: &[M::Event]) -> (M, Instant) {
    let timers = Timers::default();
    let mut machine = M::begin(Instant::START, &timers, transport);
    let mut now = Instant::START;
    for event in way {
        now = Instant::from_millis(100);
        if let Some(due) = machine.wake_at().filter(|_| *event == M::TIME_PASSED) {
            now = due;
        }
        machine.take(*event, now, &timers, transport, &mut Actions::new());
    }
    (machine, now)
}

fn same_as_kept(name: &str, text: &str) {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "tests", "golden", &format!("{name}.txt")].iter().collect();
    if std::env::var_os("ONERING_BLESS").is_some() {
        std::fs::write(&path, text).expect("the golden file can be written");
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == text,
        "{} differs:\n{}\nIf this is meant, `ONERING_BLESS=1 cargo test` rewrites it.",
        path.display(),
        difference(&kept, text)
    );
}

/// Lines only kept (`-`) and lines only there now (`+`), each with the state it stands in.
fn difference(kept: &str, now: &str) -> String {
    let (kept, now) = (paragraphs(kept), paragraphs(now));
    let mut text = String::new();
    for (sign, these, others) in [('-', &kept, &now), ('+', &now, &kept)] {
        for line in these.iter().filter(|line| !others.contains(line)) {
            writeln!(text, "{sign} [{}] {}", line.0, line.1.trim())
                .expect("a string takes everything");
        }
    }
    text
}

/// Each line with the heading above it.
fn paragraphs(text: &str) -> Vec<(&str, &str)> {
    let mut heading = "";
    text.lines()
        .map(|line| {
            if !line.starts_with(' ') {
                heading = line.split(':').next().unwrap_or_default();
            }
            (heading, line)
        })
        .collect()
}
