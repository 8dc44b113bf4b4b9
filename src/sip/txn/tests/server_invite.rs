//! Server INVITE: RFC 3261 §17.2.1, RFC 6026 §7.1.

use super::{Dialogue, Machine, golden};
use crate::base::clock::Instant;
use crate::sip::txn::server_invite::{Action, Event, News, ServerInvite};
use crate::sip::txn::{Actions, Timers, Transport};

impl Machine for ServerInvite {
    type Event = Event;
    type Action = Action;
    const EVENTS: &'static [Event] = &[
        Event::Request,
        Event::Ack,
        Event::Provisional,
        Event::Success,
        Event::Failure,
        Event::TransportError,
        Event::TimePassed,
        Event::Abandon,
    ];
    const TIME_PASSED: Event = Event::TimePassed;
    const TERMINATED: Action = Action::Terminated;

    fn begin(now: Instant, _timers: &Timers, _transport: Transport) -> Self {
        Self::start(now)
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

fn udp() -> Dialogue<ServerInvite> {
    Dialogue::over(Transport::Unreliable)
}

fn tcp() -> Dialogue<ServerInvite> {
    Dialogue::over(Transport::Reliable)
}

#[test]
fn the_table_is_as_before() {
    golden::table_is_as_before::<ServerInvite>(
        "txn_server_invite",
        &[
            ("Received", &[]),
            ("Proceeding", &[Event::Provisional]),
            ("Accepted", &[Event::Success]),
            ("Completed", &[Event::Failure]),
            ("Confirmed", &[Event::Failure, Event::Ack]),
            ("Terminated", &[Event::Abandon]),
        ],
    );
}

#[test]
fn uas_02_a_100_leaves_after_200_ms_without_an_answer() {
    let mut invite = udp();
    assert_eq!(invite.wake(199), []);
    assert_eq!(invite.wake(200), [Action::SendTrying]);
    assert_eq!(invite.machine.deadline(), None, "the application may think as long as it likes");
}

#[test]
fn uas_02_an_answer_within_200_ms_needs_no_100() {
    for event in [Event::Provisional, Event::Success, Event::Failure] {
        let mut invite = udp();
        assert_eq!(invite.at(150, event), [Action::Send]);
        invite.until(400);
        assert_eq!(invite.times(Action::SendTrying), [0; 0]);
    }
}

#[test]
fn uas_02_a_refusal_is_sent_again_after_half_one_two_and_then_every_four_seconds() {
    let mut invite = udp();
    invite.at(0, Event::Failure);
    invite.until(100_000);
    let sent = [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
    assert_eq!(invite.times(Action::Send), sent);
}

#[test]
fn uas_02_timer_h_gives_up_waiting_for_the_ack_on_every_transport() {
    for mut invite in [udp(), tcp()] {
        invite.at(0, Event::Failure);
        invite.until(100_000);
        assert_eq!(invite.times(Action::Tell(News::TimedOut)), [32_000]);
        assert!(invite.is_over());
    }
}

#[test]
fn uas_02_over_tcp_a_refusal_is_sent_once() {
    let mut invite = tcp();
    invite.at(0, Event::Failure);
    invite.until(100_000);
    assert_eq!(invite.times(Action::Send), [0]);
}

#[test]
fn uas_02_the_ack_stops_the_refusal_and_timer_i_absorbs_more_acks_for_five_seconds() {
    let mut invite = udp();
    invite.at(0, Event::Failure);
    assert_eq!(invite.at(700, Event::Ack), []);
    assert_eq!(invite.at(1200, Event::Ack), []);
    assert_eq!(invite.at(1300, Event::Request), [], "a late copy of the INVITE is absorbed");
    invite.until(100_000);
    assert_eq!(invite.times(Action::Send), [0, 500]);
    assert_eq!(invite.times(Action::Terminated), [5700]);
}

#[test]
fn uas_02_timer_i_is_zero_over_tcp() {
    let mut invite = tcp();
    invite.at(0, Event::Failure);
    assert_eq!(invite.at(700, Event::Ack), [Action::Terminated]);
}

#[test]
fn uas_02_woken_late_it_sends_one_copy_and_after_timer_h_none() {
    let mut invite = udp();
    invite.at(0, Event::Failure);
    assert_eq!(invite.wake(20_000), [Action::Send]);
    assert_eq!(invite.wake(20_999), []);
    assert_eq!(invite.wake(60_000), [Action::Tell(News::TimedOut), Action::Terminated]);
}

#[test]
fn uas_14_a_repeated_invite_gets_the_last_response() {
    let mut invite = udp();
    assert_eq!(invite.at(50, Event::Request), [], "nothing was said yet");
    invite.until(200);
    assert_eq!(invite.at(500, Event::Request), [Action::Send], "the 100");
    invite.at(600, Event::Provisional);
    assert_eq!(invite.at(1500, Event::Request), [Action::Send], "the 180");
    invite.at(1600, Event::Failure);
    assert_eq!(invite.at(1700, Event::Request), [Action::Send], "the refusal");
}

#[test]
fn uas_14_the_call_hears_of_a_repeated_invite_in_no_state() {
    for way in [None, Some(Event::Provisional), Some(Event::Success), Some(Event::Failure)] {
        let mut invite = udp();
        if let Some(event) = way {
            invite.at(10, event);
        }
        let done = invite.at(20, Event::Request);
        assert!(!done.iter().any(|action| matches!(action, Action::Tell(_))), "{done:?}");
    }
}

#[test]
fn after_a_2xx_invites_are_absorbed_and_acks_told_for_64_t1() {
    let mut invite = udp();
    invite.at(100, Event::Success);
    assert_eq!(invite.at(600, Event::Request), []);
    assert_eq!(invite.at(600, Event::Success), [Action::Send], "the call repeats its 2xx");
    assert_eq!(invite.at(700, Event::Ack), [Action::Tell(News::Ack)]);
    assert_eq!(invite.at(800, Event::Failure), [], "there is one final");
    invite.until(100_000);
    assert_eq!(invite.times(Action::Terminated), [32_100]);
}

#[test]
fn an_answer_after_the_refusal_is_not_sent() {
    let mut invite = udp();
    invite.at(0, Event::Failure);
    for event in [Event::Provisional, Event::Success, Event::Failure] {
        assert_eq!(invite.at(10, event), []);
    }
}

#[test]
fn a_transport_error_is_told_and_the_transaction_goes_on() {
    let told = [Action::Tell(News::TransportFailed)];
    let mut invite = udp();
    invite.at(0, Event::Failure);
    assert_eq!(invite.at(10, Event::TransportError), told);
    invite.until(500);
    assert_eq!(invite.times(Action::Send), [0, 500]);
}
