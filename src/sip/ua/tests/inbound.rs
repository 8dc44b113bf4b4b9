//! Requests that come to us: RFC 3261 §8.2, §11, §12.2.2, §15.1.2.

use super::bench::{Bench, STRANGER, TARGET};
use super::reader::Sent;
use crate::sip::ua::Dropped;

/// A request that belongs to no call.
fn request(method: &str, uri: &str, lines: &str) -> String {
    let contact = if method == "REGISTER" { "" } else { "Contact: <sip:c@192.0.2.10>\r\n" };
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKq{method};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:c@192.0.2.10>;tag=far\r\nTo: <sip:us@203.0.113.5>\r\n\
         Call-ID: q1@192.0.2.10\r\nCSeq: 4 {method}\r\n{contact}{lines}Content-Length: 0\r\n\r\n"
    )
}

/// The answer to it, if there is one.
fn answer(method: &str, lines: &str) -> Option<Sent> {
    let mut bench = Bench::new();
    bench.receive(TARGET, &request(method, "sip:us@203.0.113.5:5062", lines));
    assert!(bench.sent.len() < 2);
    bench.left().pop()
}

#[test]
fn uas_01_strangers_get_no_answer() {
    let mut bench = Bench::new();
    for method in ["OPTIONS", "INVITE", "REGISTER", "BYE", "FOO"] {
        bench.receive(STRANGER, &request(method, "sip:us@203.0.113.5", "")).nothing();
    }
    bench.dropped(Dropped { strangers: 5, ..Dropped::default() });
}

#[test]
fn uas_06_an_answer_repeats_via_from_call_id_and_cseq_and_adds_a_to_tag() {
    let sent = answer("OPTIONS", "").unwrap();
    assert_eq!(sent.what, "200");
    assert_eq!(sent.header("From"), "<sip:c@192.0.2.10>;tag=far");
    assert_eq!(sent.header("Call-ID"), "q1@192.0.2.10");
    assert_eq!(sent.header("CSeq"), "4 OPTIONS");
    assert_eq!(sent.branch(), "z9hG4bKqOPTIONS");
    assert!(sent.header("To").starts_with("<sip:us@203.0.113.5>;tag="));
    assert!(sent.to_tag().unwrap().len() >= 8);
    assert_eq!(sent.to, TARGET.parse().unwrap());
}

#[test]
fn uas_06_every_copy_of_a_request_gets_the_same_answer_although_nothing_is_kept() {
    let mut bench = Bench::new();
    let text = request("INVITE", "sip:us@203.0.113.5", "");
    bench.receive(TARGET, &text);
    let first = bench.only("480");
    bench.at(500).receive(TARGET, &text);
    assert_eq!(bench.only("480").text, first.text);
    assert_eq!(bench.ua.held(), 0);
    let other = text.replace("z9hG4bKq", "z9hG4bKr");
    bench.at(600).receive(TARGET, &other);
    assert_ne!(bench.only("480").to_tag(), first.to_tag(), "another request has another tag");
}

#[test]
fn uas_06_an_answer_goes_to_where_the_request_came_from_if_rport_asks_for_it() {
    let mut bench = Bench::new();
    let asked = request("OPTIONS", "sip:us@203.0.113.5", "");
    bench.receive("192.0.2.11:31000", &asked);
    let sent = bench.only("200");
    assert_eq!(sent.to, "192.0.2.11:31000".parse().unwrap());
    assert!(sent.header("Via").contains(";rport=31000"), "{}", sent.header("Via"));
    assert!(sent.header("Via").contains(";received=192.0.2.11"));
    bench.receive("192.0.2.11:31000", &asked.replace(";rport", ""));
    assert_eq!(bench.only("200").to, "192.0.2.11:5060".parse().unwrap());
}

#[test]
fn uas_12_options_is_answered_and_says_what_we_take() {
    let sent = answer("OPTIONS", "").unwrap();
    assert_eq!(sent.header("Allow"), "INVITE, ACK, CANCEL, BYE, OPTIONS");
    assert_eq!(sent.header("Accept"), "application/sdp");
}

