//! What the disk does not take is refused once, and everything behind it; what comes after that counts anew.

use super::{Case, Folder, Life, Unusual, reserve};
use crate::base::id::Seq;
use crate::io::store::sqlite::reserve::Reserve;
use crate::io::store::{Store as _, Verdict};
use crate::verify::cdr::Amendment;
use crate::verify::record::Record;
use std::path::Path;
use std::sync::Arc;

fn cdr(n: u32) -> Record {
    Record::Cdr(Arc::new(Case::new(n).cdr()))
}

#[test]
fn a_batch_that_does_not_fit_is_not_there_at_all() {
    let folder = Folder::new("atomic");
    let mut life = Life::unusual(&folder, &Unusual { pages_max: Some(60), room: reserve::room });
    life.keep(Case::new(0).whole());
    let first = life.seq.next();
    let all = (1..400).flat_map(|n| Case::new(n).whole());
    assert_eq!(life.offer(all), Verdict::Failed(first));
    assert_eq!(folder.one::<i64>("SELECT count(*) FROM session"), 1);
    assert_eq!(folder.one::<i64>("SELECT count(*) FROM cdr"), 1);
    // What fits is still taken.
    life.keep(Case::new(1).begins());
    assert_eq!(life.store.counters().failures(), 1);
    life.close();
}

#[test]
fn what_waits_behind_a_failure_fails_with_it_and_once() {
    let folder = Folder::new("behind");
    let mut life = Life::begin(&folder);
    life.keep(Case::new(0).whole());
    // Another program holds the database for longer than the writer waits.
    let other = folder.database();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let first = life.seq.next();
    for n in 1..5 {
        for record in Case::new(n).begins() {
            life.append(record);
        }
        life.store.commit();
    }
    // Not committed, and lost all the same: it was appended before the failure was told.
    life.append(cdr(4));
    assert_eq!(life.verdict(), Verdict::Failed(first));
    other.execute_batch("COMMIT").unwrap();
    life.store.commit();
    life.keep([cdr(2)]);
    assert_eq!(folder.one::<i64>("SELECT count(*) FROM session"), 1);
    assert_eq!(folder.one::<i64>("SELECT count(*) FROM cdr"), 2);
    life.close();
}

#[test]
fn a_connection_that_fails_is_opened_again() {
    let folder = Folder::new("again-open");
    let mut life = Life::begin(&folder);
    life.keep(Case::new(0).whole());
    let other = folder.database();
    let table: String = other
        .query_row("SELECT sql FROM sqlite_schema WHERE name = 'amendment'", [], |row| row.get(0))
        .unwrap();
    other.execute_batch("DROP TABLE amendment").unwrap();
    let amendment = Amendment { id: Case::new(0).id(), at_unix_us: 1, status: 200, alerted: true };
    for _ in 0..3 {
        let seq = life.seq.next();
        assert_eq!(life.offer([Record::Amendment(amendment)]), Verdict::Failed(seq));
    }
    other.execute_batch(&table).unwrap();
    // One more may meet the writer that had found no table.
    while life.offer([Record::Amendment(amendment)]) != Verdict::Kept(life.seq) {}
    life.close();
}

#[test]
fn from_the_reserve_only_what_is_under_way_is_written() {
    let folder = Folder::new("spent");
    let mut life = Life::begin(&folder);
    life.keep(Case::new(1).begins());
    life.close();
    // There is no room for a reserve.
    std::fs::remove_file(folder.0.join("reserve")).unwrap();
    std::fs::create_dir(folder.0.join("reserve")).unwrap();
    let mut life = Life::begin(&folder);
    life.keep(Case::new(1).ends());
    let seq = life.seq.next();
    assert_eq!(life.offer(Case::new(2).begins()), Verdict::Failed(seq));
    // What stands before something new is kept.
    let other = folder.database();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    life.append(cdr(3));
    life.store.commit();
    for record in Case::new(4).begins() {
        life.append(record);
    }
    life.store.commit();
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(life.verdict(), Verdict::Kept(Seq(life.seq.0 - 2)));
    assert_eq!(life.verdict(), Verdict::Failed(Seq(life.seq.0 - 1)));
    // There is room again.
    std::fs::remove_dir(folder.0.join("reserve")).unwrap();
    life.keep(Case::new(4).begins());
    life.close();
}

#[test]
fn the_reserve_is_made_again_when_there_is_room_for_two() {
    fn room(folder: &Path) -> u64 {
        if folder.join("room").exists() { 2 << 16 } else { (2 << 16) - 1 }
    }
    let folder = Folder::new("reserve");
    std::fs::create_dir(&folder.0).unwrap();
    let path = folder.0.join("reserve");
    let mut reserve = Reserve::new(&folder.0, 1 << 16, room);
    assert!(!reserve.is_spent());
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 1 << 16);
    assert!(reserve.spend() && reserve.is_spent() && !path.exists());
    assert!(!reserve.spend());
    reserve.renew();
    assert!(reserve.is_spent());
    std::fs::write(folder.0.join("room"), "").unwrap();
    reserve.renew();
    assert!(!reserve.is_spent() && path.exists());
    // Another life finds it.
    assert!(!Reserve::new(&folder.0, 1 << 16, room).is_spent());
}

#[test]
fn keys_and_sinks_are_told_when_they_are_not_stored() {
    let folder = Folder::new("jobs");
    let life = Life::begin(&folder);
    let admin = life.store.admin();
    let other = folder.database();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let asked = life.runtime.block_on(admin.delivered("file".into(), 7, 0));
    assert_eq!(asked, Err(crate::io::store::sqlite::WriteError::Failed));
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(life.runtime.block_on(admin.delivered("file".into(), 7, 0)), Ok(true));
    let Life { store, runtime, .. } = life;
    drop(store);
    let asked = runtime.block_on(admin.delivered("file".into(), 8, 0));
    assert_eq!(asked, Err(crate::io::store::sqlite::WriteError::Closed));
}
