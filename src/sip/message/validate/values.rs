//! Header values against their grammar (RFC 3261 §25.1 and the RFCs of the extensions).

use nom::combinator::{all_consuming, recognize};
use nom::sequence::terminated;
use nom::{IResult, Parser};

use super::super::address::{Contact, address, contact, name_address};
use super::super::challenge::{auth_param, challenge};
use super::super::date::date;
use super::super::grammar::{number32, sws, token};
use super::super::index::{self, Slot};
use super::super::name::Name;
use super::super::params::{Params, params};
use super::super::problem::Fault;
use super::super::reason::reason;
use super::super::scalar;
use super::super::typed::Grammar;
use super::super::via::via;
use super::Problems;

pub(super) fn check(problems: &mut Problems<'_>) {
    for slot in &problems.message.index().slots {
        if slot.marks & index::NO_COLON == 0 {
            line(problems, slot);
        }
    }
}

/// What a header's value is.
enum Shape {
    Via,
    Party,
    Contact,
    Address,
    Addresses,
    /// Addresses that need their angle brackets.
    Routes,
    CallId,
    CallIds,
    CSeq,
    ContentLength,
    MaxForwards,
    Number,
    NumberParams,
    RSeq,
    RAck,
    Date,
    RetryAfter,
    Timestamp,
    MimeVersion,
    Warnings,
    Reasons,
    MediaType,
    MediaTypes,
    Word,
    /// Words with commas; the flag of the table says that there may be none.
    Words,
    WordParams,
    WordsParams,
    Privacy,
    Replaces,
    Challenges,
    Credentials,
    AuthParams,
    /// Anything.
    Text,
}

/// The shape of each header, and whether it may be empty.
const fn shape(name: Name) -> (Shape, bool) {
    match name {
        Name::Via => (Shape::Via, false),
        Name::From | Name::To => (Shape::Party, false),
        Name::Contact => (Shape::Contact, false),
        Name::RecordRoute | Name::Route | Name::Path | Name::ServiceRoute => (Shape::Routes, false),
        Name::AlertInfo | Name::CallInfo | Name::ErrorInfo => (Shape::Routes, false),
        Name::Diversion | Name::HistoryInfo | Name::RemotePartyId => (Shape::Routes, false),
        Name::PAssertedIdentity | Name::PPreferredIdentity => (Shape::Addresses, false),
        Name::ReferTo | Name::ReferredBy | Name::ReplyTo | Name::PCalledPartyId => {
            (Shape::Address, false)
        }
        Name::CallId => (Shape::CallId, false),
        Name::InReplyTo => (Shape::CallIds, false),
        Name::CSeq => (Shape::CSeq, false),
        Name::ContentLength => (Shape::ContentLength, false),
        Name::MaxForwards => (Shape::MaxForwards, false),
        Name::Expires | Name::MinExpires => (Shape::Number, false),
        Name::SessionExpires | Name::MinSe => (Shape::NumberParams, false),
        Name::RSeq => (Shape::RSeq, false),
        Name::RAck => (Shape::RAck, false),
        Name::Date => (Shape::Date, false),
        Name::RetryAfter => (Shape::RetryAfter, false),
        Name::Timestamp => (Shape::Timestamp, false),
        Name::MimeVersion => (Shape::MimeVersion, false),
        Name::Warning => (Shape::Warnings, false),
        Name::Reason => (Shape::Reasons, false),
        Name::ContentType => (Shape::MediaType, false),
        Name::Accept => (Shape::MediaTypes, true),
        Name::Allow | Name::Supported => (Shape::Words, true),
        Name::Require | Name::ProxyRequire | Name::Unsupported => (Shape::Words, false),
        Name::AllowEvents | Name::ContentEncoding | Name::ContentLanguage => (Shape::Words, false),
        Name::Priority => (Shape::Word, false),
        Name::AcceptEncoding | Name::AcceptLanguage => (Shape::WordsParams, true),
        Name::ContentDisposition | Name::Event | Name::SubscriptionState => {
            (Shape::WordParams, false)
        }
        Name::Privacy => (Shape::Privacy, false),
        Name::Replaces => (Shape::Replaces, false),
        Name::ProxyAuthenticate | Name::WwwAuthenticate => (Shape::Challenges, false),
        Name::Authorization | Name::ProxyAuthorization => (Shape::Credentials, false),
        Name::AuthenticationInfo => (Shape::AuthParams, false),
        Name::AcceptContact | Name::RejectContact | Name::RequestDisposition => (Shape::Text, true),
        Name::Geolocation | Name::Identity | Name::IdentityInfo | Name::InfoPackage => {
            (Shape::Text, true)
        }
        Name::PAccessNetworkInfo | Name::PChargingVector | Name::PEarlyMedia => (Shape::Text, true),
        Name::Organization | Name::Server | Name::Subject | Name::UserAgent => (Shape::Text, true),
        Name::UserToUser | Name::Other => (Shape::Text, true),
    }
}