#[test]
fn uas_12_what_we_do_not_take_is_405_and_what_nobody_knows_501() {
    for method in
        ["REGISTER", "SUBSCRIBE", "NOTIFY", "REFER", "MESSAGE", "PUBLISH", "INFO", "PRACK"]
    {
        let extra = match method {
            "NOTIFY" => "Event: x\r\nSubscription-State: active\r\n",
            "SUBSCRIBE" | "PUBLISH" => "Event: x\r\n",
            "REFER" => "Refer-To: <sip:x@y>\r\n",
            "PRACK" => "RAck: 1 1 INVITE\r\n",
            _ => "",
        };
        let sent = answer(method, extra).unwrap();
        assert_eq!(sent.what, "405", "{method}");
        assert_eq!(sent.header("Allow"), "INVITE, ACK, CANCEL, BYE, OPTIONS");
    }
    assert_eq!(answer("FOO", "").unwrap().what, "501");
}

#[test]
fn uas_12_a_faulty_request_gets_the_status_it_is_owed() {
    let unknown = answer("OPTIONS", "Require: foo\r\n").unwrap();
    assert_eq!(unknown.what, "420");
    assert_eq!(unknown.header("Unsupported"), "foo");
    let mut bench = Bench::new();
    for (from, to, status) in [
        ("SIP/2.0\r\n", "SIP/7.0\r\n", "505"),
        ("OPTIONS sip:us@203.0.113.5", "OPTIONS nobodyKnows:us", "416"),
        ("CSeq: 4 OPTIONS", "CSeq: 4 INVITE", "400"),
        ("Call-ID: q1@192.0.2.10\r\n", "", "400"),
    ] {
        let text = request("OPTIONS", "sip:us@203.0.113.5", "").replacen(from, to, 1);
        bench.receive(TARGET, &text);
        let left = bench.left();
        let found: Vec<&str> = left.iter().map(|sent| sent.what.as_str()).collect();
        assert_eq!(found, [status], "{to:?}");
    }
}

#[test]
fn uas_05_a_cancel_that_matches_nothing_is_481() {
    assert_eq!(answer("CANCEL", "").unwrap().what, "481");
}

#[test]
fn uas_13_a_bye_without_a_dialog_is_481_and_an_ack_is_absorbed() {
    assert_eq!(answer("BYE", "").unwrap().what, "481");
    assert!(answer("ACK", "").is_none());
}

#[test]
fn uas_13_an_invite_is_told_that_nobody_is_here() {
    assert_eq!(answer("INVITE", "").unwrap().what, "480");
}

#[test]
fn prv_11_a_bye_that_crosses_ours_is_answered() {
    let mut bench = Bench::new();
    let (invite, bye) = bench.answered();
    bench.at(2010).receive(TARGET, &invite.within("BYE", "a").text());
    let sent = bench.only("200");
    assert_eq!(sent.header("CSeq"), "7 BYE");
    bench.at(2020).say(&bye.reply(481, "Gone")).nothing();
    assert_eq!(bench.ended.len(), 1);
    bench.rests();
}

#[test]
fn prv_11_changes_of_a_call_that_we_are_ending_are_refused() {
    for (method, status) in
        [("INVITE", "481"), ("UPDATE", "481"), ("INFO", "405"), ("OPTIONS", "200"), ("FOO", "501")]
    {
        let mut bench = Bench::new();
        let (invite, _) = bench.answered();
        let contact = "Contact: <sip:a@192.0.2.77:5077>";
        bench.at(2010).receive(TARGET, &invite.within(method, "a").line(contact).text());
        let sent = bench.only(status);
        if matches!(status, "405" | "501") {
            assert_eq!(sent.header("Allow"), "INVITE, ACK, CANCEL, BYE, OPTIONS");
        }
    }
}

#[test]
fn prv_11_changes_of_an_early_call_are_refused() {
    for (method, status) in [("UPDATE", "488"), ("INVITE", "488"), ("INFO", "405"), ("BYE", "200")]
    {
        let mut bench = Bench::new();
        let invite = bench.ringing();
        let contact = "Contact: <sip:a@192.0.2.77:5077>";
        bench.at(1010).receive(TARGET, &invite.within(method, "a").line(contact).text());
        bench.only(status);
        bench.at(1600).only("CANCEL");
    }
}

#[test]
fn prv_11_the_same_in_a_dialog_that_is_none_of_ours_is_481() {
    let mut bench = Bench::new();
    let (invite, _) = bench.answered();
    let bye = invite.within("BYE", "a");
    let guessed = invite.header("From").replace(&invite.own_tag(), "000000000000000000000000");
    bench.at(2010).receive(TARGET, &bye.clone().to(&guessed).text()).only("481");
    bench.receive(TARGET, &bye.clone().call_id("other").text()).only("481");
    bench.receive(STRANGER, &bye.text()).nothing();
}
