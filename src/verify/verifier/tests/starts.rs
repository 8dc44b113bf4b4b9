//! Which starts make a verification, and what those get that do not.

use super::bench::{Bench, PHONE, profile, rules, wish};
use crate::base::id::Ticket;
use crate::base::number::{CallerId, Country};
use crate::verify::command::{Answer, Command, Fresh, Idempotency, Refusal, Start};
use crate::verify::record::Found;
use crate::verify::rules::{Duplicates, Profile};
use crate::verify::status::{Phase, Status};
use std::sync::Arc;

fn keyed(to: &str, key: u8, body: u8) -> Start {
    let idempotency = Some(Idempotency { key: [key; 32], body: [body; 32] });
    Start { idempotency, ..wish(to) }
}

fn duplicates(duplicates: Duplicates) -> Bench {
    let profile = Profile { duplicates, ..profile() };
    Bench::with(rules(profile, "+12025550000-+12025559999"))
}

#[test]
fn a_start_is_answered_once_it_is_stored_and_only_then_its_invite_leaves() {
    let mut bench = Bench::new();
    bench.start(1, wish(PHONE));
    assert_eq!(bench.loads.len(), 1, "the past of the number comes first");
    bench.load();
    assert_eq!(bench.writing.len(), 1, "the verification and its call are one write");
    assert_eq!(bench.writing[0].0.len(), 2);
    assert!(bench.answers.is_empty() && bench.begun.is_empty() && bench.events.is_empty());
    bench.keep();
    assert_eq!(bench.begun.len(), 1);
    let snapshot = bench.started(1).clone();
    assert_eq!(snapshot.status, Status::Pending);
    assert_eq!((snapshot.tries_left, snapshot.redials_left), (3, 2));
    assert_eq!(snapshot.attempts.len(), 1);
    assert_eq!(&*snapshot.attempts[0].trunk, "east");
    assert_eq!(bench.heard(snapshot.id), ["started", "dialing 1"]);
}

#[test]
fn who_may_not_start_is_told_why_and_leaves_nothing() {
    let refused = |start: Start| {
        let mut bench = Bench::new();
        bench.start(1, start).load().keep();
        assert_eq!(bench.verifier.held(), 0);
        assert!(bench.kept.is_empty());
        bench.refusal(1)
    };
    let tenant = "nobody".into();
    assert_eq!(refused(Start { tenant, ..wish(PHONE) }), Refusal::UnknownTenant);
    let profile = Some("none".into());
    assert_eq!(refused(Start { profile, ..wish(PHONE) }), Refusal::UnknownProfile);
    let country = Country::parse("DE");
    assert_eq!(refused(Start { country, ..wish(PHONE) }), Refusal::DestinationDenied);
    assert_eq!(refused(Start { country: None, ..wish(PHONE) }), Refusal::DestinationDenied);
}

#[test]
fn a_test_number_needs_no_country() {
    let mut bench = Bench::new();
    bench.start(1, Start { country: None, test: true, ..wish("+9990001") }).load().keep();
    assert_eq!(bench.started(1).status, Status::Pending);
}

#[test]
fn a_number_without_a_route_is_refused() {
    let mut rules = rules(profile(), "+12025550000-+12025559999");
    rules.routes[0].prefixes = vec!["44".into()];
    let mut bench = Bench::with(rules);
    bench.start(1, wish(PHONE));
    assert_eq!(bench.refusal(1), Refusal::NoRoute);
}

#[test]
fn as_many_as_are_allowed_are_open_and_no_more() {
    let mut rules = rules(profile(), "+12025550000-+12025559999");
    rules.open_max = 2;
    let mut bench = Bench::with(rules);
    let first = bench.dialing("+12025550101");
    bench.dialing("+12025550102");
    bench.start(3, wish("+12025550103")).load().keep();
    assert_eq!(bench.refusal(3), Refusal::Capacity);
    bench.cancel(4, first).keep();
    bench.came_to(crate::call::outcome::Outcome::Rang);
    let id = bench.begun[0];
    bench.over(id, crate::call::outcome::Outcome::Rang);
    bench.start(5, wish("+12025550103")).load().keep();
    assert_eq!(bench.started(5).status, Status::Pending);
}

#[test]
fn where_the_user_agent_is_full_a_start_is_refused_and_may_be_tried_again() {
    let mut bench = Bench::new();
    bench.line.full = true;
    bench.start(1, wish(PHONE)).load().keep();
    assert_eq!(bench.refusal(1), Refusal::Capacity);
    assert!(bench.refusal(1).may_retry());
    assert_eq!(bench.verifier.held(), 0);
    bench.line.full = false;
    bench.start(2, wish(PHONE)).load().keep();
    assert_eq!(bench.started(2).phase, Some(Phase::Dialing));
}

