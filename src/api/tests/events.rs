//! Streams of events: what was, what is, and the end.

use super::support::{Asking, Bench, Running, ended, get, records, ringing, session};
use crate::api::{Config, Limits, Scope};
use crate::call::outcome::Outcome;
use crate::verify::command::{Answer, Command, Refusal, Verdict};
use crate::verify::event::{Event, What};
use crate::verify::status::{Phase, Status};
use axum::http::{Request, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

fn open(command: Command) -> Result<Answer, Refusal> {
    match command {
        Command::Look { id, .. } if id == session(1) => Ok(Answer::Session(Box::new(ringing(1)))),
        Command::Look { .. }
        | Command::Start(_)
        | Command::Check { .. }
        | Command::Next { .. }
        | Command::Cancel { .. } => Err(Refusal::NotOpen),
    }
}

fn tell(bench: &Bench, sequence: u64, what: What) {
    let event = Event { id: session(1), tenant: "shop".into(), sequence, at_unix_us: 7, what };
    bench.ears.hub.tell(&event);
}

fn phase(phase: Phase) -> What {
    What::Phase { phase, attempt: 1 }
}

/// A stream that is being read.
struct Reading {
    body: Incoming,
    read: String,
}

impl Reading {
    async fn of(running: &Running, key: &str, after: Option<u64>) -> Self {
        let stream = TcpStream::connect(running.address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder()
            .uri(format!("/v1/verifications/{}/events", session(1)))
            .header("host", "onering")
            .header("authorization", format!("Bearer {key}"));
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        let response =
            sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), read: String::new() }
    }

    /// The next event: its id, its name and its data; none at the end.
    async fn next(&mut self) -> Option<(Option<u64>, String, serde_json::Value)> {
        while !self.read.contains("\n\n") {
            let frame = self.body.frame().await?.unwrap().into_data().unwrap();
            self.read.push_str(str::from_utf8(&frame).unwrap());
        }
        let (event, rest) = self.read.split_once("\n\n").unwrap();
        let field = |name: &str| {
            event
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .map(|text| text.trim().to_owned())
        };
        let id = field("id:").map(|id| id.parse().unwrap());
        let found = (id, field("event:")?, serde_json::from_str(&field("data:")?).unwrap());
        self.read = rest.to_owned();
        Some(found)
    }
}

#[tokio::test]
async fn what_was_is_replayed_then_it_is_live_and_it_ends_with_the_verification() {
    let running = Running::with(open);
    let key = running.bench.key("shop", &[Scope::Read]);
    tell(&running.bench, 1, What::Started(Box::new(ringing(1))));
    tell(&running.bench, 2, phase(Phase::Dialing));
    let mut whole = Reading::of(&running, &key, None).await;
    let mut rest = Reading::of(&running, &key, Some(1)).await;
    let first = whole.next().await.unwrap();
    assert_eq!((first.0, first.1.as_str()), (Some(1), "verification.started"));
    assert_eq!(first.2["verification"]["id"], session(1).to_string());
    tell(&running.bench, 3, phase(Phase::Ringing));
    tell(&running.bench, 4, What::Alarm { attempt: 1, outcome: Outcome::Unallocated });
    let cdr = ringing(1).attempts[0].id;
    tell(&running.bench, 5, What::CallEnded { cdr, attempt: 1, outcome: Outcome::Rang });
    tell(&running.bench, 6, What::CheckFailed { verdict: Verdict::Invalid, tries_left: 2 });
    tell(&running.bench, 9, What::Ended(Box::new(ended(ringing(1), Status::Approved, None))));
    for stream in [&mut whole, &mut rest] {
        let mut told = Vec::new();
        while let Some((id, name, data)) = stream.next().await {
            assert_eq!(
                (data["type"].as_str(), data["sequence"].as_u64()),
                (Some(name.as_str()), id)
            );
            told.push((id.unwrap(), name));
        }
        let told: Vec<(u64, &str)> = told.iter().map(|(id, name)| (*id, name.as_str())).collect();
        assert_eq!(
            told,
            [
                (2, "verification.dialing"),
                (3, "verification.ringing"),
                (5, "call.completed"),
                (6, "verification.check_failed"),
                (9, "verification.approved"),
            ]
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn where_no_event_is_kept_its_state_is_told() {
    let mut running = Running::with(|command| match command {
        Command::Look { .. } => Err(Refusal::NotOpen),
        Command::Start(_)
        | Command::Check { .. }
        | Command::Next { .. }
        | Command::Cancel { .. } => Err(Refusal::Draining),
    });
    running.bench.keep(records(&ended(ringing(1), Status::Expired, None))).await;
    let key = running.bench.key("shop", &[Scope::Read]);
    let mut reading = Reading::of(&running, &key, None).await;
    let (id, name, data) = reading.next().await.unwrap();
    assert_eq!((id, name.as_str()), (None, "verification.expired"));
    assert_eq!(data["verification"]["status"], "expired");
    assert!(reading.next().await.is_none());
    running.stop().await;
}

#[tokio::test]
async fn a_live_one_without_events_begins_with_its_state() {
    let running = Running::with(open);
    let key = running.bench.key("shop", &[Scope::Check]);
    let mut reading = Reading::of(&running, &key, None).await;
    assert_eq!(reading.next().await.unwrap().1, "verification.ringing");
    tell(&running.bench, 8, phase(Phase::Flashed));
    assert_eq!(reading.next().await.unwrap().1, "verification.flashed");
    drop(reading);
    running.stop().await;
}

#[tokio::test]
async fn streams_are_counted_and_nothing_is_kept_of_what_is_not_there() {
    let limits = Limits { streams_max: 1, ..Limits::default() };
    let running = Running::within(Config { limits, ..Config::default() }, open);
    let key = running.bench.key("shop", &[Scope::Read]);
    let path = format!("/v1/verifications/{}/events", session(9));
    assert_eq!(running.ask(get(&path).by(&key)).await.code(), "not_found");
    assert_eq!(format!("{:?}", running.bench.ears.hub), "0 events of 0 verifications");
    let _open = Reading::of(&running, &key, None).await;
    assert_eq!(running.ask(get(&path).by(&key)).await.code(), "capacity_exceeded");
    let wrong = Asking { ..get(&path) }.by(&key).header("last-event-id", "x");
    assert_eq!(running.ask(wrong).await.code(), "invalid_request");
    running.stop().await;
}

#[tokio::test]
async fn a_service_that_stops_ends_its_streams() {
    let mut running = Running::with(open);
    let key = running.bench.key("shop", &[Scope::Read]);
    let mut reading = Reading::of(&running, &key, None).await;
    reading.next().await.unwrap();
    running.stop.take().unwrap().send(()).unwrap();
    assert!(reading.next().await.is_none());
    running.served.await.unwrap();
}
