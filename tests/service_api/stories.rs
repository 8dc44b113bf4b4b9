//! Calling again, cancelling, expiring, duplicates, tenants and keys.

use serde_json::json;

use crate::stage::{Stage, id_of, problem, wrong};
use crate::support::http::{Events, ask};

#[test]
fn another_call_has_another_code_and_the_earlier_one_stays_good() {
    let stage = Stage::open("again", "300ms", "");
    let to = "+12025550142";
    let id = stage.start_to(to);
    let next = format!("/v1/verifications/{id}/next");
    let early = stage.post(&next, &json!({}));
    assert_eq!((early.status, problem(&early).as_str()), (409, "call_under_way"));
    assert_eq!(early.json()["retryable"], true);
    let first = stage.phones.call(to, 1);
    for (place, left) in [(2, 1), (3, 0)] {
        stage.until(&id, "call.completed");
        // The events of this verification are told from its beginning; its phase says whether this call is over.
        let answer = (0..2000).map(|_| stage.post(&next, &json!({})));
        let mut answer = answer.skip_while(|answer| answer.status == 409);
        let answer = answer.next().unwrap();
        assert_eq!((answer.status, answer.json()["retries_remaining"].clone()), (200, json!(left)));
        assert_ne!(stage.phones.call(to, place).code(4), first.code(4));
    }
    let none = (0..2000).map(|_| problem(&stage.post(&next, &json!({}))));
    let mut none = none.skip_while(|code| code == "call_under_way");
    assert_eq!(none.next().unwrap(), "no_steps_left");
    let said = stage.check(&id, first.code(4)).json();
    assert_eq!(said["result"], "approved", "{said}");
    assert_eq!(problem(&stage.post(&next, &json!({}))), "already_approved");
    assert_eq!(stage.outcomes(&id), ["rang"; 3]);
    let attempts = stage.get(&format!("/v1/verifications/{id}/attempts")).json();
    let attempts = attempts["data"].as_array().unwrap().clone();
    assert!(attempts.iter().all(|call| call["caller_id"] == "+12025******"), "{attempts:?}");
    assert_eq!(attempts.iter().map(|call| call["number"].clone()).collect::<Vec<_>>(), [1, 2, 3]);
    stage.end();
}

#[test]
fn who_cancels_while_it_rings_ends_the_call() {
    let stage = Stage::open("cancel", "5s", "");
    let to = "+12025550142";
    let id = stage.start_to(to);
    stage.until(&id, "verification.ringing");
    let ring = stage.phones.call(to, 1);
    let cancel = format!("/v1/verifications/{id}/cancel");
    let said = stage.post(&cancel, &json!({}));
    assert_eq!(said.status, 200, "{}", said.text());
    let shown = said.json();
    let stands = (&shown["status"], &shown["reason"], &shown["phase"]);
    assert_eq!(stands, (&json!("canceled"), &json!("canceled_by_api"), &json!(null)));
    let late = stage.check(&id, ring.code(4));
    assert_eq!((late.status, problem(&late).as_str()), (410, "canceled"));
    let again = stage.post(&cancel, &json!({}));
    assert_eq!((again.status, problem(&again).as_str()), (410, "canceled"));
    let found = (0..2000).map(|_| stage.outcomes(&id)).find(|found| !found.is_empty());
    assert_eq!(found.unwrap(), ["rang"]);
    let counted = stage.end();
    assert_eq!((&counted["calls"], &counted["cancels"]), (&json!(1), &json!(1)), "{counted}");
}

#[test]
fn a_lifetime_ends_what_nobody_answers_and_its_call() {
    let more = "[[profile]]\nname = \"brief\"\nlifetime = \"1s\"\n";
    let stage = Stage::open("expiry", "5s", more);
    let to = "+12025550142";
    let id = stage.start(&json!({ "to": to, "profile": "brief" }));
    let ring = stage.phones.call(to, 1);
    let told: Vec<_> = stage.follow(&id).collect();
    let last = told.last().unwrap();
    assert_eq!(last.name, "verification.expired", "{told:?}");
    assert_eq!(last.data["verification"]["reason"], "expired");
    let late = stage.check(&id, ring.code(4));
    assert_eq!((late.status, problem(&late).as_str()), (410, "expired"));
    assert_eq!(stage.end()["cancels"], 1);
}

