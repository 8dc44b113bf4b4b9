//! What is counted, for Prometheus. `docs/METRICS.md` explains each.
//!
//! No label holds a number, an id, a key, or anything else that grows: only names out of the configuration, names of our
//! own, and countries.

mod text;

use crate::base::number::Country;
use crate::driver::Inflow;
use crate::engine::Event;
use crate::verify::cdr::Cdr;
use crate::verify::command::Verdict;
use crate::verify::event::{self, What};
use crate::verify::record::Intent;
use crate::verify::snapshot::Snapshot;
use crate::verify::status::{Reason, Status};
use axum::http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// All metrics.
pub struct Metrics {
    registry: Registry,
    http: Http,
    verifications: Verifications,
    calls: Calls,
    config: Configuration,
    store_errors: Counter,
    amendments: Counter,
    sinks: Sinks,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

struct Http {
    requests: Family<Asked, Counter>,
    seconds: Histograms<Asked>,
}

struct Verifications {
    created: Family<Created, Counter>,
    finished: Family<Finished, Counter>,
    active: Family<App, Gauge>,
    seconds: Histograms<Came>,
    checks: Family<Judged, Counter>,
    alarms: Counter,
    /// Life of the shard whose verifications are counted as active.
    epoch: AtomicU32,
}

struct Calls {
    started: Family<OfTrunk, Counter>,
    finished: Family<Call, Counter>,
    active: Family<OfTrunk, Gauge>,
    pdd: Histograms<OfTrunk>,
    ring_to_cancel: Histograms<OfTrunk>,
    answered: Family<OfTrunk, Counter>,
    datagrams: Counter,
    dropped: Family<Why, Counter>,
    /// Life of the shard whose calls are counted as active: what an earlier one left open was not counted.
    epoch: AtomicU32,
}

struct Configuration {
    info: Family<Hash, Gauge>,
    reloads: Family<Judged, Counter>,
    reloaded_at: Gauge,
}

struct Sinks {
    records: Family<Sink, Gauge>,
    seconds: Family<Sink, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    route: &'static str,
    method: &'static str,
    code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct App {
    app: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Created {
    app: Arc<str>,
    country: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Finished {
    app: Arc<str>,
    country: String,
    channel: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Came {
    channel: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Judged {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfTrunk {
    trunk: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    trunk: Arc<str>,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Why {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Hash {
    hash: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Sink {
    sink: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

const FLASH: &str = "flash";
const MICROS: f64 = 1e-6;

fn requests_buckets() -> Histogram {
    Histogram::new([
        0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    ])
}

fn verification_buckets() -> Histogram {
    Histogram::new([
        1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0,
    ])
}

fn pdd_buckets() -> Histogram {
    Histogram::new([0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0])
}

fn ring_buckets() -> Histogram {
    Histogram::new([
        0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
        0.5, 0.6, 0.61, 0.65, 0.75, 1.0, 2.5, 5.0,
    ])
}

/// Registers metrics under their names; the suffix `_total` of counters comes by itself.
struct Names(Registry);

impl Names {
    fn add<M: Metric + Clone + Default>(&mut self, name: &str, help: &str) -> M {
        self.these(name, help, M::default())
    }

    fn histogram<L>(&mut self, name: &str, help: &str, make: fn() -> Histogram) -> Histograms<L>
    where
        Histograms<L>: Metric,
        L: Clone + std::hash::Hash + Eq,
    {
        self.these(name, help, Family::new_with_constructor(make))
    }

    fn these<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        self.0.register(name, help, metric.clone());
        metric
    }
}

impl Http {
    fn add(names: &mut Names) -> Self {
        Self {
            requests: names.add("http_requests", "Requests answered"),
            seconds: names.histogram(
                "http_request_duration_seconds",
                "From the head of a request to the head of its answer",
                requests_buckets,
            ),
        }
    }
}

impl Verifications {
    fn add(names: &mut Names) -> Self {
        Self {
            created: names.add("verifications_created", "Verifications begun"),
            finished: names.add("verifications_finished", "Verifications ended"),
            active: names.add("verifications_active", "Verifications begun in this life and open"),
            seconds: names.histogram(
                "verification_duration_seconds",
                "From the beginning of a verification to its end",
                verification_buckets,
            ),
            checks: names.add("checks", "Codes judged"),
            alarms: names.add("alarms", "Right codes of calls that cannot have rung"),
            epoch: AtomicU32::new(0),
        }
    }
}

impl Calls {
    fn add(names: &mut Names) -> Self {
        Self {
            started: names.add("calls_started", "Calls begun"),
            finished: names.add("calls_finished", "Calls whose record is stored"),
            active: names.add("calls_active", "Calls begun in this life and not recorded yet"),
            pdd: names.histogram(
                "call_pdd_seconds",
                "From the INVITE to the first sign of an alert",
                pdd_buckets,
            ),
            ring_to_cancel: names.histogram(
                "ring_to_cancel_seconds",
                "From the alert to our CANCEL, the configured hold included",
                ring_buckets,
            ),
            answered: names
                .add("answered_leaks", "Calls that somebody answered, and that may cost money"),
            datagrams: names.add("sip_datagrams", "SIP datagrams from trunks"),
            dropped: names.add("sip_messages_dropped", "SIP datagrams dropped unseen"),
            epoch: AtomicU32::new(0),
        }
    }
}

impl Configuration {
    fn add(names: &mut Names) -> Self {
        Self {
            info: names.add("config_info", "The configuration in force"),
            reloads: names.add("config_reloads", "Configurations read again"),
            reloaded_at: names.add(
                "config_last_reload_success_timestamp_seconds",
                "When the configuration was read last",
            ),
        }
    }
}

impl Sinks {
    fn add(names: &mut Names) -> Self {
        Self {
            records: names
                .add("cdr_sink_lag_records", "Records that are not in the record file yet"),
            seconds: names
                .add("cdr_sink_lag_seconds", "Since the call of the oldest of them began"),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut names = Names(Registry::with_prefix("onering"));
        let build: Family<Build, Gauge> = names.add("build_info", "The program that runs");
        build.get_or_create(&Build { version: env!("CARGO_PKG_VERSION") }).set(1);
        Self {
            http: Http::add(&mut names),
            verifications: Verifications::add(&mut names),
            calls: Calls::add(&mut names),
            config: Configuration::add(&mut names),
            store_errors: names.add("store_errors", "Times that the store refused records"),
            amendments: names.add("cdr_amendments", "Responses that came after their record"),
            sinks: Sinks::add(&mut names),
            registry: names.0,
        }
    }
}

impl Metrics {
    /// Something happened.
    pub fn observe(&self, event: &Event) {
        match event {
            Event::Recorded(cdr) => self.recorded(cdr),
            Event::Amended(_) => {
                self.amendments.inc();
            }
            Event::Verify(event) => self.verification(event),
            Event::StoreFailed => {
                self.store_errors.inc();
            }
        }
    }

    /// A call begins.
    pub fn begun(&self, intent: &Intent) {
        self.calls.epoch.store(intent.id.epoch, Ordering::Relaxed);
        let trunk = OfTrunk { trunk: Arc::clone(&intent.way.trunk) };
        self.calls.started.get_or_create(&trunk).inc();
        self.calls.active.get_or_create(&trunk).inc();
    }

    /// What has come in over SIP so far, all told.
    pub fn inflow(&self, inflow: Inflow) {
        self.calls.datagrams.inner().store(inflow.datagrams, Ordering::Relaxed);
        let dropped = [("stranger", inflow.strangers), ("overflow", inflow.overflowed)];
        for (reason, count) in dropped {
            // A label that was never needed is not there.
            if count > 0 {
                let counter = self.calls.dropped.get_or_create(&Why { reason });
                counter.inner().store(count, Ordering::Relaxed);
            }
        }
    }

    /// A configuration was read again, or could not be.
    pub fn reloaded(&self, result: Result<&str, ()>, unix_us: u64) {
        let name = if result.is_ok() { "success" } else { "failure" };
        self.config.reloads.get_or_create(&Judged { result: name }).inc();
        if let Ok(hash) = result {
            self.configured(hash, unix_us);
        }
    }

    /// The configuration in force, by its hash, and since when.
    pub fn configured(&self, hash: &str, unix_us: u64) {
        self.config.info.clear();
        self.config.info.get_or_create(&Hash { hash: hash.to_owned() }).set(1);
        self.config.reloaded_at.set(i64::try_from(unix_us / 1_000_000).unwrap_or(i64::MAX));
    }

    /// Calls on this trunk that were begun in this life and are not recorded yet.
    pub(super) fn calls_active(&self, trunk: &Arc<str>) -> i64 {
        let trunk = OfTrunk { trunk: Arc::clone(trunk) };
        self.calls.active.get(&trunk).map_or(0, |active| active.get())
    }

    /// How far a record file is behind.
    pub fn sink_lag(&self, sink: &str, records: u64, oldest: Duration) {
        let sink = Sink { sink: sink.to_owned() };
        let records = i64::try_from(records).unwrap_or(i64::MAX);
        self.sinks.records.get_or_create(&sink).set(records);
        let seconds = i64::try_from(oldest.as_secs()).unwrap_or(i64::MAX);
        self.sinks.seconds.get_or_create(&sink).set(seconds);
    }

    /// A request was answered.
    pub(super) fn answered(
        &self,
        route: &'static str,
        method: &Method,
        code: u16,
        after: Duration,
    ) {
        let asked = Asked { route, method: method_name(method), code };
        self.http.requests.get_or_create(&asked).inc();
        self.http.seconds.get_or_create(&asked).observe(after.as_secs_f64());
    }

    /// As OpenMetrics text, or as the older text that every Prometheus reads.
    pub(super) fn text(&self, open: bool) -> String {
        let mut out = String::with_capacity(16 * 1024);
        // Writing to a string does not fail.
        prometheus_client::encoding::text::encode(&mut out, &self.registry).ok();
        if open { out } else { text::classic(&out) }
    }

    fn recorded(&self, cdr: &Cdr) {
        let trunk = OfTrunk { trunk: Arc::clone(&cdr.way.trunk) };
        let call = Call { trunk: Arc::clone(&trunk.trunk), outcome: cdr.outcome.name() };
        self.calls.finished.get_or_create(&call).inc();
        if cdr.id.epoch == self.calls.epoch.load(Ordering::Relaxed) {
            self.calls.active.get_or_create(&trunk).dec();
        }
        if let Some(us) = cdr.pdd_us() {
            self.calls.pdd.get_or_create(&trunk).observe(f64::from(us) * MICROS);
        }
        if let Some(us) = cdr.hold_us() {
            self.calls.ring_to_cancel.get_or_create(&trunk).observe(f64::from(us) * MICROS);
        }
        if cdr.answered() {
            self.calls.answered.get_or_create(&trunk).inc();
        }
    }

    fn verification(&self, event: &event::Event) {
        match &event.what {
            What::Started(snapshot) => {
                self.verifications.epoch.store(snapshot.id.epoch, Ordering::Relaxed);
                let app = Arc::clone(&snapshot.tenant);
                let country = country(snapshot.country);
                self.verifications.active.get_or_create(&App { app: Arc::clone(&app) }).inc();
                self.verifications.created.get_or_create(&Created { app, country }).inc();
            }
            What::CheckFailed { verdict, .. } => self.checked(*verdict),
            What::Alarm { .. } => {
                self.verifications.alarms.inc();
            }
            What::Ended(snapshot) => self.ended(snapshot, event.at_unix_us),
            What::Phase { .. } | What::CallEnded { .. } => {}
        }
    }

    fn checked(&self, verdict: Verdict) {
        self.verifications.checks.get_or_create(&Judged { result: verdict.name() }).inc();
    }

    fn ended(&self, snapshot: &Snapshot, at_unix_us: u64) {
        let app = Arc::clone(&snapshot.tenant);
        if snapshot.id.epoch == self.verifications.epoch.load(Ordering::Relaxed) {
            self.verifications.active.get_or_create(&App { app: Arc::clone(&app) }).dec();
        }
        // The check that ends a verification is told by its end alone.
        match (snapshot.status, snapshot.reason) {
            (Status::Approved, _) => self.checked(Verdict::Approved { late: snapshot.late }),
            (Status::Failed, Some(Reason::AttemptsExhausted)) => self.checked(Verdict::Invalid),
            (Status::Pending | Status::Failed | Status::Expired | Status::Canceled, _) => {}
        }
        let (country, status) = (country(snapshot.country), snapshot.status.name());
        let finished = Finished { app, country, channel: FLASH, status };
        self.verifications.finished.get_or_create(&finished).inc();
        let ended = snapshot.ended_unix_us.unwrap_or(at_unix_us);
        let micros = ended.saturating_sub(snapshot.created_unix_us);
        let came = Came { channel: FLASH, status };
        let seconds = Duration::from_micros(micros).as_secs_f64();
        self.verifications.seconds.get_or_create(&came).observe(seconds);
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("metrics")
    }
}

fn country(country: Option<Country>) -> String {
    country.map_or_else(|| "other".to_owned(), |country| country.to_string())
}

/// Methods that somebody made up are one.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests;
