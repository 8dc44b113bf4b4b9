//! Our requests, as bytes.
//!
//! INVITE, CANCEL and the ACK of a refusal share [`write_head`]: RFC 3261 §9.1 and §17.1.1.3 want the same
//! Request-URI, Via, Route, From, Call-ID and CSeq number in all three, so there is one place that writes them.
//! An INVITE is written anew when it is sent again: the same ids give the same bytes, and nothing is kept.

use super::context::BranchText;
use super::line::{Line, SDP_ID_DIGITS};
use crate::base::number::{CallerId, Destination};
use crate::sip::message::write::decimal;

/// The ids of one call on the wire, as numbers; their text is fixed in width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wire {
    /// Called number.
    pub(super) to: Destination,
    /// Presented number.
    pub(super) from: CallerId,
    /// Call-ID: 128 random bits (RFC 3261 §8.1.1.4).
    pub(super) call_id: [u64; 2],
    /// From tag: the slot, so that a request within the dialog finds its call, and 64 random bits (§19.3).
    pub(super) tag: FromTag,
}

/// Our tag: which slot, and 64 random bits that say that we made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FromTag {
    pub(super) slot: u32,
    pub(super) random: u64,
}

/// Characters of a Call-ID.
pub(super) const CALL_ID_LEN: usize = 32;
/// Characters of a From tag.
pub(super) const TAG_LEN: usize = 24;

impl Wire {
    /// The Call-ID as text.
    pub(super) fn call_id_text(&self) -> [u8; CALL_ID_LEN] {
        let mut text = [0; CALL_ID_LEN];
        let (high, low) = text.split_at_mut(CALL_ID_LEN / 2);
        hex(self.call_id[0], high);
        hex(self.call_id[1], low);
        text
    }
}

impl FromTag {
    /// The tag as text.
    pub(super) fn text(self) -> [u8; TAG_LEN] {
        let mut text = [0; TAG_LEN];
        let (slot, random) = text.split_at_mut(8);
        hex(u64::from(self.slot) << 32, slot);
        hex(self.random, random);
        text
    }

    /// Reads a tag of ours.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        if text.len() != TAG_LEN {
            return None;
        }
        let (slot, random) = text.split_at_checked(8)?;
        Some(Self { slot: u32::try_from(unhex(slot)?).ok()?, random: unhex(random)? })
    }
}

/// Writes the highest digits of `value` in lower-case hexadecimal, as many as there is room for.
pub(super) fn hex(mut value: u64, out: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for place in out {
        *place = DIGITS.get((value >> 60) as usize).copied().unwrap_or(b'0');
        value <<= 4;
    }
}

fn unhex(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0_u64, |value, &digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some((value << 4) | u64::from(digit))
    })
}

/// The three requests that must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shared {
    Invite,
    Cancel,
    Ack,
}

/// Which INVITE: what an attempt's transactions differ in.
#[derive(Clone, Copy)]
pub(super) struct Turn<'a> {
    pub(super) branch: &'a BranchText,
    pub(super) cseq: u32,
    /// Whole credential lines.
    pub(super) authorization: &'a [u8],
}

/// Writes the INVITE.
pub(super) fn invite(out: &mut Vec<u8>, line: &Line, wire: &Wire, turn: Turn<'_>) {
    write_head(out, Shared::Invite, line, wire, turn, b"");
    let segments = &line.segments;
    let from = wire.from.reveal();
    // The CSeq method and Contact stand in one segment.
    out.extend_from_slice(&segments.contact_head);
    out.extend_from_slice(from.as_bytes());
    out.extend_from_slice(&segments.contact_tail);
    if let Some(asserted) = &segments.asserted {
        out.extend_from_slice(&asserted.head);
        out.extend_from_slice(from.as_bytes());
        out.extend_from_slice(&asserted.tail);
    }
    out.extend_from_slice(turn.authorization);
    out.extend_from_slice(&segments.body_head);
    write_offer(out, line, wire);
}

/// The session description of a call's INVITE.
pub(super) fn offer(line: &Line, wire: &Wire) -> Vec<u8> {
    let mut offer = Vec::new();
    write_offer(&mut offer, line, wire);
    offer
}

fn write_offer(out: &mut Vec<u8>, line: &Line, wire: &Wire) {
    out.extend_from_slice(&line.segments.offer_head);
    // The session id need only be unique and numeric (RFC 8866 §5.2); the Call-ID's own bits are.
    decimal_fixed(out, wire.call_id[1]);
    out.extend_from_slice(&line.segments.offer_tail);
}

/// Writes the CANCEL of that INVITE (§9.1): no to-tag, no Require, no body, no Reason.
pub(super) fn cancel(out: &mut Vec<u8>, line: &Line, wire: &Wire, turn: Turn<'_>) {
    write_head(out, Shared::Cancel, line, wire, turn, b"");
    out.extend_from_slice(b" CANCEL\r\nContent-Length: 0\r\n\r\n");
}

