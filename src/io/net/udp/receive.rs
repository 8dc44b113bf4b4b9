//! Receiving: many datagrams in one system call, strangers dropped before anything is copied.

use std::io::{self, IoSliceMut, Read as _, Write as _};
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use nix::cmsg_space;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, recvmsg,
};

use super::icmp::is_pending;
use super::{BATCH, UdpSocket, internet};

/// One datagram, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Who sent it.
    pub from: SocketAddr,
    /// What it says. A share of a chunk of at most 16 KiB (or of its own length, if that is more),
    /// so a small message kept for long keeps little else alive.
    pub bytes: Bytes,
}

/// What one call brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Datagrams that passed the filter.
    pub datagrams: usize,
    /// Something is in the error queue; see [`UdpSocket::errors`].
    pub errors: bool,
    /// A [`Waker`] was used.
    pub woken: bool,
}

/// What happened to datagrams since the socket was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Received and handed on.
    pub datagrams: u64,
    /// System calls that brought something; `datagrams / batches` is how well batching works.
    pub batches: u64,
    /// Dropped here because the filter did not know their sender.
    pub strangers: u64,
    /// Dropped by the kernel because the receive buffer was full (`SO_RXQ_OVFL`). The kernel tells it with a
    /// later datagram and it is asked now and then, so the count may lag behind.
    pub overflowed: u64,
}

/// Bytes of one chunk that datagrams are copied into; about one allocation for 30 messages.
const CHUNK: usize = 16 * 1024;
/// The largest datagram (RFC 768: a 16-bit length).
const DATAGRAM_MAX: usize = 65_535;
/// Distance between receive buffers: a power of two would put the beginnings of all of them, which is all
/// that most datagrams need, into the same few lines of the cache.
const STRIDE: usize = DATAGRAM_MAX + 1 + 17 * 64;
/// The kernel's drop counter is asked for once in so many batches.
const ASK_DROPS_EVERY: u64 = 32;

/// Receives batches from one socket. Not `Send`: make it in the thread that uses it.
pub struct Receiver {
    socket: Arc<UdpSocket>,
    headers: MultiHeaders<SockaddrStorage>,
    /// `BATCH` buffers of `STRIDE` bytes; the kernel backs with memory only what was once written.
    buffers: Vec<u8>,
    chunk: BytesMut,
    counters: Counters,
    /// The count of batches from which on the kernel is asked for its drops.
    ask_drops_at: u64,
    wake: UnixStream,
    waker: Waker,
}

/// Ends the wait of a [`Receiver`] from another thread.
#[derive(Clone, Debug)]
pub struct Waker(Arc<UnixStream>);

impl Waker {
    /// The receiver's next or current wait ends at once, with [`Received::woken`].
    pub fn wake(&self) {
        // A full pipe means that it will wake anyway.
        (&*self.0).write_all(&[1]).ok();
    }
}

impl Receiver {
    /// A receiver for `socket`, to be used by this thread.
    ///
    /// # Errors
    /// No file descriptors left for the waker.
    pub fn new(socket: Arc<UdpSocket>) -> io::Result<Self> {
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        waker.set_nonblocking(true)?;
        Ok(Self {
            socket,
            headers: MultiHeaders::preallocate(BATCH, None),
            buffers: vec![0; BATCH * STRIDE],
            chunk: BytesMut::new(),
            counters: Counters::default(),
            ask_drops_at: 0,
            wake,
            waker: Waker(Arc::new(waker)),
        })
    }

    /// What wakes this receiver.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// What happened so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Waits until there is something, at most `wait` (`None`: for ever; zero: not at all), then takes one
    /// batch. Datagrams whose sender `known` refuses are dropped and counted before they are copied.
    /// Returns without datagrams when woken, when time is up, when a signal came, or when there are errors.
    ///
    /// # Errors
    /// The socket itself is broken.
    pub fn receive(
        &mut self,
        wait: Option<Duration>,
        known: impl FnMut(SocketAddr) -> bool,
        out: &mut Vec<Datagram>,
    ) -> io::Result<Received> {
        let mut chunk = std::mem::take(&mut self.chunk);
        let result = self.receive_in_place(wait, known, |from, payload| {
            if chunk.capacity() - chunk.len() < payload.len() {
                chunk = BytesMut::with_capacity(payload.len().max(CHUNK));
            }
            chunk.extend_from_slice(payload);
            out.push(Datagram { from, bytes: chunk.split().freeze() });
        });
        self.chunk = chunk;
        result
    }

