//! A far end for load: every answer is made from the request alone, as little as possible is read, and nothing
//! is judged. 100 and 180 to INVITE, 200 and 487 to CANCEL, 200 to the rest, nothing to ACK.
//!
//! What is remembered is one entry of a hash table for each call that still rings, so that the end can say
//! whether every phone was cancelled. A response that gets lost is not sent again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::Write as _;
use std::net::SocketAddr;

use memchr::{memchr, memmem, memrchr};
use siphasher::sip::SipHasher13;
use smallvec::SmallVec;

use super::call::{caller, number};
use super::outbox::Outbox;
use super::tell::{Heard, Tells};
use crate::base::rng::Rng;

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FastCounts {
    /// Calls: INVITEs with a Call-ID of their own.
    pub calls: u64,
    /// INVITEs that came again while the phone rang.
    pub invites_again: u64,
    /// CANCELs that ended a call.
    pub cancels: u64,
    /// CANCELs for what did not ring (any more).
    pub cancels_again: u64,
    /// ACKs of cancelled calls.
    pub acks: u64,
    /// ACKs that belong to nothing.
    pub acks_again: u64,
    /// BYE, OPTIONS and other requests.
    pub others: u64,
    /// What could not be read, and responses.
    pub strays: u64,
}

/// A far end without transactions.
pub struct Fast {
    counts: FastCounts,
    calls: HashMap<u64, Phone, BuildHasherDefault<Plain>>,
    hasher: SipHasher13,
    contact: Box<[u8]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phone {
    Rings,
    /// Its ACK is awaited.
    Cancelled,
}

impl Fast {
    /// A far end whose Contact leads to `contact`.
    #[must_use]
    pub fn new(contact: SocketAddr, rng: &mut Rng) -> Self {
        Self {
            counts: FastCounts::default(),
            calls: HashMap::default(),
            hasher: SipHasher13::new_with_keys(rng.wire(), rng.wire()),
            contact: format!("Contact: <sip:carrier@{contact}>\r\n").into_bytes().into(),
        }
    }

    /// A datagram came. `tells` hears of the call that it begins.
    pub fn handle(
        &mut self,
        datagram: &[u8],
        from: SocketAddr,
        tells: &mut Tells,
        out: &mut Outbox,
    ) {
        let Some(request) = Request::read(datagram) else {
            self.counts.strays += 1;
            return;
        };
        let mut hasher = self.hasher;
        hasher.write(request.call_id);
        let call = hasher.finish();
        match request.method {
            b"INVITE" => {
                // A copy that overtook the CANCEL on its way must not make the phone ring again.
                match self.calls.entry(call) {
                    Entry::Occupied(_) => self.counts.invites_again += 1,
                    Entry::Vacant(place) => {
                        place.insert(Phone::Rings);
                        self.counts.calls += 1;
                        if tells.wanted()
                            && let Some(call) = request.call()
                        {
                            tells.heard(call);
                        }
                    }
                }
                request.answer(b"100 Trying", b"INVITE", None, &[], (from, out));
                request.answer(b"180 Ringing", b"INVITE", Some(call), &self.contact, (from, out));
            }
            b"ACK" => {
                if self.calls.get(&call) == Some(&Phone::Cancelled) {
                    self.calls.remove(&call);
                    self.counts.acks += 1;
                } else {
                    self.counts.acks_again += 1;
                }
            }
            b"CANCEL" => {
                match self.calls.get_mut(&call) {
                    Some(phone @ Phone::Rings) => {
                        *phone = Phone::Cancelled;
                        self.counts.cancels += 1;
                    }
                    Some(Phone::Cancelled) | None => self.counts.cancels_again += 1,
                }
                request.answer(b"200 OK", b"CANCEL", Some(call), &[], (from, out));
                request.answer(b"487 Request Terminated", b"INVITE", Some(call), &[], (from, out));
            }
            method => {
                self.counts.others += 1;
                request.answer(b"200 OK", method, Some(call), &[], (from, out));
            }
        }
    }

    /// What happened so far.
    #[must_use]
    pub const fn counts(&self) -> FastCounts {
        self.counts
    }

    /// Phones that ring right now.
    #[must_use]
    pub fn ringing(&self) -> usize {
        self.calls.values().filter(|phone| **phone == Phone::Rings).count()
    }

