//! The tables as one golden table, and the rules that hold across them.

use super::*;
use crate::base::tests::golden::same_as_kept;
use std::fmt::Write as _;

#[test]
fn the_table_is_as_before() {
    let mut table = String::from(
        "verify_reach: how far a call of this outcome may have come, whether the next trunk is tried, why it fails.\n\n",
    );
    for outcome in Outcome::ALL {
        let next = if tries_next_trunk(outcome) { "next trunk" } else { "ends" };
        let reached = format!("{:?}", reach(outcome)).to_lowercase();
        writeln!(table, "  {outcome} => {reached}, {next}, {}", failure(outcome)).unwrap();
    }
    same_as_kept("verify_reach.txt", &table);
}

#[test]
fn every_alert_counts() {
    for outcome in Outcome::ALL.into_iter().filter(|outcome| outcome.alerted()) {
        assert_eq!(reach(outcome), Reach::Reached, "{outcome}");
    }
}

#[test]
fn nobody_who_was_reached_is_called_again_by_the_next_trunk() {
    for outcome in Outcome::ALL.into_iter().filter(|outcome| tries_next_trunk(*outcome)) {
        assert!(matches!(reach(outcome), Reach::Late | Reach::Never), "{outcome}");
    }
}

#[test]
fn what_can_still_be_claimed_fails_with_its_lifetime() {
    for outcome in Outcome::ALL {
        match reach(outcome) {
            Reach::Reached => assert_eq!(failure(outcome), Reason::Expired, "{outcome}"),
            Reach::Never => assert_ne!(failure(outcome), Reason::Expired, "{outcome}"),
            Reach::Late | Reach::Diverted => {}
        }
    }
}