#[test]
fn a_number_that_is_being_verified_is_not_verified_again() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    bench.start(2, wish(PHONE));
    assert_eq!(bench.refusal(2), Refusal::InProgress(id));
}

#[test]
fn a_profile_may_give_back_the_verification_there_is() {
    let mut bench = duplicates(Duplicates::Return);
    let id = bench.dialing(PHONE);
    bench.start(2, wish(PHONE));
    let Ok(Answer::Started(snapshot, Fresh::Duplicate)) = &bench.answers[&2] else { panic!() };
    assert_eq!(snapshot.id, id);
    assert_eq!(bench.line.prepared.len(), 1, "nobody is rung twice");
}

#[test]
fn verifications_of_one_number_have_codes_of_their_own_and_calls_one_after_the_other() {
    let mut bench = duplicates(Duplicates::Allow);
    bench.dialing(PHONE);
    bench.start(2, wish(PHONE)).keep();
    let second = bench.started(2).id;
    assert_eq!(bench.begun.len(), 1, "one call at a time");
    assert_eq!(bench.look(second).unwrap().phase, Some(Phase::Queued));
    bench.came_to(crate::call::outcome::Outcome::Rang).keep();
    assert_eq!(bench.begun.len(), 2, "its turn comes with the end of the first call");
    assert_ne!(bench.code(0), bench.code(1));
}

#[test]
fn another_tenants_verification_is_no_obstacle_and_not_named() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    bench.start(2, Start { tenant: "other".into(), ..wish(PHONE) }).keep();
    assert_ne!(bench.started(2).id, id);
    assert_eq!(bench.begun.len(), 1, "but its call waits: nobody's phone rings twice at a time");
    bench.ask(3, Command::Look { tenant: Some("other".into()), id });
    assert_eq!(bench.refusal(3), Refusal::NotOpen);
}

#[test]
fn a_queued_verification_that_ends_is_not_called() {
    let mut bench = duplicates(Duplicates::Allow);
    bench.dialing(PHONE);
    bench.start(2, wish(PHONE)).keep();
    let second = bench.started(2).id;
    bench.cancel(3, second).keep();
    bench.came_to(crate::call::outcome::Outcome::Rang).keep();
    assert_eq!(bench.line.prepared.len(), 1);
}

#[test]
fn every_code_of_a_destination_that_is_held_is_drawn_for_nobody() {
    let profile = Profile { duplicates: Duplicates::Allow, ..profile() };
    let mut bench = Bench::with(rules(profile, "+12025550000-+12025550002"));
    for ticket in 1..=3 {
        bench.start(ticket, wish(PHONE)).load().keep();
        bench.came_to(crate::call::outcome::Outcome::Rang).keep();
    }
    let codes: std::collections::BTreeSet<String> = (0..3).map(|n| bench.code(n)).collect();
    assert_eq!(codes.len(), 3);
    bench.start(4, wish(PHONE)).keep();
    assert_eq!(bench.refusal(4), Refusal::NoEligibleNumber);
    bench.start(5, wish("+12025550777")).load().keep();
    assert_eq!(bench.started(5).status, Status::Pending, "other destinations have all of them");
}

#[test]
fn what_rang_a_number_lately_is_not_drawn_again() {
    let recent: Vec<CallerId> =
        (0..9).map(|n| CallerId::of_value(12_025_550_000 + n, 11).unwrap()).collect();
    for seed in 0..40 {
        let mut bench = Bench::life(rules(profile(), "+12025550000-+12025550099"), seed, 0);
        bench.start(1, wish(PHONE));
        let (ticket, past) = bench.loads.remove(0);
        assert_eq!(past.to, wish(PHONE).to);
        bench.found(ticket, Some(Found { recent: recent.clone(), claimed: None }));
        assert!(!recent.contains(&bench.caller(0)), "seed {seed}");
    }
}

#[test]
fn a_past_that_cannot_be_looked_up_refuses_the_start() {
    let mut bench = Bench::new();
    bench.start(1, wish(PHONE));
    bench.found(Ticket(1), None);
    assert_eq!(bench.refusal(1), Refusal::StoreDown);
    bench.start(2, wish(PHONE)).load().keep();
    assert_eq!(bench.started(2).status, Status::Pending);
}

