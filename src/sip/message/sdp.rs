//! The little of an SDP answer that a caller looks at (RFC 8866, RFC 3264): where media would go, in which codecs, in
//! which direction. An answer may be absent or nonsense without harm to the call, so nothing here fails.

use std::net::IpAddr;

use super::host;

/// Which way media flows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Both ways; also where nothing is said.
    #[default]
    SendRecv,
    /// From the far end only.
    SendOnly,
    /// To the far end only.
    RecvOnly,
    /// Not at all.
    Inactive,
}

/// What a session description says of its first audio stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sdp<'a> {
    /// Address of the stream, or of the session where the stream has none; `None` too where it is a name.
    pub address: Option<IpAddr>,
    /// Port of the first `m=audio` line; 0 is a stream refused. `None` where there is no such line.
    pub audio_port: Option<u16>,
    /// Its formats, as received: `0 8 101`.
    pub formats: &'a [u8],
    /// Its direction.
    pub direction: Direction,
    /// The lines of that stream, for [`Sdp::rtpmaps`].
    lines: &'a [u8],
}

impl<'a> Sdp<'a> {
    /// Reads what can be read.
    #[must_use]
    pub fn read(body: &'a [u8]) -> Self {
        let mut sdp = Self::default();
        // Which part the line belongs to: session, first audio stream, another stream.
        let mut part = Part::Session;
        let mut at = 0;
        for line in body.split_inclusive(|byte| *byte == b'\n') {
            at += line.len();
            match line.trim_ascii_end() {
                [b'm', b'=', media @ ..] => {
                    part = if sdp.audio_port.is_none() && sdp.audio(media) {
                        sdp.lines = body.get(at..).unwrap_or_default();
                        Part::Audio
                    } else {
                        Part::Other
                    };
                }
                _ if part == Part::Other => {}
                [b'c', b'=', connection @ ..] => {
                    sdp.address = connected(connection).or(sdp.address)
                }
                [b'a', b'=', attribute @ ..] => sdp.attribute(attribute),
                _ => {}
            }
        }
        sdp
    }

    /// Payload types of the stream with what they stand for: `(0, "PCMU/8000")`.
    pub fn rtpmaps(self) -> impl Iterator<Item = (u8, &'a [u8])> {
        let lines = self.lines.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        lines.take_while(|line| !line.starts_with(b"m=")).filter_map(|line| {
            let map = line.strip_prefix(b"a=rtpmap:")?;
            let (payload, codec) = map.split_at_checked(memchr::memchr(b' ', map)?)?;
            Some((read(payload)?, codec.trim_ascii()))
        })
    }

    /// `audio 49170 RTP/AVP 0 8`, also with a number of ports behind a slash.
    fn audio(&mut self, media: &'a [u8]) -> bool {
        let Some(rest) = media.strip_prefix(b"audio ") else { return false };
        let mut words = rest.splitn(3, |byte| *byte == b' ');
        let port = words.next().unwrap_or_default();
        let port = port.split(|byte| *byte == b'/').next().unwrap_or_default();
        let Some(port) = read(port) else { return false };
        self.audio_port = Some(port);
        self.formats = words.nth(1).unwrap_or_default();
        true
    }

    fn attribute(&mut self, attribute: &[u8]) {
        self.direction = match attribute {
            b"sendrecv" => Direction::SendRecv,
            b"sendonly" => Direction::SendOnly,
            b"recvonly" => Direction::RecvOnly,
            b"inactive" => Direction::Inactive,
            _ => return,
        };
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Session,
    Audio,
    Other,
}

/// The address of `IN IP4 192.0.2.1` or `IN IP6 2001:db8::1` (never in brackets, yet taken so), without TTL.
fn connected(connection: &[u8]) -> Option<IpAddr> {
    let text = connection.strip_prefix(b"IN IP")?.get(2..)?.trim_ascii();
    host::address(text.split(|byte| *byte == b'/').next()?)
}

fn read<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_answer() {
        let body = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.1/127\r\nt=0 0\r\na=recvonly\r\n\
                    m=audio 49170/2 RTP/AVP 8 101\r\nc=IN IP6 2001:db8::7\r\na=rtpmap:8 PCMA/8000\r\n\
                    a=rtpmap:101 telephone-event/8000\r\na=rtpmap:x\r\na=sendonly\r\n\
                    m=video 5 RTP/AVP 31\r\nc=IN IP4 9.9.9.9\r\na=inactive\r\na=rtpmap:31 H261/90000\r\n";
        let sdp = Sdp::read(body.as_bytes());
        assert_eq!(sdp.address, Some("2001:db8::7".parse().unwrap()));
        assert_eq!(sdp.audio_port, Some(49_170));
        assert_eq!(sdp.formats, b"8 101");
        assert_eq!(sdp.direction, Direction::SendOnly);
        let maps: Vec<_> = sdp.rtpmaps().collect();
        assert_eq!(maps, [(8, &b"PCMA/8000"[..]), (101, &b"telephone-event/8000"[..])]);
    }

    #[test]
    fn the_session_speaks_for_a_silent_stream() {
        let sdp = Sdp::read(b"v=0\nc=IN IP4 192.0.2.1\na=inactive\nm=audio 0 RTP/AVP 0");
        assert_eq!(sdp.address, Some("192.0.2.1".parse().unwrap()));
        assert_eq!((sdp.audio_port, sdp.direction), (Some(0), Direction::Inactive));
    }

    #[test]
    fn nonsense_is_read_as_nothing() {
        for body in [
            &b""[..],
            b"\n\n",
            b"m=audio",
            b"m=audio x RTP/AVP",
            b"\0\xff",
            b"c=IN IP4 example.com",
            b"m=",
        ] {
            let sdp = Sdp::read(body);
            assert_eq!((sdp.address, sdp.audio_port), (None, None), "{}", body.escape_ascii());
            assert_eq!(sdp.rtpmaps().count(), 0);
        }
    }
}
