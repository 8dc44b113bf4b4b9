//! Properties of the whole: any bytes are read without a panic, what is written again reads the same, and the hot path
//! agrees with the typed one.

use bytes::Bytes;

use super::*;

/// splitmix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

const SEEDS: [&str; 3] = [
    "INVITE sip:+12025550142;npdi@[2001:db8::9]:5060;user=phone SIP/2.0\r\nVia: SIP/2.0/UDP h:5061;rport\r\n ;\
     branch=z9hG4bKa, SIP / 2.0 / TCP [::1];received=[::2];x=\"a,;\\\"b\"\r\nv:SIP/2.0/X i\r\nFrom : \"A \\\" <\" \
     <sip:a@b;x=y?z=1>;tag=f\r\nt: sip:c@d;tag=t\r\ni:x@y\r\nCSeq: 0007\r\n INVITE\r\nm: *\r\n\
     Contact: \"q\" <sip:a@b>;q=0.5;expires=3, <tel:+1;phone-context=x>\r\nRoute: <sip:p;lr>,<sip:q;lr>\r\n\
     Max-Forwards: 70\r\nRequire: 100rel\r\nAccept: application/sdp;q=1, text/*\r\nAllow: INVITE,ACK\r\n\
     Date: Sat, 13 Nov 2010 23:29:00 GMT\r\nAuthorization: Digest realm=\"r\", nonce=\"n\", nc=00000001\r\n\
     Privacy: id;user\r\nc: application/sdp\r\nl: 44\r\n\r\nv=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4 RTP/AVP 0 8\r\n",
    "SIP/2.0 407 Proxy Authentication Required\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKb;rport=5060\r\n\
     From: <sip:a@b>;tag=f\r\nTo: T <sip:c@d>;tag=t;x\r\nCall-ID: x@y\r\nCSeq: 1 INVITE\r\n\
     Proxy-Authenticate: Digest realm=\"a \\\"b\\\"\", nonce=\"x+/=\", qop=\"auth,auth-int\", algorithm=SHA-256,\
     Digest realm=\"a\", nonce=y, stale=true\r\nReason: Q.850;cause=16;text=\"a, \\\"b\\\"\", SIP;cause=603\r\n\
     Retry-After: 5 (a (b)) ;duration=6\r\nWarning: 399 h \"x\", 301 i:5 \"y\"\r\nRSeq: 1\r\nRAck: 1 2 INVITE\r\n\
     Record-Route: \"x, y\" <sip:p;lr>;z=\"<\",<sip:q>\r\nTimestamp: 5.1 .2\r\nUnknown: y\r\nContent-Length: 0\r\n\r\n",
    "\r\nBYE tel:+1 SIP/2.0\nv:SIP/2.0/UDP h\nf:<sip:a@b>\nt:c<sip:d>\ni:e\nCSeq:1 BYE\nno colon\nXx:\u{e9}\n\ttwo\n\n",
];

