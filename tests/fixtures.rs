//! Messages that a parser has to read, tolerate or refuse, each with what is expected of it.
//!
//! `valid/` is within the grammar (the receiver may still refuse it), `odd/` is outside it and accepted on purpose or
//! well formed and strange, `invalid/` is refused. Each `NAME.sip` is exact bytes; its `NAME.expect` says in its
//! first lines which RFC section it stands for.

#![expect(clippy::unwrap_used, reason = "a fixture that cannot be read is a failed test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The folders below `sip-fixtures/`.
const FOLDERS: [&str; 3] = ["valid", "odd", "invalid"];

/// RFC 4475 by section: the names of its 49 messages.
const RFC_4475: &str = "wsinv intmeth esc01 escnull esc02 lwsdisp longreq dblreq semiuri transports mpart01 \
    unreason noreason badinv01 clerr ncl scalar02 scalarlg quotbal ltgtruri lwsruri lwsstart trws escruri \
    baddate regbadct badaspec baddn badvers mismatch01 mismatch02 bigcode badbranch insuf unkscm novelsc \
    unksm2 bext01 invut regaut01 multi01 mcl01 bcast zeromf cparam01 cparam02 regescrt sdp01 inv2543";

/// RFC 5118 by section: its 11 messages, and the correct form that §4.10 sets beside the wrong one.
const RFC_5118: &str = "ipv6-good ipv6-bad port-ambiguous port-unambiguous via-received-param-with-delim \
    via-received-param-no-delim ipv6-in-sdp mult-ip-in-header mult-ip-in-sdp ipv4-mapped-ipv6 \
    ipv6-bug-abnf-3-colons ipv6-correct-abnf-2-colons";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sip-fixtures").join(name)
}

/// Names, without their ending, of the files in a folder that end so.
fn names(folder_name: &str, ending: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder(folder_name)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let of_kind = paths.filter(|path| path.extension().is_some_and(|found| found == ending));
    of_kind.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn every_message_has_its_expectation_and_every_expectation_its_message() {
    for folder in FOLDERS {
        assert_eq!(names(folder, "sip"), names(folder, "expect"), "sip-fixtures/{folder}");
    }
}

#[test]
fn every_case_of_rfc_4475_and_rfc_5118_has_a_message_of_ours() {
    let all: BTreeSet<String> = FOLDERS.iter().flat_map(|folder| names(folder, "sip")).collect();
    let wanted = RFC_4475.split_whitespace().map(|tag| format!("rfc4475-{tag}"));
    let wanted: Vec<String> =
        wanted.chain(RFC_5118.split_whitespace().map(|tag| format!("rfc5118-{tag}"))).collect();
    assert_eq!(wanted.len(), 49 + 12);
    let missing: Vec<&String> = wanted.iter().filter(|name| !all.contains(*name)).collect();
    assert!(missing.is_empty(), "no fixture for {missing:?}");
}
