//! What a response says besides its status: reasons, diversions, and the ACK that it asks for.

use super::context::Context;
use super::line::Line;
use super::request;
use crate::base::number::Destination;
use crate::call::facts::{Cause, Said};
use crate::sip::message::{Message, Name, Start};
use std::time::Duration;

/// Most Reason values and notes that are kept.
const NOTES_MAX: usize = 8;
/// Most bytes that are kept of one text.
const TEXT_MAX: usize = 256;

/// Whether the call was sent on to somebody else (RFC 5806, RFC 7044). 181 says so by its status.
pub(super) fn diverted(message: &Message) -> bool {
    message.value(Name::Diversion).is_some() || message.value(Name::HistoryInfo).is_some()
}

/// The network's words in a final response.
pub(super) fn read(message: &Message, status: u16) -> Said {
    let phrase = match message.start() {
        Start::Response { reason, .. } => text(reason),
        Start::Request { .. } => String::new(),
    };
    let causes = message.reasons().flatten().take(NOTES_MAX).map(|reason| Cause {
        protocol: text(reason.protocol),
        cause: reason.cause(),
        text: reason.text().map(|words| text(&words.plain())),
        location: reason.location().map(text),
    });
    let warnings = message.warnings().flatten().map(|warning| text(&warning.text.plain()));
    let reasons = message.find(b"X-Reason").map(|value| text(&value.unfolded()));
    let server = message.value(Name::Server).or_else(|| message.value(Name::UserAgent));
    Said {
        status,
        phrase,
        causes: causes.collect(),
        retry_after: message.retry_after().ok().flatten().map(|retry| seconds(retry.after)),
        notes: warnings.chain(reasons).take(NOTES_MAX).collect(),
        server: server.map(|value| text(&value.unfolded())),
    }
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// Bytes of the peer as text: cut, and control characters replaced, since it ends in records and terminals.
fn text(bytes: &[u8]) -> String {
    let cut = bytes.get(..TEXT_MAX).unwrap_or(bytes);
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    String::from_utf8_lossy(cut).chars().map(clean).collect()
}

/// The Request-URI of the INVITE.
pub(super) fn request_uri(to: Destination, line: &Line) -> Vec<u8> {
    format!("sip:+{}@{}", to.reveal().as_str(), line.trunk.domain).into_bytes()
}

/// Acknowledges a refusal again, from nothing but the refusal and the Request-URI of the INVITE.
///
/// Via, From, To, Call-ID and CSeq are our own, echoed; the branch's check has shown that they come from us.
pub(super) fn acknowledge_again(message: &Message, uri: &[u8], cx: &mut Context<'_>) {
    let Ok(key) = message.key() else { return };
    let value = |name| message.value(name).map(|value| value.unfolded()).unwrap_or_default();
    let (from, to_value, call_id) = (value(Name::From), value(Name::To), value(Name::CallId));
    cx.send(|out, line| {
        let echo = request::Echo {
            uri,
            sent_by: key.sent_by,
            branch: key.branch,
            from: &from,
            to: &to_value,
            call_id: &call_id,
            cseq: key.cseq,
        };
        request::ack_again(out, line, echo);
    });
}

/// The Request-URI of the INVITE as its To has it: we write the same into both.
pub(super) fn uri_called(message: &Message) -> Option<&[u8]> {
    Some(message.to().ok()?.uri.text)
}