    /// Cancelled calls whose ACK has not come.
    #[must_use]
    pub fn unacknowledged(&self) -> usize {
        self.calls.len() - self.ringing()
    }
}

/// What a response copies, in place: whole header lines without their line ends.
#[derive(Default)]
struct Request<'a> {
    method: &'a [u8],
    uri: &'a [u8],
    vias: SmallVec<[&'a [u8]; 2]>,
    from: &'a [u8],
    to: &'a [u8],
    call_id_line: &'a [u8],
    call_id: &'a [u8],
    /// The number, without the method.
    cseq: &'a [u8],
}

impl<'a> Request<'a> {
    /// `None` for anything that is no request or lacks a line that a response copies.
    fn read(datagram: &'a [u8]) -> Option<Self> {
        let method = datagram.get(..memchr(b' ', datagram)?)?;
        if method.starts_with(b"SIP/") {
            return None;
        }
        let (first, mut rest) = datagram.split_at_checked(memchr(b'\n', datagram)? + 1)?;
        let uri = first.get(method.len() + 1..)?;
        let uri = uri.get(..memchr(b' ', uri).unwrap_or(uri.len()))?;
        let mut request = Self { method, uri, ..Self::default() };
        while let Some((line, next)) = split_line(rest) {
            rest = next;
            let (name, value) = line.split_at_checked(memchr(b':', line)?)?;
            match Field::of(name) {
                Field::Via => request.vias.push(line),
                Field::From => request.from = line,
                Field::To => request.to = line,
                Field::CallId => {
                    request.call_id_line = line;
                    request.call_id = value.get(1..)?.trim_ascii();
                }
                Field::Cseq => {
                    let value = value.get(1..)?.trim_ascii();
                    request.cseq = value.get(..memchr(b' ', value)?)?;
                }
                Field::Other => {}
            }
        }
        let Self { vias, from, to, call_id, cseq, .. } = &request;
        let missing =
            vias.is_empty() || [from, to, call_id, cseq].iter().any(|line| line.is_empty());
        (!missing).then_some(request)
    }

    /// Who calls whom; `None` where one of them has no number.
    fn call(&self) -> Option<Heard> {
        let from = self.from.get(memchr(b':', self.from)? + 1..)?;
        let from = from.get(memrchr(b'<', from).map_or(0, |at| at + 1)..)?;
        let from = from.get(..memchr(b'>', from).unwrap_or(from.len()))?.trim_ascii();
        Some(Heard { to: number(self.uri)?, from: caller(from)? })
    }

    /// One response. Without a tag it is a 100.
    fn answer(
        &self,
        status: &[u8],
        method: &[u8],
        tag: Option<u64>,
        more: &[u8],
        (from, out): (SocketAddr, &mut Outbox),
    ) {
        let bytes = out.bytes();
        put(bytes, &[b"SIP/2.0 ", status, b"\r\n"]);
        for (place, via) in self.vias.iter().enumerate() {
            match rport(via).filter(|_| place == 0) {
                Some((before, after)) => {
                    put(bytes, &[before, b";received="]);
                    // Writing to a vector cannot fail.
                    write!(bytes, "{};rport={}", from.ip(), from.port()).ok();
                    put(bytes, &[after, b"\r\n"]);
                }
                None => put(bytes, &[via, b"\r\n"]),
            }
        }
        put(
            bytes,
            &[self.from, b"\r\n", self.call_id_line, b"\r\nCSeq: ", self.cseq, b" ", method],
        );
        put(bytes, &[b"\r\n", self.to]);
        if let Some(tag) = tag.filter(|_| memmem::find(self.to, b";tag=").is_none()) {
            bytes.extend_from_slice(b";tag=");
            bytes.extend_from_slice(&hex(tag));
        }
        put(bytes, &[b"\r\n", more, b"Content-Length: 0\r\n\r\n"]);
        out.end(from);
    }
}

#[derive(Clone, Copy)]
enum Field {
    Via,
    From,
    To,
    CallId,
    Cseq,
    Other,
}

impl Field {
    fn of(name: &[u8]) -> Self {
        let name = name.trim_ascii_end();
        let is = |text: &[u8]| name.eq_ignore_ascii_case(text);
        match name.len() {
            1 if is(b"v") => Self::Via,
            1 if is(b"f") => Self::From,
            1 if is(b"t") => Self::To,
            1 if is(b"i") => Self::CallId,
            2 if is(b"To") => Self::To,
            3 if is(b"Via") => Self::Via,
            4 if is(b"From") => Self::From,
            4 if is(b"CSeq") => Self::Cseq,
            7 if is(b"Call-ID") => Self::CallId,
            _ => Self::Other,
        }
    }
}

/// A header line with its folds, and what follows it; `None` at the empty line.
fn split_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut end = memchr(b'\n', text)?;
    while let Some(b' ' | b'\t') = text.get(end + 1) {
        end += 1 + memchr(b'\n', text.get(end + 1..)?)?;
    }
    let line = text.get(..end)?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    (!line.is_empty()).then_some((line, text.get(end + 1..).unwrap_or_default()))
}

