//! A capture file that Wireshark opens: classic pcap, little-endian, microseconds, raw IP packets.
//!
//! We see datagrams, not packets, so the IP and UDP headers are written anew around each payload, with the
//! lengths and checksums that RFC 791, RFC 8200 §8.1 and RFC 768 ask for. What the real packets had besides
//! (TTL, fragments, options) is not known here and not claimed.

use std::io::{self, ErrorKind, Write};
use std::net::{IpAddr, SocketAddr};

/// Writes datagrams as packets of a pcap file.
#[derive(Debug)]
pub struct Pcap<W> {
    to: W,
    /// One record, reused.
    record: Vec<u8>,
}

impl<W: Write> Pcap<W> {
    /// Writes the file header.
    ///
    /// # Errors
    /// Whatever the writer says.
    pub fn new(mut to: W) -> io::Result<Self> {
        let mut header = Vec::with_capacity(24);
        header.extend(MAGIC_MICROSECONDS.to_le_bytes());
        header.extend(2_u16.to_le_bytes());
        header.extend(4_u16.to_le_bytes());
        header.extend([0; 8]);
        header.extend(SNAP_LEN.to_le_bytes());
        header.extend(LINKTYPE_RAW.to_le_bytes());
        to.write_all(&header)?;
        Ok(Self { to, record: Vec::new() })
    }

    /// Writes one UDP datagram, seen `unix_us` microseconds after 1970-01-01 UTC.
    ///
    /// An IPv4 address facing an IPv6 one is written in its mapped form (RFC 4291 §2.5.5.2).
    ///
    /// # Errors
    /// `InvalidInput` for a payload that fits no datagram; else whatever the writer says.
    pub fn datagram(
        &mut self,
        unix_us: u64,
        from: SocketAddr,
        to: SocketAddr,
        payload: &[u8],
    ) -> io::Result<()> {
        let too_long = || io::Error::new(ErrorKind::InvalidInput, "payload longer than a datagram");
        let udp_len = u16::try_from(UDP_HEADER + payload.len()).map_err(|_| too_long())?;
        self.record.clear();
        self.record.extend([0; RECORD_HEADER]);
        let pseudo = match (from.ip().to_canonical(), to.ip().to_canonical()) {
            (IpAddr::V4(source), IpAddr::V4(sink)) => {
                let total = udp_len.checked_add(20).ok_or_else(too_long)?;
                let mut header = [0x45, 0, 0, 0, 0, 0, 0x40, 0, TTL, UDP, 0, 0].to_vec();
                put(&mut header, 2, total);
                header.extend(source.octets());
                header.extend(sink.octets());
                let sum = checksum([header.as_slice()]);
                put(&mut header, 10, sum);
                self.record.extend(header);
                pseudo_header(&source.octets(), &sink.octets(), udp_len)
            }
            (source, sink) => {
                let (source, sink) = (octets_v6(source), octets_v6(sink));
                self.record.extend([0x60, 0, 0, 0]);
                self.record.extend(udp_len.to_be_bytes());
                self.record.extend([UDP, TTL]);
                self.record.extend(source);
                self.record.extend(sink);
                pseudo_header(&source, &sink, udp_len)
            }
        };
        let mut udp = Vec::with_capacity(UDP_HEADER);
        for field in [from.port(), to.port(), udp_len, 0] {
            udp.extend(field.to_be_bytes());
        }
        // Zero would mean "no checksum" (RFC 768), which IPv6 forbids (RFC 8200 §8.1).
        let sum = match checksum([pseudo.as_slice(), &udp, payload]) {
            0 => 0xffff,
            sum => sum,
        };
        put(&mut udp, 6, sum);
        self.record.extend(udp);
        self.record.extend(payload);
        self.write_record(unix_us)
    }

    /// Hands what is buffered to the writer's own sink.
    ///
    /// # Errors
    /// Whatever the writer says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }

    fn write_record(&mut self, unix_us: u64) -> io::Result<()> {
        let seconds = u32::try_from(unix_us / 1_000_000).unwrap_or(u32::MAX);
        let micros = (unix_us % 1_000_000) as u32;
        let len = u32::try_from(self.record.len() - RECORD_HEADER).unwrap_or(u32::MAX);
        let fields = [seconds, micros, len, len].map(u32::to_le_bytes);
        for (place, byte) in self.record.iter_mut().zip(fields.as_flattened()) {
            *place = *byte;
        }
        self.to.write_all(&self.record)
    }
}

const MAGIC_MICROSECONDS: u32 = 0xa1b2_c3d4;
/// More than any packet here, so nothing counts as cut.
const SNAP_LEN: u32 = 262_144;
/// Packets begin with an IPv4 or IPv6 header.
const LINKTYPE_RAW: u32 = 101;
const RECORD_HEADER: usize = 16;
const UDP_HEADER: usize = 8;
/// The protocol number of UDP.
const UDP: u8 = 17;
/// What Linux sends.
const TTL: u8 = 64;

