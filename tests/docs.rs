//! What the documents say is so: commands and flags that README names, links, files, lengths.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of a test may fail the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// `onering COMMAND --help`, which must end well.
fn help(command: &[&str]) -> String {
    let ran = Command::new(env!("CARGO_BIN_EXE_onering")).args(command).arg("--help").output();
    let ran = ran.unwrap();
    assert!(ran.status.success(), "onering {} --help", command.join(" "));
    String::from_utf8(ran.stdout).unwrap()
}

/// The commands that a help text lists, without `help` itself.
fn listed(help: &str) -> Vec<String> {
    let names = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = names.take_while(|line| line.starts_with(' '));
    // Descriptions that run over a line are indented further than names.
    let names = names.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Every command that can be called, `load calls` and the like as two words.
fn commands() -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for name in listed(&help(&[])) {
        let inner = listed(&help(&[&name]));
        if inner.is_empty() {
            found.push(vec![name]);
        } else {
            found.extend(inner.into_iter().map(|inner| vec![name.clone(), inner]));
        }
    }
    assert!(found.len() > 1, "no commands in the help text");
    found
}

fn flags(text: &str) -> BTreeSet<String> {
    let part_of_flag = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let words = text.split(|c| !part_of_flag(c));
    words
        .filter(|word| word.starts_with("--") && !word.starts_with("---") && word.len() > 2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn readme_names_every_command_and_no_other() {
    let readme = text("README.md");
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `onering "));
    // The command is what stands before the first argument, which is in capitals.
    let named: BTreeSet<Vec<String>> = rows
        .map(|row| row.split('`').next().unwrap().split_whitespace())
        .map(|words| words.filter(|word| word.chars().all(|c| c.is_ascii_lowercase())))
        .map(|words| words.map(str::to_owned).collect())
        .collect();
    assert_eq!(named, commands().into_iter().collect());
}

#[test]
fn readme_names_no_flag_that_is_not_there() {
    let mut known: BTreeSet<String> = ["--release", "--quick"].map(str::to_owned).into();
    for command in commands() {
        known.extend(flags(&help(&command.iter().map(String::as_str).collect::<Vec<_>>())));
    }
    let unknown: Vec<_> = flags(&text("README.md")).difference(&known).cloned().collect();
    assert_eq!(unknown, [""; 0]);
}

#[test]
fn the_lines_to_type_have_the_flags_of_their_command() {
    for file in ["README.md", "examples/README.md"] {
        let text = text(file);
        let blocks = text.split("```").skip(1).step_by(2);
        let typed = blocks.flat_map(str::lines).filter_map(|line| {
            line.strip_prefix("cargo run --release -- ").or_else(|| line.strip_prefix("onering "))
        });
        for line in typed {
            let command = commands();
            let command = command.iter().find(|command| line.starts_with(&command.join(" ")));
            let command = command.unwrap_or_else(|| panic!("{file}: no such command: {line}"));
            let known = flags(&help(&command.iter().map(String::as_str).collect::<Vec<_>>()));
            assert!(flags(line).is_subset(&known), "{file}: {line}");
        }
    }
}

#[test]
fn links_lead_somewhere() {
    for file in files().filter(|file| file.extension().is_some_and(|extension| extension == "md")) {
        let text = fs::read_to_string(&file).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap();
            if path.is_empty() || link.starts_with("https://") {
                continue;
            }
            assert!(file.parent().unwrap().join(path).exists(), "{}: {link}", file.display());
        }
    }
}

#[test]
fn architecture_is_short_and_names_files_that_exist() {
    let page = text("ARCHITECTURE.md");
    assert!(page.lines().count() < 300);
    for name in page.split('`').skip(1).step_by(2) {
        let is_path = name.contains('/') && !name.contains([' ', '{', '*', '<']);
        let exists = || root().join(name).exists() || root().join("src").join(name).exists();
        assert!(!is_path || exists(), "ARCHITECTURE.md names {name}");
    }
}

#[test]
fn the_changelog_has_room_for_the_next_change() {
    let page = text("CHANGELOG.md");
    assert!(page.lines().any(|line| line == "## [Unreleased]"));
}

#[test]
fn no_file_speaks_of_the_machine_it_was_written_on() {
    // In pieces, or this file would name them.
    let private = [["/wo", "rk/"], ["shared/", "reference"], ["/tmp/", "wt"], ["/ro", "ot/"]]
        .map(|parts| parts.concat());
    for file in files() {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        for word in &private {
            assert!(!text.contains(word), "{} names {word}", file.display());
        }
    }
}

#[test]
fn every_outcome_is_explained_and_nothing_else() {
    let source = fs::read_to_string(root().join("src/call/outcome.rs")).unwrap();
    let names: BTreeSet<&str> = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Self::")?.split_once("=> \""))
        .filter_map(|(_, rest)| rest.split_once('"'))
        .map(|(name, _)| name)
        .collect();
    assert!(names.contains("rang") && names.len() > 30, "{names:?}");
    let page = fs::read_to_string(root().join("docs/OUTCOMES.md")).unwrap();
    let explained: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once(" |"))
        .flat_map(|(cell, _)| cell.split(", "))
        .map(|name| name.trim_matches('`'))
        .collect();
    assert_eq!(names, explained);
}

/// Every file of the project, without what is built and what git keeps.
fn files() -> impl Iterator<Item = PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap();
            if name == "target" || name == ".git" {
                continue;
            } else if path.is_dir() {
                open.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.into_iter()
}
