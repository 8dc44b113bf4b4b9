//! Every profile against `tests/golden/cdr_*.csv`; what a spreadsheet would take for a formula.

use super::{Profile, text};
use crate::base::tests::golden::same_as_kept;
use crate::call::facts::{End, Facts};
use crate::call::outcome::Outcome;
use crate::verify::cdr::tests::{answered, cdr, flash, kept, refused};
use crate::verify::cdr::{Cdr, Kept, Show, View};

/// One of each kind that matters to a biller.
fn calls() -> Vec<View> {
    let mut interrupted = cdr(Facts::default());
    interrupted.outcome = Outcome::Interrupted;
    let mut bare = kept(&cdr(Facts { end: End::NotSent, ..Facts::default() }), false);
    bare.part = None;
    bare.tenant = None;
    let shown = |cdr: &Cdr, open, show| kept(cdr, open).view(show).unwrap();
    vec![
        shown(&cdr(flash()), false, Show::Plain),
        shown(&cdr(flash()), true, Show::Plain),
        shown(&cdr(flash()), false, Show::Masked),
        shown(&cdr(answered()), false, Show::Plain),
        shown(&cdr(refused()), false, Show::Plain),
        shown(&interrupted, false, Show::Plain),
        bare.view(Show::Plain).unwrap(),
    ]
}

fn file(profile: Profile) -> Vec<u8> {
    let mut bytes = profile.header().unwrap_or_default();
    bytes.extend(calls().iter().flat_map(|view| profile.write(view)));
    bytes
}

#[test]
fn each_profile_writes_what_it_wrote_before() {
    for profile in Profile::ALL {
        let bytes = String::from_utf8(file(profile)).unwrap();
        same_as_kept(&format!("cdr_{profile}.csv"), &bytes);
    }
}

#[test]
fn every_line_has_a_cell_for_each_column() {
    for profile in Profile::ALL {
        let bytes = file(profile);
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&bytes[..]);
        let lines = calls().len() + usize::from(profile.header().is_some());
        let records: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
        assert_eq!(records.len(), lines, "{profile}");
        for record in records {
            assert_eq!(record.len(), profile.columns().len(), "{profile}");
        }
    }
}

#[test]
fn only_the_own_profile_names_its_columns() {
    for profile in Profile::ALL {
        assert_eq!(profile.header().is_some(), profile == Profile::Default, "{profile}");
        assert_eq!(profile.name().parse(), Ok(profile));
    }
    assert!("excel".parse::<Profile>().is_err());
}

#[test]
fn a_text_is_never_a_formula_and_stays_on_its_line() {
    for (said, cell) in [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1", "'+1"),
        ("-1+1", "'-1+1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "' =1"),
        ("\r\n=1", "'  =1"),
        ("a\nb\u{85}c\0", "a b c "),
        ("OK, \"well\"", "OK, \"well\""),
        ("", ""),
    ] {
        assert_eq!(text(Some(said)), cell, "{said:?}");
    }
}

#[test]
fn what_a_network_says_comes_back_in_its_cell() {
    let mut facts = refused();
    facts.said.as_mut().unwrap().phrase = "=1+1,\"x\"\r\n;y".into();
    facts.said.as_mut().unwrap().server = Some("@gateway".into());
    let view = kept(&cdr(facts), false).view(Show::Plain).unwrap();
    let line = Profile::Default.write(&view);
    assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&line[..]);
    let record = reader.records().next().unwrap().unwrap();
    let cell = |name| {
        let place = Profile::Default.columns().iter().position(|column| *column == name).unwrap();
        record.get(place).unwrap().to_owned()
    };
    assert_eq!(cell("sip_reason"), "'=1+1,\"x\"  ;y");
    assert_eq!(cell("server"), "'@gateway");
    assert_eq!((cell("from").as_str(), cell("to").as_str()), ("+12025550142", "+4915112345678"));
}

#[test]
fn a_record_of_a_later_version_is_written_as_far_as_it_is_understood() {
    let cdr = cdr(flash());
    let detail = cdr.detail().replace("\"rang\"", "\"sang\"").replace('{', "{\"new\":1,");
    let later = Kept { detail, ..kept(&cdr, false) };
    let line =
        String::from_utf8(Profile::Cgrates.write(&later.view(Show::Plain).unwrap())).unwrap();
    assert!(line.ends_with(",NORMAL_UNSPECIFIED,sang\n"), "{line}");
}