/// One line, by the shape of its header.
fn line<'a>(problems: &mut Problems<'a>, slot: &'a Slot) {
    let (shape, may_be_empty) = shape(slot.name);
    if slot.value == slot.end && may_be_empty {
        return;
    }
    match shape {
        Shape::Via => vias(problems, slot),
        Shape::Party => party(problems, slot),
        Shape::Contact => contacts(problems, slot),
        Shape::Address => one(problems, slot, Fault::Address, address),
        Shape::Addresses => list(problems, slot, Fault::Address, address),
        Shape::Routes => list(problems, slot, Fault::Address, name_address),
        Shape::CallId => one(problems, slot, Fault::CallId, scalar::call_id),
        Shape::CallIds => list(problems, slot, Fault::CallId, scalar::call_id),
        Shape::CSeq => one(problems, slot, Fault::CSeq, scalar::cseq),
        Shape::ContentLength => one(problems, slot, Fault::ContentLength, number32),
        Shape::MaxForwards => one(problems, slot, Fault::Number, scalar::max_forwards),
        Shape::Number => one(problems, slot, Fault::Number, number32),
        Shape::NumberParams => one(problems, slot, Fault::Number, scalar::number_params),
        Shape::RSeq => one(problems, slot, Fault::Number, scalar::rseq),
        Shape::RAck => one(problems, slot, Fault::Value, scalar::rack),
        Shape::Date => one(problems, slot, Fault::Date, date),
        Shape::RetryAfter => one(problems, slot, Fault::Value, scalar::retry_after),
        Shape::Timestamp => one(problems, slot, Fault::Value, scalar::timestamp),
        Shape::MimeVersion => one(problems, slot, Fault::Value, scalar::mime_version),
        Shape::Warnings => list(problems, slot, Fault::Value, scalar::warning),
        Shape::Reasons => list(problems, slot, Fault::Value, reason),
        Shape::MediaType => one(problems, slot, Fault::Value, scalar::media_type),
        Shape::MediaTypes => list(problems, slot, Fault::Value, scalar::media_type),
        Shape::Word => one(problems, slot, Fault::Value, token),
        Shape::Words => list(problems, slot, Fault::Value, token),
        Shape::WordParams => one(problems, slot, Fault::Value, scalar::token_params),
        Shape::WordsParams => list(problems, slot, Fault::Value, scalar::token_params),
        Shape::Privacy => one(problems, slot, Fault::Value, scalar::privacy),
        Shape::Replaces => one(problems, slot, Fault::Value, replaces),
        Shape::Challenges => list(problems, slot, Fault::Challenge, challenge),
        Shape::Credentials => credentials(problems, slot),
        Shape::AuthParams => list(problems, slot, Fault::Value, auth_param),
        Shape::Text => {}
    }
}

/// A line of one value.
fn one<'a, T>(problems: &mut Problems<'a>, slot: &'a Slot, fault: Fault, grammar: Grammar<'a, T>) {
    read(problems, slot, fault, grammar);
}

fn read<'a, T>(
    problems: &mut Problems<'a>,
    slot: &Slot,
    fault: Fault,
    grammar: Grammar<'a, T>,
) -> Option<T> {
    let message = problems.message;
    let value = message.slice(slot.value, slot.end);
    problems.note(message.whole(slot.name, fault, grammar, value))
}

/// A line of values with commas.
fn list<'a, T>(problems: &mut Problems<'a>, slot: &'a Slot, fault: Fault, grammar: Grammar<'a, T>) {
    each(problems, slot, fault, grammar, |_, _| {});
}

