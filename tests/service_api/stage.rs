//! A service over a carrier, and what an application does with it.

use serde_json::{Value, json};

use crate::support::http::{Answer, Event, Events, ask};
use crate::support::phones::Phones;
use crate::support::running::{Served, configuration, folder, serve};

pub(crate) struct Stage {
    pub(crate) phones: Phones,
    pub(crate) served: Served,
    /// May start, check and read.
    pub(crate) key: String,
}

impl Stage {
    /// A carrier that goes by the called number; a phone rings for `ring_hold`.
    pub(crate) fn open(name: &str, ring_hold: &str, more: &str) -> Self {
        let phones = Phones::start(|_| {});
        let folder = folder(name);
        let file = configuration(&folder, phones.address, more);
        let text = std::fs::read_to_string(&file).unwrap();
        let target = format!("target = \"{}\"\n", phones.address);
        let pace = format!("{target}ring_hold = \"{ring_hold}\"\nno_alert = \"1500ms\"\n");
        std::fs::write(&file, text.replace(&target, &pace)).unwrap();
        let served = serve(&file);
        let key = served.key(&["start", "check", "read"]);
        Self { phones, served, key }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        ask(self.served.api, "GET", path, &self.key, "")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        ask(self.served.api, "POST", path, &self.key, &body.to_string())
    }

    /// Begins a verification; its id.
    pub(crate) fn start(&self, body: &Value) -> String {
        let answer = self.post("/v1/verifications", body);
        assert_eq!(answer.status, 201, "{body}: {}", answer.text());
        id_of(&answer.json())
    }

    pub(crate) fn start_to(&self, to: &str) -> String {
        self.start(&json!({ "to": to }))
    }

    pub(crate) fn look(&self, id: &str) -> Value {
        let answer = self.get(&format!("/v1/verifications/{id}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    pub(crate) fn check(&self, id: &str, code: &str) -> Answer {
        self.post(&format!("/v1/verifications/{id}/check"), &json!({ "code": code }))
    }

    pub(crate) fn follow(&self, id: &str) -> Events {
        Events::follow(self.served.api, &self.key, id, None)
    }

    /// Follows a verification until an event of this name, or until its end; what was told.
    pub(crate) fn until(&self, id: &str, name: &str) -> Vec<Event> {
        let mut told = Vec::new();
        for event in self.follow(id) {
            told.push(event);
            if told.last().is_some_and(|event| event.name == name) {
                break;
            }
        }
        told
    }

    /// The outcomes of a verification's calls, the first one first.
    pub(crate) fn outcomes(&self, id: &str) -> Vec<String> {
        let page = self.get(&format!("/v1/cdrs?verification={id}")).json();
        let records = page["data"].as_array().unwrap().iter().rev();
        records.map(|record| record["outcome"].as_str().unwrap().to_owned()).collect()
    }

    /// A number of `/metrics`; 0 where there is none.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").text();
        let mut lines = text.lines().filter_map(|line| line.rsplit_once(' '));
        lines.find(|(known, _)| *known == name).map_or(0.0, |(_, value)| value.parse().unwrap())
    }

    /// Ends the service in order, and the carrier, which has nothing to complain of; what it counted.
    pub(crate) fn end(self) -> Value {
        let (status, _) = self.served.program.stop();
        assert!(status.success(), "{status}");
        let report = self.phones.end();
        assert!(report.clean, "{}", report.text);
        report.json
    }
}

pub(crate) fn id_of(verification: &Value) -> String {
    verification["id"].as_str().unwrap().to_owned()
}

/// Digits that are as many and not the same.
pub(crate) fn wrong(code: &str) -> String {
    let other = |digit: char| char::from_digit((digit.to_digit(10).unwrap() + 1) % 10, 10).unwrap();
    code.chars().map(other).collect()
}

/// A problem document's name, checked for what all of them have.
pub(crate) fn problem(answer: &Answer) -> String {
    let said = answer.json();
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{said}");
    assert_eq!(said["status"], answer.status, "{said}");
    assert_eq!(said["request_id"].as_str(), answer.header("x-request-id"), "{said}");
    let code = said["code"].as_str().unwrap();
    assert_eq!(said["type"], format!("urn:onering:problem:{code}"), "{said}");
    if matches!(answer.status, 429 | 503) {
        assert!(answer.header("retry-after").is_some(), "{said}");
    }
    code.to_owned()
}