#[test]
fn events_come_in_order_and_go_on_behind_the_last_one_seen() {
    let stage = Stage::open("events", "300ms", "");
    let to = "+12025550142";
    let id = stage.start_to(to);
    let ring = stage.phones.call(to, 1);
    let before = stage.until(&id, "call.completed");
    let seen = before[1].id;
    let rest = Events::follow(stage.served.api, &stage.key, &id, seen);
    let whole = stage.follow(&id);
    stage.check(&id, &wrong(ring.code(4)));
    stage.check(&id, ring.code(4));
    let (rest, whole): (Vec<_>, Vec<_>) = (rest.collect(), whole.collect());
    let ids: Vec<_> = whole.iter().map(|event| event.id.unwrap()).collect();
    assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
    let names: Vec<_> = whole.iter().map(|event| event.name.as_str()).collect();
    let wanted = [
        "verification.started",
        "verification.dialing",
        "verification.progress",
        "verification.ringing",
        "verification.flashed",
        "call.completed",
        "verification.awaiting_code",
        "verification.check_failed",
        "verification.approved",
    ];
    // What is told of phases is in this order, and what decides is all there.
    let places: Vec<_> =
        names.iter().map(|name| wanted.iter().position(|known| known == name)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{names:?}");
    for name in ["verification.started", "verification.ringing", "call.completed"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert_eq!(names[names.len() - 2..], wanted[7..]);
    let texts = |events: &[crate::support::http::Event]| -> Vec<String> {
        events.iter().map(|event| event.text.clone()).collect()
    };
    assert_eq!(texts(&rest), texts(&whole[2..]));
    // One that has ended has one event left to tell, or all of them; the last is the same.
    let after: Vec<_> = stage.follow(&id).collect();
    assert_eq!(after.last().unwrap().name, "verification.approved");
    for (headers, code) in [("last", 400), ("text/html", 406)] {
        let key = crate::support::http::bearer(&stage.key);
        let header = if code == 400 { ("Last-Event-ID", headers) } else { ("Accept", headers) };
        let path = format!("/v1/verifications/{id}/events");
        let mut line = crate::support::http::Line::open(stage.served.api);
        let answer = line.ask("GET", &path, &[("Authorization", &key), header], "");
        assert_eq!(answer.status, code, "{}", answer.text());
    }
    stage.end();
}

#[test]
fn a_second_start_for_a_number_goes_by_its_profile() {
    let profile =
        |word: &str| format!("[[profile]]\nname = \"{word}\"\nduplicates = \"{word}\"\n\n");
    let more = ["refuse", "return", "allow"].map(profile).concat();
    let stage = Stage::open("duplicates", "300ms", &more);
    for (place, (word, status)) in
        [("refuse", 409), ("return", 200), ("allow", 201)].iter().enumerate()
    {
        let body = json!({ "to": format!("+1202555014{place}"), "profile": word });
        let first = stage.start(&body);
        let second = stage.post("/v1/verifications", &body);
        let said = second.json();
        assert_eq!(second.status, *status, "{said}");
        match *word {
            "refuse" => {
                assert_eq!(problem(&second), "verification_in_progress");
                assert_eq!(said["existing"], first);
            }
            "return" => {
                assert_eq!((id_of(&said), &said["deduplicated"]), (first, &json!(true)));
            }
            _ => {
                assert_ne!(id_of(&said), first);
                assert_eq!(said["deduplicated"], json!(null));
            }
        }
        // Another profile is another purpose.
        let other = json!({ "to": body["to"], "profile": "default" });
        assert_eq!(stage.post("/v1/verifications", &other).status, 201);
    }
    stage.end();
}

#[test]
fn two_tenants_see_nothing_of_each_other_and_a_revoked_key_nothing_at_all() {
    let more = "[[tenant]]\nname = \"default\"\n\n[[tenant]]\nname = \"other\"\n";
    let stage = Stage::open("tenants", "300ms", more);
    let wish = json!({ "tenant": "other", "scopes": ["start", "check", "read", "reveal"] });
    let (status, made) = stage.served.operator("POST", "/v1/keys", Some(&wish));
    assert_eq!(status, 201, "{made}");
    let (other, api) = (made["key"].as_str().unwrap(), stage.served.api);
    let to = "+12025550142";
    let id = stage.start_to(to);
    let ring = stage.phones.call(to, 1);
    let cdr = stage.until(&id, "call.completed").last().unwrap().data["cdr_id"].clone();
    let cdr = cdr.as_str().unwrap();
    let code = json!({ "code": ring.code(4) }).to_string();
    for (method, path) in [
        ("GET", format!("/v1/verifications/{id}")),
        ("GET", format!("/v1/verifications/{id}/attempts")),
        ("GET", format!("/v1/verifications/{id}/events")),
        ("GET", format!("/v1/cdrs/{cdr}")),
        ("POST", format!("/v1/verifications/{id}/check")),
        ("POST", format!("/v1/verifications/{id}/next")),
        ("POST", format!("/v1/verifications/{id}/cancel")),
    ] {
        let body = if path.ends_with("check") { code.as_str() } else { "" };
        let theirs = ask(api, method, &path, other, body);
        // Word for word what is said of an id that there never was.
        let nothing = path.replace(&id, "ver_06f5yjgzv8000000000g7ne9ep7wmrk2");
        let nothing = nothing.replace(cdr, "0000-00000001-0000ffff-00000001");
        let nothing = ask(api, method, &nothing, other, body);
        let words = |answer: &crate::support::http::Answer| {
            let mut said = answer.json();
            said["request_id"].take();
            (answer.status, said)
        };
        assert_eq!(theirs.status, 404, "{method} {path}");
        assert_eq!(words(&theirs), words(&nothing), "{method} {path}");
    }
    for list in ["/v1/verifications", "/v1/cdrs", &format!("/v1/cdrs?verification={id}")] {
        let page = ask(api, "GET", list, other, "").json();
        assert_eq!((&page["data"], &page["next_cursor"]), (&json!([]), &json!(null)), "{list}");
    }
    assert_eq!(ask(api, "GET", "/v1/cdrs/export", other, "").text(), "");
    // The same number is theirs to verify as well.
    let theirs = ask(api, "POST", "/v1/verifications", other, &json!({ "to": to }).to_string());
    assert_eq!(theirs.status, 201, "{}", theirs.text());
    assert_eq!(stage.check(&id, ring.code(4)).json()["result"], "approved");
    // From the moment that it is revoked, a key is worth nothing.
    let key = made["id"].as_str().unwrap();
    let kept = ask(api, "GET", &format!("/v1/verifications/{}", id_of(&theirs.json())), other, "");
    assert_eq!(kept.status, 200);
    let (status, said) = stage.served.operator("DELETE", &format!("/v1/keys/{key}"), None);
    assert!(status < 300, "{status} {said}");
    for path in ["/v1/verifications", "/v1/cdrs", "/v1/pools"] {
        let gone = ask(api, "GET", path, other, "");
        assert_eq!((gone.status, problem(&gone).as_str()), (401, "unauthenticated"), "{path}");
    }
    stage.end();
}

#[test]
fn a_key_does_what_its_scopes_say_and_nothing_else() {
    let stage = Stage::open("scopes", "300ms", "");
    let id = stage.start_to("+12025550142");
    let asks = [
        ("POST", "/v1/verifications".to_owned(), "start"),
        ("POST", format!("/v1/verifications/{id}/next"), "start"),
        ("POST", format!("/v1/verifications/{id}/check"), "check"),
        ("GET", "/v1/verifications".to_owned(), "read"),
        ("GET", format!("/v1/verifications/{id}/attempts"), "read"),
        ("GET", "/v1/cdrs".to_owned(), "read"),
        ("GET", "/v1/cdrs/export".to_owned(), "read"),
        ("GET", "/v1/pools".to_owned(), "read"),
        ("GET", "/v1/trunks".to_owned(), "read"),
        ("GET", "/v1/routes/explain?to=%2B12025550142".to_owned(), "read"),
        ("GET", "/v1/keys".to_owned(), "admin"),
        ("POST", "/v1/keys".to_owned(), "admin"),
    ];
    for scope in ["start", "check", "read"] {
        let key = stage.served.key(&[scope]);
        for (method, path, needed) in &asks {
            let answer = ask(stage.served.api, method, path, &key, "");
            if scope == *needed {
                assert_ne!(answer.status, 403, "{scope}: {method} {path}");
            } else {
                assert_eq!(answer.status, 403, "{scope}: {method} {path}: {}", answer.text());
                assert_eq!(problem(&answer), "scope_missing");
            }
        }
        assert_eq!(
            ask(stage.served.api, "GET", &format!("/v1/verifications/{id}"), &key, "").status,
            200
        );
    }
    stage.end();
}
