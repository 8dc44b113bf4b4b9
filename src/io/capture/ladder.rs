//! The ladder of a call: its messages, one a line, with the time since the INVITE and the gap between them.
//!
//! ```text
//!       ms      gap  --> sent, <-- received
//!      0.0           --> INVITE sip:+12025550142@127.0.0.1:5070 ┐
//!    511.7   +511.7  <-- 180 Ringing (INVITE)                   ┤ PDD 511.7 ms
//!   1111.7   +600.0  --> CANCEL sip:+12025550142@127.0.0.1:5070 ┘ hold 600.0 ms
//! ```
//!
//! It shows what is there and judges nothing; malformed messages have their line too. The lines of a call
//! of less than 1000 s fit in 80 columns, and nothing that came from a peer reaches the terminal unescaped.

use std::fmt::Write as _;

use bytes::Bytes;
use serde::Serialize;

/// Which way a message went, as we see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// We sent it.
    Out,
    /// It came.
    In,
}

impl Direction {
    const fn arrow(self) -> &'static str {
        match self {
            Self::Out => "-->",
            Self::In => "<--",
        }
    }
}

/// The messages of one call, in the order of their times.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    steps: Vec<Step>,
}

/// One message.
#[derive(Clone, Debug)]
struct Step {
    /// Microseconds since the call's first INVITE.
    at_us: u64,
    dir: Direction,
    bytes: Bytes,
    /// How many earlier messages were the same, byte for byte, in the same direction.
    repeats: usize,
}

/// One line of a ladder, to be read by machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Microseconds since the call's first INVITE.
    pub at_us: u64,
    /// Which way it went.
    pub dir: Direction,
    /// The message's first line; bytes that are not UTF-8 are replaced.
    pub line: String,
    /// The whole message, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
}

impl Ladder {
    /// A ladder without messages.
    #[must_use]
    pub const fn new() -> Self {
        Self { steps: Vec::new() }
    }

    /// Adds the message that was sent or came `at_us` microseconds after the first INVITE.
    pub fn push(&mut self, at_us: u64, dir: Direction, bytes: Bytes) {
        let same = |step: &&Step| step.dir == dir && step.bytes == bytes;
        let repeats = self.steps.iter().filter(same).count();
        self.steps.push(Step { at_us, dir, bytes, repeats });
    }

    /// The lines for a machine, with the whole messages if `raw`.
    pub fn lines(&self, raw: bool) -> impl Iterator<Item = Line> {
        self.steps.iter().map(move |step| Line {
            at_us: step.at_us,
            dir: step.dir,
            line: String::from_utf8_lossy(first_line(&step.bytes)).into_owned(),
            raw: raw.then(|| String::from_utf8_lossy(&step.bytes).into_owned()),
        })
    }

