//! CANCEL: what it says, where it goes, and when: RFC 3261 §9.1.

use super::bench::{Bench, OURS, TARGET, trunk};
use crate::call::outcome::Outcome;
use crate::sip::ua::{Rel100, check_header};

#[test]
fn can_01_cancel_repeats_the_invites_uri_call_id_from_to_and_cseq_number() {
    let (invite, cancel) = Bench::new().cancelled();
    assert_eq!(cancel.uri(), invite.uri());
    for name in ["Call-ID", "From", "To"] {
        assert_eq!(cancel.headers(name), invite.headers(name));
    }
    assert_eq!(cancel.cseq(), invite.cseq());
    assert_eq!(cancel.header("CSeq"), "1 CANCEL");
}

#[test]
fn can_01_the_to_of_a_cancel_has_no_tag_although_the_180_had_one() {
    let (_, cancel) = Bench::new().cancelled();
    assert_eq!(cancel.to_tag(), None);
}

#[test]
fn can_01_cancel_has_exactly_the_top_via_of_the_invite() {
    let (invite, cancel) = Bench::new().cancelled();
    assert_eq!(cancel.headers("Via").len(), 1);
    assert_eq!(cancel.headers("Via"), invite.headers("Via"));
    assert_eq!(cancel.branch(), invite.branch());
}

#[test]
fn can_02_cancel_has_the_routes_of_the_invite_and_no_others() {
    for route in [None, Some("proxy.example:5080")] {
        let mut routed = trunk();
        routed.route = route.map(Into::into);
        let mut bench = Bench::on(routed);
        let invite = bench.call();
        let ringing = invite.reply(180, "Ringing").tag("a");
        bench.at(400).say(&ringing.line("Record-Route: <sip:192.0.2.44;lr>"));
        bench.at(1000);
        let cancel = bench.only("CANCEL");
        assert_eq!(cancel.headers("Route"), invite.headers("Route"));
        assert_eq!(cancel.headers("Route").len(), usize::from(route.is_some()));
    }
}

#[test]
fn can_03_cancel_asks_for_nothing_and_has_no_body() {
    let mut fussy = trunk();
    fussy.rel100 = Rel100::Required;
    fussy.asserted_identity = true;
    fussy.headers = vec!["X-Token: abc".into()];
    let mut bench = Bench::on(fussy);
    let invite = bench.call();
    assert_eq!(invite.header("Require"), "100rel");
    bench.at(400).say(&invite.reply(180, "Ringing").tag("a"));
    bench.at(1000);
    let cancel = bench.only("CANCEL");
    assert_eq!(
        cancel.names(),
        ["Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Content-Length"]
    );
    assert_eq!(cancel.header("Max-Forwards"), "70");
    assert_eq!(cancel.header("Content-Length"), "0");
    assert_eq!(cancel.body(), "");
}

#[test]
fn can_04_cancel_goes_where_the_invite_went() {
    let mut bench = Bench::new();
    let invite = bench.call();
    let ringing = invite
        .reply(180, "Ringing")
        .tag("a")
        .line("Contact: <sip:x@192.0.2.99:5099>")
        .line("Record-Route: <sip:192.0.2.98:5098;lr>");
    bench.at(400).say_from("192.0.2.11:9999", &ringing);
    bench.at(1000);
    assert_eq!(bench.only("CANCEL").to, TARGET.parse().unwrap());
}

#[test]
fn can_04_cancel_goes_where_the_invite_went_also_when_the_trunk_has_moved() {
    let mut bench = Bench::new();
    let invite = bench.ringing();
    let mut moved = trunk();
    moved.targets = vec!["192.0.2.200:5060".parse().unwrap()];
    bench.ua.configure(vec![moved]);
    bench.at(1600);
    assert_eq!(bench.only("CANCEL").to, TARGET.parse().unwrap());
    bench.at(1650).say(&invite.reply(487, "Request Terminated").tag("a"));
    assert_eq!(bench.only("ACK").to, TARGET.parse().unwrap());
}

#[test]
fn can_05_cancel_keeps_the_sent_by_whatever_address_we_are_told_to_have() {
    let mut bench = Bench::new();
    let invite = bench.call();
    let via = format!("{};received=198.51.100.9;rport=31000", invite.header("Via"));
    let told = via.replace(";rport;", ";");
    bench.at(400).say(&invite.reply(180, "Ringing").tag("a").via(&told));
    bench.at(1000);
    let cancel = bench.only("CANCEL");
    assert_eq!(cancel.header("Via"), invite.header("Via"));
    bench.at(1050).say(&invite.reply(487, "Request Terminated").tag("a").via(&told));
    assert_eq!(bench.only("ACK").header("Via"), invite.header("Via"));
}

