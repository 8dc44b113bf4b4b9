//! Many starts at once, over many connections: every one is answered, no two open verifications of a number share a code,
//! the codes are drawn evenly, and what must happen once happens once. What was drawn is read where an attacker would have
//! to read it: in the From headers that the far end saw.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of a test may fail it"
)]

mod drawn;
#[path = "../support"]
mod support {
    #[expect(dead_code, reason = "other tests need the rest")]
    pub(crate) mod http;
    #[expect(dead_code, reason = "other tests need the rest")]
    pub(crate) mod phones;
    #[expect(dead_code, reason = "other tests need the rest")]
    pub(crate) mod running;
}

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Barrier;

use onering::carrier::Behaviour;
use serde_json::{Value, json};

use support::http::{Answer, Line, ask, bearer};
use support::phones::{Phones, Ring};
use support::running::{Served, configuration, folder, serve};

const PROFILES: &str = "[[profile]]\nname = \"several\"\nduplicates = \"allow\"\nredials = 1\n\n[[profile]]\nname = \"slow\"\nlifetime = \"10m\"\n";

/// A service over a carrier that rings every phone.
fn stage(name: &str) -> (Phones, Served, String) {
    let phones = Phones::start(|config| config.behaviour = Some(Behaviour::RINGS));
    let folder = folder(name);
    let served = serve(&configuration(&folder, phones.address, PROFILES));
    let key = served.key(&["start", "check", "read"]);
    (phones, served, key)
}

/// Ends both; the service in order, the carrier without a complaint.
fn end(phones: Phones, served: Served, calls: u64) {
    let (status, _) = served.program.stop();
    assert!(status.success(), "{status}");
    let report = phones.end();
    assert!(report.clean, "{}", report.text);
    assert_eq!(report.json["calls"], calls, "{}", report.text);
}

