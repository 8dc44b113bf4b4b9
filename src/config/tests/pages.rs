//! What is made from the descriptions of keys: the page, and the list of what wants a restart.

use std::collections::BTreeSet;

use super::super::TlsConfig;
use super::super::describe::page;
use super::super::root::ROOT;
use super::super::table::{Section, Shape};
use super::{MINIMAL, and, read, with};
use crate::base::tests::golden::same_as_kept;

#[test]
fn the_page_is_made_from_the_keys() {
    same_as_kept("../../docs/CONFIG.md", &page());
}

/// Keys that count only after a restart; those of a table in braces as that table.
fn fixed(section: &Section, path: &str, found: &mut BTreeSet<String>) {
    for key in section.keys.iter().filter(|key| key.restart()) {
        found.insert(format!("{path}{}", key.name()));
    }
    for part in section.parts {
        let mut inner = BTreeSet::new();
        fixed(part.section, &format!("{path}{}.", part.name), &mut inner);
        let whole = matches!(part.shape, Shape::Inline(_) | Shape::Any);
        if whole && !inner.is_empty() {
            found.insert(format!("{path}{}", part.name));
        } else {
            found.append(&mut inner);
        }
    }
}

#[test]
fn what_the_page_marks_is_what_wants_a_restart() {
    let mut marked = BTreeSet::new();
    fixed(&ROOT, "", &mut marked);
    let mut other = and(
        "[sip]\nlisten = \"127.0.0.1:1\"\n[store]\ndir = \"other\"\nretain = { cdrs = \"1d\" }\n[log]\nformat = \"json\"\nlevel = \"warn\"\n\
         [limits]\ncalls = 1\n[[cdr.file]]\npath = \"x\"\n\
         [api]\nlisten = \"127.0.0.1:2\"\nsocket = \"x\"\nconnections_max = 1\n\
         connections_per_source_max = 1\nrequests_max = 1\nstreams_max = 1\n\
         body_max = \"1KiB\"\nhead_within = \"1s\"\nbody_within = \"1s\"\nidle_max = \"1s\"",
    );
    other.api.tls = Some(TlsConfig { cert: "tls.crt".into(), key: "tls.key".into() });
    let wanting: BTreeSet<String> =
        read(MINIMAL).needs_restart(&other).into_iter().map(str::to_owned).collect();
    assert_eq!(wanting, marked);
}

#[test]
fn what_is_not_marked_counts_at_once() {
    let before = read(MINIMAL);
    for after in [
        with("[[trunk]]", "ring_hold = \"1s\""),
        with("[[route]]", "prefix = \"+1\""),
        with("[destinations]", "reuse_after = \"1h\""),
        and("[sip]\nt1 = \"1s\"\nadvertise = \"192.0.2.1\""),
        and("[limits]\nverifications = 7"),
        and("[[profile]]\nname = \"x\""),
    ] {
        assert_eq!(before.needs_restart(&after), [""; 0]);
    }
}
