//! The claim table with calls that really came to each outcome: what wrong and right digits are worth after whatever the
//! carrier did.

use serde_json::{Value, json};

use crate::stage::{Stage, problem, wrong};

/// What right digits are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worth {
    Approved,
    Late,
    Diverted,
    /// The verification had failed with this reason before anybody could give them.
    Failed(&'static str),
}

use Worth::{Approved, Diverted, Failed, Late};

/// By the last three digits of the called number, which say what the carrier does: the outcome, and what right digits of it
/// are worth.
const ROWS: &[(&str, &str, Worth)] = &[
    ("180", "rang", Approved),
    ("100", "no_alert_timeout", Late),
    ("000", "trunk_timeout", Late),
    ("181", "forwarded", Diverted),
    ("182", "rang", Approved),
    ("183", "rang", Approved),
    ("184", "no_alert_timeout", Late),
    ("185", "no_alert_timeout", Late),
    ("186", "rang", Approved),
    ("187", "rang_no_final", Approved),
    ("188", "rang", Approved),
    ("189", "rang", Approved),
    ("190", "rang", Approved),
    ("192", "rang", Approved),
    ("193", "rang", Approved),
    ("194", "rang_no_final", Approved),
    ("200", "fast_answer", Diverted),
    ("201", "answered_race", Approved),
    ("202", "fast_answer", Diverted),
    ("203", "answered", Approved),
    ("204", "fast_answer", Diverted),
    ("205", "network_cancelled", Late),
    ("302", "redirected", Failed("no_route")),
    ("403", "blocked_or_forbidden", Failed("blocked_suspected")),
    ("404", "unallocated", Failed("invalid_number")),
    ("408", "no_answer", Late),
    ("410", "gone", Failed("invalid_number")),
    ("480", "unreachable", Failed("unreachable")),
    ("484", "invalid_number", Failed("invalid_number")),
    ("486", "busy", Approved),
    ("487", "network_cancelled", Late),
    ("488", "protocol_rejected", Failed("internal")),
    ("500", "network_failure", Failed("no_route")),
    ("503", "overloaded", Failed("no_route")),
    ("600", "busy", Approved),
    ("603", "blocked_suspected", Failed("blocked_suspected")),
    ("604", "unallocated", Failed("invalid_number")),
    ("607", "blocked_unwanted", Late),
    ("608", "blocked_analytics", Failed("blocked_suspected")),
];

/// Rings the number, waits for the outcome, gives wrong digits and then right ones.
fn play(stage: &Stage, (tail, outcome, worth): (&str, &str, Worth)) -> Result<(), String> {
    let to = format!("+1202555{}{tail}", 2);
    let id = stage.start_to(&to);
    let told = stage.until(&id, "call.completed");
    let found = stage.outcomes(&id);
    if found != [outcome] {
        return Err(format!("{tail}: {found:?} instead of {outcome}"));
    }
    let ring = stage.phones.call(&to, 1);
    let (missed, right) = (stage.check(&id, &wrong(ring.code(4))), stage.check(&id, ring.code(4)));
    let (missed, said) = (missed.json(), right.json());
    let got = match worth {
        Failed(reason) => {
            let last = told.last().unwrap();
            let verification = stage.look(&id);
            let shown = (&verification["status"], &verification["reason"], &verification["phase"]);
            right.status == 410
                && problem(&right) == "failed"
                && missed["code"] == "failed"
                && shown == (&json!("failed"), &json!(reason), &Value::Null)
                && (last.name == "verification.failed" || last.name == "call.completed")
        }
        Approved | Late => {
            let tries =
                (&missed["result"], &missed["attempts_remaining"], &said["attempts_remaining"]);
            tries == (&json!("invalid"), &json!(2), &json!(2))
                && (&said["result"], &said["late"]) == (&json!("approved"), &json!(worth == Late))
                && said["verification"]["status"] == "approved"
                && said["verification"]["late"] == json!(worth == Late)
        }
        Diverted => {
            let last = (&said["result"], &said["attempts_remaining"], &said["late"]);
            missed["attempts_remaining"] == 2
                && last == (&json!("diverted"), &json!(2), &json!(false))
                && said["verification"]["status"] == "pending"
        }
    };
    got.then_some(()).ok_or_else(|| format!("{tail} {outcome}: {worth:?}, but {missed} and {said}"))
}

