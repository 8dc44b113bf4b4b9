//! What a client may make us hold: bytes, time, connections.

use super::super::auth::Origin;
use super::super::server::connection_for_tests;
use super::support::{Bench, Running, get, post};
use crate::api::{Config, Limits, Scope};
use crate::verify::command::Refusal;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// A connection in memory to a service, in time that a test moves.
fn connect(limits: Limits) -> (DuplexStream, Bench) {
    let bench = Bench::new(&limits, |_| Err(Refusal::NotOpen));
    let (ours, theirs) = tokio::io::duplex(4096);
    tokio::spawn(connection_for_tests(
        theirs,
        Origin::Network,
        std::sync::Arc::clone(&bench.service),
        limits,
    ));
    (ours, bench)
}

/// What comes until the connection is closed, and after how long that was.
async fn rest(mut stream: DuplexStream) -> (String, Duration) {
    let began = Instant::now();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    (text, began.elapsed())
}

const GET: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_left_after_a_while() {
    let (stream, _bench) = connect(Limits::default());
    let (text, after) = rest(stream).await;
    assert_eq!((text.as_str(), after), ("", Duration::from_secs(5)));
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_drop_by_drop_is_told_to_be_too_slow() {
    let (mut stream, _bench) = connect(Limits::default());
    let (mut reading, mut writing) = tokio::io::split(&mut stream);
    let began = Instant::now();
    let dripping = async {
        for byte in GET.iter().cycle() {
            if writing.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::timeout(Duration::from_millis(900), std::future::pending::<()>())
                .await
                .ok();
            // A header that never ends.
            if writing.write_all(b"x").await.is_err() {
                return;
            }
        }
    };
    let mut text = String::new();
    tokio::select! {
        () = dripping => {}
        read = reading.read_to_string(&mut text) => { read.unwrap(); }
    }
    assert!(text.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{text}");
    assert!(text.contains("\"code\":\"too_slow\"") && text.contains("connection: close"));
    assert!((5..=6).contains(&began.elapsed().as_secs()));
}

#[tokio::test(start_paused = true)]
async fn a_connection_may_be_idle_for_a_minute_between_requests() {
    let (mut stream, _bench) = connect(Limits::default());
    let mut buffer = [0; 4096];
    for _ in 0..2 {
        stream.write_all(GET).await.unwrap();
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200 OK"));
        tokio::time::advance(Duration::from_secs(50)).await;
    }
    let (text, after) = rest(stream).await;
    assert_eq!(text, "");
    assert!(after <= Duration::from_secs(61), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_told_to_be_too_slow() {
    let (mut stream, bench) = connect(Limits::default());
    let key = bench.key("shop", &[Scope::Start]);
    let head = format!(
        "POST /v1/verifications HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: 9\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let (text, after) = rest(stream).await;
    assert!(text.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{text}");
    assert!(text.contains("a body arrives within 10 s of its head"));
    assert!(after >= Duration::from_secs(10) && after < Duration::from_secs(80), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn who_takes_nothing_of_an_answer_loses_the_connection() {
    let (mut stream, _bench) = connect(Limits::default());
    // The document is longer than what the pipe holds.
    stream.write_all(b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    tokio::time::advance(Duration::from_secs(1)).await;
    for _ in 0..40 {
        tokio::time::timeout(Duration::from_secs(1), std::future::pending::<()>()).await.ok();
    }
    let (text, after) = rest(stream).await;
    assert!(text.starts_with("HTTP/1.1 200 OK") && text.len() <= 4096, "{}", text.len());
    assert_eq!(after, Duration::ZERO);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_taken() {
    let running = Running::idle();
    let key = running.bench.key("shop", &[Scope::Start]);
    let large = format!(r#"{{"to":"{}"}}"#, "1".repeat(64 * 1024));
    let told = running.ask(post("/v1/verifications", &large).by(&key)).await;
    assert_eq!((told.code().as_str(), told.status.as_u16()), ("too_large", 413));
    // Without a length it is found out on the way.
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let head = format!(
        "POST /v1/verifications HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(4096));
    for _ in 0..17 {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    let mut buffer = [0; 64];
    stream.read_exact(&mut buffer).await.unwrap();
    assert!(buffer.starts_with(b"HTTP/1.1 413 Payload Too Large\r\n"));
    running.stop().await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let running = Running::idle();
    for (path, headers, status) in [
        (
            "/healthz".to_owned(),
            (0..70).map(|n| format!("x-{n}: y\r\n")).collect::<String>(),
            "431",
        ),
        ("/healthz".to_owned(), format!("x: {}\r\n", "y".repeat(17_000)), "431"),
        (format!("/{}", "z".repeat(17_000)), String::new(), "431"),
    ] {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut buffer = [0; 12];
        stream.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, format!("HTTP/1.1 {status}").as_bytes());
    }
    running.stop().await;
}

#[tokio::test]
async fn a_connection_too_many_is_told_so_and_a_place_is_free_again() {
    let limits = Limits { connections_max: 2, connections_per_source_max: 2, ..Limits::default() };
    let running =
        Running::within(Config { limits, ..Config::default() }, |_| Err(Refusal::NotOpen));
    let mut open = Vec::new();
    let mut buffer = [0; 4096];
    for _ in 0..2 {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(GET).await.unwrap();
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
        open.push(stream);
    }
    let told = running.ask(get("/healthz")).await;
    assert_eq!((told.code().as_str(), told.status.as_u16()), ("too_many_connections", 503));
    assert_eq!(told.headers["retry-after"], "1");
    // The socket has places of its own.
    let (status, _) =
        running.local().request(axum::http::Method::GET, "/healthz", None).await.unwrap();
    assert_eq!(status.as_u16(), 200);
    let mut last = open.pop().unwrap();
    last.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    last.read_to_string(&mut text).await.unwrap();
    while running.ask(get("/healthz")).await.status.as_u16() != 200 {}
    running.stop().await;
}

#[tokio::test]
async fn requests_too_many_are_told_so() {
    let limits = Limits { requests_max: 0, ..Limits::default() };
    let running =
        Running::within(Config { limits, ..Config::default() }, |_| Err(Refusal::NotOpen));
    let told = running.ask(get("/healthz")).await;
    assert_eq!((told.code().as_str(), told.status.as_u16()), ("capacity_exceeded", 429));
    running.stop().await;
}