fn octets_v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// RFC 768 and RFC 8200 §8.1. Their layouts differ, their sums do not: the length and the protocol number
/// stand alone in 16-bit words in both.
fn pseudo_header(source: &[u8], sink: &[u8], udp_len: u16) -> Vec<u8> {
    let mut header = [source, sink].concat();
    header.extend(udp_len.to_be_bytes());
    header.extend([0, UDP]);
    header
}

/// The Internet checksum (RFC 1071) over parts of which only the last may be of odd length.
fn checksum<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u16 {
    let mut sum = 0_u32;
    for part in parts {
        let mut words = part.chunks_exact(2);
        for word in words.by_ref() {
            if let &[high, low] = word {
                sum += u32::from(u16::from_be_bytes([high, low]));
            }
        }
        if let &[high] = words.remainder() {
            sum += u32::from(u16::from_be_bytes([high, 0]));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// Writes a 16-bit field in network order at `at`, where `bytes` has room by construction.
fn put(bytes: &mut [u8], at: usize, field: u16) {
    for (place, byte) in bytes.iter_mut().skip(at).zip(field.to_be_bytes()) {
        *place = byte;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(from: &str, to: &str, payload: &[u8]) -> Vec<u8> {
        let mut pcap = Pcap::new(Vec::new()).unwrap();
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        pcap.datagram(1_700_000_000_000_042, from, to, payload).unwrap();
        pcap.to
    }

    const FILE_HEADER: [u8; 24] =
        [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0];

    #[test]
    fn an_ipv4_datagram_byte_for_byte() {
        let file = capture("10.0.0.1:5060", "10.0.0.2:5070", b"abc");
        let (header, record) = file.split_at(24);
        assert_eq!(header, FILE_HEADER);
        #[rustfmt::skip]
        let golden = [
            // 1,700,000,000 s, 42 µs, 31 bytes, all of them
            0x00, 0xf1, 0x53, 0x65, 42, 0, 0, 0, 31, 0, 0, 0, 31, 0, 0, 0,
            // IPv4: 20 bytes of header, 31 in all, don't fragment, TTL 64, UDP
            0x45, 0, 0, 31, 0, 0, 0x40, 0, 64, 17, 0x26, 0xcc, 10, 0, 0, 1, 10, 0, 0, 2,
            // UDP: 5060 to 5070, 11 bytes
            0x13, 0xc4, 0x13, 0xce, 0, 11, 0, 0,
            b'a', b'b', b'c',
        ];
        let mut record = record.to_vec();
        // The UDP checksum by hand: 0a00+0001+0a00+0002+0011+000b + 13c4+13ce+000b + 6162+6300 = 1 002c.
        let sum: u32 = 0xa00 + 1 + 0xa00 + 2 + 17 + 11 + 0x13c4 + 0x13ce + 11 + 0x6162 + 0x6300;
        assert_eq!(record[42..44], (!(((sum & 0xffff) + (sum >> 16)) as u16)).to_be_bytes());
        record[42..44].fill(0);
        assert_eq!(record, golden);
    }

    #[test]
    fn an_ipv6_datagram_byte_for_byte() {
        let file = capture("[2001:db8::1]:5060", "[2001:db8::2]:5060", b"");
        #[rustfmt::skip]
        let golden = [
            0x00, 0xf1, 0x53, 0x65, 42, 0, 0, 0, 48, 0, 0, 0, 48, 0, 0, 0,
            // IPv6: 8 bytes follow, UDP, hop limit 64
            0x60, 0, 0, 0, 0, 8, 17, 64,
            0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
            0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
            0x13, 0xc4, 0x13, 0xc4, 0, 8, 0x7c, 0xe1,
        ];
        assert_eq!(file[24..], golden);
    }

    #[test]
    fn a_checksum_that_comes_out_as_zero_is_written_as_ones() {
        // The golden datagram above without payload, plus the two bytes that bring the sum to ffff:
        // its complement 7ce1, less 4 for the two lengths that grew by 2.
        let file = capture("[2001:db8::1]:5060", "[2001:db8::2]:5060", &[0x7c, 0xdd]);
        assert_eq!(file[24 + 16 + 46..24 + 16 + 48], [0xff, 0xff]);
    }

    #[test]
    fn mixed_families_are_written_as_ipv6() {
        let file = capture("127.0.0.1:5060", "[::1]:5060", b"x");
        assert_eq!(file[40], 0x60);
        let mapped = capture("[::ffff:127.0.0.1]:5060", "127.0.0.1:5060", b"x");
        assert_eq!(mapped[40], 0x45);
    }

    #[test]
    fn what_fits_no_datagram_is_refused() {
        let mut pcap = Pcap::new(Vec::new()).unwrap();
        let address: SocketAddr = "127.0.0.1:5060".parse().unwrap();
        assert!(pcap.datagram(0, address, address, &vec![0; 65_507]).is_ok());
        let error = pcap.datagram(0, address, address, &vec![0; 65_508]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}
