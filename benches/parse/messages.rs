//! A thousand different responses from a seed, and one INVITE.

/// The generator of splitmix64: same seed, same messages.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// One time in so many.
    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from.get(self.below(from.len())).copied().unwrap_or_default()
    }

    fn host(&mut self) -> String {
        let n = self.below(250) + 1;
        match self.below(5) {
            0 => format!("[2001:db8:0:{:x}::{n:x}]", self.below(0xffff)),
            1 => format!("edge{n}.carrier.example.net"),
            _ => format!("192.0.2.{n}"),
        }
    }
}

/// One response, with the start line it would have in HTTP as well.
pub(crate) struct Sample {
    /// As SIP.
    pub(crate) sip: Vec<u8>,
    /// The same header lines under a status line that httparse takes.
    pub(crate) http: Vec<u8>,
    /// Where the header lines begin in `sip`.
    pub(crate) headers_at: usize,
    /// Whether a line is folded, or has a space before its colon.
    pub(crate) odd: bool,
}

/// A response: 10 to 25 header lines in any order, some folded, compact, or in odd case.
pub(crate) fn response(dice: &mut Dice) -> Sample {
    let mut lines = Vec::new();
    vias(dice, &mut lines);
    dialog(dice, &mut lines);
    others(dice, &mut lines);
    for place in (1..lines.len()).rev() {
        let other = dice.below(place + 1);
        lines.swap(place, other);
    }
    let body = if dice.one_in(4) { SDP } else { "" };
    lines.push((["Content-Length", "l"], body.len().to_string()));
    let mut odd = false;
    let mut block = String::new();
    for (names, value) in lines {
        let compact = dice.one_in(6);
        let name = names.iter().find(|name| (name.len() == 1) == compact).or_else(|| names.first());
        let mut name = name.copied().unwrap_or_default().to_owned();
        match dice.below(12) {
            0 => name = name.to_lowercase(),
            1 => name = name.to_uppercase(),
            _ => {}
        }
        let space = if dice.one_in(60) { " " } else { "" };
        let fold = dice.one_in(25);
        odd |= fold || !space.is_empty();
        let value = if fold { value.replacen(';', "\r\n ;", 1) } else { value };
        odd |= value.contains("\r\n");
        let gap = dice.pick(&[" ", " ", " ", " ", "", "  "]);
        block.push_str(&format!("{name}{space}:{gap}{value}\r\n"));
    }
    let start = dice.pick(&[
        "SIP/2.0 100 Trying\r\n",
        "SIP/2.0 180 Ringing\r\n",
        "SIP/2.0 183 Session Progress\r\n",
        "SIP/2.0 200 OK\r\n",
        "SIP/2.0 486 Busy Here\r\n",
        "SIP/2.0 487 Request Terminated\r\n",
        "SIP/2.0 503 Service Unavailable\r\n",
    ]);
    Sample {
        sip: format!("{start}{block}\r\n{body}").into_bytes(),
        http: format!("{}{block}\r\n{body}", start.replace("SIP/2.0", "HTTP/1.1")).into_bytes(),
        headers_at: start.len(),
        odd,
    }
}

