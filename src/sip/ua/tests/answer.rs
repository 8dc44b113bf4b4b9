//! Answers: RFC 3261 §13.2.2.4, §12.1.2, §15, RFC 6026.

use super::bench::{Bench, TARGET};
use crate::call::outcome::Outcome;

#[test]
fn tx_08_every_2xx_is_heeded_for_64_t1_whichever_fork_it_is_of() {
    let mut bench = Bench::new();
    let (invite, bye) = bench.answered();
    bench.at(2100).say(&bye.reply(200, "OK"));
    bench.at(33_000).say(&invite.answer("a")).only("ACK");
    bench.at(33_900).say(&invite.answer("b"));
    let [ack, bye] = bench.exactly(["ACK", "BYE"]);
    assert_eq!(ack.to_tag().as_deref(), Some("b"));
    assert_eq!(bye.to_tag().as_deref(), Some("b"));
    assert_eq!(bench.late(), [(200, true)], "the record was written at the first BYE's 200");
}

#[test]
fn tx_08_the_ack_of_a_2xx_has_a_branch_of_its_own() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(40).say(&invite.answer("a"));
    let [ack, bye] = bench.exactly(["ACK", "BYE"]);
    assert_ne!(ack.branch(), invite.branch());
    assert_ne!(ack.branch(), bye.branch());
}

#[test]
fn tx_09_each_copy_of_a_2xx_gets_the_same_ack_and_no_second_bye() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(40).say(&invite.answer("a"));
    let [ack, bye] = bench.exactly(["ACK", "BYE"]);
    bench.at(100).say(&invite.answer("a"));
    assert_eq!(bench.only("ACK").text, ack.text);
    bench.at(110).say(&bye.reply(200, "OK")).nothing();
    for ms in [540, 1540, 3540, 7540, 11_540, 31_540] {
        bench.at(ms).say(&invite.answer("a"));
        let again = bench.only("ACK");
        assert_eq!((again.text, again.to), (ack.text.clone(), ack.to));
    }
    assert_eq!(bench.times("BYE"), [40]);
    assert_eq!(bench.ended.len(), 1);
    assert_eq!(bench.report().facts.forks[0].acks, 2, "as many as there were until the report");
    assert_eq!(bench.late(), []);
    bench.rests();
}

#[test]
fn prv_03_ack_and_bye_take_tag_contact_and_route_from_the_very_response() {
    let mut bench = Bench::new();
    let invite = bench.call();
    let ringing = invite
        .reply(180, "Ringing")
        .tag("early")
        .line("Contact: <sip:early@192.0.2.90:5090>")
        .line("Record-Route: <sip:192.0.2.91:5091;lr>");
    bench.at(400).say(&ringing);
    let answer = invite
        .reply(200, "OK")
        .tag("late")
        .line("Contact: \"L\" <sip:late@192.0.2.80:5080;x=1>;expires=30")
        .line("Record-Route: <sip:192.0.2.33:5073;lr;ftag=q>, <sip:192.0.2.32:5072;lr>")
        .line("Record-Route: <sip:192.0.2.31:5071;lr>");
    bench.at(700).say(&answer);
    for sent in bench.exactly(["ACK", "BYE"]) {
        assert_eq!(sent.to_tag().as_deref(), Some("late"));
        assert_eq!(sent.uri(), "sip:late@192.0.2.80:5080;x=1");
        assert_eq!(
            sent.headers("Route"),
            [
                "<sip:192.0.2.31:5071;lr>",
                "<sip:192.0.2.32:5072;lr>",
                "<sip:192.0.2.33:5073;lr;ftag=q>"
            ],
            "reversed, with all parameters"
        );
        assert_eq!(sent.to, "192.0.2.31:5071".parse().unwrap(), "to the first of them");
    }
}

