//! The start line (RFC 3261 §7.1, §7.2).

use super::super::grammar::{is_space, is_token};
use super::super::problem::Fault;
use super::super::read::{Message, Start};
use super::super::uri::{Scheme, uri};
use super::Problems;

pub(super) fn check(problems: &mut Problems<'_>) {
    let message = problems.message;
    match message.start() {
        Start::Request { name, uri, version, .. } => {
            if !name.iter().copied().all(is_token) {
                problems.at(Fault::Method, None, 0);
            }
            request_uri(problems, uri);
            self::version(problems, version);
        }
        Start::Response { version, status, reason } => {
            self::version(problems, version);
            if !(100..=699).contains(&status) {
                problems.at(Fault::StatusRange, None, offset(message, version) + version.len() + 1);
            }
            text(problems, reason);
        }
    }
}

fn request_uri(problems: &mut Problems<'_>, text: &[u8]) {
    let at = offset(problems.message, text);
    if let Some(space) = text.iter().position(|byte| is_space(*byte)) {
        return problems.at(Fault::StartLineSpace, None, at + space);
    }
    match uri(text) {
        Ok((_, uri)) if uri.headers.is_some() => problems.at(Fault::RequestUriHeaders, None, at),
        Ok((_, uri)) if uri.scheme == Scheme::Other => problems.at(Fault::UriScheme, None, at),
        Ok(_) => {}
        Err(nom::Err::Error(error) | nom::Err::Failure(error)) => {
            problems.at(Fault::RequestUri, None, offset(problems.message, error.input));
        }
        Err(nom::Err::Incomplete(_)) => problems.at(Fault::RequestUri, None, at),
    }
}

/// `SIP-Version = "SIP" "/" 1*DIGIT "." 1*DIGIT`, in any case.
fn version(problems: &mut Problems<'_>, text: &[u8]) {
    let at = offset(problems.message, text);
    let version = text.trim_ascii_end();
    if version.len() < text.len() {
        problems.at(Fault::StartLineSpace, None, at + version.len());
    }
    if version.eq_ignore_ascii_case(b"SIP/2.0") {
        return;
    }
    let mut parts = version.get(4..).unwrap_or_default().splitn(2, |byte| *byte == b'.');
    let mut number =
        || parts.next().is_some_and(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit));
    let good = number() && number();
    problems.at(if good { Fault::Version } else { Fault::VersionSyntax }, None, at);
}

/// `Reason-Phrase`: no control characters but tabs.
fn text(problems: &mut Problems<'_>, text: &[u8]) {
    let at = offset(problems.message, text);
    if let Some(place) = text.iter().position(|byte| byte.is_ascii_control() && *byte != b'\t') {
        problems.at(Fault::ControlCharacter, None, at + place);
    }
    if str::from_utf8(text).is_err() {
        problems.at(Fault::NotUtf8, None, at);
    }
}

/// Where a part of the datagram stands in it.
fn offset(message: &Message, part: &[u8]) -> usize {
    part.as_ptr().addr().wrapping_sub(message.bytes().as_ptr().addr())
}
