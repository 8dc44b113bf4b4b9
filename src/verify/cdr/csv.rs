//! Records as CSV (RFC 4180), in the columns that other programs know. `docs/CDR.md` explains each.
//!
//! One record is one line: control characters, which only a network can have put there, become blanks. A text that a
//! spreadsheet would run as a formula (`=`, `+`, `-` or `@` in front) gets a `'` before it; telephone numbers, which begin
//! with `+` by nature, stay as they are.

use super::terms::{disposition, hangup_cause};
use super::view::View;
use crate::base::calendar::{Civil, parse_rfc3339};
use crate::call::outcome::Outcome;
use csv::{QuoteStyle, WriterBuilder};
use std::fmt;
use std::str::FromStr;

/// Which columns, in which spelling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// All that fits into columns, under our own names, and a line of these names first.
    #[default]
    Default,
    /// Asterisk's `Master.csv`.
    Asterisk,
    /// FreeSWITCH's `mod_cdr_csv`, as its default template has it.
    Freeswitch,
    /// CGRateS' own CSV fields.
    Cgrates,
}

/// A text that names no profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchProfile;

impl fmt::Display for NoSuchProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such profile; there are default, asterisk, freeswitch and cgrates")
    }
}

impl std::error::Error for NoSuchProfile {}

impl FromStr for Profile {
    type Err = NoSuchProfile;

    fn from_str(text: &str) -> Result<Self, NoSuchProfile> {
        Self::ALL.into_iter().find(|profile| profile.name() == text).ok_or(NoSuchProfile)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Default, Self::Asterisk, Self::Freeswitch, Self::Cgrates];

    /// Its name in configurations and requests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Asterisk => "asterisk",
            Self::Freeswitch => "freeswitch",
            Self::Cgrates => "cgrates",
        }
    }

    /// Names of its columns, in order.
    #[must_use]
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Default => &DEFAULT,
            Self::Asterisk => &ASTERISK,
            Self::Freeswitch => &FREESWITCH,
            Self::Cgrates => &CGRATES,
        }
    }

    /// The line that a file begins with: the names of the columns. The other programs write none, and what reads their
    /// files would take it for a record.
    #[must_use]
    pub fn header(self) -> Option<Vec<u8>> {
        let names = || self.columns().iter().map(|name| (*name).to_owned());
        (self == Self::Default).then(|| self.line(names().collect()))
    }

    /// The record as one line, its end included.
    #[must_use]
    pub fn write(self, view: &View) -> Vec<u8> {
        let call = Call::of(view);
        self.line(match self {
            Self::Default => call.own(),
            Self::Asterisk => call.asterisk(),
            Self::Freeswitch => call.freeswitch(),
            Self::Cgrates => call.cgrates(),
        })
    }

    fn line(self, cells: Vec<String>) -> Vec<u8> {
        let quotes = match self {
            Self::Default | Self::Cgrates => QuoteStyle::Necessary,
            Self::Asterisk | Self::Freeswitch => QuoteStyle::Always,
        };
        let mut writer = WriterBuilder::new().quote_style(quotes).from_writer(Vec::new());
        // Memory takes everything.
        writer.write_record(&cells).ok();
        writer.into_inner().unwrap_or_default()
    }
}

const DEFAULT: [&str; 31] = [
    "cdr_id",
    "verification",
    "attempt",
    "tenant",
    "trunk",
    "target",
    "from",
    "to",
    "call_id",
    "start_at",
    "answer_at",
    "end_at",
    "pdd_ms",
    "hold_us",
    "duration_us",
    "billed_us",
    "outcome",
    "alerted",
    "answered",
    "forwarded",
    "sip_code",
    "sip_reason",
    "q850_cause",
    "cancel_status",
    "disposition",
    "hangup_cause",
    "server",
    "invites",
    "retransmissions",
    "auth_rounds",
    "cdr_version",
];

const ASTERISK: [&str; 18] = [
    "accountcode",
    "src",
    "dst",
    "dcontext",
    "clid",
    "channel",
    "dstchannel",
    "lastapp",
    "lastdata",
    "start",
    "answer",
    "end",
    "duration",
    "billsec",
    "disposition",
    "amaflags",
    "uniqueid",
    "userfield",
];

const FREESWITCH: [&str; 15] = [
    "caller_id_name",
    "caller_id_number",
    "destination_number",
    "context",
    "start_stamp",
    "answer_stamp",
    "end_stamp",
    "duration",
    "billsec",
    "hangup_cause",
    "uuid",
    "bleg_uuid",
    "accountcode",
    "read_codec",
    "write_codec",
];

const CGRATES: [&str; 13] = [
    "ToR",
    "OriginID",
    "RequestType",
    "Tenant",
    "Category",
    "Account",
    "Subject",
    "Destination",
    "SetupTime",
    "AnswerTime",
    "Usage",
    "HangupCause",
    "Outcome",
];

/// Stands where the others have a dialplan's context.
const CONTEXT: &str = "onering";

/// What several profiles say of a record.
struct Call<'a> {
    view: &'a View,
    outcome: Outcome,
    start_us: Option<u64>,
    answer_us: Option<u64>,
    end_us: Option<u64>,
    /// From the INVITE to the end.
    duration_us: Option<u64>,
    /// From the answer to our BYE; what a carrier may charge.
    billed_us: u64,
}

