//! A running API: its engine is a closure, its store a directory that goes when the test ends.

use super::super::{
    Bound, Config, Ears, Health, Hub, Keys, Limits, NewKey, Parts, SOCKET, Scope, Scopes, Service,
    bind, metrics::Metrics, serve,
};
use crate::api::client;
use crate::base::id::{AttemptId, Seq, SessionId};
use crate::base::number::{CallerId, Country, Destination, Span};
use crate::call::Pace;
use crate::call::facts::{End, Facts};
use crate::call::outcome::Outcome;
use crate::call::way::Way;
use crate::driver::Handle;
use crate::io::net::clock::Clock;
use crate::io::store::sqlite::{DataDir, Options, Reader, Sqlite};
use crate::io::store::{Store, Verdict as Kept};
use crate::numbers::odds::Odds;
use crate::numbers::pool::Pool;
use crate::numbers::route::Route;
use crate::verify::cdr::Cdr;
use crate::verify::command::{Answer, Command, Refusal};
use crate::verify::record::{Change, Opened, Part, Record};
use crate::verify::rules::{Duplicates, Profile, Rules, Tenant, TrunkRules};
use crate::verify::snapshot::{AttemptView, Snapshot};
use crate::verify::status::{Phase, Reason, Status};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// Digits that stand in a caller-ID or a destination and must not be seen.
pub(crate) const CALLER: &str = "+12029185736";
pub(crate) const CALLED: &str = "+12025550142";

/// The same as they are searched for.
pub(crate) const CALLER_DIGITS: &str = "12029185736";
pub(crate) const CALLED_DIGITS: &str = "12025550142";
/// The last eight of the caller-ID, and what its destination hides, with the rest of it.
pub(crate) const CODE: &str = "29185736";
pub(crate) const HIDDEN: &str = "5550142";

/// A directory of its own, which goes with it.
pub(crate) struct Dir(pub(crate) PathBuf);

impl Dir {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("onering-api-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// The parts of a service that a test looks at.
pub(crate) struct Bench {
    pub(crate) service: Arc<Service>,
    pub(crate) ears: Ears,
    pub(crate) rules: watch::Sender<Arc<Rules>>,
    pub(crate) store: Sqlite,
    seq: Seq,
    _dir: Dir,
}

/// One that answers.
pub(crate) struct Running {
    pub(crate) bench: Bench,
    pub(crate) address: std::net::SocketAddr,
    pub(crate) socket: PathBuf,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    pub(crate) served: JoinHandle<()>,
}

impl Bench {
    /// With this engine, which lives on a task of its own.
    pub(crate) fn new(
        limits: &Limits,
        engine: impl FnMut(Command) -> Result<Answer, Refusal> + Send + 'static,
    ) -> Self {
        let (handle, script) = Handle::scripted();
        tokio::spawn(script.play(engine));
        let dir = Dir::new();
        let data = DataDir::open(&dir.0.join("data"), 1).unwrap();
        let options = Options { reserve_bytes: 0, ..Options::new(Arc::new(|| 1)) };
        let store = Sqlite::start(data.clone(), options).unwrap();
        let (rules, seen) = watch::channel(Arc::new(rules()));
        let clock = Clock::start();
        let ears = Ears {
            hub: Arc::new(Hub::default()),
            metrics: Arc::new(Metrics::default()),
            health: Arc::new(Health::default()),
            clock,
        };
        let parts = Parts {
            handle,
            reader: Reader::open(&data).unwrap(),
            admin: store.admin(),
            keys: Keys::default(),
            hub: Arc::clone(&ears.hub),
            metrics: Arc::clone(&ears.metrics),
            health: Arc::clone(&ears.health),
            rules: seen,
            clock,
        };
        let service = Arc::new(Service::new(parts, limits));
        Self { service, ears, rules, store, seq: Seq(0), _dir: dir }
    }

    /// A key of this tenant, made without asking for it.
    pub(crate) fn key(&self, tenant: &str, scopes: &[Scope]) -> String {
        let scopes = scopes.iter().fold(Scopes::default(), |all, scope| all.with(*scope));
        let key = NewKey::make(tenant, scopes, "", 1);
        self.service.keys.put(&key.row);
        key.text
    }

    /// Has the store keep these, and waits for it.
    pub(crate) async fn keep(&mut self, records: Vec<Record>) {
        let news = self.store.news().unwrap();
        for record in records {
            self.seq = self.seq.next();
            self.store.append(self.seq, record);
        }
        self.store.commit();
        loop {
            match self.store.poll_verdict() {
                Some(Kept::Kept(seq)) if seq == self.seq => return,
                Some(Kept::Kept(_)) => {}
                Some(Kept::Failed(seq)) => panic!("not kept from {seq:?} on"),
                None => news.notified().await,
            }
        }
    }
}

impl Running {
    /// With defaults and this engine.
    pub(crate) fn with(
        engine: impl FnMut(Command) -> Result<Answer, Refusal> + Send + 'static,
    ) -> Self {
        Self::within(Config::default(), engine)
    }

    /// With an engine that knows nothing.
    pub(crate) fn idle() -> Self {
        Self::with(|_| Err(Refusal::NotOpen))
    }

    pub(crate) fn within(
        config: Config,
        engine: impl FnMut(Command) -> Result<Answer, Refusal> + Send + 'static,
    ) -> Self {
        let bench = Bench::new(&config.limits, engine);
        let socket = bench._dir.0.join(SOCKET);
        let listen = Some("127.0.0.1:0".parse().unwrap());
        let bound = bind(Config { listen, socket: Some(socket.clone()), ..config }).unwrap();
        Self::on(bench, bound, socket)
    }

    pub(crate) fn on(bench: Bench, bound: Bound, socket: PathBuf) -> Self {
        let address = bound.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = serve(bound, Arc::clone(&bench.service), async {
            stopped.await.ok();
        });
        Self { bench, address, socket, stop: Some(stop), served: tokio::spawn(serving) }
    }

    /// Asks over TCP.
    pub(crate) async fn ask(&self, request: Asking<'_>) -> Told {
        let stream = TcpStream::connect(self.address).await.unwrap();
        ask_over(stream, request).await
    }

    /// The service as our own client meets it on its socket.
    pub(crate) fn local(&self) -> client::Service {
        client::Service::Socket(self.socket.clone())
    }

    pub(crate) async fn stop(mut self) {
        self.stop.take().unwrap().send(()).ok();
        self.served.await.unwrap();
    }
}

/// A request to be made.
#[derive(Clone, Debug)]
pub(crate) struct Asking<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) key: Option<&'a str>,
    pub(crate) headers: Vec<(&'static str, &'a str)>,
    pub(crate) body: Option<&'a str>,
}

