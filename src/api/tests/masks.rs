//! Whoever may only read learns no code: eight digits that must not be seen, looked for in everything there is to see.

use super::support::{
    CALLED, CALLER, CODE, HIDDEN, Running, ended, get, post, records, ringing, session,
};
use crate::api::Scope;
use crate::driver::Observe as _;
use crate::engine::Event;
use crate::verify::command::{Answer, Command, Fresh, Refusal, Verdict};
use crate::verify::event::{self, What};
use crate::verify::snapshot::Snapshot;
use crate::verify::status::Status;

/// Every run of four digits of the code, and the called number's middle.
fn secrets() -> Vec<String> {
    let parts = CODE.as_bytes().windows(4).map(|part| String::from_utf8_lossy(part).into_owned());
    parts.chain([HIDDEN.to_owned()]).collect()
}

#[tokio::test]
async fn nothing_of_a_code_is_in_any_answer_while_it_is_worth_something() {
    let mut running = Running::with(|command| {
        let snapshot = Box::new(ringing(1));
        match command {
            Command::Start(_) => Ok(Answer::Started(snapshot, Fresh::New)),
            Command::Check { .. } => Ok(Answer::Checked(Verdict::Invalid, snapshot)),
            Command::Next { .. } | Command::Cancel { .. } | Command::Look { .. } => {
                Ok(Answer::Session(snapshot))
            }
        }
    });
    running.bench.keep(records(&ringing(1))).await;
    let over = ended(ringing(1), Status::Approved, None);
    for (sequence, what) in
        [(1, What::Started(Box::new(ringing(1)))), (2, What::Ended(Box::new(over)))]
    {
        let event =
            event::Event { id: session(1), tenant: "shop".into(), sequence, at_unix_us: 7, what };
        running.bench.ears.event(&Event::Verify(event));
    }
    let of = |what: &str| format!("/v1/verifications/{}{what}", session(1));
    let (itself, attempts, events, check) = (of(""), of("/attempts"), of("/events"), of("/check"));
    let (next, cdr) = (of("/next"), format!("/v1/cdrs/{}", ringing(1).attempts[0].id));
    let mut asked = vec![
        post("/v1/verifications", r#"{"to":"+15550000001"}"#),
        post(&check, r#"{"code":"00000000"}"#),
        post(&next, ""),
    ];
    asked.extend(
        [itself.as_str(), &attempts, &events, &cdr, "/v1/verifications", "/v1/cdrs"].map(get),
    );
    asked.extend(
        ["/v1/cdrs/export", "/v1/cdrs/export?format=csv", "/v1/pools", "/metrics"].map(get),
    );
    asked.push(get("/v1/routes/explain?to=%2B12025550142"));
    let readers = running.bench.key("shop", &[Scope::Start, Scope::Check, Scope::Read]);
    // Not even who may see numbers sees one whose verification is open.
    let revealer = running.bench.key("shop", &Scope::ALL);
    for (key, secrets) in [(&readers, secrets()), (&revealer, secrets()[..5].to_vec())] {
        for asking in &asked {
            let told = running.ask(asking.clone().by(key)).await;
            for secret in &secrets {
                let text = told.text();
                assert!(!text.contains(secret.as_str()), "{secret} in {}: {text}", asking.path);
            }
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn who_may_see_numbers_sees_them_once_they_are_worth_nothing() {
    let mut running = Running::with(|_| Err(Refusal::NotOpen));
    let over: Snapshot = ended(ringing(1), Status::Failed, None);
    running.bench.keep(records(&over)).await;
    let path = format!("/v1/verifications/{}", session(1));
    let read = running.bench.key("shop", &[Scope::Read]);
    let reveal = running.bench.key("shop", &[Scope::Read, Scope::Reveal]);
    let only = running.bench.key("shop", &[Scope::Start, Scope::Reveal]);
    for (key, plain) in [(&read, false), (&only, false), (&reveal, true)] {
        let json = running.ask(get(&path).by(key)).await.json();
        let shown = if plain { (CALLED, CALLER) } else { ("+1202***0142", "+120********") };
        let caller = json["attempts"][0]["caller_id"].as_str().unwrap();
        assert_eq!((json["to"].as_str().unwrap(), caller), shown);
        assert_eq!(json["display_prefix"], "+120");
    }
    running.stop().await;
}
