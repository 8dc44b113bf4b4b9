//! The five fields that matching needs, in one look: RFC 3261 §17.1.3, §17.2.3, §12.
//!
//! This is read for every datagram, so it is written by hand and allocates nothing. Folds, white space and quoted
//! strings are taken wherever the grammar allows them.

use super::index::Slot;
use super::method::Method;
use super::name::Name;
use super::problem::{Fault, Problem};
use super::read::Message;
use super::scan;

/// What a message is matched by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    /// Branch of the topmost Via; empty where it has none (RFC 2543).
    pub branch: &'a [u8],
    /// Sent-by of the topmost Via, `host` or `host:port`, as received.
    pub sent_by: &'a [u8],
    /// Via values: 1, or 2 for more than one. A response with more than one is not for us (RFC 3261 §8.1.3.3).
    pub vias: u8,
    /// Call-ID, compared byte by byte.
    pub call_id: &'a [u8],
    /// CSeq number.
    pub cseq: u32,
    /// CSeq method.
    pub method: Method,
    /// CSeq method as received.
    pub method_name: &'a [u8],
    /// Tag of From.
    pub from_tag: Option<&'a [u8]>,
    /// Tag of To.
    pub to_tag: Option<&'a [u8]>,
}

impl Message {
    /// Reads what matching needs. Allocates nothing.
    ///
    /// # Errors
    /// The first thing that makes the message useless: one of the five headers missing or unreadable, a status code
    /// that is none, a body shorter than its Content-Length. A response is then to be dropped (RFC 3261 §8.1.3, §18.3),
    /// a request answered with [`Problem::owed`].
    pub fn key(&self) -> Result<Key<'_>, Problem> {
        if self.status().is_some_and(|status| !(100..=699).contains(&status)) {
            return Err(self.problem(Fault::StatusRange, None, 0));
        }
        if self.content_length().is_some_and(|length| length > self.rest_length()) {
            return Err(self.hot_problem(Fault::BodyShort, Name::ContentLength));
        }
        let via = self.hot(Name::Via)?;
        let via = top_via(via, self.index().has_second(Name::Via));
        let via = via.ok_or_else(|| self.hot_problem(Fault::Via, Name::Via))?;
        let cseq = cseq(self.hot(Name::CSeq)?);
        let (cseq, method_name) = cseq.ok_or_else(|| self.hot_problem(Fault::CSeq, Name::CSeq))?;
        let from_tag = tag(self.hot(Name::From)?);
        let to_tag = tag(self.hot(Name::To)?);
        Ok(Key {
            branch: via.branch,
            sent_by: via.sent_by,
            vias: via.count,
            call_id: self.hot(Name::CallId)?,
            cseq,
            method: Method::from_bytes(method_name),
            method_name,
            from_tag: from_tag.ok_or_else(|| self.hot_problem(Fault::Address, Name::From))?,
            to_tag: to_tag.ok_or_else(|| self.hot_problem(Fault::Address, Name::To))?,
        })
    }

    #[inline]
    fn hot(&self, name: Name) -> Result<&[u8], Problem> {
        match self.index().first(name) {
            Some(Slot { value, end, .. }) => Ok(self.slice(*value, *end)),
            None => Err(self.hot_problem(Fault::MissingHeader, name)),
        }
    }

    #[cold]
    fn hot_problem(&self, fault: Fault, name: Name) -> Problem {
        let at = self.index().first(name).map_or(0, |slot| usize::from(slot.value));
        self.problem(fault, Some(name), at)
    }

    /// A problem at an offset within [`Message::bytes`].
    #[cold]
    pub(super) const fn problem(&self, fault: Fault, name: Option<Name>, at: usize) -> Problem {
        let owed = if self.status().is_some() { None } else { fault.owed() };
        Problem { fault, name, owed, at: at + self.skipped() }
    }
}

struct TopVia<'a> {
    sent_by: &'a [u8],
    branch: &'a [u8],
    count: u8,
}

/// `SIP/2.0/UDP host:port;branch=…;…` and whether another value follows. `None` where it cannot be a Via.
#[inline]
fn top_via(value: &[u8], more: bool) -> Option<TopVia<'_>> {
    let (sent_by, mut rest) = sent_by(value)?;
    let mut branch: &[u8] = &[];
    let mut count = 1 + u8::from(more);
    // `rest` begins with the `;` of a parameter or the `,` of the next value, or is empty.
    while let [sign, inside @ ..] = rest {
        if *sign == b',' {
            count = 2;
            break;
        }
        let (parameter, next) = split_parameter(inside)?;
        rest = next;
        if branch.is_empty()
            && let Some(text) = named(parameter, b"branch")
        {
            branch = text;
            // The usual end: nothing behind the branch can be another value.
            if more || scan::one(b',', rest).is_none() {
                break;
            }
        }
    }
    Some(TopVia { sent_by, branch, count })
}

