//! What is measured. Each gives back a sum over what it read, so that nothing is left out unseen.

use std::mem::MaybeUninit;
use std::net::SocketAddr;

use bytes::Bytes;
use onering::sip::message::{Contact, Message, Name, Response};
use rsip::headers::ToTypedHeader;

use crate::messages::Sample;

/// Parse, and the five fields.
pub(crate) fn keys(messages: &[Bytes]) -> u64 {
    let mut sum = 0_u64;
    for bytes in messages {
        let message = Message::parse(bytes.clone()).unwrap();
        let key = message.key().unwrap();
        let tags = key.from_tag.map_or(0, <[u8]>::len) + key.to_tag.map_or(0, <[u8]>::len);
        let read = key.branch.len() + key.sent_by.len() + key.call_id.len() + tags;
        sum = sum.rotate_left(1)
            ^ (read as u64
                + u64::from(key.cseq) * 31
                + key.method as u64 * 7
                + u64::from(key.vias));
    }
    sum
}

/// Parse alone.
pub(crate) fn indexes(messages: &[Bytes]) -> u64 {
    let mut sum = 0;
    for bytes in messages {
        sum += u64::from(Message::parse(bytes.clone()).unwrap().status().unwrap_or_default());
    }
    sum
}

/// All header lines of all messages.
pub(crate) fn header_lines(messages: &[Bytes]) -> usize {
    messages.iter().map(|bytes| Message::parse(bytes.clone()).unwrap().headers().count()).sum()
}

/// What httparse did.
pub(crate) struct Http {
    pub(crate) parsed: usize,
    pub(crate) headers: usize,
    pub(crate) sum: u64,
}

impl Http {
    fn add(&mut self, headers: &[httparse::Header<'_>]) {
        self.parsed += 1;
        self.headers += headers.len();
        // Only the ends are looked at, as a cheap proof that the work was done.
        let last = headers.last().map_or(0, |header| header.value.len());
        self.sum = self.sum.rotate_left(1) ^ (headers.len() * 1_000 + last) as u64;
    }
}

/// The same header lines under an HTTP status line, with everything allowed that SIP allows.
pub(crate) fn http_responses(samples: &[Sample]) -> Http {
    let mut config = httparse::ParserConfig::default();
    config.allow_obsolete_multiline_headers_in_responses(true);
    config.allow_spaces_after_header_name_in_responses(true);
    let mut http = Http { parsed: 0, headers: 0, sum: 0 };
    for sample in samples {
        let mut headers = [const { MaybeUninit::uninit() }; 32];
        let mut response = httparse::Response::new(&mut []);
        let parsed =
            config.parse_response_with_uninit_headers(&mut response, &sample.http, &mut headers);
        if parsed.is_ok_and(|status| status.is_complete()) {
            http.add(response.headers);
        }
    }
    http
}

/// The header block alone.
pub(crate) fn http_headers(samples: &[&Sample]) -> Http {
    let mut http = Http { parsed: 0, headers: 0, sum: 0 };
    let mut headers = [httparse::EMPTY_HEADER; 32];
    for sample in samples {
        let block = sample.sip.get(sample.headers_at..).unwrap();
        if let Ok(httparse::Status::Complete((_, headers))) =
            httparse::parse_headers(block, &mut headers)
        {
            http.add(headers);
        }
    }
    http
}

/// Every header of the INVITE typed, and its session description read.
pub(crate) fn typed(bytes: &Bytes) -> u64 {
    let message = Message::parse(bytes.clone()).unwrap();
    let mut sum = 0;
    for via in message.vias() {
        sum += via.unwrap().branch().unwrap().len();
    }
    for name in [Name::Route, Name::RecordRoute, Name::PAssertedIdentity] {
        sum +=
            message.addresses(name).map(|address| address.unwrap().uri.text.len()).sum::<usize>();
    }
    sum += message.from().unwrap().tag().unwrap().len();
    sum += message.to().unwrap().uri.user.unwrap().len();
    sum += message.call_id().unwrap().len();
    sum += message.cseq().unwrap().number as usize;
    for contact in message.contacts() {
        if let Contact::Address(address) = contact.unwrap() {
            sum += usize::from(address.uri.port.unwrap());
        }
    }
    for name in [Name::Allow, Name::Supported] {
        sum += message.tokens(name).map(|word| word.unwrap().len()).sum::<usize>();
    }
    sum += usize::from(message.max_forwards().unwrap().unwrap());
    sum += message.number(Name::Expires).unwrap().unwrap() as usize;
    sum += message.date().unwrap().unwrap().unix as usize;
    sum += message.value(Name::UserAgent).unwrap().bytes().len();
    sum += message.content_type().unwrap().unwrap().subtype.len();
    sum += usize::from(message.sdp().unwrap().audio_port.unwrap());
    (sum + message.body().len()) as u64
}

/// The same with rsip: typed what it has a type for, text for the rest, which is less.
#[expect(clippy::wildcard_enum_match_arm, reason = "rsip's 40 other headers are not in the INVITE")]
pub(crate) fn rsip_typed(bytes: &Bytes) -> u64 {
    use rsip::Header;
    use rsip::headers::UntypedHeader as _;
    let request = rsip::Request::try_from(bytes.as_ref()).unwrap();
    let mut sum = 0;
    for header in request.headers.iter() {
        sum += match header {
            Header::Via(via) => via.typed().unwrap().branch().unwrap().value().len(),
            Header::Route(route) => route.typed().unwrap().uris().len(),
            Header::RecordRoute(route) => route.typed().unwrap().uris().len(),
            Header::From(from) => from.typed().unwrap().tag().unwrap().value().len(),
            Header::To(to) => to.typed().unwrap().uri.auth.unwrap().user.len(),
            Header::CSeq(cseq) => cseq.typed().unwrap().seq as usize,
            Header::Contact(contact) => {
                usize::from(*contact.typed().unwrap().uri.host_with_port.port.unwrap().value())
            }
            Header::Allow(allow) => allow.typed().unwrap().0.len(),
            Header::ContentType(media) => usize::from(media.typed().is_ok()),
            Header::MaxForwards(forwards) => forwards.num().unwrap() as usize,
            Header::Expires(expires) => expires.seconds().unwrap() as usize,
            Header::ContentLength(length) => length.length().unwrap() as usize,
            Header::CallId(text) => text.value().len(),
            Header::Supported(text) => text.value().len(),
            Header::UserAgent(text) => text.value().len(),
            Header::Date(text) => text.value().len(),
            Header::Other(_, text) => text.len(),
            // None of the others is in it.
            _ => 0,
        };
    }
    (sum + request.body.len()) as u64
}

pub(crate) fn parsed(bytes: Vec<u8>) -> Message {
    Message::parse(bytes.into()).unwrap()
}

/// A 180 to the INVITE, written into a buffer that is kept.
pub(crate) fn ringing(invite: &Message, out: &mut Vec<u8>) -> u64 {
    out.clear();
    Response::new(180, "Ringing")
        .from_source(SocketAddr::from(([192, 0, 2, 10], 5060)))
        .to_tag(b"8f2c66a1")
        .record_route()
        .headers(&[("Contact", b"<sip:192.0.2.99:5060>")])
        .write(invite, out);
    out.len() as u64
}
