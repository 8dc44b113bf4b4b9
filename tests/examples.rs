//! Every example runs, and prints what `examples/README.md` says.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of a test may fail the test")]

use std::fs;
use std::path::Path;
use std::process::Command;

/// Runs an example, built like this test, and gives what it prints.
fn run(name: &str) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--example", name]).current_dir(env!("CARGO_MANIFEST_DIR"));
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let ran = cargo.output().unwrap();
    assert!(ran.status.success(), "{name}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

/// The block under the heading `## NAME`.
fn expected(readme: &str, name: &str) -> String {
    let section = readme.split("\n## ").find(|section| section.lines().next() == Some(name));
    let section = section.unwrap_or_else(|| panic!("examples/README.md has no section {name}"));
    let block = section.split("```text\n").nth(1).and_then(|rest| rest.split("```").next());
    block.unwrap_or_else(|| panic!("examples/README.md shows no output of {name}")).to_owned()
}

#[test]
fn every_example_prints_what_its_readme_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    let mut seen = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert_eq!(run(name), expected(&readme, name), "{name}");
            seen += 1;
        }
    }
    assert!(seen > 0, "no examples");
}
