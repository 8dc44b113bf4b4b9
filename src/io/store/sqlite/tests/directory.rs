//! What is in the way of a start is named, with what would be right; and what an older version left is brought along.

use super::{Case, Folder, Life, NOW};
use crate::io::store::sqlite::schema::{APPLICATION_ID, copy_path, migrate};
use crate::io::store::sqlite::{DataDir, OpenError, SecretFault};
use rusqlite::Connection;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

fn refused(folder: &Folder) -> OpenError {
    DataDir::open(&folder.0, NOW).unwrap_err()
}

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_new_directory_is_private_and_each_life_has_a_number() {
    let folder = Folder::new("new/deep");
    let dir = DataDir::open(&folder.0, NOW).unwrap();
    assert_eq!((dir.epoch(), dir.was_clean()), (1, true));
    let keys = (dir.branch_key(), dir.claim_key());
    assert!(keys.0 != [0; 16] && keys.1 != [0; 32]);
    assert_eq!(mode(&folder.0), 0o700);
    for name in ["secret", "lock", "onering.db"] {
        assert_eq!(mode(&folder.0.join(name)), 0o600, "{name}");
    }
    dir.close().unwrap();
    let dir = DataDir::open(&folder.0, NOW).unwrap();
    assert_eq!((dir.epoch(), dir.was_clean()), (2, true));
    assert_eq!((dir.branch_key(), dir.claim_key()), keys);
    drop(dir);
    let dir = DataDir::open(&folder.0, NOW).unwrap();
    assert_eq!((dir.epoch(), dir.was_clean()), (3, false));
    drop(dir);
    fs::remove_dir_all(folder.0.parent().unwrap()).unwrap();
}

#[test]
fn a_second_instance_is_refused_until_the_first_is_gone() {
    let folder = Folder::new("second");
    let first = DataDir::open(&folder.0, NOW).unwrap();
    let why = refused(&folder);
    assert!(matches!(&why, OpenError::InUse { path } if *path == folder.0), "{why:?}");
    assert!(why.to_string().contains(&folder.0.display().to_string()), "{why}");
    drop(first);
    assert_eq!(DataDir::open(&folder.0, NOW).unwrap().epoch(), 2);
}

#[test]
fn the_keys_must_be_whole_private_and_those_of_the_database() {
    let (folder, other) = (Folder::new("keys"), Folder::new("keys-other"));
    drop(DataDir::open(&folder.0, NOW).unwrap());
    drop(DataDir::open(&other.0, NOW).unwrap());
    let secret = folder.0.join("secret");
    let fault = |folder: &Folder| {
        let why = refused(folder);
        let OpenError::Secret { path, fault } = why else { panic!("{why:?}") };
        assert_eq!(path, secret);
        fault
    };
    for mode in [0o640, 0o604, 0o660] {
        fs::set_permissions(&secret, Permissions::from_mode(mode)).unwrap();
        assert_eq!(fault(&folder), SecretFault::Open { mode });
    }
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    let right = fs::read_to_string(&secret).unwrap();
    let keys = right.split_once('\n').unwrap().1;
    for wrong in [
        "",
        keys,
        right.strip_suffix("\n").unwrap().strip_suffix(char::is_alphanumeric).unwrap(),
        &format!("{right}more\n"),
        &right.replace("seal", "sea1"),
    ] {
        fs::write(&secret, wrong).unwrap();
        assert_eq!(fault(&folder), SecretFault::Malformed, "{wrong:?}");
    }
    fs::write(&secret, [0xff, 0xfe]).unwrap();
    assert_eq!(fault(&folder), SecretFault::Malformed);
    fs::copy(other.0.join("secret"), &secret).unwrap();
    assert_eq!(fault(&folder), SecretFault::Another);
    fs::remove_file(&secret).unwrap();
    assert_eq!(fault(&folder), SecretFault::Missing);
    assert!(!secret.exists(), "keys were made beside a database of other keys");
    fs::write(&secret, right).unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    DataDir::open(&folder.0, NOW).unwrap();
}

