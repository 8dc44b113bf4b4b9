//! What a whole message must have, may have once, and what a user agent server refuses of a request
//! (RFC 3261 §8.1.1, §8.2, §20; RFC 4475 §3.3).

use super::super::address::Contact;
use super::super::method::Method;
use super::super::name::Name;
use super::super::problem::Fault;
use super::super::read::Start;
use super::super::scalar::MediaType;
use super::super::uri::Scheme;
use super::Problems;
use crate::base::limits::VIA_MAX;

pub(super) fn check(problems: &mut Problems<'_>) {
    mandatory(problems);
    repeated(problems);
    counts(problems);
    if let Start::Request { method, name, .. } = problems.message.start() {
        expected(problems, method);
        cseq_method(problems, method, name);
        contact_star(problems, method);
        if method == Method::Register {
            address_of_record(problems);
        }
        if !matches!(method, Method::Ack | Method::Cancel) {
            extensions(problems);
            media(problems);
        }
        if method == Method::Invite {
            accept(problems);
        }
    }
}

/// What no message may lack.
fn mandatory(problems: &mut Problems<'_>) {
    for name in [Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq] {
        if problems.message.value(name).is_none() {
            problems.at(Fault::MissingHeader, Some(name), 0);
        }
    }
    let message = problems.message;
    if !message.body().is_empty() && message.value(Name::ContentType).is_none() {
        problems.at(Fault::NoContentType, Some(Name::ContentType), 0);
    }
}

/// What no request should lack, and requests of 1999 do (RFC 2543).
fn expected(problems: &mut Problems<'_>, method: Method) {
    let message = problems.message;
    if message.value(Name::MaxForwards).is_none() {
        problems.at(Fault::NoMaxForwards, Some(Name::MaxForwards), 0);
    }
    let dialog = matches!(method, Method::Invite | Method::Subscribe | Method::Refer);
    if dialog && message.value(Name::Contact).is_none() {
        problems.at(Fault::NoContact, Some(Name::Contact), 0);
    }
}

/// Headers that may stand once (§7.3.1).
fn repeated(problems: &mut Problems<'_>) {
    let mut seen = 0_u128;
    for slot in &problems.message.index().slots {
        let bit = 1 << slot.name as u8;
        if slot.name.is_single() && seen & bit != 0 {
            problems.line(Fault::RepeatedHeader, slot);
        }
        seen |= bit;
    }
}

/// Numbers of bytes and of hops.
fn counts(problems: &mut Problems<'_>) {
    let message = problems.message;
    if let Some(slot) = message.index().first(Name::ContentLength)
        && message.content_length().is_some_and(|length| length > message.rest_length())
    {
        problems.line(Fault::BodyShort, slot);
    }
    if let Some(slot) = message.index().first(Name::Via)
        && message.vias().count() > VIA_MAX
    {
        problems.line(Fault::ViaCount, slot);
    }
}

/// The method of CSeq is that of the request (§8.1.1.5); of an unknown one it is not even asked (RFC 4475 §3.1.2.18).
fn cseq_method(problems: &mut Problems<'_>, method: Method, name: &[u8]) {
    let Ok(cseq) = problems.message.cseq() else { return };
    if cseq.name != name
        && let Some(slot) = problems.message.index().first(Name::CSeq)
    {
        let unknown = method == Method::Other;
        problems.line(if unknown { Fault::CSeqMethodUnknown } else { Fault::CSeqMethod }, slot);
    }
}

/// A star stands alone, in a REGISTER that removes all bindings (§10.2.2).
fn contact_star(problems: &mut Problems<'_>, method: Method) {
    let message = problems.message;
    let stars = message.contacts().filter(|contact| matches!(contact, Ok(Contact::Star))).count();
    if stars == 0 {
        return;
    }
    let removes = matches!(message.number(Name::Expires), Ok(Some(0)));
    let alone = message.contacts().count() == 1 && method == Method::Register && removes;
    if !alone && let Some(slot) = message.index().first(Name::Contact) {
        problems.line(Fault::ContactStar, slot);
    }
}

/// What is registered is a SIP URI (§10.2, RFC 4475 §3.3.4).
fn address_of_record(problems: &mut Problems<'_>) {
    let message = problems.message;
    let other = message.to().is_ok_and(|to| !matches!(to.uri.scheme, Scheme::Sip | Scheme::Sips));
    if other && let Some(slot) = message.index().first(Name::To) {
        problems.line(Fault::AddressOfRecord, slot);
    }
}

/// Extensions that Require may name (§8.2.2.3).
const EXTENSIONS: [&[u8]; 1] = [b"100rel"];

fn extensions(problems: &mut Problems<'_>) {
    let message = problems.message;
    let known = |tag: &[u8]| EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(tag));
    let unknown = message.tokens(Name::Require).flatten().any(|tag| !known(tag));
    if unknown && let Some(slot) = message.index().first(Name::Require) {
        problems.line(Fault::Extension, slot);
    }
}

/// Types under `application` that a telephone meets; `text`, `multipart` and `message` are taken whole.
const APPLICATIONS: [&[u8]; 14] = [
    b"sdp",
    b"dtmf",
    b"dtmf-relay",
    b"media_control+xml",
    b"pidf+xml",
    b"simple-message-summary",
    b"isup",
    b"qsig",
    b"resource-lists+xml",
    b"reginfo+xml",
    b"dialog-info+xml",
    b"conference-info+xml",
    b"vq-rtcpxr",
    b"vnd.3gpp.sms",
];

/// Whether the body is understood, or may be ignored (§8.2.3).
fn media(problems: &mut Problems<'_>) {
    let message = problems.message;
    if message.body().is_empty() || may_be_ignored(problems) {
        return;
    }
    let plain = |coding: &[u8]| coding.eq_ignore_ascii_case(b"identity");
    let coded = message.tokens(Name::ContentEncoding).flatten().any(|coding| !plain(coding));
    let strange = matches!(message.content_type(), Ok(Some(media)) if !is_known(&media));
    let name = if coded { Name::ContentEncoding } else { Name::ContentType };
    if (coded || strange)
        && let Some(slot) = message.index().first(name)
    {
        problems.line(Fault::MediaType, slot);
    }
}

fn is_known(media: &MediaType<'_>) -> bool {
    let is = |kind: &[u8]| media.kind.eq_ignore_ascii_case(kind);
    let application = || APPLICATIONS.iter().any(|known| known.eq_ignore_ascii_case(media.subtype));
    is(b"text") || is(b"multipart") || is(b"message") || (is(b"application") && application())
}

/// `Content-Disposition: …;handling=optional`
fn may_be_ignored(problems: &Problems<'_>) -> bool {
    let disposition = problems.message.content_disposition();
    let handling =
        disposition.ok().flatten().and_then(|disposition| disposition.params.value("handling"));
    handling.is_some_and(|handling| handling.is("optional"))
}

/// An INVITE is answered with a session description, where the caller takes one (§20.1, RFC 4475 §3.3.15).
fn accept(problems: &mut Problems<'_>) {
    let message = problems.message;
    let takes = message.accepts().flatten().any(|media| media.covers("application", "sdp"));
    if !takes && let Some(slot) = message.index().first(Name::Accept) {
        problems.line(Fault::Accept, slot);
    }
}
