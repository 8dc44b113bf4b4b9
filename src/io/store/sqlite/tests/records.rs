//! What was appended comes back, once, and only what was committed.

use super::{Case, Folder, Life, NOW};
use crate::base::number::CallerId;
use crate::call::outcome::Outcome;
use crate::io::store::{Store as _, Verdict};
use crate::verify::cdr::Amendment;
use crate::verify::record::{Change, LeftCall, Part, Past, Record};
use crate::verify::status::{Reason, Status};
use smallvec::smallvec;
use std::sync::Arc;

#[test]
fn a_verification_comes_back_at_each_of_its_stages() {
    let folder = Folder::new("stages");
    let (case, mut life) = (Case::new(2), Life::begin(&folder));
    let reader = life.reader();

    life.keep(case.begins());
    let begun = reader.session(case.session()).unwrap().unwrap();
    let opened = case.opened();
    assert_eq!((begun.status, begun.reason, begun.phase), (Status::Pending, None, None));
    assert_eq!((&*begun.tenant, &*begun.profile, begun.to), ("even", "default", case.to()));
    assert_eq!((begun.tries_left, begun.redials_left, begun.late), (3, 2, false));
    assert_eq!(begun.country, opened.country);
    assert_eq!(begun.client_reference, opened.client_reference);
    assert_eq!(begun.metadata, opened.metadata);
    assert_eq!((begun.odds.distinct, begun.odds.tries), (10_000, 3));
    assert_eq!((begun.created_unix_us, begun.expires_unix_us), (case.at, case.at + 300_000_000));
    assert_eq!((begun.code_length, begun.ended_unix_us), (4, None));
    assert_eq!(begun.attempts.len(), 1);
    assert_eq!(begun.attempts[0].outcome, None);
    assert_eq!((begun.attempts[0].id, begun.attempts[0].caller_id), (case.id(), case.from()));

    life.keep([Record::Cdr(Arc::new(case.cdr()))]);
    let kept = reader.cdr(case.id()).unwrap().unwrap();
    assert_eq!((kept.row, kept.id, kept.part), (1, case.id(), Some(case.part())));
    assert_eq!(kept.tenant.as_deref(), Some("even"));
    assert_eq!((kept.to, kept.from), (case.to(), case.from()));
    assert!(kept.open && kept.amendments.is_empty());
    assert_eq!(kept.detail, case.cdr().detail());
    assert_eq!(folder.one::<i64>("SELECT count(*) FROM open_attempt"), 0);
    let ended = reader.session(case.session()).unwrap().unwrap();
    assert_eq!(ended.attempts[0].outcome, Some(Outcome::Rang));

    let amendment = Amendment { id: case.id(), at_unix_us: NOW + 7, status: 200, alerted: true };
    life.keep([Record::Changed(Arc::new(case.approved())), Record::Amendment(amendment)]);
    let kept = reader.cdr(case.id()).unwrap().unwrap();
    assert_eq!((kept.open, kept.from), (false, case.from()));
    assert_eq!(kept.amendments, [amendment]);
    let ended = reader.session(case.session()).unwrap().unwrap();
    assert_eq!((ended.status, ended.ended_unix_us), (Status::Approved, Some(case.at + 5_000_000)));
    assert_eq!((ended.tries_left, ended.redials_left, ended.late), (2, 1, true));
    assert_eq!(*life.store.rows().borrow(), 1);
    life.close();
}

#[test]
fn a_refused_verification_has_its_reason_and_a_bare_call_has_no_verification() {
    let folder = Folder::new("bare");
    let mut life = Life::begin(&folder);
    let (refused, bare) = (Case::new(1), Case::new(2));
    let change = Change {
        status: Status::Failed,
        reason: Some(Reason::NoRoute),
        approved_by: None,
        late: false,
        reveal: smallvec![],
        ..refused.approved()
    };
    let (mut intent, mut cdr) = (bare.intent(), bare.cdr());
    (intent.part, cdr.part, cdr.open) = (None, None, false);
    life.keep([
        Record::Opened(Arc::new(refused.opened())),
        Record::Changed(Arc::new(change)),
        Record::Intent(Arc::new(intent)),
    ]);
    let seen = life.reader().session(refused.session()).unwrap().unwrap();
    assert_eq!((seen.status, seen.reason), (Status::Failed, Some(Reason::NoRoute)));
    assert_eq!(life.found(bare.past()).recent, [bare.from()]);
    life.keep([Record::Cdr(Arc::new(cdr))]);
    let kept = life.reader().cdr(bare.id()).unwrap().unwrap();
    assert_eq!((kept.part, kept.tenant, kept.open), (None, None, false));
    assert_eq!(life.found(bare.past()).recent, [bare.from()]);
    assert_eq!(folder.one::<i64>("SELECT count(*) FROM open_attempt"), 0);
    life.close();
}