impl<'a> Call<'a> {
    fn of(view: &'a View) -> Self {
        let start_us = parse_rfc3339(&view.start_at).ok();
        let moment = |at: Option<u32>| Some(start_us? + u64::from(at?));
        let at = &view.at_us;
        let up_to = at.bye.or(at.end);
        let billed = at.answer.and_then(|answer| up_to?.checked_sub(answer));
        Self {
            view,
            outcome: Outcome::named(&view.outcome).unwrap_or(Outcome::Other),
            start_us,
            answer_us: moment(at.answer),
            end_us: moment(at.end),
            duration_us: at.end.map(u64::from),
            billed_us: billed.map_or(0, u64::from),
        }
    }

    fn answered(&self) -> bool {
        self.view.answered.unwrap_or(false)
    }

    fn disposition(&self) -> String {
        disposition(self.outcome, self.answered()).to_owned()
    }

    fn hangup_cause(&self) -> String {
        hangup_cause(self.outcome, self.answered()).to_owned()
    }

    fn tenant(&self) -> String {
        text(self.view.tenant.as_deref())
    }

    fn from(&self) -> String {
        number(self.view.from.as_deref())
    }

    fn to(&self) -> String {
        number(self.view.to.as_deref())
    }

    /// Whole seconds that have passed, as the two switches count.
    fn seconds(&self) -> [String; 2] {
        let duration_us = self.duration_us.unwrap_or_default();
        [duration_us, self.billed_us].map(|us| (us / 1_000_000).to_string())
    }

    fn own(&self) -> Vec<String> {
        let view = self.view;
        let last = view.last.as_ref();
        let q850 = view.reasons.iter().find(|reason| reason.protocol.eq_ignore_ascii_case("q.850"));
        vec![
            text(Some(&view.cdr_id)),
            text(view.verification.as_deref()),
            some(view.attempt),
            self.tenant(),
            text(Some(&view.trunk)),
            text(Some(&view.target)),
            self.from(),
            self.to(),
            text(Some(&view.call_id)),
            some(self.start_us.map(Civil::of)),
            some(self.answer_us.map(Civil::of)),
            some(self.end_us.map(Civil::of)),
            some(view.pdd_ms),
            some(view.hold_us),
            some(self.duration_us),
            some(view.answered.map(|_| self.billed_us)),
            text(Some(&view.outcome)),
            some(view.alerted),
            some(view.answered),
            some(view.forwarded),
            some(last.map(|last| last.status)),
            text(last.map(|last| last.reason.as_str())),
            some(q850.and_then(|reason| reason.cause)),
            some(view.cancel_status),
            self.disposition(),
            self.hangup_cause(),
            text(view.server.as_deref()),
            some(view.invites),
            some(view.retransmissions),
            some(view.auth_rounds),
            view.cdr_version.to_string(),
        ]
    }

    fn asterisk(&self) -> Vec<String> {
        let (trunk, from, to) = (&self.view.trunk, self.from(), self.to());
        let stamp = |us: Option<u64>| us.map(|us| Civil::of(us).seconds()).unwrap_or_default();
        let [duration, billsec] = self.seconds();
        vec![
            self.tenant(),
            from.clone(),
            to.clone(),
            CONTEXT.to_owned(),
            format!("<{from}>"),
            text(Some(&format!("Flash/{}", self.view.cdr_id))),
            text(Some(&format!("SIP/{trunk}"))),
            "Dial".to_owned(),
            text(Some(&format!("SIP/{trunk}/{to}"))),
            stamp(self.start_us),
            stamp(self.answer_us),
            stamp(self.end_us),
            duration,
            billsec,
            self.disposition(),
            "DOCUMENTATION".to_owned(),
            text(Some(&self.view.cdr_id)),
            text(self.view.verification.as_deref()),
        ]
    }

    fn freeswitch(&self) -> Vec<String> {
        let stamp = |us: Option<u64>| us.map(|us| Civil::of(us).seconds()).unwrap_or_default();
        let [duration, billsec] = self.seconds();
        vec![
            self.from(),
            self.from(),
            self.to(),
            CONTEXT.to_owned(),
            stamp(self.start_us),
            stamp(self.answer_us),
            stamp(self.end_us),
            duration,
            billsec,
            self.hangup_cause(),
            text(Some(&self.view.cdr_id)),
            String::new(),
            self.tenant(),
            String::new(),
            String::new(),
        ]
    }

    fn cgrates(&self) -> Vec<String> {
        let view = self.view;
        let time = |us: Option<u64>| some(us.map(Civil::of));
        vec![
            "*voice".to_owned(),
            text(Some(&view.cdr_id)),
            "*rated".to_owned(),
            self.tenant(),
            "call".to_owned(),
            self.tenant(),
            text(Some(&view.trunk)),
            self.to(),
            time(self.start_us),
            time(self.answer_us),
            format!("{}us", self.billed_us),
            self.hangup_cause(),
            text(Some(&view.outcome)),
        ]
    }
}

/// A cell that is a telephone number, perhaps with part of it hidden.
fn number(value: Option<&str>) -> String {
    let value = value.unwrap_or_default();
    let plain = |c: char| c.is_ascii_digit() || c == '*';
    if value.strip_prefix('+').is_some_and(|rest| rest.chars().all(plain)) {
        return value.to_owned();
    }
    text(Some(value))
}

/// A cell that holds a text: on one line, and never a formula.
fn text(value: Option<&str>) -> String {
    let value = value.unwrap_or_default();
    let formula = value.starts_with(['=', '+', '-', '@']) || value.starts_with(char::is_control);
    let guard = if formula { "'" } else { "" };
    let line = value.chars().map(|c| if c.is_control() { ' ' } else { c });
    guard.chars().chain(line).collect()
}

/// A cell that is empty where nothing is known.
fn some<T: fmt::Display>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
