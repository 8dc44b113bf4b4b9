//! Which responses are heeded: RFC 3261 §8.1.3, §17.1.3, §18.1.2.

use super::bench::{Bench, OURS, STRANGER, TARGET, trunk};
use super::reader::Sent;
use super::reply::Reply;
use crate::call::outcome::Outcome;
use crate::sip::ua::Dropped;

/// That this has no effect on a call but to be counted as `expected`, and that the same without a fault has.
#[track_caller]
fn is_dropped(from: &str, spoil: impl Fn(&Sent, Reply) -> Reply, expected: Dropped) {
    let mut bench = Bench::new();
    let invite = bench.call();
    let good = invite.reply(486, "Busy Here").tag("a");
    bench.at(40).say_from(from, &spoil(&invite, good.clone())).nothing();
    bench.dropped(expected);
    assert!(bench.ended.is_empty());
    bench.at(500).only("INVITE");
    bench.at(510).say(&good).only("ACK");
    bench.dropped(expected);
}

fn misrouted() -> Dropped {
    Dropped { misrouted: 1, ..Dropped::default() }
}

fn forged() -> Dropped {
    Dropped { forged: 1, ..Dropped::default() }
}

#[test]
fn tx_10_a_response_to_the_cancel_is_none_to_the_invite() {
    let mut bench = Bench::new();
    let (invite, cancel) = bench.cancelled();
    assert_eq!(cancel.branch(), invite.branch());
    bench.at(1620).say(&cancel.reply(200, "OK").tag("a")).nothing();
    assert!(bench.ended.is_empty());
    bench.at(1700).say(&invite.reply(487, "Request Terminated").tag("a"));
    bench.only("ACK");
    assert_eq!(bench.outcome(), Outcome::Rang, "and none of it was taken for an answer");
}

#[test]
fn tx_10_the_method_of_cseq_says_which_request_is_answered() {
    for method in ["CANCEL", "BYE", "PRACK", "OPTIONS", "ACK", "UPDATE", "FOO", "invite"] {
        let mut bench = Bench::new();
        let invite = bench.ringing();
        for status in [100, 200, 486] {
            bench.say(&invite.reply(status, "").tag("a").cseq(&format!("1 {method}"))).nothing();
        }
        assert!(bench.ended.is_empty(), "{method}");
        bench.at(1600).only("CANCEL");
    }
}

#[test]
fn tx_11_a_response_with_two_vias_is_dropped() {
    is_dropped(
        TARGET,
        |invite, reply| reply.line(&format!("Via: {}", invite.header("Via"))),
        misrouted(),
    );
    let two = |invite: &Sent, reply: Reply| {
        reply.via(&format!("{}, SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", invite.header("Via")))
    };
    is_dropped(TARGET, two, misrouted());
}

#[test]
fn tx_11_a_response_with_another_sent_by_than_ours_is_dropped() {
    for other in ["203.0.113.6:5062", "203.0.113.5:5063", "203.0.113.5", "203.0.113.5:50622"] {
        let spoil =
            |invite: &Sent, reply: Reply| reply.via(&invite.header("Via").replace(OURS, other));
        is_dropped(TARGET, spoil, misrouted());
    }
}

#[test]
fn tx_11_an_earlier_sent_by_is_ours_as_long_as_its_call() {
    let mut bench = Bench::new();
    let invite = bench.call();
    let mut moved = trunk();
    moved.advertised = "203.0.113.200:5999".into();
    bench.ua.configure(vec![moved]);
    let new = invite.header("Via").replace(OURS, "203.0.113.200:5999");
    let busy = invite.reply(486, "Busy Here").tag("a");
    bench.at(40).say(&busy.clone().via(&new)).nothing();
    bench.dropped(misrouted());
    bench.at(50).say(&busy);
    bench.only("ACK");
    assert_eq!(bench.outcome(), Outcome::Busy);
}

#[test]
fn tx_11_after_the_end_of_the_call_the_same_is_dropped() {
    let mut bench = Bench::new();
    let invite = bench.over();
    let last = invite.reply(487, "Request Terminated").tag("a");
    let elsewhere = invite.header("Via").replace(OURS, "203.0.113.6:5062");
    bench.at(2200).say(&last.clone().via(&elsewhere)).nothing();
    bench.say(&last.clone().line(&format!("Via: {}", invite.header("Via")))).nothing();
    bench.dropped(Dropped { misrouted: 2, ..Dropped::default() });
    bench.say_from(STRANGER, &last).nothing();
    bench.dropped(Dropped { misrouted: 2, strangers: 1, ..Dropped::default() });
}

#[test]
fn tx_12_any_port_and_address_of_the_trunk_may_answer_and_requests_go_on_to_the_target() {
    for from in ["192.0.2.10:9999", "192.0.2.11:5060", "192.0.2.11:1", "[::ffff:192.0.2.11]:5060"] {
        let mut bench = Bench::new();
        let invite = bench.call();
        bench.at(400).say_from(from, &invite.reply(180, "Ringing").tag("a"));
        bench.at(1000);
        assert_eq!(bench.only("CANCEL").to, TARGET.parse().unwrap(), "{from}");
        bench.say_from(from, &invite.reply(487, "").tag("a"));
        assert_eq!(bench.only("ACK").to, TARGET.parse().unwrap(), "{from}");
    }
}