#[test]
fn what_is_no_directory_or_no_database_of_ours_is_named() {
    let folder = Folder::new("wrong");
    fs::write(&folder.0, "").unwrap();
    let why = refused(&folder);
    assert!(matches!(why, OpenError::NotADirectory { .. }), "{why:?}");
    let why = DataDir::open(&folder.0.join("below"), NOW).unwrap_err();
    assert!(matches!(why, OpenError::NotADirectory { .. }), "{why:?}");
    fs::remove_file(&folder.0).unwrap();

    drop(DataDir::open(&folder.0, NOW).unwrap());
    let database = folder.0.join("onering.db");
    fs::write(&database, "this is a letter to my aunt, and it is longer than a header".repeat(20))
        .unwrap();
    let why = refused(&folder);
    assert!(matches!(&why, OpenError::NotADatabase { path } if *path == database), "{why:?}");
    fs::remove_file(&database).unwrap();
    let foreign = Connection::open(&database).unwrap();
    foreign.execute_batch("CREATE TABLE aunt (name TEXT)").unwrap();
    drop(foreign);
    let why = refused(&folder);
    assert!(matches!(&why, OpenError::Foreign { path } if *path == database), "{why:?}");
    assert_eq!(folder.one::<i64>("SELECT count(*) FROM sqlite_schema"), 1);
}

#[test]
fn a_database_that_another_program_locks_is_named() {
    let folder = Folder::new("locked");
    drop(DataDir::open(&folder.0, NOW).unwrap());
    let other = folder.database();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let why = refused(&folder);
    assert!(matches!(why, OpenError::Locked { .. }), "{why:?}");
}

#[test]
fn a_later_version_is_refused_and_left_alone() {
    let folder = Folder::new("newer");
    DataDir::open(&folder.0, NOW).unwrap().close().unwrap();
    folder.database().pragma_update(None, "user_version", 99).unwrap();
    let why = refused(&folder);
    assert!(matches!(why, OpenError::Newer { found: 99, known: 1, .. }), "{why:?}");
    let text = why.to_string();
    assert!(text.contains("99") && text.contains("up to 1"), "{text}");
    assert_eq!(folder.one::<i64>("PRAGMA user_version"), 99);
}

#[test]
fn an_older_version_is_migrated_after_a_copy() {
    let folder = Folder::new("older");
    drop(DataDir::open(&folder.0, NOW).unwrap());
    let path = folder.0.join("onering.db");
    fs::remove_file(&path).unwrap();
    // Version 0 had only this.
    let old = Connection::open(&path).unwrap();
    old.execute_batch("CREATE TABLE note (text TEXT); INSERT INTO note VALUES ('from before')")
        .unwrap();
    old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    drop(old);
    let dir = DataDir::open(&folder.0, NOW).unwrap();
    assert_eq!(dir.epoch(), 1);
    assert_eq!(folder.one::<String>("SELECT text FROM note"), "from before");
    assert_eq!(folder.one::<i64>("PRAGMA user_version"), 1);
    let copy = Connection::open(copy_path(&path, 0)).unwrap();
    let tables: i64 =
        copy.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
    assert_eq!(mode(&copy_path(&path, 0)), 0o600);
}

#[test]
fn each_migration_is_whole_or_not_there() {
    let folder = Folder::new("steps");
    fs::create_dir(&folder.0).unwrap();
    let path = folder.0.join("onering.db");
    let mut database = Connection::open(&path).unwrap();
    let first = "CREATE TABLE one (a TEXT)";
    let broken = "CREATE TABLE two (b TEXT); CREATE TABLE one (again TEXT)";
    assert!(migrate(&mut database, &path, &[first, broken]).is_err());
    assert_eq!(folder.one::<i64>("PRAGMA user_version"), 1);
    assert_eq!(folder.one::<i64>("SELECT count(*) FROM sqlite_schema"), 1);
    migrate(
        &mut database,
        &path,
        &[first, "CREATE TABLE two (b TEXT)", "CREATE TABLE three (c TEXT)"],
    )
    .unwrap();
    assert_eq!(folder.one::<i64>("PRAGMA user_version"), 3);
    assert!(copy_path(&path, 1).exists() && !copy_path(&path, 2).exists());
}

#[test]
fn a_number_of_the_last_life_that_rots_is_not_used_again() {
    let folder = Folder::new("epoch");
    let mut life = Life::begin(&folder);
    life.keep(Case::new(1).whole());
    life.close();
    folder.database().execute_batch("UPDATE meta SET value = '7' WHERE name = 'epoch'").unwrap();
    // The case's calls are of life 9.
    let dir = DataDir::open(&folder.0, NOW).unwrap();
    assert!(dir.epoch() > 9, "{}", dir.epoch());
}
