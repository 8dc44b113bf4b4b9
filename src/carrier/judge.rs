//! What a CANCEL, ACK, BYE or PRACK has to look like, given the INVITE it belongs to. Pure comparison: no
//! state, no time; when a request may come at all is the call's to know.

use crate::sip::message::{Key, Message, Name, Start};

use super::rule::Rule;

/// What was found: a rule and what was seen instead.
pub(super) type Found = Vec<(Rule, String)>;

/// A request with its key.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) message: &'a Message,
    pub(super) key: Key<'a>,
}

impl<'a> Request<'a> {
    pub(super) fn uri(&self) -> &'a [u8] {
        match self.message.start() {
            Start::Request { uri, .. } => uri.trim_ascii(),
            Start::Response { .. } => &[],
        }
    }
}

/// RFC 3261 §9.1: the CANCEL's fields are the INVITE's, and it has one Via.
pub(super) fn cancel(invite: Request<'_>, cancel: Request<'_>) -> Found {
    let mut found = Found::new();
    let mut differs = |rule, what: &str, seen: &[u8], right: &[u8]| {
        if seen != right {
            found.push((rule, format!("a CANCEL with another {what}")));
        }
    };
    differs(Rule::CancelBranch, "branch", cancel.key.branch, invite.key.branch);
    differs(Rule::CancelSentBy, "sent-by in Via", cancel.key.sent_by, invite.key.sent_by);
    differs(Rule::CancelUri, "Request-URI", cancel.uri(), invite.uri());
    let tag = |request: Request<'_>| request.key.from_tag.unwrap_or_default().to_vec();
    differs(Rule::CancelFrom, "From tag", &tag(cancel), &tag(invite));
    let address = |request: Request<'_>, name| address(request.message, name).to_vec();
    let (seen, right) = (address(cancel, Name::From), address(invite, Name::From));
    differs(Rule::CancelFrom, "From", &seen, &right);
    let (seen, right) = (address(cancel, Name::To), address(invite, Name::To));
    differs(Rule::CancelTo, "To", &seen, &right);
    if cancel.key.cseq != invite.key.cseq {
        let saw = format!("CSeq {} where the INVITE had {}", cancel.key.cseq, invite.key.cseq);
        found.push((Rule::CancelCseq, saw));
    }
    if cancel.key.to_tag != invite.key.to_tag {
        found.push((Rule::CancelToTag, "a CANCEL with a To tag".into()));
    }
    if cancel.key.vias != 1 && invite.key.vias == 1 {
        found.push((Rule::CancelVias, "a CANCEL with several Via values".into()));
    }
    if !routes(cancel.message).eq(routes(invite.message)) {
        found.push((Rule::CancelRoute, "a CANCEL with another Route".into()));
    }
    if let Some(name) = [Name::Require, Name::ProxyRequire]
        .into_iter()
        .find(|name| cancel.message.value(*name).is_some())
    {
        found.push((Rule::CancelRequire, format!("a CANCEL with {}", name.as_str())));
    }
    if elsewhere(cancel.message) {
        found
            .push((Rule::CancelReason, "a Reason that hides the call from the phone's log".into()));
    }
    found
}

/// RFC 3261 §17.1.1.3: the ACK of a 3xx to 6xx. Its branch is judged where it is matched.
pub(super) fn ack_of_failure(invite: Request<'_>, ack: Request<'_>, tag: &[u8]) -> Found {
    let mut found = ack_in_general(invite, ack, tag);
    if ack.uri() != invite.uri() {
        found.push((Rule::AckUri, "an ACK with another Request-URI".into()));
    }
    if !routes(ack.message).eq(routes(invite.message)) {
        found.push((Rule::AckRoute, "an ACK with another Route".into()));
    }
    found
}

/// RFC 3261 §13.2.2.4: the ACK of a 2xx is made like any request in its dialog.
pub(super) fn ack_of_answer(invite: Request<'_>, ack: Request<'_>, peer: &Peer<'_>) -> Found {
    let mut found = ack_in_general(invite, ack, peer.tag);
    if ack.key.branch == invite.key.branch {
        found.push((Rule::AckBranch, "the ACK of a 2xx on the INVITE's branch".into()));
    }
    if ack.uri() != peer.contact {
        found.push((Rule::AckUri, "an ACK that does not go to the Contact of the 2xx".into()));
    }
    if !peer.is_routed(ack.message) {
        found
            .push((Rule::AckRoute, "an ACK whose Route is not the Record-Route of the 2xx".into()));
    }
    found
}