#[test]
fn what_is_given_again_is_kept_once() {
    let folder = Folder::new("again");
    let (case, mut life) = (Case::new(2), Life::begin(&folder));
    let amendment = Amendment { id: case.id(), at_unix_us: NOW + 7, status: 200, alerted: false };
    for _ in 0..2 {
        life.keep([Record::Opened(Arc::new(case.claimed()))]);
        life.keep(case.begins());
        life.keep(case.ends());
        life.keep([Record::Amendment(amendment)]);
    }
    for table in ["session", "cdr", "amendment", "idempotency"] {
        assert_eq!(folder.one::<i64>(&format!("SELECT count(*) FROM {table}")), 1, "{table}");
    }
    assert_eq!(folder.one::<i64>("SELECT count(*) FROM open_attempt"), 0);
    assert_eq!(*life.store.rows().borrow(), 1);
    life.close();
}

#[test]
fn what_has_ended_stays_as_it_ended() {
    let folder = Folder::new("ended");
    let (case, mut life) = (Case::new(2), Life::begin(&folder));
    life.keep(case.whole());
    for status in [Status::Pending, Status::Expired] {
        let change = Change { status, tries_left: 3, ..case.approved() };
        life.keep([Record::Changed(Arc::new(change))]);
    }
    let seen = life.reader().session(case.session()).unwrap().unwrap();
    assert_eq!((seen.status, seen.tries_left), (Status::Approved, 2));
    life.close();
}

#[test]
fn a_call_that_ends_after_its_verification_is_in_plain_at_once() {
    let folder = Folder::new("plain");
    let (case, mut life) = (Case::new(2), Life::begin(&folder));
    life.keep(case.begins());
    life.keep([Record::Changed(Arc::new(case.approved()))]);
    let mut cdr = case.cdr();
    cdr.open = false;
    life.keep([Record::Cdr(Arc::new(cdr))]);
    let kept = life.reader().cdr(case.id()).unwrap().unwrap();
    assert_eq!((kept.open, kept.from), (false, case.from()));
    assert_eq!(folder.one::<String>("SELECT from_number FROM cdr"), "+12025550002");
    life.close();
}

#[test]
fn a_death_loses_what_was_not_committed_and_nothing_else() {
    let folder = Folder::new("death");
    let (first, second) = (Case::new(1), Case::new(2));
    let mut life = Life::begin(&folder);
    life.keep(first.begins());
    for record in second.begins() {
        life.append(record);
    }
    drop(life);

    let life = Life::begin(&folder);
    assert!(!life.dir.was_clean());
    assert!(life.reader().session(first.session()).unwrap().is_some());
    assert!(life.reader().session(second.session()).unwrap().is_none());
    assert_eq!(life.left.intents, [first.intent()]);
    life.close();
    let life = Life::begin(&folder);
    assert!(life.dir.was_clean());
    life.close();
}

#[test]
fn closing_keeps_what_was_appended() {
    let folder = Folder::new("closing");
    let (case, mut life) = (Case::new(1), Life::begin(&folder));
    for record in case.whole() {
        life.append(record);
    }
    life.close();
    let log = std::fs::metadata(folder.0.join("onering.db-wal")).map_or(0, |file| file.len());
    assert_eq!(log, 0);
    let life = Life::begin(&folder);
    assert!(!life.reader().cdr(case.id()).unwrap().unwrap().open);
    life.close();
}

