//! The service as a whole: what is built, started and stopped, in which order.
//!
//! It decides nothing; it is the only place that knows all parts. Everything that can be in the way is found out before
//! anything begins: the data directory, the sockets, the certificate. Then the engine starts on a thread of its own, takes
//! up what the last life left, and only then the API answers.

mod engine;
mod lag;
mod trunks;

use crate::api::metrics::Metrics;
use crate::api::{self, Bound, Certificates, Ears, Health, Hub, Keys, Parts, Service};
use crate::config::{ApiLimits, CdrFileConfig, CdrFormat, CdrNumbers, CdrProfile, Config};
use crate::driver::{Handle, Watch};
use crate::io::deliver::{Delivery, FileSink, Format, FromStore, Rotate};
use crate::io::net::clock::Clock;
use crate::io::net::media::MediaPort;
use crate::io::net::udp::{BUFFER, UdpSocket};
use crate::io::store::sqlite::{
    Admin, DataDir, OpenError, Options, Reader, Retention, Sqlite, restore,
};
use crate::verify::cdr::Show;
use crate::verify::cdr::csv::Profile;
use crate::verify::rules::Rules;
use engine::EngineThread;
use lag::{Lag, Looking};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use trunks::Trunks;

/// How long calls may take to end when the service stops: 64*T1, after which nothing more comes of a CANCEL, and a little.
const DRAIN_MAX: Duration = Duration::from_secs(35);

/// Makes the watch of the engine's datagrams, on the engine's thread.
pub type WatchMaker = Box<dyn FnOnce() -> Box<dyn Watch> + Send>;

/// A service that runs.
pub struct App {
    /// What is in force.
    config: Config,
    handle: Handle,
    rules: watch::Sender<Arc<Rules>>,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    trunks: Trunks,
    engine: EngineThread,
    api: Api,
    deliveries: Vec<Delivery>,
    lag: Lag,
    /// What the offers name; never read, and open as long as the calls.
    _media: MediaPort,
}

/// Why a service cannot start.
#[derive(Debug)]
pub enum StartError {
    /// The data directory.
    Store(OpenError),
    /// The SIP socket.
    Sip(crate::io::net::udp::BindError),
    /// The media port.
    Media(std::net::IpAddr, io::Error),
    /// The API's sockets.
    Api(api::BindError),
    /// The keys, or the verifications that were open, cannot be read.
    Read(String),
    /// The system has no thread or no descriptor left.
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => write!(f, "{error}"),
            Self::Sip(error) => write!(f, "{error}"),
            Self::Media(address, error) => {
                write!(f, "cannot bind a media port on {address}: {error}")
            }
            Self::Api(error) => write!(f, "{error}"),
            Self::Read(error) => write!(f, "cannot read what is stored: {error}"),
            Self::Thread(error) => write!(f, "cannot start a thread: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// What a new configuration came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Settings that differ and count only after a restart.
    pub needs_restart: Vec<&'static str>,
}

impl App {
    /// Builds and starts everything. To be called where tokio runs.
    ///
    /// # Errors
    /// What is in the way; then nothing was begun.
    pub async fn start(
        config: Config,
        clock: Clock,
        watch: Option<WatchMaker>,
    ) -> Result<Self, StartError> {
        let dir =
            DataDir::open(&config.store.dir, clock.now().unix_us).map_err(StartError::Store)?;
        let bound = api::bind(api_config(&config)).map_err(StartError::Api)?;
        let socket = UdpSocket::bind(config.sip.listen, BUFFER).map_err(StartError::Sip)?;
        let local = socket.local_addr();
        let media =
            MediaPort::bind(local.ip()).map_err(|error| StartError::Media(local.ip(), error))?;
        let left = restore(&dir).map_err(StartError::Store)?;
        let reader = Reader::open(&dir).map_err(StartError::Store)?;
        let keys = reader.keys().map_err(|error| StartError::Read(error.to_string()))?;
        let store =
            Sqlite::start(dir.clone(), options(&config, clock)).map_err(StartError::Store)?;
        let (admin, rows) = (store.admin(), store.rows());
        let mut trunks = Trunks::new(local, media.local_addr().port());
        let resolved = trunks.resolve(&config).await;
        let (rules, rules_seen) = watch::channel(Arc::new(config.rules.clone()));
        let ears = Ears {
            hub: Arc::new(Hub::default()),
            metrics: Arc::new(Metrics::default()),
            health: Arc::new(Health::of(store.counters())),
            clock,
        };
        ears.health.looked_up(trunks.ways(&resolved));
        let started = engine::Parts {
            store,
            socket,
            clock,
            ears: ears.clone(),
            left,
            trunks: resolved,
            rules: Arc::clone(&rules.borrow()),
            keys: (dir.epoch(), dir.branch_key(), dir.claim_key()),
            calls_max: config.limits.calls,
            watch,
        };
        let (engine, handle) = EngineThread::start(started).map_err(StartError::Thread)?;
        let Ears { hub, metrics, health, .. } = ears;
        metrics.configured(&config.fingerprint, clock.now().unix_us);
        let follow = Follow { reader: reader.clone(), admin: admin.clone(), rows, clock };
        let deliveries = follow.deliveries(&config).map_err(StartError::Thread)?;
        let lag = Lag::start(follow.looking(Arc::clone(&metrics)), &deliveries);
        let parts = Parts {
            handle: handle.clone(),
            reader,
            admin,
            keys: Keys::new(keys),
            hub,
            metrics: Arc::clone(&metrics),
            health: Arc::clone(&health),
            rules: rules_seen,
            clock,
        };
        let (api, _media) = (Api::start(bound, parts), media);
        Ok(Self {
            config,
            handle,
            rules,
            health,
            metrics,
            trunks,
            engine,
            api,
            deliveries,
            lag,
            _media,
        })
    }