#[test]
fn prv_03_without_a_route_ack_and_bye_go_to_the_contact() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(40).say(&invite.answer("a"));
    for sent in bench.exactly(["ACK", "BYE"]) {
        assert_eq!(sent.to, "192.0.2.77:5077".parse().unwrap());
        assert_eq!(sent.headers("Route"), [""; 0]);
    }
}

#[test]
fn prv_03_a_strict_router_gets_its_own_uri_and_the_contact_ends_the_route() {
    let mut bench = Bench::new();
    let invite = bench.call();
    let answer = invite
        .answer("a")
        .line("Record-Route: <sip:192.0.2.32:5072;lr>")
        .line("Record-Route: <sip:192.0.2.31:5071>");
    bench.at(40).say(&answer);
    for sent in bench.exactly(["ACK", "BYE"]) {
        assert_eq!(sent.uri(), "sip:192.0.2.31:5071");
        assert_eq!(sent.headers("Route"), ["<sip:192.0.2.32:5072;lr>", "<sip:a@192.0.2.77:5077>"]);
        assert_eq!(sent.to, "192.0.2.31:5071".parse().unwrap());
    }
}

#[test]
fn prv_03_a_next_hop_that_is_a_name_is_the_trunks_own() {
    let mut bench = Bench::new();
    let invite = bench.call();
    let answer = invite.reply(200, "OK").tag("a").line("Contact: <sip:a@gw.carrier.example>");
    bench.at(40).say(&answer);
    for sent in bench.exactly(["ACK", "BYE"]) {
        assert_eq!(sent.uri(), "sip:a@gw.carrier.example");
        assert_eq!(sent.to, TARGET.parse().unwrap());
    }
}

#[test]
fn prv_04_every_fork_that_answers_is_acknowledged_and_hung_up() {
    let mut bench = Bench::new();
    let invite = bench.ringing();
    let mut byes = Vec::new();
    for (ms, tag) in [(1200, "a"), (1210, "b"), (1900, "c")] {
        bench.at(ms).say(&invite.answer(tag));
        let left = bench.left();
        let of = |what: &str| left.iter().filter(|sent| sent.what == what).count();
        assert_eq!((of("ACK"), of("CANCEL")), (1, 0), "{tag}");
        let own = left.iter().filter(|sent| sent.to_tag().as_deref() == Some(tag));
        for sent in own {
            assert_eq!(sent.uri(), format!("sip:{tag}@192.0.2.77:5077"));
            if sent.what == "BYE" {
                byes.push(sent.clone());
            }
        }
    }
    assert_eq!(byes.len(), 3);
    for bye in &byes {
        assert!(bench.ended.is_empty(), "the record waits for every BYE");
        bench.at(1950).say(&bye.reply(200, "OK"));
    }
    let forks = &bench.report().facts.forks;
    assert_eq!(forks.len(), 3);
    assert!(forks.iter().all(|fork| fork.acks == 1 && fork.bye_status == Some(200)));
    assert_eq!(bench.late(), [], "it has them all");
    bench.rests();
}

#[test]
fn prv_04_a_fork_that_answers_within_64_t1_of_the_first_is_hung_up_after_the_record_too() {
    let mut bench = Bench::new();
    let (invite, bye) = bench.answered();
    bench.at(2050).say(&bye.reply(200, "OK"));
    assert_eq!(bench.ended.len(), 1);
    bench.at(30_000).say(&invite.answer("b"));
    let [_, bye] = bench.exactly(["ACK", "BYE"]);
    bench.at(30_100).say(&bye.reply(200, "OK"));
    assert_eq!(bench.ended.len(), 1, "one record");
    assert_eq!(bench.late(), [(200, true)], "and its amendment");
    bench.rests();
}

