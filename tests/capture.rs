//! What is kept of a call for people to read: the ladder, line for line, and a capture that Wireshark
//! reads without a complaint.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use onering::io::capture::ladder::{Direction, Ladder};
use onering::io::capture::pcap::Pcap;

const INVITE: &str = "INVITE sip:+12025550142@127.0.0.1:5070 SIP/2.0";
const CANCEL: &str = "CANCEL sip:+12025550142@127.0.0.1:5070 SIP/2.0";
const ACK: &str = "ACK sip:+12025550142@127.0.0.1:5070 SIP/2.0";

/// A whole message of the one dialogue that these tests are about.
fn message(start_line: &str, method: &str, to_tag: bool) -> Bytes {
    let mut text = format!(
        "{start_line}\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKladder1;rport\r\n\
         From: <sip:+12025550199@127.0.0.1>;tag=ours\r\n\
         To: <sip:+12025550142@127.0.0.1:5070>{}\r\nCall-ID: ladder@127.0.0.1\r\nCSeq: 1 {method}\r\n",
        if to_tag { ";tag=theirs" } else { "" }
    );
    let body = if start_line == INVITE {
        text.push_str("Contact: <sip:127.0.0.1:5060>\r\nContent-Type: application/sdp\r\n");
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio 40000 RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
    } else {
        ""
    };
    if !start_line.starts_with("SIP/2.0") {
        text.push_str("Max-Forwards: 70\r\n");
    }
    write!(text, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    Bytes::from(text)
}

/// The seven messages of a flash call, with the microseconds since the INVITE.
fn flash() -> [(u64, Direction, Bytes); 7] {
    use Direction::{In, Out};
    [
        (0, Out, message(INVITE, "INVITE", false)),
        (312, In, message("SIP/2.0 100 Trying", "INVITE", false)),
        (511_730, In, message("SIP/2.0 180 Ringing", "INVITE", true)),
        (1_111_741, Out, message(CANCEL, "CANCEL", false)),
        (1_112_020, In, message("SIP/2.0 200 OK", "CANCEL", true)),
        (1_112_055, In, message("SIP/2.0 487 Request Terminated", "INVITE", true)),
        (1_112_080, Out, message(ACK, "ACK", true)),
    ]
}

fn ladder(steps: impl IntoIterator<Item = (u64, Direction, Bytes)>) -> Ladder {
    let mut ladder = Ladder::new();
    for (at_us, dir, bytes) in steps {
        ladder.push(at_us, dir, bytes);
    }
    ladder
}

/// Compares with `tests/golden/NAME`; with `ONERING_BLESS` set it is written instead.
fn assert_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("ONERING_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap(), "{}", path.display());
}

#[test]
fn the_ladder_of_a_flash_call() {
    assert_golden("ladder_flash.txt", &ladder(flash()).text(Some(180)));
}

#[test]
fn the_ladder_marks_what_was_repeated() {
    let [invite, trying, ringing, cancel, ok, terminated, ack] = flash();
    let later = |step: &(u64, Direction, Bytes), us| (step.0 + us, step.1, step.2.clone());
    let mut steps = vec![later(&invite, 0), later(&invite, 500_000), later(&invite, 1_500_000)];
    steps.extend([later(&trying, 1_500_000), later(&ringing, 2_000_000)]);
    steps.extend([later(&ringing, 2_100_000), later(&cancel, 2_000_000)]);
    steps.extend([later(&cancel, 2_500_000), later(&ok, 2_500_000)]);
    for us in [2_500_000, 3_000_000, 4_000_000] {
        steps.extend([later(&terminated, us), later(&ack, us)]);
    }
    assert_golden("ladder_repeats.txt", &ladder(steps).text(Some(180)));
}

#[test]
fn the_ladder_of_an_answered_call_has_no_hold() {
    use Direction::{In, Out};
    let bye = "BYE sip:127.0.0.1:5070 SIP/2.0";
    let steps = [
        (0, Out, message(INVITE, "INVITE", false)),
        (1_104, In, message("SIP/2.0 183 Session Progress", "INVITE", true)),
        (2_450_000, In, message("SIP/2.0 180 Ringing", "INVITE", true)),
        (2_750_300, In, message("SIP/2.0 200 OK", "INVITE", true)),
        (2_750_340, Out, message("ACK sip:127.0.0.1:5070 SIP/2.0", "ACK", true)),
        (2_750_360, Out, message(bye, "BYE", true)),
        (2_751_001, In, message("SIP/2.0 200 OK", "BYE", true)),
    ];
    assert_golden("ladder_answered.txt", &ladder(steps).text(Some(180)));
}

#[test]
fn the_ladder_of_a_call_that_never_rang() {
    let [invite, trying, _, cancel, ok, terminated, ack] = flash();
    let mut steps = vec![invite, trying];
    for (at_us, dir, bytes) in [cancel, ok, terminated, ack] {
        steps.push((at_us + 20_000_000 - 1_111_741, dir, bytes));
    }
    assert_golden("ladder_no_alert.txt", &ladder(steps).text(None));
}

#[test]
fn a_ladder_for_machines() {
    let steps: Vec<_> = ladder(flash()).lines(false).collect();
    let json = serde_json::to_value(steps).unwrap();
    assert_eq!(json[3], serde_json::json!({"at_us": 1_111_741, "dir": "out", "line": CANCEL}),);
    let raw = ladder(flash()).lines(true).nth(2).unwrap().raw.unwrap();
    assert_eq!(raw.as_bytes(), message("SIP/2.0 180 Ringing", "INVITE", true));
}

/// The flash call as a capture between these two.
fn capture(ours: &str, theirs: &str) -> Vec<u8> {
    let (ours, theirs): (SocketAddr, SocketAddr) = (ours.parse().unwrap(), theirs.parse().unwrap());
    let mut file = Vec::new();
    let mut pcap = Pcap::new(&mut file).unwrap();
    for (at_us, dir, bytes) in flash() {
        let (from, to) = match dir {
            Direction::Out => (ours, theirs),
            Direction::In => (theirs, ours),
        };
        pcap.datagram(1_700_000_000_000_000 + at_us, from, to, &bytes).unwrap();
    }
    file
}

/// What tshark prints of a capture, or `None` if there is no tshark here.
fn tshark(file: &[u8], args: &[&str]) -> Option<String> {
    let found = Command::new("tshark").arg("--version").output();
    if found.is_err() {
        println!("skipped: tshark is not installed");
        return None;
    }
    let dir = tempdir();
    let path = dir.join("call.pcap");
    std::fs::write(&path, file).unwrap();
    let mut command = Command::new("tshark");
    command.args(["-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-r"]);
    let ran = command.arg(&path).args(args).output().unwrap();
    std::fs::remove_dir_all(dir).unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    Some(String::from_utf8(ran.stdout).unwrap())
}

/// A directory of this test's own.
fn tempdir() -> std::path::PathBuf {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let dir =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("capture-{}-{n}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

#[test]
fn wireshark_reads_the_capture_without_a_complaint() {
    for (ours, theirs) in [
        ("127.0.0.1:5060", "127.0.0.1:5070"),
        ("127.0.0.1:41234", "127.0.0.1:37654"),
        ("[::1]:5060", "[::1]:5070"),
        ("[2001:db8::1]:41234", "[2001:db8::2]:37654"),
    ] {
        let file = capture(ours, theirs);
        let fields = ["-T", "fields", "-e", "_ws.col.Protocol", "-e", "sip.CSeq"];
        let Some(packets) = tshark(&file, &fields) else { return };
        let read: Vec<_> = packets.lines().collect();
        assert_eq!(read.len(), 7, "{ours}: {packets}");
        let cseqs = ["INVITE", "INVITE", "INVITE", "CANCEL", "CANCEL", "INVITE", "ACK"];
        for (line, method) in read.iter().zip(cseqs) {
            assert!(line.starts_with("SIP"), "{ours}: {line}");
            assert!(line.ends_with(&format!("1 {method}")), "{ours}: {line}");
        }
        // Checksums that are wrong come as expert warnings too.
        let complaints = "_ws.malformed or _ws.expert.severity >= 4194304";
        assert_eq!(tshark(&file, &["-Y", complaints]).unwrap(), "", "{ours}");
    }
}

#[test]
fn wireshark_would_complain_of_a_wrong_checksum() {
    let mut file = capture("127.0.0.1:5060", "127.0.0.1:5070");
    // The first packet's UDP checksum, after the headers of file, record and IP.
    file[24 + 16 + 20 + 6] ^= 0x55;
    let Some(found) = tshark(&file, &["-Y", "_ws.expert.severity >= 6291456"]) else { return };
    assert_eq!(found.lines().count(), 1, "{found}");
}
