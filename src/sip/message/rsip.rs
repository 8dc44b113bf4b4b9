//! The typed view of rsip, for users of the library who know its types.
//!
//! A convenience and nothing more: rsip rejects or misreads part of what is valid SIP (IPv6 in URIs, unknown methods,
//! dotted users, several values on a line), so no call's fate may hang on this conversion or on its error. To lose
//! less, rsip is given the message in canonical text: long header names, folds taken out, valid UTF-8, the body cut to
//! its length. Bodies and reason phrases may differ from what was received; [`Message`] has them as they were.

use super::read::{Message, Start};

impl TryFrom<&Message> for rsip::SipMessage {
    type Error = rsip::Error;

    fn try_from(message: &Message) -> Result<Self, Self::Error> {
        let text = canonical(message);
        match message.start() {
            Start::Request { .. } => rsip::Request::try_from(text).map(Self::Request),
            Start::Response { .. } => rsip::Response::try_from(text).map(Self::Response),
        }
    }
}

/// The message with long names, on unfolded lines, in UTF-8.
fn canonical(message: &Message) -> Vec<u8> {
    let mut text = Vec::with_capacity(message.bytes().len() + 64);
    match message.start() {
        Start::Request { name, uri, version, .. } => {
            line(&mut text, &[name, b" ", uri.trim_ascii(), b" ", version.trim_ascii()]);
        }
        Start::Response { version, status, reason } => {
            let status = status.to_string();
            line(&mut text, &[version, b" ", status.as_bytes(), b" ", reason]);
        }
    }
    for header in message.headers().filter(|header| header.colon) {
        let known = header.name.as_str().as_bytes();
        let name = if known.is_empty() { header.text } else { known };
        line(&mut text, &[name, b": ", &header.value.unfolded()]);
    }
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(message.body());
    text
}

/// One line, what is no UTF-8 replaced.
fn line(text: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        text.extend_from_slice(String::from_utf8_lossy(part).as_bytes());
    }
    text.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use rsip::headers::ToTypedHeader as _;
    use rsip::prelude::HeadersExt as _;
    use rsip::{SipMessage, StatusCode};

    use super::*;

    fn view(text: &[u8]) -> Result<SipMessage, rsip::Error> {
        SipMessage::try_from(&Message::parse(text.to_vec().into()).unwrap())
    }

    #[test]
    fn compact_folded_latin_1_and_surplus() {
        let text = b"SIP/2.0 180 Ringing\r\nv: SIP/2.0/UDP\r\n  192.0.2.1:5060;branch=z9hG4bKx\r\nf : <sip:a@b>;tag=1\r\n\
            t:<sip:c@d>;tag=2\r\ni:x@y\r\nCSeq: 7 INVITE\r\nSubject: caf\xe9\r\nl: 3\r\n\r\nabcdef";
        let Ok(SipMessage::Response(response)) = view(text) else { panic!("a response") };
        assert_eq!(response.status_code, StatusCode::Ringing);
        let via = response.via_header().unwrap().typed().unwrap();
        assert_eq!(via.branch().unwrap().value(), "z9hG4bKx");
        assert_eq!(response.to_header().unwrap().typed().unwrap().tag().unwrap().value(), "2");
        assert_eq!(response.call_id_header().unwrap().to_string(), "Call-ID: x@y");
        assert_eq!(response.body, b"abc");
    }

    #[test]
    fn a_request() {
        let text = b"INVITE sip:c@d SIP/2.0\r\nm: <sip:a@192.0.2.1:5060>\r\n\r\n";
        let Ok(SipMessage::Request(request)) = view(text) else { panic!("a request") };
        assert_eq!(request.method, rsip::Method::Invite);
        assert!(request.contact_header().is_ok());
    }

    #[test]
    fn what_rsip_cannot_read_is_its_error_and_not_ours() {
        assert!(view(b"UNHEARD sip:c@d SIP/2.0\r\n\r\n").is_err());
    }
}
