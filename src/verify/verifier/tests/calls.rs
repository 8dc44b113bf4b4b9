//! The calls of a verification: which trunk, how often, and what their outcome means for it.

use super::bench::{Bench, PHONE, profile, rules, wish};
use crate::call::outcome::Outcome;
use crate::verify::command::Refusal;
use crate::verify::reach::{Reach, failure, reach, tries_next_trunk};
use crate::verify::status::{Phase, Reason, Status};
use std::sync::Arc;

fn trunks(bench: &Bench) -> Vec<u16> {
    bench.line.prepared.iter().map(|wish| wish.trunk).collect()
}

#[test]
fn phases_are_told_as_the_call_goes_on() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    let call = bench.begun[0];
    for phase in [Phase::Progress, Phase::Ringing, Phase::Flashed] {
        bench.phase(call, phase);
        assert_eq!(bench.look(id).unwrap().phase, Some(phase));
    }
    bench.came_to(Outcome::Rang);
    assert_eq!(bench.look(id).unwrap().phase, Some(Phase::AwaitingCode));
    let heard = bench.heard(id);
    assert_eq!(
        heard,
        [
            "started",
            "dialing 1",
            "progress 1",
            "ringing 1",
            "flashed 1",
            "call 1 rang",
            "awaiting_code 1"
        ]
    );
    let numbers: Vec<u64> = bench.events.iter().map(|event| event.sequence).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_trunk_that_cannot_is_followed_by_the_next_with_another_number() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    bench.came_to(Outcome::Congestion);
    assert_eq!(bench.begun.len(), 1, "not before it is stored");
    bench.keep();
    assert_eq!(trunks(&bench), [0, 1]);
    assert_ne!(bench.code(0), bench.code(1));
    bench.came_to(Outcome::Rang);
    let snapshot = bench.look(id).unwrap();
    let outcomes: Vec<_> = snapshot.attempts.iter().map(|call| call.outcome).collect();
    assert_eq!(outcomes, [Some(Outcome::Congestion), Some(Outcome::Rang)]);
    assert_eq!(snapshot.phase, Some(Phase::AwaitingCode));
}

#[test]
fn every_outcome_leads_where_its_tables_say() {
    for outcome in Outcome::ALL {
        let mut bench = Bench::new();
        let id = bench.dialing(PHONE);
        bench.came_to(outcome).keep();
        assert_eq!(
            bench.line.prepared.len() == 2,
            tries_next_trunk(outcome),
            "{outcome}: next trunk"
        );
        if tries_next_trunk(outcome) {
            bench.came_to(outcome).keep();
            assert_eq!(bench.line.prepared.len(), 2, "{outcome}: each trunk once");
        }
        if reach(outcome) == Reach::Never {
            let change = bench.changes().pop().unwrap();
            assert_eq!(change.status, Status::Failed, "{outcome}");
            assert_eq!(change.reason, Some(failure(outcome)), "{outcome}");
            assert_eq!(bench.heard(id).iter().filter(|word| *word == "failed").count(), 1);
        } else {
            assert_eq!(bench.look(id).unwrap().phase, Some(Phase::AwaitingCode), "{outcome}");
        }
    }
}

#[test]
fn nobody_is_rung_again_after_an_alert_an_answer_or_a_verdict() {
    for outcome in Outcome::ALL {
        let rung = outcome.alerted()
            || matches!(
                outcome,
                Outcome::Busy
                    | Outcome::RejectedByUser
                    | Outcome::FastAnswer
                    | Outcome::Forwarded
                    | Outcome::NoAlertTimeout
                    | Outcome::CancelledByApi
                    | Outcome::CancelledNoFinal
                    | Outcome::Interrupted
            );
        assert!(!rung || !tries_next_trunk(outcome), "{outcome}");
    }
}

#[test]
fn a_refusal_after_an_alert_is_no_reason_to_ring_again_and_its_digits_are_good() {
    // 180, then 503 before our CANCEL: the outcome is the refusal's, but a phone has rung.
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    let call = bench.begun[0];
    bench.over_after(call, Outcome::Congestion, true).keep();
    assert_eq!(bench.line.prepared.len(), 1);
    let snapshot = bench.look(id).unwrap();
    assert_eq!(snapshot.phase, Some(Phase::AwaitingCode));
    assert_eq!(snapshot.attempts[0].outcome, Some(Outcome::Congestion));
    let code = bench.code(0);
    bench.check(2, id, &code).keep();
    assert_eq!((bench.verdict(2).0, bench.verdict(2).1.late), ("approved", false));
}

#[test]
fn a_trunk_without_a_target_is_passed_over() {
    let mut bench = Bench::new();
    bench.line.dead = vec![0];
    let id = bench.dialing(PHONE);
    assert_eq!(trunks(&bench), [1]);
    bench.came_to(Outcome::TrunkUnreachable).keep();
    assert_eq!(bench.changes().pop().unwrap().reason, Some(failure(Outcome::TrunkUnreachable)));
    bench.line.dead = vec![0, 1];
    bench.start(7, wish("+12025550177")).load();
    assert_eq!(bench.refusal(7), Refusal::NoRoute);
    assert_eq!(bench.look(id), Err(Refusal::NotOpen));
}

