//! Words of carriers, and words that only look like them.

use super::seen::{CAUSES, PHRASES, Seen, refused};
use crate::call::outcome::Outcome;

/// Each with a status whose own class is another.
const WORDS: [(u16, &str, Outcome); 42] = [
    (503, "Trunk CPS limit exceeded", Outcome::RateLimited),
    (503, "CPS Limit reached P05", Outcome::RateLimited),
    (403, "Calls Per Second exceeded", Outcome::RateLimited),
    (486, "Rate limit", Outcome::RateLimited),
    (486, "Flood protection", Outcome::RateLimited),
    (486, "Flooding detected", Outcome::RateLimited),
    (503, "Too many requests", Outcome::RateLimited),
    (486, "Call limit reached", Outcome::RateLimited),
    (403, "User channel limit exceeded D1", Outcome::ChannelLimit),
    (486, "Max calls", Outcome::ChannelLimit),
    (503, "Maximum calls reached", Outcome::ChannelLimit),
    (503, "Max call limit", Outcome::ChannelLimit),
    (480, "No capacity", Outcome::ChannelLimit),
    (503, "Too many concurrent calls", Outcome::ChannelLimit),
    (603, "Network Blocked", Outcome::BlockedAnalytics),
    (603, "NETWORK BLOCKED", Outcome::BlockedAnalytics),
    (403, "Caller Origination Number is Invalid D35", Outcome::CliRejected),
    (403, "Caller ID is not allowed", Outcome::CliRejected),
    (403, "caller unverified", Outcome::CliRejected),
    (403, "Origination number not owned D36", Outcome::CliRejected),
    (403, "Invalid Caller ID", Outcome::CliRejected),
    (403, "CLI invalid", Outcome::CliRejected),
    (403, "Invalid CLI", Outcome::CliRejected),
    (403, "CLI not allowed", Outcome::CliRejected),
    (403, "Stale Date", Outcome::CliRejected),
    (403, "Insufficient funds", Outcome::AccountBlocked),
    (603, "Balance too low", Outcome::AccountBlocked),
    (403, "payment overdue", Outcome::AccountBlocked),
    (480, "Out of credit", Outcome::AccountBlocked),
    (503, "No credits", Outcome::AccountBlocked),
    (403, "Not Authorized", Outcome::AuthFailed),
    (403, "not authorised", Outcome::AuthFailed),
    (403, "Denied by ACL", Outcome::AuthFailed),
    (403, "ACL_DENY", Outcome::AuthFailed),
    (403, "IP address unknown", Outcome::AuthFailed),
    (403, "unlisted IP addresses", Outcome::AuthFailed),
    (403, "Bad credentials", Outcome::AuthFailed),
    (603, "Loss Limits Exceeded", Outcome::RoutePolicy),
    (404, "No route", Outcome::NoRoute),
    (503, "No Route to destination D40", Outcome::NoRoute),
    (403, "Number not routable", Outcome::NoRoute),
    (480, "no routes left", Outcome::NoRoute),
];

#[test]
fn each_word_of_a_carrier_beats_the_code() {
    for (status, words, outcome) in WORDS {
        assert_ne!(refused(status, "").outcome(), outcome, "{status} alone tells nothing here");
        assert_eq!(refused(status, words).outcome(), outcome, "{status} {words}");
    }
}

#[test]
fn words_count_wherever_they_stand() {
    for (status, words, outcome) in WORDS {
        let reason = refused(status, "").reason_from("SIP", status, None, Some(words));
        assert_eq!(reason.outcome(), outcome, "Reason text: {words}");
        let note = refused(status, "").note(words);
        assert_eq!(note.outcome(), outcome, "Warning or X-Reason: {words}");
    }
}

#[test]
fn a_603_plus_is_told_by_its_reason() {
    let text = "v=analytics1;url=https://redress.example.net/";
    let call = refused(603, "Decline").reason_from("SIP", 603, None, Some(text));
    assert_eq!(call.outcome(), Outcome::BlockedAnalytics);
    let at_once = Seen::default().refused(80, 603, "Network Blocked");
    assert_eq!(at_once.outcome(), Outcome::BlockedAnalytics);
}

#[test]
fn the_phrase_counts_before_reasons_and_these_before_notes() {
    let call = refused(503, "CPS limit").reason_from("Q.850", 3, None, Some("No route"));
    assert_eq!(call.note("channel limit").outcome(), Outcome::RateLimited);
    let call = refused(503, "").reason_from("Q.850", 3, None, Some("No route"));
    assert_eq!(call.note("channel limit").outcome(), Outcome::NoRoute);
}

#[test]
fn words_that_only_look_like_a_rule_are_none() {
    let near = [
        (403, "The oracle said no"),
        (403, "Miracle"),
        (483, "Too Many Hops"),
        (503, "Too many hops"),
        (487, "Request Terminated"),
        (503, "Load balancer has no backend"),
        (503, "Unbalanced"),
        (403, "Accredited callers only"),
        (403, "Client invalid"),
        (403, "Click to call"),
        (488, "Insufficient bandwidth"),
        (486, "Unlimited"),
        (503, "Limit"),
        (480, "Incapacity"),
        (480, "Zip address"),
        (500, "Maximum call duration"),
        (404, "Snowroute"),
        (480, "The network is not blocked"),
        (403, "Invalid callee"),
        (403, "Not allowed, caller"),
        (480, "User not authoritative"),
        (500, "Stale date"),
        (500, "Unsupported credential"),
        (486, "осёл: acl\u{430}"),
        (486, ""),
    ];
    for (status, words) in near {
        assert_eq!(refused(status, words).outcome(), refused(status, "").outcome(), "{words}");
    }
}

#[test]
fn no_code_own_phrase_is_a_rule() {
    for (status, phrase) in PHRASES {
        let (with, without) = (refused(status, phrase).outcome(), refused(status, "").outcome());
        assert_eq!(with, without, "{status} {phrase}");
    }
}

#[test]
fn no_cause_own_words_are_a_rule() {
    for status in [403, 480, 486, 500, 503, 603] {
        for (cause, text) in CAUSES {
            let call = |text| refused(status, "").reason_from("Q.850", cause, None, text).outcome();
            assert_eq!(call(Some(text)), call(None), "{status} {cause} {text}");
        }
    }
}

#[test]
fn a_redirection_stays_one_whatever_it_says() {
    for words in ["No route", "CPS limit", "Network Blocked"] {
        let call = refused(302, words).reason("Q.850", 17);
        assert_eq!(call.outcome(), Outcome::Redirected);
    }
}