type Lines = Vec<([&'static str; 2], String)>;

fn vias(dice: &mut Dice, lines: &mut Lines) {
    for hop in 0..1 + dice.below(3).saturating_sub(1) {
        let host = dice.host();
        let rport = dice.pick(&[";rport=5060", ";rport", "", ";received=198.51.100.7;rport=40000"]);
        let branch = format!("z9hG4bK{:016x}{hop}", dice.next());
        let more = if dice.one_in(20) { ", SIP/2.0/UDP 10.1.1.1;branch=z9hG4bKz" } else { "" };
        let value = if dice.one_in(2) {
            format!("SIP/2.0/UDP {host}:5060;branch={branch}{rport}{more}")
        } else {
            format!("SIP/2.0/UDP {host}{rport};branch={branch}{more}")
        };
        lines.push((["Via", "v"], value));
    }
}

fn dialog(dice: &mut Dice, lines: &mut Lines) {
    let (from, to) = (dice.below(1_000_000_000), dice.below(1_000_000_000));
    let display = dice.pick(&["", "", "\"Carrier, Inc.\" ", "Anonymous "]);
    let host = dice.host();
    lines
        .push((["From", "f"], format!("{display}<sip:+1{from:010}@{host}>;tag={:x}", dice.next())));
    let tag = if dice.one_in(8) { String::new() } else { format!(";tag=as{:08x}", dice.next()) };
    lines.push((["To", "t"], format!("<sip:+44{to:010}@{host};user=phone>{tag}")));
    lines.push((["Call-ID", "i"], format!("{:016x}{:016x}@{host}", dice.next(), dice.next())));
    let method = dice.pick(&["INVITE", "INVITE", "INVITE", "CANCEL", "BYE"]);
    lines.push((["CSeq", "CSeq"], format!("{} {method}", dice.below(100_000) + 1)));
    lines.push((["Contact", "m"], format!("<sip:+44{to:010}@{host}:5060;transport=udp>")));
}

fn others(dice: &mut Dice, lines: &mut Lines) {
    for _ in 0..dice.below(4) {
        let host = dice.host();
        lines.push((
            ["Record-Route", "Record-Route"],
            format!("<sip:{host};lr;ftag={:x}>", dice.next()),
        ));
    }
    let pool: [([&'static str; 2], &str); 14] = [
        (["Server", "Server"], "SBC-Core/8.1.2 (build 4711)"),
        (
            ["Allow", "Allow"],
            "INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, INFO, UPDATE, PRACK",
        ),
        (["Supported", "k"], "100rel, timer, replaces, path"),
        (["User-Agent", "User-Agent"], "CarrierGW/3.4"),
        (["Reason", "Reason"], "Q.850;cause=16;text=\"Normal call clearing\""),
        (["Require", "Require"], "100rel"),
        (["RSeq", "RSeq"], "4711"),
        (["Content-Type", "c"], "application/sdp"),
        (["Date", "Date"], "Sat, 13 Nov 2010 23:29:00 GMT"),
        (
            ["P-Asserted-Identity", "P-Asserted-Identity"],
            "<sip:+442079460000@ims.example.net;user=phone>",
        ),
        (
            ["P-Charging-Vector", "P-Charging-Vector"],
            "icid-value=AyretyU0dm+6O2IrT5tAFrbHLso=;orig-ioi=home1.net",
        ),
        (["X-Call-Trace", "X-Call-Trace"], "node-7/leg-2/2f7c9e1a;region=eu-west;hops=3"),
        (["Session-Expires", "x"], "1800;refresher=uac"),
        (["Warning", "Warning"], "399 gw7.example.net \"Codec not preferred\""),
    ];
    for (names, value) in pool {
        if dice.one_in(2) {
            lines.push((names, value.to_owned()));
        }
    }
}

const SDP: &str = "v=0\r\no=- 20518 0 IN IP4 203.0.113.1\r\ns=-\r\nc=IN IP4 203.0.113.1\r\nt=0 0\r\n\
    m=audio 54400 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n";

/// An INVITE that rsip reads too: no compact names, folds, IPv6 or dotted users.
pub(crate) fn invite() -> Vec<u8> {
    let head = "INVITE sip:+442079460123@trunk.example.net:5060;user=phone SIP/2.0\r\n\
        Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK776asdhds87ahsd;rport\r\n\
        Via: SIP/2.0/TCP 198.51.100.7:5060;branch=z9hG4bKnashds7\r\n\
        Max-Forwards: 70\r\n\
        Route: <sip:edge1.example.net;lr>\r\n\
        Record-Route: <sip:edge2.example.net;lr>\r\n\
        From: \"Verification\" <sip:+12025550142@example.com>;tag=9fxced76sl\r\n\
        To: <sip:+442079460123@trunk.example.net>\r\n\
        Call-ID: 3848276298220188511-a84b4c76e66710@192.0.2.10\r\n\
        CSeq: 314159 INVITE\r\n\
        Contact: <sip:+12025550142@192.0.2.10:5060>\r\n\
        Allow: INVITE, ACK, CANCEL, OPTIONS, BYE\r\n\
        Supported: 100rel, timer\r\n\
        User-Agent: onering\r\n\
        Expires: 30\r\n\
        Date: Sat, 13 Nov 2010 23:29:00 GMT\r\n\
        P-Asserted-Identity: <sip:+12025550142@example.com>\r\n\
        Content-Type: application/sdp\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{SDP}", SDP.len()).into_bytes()
}
