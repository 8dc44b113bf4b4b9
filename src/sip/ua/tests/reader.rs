//! What left us, as our own parser reads it, and whether `rsip` reads the same.

use bytes::Bytes;
use rsip::prelude::{HasHeaders as _, HeadersExt as _, ToTypedHeader as _};
use std::net::SocketAddr;

use crate::sip::message::{Message, Start, Verdict, validate};

/// A message that left.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    /// Milliseconds since the test began.
    pub(super) at: u64,
    /// Where it went.
    pub(super) to: SocketAddr,
    /// Its method, or its status.
    pub(super) what: String,
    /// As bytes that are all text.
    pub(super) text: String,
    headers: Vec<(String, String)>,
}

impl Sent {
    pub(super) fn read(at: u64, to: SocketAddr, bytes: &[u8]) -> Self {
        let message = Message::parse(Bytes::copy_from_slice(bytes)).expect("we send messages");
        let problems = validate(&message);
        assert_eq!(Verdict::of(&problems), Verdict::Accept, "{problems:?}");
        let what = match message.start() {
            Start::Request { name, .. } => text(name),
            Start::Response { status, .. } => status.to_string(),
        };
        let headers = message
            .headers()
            .map(|header| (text(header.text), text(&header.value.unfolded())))
            .collect();
        Self { at, to, what, text: text(bytes), headers }
    }

    /// The first value of this header.
    #[track_caller]
    pub(super) fn header(&self, name: &str) -> String {
        let found = self.headers(name).into_iter().next();
        found.unwrap_or_else(|| panic!("no {name} in\n{}", self.text))
    }

    /// Every line's value of this header.
    pub(super) fn headers(&self, name: &str) -> Vec<String> {
        let named = self.headers.iter().filter(|(known, _)| known == name);
        named.map(|(_, value)| value.clone()).collect()
    }

    /// The names of all its headers, in order.
    pub(super) fn names(&self) -> Vec<&str> {
        self.headers.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The start line.
    pub(super) fn start(&self) -> &str {
        self.text.lines().next().unwrap()
    }

    /// The Request-URI.
    pub(super) fn uri(&self) -> &str {
        self.start().split(' ').nth(1).unwrap()
    }

    pub(super) fn branch(&self) -> String {
        parameter(&self.header("Via"), "branch").unwrap()
    }

    pub(super) fn to_tag(&self) -> Option<String> {
        parameter(&self.header("To"), "tag")
    }

    /// The tag of its From.
    pub(super) fn own_tag(&self) -> String {
        parameter(&self.header("From"), "tag").unwrap()
    }

    pub(super) fn cseq(&self) -> u32 {
        let cseq = self.header("CSeq");
        let (number, method) = cseq.split_once(' ').unwrap();
        assert!(self.what == method || self.what.parse::<u16>().is_ok(), "CSeq: {cseq}");
        number.parse().unwrap()
    }

    pub(super) fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").unwrap().1
    }
}

fn parameter(value: &str, name: &str) -> Option<String> {
    let (_, rest) = value.split_once(&format!(";{name}="))?;
    Some(rest.split([';', ',', '>']).next().unwrap().to_owned())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("what we write is text")
}

/// That an independent reader finds the same in it, unless it has what `rsip` 0.4 cannot read: IPv6 references and
/// methods that nobody knows.
#[track_caller]
pub(super) fn agrees(sent: &Sent) {
    if sent.text.contains("@[") || sent.header("CSeq").ends_with(" FOO") {
        return;
    }
    let theirs = rsip::SipMessage::try_from(sent.text.as_bytes());
    let theirs = theirs.unwrap_or_else(|error| panic!("rsip: {error}\n{}", sent.text));
    match &theirs {
        rsip::SipMessage::Request(request) => {
            assert_eq!(request.method.to_string(), sent.what);
            assert_eq!(request.uri.to_string(), sent.uri());
        }
        rsip::SipMessage::Response(response) => {
            assert_eq!(response.status_code.code().to_string(), sent.what);
        }
    }
    same_headers(&theirs, sent);
    let via = theirs.via_header().unwrap().typed().unwrap();
    let branch = via.branch().map(|branch| branch.value().to_owned());
    assert_eq!(branch, Some(sent.branch()));
    let tag = |tag: Option<&rsip::param::Tag>| tag.map(|tag| tag.value().to_owned());
    let from = theirs.from_header().unwrap().typed().unwrap();
    assert_eq!(tag(from.tag()), Some(sent.own_tag()));
    let to = theirs.to_header().unwrap().typed().unwrap();
    assert_eq!(tag(to.tag()), sent.to_tag());
    let cseq = theirs.cseq_header().unwrap().typed().unwrap();
    assert_eq!(format!("{} {}", cseq.seq, cseq.method), sent.header("CSeq"));
    assert_eq!(theirs.body(), sent.body().as_bytes());
    assert_eq!(sent.header("Content-Length"), sent.body().len().to_string());
}

#[track_caller]
fn same_headers(theirs: &rsip::SipMessage, sent: &Sent) {
    let theirs = theirs.headers().iter().map(ToString::to_string).collect::<Vec<_>>();
    let ours: Vec<_> =
        sent.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(theirs, ours);
}