    /// The lines for a person. `alert` is the status that counted as ringing, if one did: the first such
    /// response is marked with the post-dial delay, and our CANCEL after it with the time it rang.
    #[must_use]
    pub fn text(&self, alert: Option<u16>) -> String {
        let summaries: Vec<_> = self.steps.iter().map(|step| Summary::of(&step.bytes)).collect();
        let marks = Marks::find(&self.steps, &summaries, alert);
        let mut text = format!("{:>8} {:>8}  --> sent, <-- received\n", "ms", "gap");
        let mut previous = None;
        for (at, (step, summary)) in self.steps.iter().zip(&summaries).enumerate() {
            let gap = previous.map_or_else(String::new, |previous| {
                format!("+{}", millis(step.at_us.saturating_sub(previous)))
            });
            previous = Some(step.at_us);
            let (time, arrow) = (millis(step.at_us), step.dir.arrow());
            let message = summary.text(MESSAGE_COLUMNS);
            let mark = marks.text(at, step.repeats);
            let line = format!("{time:>8} {gap:>8}  {arrow} {message:<MESSAGE_COLUMNS$} {mark}");
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// One whole message for a terminal, under a line with its direction, time and peer. Line ends become those
/// of the terminal; control characters and bytes that are not UTF-8 are escaped.
#[must_use]
pub fn trace(at_us: u64, dir: Direction, peer: &str, message: &[u8]) -> String {
    let word = match dir {
        Direction::Out => "to",
        Direction::In => "from",
    };
    let (time, len) = (millis(at_us), message.len());
    let mut text = format!("{} {time} ms {word} {peer}, {len} bytes\n", dir.arrow());
    for line in message.split_inclusive(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        text.push_str(&shown(line.strip_suffix(b"\r").unwrap_or(line)));
        text.push('\n');
    }
    text
}

/// Columns of the message: 80, less time, gap, arrow, mark and what is between them.
const MESSAGE_COLUMNS: usize = 38;

/// What the message column says.
enum Summary {
    Request {
        method: String,
        uri: String,
    },
    Response {
        status: u16,
        reason: String,
        /// The method that it answers, by its CSeq.
        method: String,
    },
    Other(String),
}

impl Summary {
    fn of(message: &[u8]) -> Self {
        let line = first_line(message);
        let mut words = line.splitn(3, |&b| b == b' ');
        let (Some(first), Some(second), Some(third)) = (words.next(), words.next(), words.next())
        else {
            let text = if line.is_empty() { "no start line".into() } else { shown(line) };
            return Self::Other(format!("({} bytes) {text}", message.len()));
        };
        if !first.starts_with(b"SIP/") {
            return Self::Request { method: shown(first), uri: shown(second) };
        }
        match str::from_utf8(second).ok().and_then(|status| status.parse().ok()) {
            Some(status) => {
                Self::Response { status, reason: shown(third), method: cseq_method(message) }
            }
            None => Self::Other(shown(line)),
        }
    }

    /// In at most `columns`: of a request the URI is cut, of a response the reason phrase.
    fn text(&self, columns: usize) -> String {
        let (head, middle, tail) = match self {
            Self::Request { method, uri } => (format!("{method} "), uri, String::new()),
            Self::Response { status, reason, method } if method.is_empty() => {
                (format!("{status} "), reason, String::new())
            }
            Self::Response { status, reason, method } => {
                (format!("{status} "), reason, format!(" ({method})"))
            }
            Self::Other(line) => (String::new(), line, String::new()),
        };
        let room = columns.saturating_sub(head.chars().count() + tail.chars().count());
        cut(&format!("{head}{}{tail}", cut(middle, room)), columns)
    }

    fn is_request(&self, name: &str) -> bool {
        matches!(self, Self::Request { method, .. } if method == name)
    }

    fn answers_invite(&self, wanted: u16) -> bool {
        matches!(self, Self::Response { status, method, .. } if *status == wanted && method == "INVITE")
    }
}

/// The bracket beside the messages, from the INVITE over the alert to the CANCEL.
struct Marks {
    /// Where the bracket begins and ends.
    span: Option<(usize, usize)>,
    /// The alert, and what is said beside it.
    alert: Option<(usize, String)>,
    /// Our first CANCEL, and what is said beside it.
    cancel: Option<(usize, String)>,
}

impl Marks {
    fn find(steps: &[Step], summaries: &[Summary], alert: Option<u16>) -> Self {
        let first = |dir: Direction, wanted: &dyn Fn(&Summary) -> bool| {
            let found = steps.iter().zip(summaries);
            found.map(|(step, summary)| step.dir == dir && wanted(summary)).position(|found| found)
        };
        let at_us = |at: usize| steps.get(at).map_or(0, |step| step.at_us);
        let invite = first(Direction::Out, &|summary| summary.is_request("INVITE"));
        let rang = alert
            .and_then(|status| first(Direction::In, &|summary| summary.answers_invite(status)));
        let cancel = first(Direction::Out, &|summary| summary.is_request("CANCEL"));
        let span = invite.zip(rang.max(cancel)).filter(|(begin, end)| begin < end);
        Self {
            span,
            alert: rang.map(|at| (at, format!("PDD {} ms", millis(at_us(at))))),
            cancel: cancel.map(|at| match rang.filter(|&rang| rang < at) {
                Some(rang) => (at, format!("hold {} ms", millis(at_us(at) - at_us(rang)))),
                None => (at, "CANCEL".to_owned()),
            }),
        }
    }

    fn text(&self, at: usize, repeats: usize) -> String {
        let said = |mark: &Option<(usize, String)>| {
            mark.as_ref().filter(|(place, _)| *place == at).map(|(_, text)| text.clone())
        };
        let word = said(&self.alert)
            .or_else(|| said(&self.cancel))
            .or_else(|| (repeats > 0).then(|| format!("repeat {repeats}")));
        let rail = match self.span {
            Some((begin, _)) if at == begin => '┐',
            Some((_, end)) if at == end => '┘',
            Some((begin, end)) if begin < at && at < end => match word {
                Some(_) if repeats == 0 => '┤',
                _ => '│',
            },
            _ => ' ',
        };
        format!("{rail} {}", word.unwrap_or_default())
    }
}

/// Milliseconds with one decimal, rounded down as a clock shows them.
fn millis(us: u64) -> String {
    format!("{}.{}", us / 1000, us % 1000 / 100)
}

fn first_line(message: &[u8]) -> &[u8] {
    let line = message.split(|&b| b == b'\n').next().unwrap_or_default();
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The method in the CSeq header (RFC 3261 §20.16; it has no compact form). Read line by line, so that a
/// message that no parser takes still has its place.
fn cseq_method(message: &[u8]) -> String {
    let header = |line: &&[u8]| {
        let name = line.split(|&b| b == b':').next().unwrap_or_default();
        name.trim_ascii().eq_ignore_ascii_case(b"CSeq")
    };
    let found = message.split(|&b| b == b'\n').take_while(|line| !line.trim_ascii().is_empty());
    let line = found.skip(1).find(header).unwrap_or_default();
    shown(line.trim_ascii().rsplit(u8::is_ascii_whitespace).next().unwrap_or_default())
}

/// Bytes as a terminal may see them.
fn shown(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                ' '..='~' => text.push(c),
                // Leaves letters alone, escapes controls, format characters and stray combining marks.
                _ => text.extend(c.escape_debug()),
            }
        }
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            write!(text, "\\x{byte:02x}").ok();
        }
    }
    text
}

