//! Client INVITE: RFC 3261 §17.1.1, RFC 6026 §7.2.

use std::time::Duration;

use super::{Dialogue, Machine, golden};
use crate::base::clock::Instant;
use crate::sip::txn::client_invite::{Action, ClientInvite, Event, News};
use crate::sip::txn::{Actions, Timers, Transport};

const TOLD_FAILURE: [Action; 2] = [Action::Ack, Action::Tell(News::Failure)];
const TIMED_OUT: [Action; 2] = [Action::Tell(News::TimedOut), Action::Terminated];

impl Machine for ClientInvite {
    type Event = Event;
    type Action = Action;
    const EVENTS: &'static [Event] = &[
        Event::Provisional,
        Event::Success,
        Event::Failure,
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

fn udp() -> Dialogue<ClientInvite> {
    Dialogue::over(Transport::Unreliable)
}

fn tcp() -> Dialogue<ClientInvite> {
    Dialogue::over(Transport::Reliable)
}

#[test]
fn the_table_is_as_before() {
    golden::table_is_as_before::<ClientInvite>(
        "txn_client_invite",
        &[
            ("Calling", &[]),
            ("Proceeding", &[Event::Provisional]),
            ("Accepted", &[Event::Success]),
            ("Completed", &[Event::Failure]),
            ("Terminated", &[Event::Abandon]),
        ],
    );
}

#[test]
fn tx_01_the_invite_is_sent_again_at_half_one_and_a_half_and_so_on_doubling_without_a_cap() {
    let mut call = udp();
    call.until(100_000);
    assert_eq!(call.times(Action::Send), [500, 1500, 3500, 7500, 15_500, 31_500]);
}

#[test]
fn tx_01_timer_b_gives_up_at_32_seconds() {
    let mut call = udp();
    call.until(31_999);
    assert!(!call.is_over());
    assert_eq!(call.wake(32_000), TIMED_OUT);
}

#[test]
fn tx_01_t1_scales_timers_a_and_b() {
    let timers = Timers { t1: Duration::from_millis(100), ..Timers::default() };
    let mut call = Dialogue::<ClientInvite>::with(timers, Transport::Unreliable);
    call.until(100_000);
    assert_eq!(call.times(Action::Send), [100, 300, 700, 1500, 3100, 6300]);
    assert_eq!(call.times(Action::Tell(News::TimedOut)), [6400]);
}

#[test]
fn tx_01_woken_late_it_sends_one_copy_and_waits_the_next_interval() {
    let mut call = udp();
    assert_eq!(call.wake(499), []);
    assert_eq!(call.wake(5000), [Action::Send]);
    call.until(31_999);
    assert_eq!(call.times(Action::Send), [5000, 6000, 8000, 12_000, 20_000]);
}

#[test]
fn tx_01_woken_after_timer_b_it_sends_nothing() {
    assert_eq!(udp().wake(40_000), TIMED_OUT);
}

#[test]
fn tx_02_over_tcp_nothing_is_sent_again_but_timer_b_runs() {
    let mut call = tcp();
    call.until(100_000);
    assert_eq!(call.log, [32_000, 32_000].into_iter().zip(TIMED_OUT).collect::<Vec<_>>());
}

#[test]
fn tx_03_any_1xx_stops_the_retransmission_and_timer_b() {
    for status in [100, 101, 180, 183, 199] {
        let mut call = udp();
        call.until(1600);
        call.at(1700, Event::of(status).unwrap());
        assert_eq!(call.machine.deadline(), None);
        assert_eq!(call.wake(3_600_000), [], "after a {status} only the call limits the wait");
        assert_eq!(call.times(Action::Send), [500, 1500]);
        assert_eq!(call.at(3_600_001, Event::Failure), TOLD_FAILURE);
    }
}

#[test]
fn tx_03_each_1xx_is_told() {
    let mut call = udp();
    for ms in [10, 20, 20, 9000] {
        assert_eq!(call.at(ms, Event::Provisional), [Action::Tell(News::Provisional)]);
    }
}

#[test]
fn tx_04_the_transaction_itself_asks_for_the_ack_of_a_3xx_to_6xx_before_and_after_a_1xx() {
    for status in [300, 302, 401, 407, 486, 487, 503, 600, 603] {
        let event = Event::of(status).unwrap();
        assert_eq!(udp().at(10, event), TOLD_FAILURE, "{status} at once");
        let mut call = udp();
        call.at(10, Event::Provisional);
        assert_eq!(call.at(20, event), TOLD_FAILURE, "{status} after a 1xx");
    }
}

#[test]
fn tx_06_each_repeated_final_is_acked_again_and_told_once() {
    let mut call = udp();
    call.at(100, Event::Failure);
    for ms in [600, 1600, 3600, 7600, 11_600, 31_600] {
        assert_eq!(call.at(ms, Event::Failure), [Action::Ack], "at {ms} ms");
    }
    call.until(100_000);
    assert_eq!(call.times(Action::Tell(News::Failure)), [100]);
    assert_eq!(call.times(Action::Terminated), [32_100], "Timer D is not prolonged by repetitions");
}

#[test]
fn tx_06_timer_d_is_never_less_than_32_seconds_over_udp_and_nothing_over_tcp() {
    for (t1, done) in [(100, 32_000), (500, 32_000), (1000, 64_000)] {
        let timers = Timers { t1: Duration::from_millis(t1), ..Timers::default() };
        let mut call = Dialogue::<ClientInvite>::with(timers, Transport::Unreliable);
        call.at(0, Event::Failure);
        call.until(100_000);
        assert_eq!(call.times(Action::Terminated), [done]);
    }
    assert_eq!(tcp().at(5, Event::Failure), [&TOLD_FAILURE[..], &[Action::Terminated]].concat());
}

#[test]
fn tx_07_the_ack_leaves_before_the_call_hears_of_the_final_and_can_try_again() {
    for mut call in [udp(), tcp()] {
        let done = call.at(50, Event::of(503).unwrap());
        assert_eq!(done.first(), Some(&Action::Ack));
        assert_eq!(done.get(1), Some(&Action::Tell(News::Failure)));
    }
}

#[test]
fn tx_08_every_2xx_is_told_and_none_is_acked_here_for_64_t1() {
    for mut call in [udp(), tcp()] {
        call.at(100, Event::Provisional);
        for ms in [3000, 3500, 4500, 34_999] {
            assert_eq!(call.at(ms, Event::Success), [Action::Tell(News::Success)], "at {ms} ms");
        }
        call.until(100_000);
        assert_eq!(call.times(Action::Terminated), [35_000], "Timer M runs from the first 2xx");
        assert_eq!(call.times(Action::Ack), [0; 0]);
    }
}

#[test]
fn tx_08_a_2xx_before_any_1xx_is_accepted_too() {
    let mut call = udp();
    assert_eq!(call.at(10, Event::Success), [Action::Tell(News::Success)]);
    assert_eq!(call.wake(31_500), [], "no INVITE is sent again");
    call.until(100_000);
    assert_eq!(call.times(Action::Terminated), [32_010]);
}

#[test]
fn tx_08_a_2xx_after_a_refusal_is_told_since_somebody_must_end_that_call() {
    let mut call = udp();
    call.at(10, Event::Failure);
    assert_eq!(call.at(20, Event::Success), [Action::Tell(News::Success)]);
    assert_eq!(call.at(30, Event::Failure), [Action::Ack]);
}

#[test]
fn tx_06_a_refusal_after_a_2xx_is_acked_so_that_the_peer_falls_silent() {
    let mut call = udp();
    call.at(10, Event::Success);
    assert_eq!(call.at(20, Event::Failure), [Action::Ack]);
    assert_eq!(call.at(30, Event::Success), [Action::Tell(News::Success)]);
}

#[test]
fn tx_13_an_unknown_status_counts_by_its_class_and_no_status_is_discarded() {
    for (status, event) in [
        (100, Event::Provisional),
        (199, Event::Provisional),
        (200, Event::Success),
        (299, Event::Success),
        (300, Event::Failure),
        (608, Event::Failure),
        (699, Event::Failure),
    ] {
        assert_eq!(Event::of(status), Some(event), "{status}");
    }
    for status in [0, 99, 700, 999, u16::MAX] {
        assert_eq!(Event::of(status), None, "{status}");
    }
}

#[test]
fn tx_17_a_transport_error_is_told_at_once_if_no_response_was_seen_yet() {
    for mut call in [udp(), tcp()] {
        let told = [Action::Tell(News::TransportFailed), Action::Terminated];
        assert_eq!(call.at(3, Event::TransportError), told);
    }
    for mut call in [udp(), tcp()] {
        call.at(3, Event::Provisional);
        assert_eq!(call.at(4, Event::TransportError), [], "it rings: the call cannot have failed");
        assert_eq!(call.at(5, Event::Success), [Action::Tell(News::Success)]);
    }
}

#[test]
fn tx_18_a_transport_error_after_the_final_is_no_news_and_the_next_ack_still_leaves() {
    let mut call = udp();
    call.at(10, Event::Failure);
    assert_eq!(call.at(11, Event::TransportError), []);
    assert_eq!(call.at(510, Event::Failure), [Action::Ack]);
    let mut call = udp();
    call.at(10, Event::Success);
    assert_eq!(call.at(11, Event::TransportError), []);
    assert_eq!(call.at(510, Event::Success), [Action::Tell(News::Success)]);
}

#[test]
fn tx_19_it_ends_by_itself_after_every_kind_of_final() {
    for (event, done) in [(Event::Success, 32_010), (Event::Failure, 32_010)] {
        let mut call = udp();
        call.at(10, event);
        call.until(done - 1);
        assert!(!call.is_over());
        call.until(done);
        assert!(call.is_over());
    }
}

#[test]
fn a_late_1xx_after_the_final_is_absorbed() {
    for event in [Event::Success, Event::Failure] {
        let mut call = udp();
        call.at(10, event);
        assert_eq!(call.at(20, Event::Provisional), []);
    }
}

#[test]
fn the_owner_can_end_it_in_every_state() {
    for way in [None, Some(Event::Provisional), Some(Event::Success), Some(Event::Failure)] {
        let mut call = udp();
        if let Some(event) = way {
            call.at(10, event);
        }
        assert_eq!(call.at(20, Event::Abandon), [Action::Terminated], "after {way:?}");
        assert_eq!(call.at(30, Event::Abandon), []);
    }
}
