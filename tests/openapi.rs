//! What others say of the description of the API and of the metrics: `openapi-spec-validator`, `promtool`, and schemathesis,
//! which asks a running service whatever the description allows, and some that it does not.
//!
//! `scripts/test` installs them; a test whose program is not here says so and does nothing.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    reason = "helpers of a test may fail it; a test that is skipped says so"
)]

mod support {
    #[expect(dead_code, reason = "other tests need the rest")]
    pub(crate) mod http;
    #[expect(dead_code, reason = "other tests need the rest")]
    pub(crate) mod phones;
    #[expect(dead_code, reason = "other tests need the rest")]
    pub(crate) mod running;
}

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use support::http::{Events, Line, ask};
use support::phones::Phones;
use support::running::{Served, configuration, folder, serve};

/// Where `scripts/test` puts programs that are written in Python.
fn python_program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin").join(name)
}

/// Whether it is here; else it is said that it is not.
fn is_here(program: &Path) -> bool {
    let here = Command::new(program).arg("--version").output().is_ok();
    if !here {
        println!("skipped: {} is not installed (scripts/test does it)", program.display());
    }
    here
}

fn stage(name: &str) -> (Phones, Served, PathBuf, String) {
    let phones = Phones::start(|_| {});
    let folder = folder(name);
    // Nothing that is begun by chance stays for long.
    let more = "[[profile]]\nname = \"default\"\nlifetime = \"3s\"\nduplicates = \"allow\"\n\n\
                [[profile]]\nname = \"long\"\nlifetime = \"10m\"\n";
    let served = serve(&configuration(&folder, phones.address, more));
    let key = served.key(&["start", "check", "read"]);
    (phones, served, folder, key)
}

/// A document of the service, in a file.
fn kept(served: &Served, folder: &Path, path: &str, name: &str) -> PathBuf {
    let answer = Line::open(served.api).ask("GET", path, &[], "");
    assert_eq!(answer.status, 200);
    let file = folder.join(name);
    fs::write(&file, answer.body).unwrap();
    file
}

/// Calls that come to many things, with checks that come to all.
fn fill(phones: &Phones, served: &Served, key: &str) {
    let post = |path: &str, body: &Value| ask(served.api, "POST", path, key, &body.to_string());
    let tails = [
        "180", "183", "190", "200", "201", "203", "205", "403", "404", "408", "480", "486", "503",
        "603", "608",
    ];
    for tail in tails {
        let to = format!("+12025551{tail}");
        let begun = post("/v1/verifications", &json!({ "to": to, "profile": "long" }));
        assert_eq!(begun.status, 201, "{}", begun.text());
        let id = begun.json()["id"].as_str().unwrap().to_owned();
        // A verification that has failed by then has but one event left to tell.
        let over = ["call.completed", "verification.failed"];
        let mut events = Events::follow(served.api, key, &id, None);
        assert!(events.any(|event| over.contains(&event.name.as_str())), "{to}");
        let code = phones.call(&to, 1).code(4).to_owned();
        for code in ["000", code.as_str()] {
            post(&format!("/v1/verifications/{id}/check"), &json!({ "code": code }));
        }
    }
    for (path, body) in [
        ("/v1/verifications", json!({ "to": "12" })),
        ("/v1/verifications", json!({ "to": "+442071838750" })),
        ("/v1/verifications/x/check", json!({ "code": "1234" })),
        ("/v1/keys", json!({})),
        ("/nothing/here", json!({})),
    ] {
        assert!(post(path, &body).status >= 400);
    }
}

#[test]
fn the_served_description_is_valid() {
    let program = python_program("openapi-spec-validator");
    if !is_here(&program) {
        return;
    }
    let (_phones, served, folder, _) = stage("description");
    let file = kept(&served, &folder, "/openapi.json", "openapi.json");
    let output = Command::new(&program).arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    // It is read as what it says it is, and a mistake would have been found.
    let broken = fs::read_to_string(&file).unwrap().replace("\"operationId\"", "\"operationID\"");
    let broken = broken.replacen("\"responses\"", "\"responsens\"", 1);
    let file = folder.join("broken.json");
    fs::write(&file, broken).unwrap();
    assert!(!Command::new(&program).arg(&file).output().unwrap().status.success());
}

#[test]
fn promtool_is_content_with_metrics_of_many_outcomes() {
    let (phones, served, folder, key) = stage("metrics");
    fill(&phones, &served, &key);
    let file = kept(&served, &folder, "/metrics", "metrics.txt");
    let text = fs::read_to_string(&file).unwrap();
    for outcome in ["rang", "busy", "unallocated", "overloaded", "answered_race", "fast_answer"] {
        assert!(text.contains(&format!("outcome=\"{outcome}\"")), "{outcome} in {text}");
    }
    for result in ["approved", "invalid", "diverted"] {
        assert!(text.contains(&format!("onering_checks_total{{result=\"{result}\"}}")), "{result}");
    }
    if !is_here(Path::new("promtool")) {
        return;
    }
    let check = |text: &str| {
        let mut promtool = Command::new("promtool");
        promtool.args(["check", "metrics"]).stdin(Stdio::piped());
        let mut child = promtool.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    };
    assert_eq!(check(&text), (true, String::new()));
    let (content, said) = check(&text.replace("onering_alarms_total", "onering_alarms"));
    assert!(!content, "{said}");
}

/// How many requests of each kind schemathesis makes up; `scripts/test` may ask for more.
fn examples() -> String {
    std::env::var("ONERING_EXAMPLES").unwrap_or_else(|_| "15".to_owned())
}

#[test]
fn a_service_that_is_asked_anything_answers_as_described() {
    let program = python_program("schemathesis");
    if !is_here(&program) {
        return;
    }
    let (phones, served, folder, key) = stage("anything");
    let output = Command::new(&program)
        .current_dir(&folder)
        .args(["run", &format!("http://{}/openapi.json", served.api)])
        .args(["--header", &format!("Authorization: Bearer {key}")])
        .args(["--max-examples", &examples(), "--seed", "1", "--no-color"])
        .args(["--generation-database", "none"])
        // What is right goes beyond what a schema says: numbers have a plan, cursors come from pages, profiles from the
        // configuration.
        .args(["--exclude-checks", "positive_data_acceptance"])
        .args(["--request-timeout", "20", "--suppress-health-check", "all"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    fs::write(folder.join("schemathesis.txt"), &said).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let (status, _) = served.program.stop();
    assert!(status.success(), "{status}");
    assert!(phones.end().clean);
}
