//! The far end in virtual time, against callers written by hand.

mod behaviours;
mod losses;
mod offences;

use std::time::Duration;

use super::*;
use crate::base::clock::Instant;
use crate::base::rng::Rng;
use crate::sip::message::{Message, Name};

const HERE: &str = "127.0.0.1:5070";
const CALLER: &str = "127.0.0.1:5060";

/// A far end, the time, and what came of it so far.
struct World {
    carrier: Carrier,
    now: Instant,
    offences: Vec<Offence>,
    heard: Vec<Heard>,
}

impl World {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::at(HERE.parse().unwrap());
        change(&mut config);
        let carrier = Carrier::new(config, Rng::from_seed(1));
        Self { carrier, now: Instant::START, offences: Vec::new(), heard: Vec::new() }
    }

    /// Hands over a request; what is sent at once.
    fn take(&mut self, request: &str) -> Vec<Reply> {
        let mut out = Vec::new();
        let bytes = Bytes::copy_from_slice(request.as_bytes());
        self.carrier.handle(bytes, CALLER.parse().unwrap(), self.now, &mut out);
        self.sort(out)
    }

    /// Lets time pass; what is sent meanwhile.
    fn pass(&mut self, time: Duration) -> Vec<Reply> {
        let until = self.now + time;
        let mut replies = Vec::new();
        while let Some(at) = self.carrier.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            let mut out = Vec::new();
            self.carrier.handle_time(self.now, &mut out);
            replies.extend(self.sort(out));
        }
        self.now = until;
        replies
    }

    fn pass_ms(&mut self, ms: u64) -> Vec<Reply> {
        self.pass(Duration::from_millis(ms))
    }

    fn sort(&mut self, out: Vec<Output>) -> Vec<Reply> {
        let mut replies = Vec::new();
        for output in out {
            match output {
                Output::Send { to, bytes } => {
                    assert_eq!(to, CALLER.parse().unwrap());
                    let message = Message::parse(bytes).unwrap();
                    replies.push(Reply { at: self.now, message });
                }
                Output::Offence(offence) => self.offences.push(offence),
                Output::Heard(call, _) => self.heard.push(call),
            }
        }
        replies
    }

    /// The names of what was done wrong, each once.
    fn broken(&self) -> Vec<&'static str> {
        self.offences.iter().map(|offence| offence.rule.name()).collect()
    }
}

/// A response, and when it came.
#[derive(Clone)]
struct Reply {
    at: Instant,
    message: Message,
}

impl Reply {
    /// `180 INVITE`.
    fn line(&self) -> String {
        let key = self.message.key().unwrap();
        format!("{} {}", self.message.status().unwrap(), key.method)
    }

    fn ms(&self) -> u64 {
        self.at.as_micros() / 1000
    }

    fn tag(&self) -> String {
        let tag = self.message.key().unwrap().to_tag.unwrap();
        String::from_utf8(tag.to_vec()).unwrap()
    }

    fn header(&self, name: Name) -> Option<String> {
        let value = self.message.value(name)?;
        Some(String::from_utf8(value.bytes().to_vec()).unwrap())
    }
}

fn lines(replies: &[Reply]) -> Vec<String> {
    replies.iter().map(Reply::line).collect()
}

fn times(replies: &[Reply]) -> Vec<u64> {
    replies.iter().map(Reply::ms).collect()
}

/// What a caller writes. Its fields are changed to make mistakes.
#[derive(Clone)]
struct Caller {
    number: String,
    call_id: String,
    branch: String,
    sent_by: String,
    from_tag: String,
    cseq: u32,
    /// More header lines of every request.
    extra: String,
}

impl Caller {
    fn new(number: &str) -> Self {
        Self {
            number: number.to_owned(),
            call_id: format!("call-{number}"),
            branch: "z9hG4bKinvite".into(),
            sent_by: CALLER.into(),
            from_tag: "from1".into(),
            cseq: 1,
            extra: String::new(),
        }
    }

    fn uri(&self) -> String {
        format!("sip:{}@{HERE}", self.number)
    }

    fn write(&self, method: &str, uri: &str, to_tag: Option<&str>, more: &str) -> String {
        let Self { number, call_id, branch, sent_by, from_tag, cseq, extra } = self;
        let to_tag = to_tag.map(|tag| format!(";tag={tag}")).unwrap_or_default();
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {sent_by};branch={branch};rport\r\n\
             From: <sip:+12025550100@{CALLER}>;tag={from_tag}\r\n\
             To: <sip:{number}@{HERE}>{to_tag}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\
             Max-Forwards: 70\r\n{extra}{more}Content-Length: 0\r\n\r\n"
        )
    }

    fn invite(&self) -> String {
        let contact = format!("Contact: <sip:onering@{CALLER}>\r\n");
        self.write("INVITE", &self.uri(), None, &contact)
    }

    fn cancel(&self) -> String {
        self.write("CANCEL", &self.uri(), None, "")
    }

    fn ack(&self, of: &Reply) -> String {
        self.write("ACK", &self.uri(), Some(&of.tag()), "")
    }

    /// A request in the dialog that a response made, `cseq` above the INVITE's.
    fn in_dialog(&self, method: &str, of: &Reply, above: u32, more: &str) -> String {
        let branch = format!("z9hG4bK{method}{above}{}", of.tag());
        let request = Self { branch, cseq: self.cseq + above, ..self.clone() };
        request.write(method, &format!("sip:carrier@{HERE}"), Some(&of.tag()), more)
    }

    fn ack_answer(&self, of: &Reply) -> String {
        self.in_dialog("ACK", of, 0, "")
    }

    fn bye(&self, of: &Reply) -> String {
        self.in_dialog("BYE", of, 1, "")
    }
}
