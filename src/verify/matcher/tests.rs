//! The matcher's tables, and what holds for every claim.

use super::*;
use crate::base::rng::Rng;
use crate::base::tests::golden::same_as_kept;
use std::fmt::Write as _;

const KEY: ClaimKey = ClaimKey([7; 32]);
const SESSION: SessionId = SessionId { unix_ms: 1, shard: 2, epoch: 3, random: 4 };
const STRICT: Terms = Terms { code_length: 4, allow_diverted: false };
const LENIENT: Terms = Terms { code_length: 4, allow_diverted: true };

fn claim(text: &str) -> Claim {
    Claim::read(text).unwrap()
}

fn caller(text: &str) -> CallerId {
    CallerId::parse(text).unwrap()
}

fn candidate(number: u8, from: &str, stand: Stand) -> Candidate {
    Candidate { number, caller: caller(from), stand }
}

fn is_right(claim: &Claim, caller: CallerId, code_length: u8) -> bool {
    let terms = Terms { code_length, allow_diverted: false };
    let calls = [Candidate { number: 1, caller, stand: Stand::OnWire }];
    judge(claim, &calls, terms, &KEY, SESSION).verdict == Verdict::Approved { late: false }
}

/// A judgement on one line.
fn line(judgement: Judgement) -> String {
    let Judgement { verdict, costs_try, attempt, alarm } = judgement;
    let mut line = verdict.name().to_owned();
    if verdict == (Verdict::Approved { late: true }) {
        line.push_str(", late");
    }
    if costs_try {
        line.push_str(", costs a try");
    }
    if let Some(number) = attempt {
        write!(line, ", call {number}").unwrap();
    }
    if let Some((number, outcome)) = alarm {
        write!(line, ", alarm {outcome} of call {number}").unwrap();
    }
    line
}

fn name(stand: Stand) -> &'static str {
    match stand {
        Stand::NotOnWire => "not on the wire",
        Stand::OnWire => "on the wire",
        Stand::Over(outcome) => outcome.name(),
    }
}

#[test]
fn the_table_is_as_before() {
    let mut table = String::from(
        "verify_matcher: how a call stands, and what is said of a claim. Where a profile that allows diverted calls\nsays something else, that follows behind a bar.\n",
    );
    let stands = [Stand::NotOnWire, Stand::OnWire].into_iter();
    let stands = stands.chain(Outcome::ALL.into_iter().map(Stand::Over));
    for (heading, digits) in [("right digits", "0142"), ("wrong digits", "0143")] {
        writeln!(table, "\n{heading}:").unwrap();
        for stand in stands.clone() {
            let calls = [candidate(1, "+12025550142", stand)];
            let judged = |terms| line(judge(&claim(digits), &calls, terms, &KEY, SESSION));
            let (strict, lenient) = (judged(STRICT), judged(LENIENT));
            write!(table, "  {} => {strict}", name(stand)).unwrap();
            if strict != lenient {
                write!(table, " | {lenient}").unwrap();
            }
            table.push('\n');
        }
    }
    two_calls(&mut table);
    same_as_kept("verify_matcher.txt", &table);
}

/// Two calls: the digits of the first one, and digits that both have.
fn two_calls(table: &mut String) {
    let stands = [
        Stand::NotOnWire,
        Stand::OnWire,
        Stand::Over(Outcome::Rang),
        Stand::Over(Outcome::NoAlertTimeout),
        Stand::Over(Outcome::Forwarded),
        Stand::Over(Outcome::Unallocated),
    ];
    for (heading, second) in
        [("digits of the first of two", "+12025550199"), ("digits of both", "+13035560142")]
    {
        writeln!(table, "\n{heading}:").unwrap();
        for (one, other) in stands.iter().flat_map(|one| stands.map(|other| (*one, other))) {
            let calls = [candidate(1, "+12025550142", one), candidate(2, second, other)];
            let said = line(judge(&claim("0142"), &calls, STRICT, &KEY, SESSION));
            writeln!(table, "  {}, {} => {said}", name(one), name(other)).unwrap();
        }
    }
}

#[test]
fn each_spelling_is_judged_as_the_table_says() {
    let table = include_str!("../../../tests/golden/claims.txt");
    let mut rows = 0;
    for row in table.lines().filter(|row| !row.is_empty() && !row.starts_with('#')) {
        let cells: Vec<_> = row.split('|').collect();
        let [number, code_length, text, wanted] = cells[..] else {
            panic!("not four cells: {row}")
        };
        let text = text.strip_prefix(' ').unwrap();
        let text = text.strip_suffix(' ').unwrap_or(text);
        let text: String = serde_json::from_str(&format!("\"{text}\"")).unwrap();
        let code_length = code_length.trim().parse().unwrap();
        let found = match Claim::read(&text) {
            Err(_) => "unreadable",
            Ok(claim) if is_right(&claim, caller(number.trim()), code_length) => "right",
            Ok(_) => "wrong",
        };
        assert_eq!(found, wanted.trim(), "{row}");
        rows += 1;
    }
    assert!(rows > 100, "{rows}");
}

