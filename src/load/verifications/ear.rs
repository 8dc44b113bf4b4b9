//! Hearing from the carrier who calls whom.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::carrier::tell::{ASK, ASK_EVERY, Heard, read};
use crate::io::net::udp::{BUFFER, BindError, UdpSocket};

/// A socket that a carrier tells its calls to.
pub struct Ear {
    /// Knows its errors, and has room for the tellings of a moment when nobody listens.
    udp: Arc<UdpSocket>,
    socket: tokio::net::UdpSocket,
    carrier: SocketAddr,
}

/// Why nothing can be heard.
#[derive(Debug)]
pub enum Deaf {
    /// The carrier is not on this machine.
    Elsewhere(SocketAddr),
    /// There is no socket for it.
    Bind(BindError),
    /// The socket cannot be waited for.
    Socket(io::Error),
    /// Nobody tells there.
    Silent(SocketAddr),
}

impl fmt::Display for Deaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elsewhere(carrier) => {
                write!(f, "{carrier} is no loopback address; a carrier tells nobody elsewhere")
            }
            Self::Bind(error) => write!(f, "{error}"),
            Self::Socket(error) => write!(f, "cannot wait for what the carrier tells: {error}"),
            Self::Silent(carrier) => write!(
                f,
                "no onering carrier answers at {carrier}; start one there, or say where it is with --carrier"
            ),
        }
    }
}

impl std::error::Error for Deaf {}

/// Asks before a carrier counts as not there, and how long each answer is waited for.
const ASKS: usize = 4;
const ANSWERS_WITHIN: Duration = Duration::from_millis(500);

impl Ear {
    /// Listens to the carrier at this address, once it has answered.
    ///
    /// # Errors
    /// Why that cannot be.
    pub async fn open(carrier: SocketAddr) -> Result<Self, Deaf> {
        if !carrier.ip().is_loopback() {
            return Err(Deaf::Elsewhere(carrier));
        }
        let local = match carrier {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
        };
        let udp = UdpSocket::bind(local, BUFFER).map_err(Deaf::Bind)?;
        let socket =
            udp.to_std().and_then(tokio::net::UdpSocket::from_std).map_err(Deaf::Socket)?;
        let ear = Self { udp, socket, carrier };
        for _ in 0..ASKS {
            ear.ask().await;
            if tokio::time::timeout(ANSWERS_WITHIN, ear.answered()).await.is_ok() {
                return Ok(ear);
            }
        }
        Err(Deaf::Silent(carrier))
    }

    /// Hands over every call with the time when the carrier saw it, in microseconds since 1970.
    pub(super) async fn listen(&self, mut told: impl FnMut(Heard, u64)) -> Infallible {
        let mut ask = tokio::time::interval(ASK_EVERY);
        ask.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ask.tick() => self.ask().await,
                () = self.hear(&mut told) => {}
            }
        }
    }

    /// A carrier that is not there for a moment is asked again soon.
    async fn ask(&self) {
        if self.socket.send_to(ASK, self.carrier).await.is_err() {
            self.forget_errors();
        }
    }

    async fn answered(&self) {
        loop {
            let mut buffer = [0; 2048];
            self.socket.readable().await.ok();
            if self.receive(&mut buffer).is_some_and(|datagram| read(datagram).is_some()) {
                return;
            }
        }
    }

    async fn hear(&self, told: &mut impl FnMut(Heard, u64)) {
        let mut buffer = [0; 2048];
        self.socket.readable().await.ok();
        while let Some(datagram) = self.receive(&mut buffer) {
            let Some((unix_us, calls)) = read(datagram) else { continue };
            calls.for_each(|call| told(call, unix_us));
        }
    }

    /// The next datagram, if there is one; empty if it is from somebody else.
    fn receive<'a>(&self, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
        match self.socket.try_recv_from(buffer) {
            Ok((length, from)) if from == self.carrier => buffer.get(..length),
            Ok(_) => Some(&[]),
            Err(error) => {
                if error.kind() != io::ErrorKind::WouldBlock {
                    self.forget_errors();
                }
                None
            }
        }
    }

    /// That the carrier's port was closed a while ago.
    fn forget_errors(&self) {
        self.udp.errors(|_| {}).ok();
    }
}
