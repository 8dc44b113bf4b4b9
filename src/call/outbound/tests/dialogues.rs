//! One call, event by event, in virtual time.

use std::time::Duration;

use crate::base::clock::Instant;
use crate::base::rng::Rng;
use crate::call::outbound::{Action, Event, Outbound};
use crate::call::{AlertSource, CancelCause, Pace, Trigger};

const TRYING: Event = Event::Provisional(None);
const RINGING: Event = Event::Provisional(Some(AlertSource::Ringing));
const PROGRESS: Event = Event::Provisional(Some(AlertSource::Progress));
const CANCEL_AFTER_ALERT: Action = Action::Cancel(CancelCause::Alerted);
const CANCEL_BY_GUARD: Action = Action::Cancel(CancelCause::NoAlert);
const CANCEL_AS_ASKED: Action = Action::Cancel(CancelCause::Asked);

/// A call and its user agent, who wakes it when it asks to be woken.
struct Call {
    machine: Outbound,
    pace: Pace,
    patience: Duration,
    /// What it did, with the milliseconds since the INVITE.
    log: Vec<(u64, Action)>,
}

impl Call {
    fn new() -> Self {
        Self::paced(Pace::default())
    }

    fn holding(ms: u64) -> Self {
        Self::paced(Pace { hold: Duration::from_millis(ms), ..Pace::default() })
    }

    fn paced(pace: Pace) -> Self {
        let machine = Outbound::start(Instant::START, &pace);
        Self { machine, pace, patience: Duration::from_secs(32), log: Vec::new() }
    }

    /// Wakes it whenever it asks for it, up to and including `ms`.
    fn until(&mut self, ms: u64) -> &mut Self {
        while self.machine.deadline() <= Instant::from_millis(ms) {
            let at = self.machine.deadline();
            self.take(at.as_micros() / 1000, Event::TimePassed);
            assert_ne!(self.machine.deadline(), at, "it asks for the same moment again");
        }
        self
    }

    /// Lets time pass until `ms`, then something happens; returns what is to be done about it.
    fn at(&mut self, ms: u64, event: Event) -> Action {
        self.until(ms);
        self.take(ms, event)
    }

    fn take(&mut self, ms: u64, event: Event) -> Action {
        let now = Instant::from_millis(ms);
        let action = self.machine.step(event, now, &self.pace, self.patience);
        if action != Action::None {
            self.log.push((ms, action));
        }
        action
    }

    fn cancels(&self) -> usize {
        self.log.iter().filter(|(_, action)| matches!(action, Action::Cancel(_))).count()
    }
}

/// A call in each state in which no final was seen, with its name.
fn unfinished() -> Vec<(&'static str, Call)> {
    let ways: [(&str, &[Event]); 6] = [
        ("inviting", &[]),
        ("doomed", &[Event::Asked]),
        ("trying", &[TRYING]),
        ("ringing", &[RINGING]),
        ("cancelling after an alert", &[RINGING, Event::Asked]),
        ("cancelling without one", &[TRYING, Event::Asked]),
    ];
    ways.into_iter()
        .map(|(name, events)| {
            let mut call = Call::new();
            for event in events {
                call.at(100, *event);
            }
            (name, call)
        })
        .collect()
}

#[test]
fn the_cancel_goes_out_when_the_hold_is_over() {
    let mut call = Call::holding(600);
    call.at(80, TRYING);
    call.at(2000, RINGING);
    call.until(10_000);
    assert_eq!(call.log, [(2600, CANCEL_AFTER_ALERT)]);
}

#[test]
fn a_hold_of_zero_cancels_in_the_same_step() {
    assert_eq!(Call::holding(0).at(1500, RINGING), CANCEL_AFTER_ALERT);
    let mut call = Call::holding(0);
    call.at(80, TRYING);
    assert_eq!(call.at(1500, RINGING), CANCEL_AFTER_ALERT);
}

#[test]
fn the_longest_hold_is_kept_too() {
    let mut call = Call::holding(5000);
    call.at(19_999, RINGING);
    call.until(60_000);
    assert_eq!(call.log[0], (24_999, CANCEL_AFTER_ALERT), "the guard does not cut a hold short");
}