#[test]
fn starts_for_one_number_that_wait_for_its_past_are_one_verification() {
    let mut bench = Bench::new();
    for ticket in 1..=5 {
        bench.start(ticket, wish(PHONE));
    }
    bench.load().keep();
    let id = bench.started(1).id;
    for ticket in 2..=5 {
        assert_eq!(bench.refusal(ticket), Refusal::InProgress(id));
    }
    assert_eq!(bench.begun.len(), 1);
}

#[test]
fn a_key_stands_for_its_request() {
    let mut bench = Bench::new();
    bench.start(1, keyed(PHONE, 1, 1)).start(2, keyed(PHONE, 1, 1)).start(3, keyed(PHONE, 1, 2));
    assert_eq!(bench.refusal(2), Refusal::IdempotencyInFlight);
    assert_eq!(bench.refusal(3), Refusal::IdempotencyConflict);
    bench.load();
    bench.start(4, keyed(PHONE, 1, 1));
    assert!(!bench.answers.contains_key(&4), "the first is not stored yet");
    bench.keep();
    let id = bench.started(1).id;
    let Ok(Answer::Started(again, Fresh::Replayed)) = &bench.answers[&4] else { panic!() };
    assert_eq!(again.id, id);
    // From here on the store knows the key.
    bench.start(5, keyed(PHONE, 1, 1)).start(6, keyed("+12025550777", 1, 9));
    assert_eq!(bench.refusal(6), Refusal::IdempotencyConflict);
    let claimed = Some((id, [1; 32]));
    bench.found(Ticket(5), Some(Found { claimed, ..Found::default() }));
    let Ok(Answer::Started(again, Fresh::Replayed)) = &bench.answers[&5] else { panic!() };
    assert_eq!(again.id, id);
    assert_eq!(bench.begun.len(), 1);
    assert_eq!(bench.opened()[0].idempotency.unwrap().key, [1; 32]);
}

#[test]
fn a_key_whose_verification_has_ended_leads_to_the_store() {
    let mut bench = Bench::new();
    bench.start(1, keyed(PHONE, 1, 1));
    let old = crate::base::id::SessionId { unix_ms: 1, shard: 1, epoch: 1, random: 7 };
    let claimed = Some((old, [1; 32]));
    bench.found(Ticket(1), Some(Found { claimed, ..Found::default() }));
    assert!(matches!(bench.answers[&1], Ok(Answer::Replayed(id)) if id == old));
    bench.start(2, keyed(PHONE, 1, 1));
    let claimed = Some((old, [2; 32]));
    bench.found(Ticket(2), Some(Found { claimed, ..Found::default() }));
    assert_eq!(bench.refusal(2), Refusal::IdempotencyConflict);
}

#[test]
fn a_key_whose_start_was_refused_is_free_again() {
    let mut bench = Bench::new();
    bench.line.full = true;
    bench.start(1, keyed(PHONE, 1, 1)).load();
    assert_eq!(bench.refusal(1), Refusal::Capacity);
    bench.line.full = false;
    bench.start(2, keyed(PHONE, 1, 2)).load().keep();
    assert_eq!(bench.started(2).status, Status::Pending);
}

#[test]
fn the_same_key_of_another_tenant_is_another_key() {
    let mut bench = Bench::new();
    bench.start(1, keyed(PHONE, 1, 1));
    bench.start(2, Start { tenant: "other".into(), ..keyed(PHONE, 1, 2) });
    bench.load().keep();
    assert_ne!(bench.started(1).id, bench.started(2).id);
}

#[test]
fn while_the_service_ends_nothing_is_begun() {
    let mut bench = Bench::new();
    bench.start(1, wish("+12025550101")).load();
    bench.start(2, wish("+12025550102"));
    bench.verifier.drain();
    bench.load().keep();
    assert_eq!(bench.refusal(2), Refusal::Draining);
    assert!(bench.begun.is_empty());
    assert_eq!(bench.given_up.len(), 1, "its record says so");
    assert_eq!(bench.started(1).status, Status::Pending, "it goes on in the next life");
    bench.start(3, wish("+12025550103"));
    assert_eq!(bench.refusal(3), Refusal::Draining);
}

#[test]
fn a_verification_keeps_the_rules_it_began_with() {
    let mut bench = Bench::new();
    let id = bench.dialing(PHONE);
    let mut other = rules(Profile { tries: 1, ..profile() }, "+12025550000-+12025559999");
    other.trunks.swap(0, 1);
    bench.verifier.configure(Arc::new(other));
    bench.came_to(crate::call::outcome::Outcome::Congestion).keep();
    assert_eq!(bench.line.prepared[1].trunk, 0, "west, which is the first now");
    assert_eq!(bench.look(id).unwrap().tries_left, 3);
}
