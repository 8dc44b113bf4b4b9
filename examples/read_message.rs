//! Reads a SIP message as it came off the wire and prints what is in it.
//!
//! The index is made at once and without copying; each header is read when somebody asks for it.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;

use bytes::Bytes;
use onering::sip::message::{Message, Name, Start, Verdict, validate};

/// A 180 that has come through a proxy, with compact names, a folded header and two values in one line.
const RINGING: &[u8] = b"SIP/2.0 180 Es l\xc3\xa4utet\r\n\
    v: SIP/2.0/UDP proxy.example.net;branch=z9hG4bK7f3a;received=192.0.2.7,\r\n\
    \tSIP/2.0/UDP [2001:db8::9]:5062;branch=z9hG4bK01;rport=5062\r\n\
    f: \"Verify \\\"us\\\"\" <sip:+12025550199@example.net>;tag=ours\r\n\
    To: <sip:+12025550142@192.0.2.10;user=phone>\r\n ;tag=theirs\r\n\
    i: 4f1c@192.0.2.20\r\n\
    CSeq: 0102 INVITE\r\n\
    Reason: Q.850;cause=16;text=\"Normal\"\r\n\
    l: 0\r\n\
    \r\n";

fn main() -> Result<(), Box<dyn Error>> {
    let message = Message::parse(Bytes::from_static(RINGING))?;

    if let Start::Response { status, reason, .. } = message.start() {
        println!("status   {status} {}", text(reason));
    }
    for via in message.vias() {
        let via = via?;
        let seen =
            via.received().map_or_else(String::new, |address| format!(", seen at {address}"));
        println!("via      branch {}{seen}", text(via.branch().unwrap_or_default()));
    }
    for (label, address) in [("from", message.from()?), ("to", message.to()?)] {
        let name = address.display.map(|name| format!("{} ", text(&name.plain())));
        let uri = text(address.uri.text);
        println!(
            "{label:<8} {}{uri}, tag {}",
            name.unwrap_or_default(),
            text(address.tag().unwrap_or_default())
        );
    }
    let cseq = message.cseq()?;
    println!("cseq     {} {:?}", cseq.number, cseq.method);
    for reason in message.reasons() {
        let reason = reason?;
        let cause = reason.cause().map_or_else(String::new, |cause| format!(" cause {cause}"));
        println!("reason   {}{cause}", text(reason.protocol));
    }
    println!(
        "contact  {}",
        message.value(Name::Contact).map_or_else(|| "none".into(), |value| text(value.bytes()))
    );

    // What transactions are found by, without reading anything else.
    let key = message.key()?;
    println!("matching branch {}, {} via values", text(key.branch), key.vias);

    // The validator names every problem, and the status that a request with it would get.
    let broken =
        [RINGING.strip_suffix(b"l: 0\r\n\r\n").unwrap_or_default(), b"Via: nonsense\r\n\r\n"]
            .concat();
    let problems = validate(&Message::parse(Bytes::from(broken))?);
    println!("broken   {}", Verdict::of(&problems).as_str());
    for problem in problems {
        println!("         byte {}: {} ({problem})", problem.at, problem.code());
    }
    Ok(())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