#[test]
fn the_guard_cancels_a_call_that_only_ever_said_100() {
    let mut call = Call::new();
    call.at(30, TRYING);
    call.until(19_999);
    assert_eq!(call.log, []);
    call.until(20_000);
    assert_eq!(call.log, [(20_000, CANCEL_BY_GUARD)]);
}

#[test]
fn the_guard_counts_from_the_invite_and_not_from_the_last_response() {
    let mut call = Call::new();
    for ms in [30, 5000, 12_000, 19_990] {
        assert_eq!(call.at(ms, TRYING), Action::None);
    }
    call.until(25_000);
    assert_eq!(call.log, [(20_000, CANCEL_BY_GUARD)]);
}

#[test]
fn the_guard_counts_from_the_first_invite_also_after_a_challenge() {
    let mut call = Call::new();
    call.at(30, TRYING);
    call.at(9000, Event::Retried);
    call.at(9100, TRYING);
    call.until(25_000);
    assert_eq!(call.log, [(20_000, CANCEL_BY_GUARD)]);
}

#[test]
fn can_06_a_silent_call_is_doomed_by_the_guard_and_cancelled_on_its_first_late_provisional() {
    for (late, cause) in [(TRYING, CANCEL_BY_GUARD), (RINGING, CANCEL_AFTER_ALERT)] {
        let mut call = Call::new();
        call.until(31_000);
        assert_eq!(call.log, [], "no CANCEL before a provisional response");
        assert_eq!(call.at(31_000, late), cause);
    }
}

#[test]
fn can_06_asked_before_a_provisional_it_waits_for_one() {
    for (first, cause) in [(TRYING, CANCEL_AS_ASKED), (RINGING, CANCEL_AFTER_ALERT)] {
        let mut call = Call::new();
        assert_eq!(call.at(100, Event::Asked), Action::None);
        assert_eq!(call.at(200, Event::Asked), Action::None);
        call.until(2600);
        assert_eq!(call.log, []);
        assert_eq!(call.at(2600, first), cause);
    }
}

#[test]
fn can_06_asked_before_the_retry_has_a_provisional_it_waits_for_one() {
    let mut call = Call::new();
    call.at(30, TRYING);
    call.at(60, Event::Retried);
    assert_eq!(call.at(70, Event::Asked), Action::None, "the second INVITE was not heard of yet");
    assert_eq!(call.at(90, TRYING), CANCEL_AS_ASKED);
}

#[test]
fn can_06_asked_after_a_provisional_the_cancel_goes_out_at_once() {
    for first in [TRYING, RINGING] {
        let mut call = Call::new();
        call.at(50, first);
        assert_eq!(call.at(60, Event::Asked), CANCEL_AS_ASKED);
    }
}

#[test]
fn can_07_a_second_alert_changes_nothing() {
    let mut call = Call::holding(600);
    call.at(2000, RINGING);
    for ms in [2001, 2300, 2599] {
        assert_eq!(call.at(ms, RINGING), Action::None);
        assert_eq!(call.at(ms, PROGRESS), Action::None);
        assert_eq!(call.at(ms, TRYING), Action::None);
    }
    call.until(30_000);
    assert_eq!(call.log, [(2600, CANCEL_AFTER_ALERT)], "the first alert counts");
}

#[test]
fn can_07_there_is_no_second_cancel_whatever_comes() {
    for first in [RINGING, TRYING] {
        let mut call = Call::new();
        call.at(100, first);
        call.at(200, Event::Asked);
        for (ms, event) in [(300, RINGING), (310, PROGRESS), (320, TRYING), (330, Event::Asked)] {
            assert_eq!(call.at(ms, event), Action::None);
        }
        call.until(100_000);
        assert_eq!(call.cancels(), 1);
    }
}

#[test]
fn can_07_there_is_no_cancel_after_a_final() {
    for last in [Event::Refused, Event::Answered] {
        for before in [TRYING, RINGING] {
            let mut call = Call::new();
            call.at(100, before);
            call.at(300, last);
            for (ms, event) in [(310, RINGING), (320, Event::Asked), (330, TRYING)] {
                assert_eq!(call.at(ms, event), Action::None);
            }
            call.until(100_000);
            assert_eq!(call.cancels(), 0, "{last:?} after {before:?}");
        }
    }
}