#[test]
fn a_call_that_fails_while_another_ones_digits_are_good_ends_nothing() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    bench.came_to(Outcome::Rang).next(2, id).keep();
    bench.came_to(Outcome::Unallocated).keep();
    assert_eq!(bench.look(id).unwrap().phase, Some(Phase::AwaitingCode));
}

#[test]
fn another_call_is_made_on_demand_as_often_as_the_profile_says() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    bench.next(2, id);
    assert_eq!(bench.refusal(2), Refusal::CallUnderWay);
    for (ticket, left) in [(3, 1), (4, 0)] {
        bench.came_to(Outcome::Rang).next(ticket, id);
        assert!(!bench.answers.contains_key(&ticket), "not before it is stored");
        assert_eq!(
            bench.writing[0].0.len(),
            2,
            "the step that it takes and its call are one write"
        );
        bench.keep();
        assert_eq!(bench.look(id).unwrap().redials_left, left);
    }
    bench.came_to(Outcome::Rang).next(5, id);
    assert_eq!(bench.refusal(5), Refusal::NoStepsLeft);
    assert_eq!(
        trunks(&bench),
        [0, 1, 0],
        "the next trunk each time: the last one may have been the trouble"
    );
    let codes: std::collections::BTreeSet<String> = (0..3).map(|n| bench.code(n)).collect();
    assert_eq!(codes.len(), 3);
}

#[test]
fn a_call_on_demand_that_cannot_be_made_uses_nothing_up() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    bench.came_to(Outcome::Rang);
    bench.line.full = true;
    bench.next(2, id).keep();
    assert_eq!(bench.refusal(2), Refusal::Capacity);
    assert_eq!(bench.look(id).unwrap().redials_left, 2);
    bench.line.full = false;
    bench.next(3, id).keep();
    assert_eq!(bench.begun.len(), 2);
}

#[test]
fn a_cancelled_verification_ends_its_call_and_its_code() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    bench.cancel(2, id).cancel(3, id);
    bench.keep();
    assert_eq!(bench.hung_up, bench.begun);
    assert_eq!(bench.refusal(3), Refusal::Ended(Status::Canceled, Some(Reason::CanceledByApi)));
    let code = bench.code(0);
    bench.check(4, id, &code);
    assert_eq!(bench.refusal(4), Refusal::Ended(Status::Canceled, Some(Reason::CanceledByApi)));
    bench.next(5, id);
    assert_eq!(bench.refusal(5), Refusal::Ended(Status::Canceled, Some(Reason::CanceledByApi)));
    bench.came_to(Outcome::CancelledByApi).keep();
    assert_eq!(bench.verifier.held(), 0);
}

#[test]
fn a_call_whose_verification_ended_before_its_intent_was_stored_is_not_made() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    bench.came_to(Outcome::Rang).next(2, id).cancel(3, id).keep();
    assert_eq!(bench.begun.len(), 1);
    assert_eq!(bench.given_up.len(), 1);
    assert_eq!(bench.verifier.held(), 0);
}

#[test]
fn a_call_that_takes_its_turn_too_late_is_not_made() {
    let mut bench = Bench::new();
    bench.start(1, wish(PHONE)).load();
    bench.at(180_000).keep();
    assert!(bench.begun.is_empty());
    assert_eq!(bench.given_up.len(), 1);
    let mut one_number = Bench::with(rules(profile(), "+12025550000"));
    one_number.start(1, wish(PHONE)).load().keep();
    one_number.came_to(Outcome::Congestion).keep();
    let change = one_number.changes().pop().unwrap();
    assert_eq!(change.reason, Some(Reason::NoEligibleNumber), "its only number is held by itself");
}

#[test]
fn what_a_later_configuration_forbids_is_not_called_again_and_its_code_stays_good() {
    for refusal in [Refusal::DestinationDenied, Refusal::UnknownTenant] {
        let mut bench = Bench::new();
        let id = bench.dialing(PHONE);
        bench.came_to(Outcome::Rang);
        let mut later = rules(profile(), "+12025550000-+12025559999");
        if refusal == Refusal::UnknownTenant {
            later.tenants.remove("acme");
        } else {
            later.countries.clear();
        }
        bench.verifier.configure(Arc::new(later));
        bench.next(2, id).keep();
        assert_eq!(bench.refusal(2), refusal);
        assert_eq!(bench.begun.len(), 1);
        let code = bench.code(0);
        bench.check(3, id, &code).keep();
        assert_eq!(bench.verdict(3).0, "approved");
    }
}

#[test]
fn nobody_is_rung_from_the_own_number() {
    let mut bench = Bench::with(rules(profile(), PHONE));
    bench.start(1, wish(PHONE)).load().keep();
    assert_eq!(bench.refusal(1), Refusal::NoEligibleNumber);
}
