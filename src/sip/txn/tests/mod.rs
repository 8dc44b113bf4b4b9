//! The machines in virtual time: dialogues, golden tables, and what holds for all four whatever happens.
//!
//! A test's name begins with the rule that it guards, where there is one (`docs/CONFORMANCE.md`).

mod client_invite;
mod client_other;
mod golden;
mod server_invite;
mod server_other;

use std::fmt::Debug;
use std::time::Duration;

use super::client_invite::ClientInvite;
use super::client_other::ClientOther;
use super::server_invite::ServerInvite;
use super::server_other::ServerOther;
use super::{Actions, Timers, Transport};
use crate::base::clock::Instant;
use crate::base::rng::Rng;

/// What the four machines have in common, for the tests alone.
trait Machine: Debug + Sized {
    type Event: Copy + Debug + PartialEq + 'static;
    type Action: Copy + Debug + PartialEq;
    const EVENTS: &'static [Self::Event];
    const TIME_PASSED: Self::Event;
    const TERMINATED: Self::Action;

    fn begin(now: Instant, timers: &Timers, transport: Transport) -> Self;
    fn take(
        &mut self,
        event: Self::Event,
        now: Instant,
        timers: &Timers,
        transport: Transport,
        out: &mut Actions<Self::Action>,
    );
    fn wake_at(&self) -> Option<Instant>;
}

/// One machine and its owner, who wakes it when it asks to be woken.
struct Dialogue<M: Machine> {
    machine: M,
    timers: Timers,
    transport: Transport,
    /// What it did, with the milliseconds since it began.
    log: Vec<(u64, M::Action)>,
}

impl<M: Machine> Dialogue<M> {
    fn over(transport: Transport) -> Self {
        Self::with(Timers::default(), transport)
    }

    fn with(timers: Timers, transport: Transport) -> Self {
        let machine = M::begin(Instant::START, &timers, transport);
        Self { machine, timers, transport, log: Vec::new() }
    }

    /// Wakes it whenever it asks for it, up to and including `ms`.
    fn until(&mut self, ms: u64) -> &mut Self {
        while let Some(at) = self.machine.wake_at().filter(|at| *at <= Instant::from_millis(ms)) {
            self.wake(at.as_micros() / 1000);
        }
        self
    }

    /// Wakes it at `ms` and not before, whatever it asked for.
    fn wake(&mut self, ms: u64) -> Vec<M::Action> {
        self.take(ms, M::TIME_PASSED)
    }

    /// Lets time pass until `ms`, then something happens; returns what it does about it.
    fn at(&mut self, ms: u64, event: M::Event) -> Vec<M::Action> {
        self.until(ms);
        self.take(ms, event)
    }

    fn take(&mut self, ms: u64, event: M::Event) -> Vec<M::Action> {
        let mut out = Actions::new();
        let now = Instant::from_millis(ms);
        self.machine.take(event, now, &self.timers, self.transport, &mut out);
        self.log.extend(out.iter().map(|action| (ms, *action)));
        out.to_vec()
    }

    /// When it did `action`.
    fn times(&self, action: M::Action) -> Vec<u64> {
        self.log.iter().filter(|(_, done)| *done == action).map(|(ms, _)| *ms).collect()
    }

    fn is_over(&self) -> bool {
        self.log.last().is_some_and(|(_, action)| *action == M::TERMINATED)
    }
}

/// Random events at random times: it ends once, says so last, is silent after, fits in the list of actions,
/// and never asks to be woken again for the same moment.
fn holds_whatever_happens<M: Machine>() {
    for seed in 0..2000 {
        let mut rng = Rng::from_seed(seed);
        let transport = if seed % 2 == 0 { Transport::Unreliable } else { Transport::Reliable };
        let t1 = Duration::from_millis(rng.wire() % 700);
        let timers = Timers { t1, ..Timers::default() };
        let mut machine = M::begin(Instant::START, &timers, transport);
        let mut now = 0;
        let mut over = false;
        for _ in 0..60 {
            now += rng.wire() % (1 << (rng.wire() % 26));
            let event = M::EVENTS[(rng.wire() as usize) % M::EVENTS.len()];
            let mut out = Actions::new();
            machine.take(event, Instant::from_micros(now), &timers, transport, &mut out);
            assert!(!out.spilled(), "{out:?}");
            assert!(!over || out.is_empty(), "{out:?} after the end");
            assert!(out.iter().rev().skip(1).all(|action| *action != M::TERMINATED), "{out:?}");
            over |= out.last() == Some(&M::TERMINATED);
            assert!(!over || machine.wake_at().is_none(), "{machine:?} wants to be woken");
            if event == M::TIME_PASSED {
                assert!(machine.wake_at().is_none_or(|at| at.as_micros() > now), "{machine:?}");
            }
        }
    }
}

#[test]
fn tx_19_a_client_invite_ends_once_and_is_silent_after() {
    holds_whatever_happens::<ClientInvite>();
}

#[test]
fn tx_19_a_client_transaction_ends_once_and_is_silent_after() {
    holds_whatever_happens::<ClientOther>();
}

#[test]
fn a_server_invite_ends_once_and_is_silent_after() {
    holds_whatever_happens::<ServerInvite>();
}

#[test]
fn a_server_transaction_ends_once_and_is_silent_after() {
    holds_whatever_happens::<ServerOther>();
}

#[test]
fn tx_19_a_waiting_transaction_costs_a_few_words() {
    assert!(size_of::<ClientInvite>() <= 24, "{}", size_of::<ClientInvite>());
    assert!(size_of::<ClientOther>() <= 24, "{}", size_of::<ClientOther>());
    assert!(size_of::<ServerInvite>() <= 24, "{}", size_of::<ServerInvite>());
    assert!(size_of::<ServerOther>() <= 16, "{}", size_of::<ServerOther>());
}

#[test]
fn timers_never_overflow() {
    let forever = Timers { t1: Duration::MAX, t2: Duration::MAX, t4: Duration::MAX };
    assert_eq!(forever.a(u8::MAX), Duration::MAX);
    assert_eq!(forever.d(Transport::Unreliable), Duration::MAX);
    assert_eq!(forever.e_reaches_t2(), Duration::ZERO);
    let never = Timers { t1: Duration::ZERO, t2: Duration::MAX, t4: Duration::ZERO };
    assert_eq!(never.e_reaches_t2(), Duration::ZERO);
    assert_eq!(never.a(200), Duration::ZERO);
}