/// A message of the seeds with some bytes, words or lines changed.
fn mutated(dice: &mut Dice) -> Vec<u8> {
    const WORDS: [&[u8]; 16] = [
        b"\"",
        b"\\",
        b"<",
        b">",
        b";",
        b",",
        b"\r\n ",
        b"\r\n",
        b"\n",
        b" ",
        b":",
        b"=",
        b"@",
        b"[",
        b"\0",
        b"99999999999",
    ];
    let mut bytes = SEEDS[dice.below(SEEDS.len())].as_bytes().to_vec();
    for _ in 0..1 + dice.below(4) {
        let at = dice.below(bytes.len());
        let to = (at + dice.below(12)).min(bytes.len());
        match dice.below(5) {
            0 => bytes[at] = dice.next() as u8,
            1 => drop(bytes.drain(at..to)),
            2 => drop(bytes.splice(at..at, WORDS[dice.below(WORDS.len())].iter().copied())),
            3 => drop(bytes.splice(at..to, WORDS[dice.below(WORDS.len())].iter().copied())),
            _ => {
                let copy = bytes[at..to].to_vec();
                let place = dice.below(bytes.len());
                drop(bytes.splice(place..place, copy));
            }
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

/// Reads everything that can be read of a message.
fn everything(message: &Message) -> usize {
    let mut read = validate(message).len() + usize::from(message.key().is_ok());
    read += message.vias().count() + message.contacts().count() + message.reasons().count();
    for via in message.vias().flatten() {
        read += usize::from(via.received().is_some()) + usize::from(via.rport().is_some());
    }
    for name in [Name::Route, Name::RecordRoute, Name::PAssertedIdentity] {
        for address in message.addresses(name).flatten() {
            read += address.params.iter().count() + address.uri.params.iter().count();
            read += address.display.map_or(0, |name| name.plain().len());
            read += address.uri.plain_user().map_or(0, |user| user.len());
        }
    }
    for name in [Name::WwwAuthenticate, Name::ProxyAuthenticate] {
        read += digest::choose(message.challenges(name), digest::Policy::Any).len();
    }
    read += message.reasons().flatten().filter_map(|reason| reason.cause()).count();
    read += message.warnings().count()
        + message.accepts().count()
        + message.tokens(Name::Allow).count();
    read += usize::from(message.retry_after().is_ok()) + usize::from(message.rack().is_ok());
    read += message.sdp().map_or(0, |sdp| sdp.rtpmaps().count());
    let source = "192.0.2.1:5060".parse().unwrap();
    read += usize::from(response_target(message, source).is_some());
    let mut out = Vec::new();
    Response::new(200, "OK")
        .from_source(source)
        .to_tag(b"x")
        .record_route()
        .write(message, &mut out);
    read + out.len()
}

#[test]
fn any_bytes_are_read_without_a_panic() {
    let mut dice = Dice(1);
    let mut parsed = 0;
    for _ in 0..1_500 {
        if let Ok(message) = Message::parse(mutated(&mut dice).into()) {
            parsed += 1;
            assert!(everything(&message) > 0);
        }
        let noise: Vec<u8> = (0..dice.below(80)).map(|_| dice.next() as u8).collect();
        if let Ok(message) =
            Message::parse([b"SIP/2.0 200 OK\r\n", &noise[..], b"\r\n\r\n"].concat().into())
        {
            assert!(everything(&message) > 0);
        }
        assert!(Message::parse(noise.into()).is_err());
    }
    assert!(parsed > 700, "{parsed}");
}

/// The message written from what its index found.
fn rewritten(message: &Message) -> Vec<u8> {
    let mut text = match message.start() {
        Start::Request { name, uri, version, .. } => [name, uri, version].join(&b' '),
        Start::Response { version, status, reason } => {
            [version, format!("{status:03}").as_bytes(), reason].join(&b' ')
        }
    };
    text.extend_from_slice(b"\r\n");
    for header in message.headers() {
        let colon: &[u8] = if header.colon { b": " } else { b"" };
        text.extend_from_slice(&[header.text, colon, header.value.bytes(), b"\r\n"].concat());
    }
    text.extend_from_slice(b"\r\n");
    text.extend_from_slice(message.body());
    text
}

#[test]
fn what_is_written_again_reads_the_same() {
    let mut dice = Dice(2);
    for _ in 0..3_000 {
        let Ok(first) = Message::parse(mutated(&mut dice).into()) else { continue };
        // A line of nothing but a carriage return would be the end of the headers.
        if first.headers().any(|header| header.text.is_empty() && !header.colon) {
            continue;
        }
        let again = rewritten(&first);
        let second = Message::parse(again.clone().into()).unwrap();
        let lines = |message: &Message| -> Vec<_> {
            let line =
                |header: Header<'_>| (header.text.to_vec(), header.value.unfolded().into_owned());
            message.headers().map(line).collect()
        };
        assert_eq!(first.start(), second.start(), "{}", again.escape_ascii());
        for (mine, again) in lines(&first).into_iter().zip(lines(&second)) {
            assert_eq!(mine, again);
        }
        assert_eq!(lines(&first).len(), lines(&second).len(), "{}", again.escape_ascii());
        assert_eq!(first.body(), second.body(), "{}", again.escape_ascii());
        assert_eq!(rewritten(&second), again);
    }
}

#[test]
fn the_hot_path_agrees_with_the_typed_headers() {
    let mut dice = Dice(3);
    let mut compared = 0;
    for _ in 0..4_000 {
        let bytes = Bytes::from(mutated(&mut dice));
        let Ok(message) = Message::parse(bytes.clone()) else { continue };
        let Ok(key) = message.key() else { continue };
        let vias: Result<Vec<_>, _> = message.vias().collect();
        let typed = (vias, message.from(), message.to(), message.cseq(), message.call_id());
        let (Ok(vias), Ok(from), Ok(to), Ok(cseq), Ok(call_id)) = typed else { continue };
        if Verdict::of(&validate(&message)) == Verdict::Reject {
            continue;
        }
        let said = bytes.escape_ascii();
        assert_eq!(key.branch, vias[0].branch().unwrap_or_default(), "{said}");
        assert_eq!(usize::from(key.vias), vias.len().min(2), "{said}");
        assert_eq!((key.from_tag, key.to_tag), (from.tag(), to.tag()), "{said}");
        assert_eq!(
            (key.cseq, key.method_name, key.call_id),
            (cseq.number, cseq.name, call_id),
            "{said}"
        );
        compared += 1;
    }
    assert!(compared > 200, "{compared}");
}
