//! The sockets of the API: TCP, with TLS if configured, and a Unix socket for whoever sits at the machine.
//!
//! [`bind`] takes them, [`serve`] answers on them. A connection costs its reader a little memory and no thread; how many
//! there may be, and how long each may take for what, is in [`Limits`].

mod connection;
mod pace;
mod places;
mod tls;
mod unix;

pub use tls::{Certificates, TlsError, TlsFiles};

use super::Service;
use super::auth::Origin;
use super::problem::{Code, Problem};
use super::router::router;
use axum::Router;
use connection::Connection;
use places::{Place, Places};
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use unix::Socket;

/// Name of the Unix socket in the data directory, where the other commands look for it.
pub const SOCKET: &str = "onering.sock";

/// Where the API listens.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address of the TCP socket; none without one. Default `127.0.0.1:8080`: whoever wants the world to come says so.
    pub listen: Option<SocketAddr>,
    /// Certificate and key; without them TCP is plain.
    pub tls: Option<TlsFiles>,
    /// Path of the Unix socket; none without one.
    pub socket: Option<PathBuf>,
    /// How much may be asked of us.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))),
            tls: None,
            socket: None,
            limits: Limits::default(),
        }
    }
}

/// How much clients may make us hold, and for how long.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections over TCP; further ones get 503 and are closed. Default 1,024.
    pub connections_max: usize,
    /// Of them from one address. Default a quarter, 256.
    pub connections_per_source_max: usize,
    /// Connections over the Unix socket. Default 64.
    pub local_connections_max: usize,
    /// Requests under way. Default 1,024.
    pub requests_max: usize,
    /// Streams of events and exports. Default 256.
    pub streams_max: usize,
    /// Bytes of a body. Default 64 KiB.
    pub body_bytes_max: usize,
    /// For the head of a request, and for the beginning of TLS. Default 5 s.
    pub head_within: Duration,
    /// For a body, from its head. Default 10 s.
    pub body_within: Duration,
    /// Between two requests of a connection. Default 60 s.
    pub idle_max: Duration,
    /// For a reader who takes nothing of an answer. Default 30 s.
    pub stalled_max: Duration,
    /// For what is under way when the service stops. Default 10 s.
    pub stop_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            connections_per_source_max: 256,
            local_connections_max: 64,
            requests_max: 1024,
            streams_max: 256,
            body_bytes_max: 64 * 1024,
            head_within: Duration::from_secs(5),
            body_within: Duration::from_secs(10),
            idle_max: Duration::from_secs(60),
            stalled_max: Duration::from_secs(30),
            stop_within: Duration::from_secs(10),
        }
    }
}

/// Why the API cannot listen.
#[derive(Debug)]
pub enum BindError {
    /// Another process has the port, or the address is none of ours.
    Tcp(SocketAddr, io::Error),
    /// Certificate or key cannot be used.
    Tls(TlsError),
    /// There is no making this socket.
    Socket(PathBuf, io::Error),
    /// Another process answers on this socket.
    SocketInUse(PathBuf),
    /// Something that is no socket has its name.
    NoSocket(PathBuf),
    /// Neither address nor path.
    Nowhere,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address, error) if error.kind() == io::ErrorKind::AddrInUse => {
                write!(f, "cannot listen on {address}: another process has this port")
            }
            Self::Tcp(address, error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                write!(f, "cannot listen on {address}: this machine has no such address")
            }
            Self::Tcp(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Tls(error) => write!(f, "{error}"),
            Self::Socket(path, error) => write!(f, "cannot listen on {}: {error}", path.display()),
            Self::SocketInUse(path) => {
                write!(f, "cannot listen on {}: another process does", path.display())
            }
            Self::NoSocket(path) => {
                write!(
                    f,
                    "cannot listen on {}: something that is no socket is there",
                    path.display()
                )
            }
            Self::Nowhere => {
                f.write_str("the API has neither an address nor a socket to listen on")
            }
        }
    }
}

impl std::error::Error for BindError {}

/// Sockets that are ours, and on which nothing is answered yet.
#[derive(Debug)]
pub struct Bound {
    tcp: Option<TcpListener>,
    certificates: Option<Certificates>,
    unix: Option<Socket>,
    limits: Limits,
}

impl Bound {
    /// Where TCP is listened to; the port that the system chose, if it was to choose.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.tcp.as_ref().and_then(|tcp| tcp.local_addr().ok())
    }

    /// How much may be asked.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// For reading the certificate again while the service runs.
    #[must_use]
    pub fn certificates(&self) -> Option<Certificates> {
        self.certificates.clone()
    }
}

/// Connections that may wait for us to take them.
const BACKLOG: i32 = 1024;

/// Takes the sockets. To be called where tokio runs.
///
/// # Errors
/// What cannot be had, and why. Then nothing is taken.
pub fn bind(config: Config) -> Result<Bound, BindError> {
    if config.listen.is_none() && config.socket.is_none() {
        return Err(BindError::Nowhere);
    }
    let certificates = config.tls.map(Certificates::load).transpose().map_err(BindError::Tls)?;
    let tcp = config
        .listen
        .map(|address| listen(address).map_err(|error| BindError::Tcp(address, error)));
    let tcp = tcp.transpose()?;
    let unix = config.socket.map(Socket::bind).transpose()?;
    Ok(Bound { tcp, certificates, unix, limits: config.limits })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let kind = socket2::Type::STREAM;
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), kind, None)?;
    // A port whose last connections are still closing is free all the same; one that somebody listens on is not.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// What the connections share.