/// A Via line before and after an `rport` that waits for its value (RFC 3581 §4).
fn rport(via: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memmem::find(via, b";rport")?;
    let after = via.get(at + b";rport".len()..)?;
    matches!(after.first(), None | Some(b';' | b','))
        .then(|| (via.get(..at).unwrap_or_default(), after))
}

fn put(bytes: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        bytes.extend_from_slice(part);
    }
}

fn hex(number: u64) -> [u8; 16] {
    std::array::from_fn(|place| {
        let digit = (number >> (60 - 4 * place) & 15) as u8;
        if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }
    })
}

/// The keys are hashes already.
#[derive(Default)]
struct Plain(u64);

impl Hasher for Plain {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::base::clock::{Instant, Now};
    use crate::carrier::tell::read;
    use crate::sip::message::Message;

    const CALLER: &str = "127.0.0.1:5060";

    fn far_end() -> Fast {
        Fast::new("127.0.0.1:5070".parse().unwrap(), &mut Rng::from_seed(1))
    }

    fn request(method: &str, number: u32) -> String {
        format!(
            "{method} sip:+12025550142@127.0.0.1:5070 SIP/2.0\r\n\
             Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK{number};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:+12025550100@127.0.0.1>;tag=a\r\n\
             To: <sip:+12025550142@127.0.0.1:5070>\r\nCall-ID: {number}@x\r\nCSeq: 1 {method}\r\n\
             Content-Length: 0\r\n\r\n"
        )
    }

    fn take(far_end: &mut Fast, request: &str) -> Vec<Message> {
        let (mut tells, mut out) = (Tells::default(), Outbox::default());
        far_end.handle(request.as_bytes(), CALLER.parse().unwrap(), &mut tells, &mut out);
        out.iter()
            .map(|(to, bytes)| {
                assert_eq!(to, CALLER.parse().unwrap());
                Message::parse(Bytes::copy_from_slice(bytes)).unwrap()
            })
            .collect()
    }

    fn lines(messages: &[Message]) -> Vec<String> {
        messages
            .iter()
            .map(|message| {
                let key = message.key().unwrap();
                assert_eq!((key.cseq, key.from_tag, key.vias), (1, Some(&b"a"[..]), 1));
                format!("{} {}", message.status().unwrap(), key.method)
            })
            .collect()
    }

    #[test]
    fn a_flash_call() {
        let mut far_end = far_end();
        let ringing = take(&mut far_end, &request("INVITE", 1));
        assert_eq!(lines(&ringing), ["100 INVITE", "180 INVITE"]);
        assert_eq!(far_end.ringing(), 1);
        let end = take(&mut far_end, &request("CANCEL", 1));
        assert_eq!(lines(&end), ["200 CANCEL", "487 INVITE"]);
        assert_eq!((far_end.ringing(), far_end.unacknowledged()), (0, 1));
        let tags: Vec<_> = ringing.iter().chain(&end).map(|m| m.key().unwrap().to_tag).collect();
        assert_eq!(tags[0], None);
        assert!(tags[1].is_some() && tags[1] == tags[2] && tags[1] == tags[3]);
        assert_eq!(ringing[1].key().unwrap().branch, b"z9hG4bK1");
        let via = ringing[1].value(crate::sip::message::Name::Via).unwrap();
        assert!(via.bytes().ends_with(b";received=127.0.0.1;rport=5060"), "{via:?}");
        assert!(take(&mut far_end, &request("ACK", 1)).is_empty());
        assert_eq!((far_end.ringing(), far_end.unacknowledged()), (0, 0));
        let counts = far_end.counts();
        assert_eq!((counts.calls, counts.cancels, counts.acks), (1, 1, 1));
    }