#[test]
fn can_07_a_final_in_the_same_turn_as_the_end_of_the_hold_forbids_the_cancel() {
    let mut call = Call::holding(600);
    call.at(1000, RINGING);
    assert_eq!(call.take(1600, Event::Refused), Action::End, "responses come before deadlines");
    assert_eq!(call.take(1600, Event::TimePassed), Action::None);
}

#[test]
fn can_08_a_wish_to_cancel_suppresses_the_retry() {
    let mut call = Call::new();
    assert!(call.machine.may_retry());
    call.at(10, Event::Asked);
    assert!(!call.machine.may_retry(), "asked before any response");
    assert_eq!(call.at(20, Event::Refused), Action::End);
}

#[test]
fn can_08_the_invite_may_be_sent_again_only_while_nobody_wants_the_call_to_end() {
    let may_retry = |events: &[(u64, Event)]| {
        let mut call = Call::new();
        for (ms, event) in events {
            call.at(*ms, *event);
        }
        call.machine.may_retry()
    };
    assert!(may_retry(&[]));
    assert!(may_retry(&[(10, TRYING)]), "a challenge may come after a 1xx");
    assert!(may_retry(&[(10, TRYING), (20, Event::Retried)]));
    assert!(!may_retry(&[(20_001, Event::TimePassed)]), "doomed by the guard");
    assert!(!may_retry(&[(10, RINGING)]), "the phone rings");
    assert!(!may_retry(&[(10, TRYING), (20, Event::Asked)]), "the CANCEL is out");
    assert!(!may_retry(&[(10, Event::Answered)]));
    assert!(!may_retry(&[(10, Event::Refused)]));
}

#[test]
fn can_13_without_a_final_the_call_is_given_up_64_t1_after_the_cancel() {
    let mut call = Call::holding(600);
    call.at(2000, RINGING);
    call.until(200_000);
    assert_eq!(call.log, [(2600, CANCEL_AFTER_ALERT), (34_600, Action::GiveUp)]);
    assert!(call.machine.is_over());
}

#[test]
fn can_13_a_provisional_after_the_cancel_does_not_prolong_the_wait() {
    let mut call = Call::holding(0);
    call.at(1000, RINGING);
    for ms in [2000, 20_000, 32_999] {
        call.at(ms, RINGING);
    }
    call.until(200_000);
    assert_eq!(call.log[1..], [(33_000, Action::GiveUp)]);
}

#[test]
fn can_13_a_smaller_t1_gives_up_sooner() {
    let mut call = Call::holding(0);
    call.patience = Duration::from_millis(6400);
    call.at(1000, RINGING);
    call.until(200_000);
    assert_eq!(call.log[1..], [(7400, Action::GiveUp)]);
}

#[test]
fn can_15_an_answer_in_each_state_is_hung_up() {
    for (name, mut call) in unfinished() {
        assert_eq!(call.at(150, Event::Answered), Action::HangUp, "{name}");
        assert!(!call.machine.is_over(), "{name}: ACK and BYE are under way");
        assert_eq!(call.at(160, Event::Answered), Action::None, "{name}: forks are not its matter");
        assert_eq!(call.machine.deadline(), Instant::NEVER, "{name}: the BYE has its own timers");
        assert_eq!(call.at(900, Event::HungUp), Action::End, "{name}");
        assert!(call.machine.is_over(), "{name}");
    }
}

#[test]
fn can_16_a_final_in_each_state_ends_the_call() {
    for last in [Event::Refused, Event::Lost] {
        for (name, mut call) in unfinished() {
            assert_eq!(call.at(150, last), Action::End, "{last:?} while {name}");
            assert!(call.machine.is_over());
            assert_eq!(call.machine.deadline(), Instant::NEVER);
        }
    }
}

#[test]
fn can_20_ending_all_calls_cancels_those_in_progress_and_dooms_the_silent() {
    let mut silent = Call::new();
    assert_eq!(silent.at(100, Event::Asked), Action::None);
    assert_eq!(silent.machine.deadline(), Instant::NEVER, "it waits for a provisional alone");
    let mut ringing = Call::new();
    ringing.at(100, RINGING);
    assert_eq!(ringing.at(110, Event::Asked), CANCEL_AS_ASKED, "the hold is not waited for");
}

