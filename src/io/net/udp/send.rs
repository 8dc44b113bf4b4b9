//! Sending: many datagrams, perhaps each to another address, in one system call.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::sync::Arc;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg};

use super::icmp::is_pending;
use super::{BATCH, UdpSocket};

/// Sends batches over one socket. Not `Send`: make it in the thread that uses it.
pub struct Sender {
    socket: Arc<UdpSocket>,
    headers: MultiHeaders<SockaddrStorage>,
    addresses: Vec<Option<SockaddrStorage>>,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Datagrams handed to the kernel.
    pub sent: usize,
    /// Datagrams that it refused.
    pub failed: usize,
    /// Something is in the error queue.
    pub errors: bool,
}

/// How often a datagram is tried when the call fails for an earlier one. Each try takes one pending error
/// away; behind a closed port there is one for every datagram.
const TRIES: u8 = 8;
/// How long a full send buffer is waited for. The link is saturated then: dropping comes next, and the
/// retransmission timers of SIP cover it.
const FULL_WAIT_MS: u8 = 5;

impl Sender {
    /// A sender for `socket`, to be used by this thread.
    #[must_use]
    pub fn new(socket: Arc<UdpSocket>) -> Self {
        let headers = MultiHeaders::preallocate(BATCH, None);
        Self { socket, headers, addresses: Vec::with_capacity(BATCH) }
    }

    /// Sends all of `batch`, in order. `failed` hears which could not be sent and why; an ICMP error about an
    /// earlier datagram loses none of these. Waits (a few milliseconds at most) only if the send buffer is
    /// full.
    pub fn send(
        &mut self,
        batch: &[(SocketAddr, &[u8])],
        mut failed: impl FnMut(usize, io::Error),
    ) -> Sent {
        let mut done = 0;
        let mut result = Sent::default();
        let mut tries = 0;
        while let Some(rest) = batch.get(done..).filter(|rest| !rest.is_empty()) {
            let errno = match self.send_some(rest) {
                Ok(sent) => {
                    result.sent += sent;
                    done += sent;
                    tries = 0;
                    continue;
                }
                Err(errno) => errno,
            };
            tries += 1;
            result.errors |= errno != Errno::EAGAIN && errno != Errno::EINTR;
            let full = errno == Errno::EAGAIN || errno == Errno::ENOBUFS;
            let again = if full {
                tries == 1 && self.wait_for_room()
            } else {
                is_pending(errno) && tries < TRIES
            };
            if !again {
                failed(done, errno.into());
                result.failed += 1;
                done += 1;
                tries = 0;
            }
        }
        result
    }

    /// One system call; how many of `batch` it took.
    fn send_some(&mut self, batch: &[(SocketAddr, &[u8])]) -> Result<usize, Errno> {
        let batch = batch.get(..BATCH).unwrap_or(batch);
        self.addresses.clear();
        self.addresses.extend(batch.iter().map(|(to, _)| Some(SockaddrStorage::from(*to))));
        let mut slices = [[IoSlice::new(&[])]; BATCH];
        for ([slice], (_, bytes)) in slices.iter_mut().zip(batch) {
            *slice = IoSlice::new(bytes);
        }
        let fd = self.socket.raw();
        let slices = slices.iter().take(batch.len());
        let flags = MsgFlags::MSG_DONTWAIT;
        sendmmsg(fd, &mut self.headers, slices, &self.addresses, [], flags).map(Iterator::count)
    }

    fn wait_for_room(&self) -> bool {
        let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLOUT)];
        poll(&mut fds, PollTimeout::from(FULL_WAIT_MS)).is_ok_and(|ready| ready > 0)
    }
}
