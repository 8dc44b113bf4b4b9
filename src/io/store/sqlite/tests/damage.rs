//! A row that is not what was written is left out and reported; never taken for true, and never in the way of the others.

use super::{Case, Folder, Life, NOW};
use crate::io::store::sqlite::{CdrQuery, DataDir, KeyRow, Reader, SessionQuery, restore};
use crate::verify::cdr::{Amendment, Kept};
use crate::verify::record::{Past, Record};
use rusqlite::Connection;
use std::fs;
use std::sync::Arc;

/// Two of everything: each first one will be spoiled.
fn stored(name: &str) -> Folder {
    let folder = Folder::new(name);
    let mut life = Life::begin(&folder);
    for n in [2, 3] {
        let case = Case::new(n);
        life.keep([Record::Opened(Arc::new(case.claimed()))]);
        life.keep(case.whole());
        let amendment =
            Amendment { id: case.id(), at_unix_us: NOW + 1, status: 200, alerted: true };
        life.keep([Record::Amendment(amendment)]);
        life.keep(Case::new(n + 2).begins());
    }
    let admin = life.store.admin();
    for n in [2, 3] {
        let key = KeyRow {
            id: format!("k{n}").into(),
            tenant: Some("even".into()),
            name: "test".into(),
            scopes: vec!["start".into()],
            hash: [n; 32],
            created_us: NOW,
            revoked_us: None,
        };
        life.runtime.block_on(admin.create_key(key)).unwrap();
        life.runtime.block_on(admin.delivered(format!("s{n}").into(), 2, 0)).unwrap();
    }
    life.close();
    folder
}

/// What can be read of the two rows of a table: the spoiled one, and the other.
fn read(reader: &Reader, dir: &DataDir, table: &str) -> (bool, bool) {
    let (one, two) = (Case::new(2), Case::new(3));
    match table {
        "session" => {
            let there = |case: Case| reader.session(case.session()).unwrap().is_some();
            let listed = reader.sessions(&SessionQuery::default()).unwrap();
            let in_list = |case: Case| listed.iter().any(|seen| seen.id == case.session());
            assert_eq!(in_list(one), there(one));
            (there(one), there(two) && in_list(two))
        }
        "cdr" => {
            let there = |case: Case| reader.cdr(case.id()).unwrap().is_some();
            let listed = reader.cdrs(&CdrQuery::default()).unwrap();
            (there(one) || listed.iter().any(|kept| kept.to == one.to()), there(two))
        }
        "amendment" => {
            let of = |case: Case| reader.cdr(case.id()).unwrap().unwrap().amendments.len() == 1;
            (of(one), of(two))
        }
        "open_attempt" => {
            let left = restore(dir).unwrap();
            let there = |case: Case| left.intents.iter().any(|intent| *intent == case.intent());
            (there(Case::new(4)), there(Case::new(5)))
        }
        "api_key" => {
            let keys = reader.keys().unwrap();
            let there = |id: &str| keys.iter().any(|key| &*key.id == id);
            (there("k2"), there("k3"))
        }
        "sink" => {
            let there = |name: &str| reader.sink_rows(name).unwrap() == Some((2, 0));
            (there("s2"), there("s3"))
        }
        other => panic!("{other}"),
    }
}

/// Columns that a row is found by, and what is not part of what was written.
const FREE: [&str; 6] = ["row", "id", "life", "call", "alone", "sink.name"];

#[test]
fn a_changed_column_of_any_table_is_found() {
    let folder = stored("columns");
    let tables = [
        ("session", "row = 1"),
        ("cdr", "life > 0 AND call & 0xff = 2"),
        ("amendment", "life > 0 AND call & 0xff = 2"),
        ("open_attempt", "life > 0 AND call & 0xff = 4"),
        ("api_key", "id = 'k2'"),
        ("sink", "name = 's2'"),
    ];
    let database = folder.database();
    let original = folder.0.join("original.db").to_string_lossy().into_owned();
    database.execute("VACUUM INTO ?1", [&original]).unwrap();
    database.execute("ATTACH ?1 AS original", [&original]).unwrap();
    for (table, row) in tables {
        for (column, kind) in columns(&database, table) {
            if FREE.contains(&&*column) || FREE.contains(&&*format!("{table}.{column}")) {
                continue;
            }
            let spoiled = match &*kind {
                "INTEGER" => format!("coalesce({column}, 7) + 1"),
                "TEXT" => format!("coalesce({column}, '') || 'x'"),
                _ => {
                    "x'00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'".to_owned()
                }
            };
            let update = format!("UPDATE main.{table} SET {column} = {spoiled} WHERE {row}");
            assert_eq!(database.execute(&update, []).unwrap(), 1, "{update}");
            seen_as_damaged(&folder, &database, table, &column);
            let mend = format!(
                "UPDATE main.{table} SET {column} = (SELECT {column} FROM original.{table} WHERE {row}) WHERE {row}"
            );
            assert_eq!(database.execute(&mend, []).unwrap(), 1, "{mend}");
        }
    }
}

