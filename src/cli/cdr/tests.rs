//! What is printed and written, and what is refused.

use super::output::{Form, Output};
use super::{Verb, shown};
use crate::cli::{Cli, Failure};
use crate::verify::cdr::csv::Profile;
use crate::verify::cdr::{Final, View};
use clap::Parser as _;
use std::fs;
use std::io::Write as _;

fn view() -> View {
    View {
        cdr_id: "0000-00000001-00000002-00000000".into(),
        trunk: "west".into(),
        from: Some("+12025******".into()),
        to: Some("+4915112345678".into()),
        start_at: "2026-11-23T04:05:06.123456Z".into(),
        pdd_ms: Some(2000),
        last: Some(Final { status: 487, reason: "Request\u{1b}[2JTerminated".into() }),
        outcome: "rang".into(),
        ..View::default()
    }
}

#[test]
fn a_list_is_a_table() {
    let mut out = Vec::new();
    shown::table(&mut out, &[view()]).unwrap();
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    assert!(lines[0].starts_with("start (UTC)"), "{text}");
    let words: Vec<&str> = lines[1].split_whitespace().collect();
    let expected = [
        "2026-11-23",
        "04:05:06",
        "+4915112345678",
        "+12025******",
        "west",
        "rang",
        "2000",
        "487",
        "0000-00000001-00000002-00000000",
    ];
    assert_eq!(words, expected);
}

#[test]
fn a_record_is_shown_field_by_field_and_moves_no_cursor() {
    let mut out = Vec::new();
    shown::fields(&mut out, &view()).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("final.reason  Request\u{fffd}[2JTerminated\n"), "{text}");
    assert!(text.contains("final.status  487\n"), "{text}");
}

#[test]
fn a_file_has_its_name_only_once_it_is_whole() {
    let dir = std::env::temp_dir().join(format!("onering-export-{}", std::process::id()));
    fs::create_dir(&dir).unwrap();
    let path = dir.join("cdr.csv");
    fs::write(&path, "of yesterday").unwrap();
    let mut output = Output::create(path.clone()).unwrap();
    let form = Form::Csv(Profile::Default);
    form.begin(&mut output).unwrap();
    form.write(&mut output, &view()).unwrap();
    output.flush().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "of yesterday");
    output.finish().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn lines_of_json_are_records() {
    let mut out = Vec::new();
    Form::Lines.begin(&mut out).unwrap();
    Form::Lines.write(&mut out, &view()).unwrap();
    assert_eq!(serde_json::from_slice::<View>(&out).unwrap(), view());
}

#[test]
fn what_is_mistyped_is_named() {
    for (arguments, said) in [
        ("list", "--dir"),
        ("list --dir . --since yesterday", "write it like 2026-11-23"),
        ("list --dir . --to 1202", "begins with +"),
        ("list --dir . --outcome sang", "docs/OUTCOMES.md"),
        ("list --dir . --verification 7", "ver_ and 32"),
        ("list --dir . --limit 0", "--limit"),
        ("show --dir . 7", "0001-00000002-00000003-00000004"),
        ("export --dir . --format xml", "csv"),
        ("export --dir . --format csv --profile excel", "freeswitch"),
    ] {
        let words = ["onering", "cdr"].into_iter().chain(arguments.split(' '));
        let error = Cli::try_parse_from(words).unwrap_err().to_string();
        assert!(error.contains(said), "{arguments}: {error}");
    }
}

#[test]
fn only_csv_has_a_profile() {
    let words = "onering cdr export --dir . --profile asterisk".split(' ');
    let crate::cli::Command::Cdr(cdr) = Cli::try_parse_from(words).unwrap().command else {
        panic!("another command");
    };
    let Verb::Export(export) = cdr.command else { panic!("another verb") };
    let refused = export.run(&mut crate::cli::Stdout::new());
    assert!(matches!(refused, Err(Failure::Usage(said)) if said.contains("--profile")));
}
