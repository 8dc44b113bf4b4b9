//! The socket's error queue (`IP_RECVERR`): what ICMP said about datagrams we sent.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg};

use super::{UdpSocket, internet};

/// A datagram that did not arrive, as far as ICMP or our own routing could tell.
#[derive(Debug)]
pub struct Unreachable<'a> {
    /// Where it was going.
    pub to: SocketAddr,
    /// Why not: `ECONNREFUSED` for a closed port, `EHOSTUNREACH`, `ENETUNREACH`, …
    pub cause: io::Error,
    /// The beginning of the datagram, as much as ICMP quoted (at least 8 bytes of it over IPv4, usually some
    /// 500): enough for the top Via of a SIP message, and so for its branch.
    pub payload: &'a [u8],
}

/// Bytes of the offending datagram that are kept; ICMP quotes less (RFC 1812 §4.3.2.3, RFC 4443 §2.4).
const QUOTED_MAX: usize = 2048;
/// Errors taken in one go, so that a storm of them cannot hold up the datagrams.
const ERRORS_AT_ONCE: usize = 64;

impl UdpSocket {
    /// Takes what is in the error queue, at most 64 errors at once, and says how many there were. The queue
    /// is worth a look when [`Received::errors`](super::Received::errors) is set.
    ///
    /// # Errors
    /// The socket itself is broken.
    pub fn errors(&self, mut each: impl FnMut(Unreachable<'_>)) -> io::Result<usize> {
        let mut control = cmsg_space!(nix::libc::sock_extended_err, nix::libc::sockaddr_in6);
        let mut payload = [0; QUOTED_MAX];
        for taken in 0..ERRORS_AT_ONCE {
            let (to, errno, len) = {
                let mut slices = [IoSliceMut::new(&mut payload)];
                let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
                let control = Some(control.as_mut_slice());
                match recvmsg::<SockaddrStorage>(self.raw(), &mut slices, control, flags) {
                    Ok(message) => {
                        let to = message.address.as_ref().and_then(internet);
                        (to, message.cmsgs().ok().and_then(errno), message.bytes)
                    }
                    Err(Errno::EAGAIN) => return Ok(taken),
                    // A pending error stands in front of the queue; reading it took it away.
                    Err(errno) if is_pending(errno) => continue,
                    Err(errno) => return Err(errno.into()),
                }
            };
            if let (Some(to), Some(errno)) = (to, errno) {
                let payload = payload.get(..len).unwrap_or_default();
                each(Unreachable { to, cause: errno.into(), payload });
            }
        }
        Ok(ERRORS_AT_ONCE)
    }
}

fn errno(mut control: impl Iterator<Item = ControlMessageOwned>) -> Option<Errno> {
    control.find_map(|message| {
        // Not our own enum, and it grows: everything else is of no interest.
        let (ControlMessageOwned::Ipv4RecvErr(error, _)
        | ControlMessageOwned::Ipv6RecvErr(error, _)) = message
        else {
            return None;
        };
        i32::try_from(error.ee_errno).ok().map(Errno::from_raw)
    })
}

/// Whether a call may fail with this for what happened to an *earlier* datagram: the error is delivered once,
/// to whoever calls next, and that call has done nothing.
pub(super) const fn is_pending(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::EINTR
            | Errno::ECONNREFUSED
            | Errno::EHOSTUNREACH
            | Errno::ENETUNREACH
            | Errno::EHOSTDOWN
            | Errno::ENOPROTOOPT
            | Errno::EPROTO
            | Errno::EOPNOTSUPP
            | Errno::EACCES
            | Errno::EMSGSIZE
            | Errno::ENONET
    )
}