fn columns(database: &Connection, table: &str) -> Vec<(String, String)> {
    let sql = format!("SELECT name, type FROM pragma_table_info('{table}')");
    let mut columns = database.prepare(&sql).unwrap();
    let columns = columns.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    columns.map(Result::unwrap).collect()
}

/// Opens a copy, since the original is open here.
fn seen_as_damaged(folder: &Folder, database: &Connection, table: &str, column: &str) {
    let copy = Folder::new("columns-copy");
    fs::create_dir(&copy.0).unwrap();
    fs::copy(folder.0.join("secret"), copy.0.join("secret")).unwrap();
    let path = copy.0.join("onering.db");
    database.execute("VACUUM INTO ?1", [path.to_string_lossy()]).unwrap();
    let dir = DataDir::open(&copy.0, NOW).unwrap();
    let reader = Reader::open(&dir).unwrap();
    assert_eq!(read(&reader, &dir, table), (false, true), "{table}.{column}");
    assert!(dir.damaged() > 0, "{table}.{column} was not reported");
}

#[test]
fn a_flipped_bit_anywhere_never_makes_a_wrong_record() {
    let folder = stored("flips");
    let mut life = Life::begin(&folder);
    for n in 10..60 {
        life.keep(Case::new(n).whole());
        life.keep(Case::new(n + 100).begins());
    }
    life.close();
    let whole = fs::read(folder.0.join("onering.db")).unwrap();
    let all = |dir: &DataDir| {
        let reader = Reader::open(dir).ok()?;
        let sessions = reader.sessions(&SessionQuery::default()).unwrap_or_default();
        let cdrs = reader.cdrs(&CdrQuery::default()).unwrap_or_default();
        Some((sessions, cdrs, restore(dir).map(|left| left.intents).unwrap_or_default()))
    };
    let right = {
        let dir = DataDir::open(&folder.0, NOW).unwrap();
        let right = all(&dir).unwrap();
        dir.close().unwrap();
        right
    };
    let (mut place, mut found) = (0x1234_5678_u64, 0);
    for _ in 0..150 {
        place =
            place.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut bytes = whole.clone();
        let at = (place >> 33) as usize % bytes.len();
        bytes[at] ^= 1 << (place >> 29 & 7);
        for name in ["onering.db-wal", "onering.db-shm"] {
            fs::remove_file(folder.0.join(name)).ok();
        }
        fs::write(folder.0.join("onering.db"), bytes).unwrap();
        let Ok(dir) = DataDir::open(&folder.0, NOW) else { continue };
        let Some((sessions, cdrs, intents)) = all(&dir) else { continue };
        for seen in &sessions {
            let same = right.0.iter().find(|one| one.id == seen.id).unwrap();
            // A call of it may be missing.
            let calls = seen.attempts.iter().all(|call| same.attempts.contains(call));
            let rest = crate::verify::snapshot::Snapshot {
                attempts: same.attempts.clone(),
                ..seen.clone()
            };
            assert!(calls && rest == *same, "byte {at}");
        }
        for kept in &cdrs {
            let same = right.1.iter().find(|one| one.id == kept.id).unwrap();
            let amended = kept.amendments.is_empty() || kept.amendments == same.amendments;
            assert!(amended, "byte {at}");
            let rest = Kept { row: same.row, amendments: same.amendments.clone(), ..kept.clone() };
            assert_eq!(rest, *same, "byte {at}");
        }
        assert!(intents.iter().all(|intent| right.2.contains(intent)), "byte {at}");
        found += u64::from(dir.damaged() > 0);
    }
    assert!(found > 5, "only {found} flips met a row");
}

#[test]
fn a_damaged_past_is_no_past() {
    let folder = stored("past-damage");
    folder
        .database()
        .execute_batch("UPDATE cdr SET from_number = '+12025559999'; UPDATE idempotency SET body = zeroblob(32)")
        .unwrap();
    let mut life = Life::begin(&folder);
    let found = life.found(Past { key: Some([2; 32]), ..Case::new(2).past() });
    assert_eq!((found.recent, found.claimed), (vec![], None));
    assert_eq!(life.dir.damaged(), 2);
    life.close();
}
