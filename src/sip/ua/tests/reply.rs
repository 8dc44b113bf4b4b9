//! What the far end says, made from what it was asked.

use super::reader::Sent;

/// A response, or a request of the far end's own.
#[derive(Clone)]
pub(super) struct Reply {
    start: String,
    via: String,
    from: String,
    to: String,
    call_id: String,
    cseq: String,
    lines: Vec<String>,
    body: String,
}

impl Sent {
    /// A response to it, with its Via, From, To, Call-ID and CSeq.
    pub(super) fn reply(&self, status: u16, phrase: &str) -> Reply {
        Reply {
            start: format!("SIP/2.0 {status} {phrase}"),
            via: self.header("Via"),
            from: self.header("From"),
            to: self.header("To"),
            call_id: self.header("Call-ID"),
            cseq: self.header("CSeq"),
            lines: Vec::new(),
            body: String::new(),
        }
    }

    /// A 200 of this fork, reachable at its own address.
    pub(super) fn answer(&self, tag: &str) -> Reply {
        self.reply(200, "OK").tag(tag).line(&format!("Contact: <sip:{tag}@192.0.2.77:5077>"))
    }

    /// A reliable 18x of this fork.
    pub(super) fn reliable(&self, status: u16, tag: &str, rseq: u32) -> Reply {
        self.reply(status, "Ringing")
            .tag(tag)
            .line("Require: 100rel")
            .line(&format!("RSeq: {rseq}"))
            .line(&format!("Contact: <sip:{tag}@192.0.2.77:5077>"))
    }

    /// A request of the far end within the dialog that this INVITE began.
    pub(super) fn within(&self, method: &str, tag: &str) -> Reply {
        Reply {
            start: format!("{method} sip:+12025550142@203.0.113.5:5062 SIP/2.0"),
            via: format!("SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKfar{method}"),
            from: format!("{};tag={tag}", self.header("To")),
            to: self.header("From"),
            call_id: self.header("Call-ID"),
            cseq: format!("7 {method}"),
            lines: vec!["Max-Forwards: 70".into()],
            body: String::new(),
        }
    }
}

impl Reply {
    /// With this to-tag.
    pub(super) fn tag(mut self, tag: &str) -> Self {
        self.to = format!("{};tag={tag}", self.to);
        self
    }

    /// With another header line.
    pub(super) fn line(mut self, line: &str) -> Self {
        self.lines.push(line.into());
        self
    }

    pub(super) fn body(mut self, media_type: &str, body: &str) -> Self {
        self.lines.push(format!("Content-Type: {media_type}"));
        self.body = body.into();
        self
    }

    pub(super) fn via(mut self, via: &str) -> Self {
        self.via = via.into();
        self
    }

    pub(super) fn from(mut self, from: &str) -> Self {
        self.from = from.into();
        self
    }

    pub(super) fn to(mut self, to: &str) -> Self {
        self.to = to.into();
        self
    }

    pub(super) fn call_id(mut self, call_id: &str) -> Self {
        self.call_id = call_id.into();
        self
    }

    pub(super) fn cseq(mut self, cseq: &str) -> Self {
        self.cseq = cseq.into();
        self
    }

    pub(super) fn text(&self) -> String {
        let Self { start, via, from, to, call_id, cseq, lines, body } = self;
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let length = body.len();
        format!(
            "{start}\r\nVia: {via}\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq}\r\n\
             {lines}Content-Length: {length}\r\n\r\n{body}"
        )
    }
}
