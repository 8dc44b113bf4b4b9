//! The whole state × event table of a machine as text, compared with the one kept in `tests/golden/`.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Machine, Timers, Transport};
use crate::base::clock::Instant;
use crate::base::tests::golden::same_as_kept;
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
    same_as_kept(&format!("{name}.txt"), &text);
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
