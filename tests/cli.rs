//! The front of the house: exit codes, help, and what happens when nobody reads.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

fn onering(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onering"));
    command.args(args).stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> Output {
    onering(args).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A path of this test's own, not there yet.
fn fresh(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("cli-{}-{name}", std::process::id()));
    assert!(!path.exists());
    path
}

#[test]
fn what_makes_no_sense_ends_with_2_and_says_why() {
    for args in [&[][..], &["phone"], &["--loud"], &["completions"], &["completions", "cmd.com"]] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(output.stdout, b"", "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn help_and_version_end_with_0() {
    for args in [&["--help"][..], &["-h"], &["help"], &["man", "--help"]] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(String::from_utf8(output.stdout).unwrap().contains("Usage: onering"), "{args:?}");
    }
    let version = run(&["--version"]).stdout;
    assert_eq!(version, format!("onering {}\n", env!("CARGO_PKG_VERSION")).as_bytes());
}

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(script.contains("completions") && script.contains("man"), "{shell}");
    }
}

#[test]
fn one_manual_page_goes_to_standard_output_and_one_per_command_to_a_directory() {
    let page = String::from_utf8(run(&["man"]).stdout).unwrap();
    assert!(page.contains(".TH onering 1"), "{page}");
    let dir = fresh("man");
    let output = run(&["man", dir.to_str().unwrap()]);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b""[..]));
    for page in ["onering.1", "onering-man.1", "onering-completions.1"] {
        assert!(fs::read_to_string(dir.join(page)).unwrap().contains(".SH SYNOPSIS"), "{page}");
    }
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let file = fresh("file");
    fs::write(&file, "in the way").unwrap();
    let output = run(&["man", file.join("pages").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with(&format!("error: cannot write {}", file.display())));
    fs::remove_file(file).unwrap();
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    for args in [&["--help"][..], &["man"], &["completions", "zsh"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = onering(args).stdout(writer).output().unwrap();
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = onering(&["man"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error: cannot write the output: "), "{}", stderr(&output));
}
