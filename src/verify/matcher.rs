//! The matcher: binds what a user saw on his phone to the calls of his verification. A pure function.
//!
//! Phones show a number in many spellings: with `+`, `00` or `011`, as dialled at home, cut off by a carrier, with a digit
//! more (Argentina's 9). The code is its last digits, and they decide. A longer claim must besides be a spelling of the
//! same number: whoever gives another whole number means another call.
//!
//! The code is secret, so nothing here ends early on it: every call is compared, each in the same steps, and codes are
//! compared as keyed hashes. How long a claim is may show.

use super::command::Verdict;
use super::reach::{Reach, reach};
use crate::base::id::SessionId;
use crate::base::number::{CallerId, DIGITS_MAX};
use crate::call::outcome::Outcome;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use smallvec::SmallVec;
use std::fmt;
use subtle::{Choice, ConstantTimeEq as _};

mod claim;

pub use claim::{CHARACTERS_MAX, CLAIM_DIGITS, Claim, ClaimError};

/// What codes are hashed with before they are compared.
#[derive(Clone)]
pub struct ClaimKey(pub [u8; 32]);

impl fmt::Debug for ClaimKey {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key for claims")
    }
}

/// One call of the verification, as a claim meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which call: 1, 2, …
    pub number: u8,
    /// The number that calls; its last digits are the code.
    pub caller: CallerId,
    /// How far it is.
    pub stand: Stand,
}

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// Its INVITE has not left.
    NotOnWire,
    /// It is under way.
    OnWire,
    /// It came to this.
    Over(Outcome),
}

/// What the verification's profile says of claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Digits of the code, 4 to 8.
    pub code_length: u8,
    /// Whether a phone that the call was diverted to, or a machine that took it, may give the code.
    pub allow_diverted: bool,
}

/// What is to be done about a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What is said of it.
    pub verdict: Verdict,
    /// Whether it costs a try.
    pub costs_try: bool,
    /// Which call the digits were of, where it counts or was diverted.
    pub attempt: Option<u8>,
    /// A call that no phone can have shown, and what it came to: the digits were its own, and no other call's.
    pub alarm: Option<(u8, Outcome)>,
}

/// What right digits of a call are worth; of several the first counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    Now,
    Late,
    Diverted,
    NotYet,
    Alarm(Outcome),
}

/// Judges a claim by the calls of its verification.
#[must_use]
pub fn judge(
    claim: &Claim,
    candidates: &[Candidate],
    terms: Terms,
    key: &ClaimKey,
    session: SessionId,
) -> Judgement {
    let codes = Codes::new(key, session, terms.code_length);
    let right = rights(claim, candidates, &codes, |one, other| one.ct_eq(other));
    let best = candidates
        .iter()
        .zip(right)
        .filter(|(_, right)| bool::from(*right))
        .map(|(candidate, _)| (worth(candidate.stand), candidate.number))
        .min_by_key(|(worth, _)| *worth);
    if candidates.iter().all(|candidate| candidate.stand == Stand::NotOnWire) {
        return wrong(Verdict::NoAttemptYet);
    }
    match best {
        Some((Worth::Now, number)) => right_of(number, Verdict::Approved { late: false }),
        Some((Worth::Late, number)) => right_of(number, Verdict::Approved { late: true }),
        Some((Worth::Diverted, number)) if terms.allow_diverted => {
            right_of(number, Verdict::Approved { late: false })
        }
        Some((Worth::Diverted, number)) => right_of(number, Verdict::Diverted),
        Some((Worth::NotYet, _)) => wrong(Verdict::NoAttemptYet),
        Some((Worth::Alarm(outcome), number)) => {
            Judgement { alarm: Some((number, outcome)), ..wrong(Verdict::Invalid) }
        }
        None => wrong(Verdict::Invalid),
    }
}

const fn worth(stand: Stand) -> Worth {
    match stand {
        Stand::NotOnWire => Worth::NotYet,
        Stand::OnWire => Worth::Now,
        Stand::Over(outcome) => match reach(outcome) {
            Reach::Reached => Worth::Now,
            Reach::Late => Worth::Late,
            Reach::Diverted => Worth::Diverted,
            Reach::Never => Worth::Alarm(outcome),
        },
    }
}

const fn right_of(number: u8, verdict: Verdict) -> Judgement {
    Judgement { verdict, costs_try: false, attempt: Some(number), alarm: None }
}

const fn wrong(verdict: Verdict) -> Judgement {
    Judgement { verdict, costs_try: true, attempt: None, alarm: None }
}

/// Which calls the claim is right for, one answer a call. `equal` compares two codes.
fn rights(
    claim: &Claim,
    candidates: &[Candidate],
    codes: &Codes,
    mut equal: impl FnMut(&[u8; 32], &[u8; 32]) -> Choice,
) -> SmallVec<[Choice; 8]> {
    let digits = claim.digits();
    let claimed = codes.of(digits);
    let enough = Choice::from(u8::from(digits.len() >= codes.length));
    candidates
        .iter()
        .map(|candidate| {
            let caller = candidate.caller.reveal();
            let code = equal(&claimed, &codes.of(caller.as_bytes()));
            enough & code & spells(digits, caller.as_bytes())
        })
        .collect()
}

/// Makes codes of digits: their last ones, hashed for one verification.
struct Codes {
    length: usize,
    hash: Hmac<Sha256>,
}

impl Codes {
    fn new(key: &ClaimKey, session: SessionId, length: u8) -> Self {
        // HMAC fills a short key with zeros up to its block (RFC 2104 §2).
        let mut block = [0; 64];
        for (place, byte) in block.iter_mut().zip(key.0) {
            *place = byte;
        }
        let mut hash = Hmac::<Sha256>::new(&block.into());
        hash.update(&session.to_bytes());
        Self { length: usize::from(length), hash }
    }

    fn of(&self, digits: &[u8]) -> [u8; 32] {
        let code = digits.get(digits.len().saturating_sub(self.length)..).unwrap_or_default();
        self.hash.clone().chain_update(code).finalize().into_bytes().into()
    }
}

/// With so many last digits in common, what stands before them may be spelled in any way: there are trunk prefixes,
/// carrier codes, and digits that a country puts in or leaves out.
const COMMON: usize = 7;

/// Whether a claim can be a spelling of a number: read from the end, they agree for seven digits, or for all of the
/// number, or for all of the claim but zeros in front.
fn spells(claim: &[u8], number: &[u8]) -> Choice {
    let zeros = claim.iter().take_while(|digit| **digit == b'0').count();
    let whole = (claim.len() - zeros) as u64;
    let digit = |digits: &[u8], place: usize, none: u8| {
        digits.iter().rev().nth(place).copied().unwrap_or(none)
    };
    let mut agree = Choice::from(1);
    let mut spelled = whole.ct_eq(&0);
    for place in 0..DIGITS_MAX {
        // Where one has ended, they agree no more.
        agree &= digit(claim, place, b'<').ct_eq(&digit(number, place, b'>'));
        let common = place as u64 + 1;
        let enough = common.ct_eq(&(COMMON as u64))
            | common.ct_eq(&(number.len() as u64))
            | common.ct_eq(&whole);
        spelled |= agree & enough;
    }
    spelled
}

#[cfg(test)]
mod tests;
