//! Words: what carriers write into the reason phrase, a Reason's text, Warning or X-Reason because no code says it.
//!
//! The words of every code's own phrase, and of every Q.850 cause, say nothing new and match no rule.

use super::Outcome;
use crate::call::facts::Said;

/// One rule.
struct Rule {
    /// Lower case; all of them, one behind the other.
    words: &'static [&'static str],
    /// The only status that it is meant for; 0 for any.
    status: u16,
    /// None where the words only look like those of a later rule.
    outcome: Option<Outcome>,
}

const fn any(words: &'static [&'static str], outcome: Outcome) -> Rule {
    Rule { words, status: 0, outcome: Some(outcome) }
}

const fn on(status: u16, words: &'static [&'static str], outcome: Outcome) -> Rule {
    Rule { words, status, outcome: Some(outcome) }
}

const fn nothing(words: &'static [&'static str]) -> Rule {
    Rule { words, status: 0, outcome: None }
}

/// The first that matches counts.
const RULES: &[Rule] = &[
    // 483's own phrase, Warning 370 (RFC 3261 §20.43), and Q.850 cause 57.
    nothing(&["too many hops"]),
    nothing(&["insufficient bandwidth"]),
    nothing(&["bearer capability not authorized"]),
    any(&["cps limit"], Outcome::RateLimited),
    any(&["calls per second"], Outcome::RateLimited),
    any(&["rate limit"], Outcome::RateLimited),
    any(&["flood"], Outcome::RateLimited),
    any(&["channel limit"], Outcome::ChannelLimit),
    any(&["max calls"], Outcome::ChannelLimit),
    any(&["maximum calls"], Outcome::ChannelLimit),
    any(&["max call limit"], Outcome::ChannelLimit),
    any(&["maximum call limit"], Outcome::ChannelLimit),
    any(&["capacity"], Outcome::ChannelLimit),
    any(&["concurrent"], Outcome::ChannelLimit),
    any(&["too many"], Outcome::RateLimited),
    any(&["network blocked"], Outcome::BlockedAnalytics),
    any(&["v=analytics"], Outcome::BlockedAnalytics),
    any(&["caller", "invalid"], Outcome::CliRejected),
    any(&["invalid caller"], Outcome::CliRejected),
    any(&["caller", "not allowed"], Outcome::CliRejected),
    any(&["caller", "unverified"], Outcome::CliRejected),
    any(&["origination number"], Outcome::CliRejected),
    any(&["cli", "invalid"], Outcome::CliRejected),
    any(&["invalid cli"], Outcome::CliRejected),
    any(&["cli", "not allowed"], Outcome::CliRejected),
    // RFC 8224 §6.2.2: our Date was out of the verifier's window.
    on(403, &["stale date"], Outcome::CliRejected),
    any(&["insufficient"], Outcome::AccountBlocked),
    any(&["balance"], Outcome::AccountBlocked),
    any(&["payment"], Outcome::AccountBlocked),
    any(&["credit"], Outcome::AccountBlocked),
    any(&["not authorized"], Outcome::AuthFailed),
    any(&["not authorised"], Outcome::AuthFailed),
    any(&["acl"], Outcome::AuthFailed),
    any(&["ip address"], Outcome::AuthFailed),
    on(403, &["credential"], Outcome::AuthFailed),
    any(&["loss limits exceeded"], Outcome::RoutePolicy),
    any(&["no route"], Outcome::NoRoute),
    any(&["not routable"], Outcome::NoRoute),
    on(486, &["limit"], Outcome::RateLimited),
];

/// What the words of a refusal say; the phrase before Reason texts, and these before notes.
pub(super) fn outcome(said: &Said) -> Option<Outcome> {
    let reasons = said.causes.iter().filter_map(|cause| cause.text.as_deref());
    std::iter::once(said.phrase.as_str())
        .chain(reasons)
        .chain(said.notes.iter().map(String::as_str))
        .find_map(|text| of_text(&text.to_ascii_lowercase(), said.status))
}

fn of_text(text: &str, status: u16) -> Option<Outcome> {
    let applies = |rule: &&Rule| rule.status == 0 || rule.status == status;
    RULES.iter().filter(applies).find(|rule| has_in_order(text, rule.words))?.outcome
}

/// Whether the words stand in the text, one behind the other, each as a word: `acl` is not in `oracle`, and
/// `balance` not in `balancer`.
fn has_in_order(text: &str, words: &[&str]) -> bool {
    let mut rest = text;
    words.iter().all(|word| {
        let found = rest.match_indices(word).find(|&(at, _)| {
            let (before, after) = (rest.get(..at), rest.get(at + word.len()..));
            begins_a_word(before.unwrap_or_default()) && ends_a_word(after.unwrap_or_default())
        });
        let Some((at, _)) = found else { return false };
        rest = rest.get(at + word.len()..).unwrap_or_default();
        true
    })
}

fn begins_a_word(before: &str) -> bool {
    !before.ends_with(|c: char| c.is_alphanumeric())
}

/// A plural and the like is the same word.
fn ends_a_word(after: &str) -> bool {
    let end = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
    matches!(after.get(..end).unwrap_or_default(), "" | "s" | "es" | "ed" | "ing")
}
