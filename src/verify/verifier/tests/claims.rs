//! Claims: what they cost, and what they end.

use super::bench::{Bench, PHONE, profile, rules};
use crate::call::outcome::Outcome;
use crate::verify::command::{Command, Refusal};
use crate::verify::matcher::Claim;
use crate::verify::rules::Profile;
use crate::verify::status::{Phase, Reason, Status};

#[test]
fn right_digits_approve_and_are_told_once_that_is_stored() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    bench.came_to(Outcome::Rang);
    let code = bench.code(0);
    bench.check(2, id, &code);
    assert!(!bench.answers.contains_key(&2), "approved is answered only when it is durable");
    bench.keep();
    let (said, snapshot) = bench.verdict(2);
    assert_eq!((said, snapshot.status, snapshot.late), ("approved", Status::Approved, false));
    assert!(snapshot.may_reveal());
    let change = bench.changes().pop().unwrap();
    assert_eq!((change.status, change.approved_by), (Status::Approved, Some(1)));
    assert_eq!(change.reveal.as_slice(), [(bench.begun[0], bench.caller(0))]);
    assert_eq!(bench.verifier.held(), 0, "from now on the store knows it");
}

#[test]
fn a_claim_may_come_while_it_still_rings() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    let code = bench.code(0);
    bench.check(2, id, &code).keep();
    assert_eq!(bench.verdict(2).0, "approved");
    assert!(bench.hung_up.is_empty(), "the call ends in its own time");
    bench.came_to(Outcome::Rang);
    let heard = bench.heard(id);
    assert_eq!(heard, ["started", "dialing 1", "approved", "call 1 rang"]);
}

#[test]
fn a_code_is_used_once() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    let code = bench.code(0);
    for ticket in 2..102 {
        bench.check(ticket, id, &code);
    }
    bench.keep();
    let approved = (2..102).filter(|ticket| bench.answers[ticket].is_ok()).count();
    assert_eq!(approved, 1);
    for ticket in 3..102 {
        assert_eq!(bench.refusal(ticket), Refusal::Ended(Status::Approved, None));
    }
}

#[test]
fn each_wrong_code_costs_a_try_and_the_last_one_ends_it() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    bench.came_to(Outcome::Rang);
    let (code, wrong) = (bench.code(0), bench.wrong());
    for (ticket, left) in [(2, 2), (3, 1), (4, 0)] {
        bench.check(ticket, id, &wrong);
        assert!(!bench.answers.contains_key(&ticket), "a try is spent before it is answered");
        bench.keep();
        assert_eq!(
            (bench.verdict(ticket).0, bench.verdict(ticket).1.tries_left),
            ("invalid", left)
        );
    }
    let snapshot = bench.verdict(4).1;
    assert_eq!(
        (snapshot.status, snapshot.reason),
        (Status::Failed, Some(Reason::AttemptsExhausted))
    );
    bench.check(5, id, &code);
    assert_eq!(bench.refusal(5), Refusal::NotOpen, "the store knows how it ended");
    let left: Vec<u8> = bench.changes().iter().map(|change| change.tries_left).collect();
    assert_eq!(left, [2, 1, 0]);
    let heard = bench.heard(id);
    assert_eq!(heard[4..], ["invalid 2", "invalid 1", "invalid 0", "failed"]);
}

#[test]
fn before_its_call_is_on_the_wire_a_claim_is_too_early_and_costs_a_try() {
    let mut bench = Bench::new();
    let first = bench.dialing(PHONE);
    // Another tenant's verification of the number waits for the end of that call.
    let start =
        crate::verify::command::Start { tenant: "other".into(), ..super::bench::wish(PHONE) };
    bench.start(2, start).keep();
    let id = bench.started(2).id;
    let claim = Claim::read("1234").unwrap();
    bench.ask(3, Command::Check { tenant: Some("other".into()), id, claim }).keep();
    assert_eq!((bench.verdict(3).0, bench.verdict(3).1.tries_left), ("no_attempt_yet", 2));
    assert_eq!(bench.look(first).unwrap().tries_left, 3);
}

#[test]
fn digits_of_an_earlier_call_stay_good() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    bench.came_to(Outcome::Rang).next(2, id).keep();
    bench.came_to(Outcome::Busy);
    let code = bench.code(0);
    bench.check(3, id, &code).keep();
    assert_eq!(bench.verdict(3).0, "approved");
    assert_eq!(bench.changes().pop().unwrap().approved_by, Some(1));
}

#[test]
fn a_call_that_may_not_have_rung_approves_late() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    bench.came_to(Outcome::NoAlertTimeout).keep();
    assert_eq!(bench.line.prepared.len(), 1, "our own CANCEL is no reason for another call");
    let code = bench.code(0);
    bench.check(2, id, &code).keep();
    assert_eq!((bench.verdict(2).0, bench.verdict(2).1.late), ("approved", true));
}

#[test]
fn a_diverted_call_approves_only_where_the_profile_says_so() {
    for (allow_diverted, said) in [(false, "diverted"), (true, "approved")] {
        let profile = Profile { allow_diverted, ..profile() };
        let mut bench = Bench::with(rules(profile, "+12025550000-+12025559999"));
        let id = bench.dialing(PHONE);
        bench.came_to(Outcome::Forwarded).keep();
        let code = bench.code(0);
        bench.check(2, id, &code).keep();
        assert_eq!((bench.verdict(2).0, bench.verdict(2).1.tries_left), (said, 3));
    }
}

#[test]
fn digits_of_a_call_that_cannot_have_rung_are_wrong_and_an_alarm() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    bench.came_to(Outcome::Congestion).keep();
    let code = bench.code(0);
    bench.check(2, id, &code).keep();
    assert_eq!((bench.verdict(2).0, bench.verdict(2).1.tries_left), ("invalid", 2));
    assert!(bench.heard(id).contains(&"alarm 1 congestion".to_owned()));
}

#[test]
fn nobody_elses_verification_can_be_claimed() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    let claim = Claim::read(&bench.code(0)).unwrap();
    bench.ask(2, Command::Check { tenant: Some("other".into()), id, claim });
    assert_eq!(bench.refusal(2), Refusal::NotOpen);
}

#[test]
fn a_lifetime_ends_to_the_millisecond() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    bench.came_to(Outcome::Rang);
    let due = crate::base::clock::Instant::from_millis(180_000);
    assert!(bench.verifier.poll_timeout().is_some_and(|at| at <= due));
    let code = bench.code(0);
    bench.at(179_999).keep();
    assert_eq!(bench.look(id).unwrap().phase, Some(Phase::AwaitingCode));
    bench.at(180_000);
    bench.check(2, id, &code).keep();
    assert_eq!(bench.refusal(2), Refusal::Ended(Status::Expired, Some(Reason::Expired)));
    assert_eq!(bench.heard(id).last().unwrap(), "expired");
}

#[test]
fn a_verification_that_expires_ends_its_call() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    bench.at(180_000).keep();
    assert_eq!(bench.hung_up, bench.begun);
    assert_eq!(bench.verifier.held(), 1, "until its call is over");
    bench.came_to(Outcome::CancelledByApi).keep();
    assert_eq!(bench.heard(id), ["started", "dialing 1", "expired", "call 1 cancelled_by_api"]);
    assert_eq!(bench.verifier.held(), 0);
}