/// Takes the protocol from a Via value and gives sent-by, and what follows it.
#[inline]
pub(super) fn sent_by(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let transport = match value.strip_prefix(b"SIP/2.0/") {
        Some(transport) => transport,
        None => {
            let version = scan::one(b'/', value)? + 1;
            let after = value.get(version..)?;
            after.get(scan::one(b'/', after)? + 1..)?.trim_ascii_start()
        }
    };
    let blank = transport.iter().position(u8::is_ascii_whitespace)?;
    let host = transport.get(blank..)?.trim_ascii_start();
    let end = scan::two(b';', b',', host).unwrap_or(host.len());
    let (host, rest) = host.split_at_checked(end)?;
    let host = host.trim_ascii_end();
    (!host.is_empty()).then_some((host, rest))
}

/// One parameter without its `;`, and what follows: a `;`, a `,` or nothing. Quoted strings are stepped over.
#[inline]
pub(super) fn split_parameter(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut end = 0;
    loop {
        let rest = text.get(end..)?;
        match scan::three(b';', b',', b'"', rest) {
            None => return Some((text, &[])),
            Some(at) if rest.get(at) == Some(&b'"') => end += at + quoted_length(rest.get(at..)?)?,
            Some(at) => return text.split_at_checked(end + at),
        }
    }
}

/// Length of the quoted string that begins here, both quotes included; `None` where it does not end.
#[inline]
pub(super) fn quoted_length(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        let found = at + scan::two(b'"', b'\\', text.get(at..)?)?;
        if text.get(found) == Some(&b'"') {
            return Some(found + 1);
        }
        at = found + 2;
    }
}

/// The value of a parameter of this name, white space round `=` allowed.
#[inline]
pub(super) fn named<'a>(parameter: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let parameter = parameter.trim_ascii_start();
    let (text, rest) = parameter.split_at_checked(name.len())?;
    if !text.eq_ignore_ascii_case(name) {
        return None;
    }
    let value = rest.trim_ascii_start().strip_prefix(b"=")?;
    Some(value.trim_ascii())
}

/// `1 INVITE`, the number below 2^31 (RFC 3261 §8.1.1.5).
#[inline]
fn cseq(value: &[u8]) -> Option<(u32, &[u8])> {
    let mut number: u32 = 0;
    let mut digits = 0;
    for byte in value {
        if !byte.is_ascii_digit() {
            break;
        }
        number = number.checked_mul(10)?.checked_add(u32::from(byte - b'0'))?;
        digits += 1;
    }
    let rest = value.get(digits..)?;
    let method = rest.trim_ascii_start();
    let good = digits > 0 && method.len() < rest.len() && !method.is_empty() && number < 1 << 31;
    good.then_some((number, method))
}

/// The tag of a From or To value, if it has one; `None` where quotes or angle brackets do not close.
#[inline]
pub(super) fn tag(value: &[u8]) -> Option<Option<&[u8]>> {
    // Nearly always an address in angle brackets without a name.
    let mut rest = match value {
        [b'<', ..] => value.get(scan::one(b'>', value)? + 1..)?.trim_ascii_start(),
        _ => after_address(value)?,
    };
    while let [sign, inside @ ..] = rest {
        if *sign != b';' {
            break;
        }
        let (parameter, next) = split_parameter(inside)?;
        if let Some(text) = named(parameter, b"tag") {
            return Some(Some(text));
        }
        rest = next;
    }
    Some(None)
}

