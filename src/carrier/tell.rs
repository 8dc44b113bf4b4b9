//! Telling a load generator on the same machine who calls whom.
//!
//! The far end plays every phone, so it sees each caller-ID, whose last digits are the code. A generator that plays the
//! users has to know them. It sends [`ASK`] to the far end's port, again every [`ASK_EVERY`], and is told of each new call:
//!
//! ```text
//! ONERING-TOLD 1 1764064000123456
//! +12025550142 +12025550199
//! ```
//!
//! The first line says when the calls came, in microseconds since 1970; each further line is one call, the called number
//! before the calling one. An ask is answered at once, without calls, so that whoever asks knows that somebody tells.
//!
//! Numbers are plain here. Only addresses of this machine are told; an ask from elsewhere gets no answer, nor does one from
//! a listener beyond [`LISTENERS_MAX`]. A telling that gets lost is not sent again.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use super::outbox::Outbox;
use crate::base::clock::{Instant, Now};
use crate::base::number::{CallerId, Destination};

/// The datagram that asks to be told.
pub const ASK: &[u8] = b"ONERING-TELL 1\r\n\r\n";
/// How often a listener asks again.
pub const ASK_EVERY: Duration = Duration::from_secs(1);
/// Listeners at a time.
pub const LISTENERS_MAX: usize = 4;
/// How long a listener is told after it asked.
const LISTENS: Duration = Duration::from_secs(5);
/// How the first line of a telling begins; the time follows.
const TOLD: &[u8] = b"ONERING-TOLD 1 ";
/// Bytes of a telling: what fits into one frame on every network.
const DATAGRAM_MAX: usize = 1400;
/// Bytes of the longest line: two numbers of 15 digits, their signs, a blank and the line's end.
const LINE_MAX: usize = 34;

/// One call, as the far end saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Who was called.
    pub to: Destination,
    /// Who called; the last digits are the code.
    pub from: CallerId,
}

/// Who asked to be told, and what has not been told yet.
#[derive(Debug, Default)]
pub struct Tells {
    listeners: Vec<Listener>,
    calls: Vec<Heard>,
}

#[derive(Debug)]
struct Listener {
    address: SocketAddr,
    until: Instant,
    /// Its ask has not been answered.
    asked: bool,
}

/// Whether a datagram is an [`ASK`] and no SIP.
#[must_use]
pub fn is_ask(datagram: &[u8]) -> bool {
    datagram == ASK
}

impl Tells {
    /// Somebody asked to be told.
    pub fn ask(&mut self, address: SocketAddr, now: Instant) {
        if !address.ip().is_loopback() {
            return;
        }
        self.listeners.retain(|listener| listener.until > now);
        let until = now + LISTENS;
        let room = self.listeners.len() < LISTENERS_MAX;
        match self.listeners.iter_mut().find(|listener| listener.address == address) {
            Some(listener) => (listener.until, listener.asked) = (until, true),
            None if room => self.listeners.push(Listener { address, until, asked: true }),
            None => {}
        }
    }

