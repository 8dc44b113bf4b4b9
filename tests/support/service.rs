//! A service as the generator of load sees one: it takes starts, calls through a carrier, and checks codes. It stores
//! nothing and knows no rules.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::oneshot;

/// The key that it takes.
pub(crate) const KEY: &str = "or_test_key";

/// What it does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    #[default]
    None,
    /// It starts, and calls nobody, but says that it did.
    NeverCalls,
    /// Every second start is refused.
    RefusesEverySecond,
    /// Every check is wrong.
    ChecksWrong,
    /// Its metrics are there once.
    MetricsOnce,
    /// It closes the connection after each answer.
    ClosesConnections,
}

/// A running service. Ends when dropped.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    /// Each start, as it comes.
    pub(crate) starts: mpsc::Receiver<String>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Desk {
    fault: Fault,
    udp: UdpSocket,
    carrier: SocketAddr,
    books: Mutex<Books>,
    starts: mpsc::SyncSender<String>,
}

#[derive(Default)]
struct Books {
    called: Vec<String>,
    finished: HashSet<usize>,
    asked_for_metrics: u32,
}

impl Service {
    pub(crate) fn start(carrier: SocketAddr, fault: Fault) -> Self {
        let (addressed, address) = mpsc::sync_channel(1);
        let (seen, starts) = mpsc::sync_channel(1_000_000);
        let (end, ended) = oneshot::channel();
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                addressed.send(listener.local_addr().unwrap()).unwrap();
                let books = Mutex::default();
                let desk = Arc::new(Desk { fault, udp, carrier, books, starts: seen });
                let router = Router::new()
                    .route("/v1/verifications", post(start))
                    .route("/v1/verifications/{id}/check", post(check))
                    .route("/metrics", get(metrics))
                    .with_state(Arc::clone(&desk));
                tokio::select! {
                    served = axum::serve(listener, router) => served.unwrap(),
                    () = answer(&desk) => {}
                    _ = ended => {}
                }
            });
        };
        let thread = std::thread::spawn(serve);
        let address = address.recv().unwrap();
        Self { address, starts, end: Some(end), thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.end.take().map(|end| end.send(()));
        self.thread.take().map(JoinHandle::join);
    }
}

/// The caller-ID of call `n`; its last four digits are the code.
fn caller(n: usize) -> String {
    format!("+1202555{:04}", n * 7 % 10_000)
}

async fn start(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: String) -> Response {
    if headers.get("authorization").is_none_or(|key| key != &format!("Bearer {KEY}")) {
        return problem(401, "unauthenticated");
    }
    let wish: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&headers["content-type"], wish.as_object().unwrap().len()),
        (&"application/json".parse().unwrap(), 1)
    );
    let to = wish["to"].as_str().unwrap().to_owned();
    desk.starts.try_send(to.clone()).ok();
    let n = {
        let mut books = desk.books.lock().unwrap();
        books.called.push(to.clone());
        books.called.len() - 1
    };
    if desk.fault == Fault::RefusesEverySecond && n % 2 == 1 {
        return problem(503, "capacity_exceeded");
    }
    if desk.fault == Fault::NeverCalls {
        desk.books.lock().unwrap().finished.insert(n);
    } else {
        let invite = request("INVITE", n, &to, &desk, "");
        desk.udp.send_to(invite.as_bytes(), desk.carrier).await.unwrap();
    }
    let verification = json!({
        "id": format!("ver_{n}"), "status": "pending", "phase": "queued", "reason": null, "to": "+1202***0142",
        "country": "US", "profile": "default", "channel": "flash", "code_length": 4, "display_prefix": "+12025",
        "attempts_remaining": 3, "retries_remaining": 2, "late": false,
        "created_at": "2026-01-01T00:00:00.000000Z", "expires_at": "2026-01-01T00:03:00.000000Z", "ended_at": null,
        "assurance": {"bits": 13.3, "guess_odds": 0.0003}, "attempts": [], "client_reference": null,
        "metadata": null, "poll_after_ms": 500, "links": {"self": format!("/v1/verifications/ver_{n}")},
    });
    respond(&desk, 201, &verification)
}

async fn check(State(desk): State<Arc<Desk>>, Path(id): Path<String>, body: String) -> Response {
    let claim: Value = serde_json::from_str(&body).unwrap();
    let n: usize = id.strip_prefix("ver_").unwrap().parse().unwrap();
    let code = caller(n).split_off(8);
    let right = claim["code"] == code && desk.fault != Fault::ChecksWrong;
    let result = if right { "approved" } else { "invalid" };
    let body = json!({
        "result": result, "late": false, "attempts_remaining": 2, "verification": {"id": id},
    });
    respond(&desk, 200, &body)
}

async fn metrics(State(desk): State<Arc<Desk>>) -> Response {
    let mut books = desk.books.lock().unwrap();
    books.asked_for_metrics += 1;
    if desk.fault == Fault::MetricsOnce && books.asked_for_metrics > 1 {
        return problem(500, "broken");
    }
    let finished = books.finished.len();
    format!("onering_calls_finished_total{{trunk=\"a\",outcome=\"rang\"}} {finished}\n# EOF\n")
        .into_response()
}

fn respond(desk: &Desk, status: u16, body: &Value) -> Response {
    let connection = if desk.fault == Fault::ClosesConnections { "close" } else { "keep-alive" };
    let headers = [("content-type", "application/json"), ("connection", connection)];
    (StatusCode::from_u16(status).unwrap(), headers, body.to_string()).into_response()
}

fn problem(status: u16, code: &str) -> Response {
    let body =
        json!({"type": format!("urn:onering:problem:{code}"), "status": status, "code": code});
    let headers = [("content-type", "application/problem+json")];
    (StatusCode::from_u16(status).unwrap(), headers, body.to_string()).into_response()
}

/// The telephone half: CANCEL to 180, ACK to 487.
async fn answer(desk: &Desk) {
    let mut buffer = [0; 4096];
    loop {
        let (length, _) = desk.udp.recv_from(&mut buffer).await.unwrap();
        let text = str::from_utf8(&buffer[..length]).unwrap();
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let n: usize = value("Call-ID: ").parse().unwrap();
        let to = desk.books.lock().unwrap().called[n].clone();
        let tag = value("To: ").split_once(";tag=").map(|(_, tag)| format!(";tag={tag}"));
        let tag = tag.unwrap_or_default();
        let next = match text.split(' ').nth(1) {
            Some("180") => request("CANCEL", n, &to, desk, ""),
            Some("487") => {
                desk.books.lock().unwrap().finished.insert(n);
                request("ACK", n, &to, desk, &tag)
            }
            _ => continue,
        };
        desk.udp.send_to(next.as_bytes(), desk.carrier).await.unwrap();
    }
}

fn request(method: &str, n: usize, to: &str, desk: &Desk, tag: &str) -> String {
    let (local, carrier) = (desk.udp.local_addr().unwrap(), desk.carrier);
    let from = caller(n);
    format!(
        "{method} sip:{to}@{carrier} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{n};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:{from}@{local}>;tag=a\r\nTo: <sip:{to}@{carrier}>{tag}\r\n\
         Call-ID: {n}\r\nCSeq: 1 {method}\r\nContact: <sip:onering@{local}>\r\n\
         Content-Length: 0\r\n\r\n"
    )
}