#[test]
fn tx_12_a_stranger_who_knows_everything_is_dropped() {
    is_dropped(STRANGER, |_, reply| reply, Dropped { strangers: 1, ..Dropped::default() });
}

#[test]
fn tx_12_peers_are_those_of_every_trunk_that_has_calls() {
    let mut bench = Bench::new();
    bench.call();
    let mut moved = trunk();
    moved.targets = vec!["198.51.100.1:5060".parse().unwrap()];
    moved.peers.clear();
    bench.ua.configure(vec![moved]);
    let peers: Vec<String> = bench.ua.peers().iter().map(ToString::to_string).collect();
    assert_eq!(peers, ["192.0.2.10", "192.0.2.11", "198.51.100.1"]);
    bench.rests();
    let peers: Vec<String> = bench.ua.peers().iter().map(ToString::to_string).collect();
    assert_eq!(peers, ["198.51.100.1"], "a trunk that is gone and has no calls is nobody's");
}

#[test]
fn tx_13_an_unknown_provisional_counts_as_183() {
    for status in [101, 110, 150, 179, 184, 189, 198] {
        let mut bench = Bench::new();
        let invite = bench.call_holding(0);
        bench.at(400).say(&invite.reply(status, "Odd").tag("a")).nothing();
        bench.at(10_000).nothing();
        assert!(bench.ended.is_empty(), "{status} is a sign of life and no alert");
    }
}

#[test]
fn tx_13_an_unknown_final_counts_by_its_class() {
    for (status, outcome) in [(399, Outcome::Redirected), (499, Outcome::Other)] {
        let mut bench = Bench::new();
        let invite = bench.call();
        bench.at(40).say(&invite.reply(status, "Odd").tag("a")).only("ACK");
        assert_eq!(bench.outcome(), outcome, "{status}");
    }
    for (status, outcome) in [(599, Outcome::Other), (699, Outcome::RejectedGlobal)] {
        let mut bench = Bench::new();
        let invite = bench.call();
        bench.at(40).say(&invite.reply(status, "Odd").tag("a")).only("ACK");
        assert_eq!(bench.outcome(), outcome, "{status}");
    }
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(40).say(&invite.reply(299, "Odd").tag("a")).exactly(["ACK", "BYE"]);
}

#[test]
fn tx_13_what_is_no_status_is_discarded() {
    for status in ["000", "099", "700", "999", "4294967301", "18", "-1", "two", ""] {
        let mut bench = Bench::new();
        let invite = bench.call();
        let text = invite.reply(486, "").tag("a").text().replacen("486", status, 1);
        bench.at(40).receive(TARGET, &text).nothing();
        bench.at(500).only("INVITE");
        assert!(bench.ended.is_empty(), "{status}");
        let dropped = bench.ua.dropped();
        assert_eq!(dropped.malformed + dropped.strangers, 1, "{status}: {dropped:?}");
    }
}

#[test]
fn tx_14_a_branch_that_is_not_of_our_making_is_dropped() {
    let change = |at: usize| {
        move |invite: &Sent, reply: Reply| {
            let mut branch = invite.branch().into_bytes();
            branch[at] = if branch[at] == b'0' { b'1' } else { b'0' };
            let branch = String::from_utf8(branch).unwrap();
            reply.via(&invite.header("Via").replace(&invite.branch(), &branch))
        }
    };
    for at in [0, 7, 12, 20, 30, 31, 40, 43] {
        is_dropped(TARGET, change(at), forged());
    }
    let gone = |_: &Sent, reply: Reply| reply.via(&format!("SIP/2.0/UDP {OURS}"));
    is_dropped(TARGET, gone, forged());
    let cookie = |_: &Sent, reply: Reply| reply.via(&format!("SIP/2.0/UDP {OURS};branch=z9hG4bK"));
    is_dropped(TARGET, cookie, forged());
}

#[test]
fn tx_14_another_key_makes_other_branches() {
    let mut bench = Bench::new();
    let mut twin = Bench::life(1, trunk());
    let invite = bench.call();
    assert_eq!(twin.call().text, invite.text, "the same seed and key give the same bytes");
}

#[test]
fn tx_15_a_response_with_other_ids_is_dropped() {
    is_dropped(TARGET, |_, reply| reply.call_id("somebody@else"), forged());
    is_dropped(TARGET, |_, reply| reply.call_id(""), forged());
    let tag = |invite: &Sent, reply: Reply| {
        reply.from(&invite.header("From").replace(&invite.own_tag(), "guessed"))
    };
    is_dropped(TARGET, tag, forged());
    let none =
        |invite: &Sent, reply: Reply| reply.from(invite.header("From").split(';').next().unwrap());
    is_dropped(TARGET, none, forged());
}

#[test]
fn what_is_no_message_is_counted() {
    let mut bench = Bench::new();
    bench.call();
    for text in ["", "\r\n\r\n", "hello", "SIP/2.0 200 OK\r\n\r\n"] {
        bench.receive(TARGET, text).nothing();
    }
    bench.dropped(Dropped { malformed: 4, ..Dropped::default() });
}
