//! Each filter filters, in both directions, page by page; and every question has its index.

use super::{Case, Folder, Life, NOW};
use crate::base::id::SessionId;
use crate::call::outcome::Outcome;
use crate::io::store::sqlite::{CdrQuery, Direction, KeyRow, SessionQuery};
use crate::verify::cdr::Kept;
use crate::verify::record::Record;
use crate::verify::snapshot::Snapshot;
use crate::verify::status::Status;
use std::sync::Arc;

const HOUR: u64 = 3_600_000_000;

fn ids(found: &[Snapshot]) -> Vec<SessionId> {
    found.iter().map(|seen| seen.id).collect()
}

fn of(ns: &[u32]) -> Vec<SessionId> {
    ns.iter().map(|n| Case::new(*n).session()).collect()
}

fn rows(found: &[Kept]) -> Vec<u64> {
    found.iter().map(|kept| kept.row).collect()
}

#[test]
fn verifications_are_found_by_every_filter_newest_first() {
    let folder = Folder::new("sessions");
    let mut life = Life::begin(&folder);
    for n in 1..=6 {
        life.keep(Case::new(n).begins());
    }
    for n in 1..=3 {
        life.keep(Case::new(n).ends());
    }
    let reader = life.reader();
    let all = SessionQuery::default();
    let found = |query: &SessionQuery| ids(&reader.sessions(query).unwrap());
    assert_eq!(found(&all), of(&[6, 5, 4, 3, 2, 1]));
    let even = SessionQuery { tenant: Some("even".into()), ..all.clone() };
    assert_eq!(found(&even), of(&[6, 4, 2]));
    let pending = SessionQuery { status: Some(Status::Pending), ..all.clone() };
    assert_eq!(found(&pending), of(&[6, 5, 4]));
    let approved = SessionQuery { status: Some(Status::Approved), ..even.clone() };
    assert_eq!(found(&approved), of(&[2]));
    let to = SessionQuery { to: Some(Case::new(4).to()), ..even.clone() };
    assert_eq!(found(&to), of(&[4]));
    let odd = SessionQuery { tenant: Some("odd".into()), ..to };
    assert_eq!(found(&odd), of(&[]));
    let reference = SessionQuery { client_reference: Some("order-3".into()), ..all.clone() };
    assert_eq!(found(&reference), of(&[3]));
    let page = SessionQuery { limit: 2, before: Some(Case::new(5).session()), ..all.clone() };
    assert_eq!(found(&page), of(&[4, 3]));
    let page = SessionQuery { before: Some(Case::new(4).session()), ..even };
    assert_eq!(found(&page), of(&[2]));
    let gone = SessionQuery { before: Some(Case::new(99).session()), ..all };
    assert_eq!(found(&gone), of(&[]));
    life.close();
}

#[test]
fn records_are_found_by_every_filter_in_both_directions() {
    let folder = Folder::new("cdrs");
    let mut life = Life::begin(&folder);
    for n in 1..=6 {
        let case = Case::new(n);
        life.keep(case.begins());
        let mut cdr = case.cdr();
        cdr.outcome = if n == 3 { Outcome::Busy } else { Outcome::Rang };
        if n == 5 {
            let way = crate::call::way::Way { trunk: "east".into(), ..super::way() };
            cdr.way = Arc::new(way);
        }
        life.clock.store(case.at + 1_000_000, std::sync::atomic::Ordering::Relaxed);
        life.keep([Record::Cdr(Arc::new(cdr))]);
    }
    let reader = life.reader();
    let all = CdrQuery::default();
    let found = |query: &CdrQuery| rows(&reader.cdrs(query).unwrap());
    assert_eq!(found(&all), [6, 5, 4, 3, 2, 1]);
    let oldest = CdrQuery { direction: Direction::OldestFirst, ..all.clone() };
    assert_eq!(found(&oldest), [1, 2, 3, 4, 5, 6]);
    assert_eq!(found(&CdrQuery { after: Some(4), limit: 2, ..all.clone() }), [3, 2]);
    assert_eq!(found(&CdrQuery { after: Some(4), limit: 1, ..oldest }), [5]);
    assert_eq!(found(&CdrQuery { tenant: Some("odd".into()), ..all.clone() }), [5, 3, 1]);
    assert_eq!(found(&CdrQuery { session: Some(Case::new(2).session()), ..all.clone() }), [2]);
    assert_eq!(found(&CdrQuery { to: Some(Case::new(2).to()), ..all.clone() }), [2]);
    assert_eq!(found(&CdrQuery { to: Some(Case::new(7).to()), ..all.clone() }), [0; 0]);
    assert_eq!(found(&CdrQuery { trunk: Some("east".into()), ..all.clone() }), [5]);
    assert_eq!(found(&CdrQuery { outcome: Some(Outcome::Busy), ..all.clone() }), [3]);
    let (since, until) = (Some(Case::new(2).at), Some(Case::new(5).at));
    let times = CdrQuery { since_unix_us: since, until_unix_us: until, ..all };
    assert_eq!(found(&times), [4, 3, 2]);
    assert_eq!(found(&CdrQuery { direction: Direction::OldestFirst, ..times.clone() }), [2, 3, 4]);
    assert_eq!(found(&CdrQuery { tenant: Some("even".into()), ..times.clone() }), [4, 2]);
    assert_eq!(found(&CdrQuery { session: Some(Case::new(5).session()), ..times.clone() }), [0; 0]);
    assert_eq!(found(&CdrQuery { to: Some(Case::new(4).to()), ..times }), [4]);
    assert_eq!(reader.last_row().unwrap(), 6);
    life.close();
}