    #[test]
    fn copies_are_counted_apart_and_a_phone_left_ringing_is_known() {
        let mut far_end = far_end();
        for number in [1, 2, 2, 3] {
            take(&mut far_end, &request("INVITE", number));
        }
        for number in [2, 2, 3] {
            assert_eq!(take(&mut far_end, &request("CANCEL", number)).len(), 2);
        }
        take(&mut far_end, &request("ACK", 2));
        take(&mut far_end, &request("ACK", 2));
        let counts = far_end.counts();
        assert_eq!((counts.calls, counts.invites_again), (3, 1));
        assert_eq!((counts.cancels, counts.cancels_again), (2, 1));
        assert_eq!((counts.acks, counts.acks_again), (1, 1));
        assert_eq!((far_end.ringing(), far_end.unacknowledged()), (1, 1));
    }

    /// Who is said to have called whom.
    fn told(far_end: &mut Fast, requests: &[String]) -> Vec<(String, String)> {
        let (mut tells, mut out) = (Tells::default(), Outbox::default());
        tells.ask(CALLER.parse().unwrap(), Instant::START);
        for request in requests {
            far_end.handle(request.as_bytes(), CALLER.parse().unwrap(), &mut tells, &mut out);
        }
        out.clear();
        tells.write(Now { instant: Instant::START, unix_us: 0 }, &mut out);
        let calls = out.iter().flat_map(|(_, bytes)| read(bytes).unwrap().1.collect::<Vec<_>>());
        calls
            .map(|call| (call.to.reveal(), call.from.reveal()))
            .map(|(to, from)| (to.as_str().to_owned(), from.as_str().to_owned()))
            .collect()
    }

    #[test]
    fn every_call_is_told_once_to_who_listens() {
        let mut far_end = far_end();
        let requests = [("INVITE", 1), ("INVITE", 1), ("CANCEL", 1), ("OPTIONS", 2), ("INVITE", 3)];
        let requests = requests.map(|(method, number)| request(method, number));
        let call = ("12025550142".to_owned(), "12025550100".to_owned());
        assert_eq!(told(&mut far_end, &requests), [call.clone(), call]);
    }

    #[test]
    fn numbers_are_found_in_every_kind_of_uri_and_a_call_without_numbers_is_answered() {
        let other = |from: &str, uri: &str| {
            let from = format!("From: {from}");
            let text = request("INVITE", 1).replace("From: <sip:+12025550100@127.0.0.1>", &from);
            [text.replace("INVITE sip:+12025550142@127.0.0.1:5070", &format!("INVITE {uri}"))]
        };
        for (from, uri) in [
            ("<sip:+4930123456@h;user=phone>", "sip:+4930999@h"),
            ("\"a: <b\" <tel:+4930123456>", "tel:+4930999"),
            ("sips:+4930123456@h", "sips:+4930999;isub=1@h"),
        ] {
            let call = [("4930999".to_owned(), "4930123456".to_owned())];
            assert_eq!(told(&mut far_end(), &other(from, uri)), call, "{from} {uri}");
        }
        for (from, uri) in
            [("<sip:anonymous@h>", "sip:+4930999@h"), ("<sip:+4930123@h>", "sip:a@h")]
        {
            let mut far_end = far_end();
            assert_eq!(told(&mut far_end, &other(from, uri)), []);
            assert_eq!(far_end.counts().calls, 1);
        }
    }

    #[test]
    fn compact_folded_and_shuffled_headers_are_found() {
        let mut far_end = far_end();
        let text = "OPTIONS sip:a@b SIP/2.0\r\ni:1\r\nt : <sip:a@b>\r\n ;tag=z\r\nCSEQ: 1 OPTIONS\r\n\
             f:<sip:c@d>;tag=a\r\nv: SIP/2.0/UDP h\r\n ;branch=z9hG4bKq\r\n\r\n";
        let answers = take(&mut far_end, text);
        assert_eq!(lines(&answers), ["200 OPTIONS"]);
        assert_eq!(answers[0].key().unwrap().to_tag, Some(&b"z"[..]));
    }

    #[test]
    fn what_is_no_request_is_left_alone() {
        let mut far_end = far_end();
        for text in
            ["", "\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n", "INVITE", "A b\r\nVia\r\n\r\n", "A b\n"]
        {
            assert!(take(&mut far_end, text).is_empty());
        }
        assert_eq!(far_end.counts().strays, 6);
    }
}
