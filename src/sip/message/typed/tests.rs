//! Typed headers of whole messages: lists over lines and commas, and where a value cannot be read.

use super::*;

fn message(headers: &str) -> Message {
    Message::parse(format!("SIP/2.0 200 OK\r\n{headers}\r\n").into()).unwrap()
}

#[test]
fn lists_go_over_lines_and_commas() {
    let message = message(
        "v: SIP/2.0/UDP a;branch=1,\r\n SIP/2.0/TCP b ; branch=2\r\nX: y\r\nVia: SIP/2.0/TLS c\r\n\
         Record-Route: \"a, b\" <sip:p;lr>,<sip:q;lr>\r\nAllow: INVITE , ACK\r\nAllow:\r\nSupported: \r\n",
    );
    let transports: Vec<_> = message.vias().map(|via| via.unwrap().transport()).collect();
    assert_eq!(transports, [&b"UDP"[..], b"TCP", b"TLS"]);
    let routes: Vec<_> =
        message.addresses(Name::RecordRoute).map(|route| route.unwrap().uri.text).collect();
    assert_eq!(routes, [&b"sip:p;lr"[..], b"sip:q;lr"]);
    assert_eq!(message.tokens(Name::Allow).count(), 2);
    assert_eq!(message.tokens(Name::Supported).count(), 0);
}

#[test]
fn a_bad_value_ends_its_line_only() {
    let message = message("Contact: <sip:a@b>, nonsense, <sip:c@d>\r\nm: *\r\nm: <sip:e@f>,\r\n");
    let read: Vec<_> = message.contacts().map(|contact| contact.is_ok()).collect();
    assert_eq!(read, [true, false, true, true, false]);
    let problem = message.contacts().find_map(Result::err).unwrap();
    assert_eq!((problem.fault, problem.name), (Fault::Address, Some(Name::Contact)));
    let at = b"SIP/2.0 200 OK\r\nContact: <sip:a@b>, nonsense".len();
    assert_eq!(problem.at, at);
}

#[test]
fn several_reasons_and_challenges() {
    let message = message(
        "Reason: SIP;cause=603;text=\"v=analytics1;url=\\\"x, y\\\"\", Q.850;cause=21\r\nReason: STIR;cause=437\r\n\
         WWW-Authenticate: Digest realm=\"a\", nonce=\"1\", algorithm=SHA-256, Digest realm=\"a\",\r\n nonce=\"1\"\r\n\
         WWW-Authenticate: Basic realm=\"b\"\r\n",
    );
    let causes: Vec<_> = message.reasons().map(|reason| reason.unwrap().cause()).collect();
    assert_eq!(causes, [Some(603), Some(21), Some(437)]);
    let challenges: Vec<_> =
        message.challenges(Name::WwwAuthenticate).map(Result::unwrap).collect();
    assert_eq!(challenges.len(), 3);
    assert!(challenges[0].algorithm.is_some() && challenges[1].algorithm.is_none());
    assert_eq!(message.challenges(Name::ProxyAuthenticate).count(), 0);
}

#[test]
fn single_headers() {
    let message = message(
        "From: \"A\" <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x@y\r\nCSeq: 3 BYE\r\nMax-Forwards: 70\r\n\
         Expires: 180\r\nRSeq: 1\r\nRAck: 1 3 INVITE\r\nRetry-After: 5 (busy)\r\nMin-SE: 90;x=y\r\n\
         Date: Sat, 13 Nov 2010 23:29:00 GMT\r\nc: application/sdp\r\nWarning: 399 h \"x\", 301 h \"y\"\r\nAccept: text/*\r\n",
    );
    assert_eq!(message.from().unwrap().tag(), Some(&b"1"[..]));
    assert_eq!(message.to().unwrap().tag(), None);
    assert_eq!(message.call_id().unwrap(), b"x@y");
    assert_eq!(message.cseq().unwrap().number, 3);
    assert_eq!(message.max_forwards().unwrap(), Some(70));
    assert_eq!(message.number(Name::Expires).unwrap(), Some(180));
    assert_eq!(message.number(Name::MinExpires).unwrap(), None);
    assert_eq!(message.rseq().unwrap(), Some(1));
    assert_eq!(message.rack().unwrap().unwrap().rseq, 1);
    assert_eq!(message.retry_after().unwrap().unwrap().comment, Some(&b"busy"[..]));
    assert_eq!(message.session_seconds(Name::MinSe).unwrap(), Some(90));
    assert_eq!(message.date().unwrap().unwrap().unix, 1_289_690_940);
    assert!(message.content_type().unwrap().unwrap().covers("application", "SDP"));
    assert_eq!(message.warnings().filter(Result::is_ok).count(), 2);
    assert_eq!(message.accepts().count(), 1);
    assert!(message.sdp().is_none());
}

#[test]
fn an_answer_is_found_in_the_body() {
    let text = "SIP/2.0 183 Session Progress\r\nContent-Type: application/sdp\r\n\r\nm=audio 4000 RTP/AVP 0\r\n";
    let message = Message::parse(text.into()).unwrap();
    assert_eq!(message.sdp().unwrap().audio_port, Some(4_000));
}

#[test]
fn missing_and_unreadable_are_told_apart() {
    let message =
        message("From: \"open <sip:a@b>\r\nCSeq: 1\r\nCall-ID: a b\r\nMax-Forwards: 300\r\n");
    assert_eq!(message.to().unwrap_err().fault, Fault::MissingHeader);
    assert_eq!(message.from().unwrap_err().fault, Fault::Address);
    assert_eq!(message.cseq().unwrap_err().fault, Fault::CSeq);
    assert_eq!(message.call_id().unwrap_err().fault, Fault::CallId);
    assert_eq!(message.max_forwards().unwrap_err().fault, Fault::Number);
    assert_eq!(message.from().unwrap_err().owed, None);
}