    /// Whether anybody listens; else calls need not be read.
    #[must_use]
    pub const fn wanted(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// Whether there is something to be told.
    #[must_use]
    pub fn due(&self) -> bool {
        !self.calls.is_empty() || self.listeners.iter().any(|listener| listener.asked)
    }

    /// A new call came.
    pub fn heard(&mut self, call: Heard) {
        if self.wanted() {
            self.calls.push(call);
        }
    }

    /// Writes what is to be told of the calls that came `now`.
    pub fn write(&mut self, now: Now, out: &mut Outbox) {
        const LINES: usize = (DATAGRAM_MAX - TOLD.len() - 22) / LINE_MAX;
        self.listeners.retain(|listener| listener.until > now.instant);
        for listener in &mut self.listeners {
            if std::mem::take(&mut listener.asked) && self.calls.is_empty() {
                write_telling(&[], now.unix_us, listener.address, out);
            }
            for calls in self.calls.chunks(LINES) {
                write_telling(calls, now.unix_us, listener.address, out);
            }
        }
        self.calls.clear();
    }
}

fn write_telling(calls: &[Heard], unix_us: u64, to: SocketAddr, out: &mut Outbox) {
    let bytes = out.bytes();
    bytes.extend_from_slice(TOLD);
    // Writing to a vector cannot fail.
    writeln!(bytes, "{unix_us}").ok();
    for Heard { to, from } in calls {
        for (before, digits) in [(b"+".as_slice(), to.reveal()), (b" +", from.reveal())] {
            bytes.extend_from_slice(before);
            bytes.extend_from_slice(digits.as_bytes());
        }
        bytes.push(b'\n');
    }
    out.end(to);
}

/// Reads a telling: when its calls came, in microseconds since 1970, and the calls. `None` for anything else. Lines that
/// are no call are skipped.
#[must_use]
pub fn read(datagram: &[u8]) -> Option<(u64, impl Iterator<Item = Heard>)> {
    let text = str::from_utf8(datagram.strip_prefix(TOLD)?).ok()?;
    let (time, lines) = text.split_once('\n')?;
    Some((time.parse().ok()?, lines.lines().filter_map(read_line)))
}

fn read_line(line: &str) -> Option<Heard> {
    let (to, from) = line.split_once(' ')?;
    Some(Heard { to: Destination::parse(to).ok()?, from: CallerId::parse(from).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTENER: &str = "127.0.0.1:9";

    fn call(number: u64) -> Heard {
        Heard { to: Destination::fictional(number), from: CallerId::fictional(number + 1) }
    }

    fn at(ms: u64) -> Now {
        Now { instant: Instant::from_millis(ms), unix_us: 1_764_064_000_000_000 + ms * 1000 }
    }

    /// What is told now: whom, when, which calls.
    fn told(tells: &mut Tells, now: Now) -> Vec<(SocketAddr, u64, Vec<Heard>)> {
        let mut out = Outbox::default();
        tells.write(now, &mut out);
        out.iter()
            .map(|(to, bytes)| {
                assert!(bytes.len() <= DATAGRAM_MAX);
                let (time, calls) = read(bytes).unwrap();
                (to, time, calls.collect())
            })
            .collect()
    }

    fn asked(addresses: &[&str]) -> Tells {
        let mut tells = Tells::default();
        for address in addresses {
            tells.ask(address.parse().unwrap(), Instant::START);
        }
        tells
    }

    #[test]
    fn who_asks_is_answered_at_once_and_then_told_of_each_call() {
        let mut tells = asked(&[LISTENER]);
        let listener = LISTENER.parse().unwrap();
        assert!(tells.due());
        assert_eq!(told(&mut tells, at(1)), [(listener, at(1).unix_us, vec![])]);
        assert!(!tells.due());
        tells.heard(call(1));
        tells.heard(call(2));
        assert!(tells.due());
        assert_eq!(told(&mut tells, at(2)), [(listener, at(2).unix_us, vec![call(1), call(2)])]);
        assert_eq!(told(&mut tells, at(3)), []);
    }

    #[test]
    fn the_text_is_as_described() {
        let mut tells = asked(&[LISTENER]);
        let to = Destination::parse("+12025550142").unwrap();
        tells.heard(Heard { to, from: CallerId::parse("+12025550199").unwrap() });
        let mut out = Outbox::default();
        tells.write(Now { instant: Instant::START, unix_us: 1_764_064_000_123_456 }, &mut out);
        let text = b"ONERING-TOLD 1 1764064000123456\n+12025550142 +12025550199\n";
        assert_eq!(out.iter().map(|(_, bytes)| bytes).collect::<Vec<_>>(), [text]);
    }

    #[test]
    fn many_calls_take_several_datagrams_and_none_is_missing() {
        let mut tells = asked(&[LISTENER]);
        let calls: Vec<_> = (0..64).map(call).collect();
        calls.iter().for_each(|call| tells.heard(*call));
        let told = told(&mut tells, at(0));
        assert!((2..=3).contains(&told.len()), "{}", told.len());
        assert_eq!(told.into_iter().flat_map(|(_, _, calls)| calls).collect::<Vec<_>>(), calls);
    }

    #[test]
    fn the_longest_line_fits_into_its_room() {
        let number = "+999999999999999";
        let call = Heard {
            to: Destination::parse(number).unwrap(),
            from: CallerId::parse(number).unwrap(),
        };
        let mut out = Outbox::default();
        write_telling(&[call], u64::MAX, LISTENER.parse().unwrap(), &mut out);
        let (_, bytes) = out.iter().next().unwrap();
        let head = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        assert_eq!((head, bytes.len() - head), (TOLD.len() + 21, LINE_MAX));
    }

    #[test]
    fn nobody_elsewhere_is_told() {
        let mut tells = asked(&["192.0.2.1:9", "[2001:db8::1]:9", "0.0.0.0:9"]);
        assert!(!tells.wanted() && !tells.due());
        tells.heard(call(1));
        assert_eq!(told(&mut tells, at(0)), []);
    }

    #[test]
    fn a_few_listen_and_who_stops_asking_makes_room() {
        let four = ["127.0.0.1:1", "127.0.0.1:2", "[::1]:3", "127.0.0.9:4"];
        let mut tells = asked(&four);
        let fifth = LISTENER.parse().unwrap();
        tells.ask(fifth, Instant::START);
        assert_eq!(told(&mut tells, at(0)).len(), 4);
        tells.ask(four[0].parse().unwrap(), Instant::from_millis(4_000));
        tells.heard(call(1));
        assert_eq!(told(&mut tells, at(4_999)).len(), 4);
        tells.ask(fifth, Instant::from_millis(5_000));
        tells.heard(call(2));
        let listeners: Vec<_> =
            told(&mut tells, at(5_000)).into_iter().map(|told| told.0).collect();
        assert_eq!(listeners, [four[0].parse().unwrap(), fifth]);
        tells.heard(call(1));
        assert_eq!(told(&mut tells, at(20_000)), []);
        assert!(!tells.wanted());
    }

    #[test]
    fn what_is_no_telling_is_not_read() {
        for datagram in
            [&b""[..], ASK, b"ONERING-TOLD 1 ", b"ONERING-TOLD 1 x\n", b"SIP/2.0 200 OK\r\n"]
        {
            assert!(read(datagram).is_none(), "{}", datagram.escape_ascii());
        }
        let (time, calls) = read(b"ONERING-TOLD 1 5\n+1 +2\nnonsense\n\n+12345 +67890").unwrap();
        assert_eq!((time, calls.count()), (5, 1));
        assert!(is_ask(ASK) && !is_ask(b"OPTIONS sip:a@b SIP/2.0\r\n\r\n"));
    }
}