/// What follows a name-addr or addr-spec: header parameters, with their `;`. Without angle brackets every
/// parameter is the header's, not the URI's (RFC 3261 §20).
#[inline]
fn after_address(value: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    loop {
        let rest = value.get(at..)?;
        let Some(found) = scan::three(b'<', b'"', b';', rest) else { return Some(&[]) };
        at += found;
        match rest.get(found) {
            Some(b'"') => at += quoted_length(rest.get(found..)?)?,
            Some(b'<') => {
                let close = at + scan::one(b'>', value.get(at..)?)? + 1;
                return Some(value.get(close..)?.trim_ascii_start());
            }
            _ => return value.get(at..),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn message(headers: &str) -> Message {
        let text = format!("SIP/2.0 180 Ringing\r\n{headers}\r\n");
        Message::parse(Bytes::from(text)).unwrap()
    }

    const REST: &str =
        "From: <sip:a@b>;tag=f\r\nTo: <sip:c@d>;tag=t\r\nCall-ID: x@y\r\nCSeq: 7 INVITE\r\n";

    fn via(line: &str) -> (String, String, u8) {
        let message = message(&format!("{line}\r\n{REST}"));
        let key = message.key().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (text(key.sent_by), text(key.branch), key.vias)
    }

    #[test]
    fn five_fields_of_an_ordinary_response() {
        let message =
            message(&format!("Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKx;rport\r\n{REST}"));
        let key = message.key().unwrap();
        assert_eq!(key.branch, b"z9hG4bKx");
        assert_eq!(key.sent_by, b"10.0.0.1:5060");
        assert_eq!(key.vias, 1);
        assert_eq!(key.call_id, b"x@y");
        assert_eq!((key.cseq, key.method), (7, Method::Invite));
        assert_eq!(key.from_tag, Some(&b"f"[..]));
        assert_eq!(key.to_tag, Some(&b"t"[..]));
    }

    #[test]
    fn via_in_all_its_shapes() {
        let cases = [
            ("v:SIP/2.0/UDP h;branch=a", ("h", "a", 1)),
            ("Via: SIP / 2.0 / UDP h : 5060 ; branch = a ; rport", ("h : 5060", "a", 1)),
            ("Via: SIP/2.0/UDP\r\n h\r\n ;branch\r\n =\r\n a", ("h", "a", 1)),
            ("Via: SIP/2.0/UDP [2001:db8::1]:5060;BRANCH=a", ("[2001:db8::1]:5060", "a", 1)),
            ("Via: SIP/2.0/UDP h;branch=a,SIP/2.0/UDP i;branch=b", ("h", "a", 2)),
            ("Via: SIP/2.0/UDP h;branch=a;x=\"p,q\"", ("h", "a", 1)),
            ("Via: SIP/2.0/UDP h;x=\",;\\\"branch=no\";branch=a", ("h", "a", 1)),
            ("Via: SIP/2.0/UDP h, SIP/2.0/UDP i;branch=b", ("h", "", 2)),
            ("Via: SIP/2.0/UDP h;branch=a\r\nVia: SIP/2.0/UDP i;branch=b", ("h", "a", 2)),
            ("Via: SIP/2.0/UDP h", ("h", "", 1)),
            ("Via: SIP/2.0/UDP h;branchy=no;branch=a", ("h", "a", 1)),
        ];
        for (line, (sent_by, branch, vias)) in cases {
            assert_eq!(via(line), (sent_by.into(), branch.into(), vias), "{line}");
        }
    }

    #[test]
    fn tags_are_the_headers_not_the_uris() {
        let cases = [
            ("<sip:a@b;tag=no>;tag=yes", Some("yes")),
            ("sip:a@b;tag=yes", Some("yes")),
            ("\"a <;tag=no>\\\" \" <sip:a@b> ; x ; TAG = yes", Some("yes")),
            ("<sip:a@b>", None),
            ("Bob<sip:a@b>;tagged=no", None),
            ("\"a\"\r\n <sip:a@b>\r\n ;tag=yes", Some("yes")),
        ];
        for (value, meant) in cases {
            assert_eq!(tag(value.as_bytes()), Some(meant.map(str::as_bytes)), "{value}");
        }
        assert_eq!(tag(b"\"open <sip:a@b>;tag=x"), None);
        assert_eq!(tag(b"<sip:a@b;tag=x"), None);
    }

    #[test]
    fn cseq_is_below_two_to_the_31() {
        assert_eq!(cseq(b"2147483647 ACK"), Some((2_147_483_647, &b"ACK"[..])));
        assert_eq!(cseq(b"0009\r\n ACK"), Some((9, &b"ACK"[..])));
        for bad in
            [&b"2147483648 ACK"[..], b"4294967297 ACK", b"ACK", b"1ACK", b"1 ", b"", b"-1 ACK"]
        {
            assert_eq!(cseq(bad), None, "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let via = "Via: SIP/2.0/UDP h;branch=a\r\n";
        let problem = |headers: &str| message(headers).key().unwrap_err();
        assert_eq!(problem(REST).name, Some(Name::Via));
        assert_eq!(problem(via).name, Some(Name::CSeq));
        assert_eq!(problem(&format!("Via: SIP/2.0/UDP\r\n{REST}")).fault, Fault::Via);
        let short = format!("{via}{REST}Content-Length: 5\r\n");
        assert_eq!(problem(&short).fault, Fault::BodyShort);
        let strange = format!("SIP/2.0 700 No\r\n{via}{REST}\r\n");
        let strange = Message::parse(Bytes::from(strange)).unwrap();
        assert_eq!(strange.key().unwrap_err().fault, Fault::StatusRange);
    }

    #[test]
    fn nothing_is_allocated() {
        let text = format!("SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP h;branch=a\r\n{REST}\r\n");
        let bytes = Bytes::from(text);
        let info = allocation_counter::measure(|| {
            let message = Message::parse(bytes.clone()).unwrap();
            assert_eq!(message.key().unwrap().branch, b"a");
        });
        assert_eq!(info.count_total, 0);
    }
}
