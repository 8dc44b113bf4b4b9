//! Every example runs, and prints what `examples/README.md` says.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test may fail the test"
)]

mod support {
    #[expect(dead_code, reason = "a part of it is enough here")]
    pub(crate) mod far_end;
    #[expect(dead_code, reason = "a part of it is enough here")]
    pub(crate) mod running;
}

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};

use support::far_end::FarEnd;
use support::running::{carrier, configuration, folder, serve};

/// An example, built like this test.
fn example(name: &str) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--example", name]).current_dir(env!("CARGO_MANIFEST_DIR"));
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    cargo.arg("--");
    cargo
}

/// What an example prints that ends well.
fn printed(name: &str, mut command: Command) -> String {
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{name}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

fn run(name: &str) -> String {
    if name == "verify_over_http" { verify_over_http() } else { printed(name, example(name)) }
}

/// With a service and a carrier that tells the code.
fn verify_over_http() -> String {
    let (far_end, address) = carrier(&[]);
    let served = serve(&configuration(&folder("verify-over-http"), address, ""));
    let mut command = example("verify_over_http");
    command.env("ONERING_KEY", served.key(&["start", "check"]));
    command.arg(format!("http://{}", served.api)).arg("+12025550142");
    command.args(["--carrier", &address.to_string()]);
    let said = printed("verify_over_http", command);
    assert!(served.program.stop().0.success());
    assert!(far_end.stop().0.success());
    said
}

#[test]
fn a_code_that_is_typed_is_checked_too() {
    let far_end = FarEnd::start(Ipv4Addr::LOCALHOST);
    let served = serve(&configuration(&folder("typed-code"), far_end.address, ""));
    let key = served.key(&["start", "check"]);
    for (to, right) in [("+12025550142", true), ("+12025550143", false)] {
        let mut command = example("verify_over_http");
        command.env("ONERING_KEY", &key).arg(format!("http://{}", served.api)).arg(to);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        out.read_line(&mut said).unwrap();
        assert!(said.starts_with("calling   +1202***014"), "{said}");
        let code: u32 = far_end.code(to).parse().unwrap();
        let code = if right { code } else { (code + 1) % 10_000 };
        let typed = format!("{code:04}\n");
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        out.read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().success(), right, "{said}");
        let verdict = if right { "approved, 3 tries left" } else { "invalid, 2 tries left" };
        assert!(said.contains(verdict), "{said}");
    }
    assert!(served.program.stop().0.success());
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
