//! UDP in batches: `recvmmsg` and `sendmmsg` behind safe wrappers, large buffers, and the socket's error
//! queue, so that an ICMP "port unreachable" finds the request that ran into it (RFC 3261 §18.4).
//!
//! One [`UdpSocket`] is shared; a [`Receiver`] and a [`Sender`] hold the preallocated headers of one thread
//! each (raw pointers into themselves, hence not `Send`: make them in the thread that uses them).
//!
//! What is missing on purpose: no async (the driver decides how it waits), no knowledge of SIP.

mod icmp;
mod receive;
mod send;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use std::sync::Arc;

use nix::sys::socket::{SockaddrStorage, setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};

pub use icmp::Unreachable;
pub use receive::{Counters, Datagram, Received, Receiver, Waker};
pub use send::{Sender, Sent};

/// What a busy SIP server asks for: some thousand datagrams while it is busy with something else.
pub const BUFFER: usize = 4 * 1024 * 1024;

/// Most datagrams that one system call takes or gives.
pub const BATCH: usize = 64;

/// A bound UDP socket, non-blocking, with drops counted and ICMP errors queued.
#[derive(Debug)]
pub struct UdpSocket {
    socket: Socket,
    local: SocketAddr,
    receive_buffer: usize,
    send_buffer: usize,
}

impl UdpSocket {
    /// Binds to `address` (port 0 lets the system choose) and asks for `buffer` bytes in each direction.
    /// More than `net.core.rmem_max` is granted to root only; [`UdpSocket::receive_buffer`] says what came
    /// of it. An IPv6 socket takes IPv6 only, so that both families can have the same port.
    ///
    /// # Errors
    /// Names the address and why it cannot be had.
    pub fn bind(address: SocketAddr, buffer: usize) -> Result<Arc<Self>, BindError> {
        Self::open(address, buffer).map(Arc::new).map_err(|cause| BindError { address, cause })
    }

    fn open(address: SocketAddr, buffer: usize) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
            setsockopt(&socket, sockopt::Ipv6RecvErr, &true)?;
        } else {
            setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?;
        }
        setsockopt(&socket, sockopt::RxqOvfl, &1)?;
        if setsockopt(&socket, sockopt::RcvBufForce, &buffer).is_err() {
            socket.set_recv_buffer_size(buffer)?;
        }
        if setsockopt(&socket, sockopt::SndBufForce, &buffer).is_err() {
            socket.set_send_buffer_size(buffer)?;
        }
        socket.bind(&address.into())?;
        let unnamed = || io::Error::other("the socket has no internet address");
        let local = socket.local_addr()?.as_socket().ok_or_else(unnamed)?;
        // The kernel doubles what it is asked for, to cover its own bookkeeping, and reports the double.
        let receive_buffer = socket.recv_buffer_size()? / 2;
        let send_buffer = socket.send_buffer_size()? / 2;
        Ok(Self { socket, local, receive_buffer, send_buffer })
    }

    /// Where it is bound, with the port that the system chose.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Bytes of receive buffer that the kernel granted.
    #[must_use]
    pub const fn receive_buffer(&self) -> usize {
        self.receive_buffer
    }

    /// Bytes of send buffer that the kernel granted.
    #[must_use]
    pub const fn send_buffer(&self) -> usize {
        self.send_buffer
    }

    /// The same socket once more, for an event loop to wait on.
    ///
    /// # Errors
    /// No file descriptors left.
    pub fn to_std(&self) -> io::Result<std::net::UdpSocket> {
        self.socket.try_clone().map(Into::into)
    }

    fn raw(&self) -> i32 {
        self.socket.as_raw_fd()
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// An address that cannot be bound.
#[derive(Debug)]
pub struct BindError {
    /// What was asked for.
    pub address: SocketAddr,
    /// What the system said.
    pub cause: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CAUSES: [(io::ErrorKind, &str); 3] = [
            (io::ErrorKind::AddrInUse, "the port is taken by another program"),
            (io::ErrorKind::AddrNotAvailable, "this machine has no such address"),
            (
                io::ErrorKind::PermissionDenied,
                "ports below 1024 are for root or CAP_NET_BIND_SERVICE",
            ),
        ];
        write!(f, "cannot listen on udp {}: ", self.address)?;
        match CAUSES.iter().find(|(kind, _)| *kind == self.cause.kind()) {
            Some((_, text)) => f.write_str(text),
            None => write!(f, "{}", self.cause),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

fn internet(address: &SockaddrStorage) -> Option<SocketAddr> {
    match (address.as_sockaddr_in(), address.as_sockaddr_in6()) {
        (Some(v4), _) => Some(SocketAddr::V4((*v4).into())),
        (None, Some(v6)) => Some(SocketAddr::V6((*v6).into())),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests;
