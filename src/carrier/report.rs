//! What a far end says at its end, for people and for machines.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Carrier;
use super::fast::Fast;
use super::rule::Offence;
use super::serve::Served;

/// The end of a run.
pub struct Report {
    /// Nothing was done wrong and no phone was left ringing.
    pub clean: bool,
    /// For people.
    pub text: String,
    /// For machines.
    pub json: Value,
}

impl Report {
    /// Of a judging far end.
    #[must_use]
    pub fn judged(carrier: &Carrier, served: &Served) -> Self {
        let counts = carrier.counts();
        let ringing = carrier.ringing();
        let offences: u64 = counts.offences.values().sum();
        let mut text = ended(served);
        line(&mut text, "calls", counts.calls, &list(counts.by_behaviour.iter()));
        let requests = [
            ("INVITE", counts.invites),
            ("CANCEL", counts.cancels),
            ("ACK", counts.acks),
            ("BYE", counts.byes),
            ("PRACK", counts.pracks),
            ("other", counts.others),
            ("again", counts.repeated),
            ("belonging to nothing", counts.strays),
        ];
        let all = requests.iter().map(|(_, count)| count).sum();
        line(
            &mut text,
            "requests",
            all,
            &list(requests.iter().map(|(name, count)| (*name, count))),
        );
        if counts.lost_in + counts.lost_out > 0 {
            let lost = [("in", &counts.lost_in), ("out", &counts.lost_out)];
            line(
                &mut text,
                "thrown away",
                counts.lost_in + counts.lost_out,
                &list(lost.into_iter()),
            );
        }
        if counts.turned_away > 0 {
            line(&mut text, "turned away", counts.turned_away, "");
        }
        text += &wire(served);
        let rules = counts.offences.iter().map(|(rule, count)| (rule.name(), count));
        line(&mut text, "offences", offences, &list(rules.clone()));
        line(&mut text, "left ringing", ringing as u64, "");
        let json = json!({
            "event": "summary",
            "seconds": served.elapsed.as_secs_f64(),
            "calls": counts.calls,
            "by_behaviour": counts.by_behaviour,
            "invites": counts.invites,
            "cancels": counts.cancels,
            "acks": counts.acks,
            "byes": counts.byes,
            "pracks": counts.pracks,
            "others": counts.others,
            "repeated": counts.repeated,
            "strays": counts.strays,
            "lost_in": counts.lost_in,
            "lost_out": counts.lost_out,
            "turned_away": counts.turned_away,
            "dropped_by_kernel": served.received.overflowed,
            "unsent": served.unsent,
            "unreachable": served.unreachable,
            "offences": rules.collect::<std::collections::BTreeMap<_, _>>(),
            "left_ringing": ringing,
            "open": carrier.open(),
        });
        Self { clean: offences == 0 && ringing == 0, text, json }
    }

    /// Of a far end for load.
    #[must_use]
    pub fn fast(far_end: &Fast, served: &Served) -> Self {
        let counts = far_end.counts();
        let (ringing, unacknowledged) = (far_end.ringing(), far_end.unacknowledged());
        let again = counts.invites_again + counts.cancels_again + counts.acks_again;
        let mut text = ended(served);
        line(&mut text, "calls", counts.calls, "");
        let requests = [
            ("INVITE", counts.calls),
            ("CANCEL", counts.cancels),
            ("ACK", counts.acks),
            ("other", counts.others),
            ("again", again),
            ("unreadable", counts.strays),
        ];
        let all = requests.iter().map(|(_, count)| count).sum();
        line(
            &mut text,
            "requests",
            all,
            &list(requests.iter().map(|(name, count)| (*name, count))),
        );
        text += &wire(served);
        line(&mut text, "final without ACK", unacknowledged as u64, "");
        line(&mut text, "left ringing", ringing as u64, "");
        let json = json!({
            "event": "summary",
            "seconds": served.elapsed.as_secs_f64(),
            "calls": counts.calls,
            "invites_again": counts.invites_again,
            "cancels": counts.cancels,
            "cancels_again": counts.cancels_again,
            "acks": counts.acks,
            "acks_again": counts.acks_again,
            "others": counts.others,
            "strays": counts.strays,
            "dropped_by_kernel": served.received.overflowed,
            "unsent": served.unsent,
            "unreachable": served.unreachable,
            "unacknowledged": unacknowledged,
            "left_ringing": ringing,
        });
        Self { clean: ringing == 0, text, json }
    }
}

/// An offence for machines.
#[must_use]
pub fn offence_json(offence: &Offence) -> Value {
    json!({
        "event": "offence",
        "rule": offence.rule.name(),
        "call_id": offence.call_id,
        "from": offence.from.map(|number| number.to_string()),
        "to": offence.to.map(|number| number.to_string()),
        "at_us": offence.at.as_micros(),
        "saw": offence.saw,
        "right": offence.rule.right(),
    })
}

fn ended(served: &Served) -> String {
    format!("ended after {:.1} s\n", served.elapsed.as_secs_f64())
}

/// What the kernel and the network did, where it is worth a line.
fn wire(served: &Served) -> String {
    let mut text = String::new();
    let cases = [
        ("dropped by the kernel", served.received.overflowed),
        ("could not be sent", served.unsent),
        ("met a closed port", served.unreachable),
    ];
    for (name, count) in cases.into_iter().filter(|(_, count)| *count > 0) {
        line(&mut text, name, count, "");
    }
    text
}

/// `offences 2: cancel-branch 1, ack-missing 1`
fn line(text: &mut String, name: &str, count: u64, parts: &str) {
    let colon = if parts.is_empty() { "" } else { ": " };
    // Writing to a string cannot fail.
    writeln!(text, "{name} {count}{colon}{parts}").ok();
}

/// The counts that are not 0.
fn list<'a, N: std::fmt::Display>(counts: impl Iterator<Item = (N, &'a u64)>) -> String {
    let parts: Vec<_> = counts
        .filter(|(_, count)| **count > 0)
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    parts.join(", ")
}