#[test]
fn can_21_an_alert_after_the_guards_cancel_changes_nothing_here() {
    let mut call = Call::new();
    call.at(30, TRYING);
    call.until(20_000);
    assert_eq!(call.at(20_050, RINGING), Action::None);
    assert_eq!(call.at(20_100, Event::Refused), Action::End);
    assert_eq!(call.log, [(20_000, CANCEL_BY_GUARD), (20_100, Action::End)]);
}

#[test]
fn prv_01_a_100_is_no_alert() {
    for trigger in [Trigger::Ringing, Trigger::Progress, Trigger::Any18x] {
        assert_eq!(trigger.alert(100), None);
    }
    let mut call = Call::holding(0);
    assert_eq!(call.at(10, TRYING), Action::None);
}

#[test]
fn prv_05_a_180_is_an_alert_also_after_a_183() {
    let mut call = Call::holding(600);
    call.at(500, TRYING);
    call.at(1500, TRYING);
    call.at(2500, RINGING);
    call.until(10_000);
    assert_eq!(call.log, [(3100, CANCEL_AFTER_ALERT)]);
}

#[test]
fn prv_06_only_a_180_alerts_unless_the_trunk_says_otherwise() {
    use AlertSource::{Progress, Ringing};
    for (status, ringing, progress, any) in [
        (180, Some(Ringing), Some(Ringing), Some(Ringing)),
        (183, None, Some(Progress), Some(Progress)),
        (184, None, None, Some(Progress)),
        (189, None, None, Some(Progress)),
    ] {
        assert_eq!(Trigger::Ringing.alert(status), ringing, "{status}");
        assert_eq!(Trigger::Progress.alert(status), progress, "{status}");
        assert_eq!(Trigger::Any18x.alert(status), any, "{status}");
    }
}

#[test]
fn prv_07_a_181_or_182_never_alerts() {
    for trigger in [Trigger::Ringing, Trigger::Progress, Trigger::Any18x] {
        assert_eq!(trigger.alert(181), None, "forwarded");
        assert_eq!(trigger.alert(182), None, "queued");
    }
}

#[test]
fn prv_08_a_199_never_alerts() {
    for trigger in [Trigger::Ringing, Trigger::Progress, Trigger::Any18x] {
        for status in [101, 110, 179, 190, 199, 200, 486] {
            assert_eq!(trigger.alert(status), None, "{trigger:?} {status}");
        }
    }
}

#[test]
fn tx_03_only_the_guard_limits_a_call_that_was_heard_of() {
    let mut call = Call::paced(Pace { no_alert: Duration::from_secs(120), ..Pace::default() });
    call.at(10, TRYING);
    call.until(119_999);
    assert_eq!(call.log, [], "neither timer B nor anything else ends it");
    call.until(120_000);
    assert_eq!(call.log, [(120_000, CANCEL_BY_GUARD)]);
}

#[test]
fn whatever_happens_one_cancel_at_most_and_one_end() {
    let events = [
        TRYING,
        RINGING,
        PROGRESS,
        Event::Answered,
        Event::Refused,
        Event::Retried,
        Event::Lost,
        Event::Asked,
        Event::HungUp,
        Event::TimePassed,
    ];
    for seed in 0..3000 {
        let mut rng = Rng::from_seed(seed);
        let mut call = Call::holding(rng.wire() % 3 * 300);
        let (mut now, mut heard, mut ended, mut finals) = (0, false, 0, 0);
        for _ in 0..40 {
            now += rng.wire() % (1 << (rng.wire() % 16));
            let event = events[(rng.wire() as usize) % events.len()];
            heard |= matches!(event, Event::Provisional(_));
            let action = call.take(now, event);
            match action {
                Action::Cancel(_) => {
                    assert!(heard, "seed {seed}: CANCEL before a provisional");
                    assert_eq!(finals, 0, "seed {seed}: CANCEL after a final");
                }
                Action::HangUp => finals += 1,
                Action::End | Action::GiveUp => (ended, finals) = (ended + 1, finals + 1),
                Action::None => {}
            }
            if event == Event::Retried {
                heard = heard && action == Action::None && !call.machine.may_retry();
            }
        }
        assert!(call.cancels() <= 1 && ended <= 1, "seed {seed}: {:?}", call.log);
        assert!(ended == 0 || call.machine.deadline() == Instant::NEVER);
    }
}