    /// Where the API listens, if it does on TCP.
    #[must_use]
    pub const fn api_addr(&self) -> Option<SocketAddr> {
        self.api.address
    }

    /// Where SIP is spoken from.
    #[must_use]
    pub const fn sip_addr(&self) -> SocketAddr {
        self.trunks.local()
    }

    /// What is in force.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Puts another configuration in force, as far as that goes without a restart. Calls and verifications that are open
    /// keep what they began with. Nothing comes of it where the engine has ended.
    pub async fn reload(&mut self, config: Config, clock: Clock) -> Option<Reloaded> {
        let needs_restart = self.config.needs_restart(&config);
        let trunks = self.trunks.resolve(&config).await;
        let ways = self.trunks.ways(&trunks);
        let rules = Arc::new(config.rules.clone());
        if self.handle.configure(trunks, Arc::clone(&rules)).await.is_err() {
            self.refused(clock);
            return None;
        }
        self.rules.send_replace(rules);
        self.health.looked_up(ways);
        // What needs a restart stays as it is in force, so that it is named again the next time.
        let mut config = config;
        config.sip.listen = self.config.sip.listen;
        config.api = self.config.api.clone();
        config.store = self.config.store.clone();
        config.cdr_files.clone_from(&self.config.cdr_files);
        config.log = self.config.log.clone();
        config.limits.calls = self.config.limits.calls;
        self.config = config;
        self.metrics.reloaded(Ok(&self.config.fingerprint), clock.now().unix_us);
        Some(Reloaded { needs_restart })
    }

    /// A configuration was refused.
    pub fn refused(&self, clock: Clock) {
        self.metrics.reloaded(Err(()), clock.now().unix_us);
    }

    /// Begins new record files and reads the certificate again, as SIGHUP asks for.
    pub fn reopen(&self) {
        for delivery in &self.deliveries {
            delivery.reopen();
        }
        if let Some(certificates) = &self.api.certificates
            && let Err(error) = certificates.reload()
        {
            tracing::error!(%error, "the certificate cannot be used; the old one stays");
        }
    }

    /// Looks up again what could not be looked up; to be called now and then.
    pub async fn look_again(&mut self) {
        if let Some(trunks) = self.trunks.look_again(&self.config).await {
            let rules = Arc::clone(&self.rules.borrow());
            self.health.looked_up(self.trunks.ways(&trunks));
            self.handle.configure(trunks, rules).await.ok();
        }
    }