fn each<'a, T>(
    problems: &mut Problems<'a>,
    slot: &'a Slot,
    fault: Fault,
    grammar: Grammar<'a, T>,
    mut more: impl FnMut(&mut Problems<'a>, T),
) {
    if slot.value == slot.end {
        return problems.line(fault, slot);
    }
    for value in problems.message.list_of(slot, fault, grammar) {
        if let Some(value) = problems.note(value) {
            more(problems, value);
        }
    }
}

fn vias<'a>(problems: &mut Problems<'a>, slot: &'a Slot) {
    each(problems, slot, Fault::Via, via, |problems, via| {
        repeated(problems, slot, via.params);
        if via.branch().is_some_and(|branch| branch.eq_ignore_ascii_case(b"z9hG4bK")) {
            problems.line(Fault::BranchEmpty, slot);
        }
        let address = via.host.address();
        if address.is_some_and(|address| address == std::net::Ipv4Addr::BROADCAST) {
            problems.line(Fault::ViaBroadcast, slot);
        }
    });
}

/// From or To.
fn party(problems: &mut Problems<'_>, slot: &Slot) {
    if let Some(address) = read(problems, slot, Fault::Address, address) {
        repeated(problems, slot, address.params);
    }
}

fn contacts<'a>(problems: &mut Problems<'a>, slot: &'a Slot) {
    let mut values = 0;
    let mut star = false;
    each(problems, slot, Fault::Address, contact, |problems, contact| {
        values += 1;
        let Contact::Address(address) = contact else {
            star = true;
            return;
        };
        let bad = |name, good: fn(&[u8]) -> bool| {
            address.params.value(name).is_some_and(|text| !good(&text.plain()))
        };
        if bad("q", is_qvalue) {
            problems.line(Fault::Value, slot);
        }
        if bad("expires", is_number) {
            problems.line(Fault::ContactExpires, slot);
        }
    });
    // `STAR / ( contact-param *( COMMA contact-param ) )`: no list has a star in it.
    if star && values > 1 {
        problems.line(Fault::Address, slot);
    }
}

/// `credentials`: the one answer we know is taken apart, others are only looked at for their scheme.
fn credentials(problems: &mut Problems<'_>, slot: &Slot) {
    let message = problems.message;
    let value = message.slice(slot.value, slot.end);
    let scheme: IResult<&[u8], &[u8]> = token(value);
    match scheme {
        Ok((_, scheme)) if scheme.eq_ignore_ascii_case(b"digest") => {
            read(problems, slot, Fault::Challenge, challenge);
        }
        Ok(_) => problems.line(Fault::CredentialsScheme, slot),
        Err(_) => problems.line(Fault::Challenge, slot),
    }
}

/// Parameters that may stand only once (RFC 3261 §7.3.1), among the first ones.
fn repeated(problems: &mut Problems<'_>, slot: &Slot, params: Params<'_>) {
    const LOOKED_AT: usize = 16;
    let names = || params.iter().take(LOOKED_AT).map(|param| param.name);
    let again = names()
        .enumerate()
        .any(|(place, name)| names().take(place).any(|before| before.eq_ignore_ascii_case(name)));
    if again {
        problems.line(Fault::RepeatedParameter, slot);
    }
}

/// `Replaces = callid *( SEMI replaces-param )` (RFC 3891 §6.1)
fn replaces(input: &[u8]) -> IResult<&[u8], &[u8]> {
    recognize((scalar::call_id, params)).parse(input)
}

fn is_number(text: &[u8]) -> bool {
    all_consuming(terminated(number32, sws)).parse(text).is_ok()
}

/// `qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )`
fn is_qvalue(text: &[u8]) -> bool {
    let (whole, rest) = text.split_at_checked(1).unwrap_or_default();
    let fraction = match rest {
        [] => &[][..],
        [b'.', fraction @ ..] => fraction,
        _ => return false,
    };
    let most = match whole {
        b"0" => b'9',
        b"1" => b'0',
        _ => return false,
    };
    fraction.len() <= 3 && fraction.iter().all(|digit| (b'0'..=most).contains(digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qvalues() {
        for good in ["0", "1", "0.", "0.5", "0.999", "1.0", "1.000"] {
            assert!(is_qvalue(good.as_bytes()), "{good}");
        }
        for bad in ["", "2", "1.1", "0.1234", ".5", "0,5", "-1", "1.0000", "00.5"] {
            assert!(!is_qvalue(bad.as_bytes()), "{bad}");
        }
    }
}
