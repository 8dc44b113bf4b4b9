//! A store that fails, and a next life.

use super::bench::{Bench, PHONE, profile, rules, wish};
use crate::call::outcome::Outcome;
use crate::verify::command::Refusal;
use crate::verify::record::{LeftCall, LeftSession, Record};
use crate::verify::status::{Phase, Reason, Status};
use std::sync::Arc;

#[test]
fn a_start_that_cannot_be_stored_never_was() {
    let mut bench = Bench::new();
    bench.start(1, wish(PHONE)).load().lose();
    assert_eq!(bench.refusal(1), Refusal::StoreDown);
    assert_eq!(bench.line.forgotten.len(), 1);
    assert!(bench.begun.is_empty() && bench.writing.is_empty() && bench.events.is_empty());
    assert_eq!(bench.verifier.held(), 0);
    bench.start(2, wish(PHONE)).load().keep();
    assert_eq!(bench.started(2).status, Status::Pending);
}

#[test]
fn a_try_is_spent_also_where_the_store_could_not_say_so_at_once() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    bench.came_to(Outcome::Rang);
    let wrong = bench.wrong();
    bench.check(2, id, &wrong).lose();
    assert_eq!(bench.refusal(2), Refusal::StoreDown);
    assert_eq!(bench.writing.len(), 1, "it is offered again");
    bench.keep();
    assert_eq!(bench.look(id).unwrap().tries_left, 2);
    assert_eq!(bench.heard(id).last().unwrap(), "invalid 2", "and told when it is kept");
}

#[test]
fn an_approval_that_is_not_stored_is_told_to_nobody() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    bench.came_to(Outcome::Rang);
    let code = bench.code(0);
    bench.check(2, id, &code);
    bench.ask(3, crate::verify::command::Command::Look { tenant: None, id });
    assert!(!bench.answers.contains_key(&3), "a look waits for the store as well");
    bench.lose();
    assert_eq!([bench.refusal(2), bench.refusal(3)], [Refusal::StoreDown; 2]);
    assert!(!bench.heard(id).contains(&"approved".to_owned()));
    bench.keep();
    assert!(bench.heard(id).contains(&"approved".to_owned()));
    assert_eq!(bench.changes().pop().unwrap().status, Status::Approved);
}

#[test]
fn a_call_on_demand_that_cannot_be_stored_uses_nothing_up() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    bench.came_to(Outcome::Rang).next(2, id).lose();
    assert_eq!(bench.refusal(2), Refusal::StoreDown);
    let snapshot = bench.look(id).unwrap();
    assert_eq!((snapshot.redials_left, snapshot.attempts.len()), (2, 1));
    bench.next(3, id).keep();
    assert_eq!(bench.begun.len(), 2);
}

#[test]
fn a_trunk_that_takes_over_waits_for_the_store_to_work_again() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    bench.came_to(Outcome::Congestion).lose();
    assert_eq!(bench.writing.len(), 1);
    assert_eq!(bench.begun.len(), 1);
    bench.keep();
    assert_eq!(bench.begun.len(), 2);
    assert_eq!(bench.look(id).unwrap().phase, Some(Phase::Dialing));
}

#[test]
fn whoever_waits_for_a_number_gets_his_turn_when_a_start_is_lost() {
    let mut bench = Bench::new();
    bench.start(1, wish(PHONE)).load();
    let lost = bench.writing.pop_front().unwrap();
    bench.start(2, crate::verify::command::Start { tenant: "other".into(), ..wish(PHONE) }).keep();
    assert!(bench.begun.is_empty());
    bench.writing.push_back(lost);
    bench.lose().keep();
    assert_eq!(bench.begun.len(), 1);
}

/// What the store would give back, from what it kept.
fn left(bench: &Bench, calls: &[(usize, Outcome)]) -> LeftSession {
    let mut left = LeftSession {
        opened: (*bench.opened()[0]).clone(),
        tries_left: bench.opened()[0].tries,
        redials_left: bench.opened()[0].redials,
        calls: Vec::new(),
    };
    for change in bench.changes() {
        left.tries_left = change.tries_left;
        left.redials_left = change.redials_left;
    }
    let intents: Vec<_> = bench.kept.iter().filter_map(intent).collect();
    for (n, outcome) in calls {
        let intent = &intents[*n];
        left.calls.push(LeftCall {
            id: intent.id,
            number: intent.part.unwrap().number,
            trunk: Arc::clone(&intent.way.trunk),
            from: intent.from,
            outcome: *outcome,
            alerted: outcome.alerted(),
        });
    }
    left
}