/// A call of which the service died is recorded by its next life, hours after calls that began later.
#[test]
fn a_record_that_came_late_is_found_by_when_its_call_began() {
    let folder = Folder::new("late");
    let mut life = Life::begin(&folder);
    let (early, later) = (Case::new(1), Case { n: 2, at: NOW + 5 * HOUR });
    let interrupted = Case { n: 3, at: NOW + 2_000_000 };
    for (case, kept_at) in
        [(early, early.at + 1), (later, later.at + 1), (interrupted, NOW + 6 * HOUR)]
    {
        life.clock.store(kept_at, std::sync::atomic::Ordering::Relaxed);
        life.keep(case.whole());
    }
    let reader = life.reader();
    for direction in [Direction::OldestFirst, Direction::NewestFirst] {
        let until = Some(NOW + HOUR);
        let query = CdrQuery { until_unix_us: until, direction, ..CdrQuery::default() };
        let mut found = rows(&reader.cdrs(&query).unwrap());
        let first = reader.cdrs(&CdrQuery { limit: 1, ..query.clone() }).unwrap();
        let next = CdrQuery { after: Some(first[0].row), ..query.clone() };
        assert_eq!(rows(&reader.cdrs(&next).unwrap()), found[1..]);
        if direction == Direction::NewestFirst {
            found.reverse();
        }
        assert_eq!(found, [1, 3]);
        let of_tenant = CdrQuery { tenant: Some("odd".into()), ..query };
        assert_eq!(reader.cdrs(&of_tenant).unwrap().len(), 2);
    }
    life.close();
}

#[test]
fn keys_are_made_once_revoked_once_and_listed() {
    let folder = Folder::new("api-keys");
    let life = Life::begin(&folder);
    let admin = life.store.admin();
    let key = KeyRow {
        id: "k1".into(),
        tenant: None,
        name: "operator".into(),
        scopes: vec!["read".into(), "reveal".into()],
        hash: [7; 32],
        created_us: NOW,
        revoked_us: None,
    };
    let run = &life.runtime;
    assert_eq!(run.block_on(admin.create_key(key.clone())), Ok(true));
    let other = KeyRow { hash: [8; 32], ..key.clone() };
    assert_eq!(run.block_on(admin.create_key(other)), Ok(false));
    assert_eq!(life.reader().keys().unwrap(), std::slice::from_ref(&key));
    assert_eq!(run.block_on(admin.revoke_key("k2".into(), NOW + 1)), Ok(false));
    assert_eq!(run.block_on(admin.revoke_key("k1".into(), NOW + 1)), Ok(true));
    assert_eq!(run.block_on(admin.revoke_key("k1".into(), NOW + 2)), Ok(false));
    let revoked = KeyRow { revoked_us: Some(NOW + 1), ..key };
    assert_eq!(life.reader().keys().unwrap(), [revoked]);
    life.close();
}

#[test]
fn people_read_the_tables_with_any_tool() {
    let folder = Folder::new("people");
    let mut life = Life::begin(&folder);
    let case = Case::new(2);
    life.keep(case.begins());
    assert_eq!(folder.one::<String>("SELECT id FROM open_attempt"), case.id().to_string());
    life.keep(case.ends());
    assert_eq!(folder.one::<String>("SELECT id FROM session"), case.session().to_string());
    assert_eq!(folder.one::<String>("SELECT id FROM cdr"), case.id().to_string());
    let at = folder.one::<String>("SELECT start_at FROM cdr_readable");
    assert_eq!(at, crate::base::calendar::rfc3339(case.at).replace("000Z", "Z"));
    assert_eq!(folder.one::<String>("SELECT from_number FROM cdr_readable"), "+12025550002");
    assert_eq!(folder.one::<String>("SELECT ended_at FROM session_readable").len(), 24);
    assert_eq!(folder.one::<String>("PRAGMA integrity_check"), "ok");
    life.close();
}
