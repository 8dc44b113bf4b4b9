//! The port that our SDP offers name: really bound, never sent from.
//!
//! A carrier that sends early media meets an open port, not an ICMP error. What it sent waits in the kernel's buffer,
//! where it can be counted after the call; what does not fit is dropped, as is all that is no RTP (RFC 3550).

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// How many times an even port is looked for.
const TRIES: u8 = 64;

/// A bound media port.
#[derive(Debug)]
pub struct MediaPort {
    socket: UdpSocket,
    local: SocketAddr,
}

/// What came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// RTP packets.
    pub packets: u32,
    /// Bytes of their payloads.
    pub payload_bytes: u64,
    /// Payload type of the last one (RFC 3551): 0 is PCMU, 8 is PCMA.
    pub payload_type: Option<u8>,
}

impl MediaPort {
    /// Binds an even port on this address: RTP takes the even one of a pair (RFC 3550 §11).
    ///
    /// # Errors
    /// No even port can be had on the address.
    pub fn bind(address: IpAddr) -> io::Result<Self> {
        for _ in 0..TRIES {
            let socket = UdpSocket::bind((address, 0))?;
            let local = socket.local_addr()?;
            if local.port() % 2 == 0 {
                socket.set_nonblocking(true)?;
                return Ok(Self { socket, local });
            }
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, "no even port is free"))
    }

    /// Address and port for the offer.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Takes what has come in since the last time.
    #[must_use]
    pub fn heard(&self) -> Heard {
        let mut heard = Heard::default();
        let mut buffer = [0; 2048];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            let packet = buffer.get(..length).unwrap_or_default();
            if let Ok(rtp) = rtp_rs::RtpReader::new(packet) {
                heard.packets += 1;
                heard.payload_bytes += rtp.payload().len() as u64;
                heard.payload_type = Some(rtp.payload_type());
            }
        }
        heard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rtp_is_counted_and_anything_else_is_not() {
        let port = MediaPort::bind([127, 0, 0, 1].into()).unwrap();
        assert_eq!(port.local_addr().port() % 2, 0);
        let far = UdpSocket::bind("127.0.0.1:0").unwrap();
        let packet = rtp_rs::RtpPacketBuilder::new()
            .payload_type(8)
            .ssrc(7)
            .sequence(1.into())
            .timestamp(160)
            .payload(&[0xd5; 160])
            .build()
            .unwrap();
        far.send_to(&packet, port.local_addr()).unwrap();
        far.send_to(b"OPTIONS sip:x SIP/2.0", port.local_addr()).unwrap();
        let heard = port.heard();
        assert_eq!(heard, Heard { packets: 1, payload_bytes: 160, payload_type: Some(8) });
        assert_eq!(port.heard(), Heard::default());
    }
}
