//! Requests from a trunk: answered without state (RFC 3261 §8.2.7), since we take no calls.
//!
//! A stateless server keeps nothing, so a flood of requests costs no memory: every copy of a request gets the same
//! answer, with the same To-tag, made from a keyed hash of its branch and Call-ID. It sends no provisional, repeats
//! nothing, and drops every ACK.

use super::context::Identity;
use super::line::{AGENT, ALLOW};
use crate::sip::message::{Kind, Message, Method, Name, Response, validate};
use siphasher::sip::SipHasher24;
use std::hash::Hasher as _;
use std::net::SocketAddr;

/// What a request within a dialog found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialog {
    /// None of ours.
    None,
    /// A call that was not answered, or not yet.
    Early,
    /// An answered call, which we are hanging up.
    Ending,
}

/// The status a request gets, and its phrase.
struct Verdict {
    status: u16,
    phrase: &'static str,
}

const fn verdict(status: u16, phrase: &'static str) -> Verdict {
    Verdict { status, phrase }
}

/// Writes the answer to a request; `false` if it gets none.
pub(super) fn answer(
    message: &Message,
    from: SocketAddr,
    dialog: Dialog,
    identity: &Identity,
    out: &mut Vec<u8>,
) -> bool {
    let Some(method) = message.method().filter(|&method| method != Method::Ack) else {
        return false;
    };
    // Without a Via there is nowhere to answer to.
    if message.value(Name::Via).is_none() {
        return false;
    }
    let verdict = judge(message, method, dialog);
    let tag = stateless_tag(message, identity);
    let required = message.value(Name::Require).filter(|_| verdict.status == 420);
    let required = required.map(|value| value.unfolded()).unwrap_or_default();
    let mut headers: Vec<(&str, &[u8])> = Vec::with_capacity(4);
    if matches!(verdict.status, 200 | 405 | 501) {
        headers.push(("Allow", ALLOW.as_bytes()));
    }
    if (verdict.status == 200 && method == Method::Options) || verdict.status == 415 {
        headers.push(("Accept", b"application/sdp"));
    }
    if !required.is_empty() {
        headers.push(("Unsupported", &required));
    }
    headers.push(("Server", AGENT.as_bytes()));
    Response::new(verdict.status, verdict.phrase)
        .from_source(from)
        .to_tag(&tag)
        .headers(&headers)
        .write(message, out);
    true
}

fn judge(message: &Message, method: Method, dialog: Dialog) -> Verdict {
    if let Some(refused) = refusal(message) {
        return refused;
    }
    match (method, dialog) {
        (Method::Options, _) | (Method::Bye, Dialog::Early | Dialog::Ending) => verdict(200, "OK"),
        // We make calls and take none; nobody is to believe that we might (a call back to the caller-ID).
        (Method::Invite, Dialog::None) => verdict(480, "Temporarily Unavailable"),
        // The dialog is being ended, or was never confirmed: there is no session to change.
        (Method::Invite | Method::Update, Dialog::Ending) | (Method::Cancel | Method::Bye, _) => {
            verdict(481, "Call/Transaction Does Not Exist")
        }
        (Method::Invite | Method::Update, Dialog::Early) => verdict(488, "Not Acceptable Here"),
        (Method::Other, _) => verdict(501, "Not Implemented"),
        (
            Method::Ack
            | Method::Prack
            | Method::Update
            | Method::Info
            | Method::Register
            | Method::Subscribe
            | Method::Notify
            | Method::Refer
            | Method::Message
            | Method::Publish,
            _,
        ) => verdict(405, "Method Not Allowed"),
    }
}

/// What is wrong with the request itself (RFC 3261 §8.2.1 to §8.2.3, in that order: syntax, then content).
fn refusal(message: &Message) -> Option<Verdict> {
    let problem = validate(message)
        .into_iter()
        .filter(|problem| problem.kind() != Kind::Tolerated && problem.owed.is_some())
        .max_by_key(|problem| problem.kind())?;
    let (status, phrase) = match problem.owed? {
        415 => (415, "Unsupported Media Type"),
        416 => (416, "Unsupported URI Scheme"),
        420 => (420, "Bad Extension"),
        501 => (501, "Not Implemented"),
        505 => (505, "Version Not Supported"),
        406 => (406, "Not Acceptable"),
        _ => (400, "Bad Request"),
    };
    Some(verdict(status, phrase))
}

/// A To-tag that every copy of the request gets again (§8.2.7).
fn stateless_tag(message: &Message, identity: &Identity) -> [u8; 16] {
    let mut hash: SipHasher24 = identity.key.hasher();
    for name in [Name::Via, Name::CallId, Name::From] {
        hash.write(message.value(name).map(|value| value.bytes()).unwrap_or_default());
        hash.write_u8(0xff);
    }
    let mut text = [0; 16];
    super::request::hex(hash.finish(), &mut text);
    text
}