struct Shared {
    router: Router,
    service: Arc<Service>,
    limits: Limits,
    certificates: Option<Certificates>,
    stopping: watch::Receiver<bool>,
}

/// Answers until `stop` is there; then takes no more connections, ends streams, and waits for what is under way.
pub async fn serve(bound: Bound, service: Arc<Service>, stop: impl Future<Output = ()>) {
    let Bound { tcp, certificates, unix, limits } = bound;
    let (tell, stopping) = watch::channel(false);
    let hub = Arc::clone(&service.hub);
    let stop_within = limits.stop_within;
    let mut server = Server {
        network: Places::new(limits.connections_max, limits.connections_per_source_max),
        local: Places::new(limits.local_connections_max, limits.local_connections_max),
        shared: Arc::new(Shared {
            router: router(Arc::clone(&service)),
            service,
            limits,
            certificates,
            stopping,
        }),
        tasks: JoinSet::new(),
    };
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = accept(tcp.as_ref()) => match accepted {
                Ok((stream, from)) => server.network(stream, from),
                Err(error) => pause(&error).await,
            },
            accepted = accept_local(unix.as_ref()) => match accepted {
                Ok(stream) => server.local(stream),
                Err(error) => pause(&error).await,
            },
            Some(_) = server.tasks.join_next() => {}
        }
    }
    // Nobody waits in a queue that is not served any more.
    drop((tcp, unix));
    tell.send(true).ok();
    hub.close();
    let rest = async { while server.tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(stop_within, rest).await.is_err() {
        tracing::warn!(
            left = server.tasks.len(),
            "requests were cut off: they took too long to end"
        );
        server.tasks.shutdown().await;
    }
}

async fn accept(tcp: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match tcp {
        Some(tcp) => tcp.accept().await,
        None => std::future::pending().await,
    }
}

async fn accept_local(unix: Option<&Socket>) -> io::Result<UnixStream> {
    match unix {
        Some(unix) => unix.accept().await,
        None => std::future::pending().await,
    }
}

/// Out of descriptors, for one: what is open will end, and then it goes on.
async fn pause(error: &io::Error) {
    const PAUSE: Duration = Duration::from_millis(100);
    tracing::warn!(%error, "a connection cannot be taken");
    tokio::time::timeout(PAUSE, std::future::pending::<()>()).await.ok();
}

/// Connections, and how many there may be.
struct Server {
    network: Places,
    local: Places,
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

impl Server {
    fn network(&mut self, stream: TcpStream, from: SocketAddr) {
        let Some(place) = self.network.take(from.ip().to_canonical()) else {
            return self.refuse(stream);
        };
        // An answer is one write; it does not wait for another.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection was gone at once");
        }
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            let _place: Place = place;
            let Some(certificates) = &shared.certificates else {
                return Connection::new(&shared, Origin::Network).run(stream).await;
            };
            let handshake = certificates.acceptor().accept(stream);
            match tokio::time::timeout(shared.limits.head_within, handshake).await {
                Ok(Ok(stream)) => Connection::new(&shared, Origin::Network).run(stream).await,
                Ok(Err(error)) => tracing::debug!(%error, "no TLS with a client"),
                Err(_) => tracing::debug!("a client took too long for TLS"),
            }
        });
    }

    fn local(&mut self, stream: UnixStream) {
        const NOBODY: std::net::IpAddr = std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let Some(place) = self.local.take(NOBODY) else { return };
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn(async move {
            let _place: Place = place;
            Connection::new(&shared, Origin::Socket).run(stream).await;
        });
    }

    /// One connection too many: it is told so within a second, or not at all. Over TLS it is not, since saying it would cost a
    /// handshake.
    fn refuse(&mut self, stream: TcpStream) {
        tracing::debug!("a connection too many");
        if self.shared.certificates.is_some() {
            return;
        }
        let Some(place) = self.network.take_last() else { return };
        let detail = "close connections that you do not use, or come back later";
        let problem = Problem::new(Code::TooManyConnections, detail);
        let text = connection::raw(&problem, &self.shared.service.ids.draw());
        self.tasks.spawn(async move {
            let _place: Place = place;
            let mut stream = stream;
            const WITHIN: Duration = Duration::from_secs(1);
            tokio::time::timeout(WITHIN, async {
                // Not before it has asked: an answer to nothing is none for many a client.
                let mut asked = [0; 1024];
                if stream.read(&mut asked).await? == 0 {
                    return Ok(0);
                }
                stream.write_all(&text).await?;
                stream.shutdown().await?;
                // What he sent is read away, or closing would tear down what he was told.
                let mut away = tokio::io::sink();
                tokio::io::copy(&mut stream, &mut away).await
            })
            .await
            .ok();
        });
    }
}

/// One connection over any stream, for tests in time of their own.
#[cfg(test)]
pub(super) async fn connection_for_tests(
    stream: tokio::io::DuplexStream,
    origin: Origin,
    service: Arc<Service>,
    limits: Limits,
) {
    let (_tell, stopping) = watch::channel(false);
    let router = router(Arc::clone(&service));
    let shared = Shared { router, service, limits, certificates: None, stopping };
    Connection::new(&shared, origin).run(stream).await;
}