#[test]
fn prv_13_an_answer_without_a_usable_contact_is_hung_up_by_the_invites_uri() {
    for contact in [
        None,
        Some("Contact: *"),
        Some("Contact: <tel:+4915112345678>"),
        Some("Contact: <sip:>"),
        Some("Contact: nonsense <"),
    ] {
        let mut bench = Bench::new();
        let invite = bench.call();
        let mut answer = invite.reply(200, "OK").tag("a");
        if let Some(contact) = contact {
            answer = answer.line(contact);
        }
        bench.at(40).say(&answer);
        for sent in bench.exactly(["ACK", "BYE"]) {
            assert_eq!(sent.uri(), invite.uri(), "{contact:?}");
            assert_eq!(sent.to, invite.to, "{contact:?}");
        }
    }
}

#[test]
fn prv_13_a_contact_where_nothing_can_be_sent_leaves_the_trunk_as_the_way() {
    for host in ["0.0.0.0", "255.255.255.255:5060", "224.0.0.1", "192.0.2.77:0"] {
        let mut bench = Bench::new();
        let invite = bench.call();
        let contact = format!("Contact: <sip:a@{host}>");
        bench.at(40).say(&invite.reply(200, "OK").tag("a").line(&contact));
        for sent in bench.exactly(["ACK", "BYE"]) {
            assert_eq!(sent.to, invite.to, "{host}");
        }
    }
}

#[test]
fn prv_13_an_answer_without_a_to_tag_is_hung_up_too() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(40).say(&invite.reply(200, "OK"));
    let [_, bye] = bench.exactly(["ACK", "BYE"]);
    assert_eq!(bye.to_tag(), None);
    bench.at(50).say(&bye.reply(200, "OK"));
    assert_eq!(bench.outcome(), Outcome::FastAnswer);
}

#[test]
fn nit_05_bye_is_above_everything_sent_in_its_dialog_and_each_fork_counts_for_itself() {
    let mut bench = Bench::new();
    let invite = bench.call();
    bench.at(100).say(&invite.reliable(183, "a", 1)).only("PRACK");
    bench.at(200).say(&invite.reliable(180, "a", 2)).only("PRACK");
    bench.at(300).say(&invite.answer("a"));
    let [ack, bye] = bench.exactly(["ACK", "BYE"]);
    assert_eq!(ack.header("CSeq"), "1 ACK", "the INVITE's own");
    assert_eq!(bye.header("CSeq"), "4 BYE", "above two PRACKs");
    bench.at(310).say(&invite.answer("b"));
    let [ack, bye] = bench.exactly(["ACK", "BYE"]);
    assert_eq!(ack.header("CSeq"), "1 ACK");
    assert_eq!(bye.header("CSeq"), "2 BYE");
}

#[test]
fn an_answer_before_the_hold_is_over_is_answered_and_not_cancelled() {
    let mut bench = Bench::new();
    let invite = bench.ringing();
    bench.at(1300).say(&invite.answer("a"));
    let [_, bye] = bench.exactly(["ACK", "BYE"]);
    bench.at(1350).say(&bye.reply(200, "OK"));
    assert_eq!(bench.outcome(), Outcome::Answered);
    bench.rests();
    assert_eq!(bench.times("CANCEL"), [0; 0]);
}

#[test]
fn more_forks_than_anybody_has_are_not_followed() {
    let mut bench = Bench::new();
    let invite = bench.call();
    for fork in 0..40 {
        bench.at(40).say(&invite.answer(&format!("f{fork}")));
    }
    assert_eq!(bench.times("BYE").len(), 16);
    bench.rests();
}

#[test]
fn prv_13_a_contact_that_our_socket_cannot_reach_is_named_but_the_way_is_the_targets() {
    let mut bench = Bench::new();
    let invite = bench.call();
    let answer = invite.reply(200, "OK").tag("a").line("Contact: <sip:a@[2001:db8::7]:5070>");
    bench.at(300).say(&answer);
    for sent in bench.exactly(["ACK", "BYE"]) {
        assert!(sent.text.contains(" sip:a@[2001:db8::7]:5070 SIP/2.0"), "{}", sent.text);
        assert_eq!(sent.to, TARGET.parse().unwrap());
    }
}