#[test]
fn what_is_no_claim_is_said_without_its_digits() {
    let error = |text: &str| Claim::read(text).unwrap_err();
    let many = "1".repeat(33);
    assert_eq!(error(&many), ClaimError::TooLong { characters: 33 });
    assert_eq!(error(&"1".repeat(25)), ClaimError::Length { digits: 25 });
    assert!(Claim::read(&"1".repeat(24)).is_ok());
    assert!(Claim::read(&format!("{}{}", "0142", " ".repeat(28))).is_ok());
    assert_eq!(error(""), ClaimError::Length { digits: 0 });
    assert_eq!(error("99"), ClaimError::Length { digits: 2 });
    assert_eq!(error("٩٩x"), ClaimError::NotADigit { at: 2 });
    assert_eq!(error("9999\r\n"), ClaimError::NotADigit { at: 4 });
    assert_eq!(error("9+999"), ClaimError::LatePlus { at: 1 });
    for (text, said) in [
        ("99", "2 digits; the last digits or the whole number are 3 to 24"),
        (
            "999l",
            "character 4 is not a digit; between digits may stand blanks, - . / ( ) and a + in front",
        ),
        ("999+", "character 4 is a +, which stands before all digits"),
        (&many, "33 characters; at most 32 are read"),
    ] {
        assert_eq!(error(text).to_string(), said);
        assert!(!format!("{:?}", error(text)).contains("99"), "{text}");
    }
}

#[test]
fn neither_a_claim_nor_the_key_shows_itself() {
    assert_eq!(
        format!("{:?} {KEY:?}", claim("+1 202 555 0142")),
        "a claim of 11 digits a key for claims"
    );
}

#[test]
fn only_right_last_digits_are_ever_approved() {
    let mut rng = Rng::from_seed(1);
    let mut approved = 0;
    for _ in 0..20_000 {
        let code_length = 4 + rng.secret_below(5) as usize;
        let digits = |count: u64, rng: &mut Rng| -> String {
            // Few different digits, so that much is equal by chance.
            (0..count).map(|_| char::from(b'0' + rng.secret_below(2) as u8)).collect()
        };
        let length = 4 + rng.secret_below(12);
        let number = digits(length, &mut rng);
        let length = 3 + rng.secret_below(22);
        let mut said = digits(length, &mut rng);
        if rng.secret_below(2) == 0 {
            said = format!("{said}{number}");
            said = said.split_off(said.len().saturating_sub(24));
        }
        let right = is_right(&claim(&said), caller(&format!("+{number}")), code_length as u8);
        let end = |text: &str| {
            let start = text.len().checked_sub(code_length)?;
            text.get(start..).map(str::to_owned)
        };
        if right {
            assert!(end(&said).is_some() && end(&said) == end(&number), "{said} {number}");
            approved += 1;
        }
    }
    assert!(approved > 1000, "{approved}");
}

#[test]
fn a_claim_is_a_spelling_as_the_rule_says_in_words() {
    let mut rng = Rng::from_seed(2);
    for _ in 0..20_000 {
        let digits = |most: u64, rng: &mut Rng| -> Vec<u8> {
            (0..4 + rng.secret_below(most - 3)).map(|_| b'0' + rng.secret_below(2) as u8).collect()
        };
        let (said, number) = (digits(24, &mut rng), digits(15, &mut rng));
        let common = said.iter().rev().zip(number.iter().rev()).take_while(|(a, b)| a == b).count();
        let zeros = said.iter().take_while(|digit| **digit == b'0').count();
        let wanted = common >= 7 || common == number.len() || common + zeros >= said.len();
        assert_eq!(bool::from(spells(&said, &number)), wanted, "{said:?} {number:?}");
    }
}

#[test]
fn every_call_is_compared_whichever_is_right() {
    let calls = ["+12025550142", "+12025550143", "+12025550144", "+12025550145", "+12025550146"]
        .map(|from| candidate(1, from, Stand::OnWire));
    let codes = Codes::new(&KEY, SESSION, 4);
    for (text, place) in [
        ("0142", Some(0)),
        ("+1 202 555 0142", Some(0)),
        ("0144", Some(2)),
        ("0146", Some(4)),
        ("9999", None),
        ("142", None),
        ("+44 20 7946 0142", None),
    ] {
        let mut compared = 0;
        let right = rights(&claim(text), &calls, &codes, |one, other| {
            compared += 1;
            one.ct_eq(other)
        });
        assert_eq!(compared, calls.len(), "{text}");
        let right: Vec<_> = right.into_iter().map(bool::from).collect();
        assert_eq!(right, (0..5).map(|at| Some(at) == place).collect::<Vec<_>>(), "{text}");
    }
}

#[test]
fn codes_of_two_verifications_or_two_keys_have_nothing_in_common() {
    let other = SessionId { random: 5, ..SESSION };
    let hashes = [(&KEY, SESSION), (&KEY, other), (&ClaimKey([8; 32]), SESSION)]
        .map(|(key, session)| Codes::new(key, session, 4).of(b"12025550142"));
    assert!(hashes[0] != hashes[1] && hashes[0] != hashes[2] && hashes[1] != hashes[2]);
    // HMAC-SHA256 over the id's 20 bytes and `0142`, by another implementation.
    let hex: String = hashes[0].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "d98eb4be92e84500d8a00123fb8c590cc640d09bc9f16d74cb71e05ad0b98f27");
}

#[test]
fn without_any_call_there_is_none_yet() {
    let judgement = judge(&claim("0142"), &[], STRICT, &KEY, SESSION);
    assert_eq!(line(judgement), "no_attempt_yet, costs a try");
}
