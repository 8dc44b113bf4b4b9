//! The far end as a library, in virtual time: it rings, it refuses, and it catches a caller who is wrong.
//!
//! [`Carrier`] takes datagrams and the time, and gives datagrams and offences. No socket is opened here;
//! `onering carrier` is the same thing behind one.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use onering::base::clock::Instant;
use onering::base::rng::Rng;
use onering::carrier::{Carrier, Config, Output};
use onering::io::capture::ladder::{Direction, Ladder};

/// A caller by hand, who writes down what goes to and fro.
struct Caller {
    carrier: Carrier,
    ladder: Ladder,
    offences: Vec<String>,
    number: &'static str,
    /// The tag that the far end gave.
    to_tag: String,
}

impl Caller {
    fn new(number: &'static str) -> Self {
        let config = Config::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 5070)));
        let carrier = Carrier::new(config, Rng::from_seed(1));
        Self { carrier, ladder: Ladder::new(), offences: Vec::new(), number, to_tag: String::new() }
    }

    /// Sends a request `ms` after the start, and takes down what comes back at once.
    fn say(&mut self, ms: u64, method: &str, branch: &str, to_tag: &str) {
        let now = Instant::from_millis(ms);
        let number = self.number;
        let request = Bytes::from(format!(
            "{method} sip:{number}@127.0.0.1:5070 SIP/2.0\r\n\
             Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK{branch}\r\nMax-Forwards: 70\r\n\
             From: <sip:+12025550199@127.0.0.1>;tag=ours\r\n\
             To: <sip:{number}@127.0.0.1:5070>{to_tag}\r\nCall-ID: example@127.0.0.1\r\n\
             CSeq: 1 {method}\r\nContact: <sip:127.0.0.1:5060>\r\nContent-Length: 0\r\n\r\n"
        ));
        self.ladder.push(now.as_micros(), Direction::Out, request.clone());
        let mut out = Vec::new();
        self.carrier.handle(request, SocketAddr::from((Ipv4Addr::LOCALHOST, 5060)), now, &mut out);
        self.take(now, out);
    }

    /// Lets the far end do what it has to do until then: repeat itself, or notice what is missing.
    fn wait(&mut self, until_ms: u64) {
        while let Some(now) =
            self.carrier.poll_timeout().filter(|at| *at <= Instant::from_millis(until_ms))
        {
            let mut out = Vec::new();
            self.carrier.handle_time(now, &mut out);
            self.take(now, out);
        }
    }

    fn take(&mut self, now: Instant, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Send { bytes, .. } => {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    if let Some(tag) = text.split("5070>;tag=").nth(1) {
                        self.to_tag = format!(";tag={}", tag.lines().next().unwrap_or_default());
                    }
                    self.ladder.push(now.as_micros(), Direction::In, bytes);
                }
                Output::Offence(offence) => {
                    let ms = offence.at.as_micros() / 1000;
                    self.offences.push(format!("{ms} ms: {}", offence.rule.name()));
                }
                Output::Heard(..) => {}
            }
        }
    }

    fn tell(self, title: &str) {
        println!("{title}\n{}", self.ladder.text(Some(180)));
        match self.offences.as_slice() {
            [] => println!("no offence\n"),
            offences => println!("offences: {}\n", offences.join(", ")),
        }
    }
}

fn main() {
    let mut caller = Caller::new("+12025550142");
    caller.say(0, "INVITE", "a", "");
    caller.say(600, "CANCEL", "a", "");
    let tag = caller.to_tag.clone();
    caller.say(601, "ACK", "a", &tag);
    caller.wait(40_000);
    caller.tell("A flash call to a number that rings");

    let mut caller = Caller::new("+12025550486");
    caller.say(0, "INVITE", "b", "");
    let tag = caller.to_tag.clone();
    caller.say(1, "ACK", "b", &tag);
    caller.wait(40_000);
    caller.tell("A number ending in 486 is busy");

    let mut caller = Caller::new("+12025550142");
    caller.say(0, "INVITE", "c", "");
    caller.say(600, "CANCEL", "other", "");
    caller.wait(70_000);
    caller.tell("A caller whose CANCEL has another branch lets the phone ring");
}