/// The beginning of `text`, with two dots where it was cut.
fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(columns.saturating_sub(2)).collect();
    short.extend("..".chars().take(columns));
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &[u8]) -> String {
        Summary::of(message).text(MESSAGE_COLUMNS)
    }

    #[test]
    fn a_long_uri_is_cut_and_a_long_phrase_keeps_its_method() {
        let uri = "sip:+12025550142@carrier-with-a-long-name.example.net:5060;user=phone";
        assert_eq!(
            line(format!("INVITE {uri} SIP/2.0\r\n").as_bytes()),
            "INVITE sip:+12025550142@carrier-with.."
        );
        let phrase = "Temporarily Unavailable For Reasons That Are Long";
        assert_eq!(
            line(format!("SIP/2.0 480 {phrase}\r\nCSeq: 1 INVITE\r\n\r\n").as_bytes()),
            "480 Temporarily Unavailable .. (INVITE)".replace(" .. ", ".. ")
        );
    }

    #[test]
    fn the_method_of_a_response_is_found_however_it_is_written() {
        let response = |header: &str| {
            line(format!("SIP/2.0 200 OK\r\nVia: x\r\n{header}\r\n\r\nCSeq: 9 BODY\r\n").as_bytes())
        };
        assert_eq!(response("cSEQ \t:  0009   CANCEL "), "200 OK (CANCEL)");
        assert_eq!(response("X-CSeq: 1 INVITE"), "200 OK");
    }

    #[test]
    fn nothing_from_a_peer_reaches_the_terminal_unescaped() {
        assert_eq!(line(b"SIP/2.0 486 \x1b[31mred\xff\r\n\r\n"), "486 \\u{1b}[31mred\\xff");
        assert_eq!(
            line("SIP/2.0 486 Besetzt für \u{202e}x\r\n".as_bytes()),
            "486 Besetzt für \\u{202e}x"
        );
        assert_eq!(line(b"\r\n\r\n"), "(4 bytes) no start line");
        assert_eq!(line(b"nonsense"), "(8 bytes) nonsense");
        let traced = trace(1500, Direction::In, "127.0.0.1:5070", b"A: \x07\r\n\r\nbody\x80");
        assert_eq!(traced, "<-- 1.5 ms from 127.0.0.1:5070, 13 bytes\nA: \\u{7}\n\nbody\\x80\n");
    }

    #[test]
    fn any_bytes_fit_in_80_columns() {
        let mut ladder = Ladder::new();
        let invite = format!("INVITE sip:+123456789012345@{} SIP/2.0\r\n", "x".repeat(60));
        let ringing = "SIP/2.0 180 Ringing\r\nCSeq: 1 INVITE\r\n\r\n";
        ladder.push(0, Direction::Out, Bytes::from(invite));
        ladder.push(999_999_999, Direction::In, Bytes::from(ringing));
        for byte in 0..=255_u8 {
            let long = [b"SIP/2.0 ".as_slice(), &[byte; 60], b" ", &[byte; 60]].concat();
            ladder.push(999_999_999, Direction::In, Bytes::from(long));
            ladder.push(999_999_999, Direction::Out, Bytes::from(vec![byte; 200]));
            let ours = [b"CANCEL ".as_slice(), &[byte; 60], b" SIP/2.0\r\nCSeq: 1 ", &[byte; 60]];
            ladder.push(999_999_999, Direction::Out, Bytes::from(ours.concat()));
        }
        for line in ladder.text(Some(180)).lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
