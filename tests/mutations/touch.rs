//! Reads everything that can be read of a message, as no caller in its right mind would, and holds the readers to
//! what they promise each other.

use std::hint::black_box;
use std::net::SocketAddr;

use bytes::Bytes;
use onering::base::limits::LINE_MAX;
use onering::sip::message::digest::{self, Asked, Credentials, Policy, Secret};
use onering::sip::message::{
    Address, Contact, Key, List, Message, Name, Params, Response, Start, Text, Uri, Verdict,
    response_target, validate,
};

/// How far a message came.
#[derive(Clone, Copy, Default)]
pub(crate) struct Depth {
    /// It has an index.
    pub(crate) parsed: bool,
    /// Typed values that were read without fault.
    pub(crate) values: u32,
    /// The validator found nothing that makes it invalid.
    pub(crate) accepted: bool,
    /// A response to it was written and read again.
    pub(crate) answered: bool,
}

/// Headers that hold addresses, besides Contact, From and To.
const ADDRESSES: [Name; 8] = [
    Name::Route,
    Name::RecordRoute,
    Name::PAssertedIdentity,
    Name::Diversion,
    Name::HistoryInfo,
    Name::ReferTo,
    Name::ReplyTo,
    Name::Path,
];

/// Headers that hold words.
const WORDS: [Name; 4] = [Name::Allow, Name::Supported, Name::Require, Name::Unsupported];

/// Reads `bytes` in every way there is.
pub(crate) fn all(bytes: &Bytes) -> Depth {
    let mut depth = Depth::default();
    let Ok(message) = Message::parse(bytes.clone()) else { return depth };
    depth.parsed = true;
    for header in message.headers() {
        black_box((header.text, header.value.unfolded()));
    }
    depth.values = parties(&message) + lists(&message) + scalars(&message);
    let problems = validate(&message);
    depth.accepted = Verdict::of(&problems) == Verdict::Accept;
    for problem in &problems {
        assert!(problem.at <= bytes.len(), "a problem beyond the message");
        black_box(problem.to_string());
    }
    depth.answered = answer(&message);
    authorize(&message);
    depth
}

fn parties(message: &Message) -> u32 {
    let mut values = 0;
    for party in [message.from(), message.to()].into_iter().flatten() {
        values += 1;
        touch_address(&party);
    }
    if let Start::Request { uri, .. } = message.start()
        && let Some(uri) = Uri::parse(uri)
    {
        values += 1;
        touch_uri(&uri);
    }
    if let Ok(key) = message.key() {
        // Matching takes CSeq less strictly, but never reads another number or method.
        if let Ok(cseq) = message.cseq() {
            assert_eq!(
                (cseq.number, cseq.name),
                (key.cseq, key.method_name),
                "two readers of CSeq"
            );
        }
        black_box(key);
    }
    values
}

fn lists(message: &Message) -> u32 {
    let mut values = walk(message.vias(), |via| {
        black_box((via.branch(), via.received(), via.rport(), via.host.address()));
        touch_params(via.params);
    });
    values += walk(message.contacts(), |contact| match contact {
        Contact::Address(address) => touch_address(&address),
        Contact::Star => {}
    });
    for name in ADDRESSES {
        values += walk(message.addresses(name), |address| touch_address(&address));
    }
    for name in WORDS {
        values += walk(message.tokens(name), |word| {
            black_box(word);
        });
    }
    values += walk(message.reasons(), |reason| {
        black_box((
            reason.cause(),
            reason.text().map(|text| text.plain().len()),
            reason.location(),
        ));
    });
    for name in [Name::WwwAuthenticate, Name::ProxyAuthenticate] {
        values += walk(message.challenges(name), |challenge| {
            let texts = [
                challenge.realm,
                challenge.nonce,
                challenge.opaque,
                challenge.qop,
                challenge.algorithm,
            ];
            texts.into_iter().flatten().for_each(touch_text);
        });
    }
    values += walk(message.warnings(), |warning| touch_text(warning.text));
    values + walk(message.accepts(), |range| touch_params(range.params))
}

