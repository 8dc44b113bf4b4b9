//! What an INVITE looks like, and what a trunk's options make of it: RFC 3261 §8.1.1, RFC 3325, RFC 8866.

use super::bench::{Bench, OURS, TARGET, trunk};
use crate::sip::message::{Message, Sdp};
use crate::sip::ua::{HeaderError, check_header};
use bytes::Bytes;

#[test]
fn prv_12_the_contact_is_our_address_as_the_trunk_sees_it() {
    let invite = Bench::new().call();
    assert_eq!(invite.headers("Contact"), [format!("<sip:+12025550142@{OURS}>")]);
    let mut six = trunk();
    six.targets = vec!["[2001:db8::10]:5060".parse().unwrap()];
    six.advertised = "[2001:db8::5]:5062".into();
    six.media = "[2001:db8::5]:40000".parse().unwrap();
    let invite = Bench::on(six).call();
    assert_eq!(invite.headers("Contact"), ["<sip:+12025550142@[2001:db8::5]:5062>"]);
    assert!(invite.body().contains("c=IN IP6 2001:db8::5\r\n"));
}

#[test]
fn an_invite_names_caller_callee_and_trunk() {
    let mut bench = Bench::new();
    let invite = bench.call();
    assert_eq!(invite.to, TARGET.parse().unwrap());
    assert_eq!(invite.uri(), "sip:+4915112345678@carrier.example");
    assert_eq!(invite.header("To"), "<sip:+4915112345678@carrier.example>");
    let from = format!("<sip:+12025550142@us.example>;tag={}", invite.own_tag());
    assert_eq!(invite.header("From"), from);
    let via = format!("SIP/2.0/UDP {OURS};rport;branch={}", invite.branch());
    assert_eq!(invite.headers("Via"), [via]);
    assert_eq!(invite.header("Max-Forwards"), "70");
    assert_eq!(invite.header("Allow"), "INVITE, ACK, CANCEL, BYE, OPTIONS");
    for absent in ["Supported", "Require", "Privacy", "P-Asserted-Identity", "Route", "Reason"] {
        assert_eq!(invite.headers(absent), [""; 0], "{absent}");
    }
    assert!(invite.text.len() < 1300, "it fits a datagram everywhere (RFC 3261 §18.1.1)");
}

#[test]
fn an_invite_offers_a_small_session_at_our_own_port() {
    let invite = Bench::new().call();
    assert_eq!(invite.header("Content-Type"), "application/sdp");
    assert_eq!(invite.header("Content-Length"), invite.body().len().to_string());
    assert!(invite.body().len() <= 300, "{}", invite.body().len());
    let body = invite.body();
    for line in ["v=0", "s=-", "c=IN IP4 203.0.113.5", "t=0 0", "a=ptime:20", "a=sendrecv"] {
        assert!(body.contains(&format!("{line}\r\n")), "{line}");
    }
    assert!(body.contains("m=audio 40000 RTP/AVP 0 8 101\r\n"));
    let origin = body.lines().find(|line| line.starts_with("o=")).unwrap();
    let id: u64 = origin.split(' ').nth(1).unwrap().parse().unwrap();
    assert!(id < 1 << 63, "{origin}");
    let message = Message::parse(Bytes::from(invite.text.clone())).unwrap();
    assert_eq!(Sdp::read(message.body()).audio_port, Some(40_000));
}

#[test]
fn a_trunks_options_are_written_in_every_invite() {
    let mut all = trunk();
    all.asserted_identity = true;
    all.route = Some("proxy.example:5080".into());
    all.headers = vec!["X-Token: abc".into(), "X-Other: \"q\", r".into()];
    let invite = Bench::on(all).call();
    assert_eq!(invite.headers("P-Asserted-Identity"), ["<sip:+12025550142@us.example>"]);
    assert_eq!(invite.headers("Route"), ["<sip:proxy.example:5080;lr>"]);
    assert_eq!(invite.headers("X-Token"), ["abc"]);
    assert_eq!(invite.headers("X-Other"), ["\"q\", r"]);
}

#[test]
fn a_header_of_ones_own_cannot_end_its_line_or_replace_ours() {
    assert_eq!(check_header("X-Token: abc"), Ok(()));
    assert_eq!(check_header("X-Empty:"), Ok(()));
    assert_eq!(check_header("no colon"), Err(HeaderError::NoName));
    assert_eq!(check_header(": x"), Err(HeaderError::NoName));
    assert_eq!(check_header("X y: z"), Err(HeaderError::BadName { at: 1 }));
    assert_eq!(check_header("X-Token: a\r\nVia: b"), Err(HeaderError::Control { at: 10 }));
    assert_eq!(check_header("X: a\0"), Err(HeaderError::Control { at: 4 }));
    for line in ["Via: x", "v: x", "CALL-ID: x", "Content-length: 9", "Authorization: x", "t: x"] {
        assert_eq!(check_header(line), Err(HeaderError::Reserved), "{line}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let texts = || -> Vec<String> {
        let mut bench = Bench::new();
        bench.cancelled();
        bench.sent.into_iter().map(|sent| sent.text).collect()
    };
    assert_eq!(texts(), texts());
}