    /// As [`Receiver::receive`], without copying: `each` sees the datagrams where the kernel put them.
    ///
    /// # Errors
    /// The socket itself is broken.
    pub fn receive_in_place(
        &mut self,
        wait: Option<Duration>,
        mut known: impl FnMut(SocketAddr) -> bool,
        mut each: impl FnMut(SocketAddr, &[u8]),
    ) -> io::Result<Received> {
        let mut result = Received::default();
        if self.counters.batches >= self.ask_drops_at {
            self.ask_drops();
        }
        let taken = self.take(&mut known, &mut each, &mut result)?;
        if !taken && !result.errors && wait != Some(Duration::ZERO) {
            self.wait(wait, &mut result)?;
            self.take(&mut known, &mut each, &mut result)?;
        }
        Ok(result)
    }

    /// One `recvmmsg`; whether it brought anything.
    fn take(
        &mut self,
        known: &mut impl FnMut(SocketAddr) -> bool,
        each: &mut impl FnMut(SocketAddr, &[u8]),
        result: &mut Received,
    ) -> io::Result<bool> {
        let Self { socket, headers, buffers, counters, .. } = self;
        let mut buffers = buffers.chunks_exact_mut(STRIDE);
        let mut slices: [[IoSliceMut<'_>; 1]; BATCH] =
            std::array::from_fn(|_| [IoSliceMut::new(buffers.next().unwrap_or_default())]);
        let flags = MsgFlags::MSG_DONTWAIT;
        let messages = match recvmmsg(socket.raw(), headers, slices.iter_mut(), flags, None) {
            Ok(messages) => messages,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(false),
            Err(errno) if is_pending(errno) => {
                result.errors = true;
                return Ok(false);
            }
            Err(errno) => return Err(errno.into()),
        };
        counters.batches += 1;
        for message in messages {
            let Some(from) = message.address.as_ref().and_then(internet) else { continue };
            if !known(from) {
                counters.strangers += 1;
                continue;
            }
            counters.datagrams += 1;
            result.datagrams += 1;
            each(from, message.iovs().next().unwrap_or_default());
        }
        Ok(true)
    }

    fn wait(&mut self, wait: Option<Duration>, result: &mut Received) -> io::Result<()> {
        // Rounded up: waking a fraction of a millisecond early would mean turning in circles until it is time.
        let timeout = wait.map_or(PollTimeout::NONE, |wait| {
            PollTimeout::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(PollTimeout::MAX)
        });
        let mut fds = [
            PollFd::new(self.socket.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.wake.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let [socket, wake] = fds.map(|fd| fd.revents().unwrap_or(PollFlags::empty()));
        result.errors = socket.contains(PollFlags::POLLERR);
        if wake.contains(PollFlags::POLLIN) {
            result.woken = true;
            let mut bytes = [0; 64];
            while self.wake.read(&mut bytes).is_ok_and(|read| read == bytes.len()) {}
        }
        Ok(())
    }

    /// Peeks at the next datagram for the drop counter that comes with it. `recvmmsg` cannot do it: `nix`
    /// leaves the control length of a reused header at what the last datagram needed, which is nothing.
    fn ask_drops(&mut self) {
        let mut control = cmsg_space!(u32);
        let mut nothing = [IoSliceMut::new(&mut [])];
        let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
        let control = Some(control.as_mut_slice());
        let Ok(message) =
            recvmsg::<SockaddrStorage>(self.socket.raw(), &mut nothing, control, flags)
        else {
            return;
        };
        self.ask_drops_at = self.counters.batches + ASK_DROPS_EVERY;
        for message in message.cmsgs().into_iter().flatten() {
            if let ControlMessageOwned::RxqOvfl(dropped) = message {
                // The kernel counts in 32 bits and starts again at 0.
                let before = self.counters.overflowed;
                let more = dropped.wrapping_sub(before as u32);
                self.counters.overflowed = before + u64::from(more);
            }
        }
    }
}