    /// Ends: no new work, calls end and are recorded, what is written is on disk. `hurry` ends the waiting for calls.
    ///
    /// # Errors
    /// What could not be ended in order. Then the next life takes it up.
    pub async fn stop(self, hurry: impl Future<Output = ()>) -> Result<(), String> {
        self.health.drain();
        let drained = tokio::select! {
            drained = tokio::time::timeout(DRAIN_MAX, self.handle.drain()) => drained.is_ok(),
            () = hurry => false,
        };
        // Whoever is being answered is answered.
        self.api.stop().await;
        self.lag.stop().await;
        drop(self.handle);
        let engine = self.engine;
        let ended = tokio::task::spawn_blocking(move || engine.join());
        let store = match ended.await {
            Ok(ended) => ended?,
            Err(_) => return Err("the engine's thread ended in a panic".to_owned()),
        };
        let deliveries = self.deliveries;
        let closed = tokio::task::spawn_blocking(move || {
            // What is stored is written to the files first: the store remembers how far they have come.
            drop(deliveries);
            store.close().map_err(|error| error.to_string())
        });
        closed.await.map_err(|_| "closing the store ended in a panic".to_owned())??;
        if drained {
            Ok(())
        } else {
            Err("some calls had not ended; the next start records them as interrupted".to_owned())
        }
    }
}

/// The API, answering.
struct Api {
    task: JoinHandle<()>,
    stop: oneshot::Sender<()>,
    address: Option<SocketAddr>,
    certificates: Option<Certificates>,
}

impl Api {
    fn start(bound: Bound, parts: Parts) -> Self {
        let service = Arc::new(Service::new(parts, bound.limits()));
        let (address, certificates) = (bound.local_addr(), bound.certificates());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(api::serve(bound, service, async {
            // Stopped, or nobody is left to stop it.
            stopped.await.ok();
        }));
        Self { task, stop, address, certificates }
    }

    /// Whoever is being answered is answered first.
    async fn stop(self) {
        // Fails only where it has ended already; either way it is waited for.
        self.stop.send(()).ok();
        self.task.await.ok();
    }
}

/// What record files follow.
struct Follow {
    reader: Reader,
    admin: Admin,
    rows: watch::Receiver<u64>,
    clock: Clock,
}

impl Follow {
    fn deliveries(&self, config: &Config) -> io::Result<Vec<Delivery>> {
        let start = |file: &CdrFileConfig| {
            let source = FromStore { reader: self.reader.clone(), admin: self.admin.clone() };
            Delivery::start(sink(file), source, self.rows.clone(), self.clock)
        };
        config.cdr_files.iter().map(start).collect()
    }

    fn looking(self, metrics: Arc<Metrics>) -> Looking {
        Looking { reader: self.reader, rows: self.rows, metrics, clock: self.clock }
    }
}

fn api_config(config: &Config) -> api::Config {
    let own = &config.api;
    let tls = own
        .tls
        .as_ref()
        .map(|tls| api::TlsFiles { certificates: tls.cert.clone(), key: tls.key.clone() });
    let ApiLimits {
        connections_max,
        connections_per_source_max,
        requests_max,
        streams_max,
        body_max,
        head_within,
        body_within,
        idle_max,
    } = own.limits;
    let limits = api::Limits {
        connections_max,
        connections_per_source_max,
        requests_max,
        streams_max,
        body_bytes_max: usize::try_from(body_max).unwrap_or(usize::MAX),
        head_within,
        body_within,
        idle_max,
        ..api::Limits::default()
    };
    api::Config { listen: Some(own.listen), tls, socket: Some(own.socket.clone()), limits }
}

fn options(config: &Config, clock: Clock) -> Options {
    let retention = Retention {
        cdr: config.store.retain_cdrs,
        session: config.store.retain_verifications,
        ..Retention::default()
    };
    Options { retention, ..Options::new(Arc::new(move || clock.now().unix_us)) }
}

fn sink(file: &CdrFileConfig) -> FileSink {
    let profile = match file.profile {
        CdrProfile::Default => Profile::Default,
        CdrProfile::Asterisk => Profile::Asterisk,
        CdrProfile::Freeswitch => Profile::Freeswitch,
        CdrProfile::Cgrates => Profile::Cgrates,
    };
    FileSink {
        name: file.path.display().to_string(),
        path: file.path.clone(),
        format: match file.format {
            CdrFormat::Jsonl => Format::JsonLines,
            CdrFormat::Csv => Format::Csv(profile),
        },
        numbers: match file.numbers {
            CdrNumbers::Masked => Show::Masked,
            CdrNumbers::Plain => Show::Plain,
        },
        rotate: Rotate { size: Some(file.rotate_size), every: file.rotate_every },
    }
}