fn intent(record: &Record) -> Option<Arc<crate::verify::record::Intent>> {
    match record {
        Record::Intent(intent) => Some(Arc::clone(intent)),
        _ => None,
    }
}

fn restore(next: &mut Bench, left: Vec<LeftSession>, intents: &[crate::verify::record::Intent]) {
    let now = next.now();
    next.verifier.restore(left, intents, now, &mut next.line);
    next.drain_deeds();
}

#[test]
fn a_verification_goes_on_in_the_next_life_with_the_tries_that_were_left() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    bench.came_to(Outcome::Rang);
    let (code, wrong) = (bench.code(0), bench.wrong());
    bench.check(2, id, &wrong).keep();
    let mut next = Bench::life(rules(profile(), "+12025550000-+12025559999"), 2, 60_000);
    restore(&mut next, vec![left(&bench, &[(0, Outcome::Rang)])], &[]);
    let snapshot = next.look(id).unwrap();
    assert_eq!((snapshot.tries_left, snapshot.phase), (2, Some(Phase::AwaitingCode)));
    assert!(next.line.prepared.is_empty(), "nobody is called again");
    next.check(3, id, &code).keep();
    assert_eq!((next.verdict(3).0, next.verdict(3).1.late), ("approved", false));
    assert!(next.events[0].sequence > 1_000_000, "above all numbers of the last life");
}

#[test]
fn a_call_that_was_under_way_is_interrupted_claimable_late_and_never_made_again() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    let code = bench.code(0);
    let intents: Vec<_> = bench.kept.iter().filter_map(intent).map(|i| (*i).clone()).collect();
    let mut next = Bench::life(rules(profile(), "+12025550000-+12025559999"), 2, 5_000);
    restore(&mut next, vec![left(&bench, &[])], &intents);
    assert!(next.line.prepared.is_empty());
    assert_eq!(next.look(id).unwrap().attempts[0].outcome, Some(Outcome::Interrupted));
    next.check(3, id, &code).keep();
    assert_eq!((next.verdict(3).0, next.verdict(3).1.late), ("approved", true));
}

#[test]
fn a_lifetime_goes_on_while_nobody_is_there() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    bench.came_to(Outcome::Rang);
    let rules = rules(profile(), "+12025550000-+12025559999");
    let mut next = Bench::life(rules.clone(), 2, 179_000);
    restore(&mut next, vec![left(&bench, &[(0, Outcome::Rang)])], &[]);
    next.at(180_000).keep();
    assert_eq!(next.heard(id), ["expired"]);
    // A clock that was set back does not make it live longer than it may.
    let mut opened = left(&bench, &[(0, Outcome::Rang)]);
    opened.opened.created_unix_us += 3_600_000_000;
    opened.opened.expires_unix_us += 3_600_000_000;
    let mut next = Bench::life(rules, 3, 0);
    restore(&mut next, vec![opened], &[]);
    next.at(180_000).keep();
    assert_eq!(next.heard(id), ["expired"]);
}

#[test]
fn a_verification_that_was_never_called_is_called_and_one_without_hope_fails() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    let all = rules(profile(), "+12025550000-+12025559999");
    let mut next = Bench::life(all.clone(), 2, 1000);
    restore(&mut next, vec![left(&bench, &[])], &[]);
    next.keep();
    assert_eq!(next.begun.len(), 1);
    bench.came_to(Outcome::Unallocated);
    let mut next = Bench::life(all, 3, 1000);
    restore(&mut next, vec![left(&bench, &[(0, Outcome::Unallocated)])], &[]);
    next.keep();
    assert_eq!(next.changes()[0].reason, Some(Reason::InvalidNumber));
    assert_eq!(next.heard(id), ["failed"]);
}

#[test]
fn a_code_of_a_verification_that_goes_on_is_drawn_for_nobody_else() {
    let one = rules(profile(), "+12025550000");
    let mut bench = Bench::with(one.clone());
    bench.dialing(PHONE);
    bench.came_to(Outcome::Rang);
    let mut next = Bench::life(one, 2, 1000);
    restore(&mut next, vec![left(&bench, &[(0, Outcome::Rang)])], &[]);
    next.start(1, crate::verify::command::Start { tenant: "other".into(), ..wish(PHONE) });
    next.load();
    assert_eq!(next.refusal(1), Refusal::NoEligibleNumber);
}
