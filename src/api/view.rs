//! How verifications and calls are shown. Here is decided what of a number may be seen, and nowhere else.

use crate::base::calendar::Civil;
use crate::base::id::SessionId;
use crate::base::number::{CallerId, Destination};
use crate::verify::snapshot::{AttemptView, Snapshot};
use crate::verify::status::Phase;
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::fmt::{self, Display};
use utoipa::ToSchema;

/// Something that is shown as it prints itself.
#[derive(Clone, Copy)]
pub(crate) struct Shown<T>(pub(crate) T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

/// A moment.
pub(crate) fn time(unix_us: u64) -> Shown<Civil> {
    Shown(Civil::of(unix_us))
}

/// Whether numbers are shown in plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// With what hides them.
    Masked,
    /// In plain, to whoever may see them.
    Plain,
}

/// Digits at the end of a caller-ID that are never shown, however short the code is.
const TAIL: usize = 6;

/// A caller-ID: in plain, or what of it stands before its code.
pub(crate) enum Caller {
    Plain(CallerId),
    Masked(CallerId, u8),
}

impl Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(number) => write!(f, "+{}", number.reveal().as_str()),
            Self::Masked(number, code_length) => {
                write!(f, "{}", Prefix(*number, *code_length))?;
                let shown = shown(*number, *code_length);
                (shown..number.len()).try_for_each(|_| f.write_str("*"))
            }
        }
    }
}

/// What may be seen of a caller-ID: none of its last six digits, and none of its code.
pub(crate) struct Prefix(CallerId, u8);

impl Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.reveal();
        let shown = shown(self.0, self.1);
        write!(f, "+{}", digits.as_str().get(..shown).unwrap_or_default())
    }
}

fn shown(number: CallerId, code_length: u8) -> usize {
    number.len().saturating_sub(TAIL.max(usize::from(code_length)))
}

/// The called number.
pub(crate) enum Called {
    Plain(Destination),
    Masked(Destination),
}

impl Display for Called {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(number) => write!(f, "+{}", number.reveal().as_str()),
            Self::Masked(number) => write!(f, "{number}"),
        }
    }
}

/// One verification.
#[derive(Serialize, ToSchema)]
pub(crate) struct Verification<'a> {
    /// Its name.
    #[schema(value_type = String, example = "ver_06f5yjgzv8000000000g7ne9ep7wmrk2")]
    id: Shown<SessionId>,
    /// What it has come to: `pending`, and then one of the others for ever.
    #[schema(value_type = String, pattern = "^(pending|approved|failed|expired|canceled)$", example = "pending")]
    status: &'static str,
    /// What it is doing, while it is pending.
    #[schema(value_type = Option<String>, pattern = "^(queued|dialing|progress|ringing|flashed|awaiting_code)$", example = "ringing")]
    phase: Option<&'static str>,
    /// Why it ended.
    #[schema(value_type = Option<String>)]
    reason: Option<&'static str>,
    /// The number being verified, its middle hidden; in plain for a key with `reveal`.
    #[schema(value_type = String, example = "+1202***0142")]
    to: Shown<Called>,
    /// Where the number is, ISO 3166-1 alpha-2.
    #[schema(value_type = Option<String>, example = "US")]
    country: Option<&'a str>,
    /// By which profile.
    #[schema(value_type = String, example = "default")]
    profile: &'a str,
    /// `flash`: by a call that rings and is not to be taken.
    #[schema(value_type = String, example = "flash")]
    channel: &'static str,
    /// Digits of the code.
    #[schema(example = 4)]
    code_length: u8,
    /// What the calling number begins with; never anything of its code. Null before its first call.
    #[schema(value_type = Option<String>, example = "+12025")]
    display_prefix: Option<Shown<Prefix>>,
    /// Wrong codes that may still be given.
    #[schema(example = 3)]
    attempts_remaining: u8,
    /// Further calls that may be asked for.
    #[schema(example = 2)]
    retries_remaining: u8,
    /// Approved by the digits of a call that may not have rung.
    late: bool,
    /// When it began.
    #[schema(value_type = String, format = DateTime, example = "2026-11-23T04:05:06.123456Z")]
    created_at: Shown<Civil>,
    /// When its lifetime is over.
    #[schema(value_type = String, format = DateTime, example = "2026-11-23T04:08:06.123456Z")]
    expires_at: Shown<Civil>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Shown<Civil>>,
    /// How hard the code is to guess.
    assurance: Assurance,
    /// Its calls, in order.
    attempts: Vec<Attempt<'a>>,
    /// The application's own name for it.
    #[schema(value_type = Option<String>, example = "order-1")]
    client_reference: Option<&'a str>,
    /// The object that the application gave with it.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    /// After how long it is worth looking again; null where nothing will change.
    #[schema(example = 500)]
    poll_after_ms: Option<u32>,
    /// What can be done with it.
    links: Links,
    /// Given back instead of a new one, since it verifies the same number.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    deduplicated: bool,
}

/// How hard a code is to guess for somebody who knows the pool.
#[derive(Serialize, ToSchema)]
pub(crate) struct Assurance {
    /// Binary logarithm of the distinct codes.
    #[schema(example = 13.3)]
    bits: f64,
    /// Chance to be right within the tries, 0 to 1.
    #[schema(example = 0.0003)]
    guess_odds: f64,
}

/// One call of a verification.
#[derive(Serialize, ToSchema)]
pub(crate) struct Attempt<'a> {
    /// Names the record of the call.
    #[schema(value_type = String, example = "0000-00000001-00000000-00000001")]
    cdr_id: Shown<crate::base::id::AttemptId>,
    /// 1, 2, …
    #[schema(example = 1)]
    number: u8,
    /// Name of the trunk.
    #[schema(value_type = String, example = "west")]
    trunk: &'a str,
    /// The number that calls, its code hidden. In plain for a key with `reveal`, once the verification has ended.
    #[schema(value_type = String, example = "+12025******")]
    caller_id: Shown<Caller>,
    /// What the call came to, once it is over.
    #[schema(value_type = Option<String>, example = "rang")]
    outcome: Option<&'static str>,
}