/// Does something `count` times at once, on as many threads, each with a connection of its own.
fn at_once<T: Send>(
    served: &Served,
    count: usize,
    act: impl Fn(usize, &mut Line) -> T + Sync,
) -> Vec<T> {
    let (ready, api) = (Barrier::new(count), served.api);
    std::thread::scope(|scope| {
        let one = |place| {
            let (ready, act) = (&ready, &act);
            scope.spawn(move || {
                let mut line = Line::open(api);
                ready.wait();
                act(place, &mut line)
            })
        };
        let all: Vec<_> = (0..count).map(one).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn start(line: &mut Line, key: &str, body: &Value) -> Answer {
    let key = bearer(key);
    line.ask("POST", "/v1/verifications", &[("Authorization", &key)], &body.to_string())
}

/// Each number with the codes that rang it.
fn codes(rings: &[Ring]) -> BTreeMap<&str, Vec<&str>> {
    let mut codes: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for ring in rings {
        codes.entry(ring.to.as_str()).or_default().push(ring.code(4));
    }
    codes
}

fn no_code_twice(rings: &[Ring]) {
    for (to, codes) in codes(rings) {
        let distinct: BTreeSet<_> = codes.iter().collect();
        assert_eq!(distinct.len(), codes.len(), "{to} was rung by {codes:?}");
    }
}

#[test]
fn a_thousand_starts_at_once_ring_a_thousand_phones_with_codes_drawn_evenly() {
    const CONNECTIONS: usize = 100;
    let (phones, served, key) = stage("thousand");
    let answers = at_once(&served, CONNECTIONS, |place, line| {
        let numbers = (0..10).map(|n| format!("+1202{}", 5_550_000 + place * 10 + n));
        numbers.map(|to| start(line, &key, &json!({ "to": to }))).collect::<Vec<_>>()
    });
    let mut ids = BTreeSet::new();
    for answer in answers.into_iter().flatten() {
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert!(ids.insert(answer.json()["id"].as_str().unwrap().to_owned()));
    }
    assert_eq!(ids.len(), 1000);
    let rings = phones.count(1000);
    let codes = codes(&rings);
    assert_eq!(codes.len(), 1000, "each number is rung once");
    assert!(codes.values().all(|codes| codes.len() == 1));
    assert!(rings.iter().all(|ring| ring.from.starts_with("+1202555") && ring.from.len() == 12));
    // A hundred bins with ten each: 99 degrees of freedom, so about 99. The generator is the system's; beyond these bounds
    // is one run in a hundred million.
    let mut bins = [0_u64; 100];
    for ring in &rings {
        bins[ring.code(4)[..2].parse::<usize>().unwrap()] += 1;
    }
    let chi_square = drawn::chi_square(&bins);
    assert!((35.0..200.0).contains(&chi_square), "{chi_square}: {bins:?}");
    end(phones, served, 1000);
}

#[test]
fn open_verifications_of_one_number_never_share_a_code() {
    let (phones, served, key) = stage("several");
    let body = |to: &str| json!({ "to": to, "profile": "several" });
    // Sixty numbers, four verifications each, all at once.
    let answers = at_once(&served, 80, |place, line| {
        let numbers = (0..3).map(|n| format!("+1202{}", 5_550_100 + (place * 3 + n) % 60));
        numbers.map(|to| start(line, &key, &body(&to))).collect::<Vec<_>>()
    });
    let answers: Vec<_> = answers.into_iter().flatten().collect();
    assert!(answers.iter().all(|answer| answer.status == 201));
    // They are rung one after the other; each is still open when the next is drawn.
    let rings = phones.count(240);
    assert!(codes(&rings).values().all(|codes| codes.len() == 4), "{:?}", codes(&rings));
    no_code_twice(&rings);
    // Another call of an open one gets a code of its own as well.
    let id = answers[0].json()["id"].as_str().unwrap().to_owned();
    let again = retry(&served, &key, &format!("/v1/verifications/{id}/next"));
    assert_eq!(again.status, 200, "{}", again.text());
    no_code_twice(&phones.count(241));
    end(phones, served, 241);
}

/// Asks for another call until none is under way.
fn retry(served: &Served, key: &str, path: &str) -> Answer {
    let tries = (0..1000).map(|_| ask(served.api, "POST", path, key, ""));
    let mut tries = tries.skip_while(|answer| answer.text().contains("call_under_way"));
    tries.next().unwrap()
}

/// `+1 202 555 0142` in forty spellings, with the region that each needs.
fn spellings() -> Vec<Value> {
    let forms = [
        ("+1_202_555_0142", None),
        ("+1_(202)_555_0142", None),
        ("+1202555_0142", None),
        ("+1_2025550142", None),
        ("1_202_555_0142", Some("US")),
        ("202_555_0142", Some("us")),
        ("(202)_555_0142", Some("CA")),
        ("011_1_202_555_0142", Some("US")),
    ];
    let separators = [" ", "-", ".", "/", "\u{a0}"];
    let all = forms.iter().flat_map(|form| separators.map(|separator| (form, separator)));
    all.map(|((form, region), separator)| {
        let to = form.replace('_', separator);
        match region {
            Some(region) => json!({ "to": to, "region": region }),
            None => json!({ "to": to }),
        }
    })
    .collect()
}

#[test]
fn two_hundred_starts_in_forty_spellings_are_one_call() {
    let (phones, served, key) = stage("spellings");
    let spellings = spellings();
    let distinct: BTreeSet<_> = spellings.iter().map(Value::to_string).collect();
    assert_eq!(distinct.len(), 40);
    let answers = at_once(&served, 200, |place, line| {
        let body = &spellings[place % spellings.len()];
        (body, start(line, &key, body))
    });
    let (mut begun, mut refused) = (Vec::new(), Vec::new());
    for (body, answer) in answers {
        let said = answer.json();
        match answer.status {
            201 => begun.push(said["id"].clone()),
            409 => {
                assert_eq!(said["code"], "verification_in_progress", "{said}");
                refused.push(said["existing"].clone());
            }
            status => panic!("{status} to {body}: {said}"),
        }
    }
    assert_eq!((begun.len(), refused.len()), (1, 199));
    assert!(refused.iter().all(|existing| *existing == begun[0]));
    assert_eq!(phones.call("+12025550142", 1).to, "+12025550142");
    end(phones, served, 1);
}

#[test]
fn of_a_hundred_checks_with_the_right_code_one_is_approved() {
    let (phones, served, key) = stage("checks");
    let answer = start(&mut Line::open(served.api), &key, &json!({ "to": "+12025550143" }));
    let path = answer.json()["links"]["check"].as_str().unwrap().to_owned();
    let ring = phones.call("+12025550143", 1);
    let body = json!({ "code": ring.code(4) }).to_string();
    let header = bearer(&key);
    let answers = at_once(&served, 100, |_, line| {
        line.ask("POST", &path, &[("Authorization", &header)], &body)
    });
    let approved = answers.iter().filter(|answer| answer.status == 200);
    let approved: Vec<_> = approved.map(Answer::json).collect();
    assert_eq!(approved.len(), 1, "{approved:?}");
    assert_eq!(approved[0]["result"], "approved");
    let late = answers.iter().filter(|answer| answer.status == 409);
    assert!(late.clone().all(|answer| answer.json()["code"] == "already_approved"));
    assert_eq!(late.count(), 99);
    end(phones, served, 1);
}

#[test]
fn of_parallel_wrong_codes_as_many_are_judged_as_there_are_tries() {
    let (phones, served, key) = stage("tries");
    let answer = start(&mut Line::open(served.api), &key, &json!({ "to": "+12025550144" }));
    let path = answer.json()["links"]["check"].as_str().unwrap().to_owned();
    let right = phones.call("+12025550144", 1);
    let header = bearer(&key);
    let wrong = (0..10_000).map(|code| format!("{code:04}"));
    let wrong: Vec<_> = wrong.filter(|code| code != right.code(4)).take(60).collect();
    let answers = at_once(&served, 60, |place, line| {
        let body = json!({ "code": wrong[place] }).to_string();
        line.ask("POST", &path, &[("Authorization", &header)], &body)
    });
    let judged = answers.iter().filter(|answer| answer.status == 200);
    let judged: Vec<_> = judged.map(Answer::json).collect();
    assert_eq!(judged.len(), 3, "three tries, however they come: {judged:?}");
    assert!(judged.iter().all(|said| said["result"] == "invalid"), "{judged:?}");
    // How it stands is said as of the answer, which waits for the disk: others may have been judged meanwhile.
    let left = |said: &Value| said["attempts_remaining"].as_u64().unwrap();
    assert_eq!(judged.iter().map(left).min(), Some(0), "{judged:?}");
    let refused = answers.iter().filter(|answer| answer.status == 410);
    assert!(refused.clone().all(|answer| answer.json()["code"] == "attempts_exhausted"));
    assert_eq!(refused.count(), 57);
    end(phones, served, 1);
}

#[test]
fn one_idempotency_key_from_fifty_connections_is_one_call() {
    let (phones, served, key) = stage("idempotency");
    let authorization = bearer(&key);
    let body = json!({ "to": "+12025550145", "client_reference": "order-1" }).to_string();
    let headers = [("Authorization", authorization.as_str()), ("Idempotency-Key", "order-1/1")];
    let post = |line: &mut Line| line.ask("POST", "/v1/verifications", &headers, &body);
    let answers = at_once(&served, 50, |_, line| post(line));
    let mut ids = BTreeSet::new();
    let mut fresh = 0;
    for answer in &answers {
        let said = answer.json();
        match answer.status {
            201 => {
                ids.insert(said["id"].as_str().unwrap().to_owned());
                fresh += usize::from(answer.header("Idempotent-Replayed").is_none());
            }
            409 => assert_eq!(said["code"], "idempotency_in_flight", "{said}"),
            status => panic!("{status}: {said}"),
        }
    }
    assert_eq!((ids.len(), fresh), (1, 1), "{ids:?}");
    // Whoever was told to come again gets the same one.
    let again = post(&mut Line::open(served.api));
    assert_eq!((again.status, again.header("Idempotent-Replayed")), (201, Some("true")));
    assert!(ids.contains(again.json()["id"].as_str().unwrap()));
    phones.call("+12025550145", 1);
    end(phones, served, 1);
}