/// Writes the ACK of a refusal (§17.1.1.3): the To of the response, and the credentials of the INVITE (§22.1).
pub(super) fn ack_refusal(out: &mut Vec<u8>, line: &Line, wire: &Wire, turn: Turn<'_>, to: &[u8]) {
    write_head(out, Shared::Ack, line, wire, turn, to);
    out.extend_from_slice(b" ACK\r\n");
    out.extend_from_slice(turn.authorization);
    out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
}

/// Our own ids, echoed in a response.
#[derive(Clone, Copy, Debug)]
pub(super) struct Echo<'a> {
    pub(super) uri: &'a [u8],
    pub(super) sent_by: &'a [u8],
    pub(super) branch: &'a [u8],
    pub(super) from: &'a [u8],
    pub(super) to: &'a [u8],
    pub(super) call_id: &'a [u8],
    pub(super) cseq: u32,
}

/// Writes the ACK of a refusal once more, when the call itself is gone.
pub(super) fn ack_again(out: &mut Vec<u8>, line: &Line, echo: Echo<'_>) {
    let parts: [&[u8]; 13] = [
        b"ACK ",
        echo.uri,
        b" SIP/2.0\r\nVia: SIP/2.0/UDP ",
        echo.sent_by,
        b";rport;branch=",
        echo.branch,
        &line.segments.echo_head,
        echo.from,
        b"\r\nTo: ",
        echo.to,
        b"\r\nCall-ID: ",
        echo.call_id,
        b"\r\nCSeq: ",
    ];
    for part in parts {
        out.extend_from_slice(part);
    }
    decimal(out, u64::from(echo.cseq));
    out.extend_from_slice(b" ACK\r\nContent-Length: 0\r\n\r\n");
}

/// Request line, Via, Route, Max-Forwards, From, To, Call-ID and the CSeq number. `to` is the whole To value of
/// a response, or empty for our own without a tag.
fn write_head(
    out: &mut Vec<u8>,
    method: Shared,
    line: &Line,
    wire: &Wire,
    turn: Turn<'_>,
    to: &[u8],
) {
    let segments = &line.segments;
    let called = wire.to.reveal();
    out.extend_from_slice(match method {
        Shared::Invite => b"INVITE sip:+",
        Shared::Cancel => b"CANCEL sip:+",
        Shared::Ack => b"ACK sip:+",
    });
    out.extend_from_slice(called.as_bytes());
    out.extend_from_slice(&segments.uri_tail);
    out.extend_from_slice(turn.branch.as_bytes());
    out.extend_from_slice(&segments.from_head);
    out.extend_from_slice(wire.from.reveal().as_bytes());
    out.extend_from_slice(&segments.from_tail);
    out.extend_from_slice(&wire.tag.text());
    if to.is_empty() {
        out.extend_from_slice(&segments.to_head);
        out.extend_from_slice(called.as_bytes());
        out.extend_from_slice(&segments.to_tail);
    } else {
        out.extend_from_slice(b"\r\nTo: ");
        out.extend_from_slice(to);
    }
    out.extend_from_slice(b"\r\nCall-ID: ");
    out.extend_from_slice(&wire.call_id_text());
    out.extend_from_slice(b"\r\nCSeq: ");
    decimal(out, u64::from(turn.cseq));
}

/// A request within a dialog (RFC 3261 §12.2.1.1).
#[derive(Clone, Copy, Debug)]
pub(super) struct Within<'a> {
    /// Method token.
    pub(super) method: &'a str,
    /// Request-URI.
    pub(super) uri: &'a [u8],
    /// Whole Route lines, or empty.
    pub(super) route: &'a [u8],
    /// Whole From, To and Call-ID lines.
    pub(super) ids: &'a [u8],
    /// CSeq number.
    pub(super) cseq: u32,
    /// Whole extra lines: credentials, RAck.
    pub(super) extra: &'a [u8],
}

/// Writes ACK of a 2xx, BYE or PRACK.
pub(super) fn within(out: &mut Vec<u8>, line: &Line, branch: &BranchText, request: Within<'_>) {
    let method = request.method.as_bytes();
    let head: [&[u8]; 10] = [
        method,
        b" ",
        request.uri,
        b" SIP/2.0\r\n",
        &line.segments.via,
        branch.as_bytes(),
        b"\r\n",
        request.route,
        b"Max-Forwards: 70\r\n",
        request.ids,
    ];
    for part in head {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b"CSeq: ");
    decimal(out, u64::from(request.cseq));
    for part in [b" ", method, b"\r\n", request.extra, b"Content-Length: 0\r\n\r\n"] {
        out.extend_from_slice(part);
    }
}

/// Writes a decimal number of [`SDP_ID_DIGITS`] digits, none of them a leading zero.
fn decimal_fixed(out: &mut Vec<u8>, bits: u64) {
    const LEAST: u64 = 10_u64.pow(SDP_ID_DIGITS as u32 - 1);
    let mut rest = LEAST + bits % (9 * LEAST);
    let mut digits = [b'0'; SDP_ID_DIGITS];
    for place in digits.iter_mut().rev() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend_from_slice(&digits);
}
