//! Lists: every filter, pages by cursor, and nothing twice or left out.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::stage::Stage;

/// All pages of a list; each but the last is full.
fn pages(stage: &Stage, path: &str, limit: usize) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = stage.get(&format!("{path}limit={limit}{cursor}")).json();
        let data = page["data"].as_array().unwrap_or_else(|| panic!("{path}: {page}"));
        all.extend(data.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => {
                assert_eq!(data.len(), limit, "{path}");
                cursor = format!("&cursor={next}");
            }
            None => return all,
        }
    }
}

fn of<'a>(list: &'a [Value], name: &str) -> Vec<&'a str> {
    list.iter().map(|each| each[name].as_str().unwrap_or_default()).collect()
}

/// Three verifications of each kind: approved, cancelled, failed, pending. The newest first.
fn twelve(stage: &Stage) -> Vec<String> {
    let mut ids = Vec::new();
    for (place, tail) in ["180", "190", "404", "486"].iter().enumerate() {
        for round in 0..3 {
            let to = format!("+1202555{round}{tail}");
            let order = format!("order {}", round % 2);
            let id = stage
                .start(&json!({ "to": to, "client_reference": order, "metadata": { "n": round } }));
            stage.until(&id, "call.completed");
            match place {
                0 => {
                    let said = stage.check(&id, stage.phones.call(&to, 1).code(4)).json();
                    assert_eq!(said["result"], "approved", "{said}");
                }
                1 => {
                    let cancel = stage.post(&format!("/v1/verifications/{id}/cancel"), &json!({}));
                    assert_eq!(cancel.status, 200);
                }
                _ => {}
            }
            ids.push(id);
        }
    }
    ids.reverse();
    ids
}

#[test]
fn verifications_have_every_filter_and_pages_that_miss_nothing() {
    let stage = Stage::open("lists", "0ms", "");
    let ids = twelve(&stage);
    for limit in [1, 5, 12, 200] {
        assert_eq!(of(&pages(&stage, "/v1/verifications?", limit), "id"), ids, "by {limit}");
    }
    for (filter, count) in [
        ("status=approved&", 3),
        ("status=canceled&", 3),
        ("status=failed&", 3),
        ("status=pending&", 3),
        ("status=expired&", 0),
        ("client_reference=order%200&", 8),
        ("client_reference=order+1&", 4),
        ("client_reference=order&", 0),
        ("to=%2B12025551180&", 1),
        ("to=+12025551180&", 1),
        ("to=%2B12025559999&", 0),
        ("to=%2B12025550486&status=pending&client_reference=order%200&", 1),
    ] {
        let found = pages(&stage, &format!("/v1/verifications?{filter}"), 2);
        assert_eq!(found.len(), count, "{filter}");
        assert_eq!(of(&found, "id").into_iter().collect::<BTreeSet<_>>().len(), count, "{filter}");
    }
    stage.end();
}

#[test]
fn records_have_every_filter_and_are_exported_whole() {
    let stage = Stage::open("records", "0ms", "");
    let ids = twelve(&stage);
    let calls = pages(&stage, "/v1/cdrs?", 5);
    assert_eq!(calls.len(), 12);
    assert_eq!(of(&calls, "verification"), ids, "the newest first");
    let third = calls[9]["start_at"].as_str().unwrap();
    for (filter, count) in [
        ("outcome=rang&", 6),
        ("outcome=busy&", 3),
        ("outcome=unallocated&", 3),
        ("outcome=answered&", 0),
        ("trunk=carrier&", 12),
        ("trunk=other&", 0),
        ("to=%2B12025552404&", 1),
        (&format!("verification={}&", ids[0]), 1),
        (&format!("until={third}&"), 2),
        (&format!("since={third}&"), 10),
        (&format!("since={third}&outcome=rang&"), 4),
    ] {
        assert_eq!(pages(&stage, &format!("/v1/cdrs?{filter}"), 4).len(), count, "{filter}");
    }
    let lines = stage.get("/v1/cdrs/export?format=jsonl").text();
    let exported: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        of(&exported, "verification"),
        ids.iter().rev().collect::<Vec<_>>(),
        "the oldest first"
    );
    for profile in ["default", "asterisk", "freeswitch", "cgrates"] {
        let text = stage.get(&format!("/v1/cdrs/export?format=csv&profile={profile}")).text();
        let header = usize::from(profile == "default");
        assert_eq!(text.lines().count(), 12 + header, "{profile}: {text}");
    }
    stage.end();
}

#[test]
fn what_is_no_filter_is_refused() {
    let stage = Stage::open("filters", "0ms", "");
    for wrong in [
        "/v1/verifications?status=open",
        "/v1/verifications?limit=0",
        "/v1/verifications?limit=201",
        "/v1/verifications?cursor=x",
        "/v1/verifications?colour=red",
        "/v1/cdrs?since=yesterday",
        "/v1/cdrs?outcome=ring",
        "/v1/cdrs?cursor=v1",
        "/v1/cdrs/export?format=xml",
        "/v1/cdrs/export?profile=asterisk",
    ] {
        let answer = stage.get(wrong);
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (400, &json!("invalid_request")),
            "{wrong}"
        );
    }
    stage.end();
}
