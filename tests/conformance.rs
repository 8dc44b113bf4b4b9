//! `docs/CONFORMANCE.md` is true: what it names exists, and every test named after a rule is in it.
#![expect(clippy::unwrap_used, reason = "a test that cannot read the sources must fail")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Prefixes of tests that are named after a rule, as in `tx_01_…` for TX-01.
const FAMILIES: [&str; 5] = ["tx", "nit", "can", "prv", "uas"];

/// One `### TX-01 (RFC …)` with what stands below it.
#[derive(Default)]
struct Rule {
    files: Vec<String>,
    tests: Vec<String>,
}

#[test]
fn every_rule_names_files_and_tests_that_exist() {
    let tests = tests_in_sources();
    let mut wrong = Vec::new();
    for (name, rule) in rules() {
        if rule.files.is_empty() || rule.tests.is_empty() {
            wrong.push(format!("{name} needs a file and a test"));
        }
        for file in rule.files.iter().filter(|file| !root().join(file).is_file()) {
            wrong.push(format!("{name}: there is no file {file}"));
        }
        for test in &rule.tests {
            match tests.get(test).map_or(0, Vec::len) {
                0 => wrong.push(format!("{name}: there is no test {test}")),
                1 => {}
                _ => wrong.push(format!("{name}: {test} is in {:?}", tests.get(test))),
            }
        }
    }
    assert!(wrong.is_empty(), "docs/CONFORMANCE.md:\n{}", wrong.join("\n"));
}

#[test]
fn every_test_named_after_a_rule_is_listed_there() {
    let rules = rules();
    let mut missing = Vec::new();
    for (test, files) in tests_in_sources() {
        let Some(name) = rule_of(&test) else { continue };
        if !rules.get(&name).is_some_and(|rule| rule.tests.contains(&test)) {
            missing.push(format!("{name}: - `{test}` (from {})", files.join(", ")));
        }
    }
    assert!(missing.is_empty(), "to be added to docs/CONFORMANCE.md:\n{}", missing.join("\n"));
}

#[test]
fn every_file_named_anywhere_on_the_page_exists() {
    let page = page();
    let files = quoted(&page).filter(|text| text.contains('/') && !text.contains(' '));
    let gone: Vec<&str> = files.filter(|file| !root().join(file).exists()).collect();
    assert!(gone.is_empty(), "docs/CONFORMANCE.md names {gone:?}");
}

/// `tx_01_the_invite…` is a test of TX-01.
fn rule_of(test: &str) -> Option<String> {
    let (family, rest) = test.split_once('_')?;
    let (number, _) = rest.split_once('_')?;
    let numbered = number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit());
    (FAMILIES.contains(&family) && numbered)
        .then(|| format!("{}-{number}", family.to_ascii_uppercase()))
}

fn rules() -> BTreeMap<String, Rule> {
    let page = page();
    let mut rules = BTreeMap::<String, Rule>::new();
    let mut name = None;
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("### ") {
            let id = heading.split(' ').next().unwrap().to_owned();
            assert!(!rules.contains_key(&id), "{id} stands twice");
            rules.entry(id.clone()).or_default();
            name = Some(id);
        } else if line.starts_with('#') {
            name = None;
        }
        let Some(rule) = name.as_ref().and_then(|name| rules.get_mut(name)) else { continue };
        if let Some(list) = line.strip_prefix("Files: ") {
            rule.files.extend(quoted(list).map(str::to_owned));
        } else if let Some(test) = line.strip_prefix("- ") {
            rule.tests.extend(quoted(test).map(str::to_owned));
        }
    }
    assert!(!rules.is_empty(), "the page has no rules");
    rules
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Every function behind a `#[test]`, with the files that have one of this name.
fn tests_in_sources() -> BTreeMap<String, Vec<String>> {
    let mut tests = BTreeMap::<String, Vec<String>>::new();
    for file in rust_files(&["src", "tests"]) {
        let text = fs::read_to_string(&file).unwrap();
        let mut after_test = false;
        for line in text.lines().map(str::trim) {
            after_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            if let Some(name) = function(line).filter(|_| after_test) {
                let file = file.strip_prefix(root()).unwrap().display().to_string();
                tests.entry(name.to_owned()).or_default().push(file);
                after_test = false;
            }
        }
    }
    tests
}

/// The name of the function that a line begins.
fn function(line: &str) -> Option<&str> {
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split(['(', '<']).next()
}

fn rust_files(folders: &[&str]) -> Vec<PathBuf> {
    let mut todo: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut files = Vec::new();
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn page() -> String {
    fs::read_to_string(root().join("docs/CONFORMANCE.md")).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
