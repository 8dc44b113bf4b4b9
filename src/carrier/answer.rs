//! Responses as the far end writes them.

use std::net::SocketAddr;

use bytes::Bytes;

use super::Config;
use crate::sip::message::write::Body;
use crate::sip::message::{Message, Name, Response};

/// The user part of the far end's Contact.
const USER: &str = "carrier";
/// Hops that a routed call pretends to go through, in the order of Record-Route.
const HOPS: [&str; 2] = ["hop2", "hop1"];

/// A response, before it knows its request.
#[derive(Clone, Copy, Default)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) tag: &'a str,
    /// Whether it makes a dialog: Contact and Record-Route.
    pub(super) dialog: bool,
    /// Whether it goes through [`HOPS`].
    pub(super) routed: bool,
    pub(super) sdp: bool,
    pub(super) rseq: Option<u32>,
}

impl Answer<'_> {
    pub(super) fn write(&self, request: &Message, source: SocketAddr, config: &Config) -> Bytes {
        let contact = format!("<{}>", contact(config));
        let rseq = self.rseq.map(|rseq| rseq.to_string());
        let routes = HOPS.map(|hop| record_route(config, hop));
        let challenge = r#"Digest realm="carrier", nonce="onering", algorithm=MD5, qop="auth""#;
        let sdp = if self.sdp { sdp(request, config) } else { String::new() };

        let mut headers: Vec<(&str, &[u8])> = Vec::with_capacity(8);
        if self.routed && self.dialog {
            headers.extend(routes.iter().map(|route| ("Record-Route", route.as_bytes())));
        }
        if self.dialog || (300..400).contains(&self.status) {
            headers.push(("Contact", contact.as_bytes()));
        }
        if let Some(rseq) = &rseq {
            headers.push(("Require", b"100rel"));
            headers.push(("RSeq", rseq.as_bytes()));
        }
        match self.status {
            200 | 405 => headers.push(("Allow", b"INVITE, ACK, CANCEL, BYE, PRACK, OPTIONS")),
            401 => headers.push(("WWW-Authenticate", challenge.as_bytes())),
            407 => headers.push(("Proxy-Authenticate", challenge.as_bytes())),
            421 => headers.push(("Require", b"100rel")),
            503 => headers.push(("Retry-After", b"5")),
            _ => {}
        }
        let mut response = Response::new(self.status, phrase(self.status))
            .from_source(source)
            .to_tag(self.tag.as_bytes())
            .headers(&headers);
        if self.dialog {
            response = response.record_route();
        }
        if self.sdp {
            response = response.body(Body { media_type: "application/sdp", bytes: sdp.as_bytes() });
        }
        let mut out = Vec::with_capacity(512);
        response.write(request, &mut out);
        out.into()
    }
}

/// The URI that the far end wants to be reached by.
pub(super) fn contact(config: &Config) -> String {
    format!("sip:{USER}@{}", config.contact)
}

/// What Route has to be in a dialog of a routed call: Record-Route, reversed (RFC 3261 §12.1.2).
pub(super) fn routes(config: &Config) -> Vec<String> {
    HOPS.iter().rev().map(|hop| record_route(config, hop)).collect()
}

fn record_route(config: &Config, hop: &str) -> String {
    format!("<sip:{hop}@{};lr>", config.contact)
}

/// An answer to the audio offer in `request`, or an offer where there is none: G.711, no media behind it.
fn sdp(request: &Message, config: &Config) -> String {
    let ip = config.contact.ip();
    let family = if ip.is_ipv6() { "IP6" } else { "IP4" };
    let body = String::from_utf8_lossy(request.body());
    let offered = body.lines().find_map(|line| line.strip_prefix("m=audio ")).unwrap_or("");
    let formats: Vec<_> =
        offered.split(' ').skip(2).filter(|format| matches!(*format, "0" | "8")).collect();
    let formats = if formats.is_empty() { "8 0".to_owned() } else { formats.join(" ") };
    format!(
        "v=0\r\no=- 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m=audio 9 RTP/AVP {formats}\r\na=inactive\r\n"
    )
}

/// Whether the caller can PRACK (RFC 3262 §3).
pub(super) fn offers_100rel(invite: &Message) -> bool {
    [Name::Supported, Name::Require]
        .into_iter()
        .flat_map(|name| invite.values(name))
        .flat_map(|value| value.bytes().split(|byte| *byte == b','))
        .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"100rel"))
}

fn phrase(status: u16) -> &'static str {
    const PHRASES: &[(u16, &str)] = &[
        (100, "Trying"),
        (180, "Ringing"),
        (181, "Call Is Being Forwarded"),
        (182, "Queued"),
        (183, "Session Progress"),
        (200, "OK"),
        (302, "Moved Temporarily"),
        (400, "Bad Request"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "Not Found"),
        (405, "Method Not Allowed"),
        (407, "Proxy Authentication Required"),
        (408, "Request Timeout"),
        (410, "Gone"),
        (421, "Extension Required"),
        (480, "Temporarily Unavailable"),
        (481, "Call/Transaction Does Not Exist"),
        (482, "Loop Detected"),
        (484, "Address Incomplete"),
        (486, "Busy Here"),
        (487, "Request Terminated"),
        (488, "Not Acceptable Here"),
        (500, "Server Internal Error"),
        (503, "Service Unavailable"),
        (504, "Server Time-out"),
        (600, "Busy Everywhere"),
        (603, "Decline"),
        (604, "Does Not Exist Anywhere"),
        (607, "Unwanted"),
        (608, "Rejected"),
    ];
    PHRASES.iter().find(|(known, _)| *known == status).map_or("Refused", |(_, phrase)| phrase)
}
