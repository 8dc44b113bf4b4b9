//! Until a verification has ended, no file tells its code.

use super::{Case, Folder, Life, files};
use crate::base::number::CallerId;
use crate::verify::record::Record;
use std::sync::Arc;

/// Places where a file has these digits.
fn found(folder: &Folder, digits: &str) -> Vec<String> {
    let has = |bytes: &[u8]| bytes.windows(digits.len()).any(|window| window == digits.as_bytes());
    let found = files(&folder.0).into_iter().filter(|(_, bytes)| has(bytes));
    found.map(|(path, _)| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn no_file_has_the_digits_of_an_open_verification() {
    let folder = Folder::new("secrecy");
    let mut life = Life::begin(&folder);
    let case = Case::new(2);
    let (from, tail) = (CallerId::parse("+12027318594").unwrap(), "7318594");
    let (mut intent, mut cdr, mut approved) = (case.intent(), case.cdr(), case.approved());
    (intent.from, cdr.from) = (from, from);
    // The network says the number as well.
    if let Some(said) = &mut cdr.facts.said {
        said.phrase = "No call for +12027318594 today".to_owned();
        said.notes = vec!["2027318594".to_owned()];
    }
    approved.reveal = smallvec::smallvec![(case.id(), from)];
    life.keep([Record::Opened(Arc::new(case.opened())), Record::Intent(Arc::new(intent))]);
    assert_eq!(found(&folder, tail), [""; 0], "while it rings");
    assert_eq!(folder.one::<String>("SELECT from_masked FROM open_attempt"), "+120********");
    life.keep([Record::Cdr(Arc::new(cdr))]);
    assert_eq!(found(&folder, tail), [""; 0], "before it is checked");
    assert_eq!(folder.one::<String>("SELECT from_masked FROM cdr"), "+120********");
    assert_eq!(life.reader().cdr(case.id()).unwrap().unwrap().from, from);
    drop(life);
    assert_eq!(found(&folder, tail), [""; 0], "after a death");
    let mut life = Life::begin(&folder);
    assert_eq!(life.left.sessions[0].calls[0].from, from);
    life.keep([Record::Changed(Arc::new(approved))]);
    assert_eq!(found(&folder, tail), ["onering.db-wal"], "after its end");
    life.close();
    assert_eq!(found(&folder, tail), ["onering.db"]);
}

#[test]
fn another_key_opens_nothing() {
    let folder = Folder::new("other-key");
    let mut life = Life::begin(&folder);
    let case = Case::new(2);
    life.keep(case.begins());
    life.close();
    // As if the seal had been moved to another attempt.
    folder.database().execute_batch("UPDATE open_attempt SET call = call + 1").unwrap();
    let life = Life::begin(&folder);
    assert!(life.left.intents.is_empty());
    assert_eq!(life.dir.damaged(), 1);
    life.close();
}
