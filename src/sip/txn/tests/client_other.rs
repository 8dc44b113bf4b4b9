//! Client transaction of CANCEL, BYE, PRACK, OPTIONS: RFC 3261 §17.1.2, RFC 4320.

use super::{Dialogue, Machine, golden};
use crate::base::clock::Instant;
use crate::sip::txn::client_other::{Action, ClientOther, Event, News};
use crate::sip::txn::{Actions, Timers, Transport};

const TIMED_OUT: [Action; 2] = [Action::Tell(News::TimedOut), Action::Terminated];

impl Machine for ClientOther {
    type Event = Event;
    type Action = Action;
    const EVENTS: &'static [Event] = &[
        Event::Provisional,
        Event::Final,
        Event::RequestTimeout,
        Event::TransportError,
        Event::TimePassed,
        Event::Abandon,
    ];
    const TIME_PASSED: Event = Event::TimePassed;
    const TERMINATED: Action = Action::Terminated;

    fn begin(now: Instant, timers: &Timers, transport: Transport) -> Self {
        Self::start(now, timers, transport)
    }

    fn take(
        &mut self,
        event: Event,
        now: Instant,
        timers: &Timers,
        transport: Transport,
        out: &mut Actions<Action>,
    ) {
        self.step(event, now, timers, transport, out);
    }

    fn wake_at(&self) -> Option<Instant> {
        self.deadline()
    }
}

fn udp() -> Dialogue<ClientOther> {
    Dialogue::over(Transport::Unreliable)
}

fn tcp() -> Dialogue<ClientOther> {
    Dialogue::over(Transport::Reliable)
}

#[test]
fn the_table_is_as_before() {
    golden::table_is_as_before::<ClientOther>(
        "txn_client_other",
        &[
            ("Trying", &[]),
            ("Proceeding", &[Event::Provisional]),
            ("Completed", &[Event::Final]),
            ("Terminated", &[Event::Abandon]),
        ],
    );
}

#[test]
fn nit_01_the_request_is_sent_again_after_half_one_two_and_then_every_four_seconds() {
    let mut bye = udp();
    bye.until(100_000);
    let sent = [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
    assert_eq!(bye.times(Action::Send), sent);
}

#[test]
fn nit_01_timer_f_gives_up_at_32_seconds_also_after_a_1xx() {
    for mut bye in [udp(), tcp()] {
        bye.until(100_000);
        assert_eq!(bye.times(Action::Tell(News::TimedOut)), [32_000]);
        assert!(bye.is_over());
    }
    for mut bye in [udp(), tcp()] {
        bye.at(700, Event::Provisional);
        bye.until(100_000);
        assert_eq!(bye.times(Action::Tell(News::TimedOut)), [32_000]);
        assert!(bye.is_over());
    }
}

#[test]
fn nit_01_a_1xx_does_not_stop_timer_e_but_sets_its_interval_to_t2() {
    let mut bye = udp();
    assert_eq!(bye.at(700, Event::Provisional), [Action::Tell(News::Provisional)]);
    bye.at(900, Event::Provisional);
    bye.until(100_000);
    assert_eq!(
        bye.times(Action::Send),
        [500, 1500, 5500, 9500, 13_500, 17_500, 21_500, 25_500, 29_500],
        "the copy that was due at 1.5 s leaves then; T2 counts from there"
    );
}

#[test]
fn nit_01_over_tcp_nothing_is_sent_again() {
    let mut bye = tcp();
    bye.until(10_000);
    bye.at(10_000, Event::Provisional);
    bye.until(100_000);
    assert_eq!(bye.times(Action::Send), [0; 0]);
}

#[test]
fn nit_01_woken_late_it_sends_one_copy_and_after_timer_f_none() {
    let mut bye = udp();
    assert_eq!(bye.wake(20_000), [Action::Send]);
    assert_eq!(bye.wake(20_999), []);
    assert_eq!(bye.wake(60_000), TIMED_OUT);
}

#[test]
fn nit_02_timer_k_absorbs_repeated_finals_for_five_seconds() {
    for provisional in [false, true] {
        let mut bye = udp();
        if provisional {
            bye.at(50, Event::Provisional);
        }
        assert_eq!(bye.at(100, Event::Final), [Action::Tell(News::Final)]);
        for ms in [600, 1600, 3600] {
            assert_eq!(bye.at(ms, Event::Final), [], "a repeated final is told once");
            assert_eq!(bye.at(ms, Event::Provisional), []);
        }
        bye.until(100_000);
        assert_eq!(bye.times(Action::Terminated), [5100]);
        assert_eq!(bye.times(Action::Send), [0; 0]);
    }
}

#[test]
fn nit_02_timer_k_is_zero_over_tcp() {
    assert_eq!(tcp().at(100, Event::Final), [Action::Tell(News::Final), Action::Terminated]);
}

#[test]
fn nit_03_a_408_is_told_as_a_timeout() {
    assert_eq!(Event::of(408), Some(Event::RequestTimeout));
    let mut bye = udp();
    assert_eq!(bye.at(100, Event::RequestTimeout), [Action::Tell(News::TimedOut)]);
    assert_eq!(bye.at(600, Event::RequestTimeout), [], "once");
    bye.until(100_000);
    assert_eq!(bye.times(Action::Terminated), [5100]);
}

#[test]
fn tx_13_an_unknown_status_counts_by_its_class_for_other_methods_too() {
    for (status, event) in [
        (100, Event::Provisional),
        (199, Event::Provisional),
        (200, Event::Final),
        (407, Event::Final),
        (409, Event::Final),
        (481, Event::Final),
        (699, Event::Final),
    ] {
        assert_eq!(Event::of(status), Some(event), "{status}");
    }
    for status in [0, 99, 700, u16::MAX] {
        assert_eq!(Event::of(status), None, "{status}");
    }
}

#[test]
fn tx_17_a_transport_error_of_another_request_is_told_until_its_final() {
    let told = [Action::Tell(News::TransportFailed), Action::Terminated];
    assert_eq!(udp().at(3, Event::TransportError), told);
    let mut bye = udp();
    bye.at(3, Event::Provisional);
    assert_eq!(bye.at(4, Event::TransportError), told);
    let mut bye = udp();
    bye.at(3, Event::Final);
    assert_eq!(bye.at(4, Event::TransportError), []);
}

#[test]
fn the_owner_can_end_it_in_every_state() {
    for way in [None, Some(Event::Provisional), Some(Event::Final)] {
        let mut bye = udp();
        if let Some(event) = way {
            bye.at(10, event);
        }
        assert_eq!(bye.at(20, Event::Abandon), [Action::Terminated], "after {way:?}");
        assert_eq!(bye.at(30, Event::Abandon), []);
    }
}
