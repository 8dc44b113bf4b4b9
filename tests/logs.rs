//! What the service logs: one JSON object a line where the configuration says so, one line for each verification that ended,
//! and never a digit that could be a code.

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

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use support::far_end::FarEnd;
use support::running::{configuration, folder, serve_as, serve_with_log};

const JSON: &str = "[log]\nformat = \"json\"\n\n[[profile]]\nname = \"short\"\nlifetime = \"1s\"\n\n\
                    [[trunk]]\nname = \"spare\"\ntarget = \"127.0.0.1:9\"\n";

/// The line of a verification.
fn is_end(line: &Value) -> bool {
    line["message"] == "verification ended"
}

#[test]
fn each_line_is_an_object_and_each_verification_has_one() {
    let far_end = FarEnd::start(Ipv4Addr::LOCALHOST);
    let file = configuration(&folder("logs"), far_end.address, JSON);
    let (served, log) = serve_with_log(&file);
    let key = served.key(&["start", "check"]);
    let path = |id: &str, verb: &str| format!("/v1/verifications/{id}/{verb}");
    let start = |wish: Value| {
        let (status, made) = served.post(&key, "/v1/verifications", &wish);
        assert_eq!(status, 201, "{made}");
        made["id"].as_str().unwrap().to_owned()
    };
    let check = |id: &str, code: &str| {
        served.post(&key, &path(id, "check"), &json!({"code": code}));
    };
    let approved = start(json!({"to": "+12025550142"}));
    check(&approved, &far_end.code("+12025550142"));
    let failed = start(json!({"to": "+12025550143"}));
    let wrong = if far_end.code("+12025550143") == "0000" { "0001" } else { "0000" };
    (0..3).for_each(|_| check(&failed, wrong));
    let canceled = start(json!({"to": "+12025550144"}));
    far_end.display("+12025550144");
    served.post(&key, &path(&canceled, "cancel"), &json!({}));
    let expired = start(json!({"to": "+12025550145", "profile": "short"}));
    let expected = [
        (&approved, "approved", Value::Null, "+1202***0142"),
        (&failed, "failed", json!("attempts_exhausted"), "+1202***0143"),
        (&canceled, "canceled", Value::Null, "+1202***0144"),
        (&expired, "expired", Value::Null, "+1202***0145"),
    ];
    // A lifetime is the last to end.
    let mut lines = log.until(|line| is_end(line) && line["session"] == expired);
    assert!(served.program.stop().0.success());
    lines.extend(log.rest().iter().map(|line| serde_json::from_str(line).unwrap()));
    for (id, status, reason, to) in expected {
        let ends: Vec<&Value> =
            lines.iter().filter(|line| is_end(line) && line["session"] == *id).collect();
        let [end] = ends.as_slice() else { panic!("{} lines of {id}", ends.len()) };
        assert_eq!(
            (&end["level"], &end["status"], &end["to"]),
            (&json!("INFO"), &json!(status), &json!(to)),
            "{end}"
        );
        if !reason.is_null() {
            assert_eq!(end["reason"], reason, "{end}");
        }
        assert_eq!((&end["calls"], &end["tenant"]), (&json!(1), &json!("default")), "{end}");
        assert!(end["after_ms"].is_u64() && end["late"] == false, "{end}");
    }
    assert_eq!(lines.iter().filter(|line| is_end(line)).count(), 4);
    for line in &lines {
        for name in ["timestamp", "level", "target", "message"] {
            assert!(line[name].is_string(), "no {name} in {line}");
        }
    }
    // What the configuration is warned of at the start is a line like the others.
    let warned = lines.iter().find(|line| line["message"] == "configuration").unwrap();
    assert_eq!(
        (&warned["level"], &warned["problem"]),
        (&json!("WARN"), &json!("no route uses trunk \"spare\""))
    );
    let all = Value::from(lines).to_string();
    for call in far_end.calls() {
        let tail = call.from.split_at(6).1;
        for digits in [call.to.trim_start_matches('+'), tail] {
            assert!(!all.contains(digits), "the log says {digits}");
        }
    }
}

#[test]
fn lines_for_people_have_the_same_content() {
    let far_end = FarEnd::start(Ipv4Addr::LOCALHOST);
    let folder = folder("logs-for-people");
    let file = configuration(&folder, far_end.address, "");
    let served = serve_as(&file, |_| {});
    let key = served.key(&["start"]);
    let (_, made) = served.post(&key, "/v1/verifications", &json!({"to": "+12025550142"}));
    far_end.display("+12025550142");
    let id = made["id"].as_str().unwrap();
    served.post(&key, &format!("/v1/verifications/{id}/cancel"), &json!({}));
    assert!(served.program.stop().0.success());
    let log = std::fs::read_to_string(folder.join("serve.log")).unwrap();
    let ends: Vec<&str> = log.lines().filter(|line| line.contains("verification ended")).collect();
    let [end] = ends.as_slice() else { panic!("{log}") };
    for part in ["INFO", id, "status=canceled", "to=+1202***0142", "calls=1", "after_ms="] {
        assert!(end.contains(part), "no {part} in {end}");
    }
}