/// RFC 3261 §12.2.1.1: BYE within the dialog. Its CSeq is judged where the dialog's is known.
pub(super) fn bye(invite: Request<'_>, bye: Request<'_>, peer: &Peer<'_>) -> Found {
    let mut found = Found::new();
    if bye.key.branch == invite.key.branch {
        found.push((Rule::ByeBranch, "a BYE on the INVITE's branch".into()));
    }
    if bye.uri() != peer.contact {
        found.push((Rule::ByeUri, "a BYE that does not go to the Contact of the response".into()));
    }
    if !peer.is_routed(bye.message) {
        found.push((Rule::ByeRoute, "a BYE whose Route is not the Record-Route".into()));
    }
    found
}

/// RFC 3262 §7.2: RAck is RSeq, CSeq number and method of the response. `None` where it is right.
pub(super) fn rack(prack: &Message, rseq: u32, cseq: u32) -> Option<String> {
    let Some(value) = prack.value(Name::RAck) else { return Some("a PRACK without RAck".into()) };
    let value = value.unfolded();
    let mut words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let right = [rseq.to_string(), cseq.to_string(), "INVITE".into()];
    let same = right.iter().all(|word| words.next() == Some(word.as_bytes()));
    let seen = || format!("RAck {} for {}", value.escape_ascii(), right.join(" "));
    (!same || words.next().is_some()).then(seen)
}

/// How the far end of a dialog wants to be addressed.
pub(super) struct Peer<'a> {
    pub(super) tag: &'a [u8],
    pub(super) contact: &'a [u8],
    /// What Route has to be; `None` where proxies stood between and took their part of it away.
    pub(super) route: Option<&'a [String]>,
}

impl Peer<'_> {
    fn is_routed(&self, message: &Message) -> bool {
        self.route.is_none_or(|route| routes(message).eq(route.iter().map(String::as_bytes)))
    }
}

fn ack_in_general(invite: Request<'_>, ack: Request<'_>, tag: &[u8]) -> Found {
    let mut found = Found::new();
    if ack.key.cseq != invite.key.cseq {
        let saw = format!("CSeq {} where the INVITE had {}", ack.key.cseq, invite.key.cseq);
        found.push((Rule::AckCseq, saw));
    } else if ack.key.method_name != b"ACK" {
        let method = ack.key.method_name.escape_ascii();
        found.push((Rule::AckCseq, format!("an ACK with the method {method} in CSeq")));
    }
    if ack.key.from_tag != invite.key.from_tag {
        found.push((Rule::AckFromTag, "an ACK with another From tag".into()));
    }
    if ack.key.to_tag != Some(tag) {
        let saw = if ack.key.to_tag.is_some() { "another To tag" } else { "no To tag" };
        found.push((Rule::AckToTag, format!("an ACK with {saw}")));
    }
    found
}

/// Route values in order, however they are spread over lines.
fn routes(message: &Message) -> impl Iterator<Item = &[u8]> {
    message
        .values(Name::Route)
        .flat_map(|value| value.bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
}

/// The URI of a From or To.
pub(super) fn address(message: &Message, name: Name) -> &[u8] {
    let Some(value) = message.value(name) else { return &[] };
    let bytes = value.bytes();
    let start = bytes.iter().rposition(|byte| *byte == b'<');
    let (inside, end) = match start {
        Some(start) => (bytes.get(start + 1..).unwrap_or_default(), b'>'),
        None => (bytes, b';'),
    };
    inside.split(|byte| *byte == end).next().unwrap_or_default().trim_ascii()
}

/// Phones leave a call out of their log that somebody else is said to have taken.
fn elsewhere(message: &Message) -> bool {
    message.values(Name::Reason).any(|value| {
        let text = String::from_utf8_lossy(&value.unfolded()).to_ascii_lowercase();
        let text = text.replace(' ', "");
        text.contains("completedelsewhere")
            || text.contains("cause=200")
            || (text.starts_with("q.850") && text.contains("cause=26"))
    })
}
