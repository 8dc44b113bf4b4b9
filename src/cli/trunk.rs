//! A trunk from the command line, for commands that need no configuration file.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Failure;
use crate::base::flow::FlowId;
use crate::base::rng::Rng;
use crate::config::resolve::{Unresolved, addresses, source_towards};
use crate::config::value::HostPort;
use crate::driver::{Driver, Watch};
use crate::engine::Engine;
use crate::io::net::clock::Clock;
use crate::io::net::media::MediaPort;
use crate::io::net::udp::{BUFFER, UdpSocket};
use crate::io::store::memory::Memory;
use crate::sip::txn::Timers;
use crate::sip::txn::branch::BranchKey;
use crate::sip::ua::{Config, Rel100, Trunk};
use crate::verify::matcher::ClaimKey;

/// How SIP travels.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum Transport {
    /// UDP.
    #[default]
    Udp,
}

/// Where calls go, and from where.
#[derive(Args, Debug)]
pub(super) struct TrunkArgs {
    /// The carrier's address; given again, or a name with several addresses: where to turn to when the first cannot
    /// be reached or says 503
    #[arg(long = "target", value_name = "HOST:PORT", required = true)]
    pub(super) targets: Vec<HostPort>,
    #[command(flatten)]
    pub(super) ours: OursArgs,
}

/// From where calls go.
#[derive(Args, Clone, Debug)]
pub(super) struct OursArgs {
    /// Our own address; by default the one that reaches the target, and any free port
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) local: Option<HostPort>,
    /// How SIP travels
    #[arg(long, value_enum, default_value_t)]
    pub(super) transport: Transport,
}

/// Everything that must live as long as the calls.
pub(super) struct Wired {
    pub(super) driver: Driver<Memory>,
    pub(super) media: MediaPort,
}

/// The sockets of a trunk, bound, and the trunk over them with nothing but defaults.
pub(super) struct Bound {
    pub(super) socket: Arc<UdpSocket>,
    pub(super) media: MediaPort,
    pub(super) trunk: Trunk,
}

impl TrunkArgs {
    /// Resolves, binds, and makes a plain trunk. `hop` is where datagrams go, if that is not the target.
    pub(super) fn bind(&self, hop: Option<&HostPort>) -> Result<Bound, Failure> {
        let OursArgs { local, transport: Transport::Udp } = &self.ours;
        let names = hop.map_or(self.targets.as_slice(), std::slice::from_ref);
        let targets = targets(names)?;
        let Some(&target) = targets.first() else {
            return Err(Failure::Usage("--target is missing".to_owned()));
        };
        let local = match local {
            Some(local) => resolve("--local", local)?,
            None => SocketAddr::new(source_towards(target).map_err(no_way)?, 0),
        };
        if local.is_ipv4() != target.is_ipv4() {
            return Err(Failure::Usage(format!(
                "--local {local} and the target {target} are of two address families"
            )));
        }
        let socket = UdpSocket::bind(local, BUFFER).map_err(|e| Failure::Failed(e.to_string()))?;
        // A wildcard address cannot stand in a Via; what reaches the target can.
        let mut ours = socket.local_addr();
        if ours.ip().is_unspecified() {
            ours.set_ip(source_towards(target).map_err(no_way)?);
        }
        let media = MediaPort::bind(ours.ip()).map_err(|e| {
            Failure::Failed(format!("cannot bind a media port on {}: {e}", ours.ip()))
        })?;
        let trunk = Trunk {
            name: "target".into(),
            flow: FlowId(0),
            targets,
            peers: Vec::new(),
            domain: self.targets.first().map(ToString::to_string).unwrap_or_default(),
            from_domain: ours.to_string(),
            advertised: ours.to_string().into(),
            media: media.local_addr(),
            route: None,
            asserted_identity: false,
            rel100: Rel100::Off,
            headers: Vec::new(),
            credentials: None,
            timers: Timers::default(),
        };
        Ok(Bound { socket, media, trunk })
    }
}

impl Bound {
    /// An engine over it, with its records in memory, and room for so many calls.
    pub(super) fn wire(
        self,
        calls_max: usize,
        watch: Option<Box<dyn Watch>>,
        clock: Clock,
    ) -> Result<Wired, Failure> {
        let Self { socket, media, trunk } = self;
        let mut rng = Rng::from_os();
        let mut key = [0; 16];
        rng.fill(&mut key);
        let epoch = clock.now().unix_us / 1_000_000;
        let config =
            Config { shard: 0, epoch: epoch as u32, branch_key: BranchKey::new(key), calls_max };
        // No verification is made here, so nothing is claimed.
        let engine = Engine::new(config, ClaimKey([0; 32]), rng);
        let mut driver = Driver::new(engine, Memory::new(), clock, &socket, watch);
        driver.configure(vec![trunk], Arc::default());
        Ok(Wired { driver, media })
    }
}

/// All addresses of all targets, of the first one's family.
fn targets(names: &[HostPort]) -> Result<Vec<SocketAddr>, Failure> {
    if names.iter().any(|name| name.port == 0) {
        return Err(Failure::Usage("--target: port 0 cannot be called".to_owned()));
    }
    addresses(names, None).map_err(|error| match error {
        Unresolved::Lookup(_) => Failure::Failed(format!("--target: {error}")),
        Unresolved::Nowhere(_) => Failure::Usage(format!("--target: {error}")),
        Unresolved::OtherFamily(_) => Failure::Usage(format!("--target {error}")),
        Unresolved::NoWay(..) => no_way(error),
    })
}

/// There is no way to a target.
fn no_way(error: Unresolved) -> Failure {
    Failure::Failed(error.to_string())
}

/// The address behind an argument.
pub(super) fn resolve(argument: &str, name: &HostPort) -> Result<SocketAddr, Failure> {
    name.resolve().map_err(|error| Failure::Failed(format!("{argument}: {error}")))
}

/// A runtime for one thread, which is all that an engine needs.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Failed(format!("cannot start the event loop: {error}")))
}

/// The wish to end: SIGINT (Ctrl-C), SIGTERM, or SIGHUP when the terminal is gone. Listened for from the moment it is made.
pub(super) struct EndWish {
    interrupt: Signal,
    terminate: Signal,
    /// None where that signal means something else.
    hang_up: Option<Signal>,
}

impl EndWish {
    /// To be called within the event loop.
    pub(super) fn listen() -> Result<Self, Failure> {
        let deaf = |error| Failure::Failed(format!("cannot listen for signals: {error}"));
        let interrupt = signal(SignalKind::interrupt()).map_err(deaf)?;
        let terminate = signal(SignalKind::terminate()).map_err(deaf)?;
        let hang_up = Some(signal(SignalKind::hangup()).map_err(deaf)?);
        Ok(Self { interrupt, terminate, hang_up })
    }

    /// The same for a service, to which SIGHUP says to read its configuration again.
    pub(super) fn listen_but_hang_up() -> Result<Self, Failure> {
        Ok(Self { hang_up: None, ..Self::listen()? })
    }

    /// Waits for it; again for the next one.
    pub(super) async fn heard(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = hung_up(self.hang_up.as_mut()) => {}
        }
    }
}

async fn hung_up(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}