#[test]
fn each_outcome_decides_what_right_digits_are_worth() {
    let stage = Stage::open("claims", "600ms", "");
    let failures: Vec<String> = std::thread::scope(|scope| {
        let one = |row| {
            let stage = &stage;
            scope.spawn(move || play(stage, row))
        };
        let all: Vec<_> = ROWS.iter().copied().map(one).collect();
        all.into_iter().filter_map(|thread| thread.join().unwrap().err()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(stage.metric("onering_alarms_total"), 0.0);
    stage.end();
}

#[test]
fn digits_count_as_soon_as_the_call_is_on_the_wire() {
    let stage = Stage::open("on-the-wire", "5s", "");
    let to = "+12025550142";
    let id = stage.start_to(to);
    let ring = stage.phones.call(to, 1);
    assert_eq!(stage.check(&id, &wrong(ring.code(4))).json()["attempts_remaining"], 2);
    let said = stage.check(&id, ring.code(4)).json();
    assert_eq!((&said["result"], &said["late"]), (&json!("approved"), &json!(false)), "{said}");
    let again = stage.check(&id, ring.code(4));
    assert_eq!((again.status, problem(&again).as_str()), (409, "already_approved"));
    // The same digits in every spelling that a phone shows, each for a call of its own.
    let spelled: [fn(&str) -> String; 7] = [
        |from| from.to_owned(),
        |from| format!("00{}", &from[1..]),
        |from| format!("011 {}", &from[1..]),
        |from| format!("({}) {}-{}", &from[2..5], &from[5..8], &from[8..]),
        |from| format!("{} {} {}", &from[2..5], &from[5..8], &from[8..]),
        |from| from[5..].to_owned(),
        |from| from[2..].to_owned(),
    ];
    for (place, spell) in spelled.iter().enumerate() {
        let to = format!("+1202555015{place}");
        let id = stage.start_to(&to);
        let claim = json!({ "caller_id": spell(&stage.phones.call(&to, 1).from) });
        let said = stage.post(&format!("/v1/verifications/{id}/check"), &claim).json();
        assert_eq!(said["result"], "approved", "{claim}: {said}");
    }
    stage.end();
}

#[test]
fn no_digits_are_right_before_a_call_is_on_the_wire_and_each_costs_a_try() {
    let more = "[[profile]]\nname = \"default\"\nduplicates = \"allow\"\n";
    let stage = Stage::open("not-yet", "5s", more);
    let to = "+12025550142";
    let first = stage.start_to(to);
    let ring = stage.phones.call(to, 1);
    // The second waits for the first one's call to end.
    let second = stage.start_to(to);
    assert_eq!(stage.look(&second)["phase"], "queued");
    for left in [2, 1] {
        let said = stage.check(&second, ring.code(4)).json();
        let got = (&said["result"], &said["attempts_remaining"]);
        assert_eq!(got, (&json!("no_attempt_yet"), &json!(left)), "{said}");
    }
    let said = stage.check(&second, ring.code(4)).json();
    assert_eq!(
        (&said["result"], &said["attempts_remaining"]),
        (&json!("no_attempt_yet"), &json!(0))
    );
    assert_eq!(said["verification"]["reason"], "attempts_exhausted", "{said}");
    assert_eq!(problem(&stage.check(&second, "0000")), "attempts_exhausted");
    assert_eq!(stage.check(&first, ring.code(4)).json()["result"], "approved");
    let counted = stage.end();
    assert_eq!(counted["calls"], 1, "the second was never called");
}

#[test]
fn right_digits_of_a_call_that_reached_nobody_are_wrong_and_raise_an_alarm() {
    // 503 at the first trunk; the second one rings every phone.
    let second = crate::support::phones::Phones::start(|config| {
        config.behaviour = Some(onering::carrier::Behaviour::RINGS);
    });
    let more = format!(
        "[[trunk]]\nname = \"second\"\ntarget = \"{}\"\n\n[[route]]\nprefix = [\"+1202555\"]\n\
         trunks = [\"carrier\", \"second\"]\npool = \"numbers\"\n",
        second.address
    );
    let stage = Stage::open("alarm", "600ms", &more);
    let to = "+12025550503";
    let id = stage.start_to(to);
    let (lost, rang) = (stage.phones.call(to, 1), second.call(to, 1));
    assert_ne!(lost.code(4), rang.code(4), "each call has a number of its own");
    let said = stage.check(&id, lost.code(4)).json();
    assert_eq!((&said["result"], &said["attempts_remaining"]), (&json!("invalid"), &json!(2)));
    assert_eq!(stage.metric("onering_alarms_total"), 1.0);
    let said = stage.check(&id, rang.code(4)).json();
    assert_eq!((&said["result"], &said["late"]), (&json!("approved"), &json!(false)), "{said}");
    stage.until(&id, "verification.approved");
    let trunks = stage.look(&id)["attempts"].clone();
    let trunks: Vec<_> =
        trunks.as_array().unwrap().iter().map(|call| call["trunk"].clone()).collect();
    assert_eq!(trunks, ["carrier", "second"]);
    stage.end();
    assert!(second.end().clean);
}

#[test]
fn a_profile_may_allow_a_diverted_call() {
    let more = "[[profile]]\nname = \"machines\"\nallow_diverted = true\n";
    let stage = Stage::open("diverted", "600ms", more);
    let to = "+12025550200";
    let id = stage.start(&json!({ "to": to, "profile": "machines" }));
    stage.until(&id, "call.completed");
    assert_eq!(stage.outcomes(&id), ["fast_answer"]);
    let said = stage.check(&id, stage.phones.call(to, 1).code(4)).json();
    assert_eq!((&said["result"], &said["late"]), (&json!("approved"), &json!(false)), "{said}");
    stage.end();
}