fn scalars(message: &Message) -> u32 {
    let read = [
        message.call_id().is_ok(),
        message.cseq().is_ok(),
        matches!(message.max_forwards(), Ok(Some(_))),
        matches!(message.number(Name::Expires), Ok(Some(_))),
        matches!(message.session_seconds(Name::SessionExpires), Ok(Some(_))),
        matches!(message.content_type(), Ok(Some(_))),
        matches!(message.rseq(), Ok(Some(_))),
        matches!(message.rack(), Ok(Some(_))),
        matches!(message.retry_after(), Ok(Some(_))),
        matches!(message.date(), Ok(Some(_))),
    ];
    if let Some(sdp) = message.sdp() {
        black_box((sdp.address, sdp.audio_port, sdp.direction, sdp.rtpmaps().count()));
    }
    read.into_iter().map(u32::from).sum()
}

/// Writes a response to a request; what comes out must be a response to that very request.
fn answer(message: &Message) -> bool {
    let (Some(_), Ok(key)) = (message.method(), message.key()) else { return false };
    let source: SocketAddr = ([192, 0, 2, 9], 5062).into();
    let mut out = Vec::new();
    Response::new(486, "Busy Here")
        .from_source(source)
        .to_tag(b"x1")
        .record_route()
        .write(message, &mut out);
    black_box(response_target(message, source));
    assert!(ends_every_line_with_crlf(&out), "a line end within our own response");
    // What `received` adds to a line can take it beyond what we ourselves read.
    if longest_line(&out) >= LINE_MAX {
        return true;
    }
    let response = Message::parse(out.into()).unwrap();
    let again = response.key().unwrap();
    assert_eq!(
        (key.cseq, key.vias),
        (again.cseq, again.vias),
        "the response answers another request"
    );
    let words = |key: Key<'_>| {
        let words = [Some(key.call_id), Some(key.method_name), key.from_tag, Some(key.branch)];
        words.map(|word| word.map(without_space))
    };
    assert_eq!(words(key), words(again), "the response answers another request");
    true
}

/// Answers every challenge that can be answered: nothing of it may end our header line.
fn authorize(message: &Message) {
    let asked = Asked { method: b"INVITE", uri: b"sip:+12025550170@192.0.2.10", body: b"" };
    for name in [Name::WwwAuthenticate, Name::ProxyAuthenticate] {
        for mut terms in digest::choose(message.challenges(name), Policy::Any) {
            let credentials =
                Credentials { username: "+12025550121".to_owned(), secret: Secret::new("secret") };
            let mut out = Vec::new();
            terms.answer(&asked, &credentials, "c0ffee", &mut out);
            assert!(!out.iter().any(|byte| b"\r\n\0".contains(byte)), "a line end in credentials");
            black_box(terms.realm());
        }
    }
}

fn longest_line(text: &[u8]) -> usize {
    text.split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap_or_default()
}

/// No other line ends, which another reader might take for one.
fn ends_every_line_with_crlf(text: &[u8]) -> bool {
    text.ends_with(b"\r\n")
        && text
            .split_inclusive(|byte| *byte == b'\n')
            .all(|line| line.strip_suffix(b"\r\n").is_some_and(|line| !line.contains(&b'\r')))
}

/// A word as it would be without the folds that a response takes out of it.
fn without_space(word: &[u8]) -> Vec<u8> {
    word.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect()
}

/// Walks a list to its end, which must come.
fn walk<'a, T>(list: List<'a, T>, mut touch: impl FnMut(T)) -> u32 {
    let mut values = 0;
    for value in list.flatten() {
        values += 1;
        touch(value);
    }
    values
}

fn touch_address(address: &Address<'_>) {
    address.display.into_iter().for_each(touch_text);
    touch_uri(&address.uri);
    black_box(address.tag());
    touch_params(address.params);
}

fn touch_uri(uri: &Uri<'_>) {
    black_box((uri.plain_user(), uri.host, uri.port, uri.params.get("transport"), uri.headers));
    black_box(uri.params.iter().count());
}

fn touch_params(params: Params<'_>) {
    params.iter().filter_map(|param| param.value).for_each(touch_text);
    black_box(params.get("unheard-of"));
}

fn touch_text(text: Text<'_>) {
    black_box(text.plain());
}
