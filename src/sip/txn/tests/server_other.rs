//! Server transaction of every method but INVITE: RFC 3261 §17.2.2, RFC 4320.

use super::{Dialogue, Machine, golden};
use crate::base::clock::Instant;
use crate::sip::txn::server_other::{Action, Event, News, ServerOther};
use crate::sip::txn::{Actions, Timers, Transport};

impl Machine for ServerOther {
    type Event = Event;
    type Action = Action;
    const EVENTS: &'static [Event] =
        &[Event::Request, Event::Final, Event::TransportError, Event::TimePassed, Event::Abandon];
    const TIME_PASSED: Event = Event::TimePassed;
    const TERMINATED: Action = Action::Terminated;

    fn begin(now: Instant, timers: &Timers, _transport: Transport) -> Self {
        Self::start(now, timers)
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

fn udp() -> Dialogue<ServerOther> {
    Dialogue::over(Transport::Unreliable)
}

fn tcp() -> Dialogue<ServerOther> {
    Dialogue::over(Transport::Reliable)
}

#[test]
fn the_table_is_as_before() {
    golden::table_is_as_before::<ServerOther>(
        "txn_server_other",
        &[
            ("Trying", &[]),
            ("Proceeding", &[Event::TimePassed]),
            ("Completed", &[Event::Final]),
            ("Terminated", &[Event::Abandon]),
        ],
    );
}

#[test]
fn nit_03_no_100_before_the_clients_timer_e_reaches_t2_and_then_one() {
    for mut options in [udp(), tcp()] {
        assert_eq!(options.wake(3499), []);
        assert_eq!(options.at(3499, Event::Request), [], "a repeated request gets nothing before");
        assert_eq!(options.wake(3500), [Action::SendTrying]);
        assert_eq!(options.at(7500, Event::Request), [Action::Send], "the 100 again");
        assert_eq!(options.machine.deadline(), None);
    }
}

#[test]
fn nit_03_no_408_and_no_1xx_of_the_applications_is_ever_sent() {
    for status in [0, 100, 180, 199, 408, 700] {
        assert_eq!(Event::of(status), None, "{status}");
    }
    for status in [200, 407, 409, 481, 699] {
        assert_eq!(Event::of(status), Some(Event::Final), "{status}");
    }
}

#[test]
fn a_repeated_request_gets_the_same_final_for_32_seconds() {
    let mut bye = udp();
    assert_eq!(bye.at(10, Event::Final), [Action::Send]);
    for ms in [510, 1510, 3510, 31_510] {
        assert_eq!(bye.at(ms, Event::Request), [Action::Send]);
    }
    bye.until(100_000);
    assert_eq!(bye.times(Action::Terminated), [32_010], "Timer J is not prolonged");
}

#[test]
fn timer_j_is_zero_over_tcp() {
    assert_eq!(tcp().at(10, Event::Final), [Action::Send, Action::Terminated]);
}

#[test]
fn there_is_one_final() {
    let mut bye = udp();
    bye.at(10, Event::Final);
    assert_eq!(bye.at(20, Event::Final), []);
}

#[test]
fn a_transport_error_is_told_and_the_transaction_goes_on() {
    let mut bye = udp();
    bye.at(10, Event::Final);
    assert_eq!(bye.at(11, Event::TransportError), [Action::Tell(News::TransportFailed)]);
    assert_eq!(bye.at(510, Event::Request), [Action::Send]);
}