pub(crate) const fn get(path: &str) -> Asking<'_> {
    Asking { method: Method::GET, path, key: None, headers: Vec::new(), body: None }
}

pub(crate) const fn post<'a>(path: &'a str, body: &'a str) -> Asking<'a> {
    Asking { method: Method::POST, path, key: None, headers: Vec::new(), body: Some(body) }
}

impl<'a> Asking<'a> {
    pub(crate) const fn by(mut self, key: &'a str) -> Self {
        self.key = Some(key);
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
}

impl Told {
    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.bytes).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// The code of a problem; its document is checked on the way.
    pub(crate) fn code(&self) -> String {
        let json = self.json();
        assert_eq!(self.headers["content-type"], "application/problem+json", "{json}");
        assert_eq!(json["status"], self.status.as_u16());
        assert_eq!(json["request_id"], self.headers["x-request-id"].to_str().unwrap());
        let code = json["code"].as_str().unwrap().to_owned();
        assert_eq!(json["type"], format!("urn:onering:problem:{code}"));
        code
    }
}

pub(crate) async fn ask_over(
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    asking: Asking<'_>,
) -> Told {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request =
        Request::builder().method(asking.method).uri(asking.path).header("host", "onering");
    if let Some(key) = asking.key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    if asking.body.is_some() && !asking.headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in asking.headers {
        request = request.header(name, value);
    }
    let body = Full::new(Bytes::copy_from_slice(asking.body.unwrap_or_default().as_bytes()));
    let response = sender.send_request(request.body(body).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Told { status: parts.status, headers: parts.headers, bytes }
}

pub(crate) fn session(random: u64) -> SessionId {
    SessionId { unix_ms: 1_795_406_400_000 + random, shard: 0, epoch: 1, random }
}

pub(crate) fn attempt(slot: u32) -> AttemptId {
    AttemptId { shard: 0, epoch: 1, slot, generation: 1 }
}

fn rules() -> Rules {
    let tenant = |name: &str| Tenant {
        name: name.into(),
        profile: "default".into(),
        test_numbers: vec![Span::parse("+15550000000-+15559999999").unwrap()],
    };
    let profile = Profile {
        name: "default".into(),
        code_length: 8,
        lifetime: std::time::Duration::from_secs(180),
        tries: 3,
        redials: 2,
        allow_diverted: false,
        duplicates: Duplicates::Refuse,
    };
    let pool = Pool::new("main".into(), &[Span::parse("+12029180000-+12029189999").unwrap()], &[8]);
    Rules {
        tenants: ["shop", "bank"].map(|name| (name.into(), tenant(name))).into(),
        profiles: [("default".into(), Arc::new(profile))].into(),
        trunks: vec![TrunkRules { name: "west".into(), pace: Pace::default() }],
        pools: vec![Arc::new(pool.unwrap())],
        routes: vec![Route {
            name: "all".into(),
            prefixes: Vec::new(),
            countries: Vec::new(),
            trunks: vec![0],
            pool: 0,
        }],
        countries: [Country::parse("US").unwrap()].into(),
        ..Rules::default()
    }
}

/// A verification that rings, of the first tenant; its code has eight digits.
pub(crate) fn ringing(random: u64) -> Snapshot {
    Snapshot {
        id: session(random),
        tenant: "shop".into(),
        profile: "default".into(),
        to: Destination::parse(CALLED).unwrap(),
        country: Country::parse("US"),
        status: Status::Pending,
        phase: Some(Phase::Ringing),
        reason: None,
        created_unix_us: 1_795_406_400_000_000,
        expires_unix_us: 1_795_406_580_000_000,
        ended_unix_us: None,
        code_length: 8,
        tries_left: 3,
        redials_left: 2,
        late: false,
        odds: Odds { distinct: 10_000, tries: 3 },
        client_reference: Some("order-1".into()),
        metadata: Some(r#"{"a":[1,2.5,"x"]}"#.into()),
        attempts: vec![AttemptView {
            id: attempt(1),
            number: 1,
            trunk: "west".into(),
            caller_id: CallerId::parse(CALLER).unwrap(),
            outcome: None,
        }],
    }
}

/// The same when it has ended.
pub(crate) fn ended(mut snapshot: Snapshot, status: Status, reason: Option<Reason>) -> Snapshot {
    (snapshot.status, snapshot.reason, snapshot.phase) = (status, reason, None);
    snapshot.ended_unix_us = Some(snapshot.created_unix_us + 5_000_000);
    for attempt in &mut snapshot.attempts {
        attempt.outcome = Some(Outcome::Rang);
    }
    snapshot
}

/// What the store is given of a verification: how it began, the records of its calls, and what became of it.
pub(crate) fn records(snapshot: &Snapshot) -> Vec<Record> {
    let opened = Opened {
        id: snapshot.id,
        tenant: Arc::clone(&snapshot.tenant),
        profile: Arc::clone(&snapshot.profile),
        to: snapshot.to,
        country: snapshot.country,
        created_unix_us: snapshot.created_unix_us,
        expires_unix_us: snapshot.expires_unix_us,
        code_length: snapshot.code_length,
        tries: snapshot.tries_left,
        redials: snapshot.redials_left,
        allow_diverted: false,
        distinct: snapshot.odds.distinct,
        idempotency: None,
        client_reference: snapshot.client_reference.clone(),
        metadata: snapshot.metadata.clone(),
    };
    let mut records = vec![Record::Opened(Arc::new(opened))];
    for attempt in &snapshot.attempts {
        let part = Part { session: snapshot.id, number: attempt.number };
        records.push(Record::Cdr(Arc::new(cdr(attempt, snapshot, part))));
    }
    if snapshot.status.is_final() {
        let reveal = snapshot.attempts.iter().map(|call| (call.id, call.caller_id)).collect();
        records.push(Record::Changed(Arc::new(Change {
            id: snapshot.id,
            status: snapshot.status,
            reason: snapshot.reason,
            ended_unix_us: snapshot.ended_unix_us,
            tries_left: snapshot.tries_left,
            redials_left: snapshot.redials_left,
            approved_by: None,
            late: snapshot.late,
            reveal,
        })));
    }
    records
}

pub(crate) fn cdr(attempt: &AttemptView, snapshot: &Snapshot, part: Part) -> Cdr {
    let facts = Facts { end: End::Silence, ..Facts::default() };
    Cdr {
        id: attempt.id,
        part: Some(part),
        open: !snapshot.status.is_final(),
        way: Arc::new(Way {
            trunk: Arc::clone(&attempt.trunk),
            sent_by: "127.0.0.1:5060".into(),
            domain: "127.0.0.1:5070".into(),
            from_domain: "127.0.0.1:5060".into(),
            route: None,
        }),
        target: "127.0.0.1:5070".parse().unwrap(),
        from: attempt.caller_id,
        to: snapshot.to,
        call_id: [b'c'; 32],
        from_tag: [b'f'; 24],
        cseq: 1,
        start_unix_us: snapshot.created_unix_us,
        facts,
        outcome: attempt.outcome.unwrap_or(Outcome::TrunkTimeout),
    }
}