#[test]
fn can_05_cancel_keeps_the_sent_by_when_our_advertised_address_changes() {
    let mut bench = Bench::new();
    let invite = bench.ringing();
    let mut moved = trunk();
    moved.advertised = "203.0.113.200:5999".into();
    bench.ua.configure(vec![moved]);
    bench.at(1600);
    let cancel = bench.only("CANCEL");
    assert_eq!(cancel.header("Via"), invite.header("Via"));
    bench.say(&cancel.reply(200, "OK"));
    let last = invite.reply(487, "Request Terminated").tag("a");
    bench.at(1650).say(&last);
    assert_eq!(bench.only("ACK").header("Via"), invite.header("Via"));
    let next = bench.call();
    bench.say(&next.reply(100, "Trying"));
    assert!(next.header("Via").contains("203.0.113.200:5999"), "a new call has the new address");
    bench.at(2150).say(&last);
    assert_eq!(bench.only("ACK").header("Via"), invite.header("Via"), "the old call has its own");
    assert!(invite.header("Via").contains(OURS));
}

#[test]
fn can_06_no_cancel_before_a_provisional_and_the_invite_goes_on() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(100).ask().nothing();
    bench.at(2600);
    assert_eq!(bench.times("INVITE"), [0, 500, 1500]);
    bench.exactly(["INVITE", "INVITE"]);
    bench.say(&invite.reply(100, "Trying"));
    assert_eq!(bench.only("CANCEL").at, 2600, "100 is a provisional too");
    bench.at(2650).say(&invite.reply(487, "Request Terminated").tag("a"));
    bench.only("ACK");
    assert_eq!(bench.outcome(), Outcome::CancelledByApi);
}

#[test]
fn can_06_the_guard_waits_for_a_provisional_too() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(31_000);
    assert_eq!(bench.times("CANCEL"), [0; 0]);
    bench.left();
    bench.say(&invite.reply(183, "Session Progress").tag("a"));
    bench.only("CANCEL");
}

#[test]
fn can_07_one_cancel_however_often_and_wherever_it_rings() {
    let mut bench = Bench::new();
    let invite = bench.call();
    for (ms, tag) in [(400, "a"), (450, "a"), (600, "b"), (800, "c"), (999, "a")] {
        bench.at(ms).say(&invite.reply(180, "Ringing").tag(tag));
    }
    bench.at(1000);
    let cancel = bench.only("CANCEL");
    bench.at(1010).say(&cancel.reply(200, "OK").tag("x"));
    for (ms, tag) in [(1520, "a"), (1600, "d"), (3000, "b")] {
        bench.at(ms).say(&invite.reply(180, "Ringing").tag(tag)).nothing();
    }
    bench.at(3500).ask().nothing();
    bench.at(20_000).nothing();
}

#[test]
fn can_07_no_cancel_once_the_final_has_arrived() {
    for status in [486, 200] {
        let mut bench = Bench::new();
        let invite = bench.ringing();
        bench.at(1500).say(&invite.reply(status, "").tag("a"));
        bench.at(1510).ask().say(&invite.reply(180, "Ringing").tag("b"));
        bench.at(60_000);
        assert_eq!(bench.times("CANCEL"), [0; 0], "{status}");
    }
}

#[test]
fn can_07_a_final_that_arrived_in_time_forbids_the_cancel_that_is_due() {
    let mut bench = Bench::new();
    let invite = bench.ringing();
    bench.at(1599).say(&invite.reply(486, "Busy Here").tag("a"));
    bench.at(3000);
    assert_eq!(bench.times("CANCEL"), [0; 0]);
}

#[test]
fn can_09_the_200_of_the_cancel_ends_nothing() {
    let mut bench = Bench::new();
    let (invite, cancel) = bench.cancelled();
    bench.at(1620).say(&cancel.reply(200, "OK").tag("quite-another")).nothing();
    assert!(bench.ended.is_empty(), "only the INVITE's final says what became of it");
    bench.at(2620).say(&invite.reply(486, "Busy Here").tag("a"));
    bench.only("ACK");
    let facts = &bench.report().facts;
    assert_eq!(facts.cancel_status, Some(200));
    assert_eq!(facts.times.cancel_final.micros(), Some(1_620_000));
    assert_eq!(facts.final_status(), 486);
}

#[test]
fn can_10_a_challenge_to_a_cancel_is_not_answered_and_ends_nothing() {
    for (status, name) in [(401, "WWW-Authenticate"), (407, "Proxy-Authenticate")] {
        let mut bench = Bench::new();
        let (invite, cancel) = bench.cancelled();
        let challenge = format!("{name}: Digest realm=\"r\", nonce=\"n\"");
        bench.at(1620).say(&cancel.reply(status, "").tag("x").line(&challenge)).nothing();
        bench.at(10_000).nothing();
        assert!(bench.ended.is_empty());
        bench.say(&invite.reply(487, "Request Terminated").tag("a"));
        bench.only("ACK");
        assert_eq!(bench.outcome(), Outcome::Rang);
        assert_eq!(bench.report().facts.cancel_status, Some(status));
    }
}