/// Where to go on.
#[derive(Serialize, ToSchema)]
pub(crate) struct Links {
    /// How it stands.
    #[serde(rename = "self")]
    #[schema(value_type = String, example = "/v1/verifications/ver_06f5yjgzv8000000000g7ne9ep7wmrk2")]
    itself: Shown<Link>,
    /// Give a code.
    #[schema(value_type = String)]
    check: Shown<Link>,
    /// Follow it.
    #[schema(value_type = String)]
    events: Shown<Link>,
    /// Ask for another call.
    #[schema(value_type = String)]
    next: Shown<Link>,
    /// End it.
    #[schema(value_type = String)]
    cancel: Shown<Link>,
}

/// The path of a verification, and of what can be done with it.
#[derive(Clone, Copy)]
pub(crate) struct Link(pub(crate) SessionId, pub(crate) &'static str);

impl Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/v1/verifications/{}{}", self.0, self.1)
    }
}

/// While a call is under way much may happen; while only a code is awaited, its end.
const POLL_CALL_MS: u32 = 500;
const POLL_CODE_MS: u32 = 2_000;

impl<'a> Verification<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot, numbers: Numbers) -> Self {
        let Snapshot { id, code_length, .. } = *snapshot;
        let link = |what| Shown(Link(id, what));
        let latest = snapshot.attempts.last();
        let metadata = snapshot.metadata.as_deref();
        Self {
            id: Shown(id),
            status: snapshot.status.name(),
            phase: snapshot.phase.map(Phase::name),
            reason: snapshot.reason.map(|reason| reason.name()),
            to: Shown(match numbers {
                Numbers::Plain => Called::Plain(snapshot.to),
                Numbers::Masked => Called::Masked(snapshot.to),
            }),
            country: snapshot.country.as_ref().map(|country| country.as_str()),
            profile: &snapshot.profile,
            channel: "flash",
            code_length,
            display_prefix: latest.map(|call| Shown(Prefix(call.caller_id, code_length))),
            attempts_remaining: snapshot.tries_left,
            retries_remaining: snapshot.redials_left,
            late: snapshot.late,
            created_at: time(snapshot.created_unix_us),
            expires_at: time(snapshot.expires_unix_us),
            ended_at: snapshot.ended_unix_us.map(time),
            assurance: Assurance {
                bits: (snapshot.odds.bits() * 10.0).round() / 10.0,
                guess_odds: two_digits(snapshot.odds.guess()),
            },
            attempts: attempts(snapshot, numbers),
            client_reference: snapshot.client_reference.as_deref(),
            metadata: metadata.and_then(|json| serde_json::from_str(json).ok()),
            poll_after_ms: match (snapshot.status.is_final(), snapshot.phase) {
                (true, _) => None,
                (false, Some(Phase::AwaitingCode)) => Some(POLL_CODE_MS),
                (false, _) => Some(POLL_CALL_MS),
            },
            links: Links {
                itself: link(""),
                check: link("/check"),
                events: link("/events"),
                next: link("/next"),
                cancel: link("/cancel"),
            },
            deduplicated: false,
        }
    }

    pub(crate) const fn deduplicated(mut self) -> Self {
        self.deduplicated = true;
        self
    }
}

/// The calls of a verification. Until it has ended, its caller-IDs are its codes, whoever asks.
pub(crate) fn attempts(snapshot: &Snapshot, numbers: Numbers) -> Vec<Attempt<'_>> {
    let plain = numbers == Numbers::Plain && snapshot.may_reveal();
    let caller = |number| {
        Shown(if plain {
            Caller::Plain(number)
        } else {
            Caller::Masked(number, snapshot.code_length)
        })
    };
    let calls = snapshot.attempts.iter();
    calls
        .map(|AttemptView { id, number, trunk, caller_id, outcome }| Attempt {
            cdr_id: Shown(*id),
            number: *number,
            trunk,
            caller_id: caller(*caller_id),
            outcome: outcome.map(|outcome| outcome.name()),
        })
        .collect()
}

/// Rounded to two digits that say something.
fn two_digits(odds: f64) -> f64 {
    format!("{odds:.1e}").parse().unwrap_or(odds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::status::Status;

    #[test]
    fn a_caller_id_shows_nothing_of_its_code_nor_of_its_last_six_digits() {
        let masked = |text, code| Caller::Masked(CallerId::parse(text).unwrap(), code).to_string();
        assert_eq!(masked("+12025550142", 4), "+12025******");
        assert_eq!(masked("+12025550142", 8), "+120********");
        assert_eq!(masked("+98765432", 8), "+********");
        assert_eq!(masked("+1234", 4), "+****");
        assert_eq!(Prefix(CallerId::parse("+12025550142").unwrap(), 7).to_string(), "+1202");
    }

    #[test]
    fn odds_keep_two_digits() {
        assert_eq!(two_digits(3.0 / 10_000.0), 0.0003);
        assert_eq!(two_digits(3.0 / 99_999_999.0), 3e-8);
        assert_eq!(two_digits(1.0), 1.0);
    }

    #[test]
    fn the_schema_names_every_status_and_phase() {
        use utoipa::PartialSchema as _;
        let schema = serde_json::to_string(&Verification::schema()).unwrap();
        for status in Status::ALL {
            assert!(schema.contains(status.name()), "{status}");
        }
    }
}