#[test]
fn what_was_open_is_found_by_the_next_life() {
    let folder = Folder::new("left");
    let mut life = Life::begin(&folder);
    // One is under way, one has a call behind it and one to come, one has ended and its call has not.
    let (one, two, three) = (Case::new(1), Case::new(2), Case::new(3));
    life.keep(one.begins());
    life.keep(two.begins());
    life.keep([Record::Cdr(Arc::new(two.cdr()))]);
    let pending = Change {
        status: Status::Pending,
        ended_unix_us: None,
        approved_by: None,
        late: false,
        reveal: smallvec![],
        ..two.approved()
    };
    life.keep([Record::Changed(Arc::new(pending))]);
    life.keep(three.begins());
    life.keep([Record::Changed(Arc::new(three.approved()))]);
    life.keep(Case::new(4).whole());
    drop(life);

    let life = Life::begin(&folder);
    let left = &life.left;
    assert_eq!(left.intents, [one.intent(), three.intent()]);
    assert_eq!(left.sessions.len(), 2);
    assert_eq!(left.sessions[0].opened, one.opened());
    assert_eq!((left.sessions[0].tries_left, left.sessions[0].redials_left), (3, 2));
    assert!(left.sessions[0].calls.is_empty());
    assert_eq!(left.sessions[1].opened, two.opened());
    assert_eq!((left.sessions[1].tries_left, left.sessions[1].redials_left), (2, 1));
    let call = LeftCall {
        id: two.id(),
        number: 1,
        trunk: "west".into(),
        from: two.from(),
        outcome: Outcome::Rang,
        alerted: true,
    };
    assert_eq!(left.sessions[1].calls, [call]);
    life.close();
}

#[test]
fn the_past_of_a_number_is_newest_first_and_only_since_then() {
    let folder = Folder::new("past");
    let mut life = Life::begin(&folder);
    let one = Case::new(1);
    // Other calls of the same verification, to the same number.
    let call = |n: u32, number: u8| {
        let mut cdr = Case::new(n).cdr();
        (cdr.to, cdr.part) = (one.to(), Some(Part { number, ..one.part() }));
        cdr
    };
    life.keep(one.begins());
    let mut never = call(5, 5);
    never.outcome = Outcome::NotAttempted;
    for cdr in [call(3, 3), call(2, 2), call(4, 4), never] {
        life.keep([Record::Cdr(Arc::new(cdr))]);
    }
    life.keep(Case::new(9).whole());
    let numbers = |ns: &[u32]| ns.iter().map(|n| Case::new(*n).from()).collect::<Vec<CallerId>>();
    assert_eq!(life.found(one.past()).recent, numbers(&[4, 3, 2, 1]));
    let since = Past { since_unix_us: Case::new(3).at, ..one.past() };
    assert_eq!(life.found(since).recent, numbers(&[4, 3]));
    assert_eq!(life.found(Case::new(7).past()).recent, []);
    life.close();
}

#[test]
fn a_claimed_key_is_found_until_it_is_too_old_and_can_be_claimed_again() {
    let folder = Folder::new("claim");
    let mut life = Life::begin(&folder);
    let (case, other) = (Case::new(2), Case::new(3));
    life.keep([Record::Opened(Arc::new(case.claimed()))]);
    let ask = Past { key: Some([2; 32]), ..other.past() };
    assert_eq!(life.found(ask).claimed, Some((case.session(), [9; 32])));
    assert_eq!(life.found(Past { key: Some([3; 32]), ..ask }).claimed, None);
    let later = Past { key_since_unix_us: case.at + 1, ..ask };
    assert_eq!(life.found(later).claimed, None);
    let mut again = other.claimed();
    again.idempotency = case.claimed().idempotency;
    life.keep([Record::Opened(Arc::new(again))]);
    assert_eq!(life.found(later).claimed, Some((other.session(), [9; 32])));
    life.close();
}

#[test]
fn what_comes_while_the_writer_is_busy_is_one_batch() {
    let folder = Folder::new("group");
    let mut life = Life::begin(&folder);
    let other = folder.database();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for n in 0..100 {
        for record in Case::new(n).begins() {
            life.append(record);
        }
        life.store.commit();
    }
    other.execute_batch("COMMIT").unwrap();
    while life.verdict() != Verdict::Kept(life.seq) {}
    // Some may have come before the others; those waited together.
    assert!(life.store.counters().commits() <= 3, "{}", life.store.counters().commits());
    assert_eq!(life.store.counters().records(), 200);
    life.close();
}