#[test]
fn can_11_a_refused_cancel_is_not_the_end_of_the_invite() {
    for status in [481, 500, 408] {
        let mut bench = Bench::new();
        let (invite, cancel) = bench.cancelled();
        bench.at(1620).say(&cancel.reply(status, "").tag("x")).nothing();
        bench.at(8000).nothing();
        assert!(bench.ended.is_empty(), "{status}");
        bench.say(&invite.answer("a"));
        bench.exactly(["ACK", "BYE"]);
        assert_eq!(bench.times("CANCEL"), [1600], "no second one");
    }
}

#[test]
fn can_11_after_a_refused_cancel_the_call_is_given_up_when_nothing_comes() {
    let mut bench = Bench::new();
    let (_, cancel) = bench.cancelled();
    bench.at(1620).say(&cancel.reply(481, "No").tag("x"));
    bench.at(33_599);
    assert!(bench.ended.is_empty());
    bench.at(33_600);
    assert_eq!(bench.outcome(), Outcome::RangNoFinal);
    assert_eq!(bench.report().facts.cancel_status, Some(481));
}

#[test]
fn can_12_the_final_may_come_before_the_200_of_the_cancel() {
    let mut bench = Bench::new();
    let (invite, cancel) = bench.cancelled();
    bench.at(1620).say(&invite.reply(487, "Request Terminated").tag("a"));
    bench.only("ACK");
    assert_eq!(bench.outcome(), Outcome::Rang);
    bench.at(1630).say(&cancel.reply(200, "OK").tag("a")).nothing();
    bench.rests();
    assert_eq!(bench.times("CANCEL"), [1600]);
}

#[test]
fn can_12_the_200_of_the_cancel_may_be_missing() {
    let mut bench = Bench::new();
    let (invite, _) = bench.cancelled();
    bench.at(1620).say(&invite.reply(487, "Request Terminated").tag("a"));
    bench.only("ACK");
    assert_eq!(bench.outcome(), Outcome::Rang);
    assert_eq!(bench.report().facts.cancel_status, None);
    bench.rests();
    assert_eq!(bench.ended.len(), 1);
}

#[test]
fn can_17_a_cancel_says_no_reason() {
    let (_, cancel) = Bench::new().cancelled();
    assert_eq!(cancel.headers("Reason"), [""; 0]);
    for line in ["Reason: SIP;cause=200", "reason: x", "Privacy: id", "PRIVACY: none"] {
        assert!(check_header(line).is_err(), "{line} would hide the call or its number");
    }
}

#[test]
fn can_19_with_a_hold_of_zero_the_cancel_leaves_in_the_same_turn_as_the_180_came() {
    let mut bench = Bench::new();
    let invite = bench.call_holding(0);
    bench.at(400).say(&invite.reply(180, "Ringing").tag("a"));
    let cancel = bench.only("CANCEL");
    assert_eq!(cancel.at, 400);
    let due = bench.ua.poll_timeout().unwrap();
    assert!(due > bench.instant(), "nothing waits for a later turn");
}

#[test]
fn can_19_the_hold_counts_from_the_arrival_of_the_180_and_not_from_when_we_found_time_for_it() {
    // The machine stood still for two seconds while the phone rang. The hold began when we got to the 180, so the
    // phone rang for two seconds more than it was meant to.
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(20).say(&invite.reply(100, "Trying"));
    bench.at(3000).receive_late(TARGET, &invite.reply(180, "Ringing").tag("a").text(), 2000);
    bench.nothing().at(3001);
    bench.only("CANCEL");
}

#[test]
fn can_19_the_rest_of_the_hold_is_waited_for() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(20).say(&invite.reply(100, "Trying"));
    bench.at(3000).receive_late(TARGET, &invite.reply(180, "Ringing").tag("a").text(), 400);
    bench.at(3199).nothing().at(3200);
    bench.only("CANCEL");
}

#[test]
fn can_07_an_answer_behind_the_180_in_a_backlog_forbids_the_cancel_that_is_overdue() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(20).say(&invite.reply(100, "Trying"));
    bench.at(3000).receive_late(TARGET, &invite.reply(180, "Ringing").tag("a").text(), 2000);
    bench.receive_late(TARGET, &invite.answer("a").text(), 500);
    bench.exactly(["ACK", "BYE"]);
}

#[test]
fn can_07_a_cancel_is_not_sent_again_once_the_final_has_arrived() {
    // Its 200 was lost, or the far end never sends one. The 487 says all there is to say, and yet the CANCEL went out
    // ten times more, to a far end that had long forgotten the call.
    let mut bench = Bench::new();
    let (invite, cancel) = bench.cancelled();
    bench.at(1650).say(&invite.reply(487, "Request Terminated").tag("a"));
    bench.rests();
    assert_eq!(bench.times("CANCEL"), [cancel.at]);

    let mut bench = Bench::new();
    let (invite, cancel) = bench.cancelled();
    bench.at(1650).say(&invite.answer("a"));
    bench.rests();
    assert_eq!(bench.times("CANCEL"), [cancel.at], "nor after an answer");
}
