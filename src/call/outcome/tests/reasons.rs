//! Causes in Reason, against codes and against each other.

use super::seen::{CAUSES, Seen, refused};
use crate::call::outcome::Outcome;

#[test]
fn each_specific_cause_beats_the_code() {
    let classes: [(&[u16], Outcome); 15] = [
        (&[1], Outcome::Unallocated),
        (&[2, 3], Outcome::NoRoute),
        (&[17], Outcome::Busy),
        (&[18, 20], Outcome::Unreachable),
        (&[19], Outcome::NoAnswer),
        (&[21, 55, 57, 87], Outcome::BlockedOrForbidden),
        (&[22], Outcome::NumberChanged),
        (&[23], Outcome::Gone),
        (&[28], Outcome::InvalidNumber),
        (&[34, 42, 47, 58], Outcome::Congestion),
        (&[27, 38, 41, 102, 111], Outcome::NetworkFailure),
        (&[65, 70, 88], Outcome::ProtocolRejected),
        (&[29, 79], Outcome::ProtocolError),
        (&[0, 16, 31, 127], Outcome::Other),
        (&[5, 26, 44, 50, 63, 69, 81, 999], Outcome::Other),
    ];
    for (causes, class) in classes {
        for cause in causes {
            let call = refused(499, "").reason("Q.850", *cause);
            assert_eq!(call.outcome(), class, "{cause}");
            let lower = refused(499, "").reason("q.850", *cause);
            assert_eq!(lower.outcome(), class, "the protocol is a token of any case");
        }
    }
}

#[test]
fn a_generic_cause_never_overrides() {
    for cause in [0, 16, 31, 127] {
        for status in [404, 480, 486, 487, 503, 603] {
            let call = refused(status, "").reason("Q.850", cause);
            assert_eq!(call.outcome(), refused(status, "").outcome(), "{status} {cause}");
        }
    }
    let mut without = refused(486, "").reason("Q.850", 34);
    without.0.said.as_mut().unwrap().causes[0].cause = None;
    assert_eq!(without.outcome(), Outcome::Busy, "a Reason without a cause");
}

#[test]
fn a_gateways_own_mapping_agrees_with_its_cause() {
    // RFC 3398 §8.2.6.1: the cause and the code that a gateway makes of it say the same.
    let mapped = [
        (1, 404),
        (17, 486),
        (20, 480),
        (21, 403),
        (23, 410),
        (28, 484),
        (29, 501),
        (34, 503),
        (42, 503),
        (47, 503),
        (57, 403),
        (58, 503),
        (65, 488),
        (70, 488),
        (79, 501),
        (87, 403),
        (102, 504),
        (111, 500),
    ];
    for (cause, status) in mapped {
        let with = refused(status, "").reason("Q.850", cause).outcome();
        assert_eq!(with, refused(status, "").outcome(), "{cause} as {status}");
    }
}

#[test]
fn where_a_gateways_mapping_loses_something_the_cause_keeps_it() {
    for (cause, status, outcome) in [
        (2, 404, Outcome::NoRoute),
        (3, 404, Outcome::NoRoute),
        (18, 408, Outcome::Unreachable),
        (19, 480, Outcome::NoAnswer),
        (22, 410, Outcome::NumberChanged),
        (27, 502, Outcome::NetworkFailure),
        (31, 480, Outcome::Unreachable),
        (38, 503, Outcome::NetworkFailure),
        (41, 503, Outcome::NetworkFailure),
        (47, 480, Outcome::Congestion),
        (88, 503, Outcome::ProtocolRejected),
        (127, 500, Outcome::NetworkFailure),
        (34, 486, Outcome::Congestion),
        (42, 486, Outcome::Congestion),
        (55, 480, Outcome::BlockedOrForbidden),
        (57, 480, Outcome::BlockedOrForbidden),
        (87, 480, Outcome::BlockedOrForbidden),
        (21, 480, Outcome::BlockedOrForbidden),
        (17, 503, Outcome::Busy),
    ] {
        let call = refused(status, "").reason("Q.850", cause);
        assert_eq!(call.outcome(), outcome, "{cause} as {status}");
    }
}

#[test]
fn a_rejected_call_was_a_persons_or_a_networks_by_location_code_and_time() {
    let at = |ms, status, location| {
        let call = Seen::default().trying().refused(ms, status, "");
        call.reason_from("Q.850", 21, location, None).outcome()
    };
    assert_eq!(at(3000, 403, Some("U")), Outcome::RejectedByUser);
    assert_eq!(at(3000, 403, Some("u")), Outcome::RejectedByUser);
    assert_eq!(at(90, 403, Some("U")), Outcome::BlockedSuspected, "too soon for a hand");
    for network in ["LN", "TN", "RLN", "RN", "LPN", "RPN", "BI", "INTL"] {
        assert_eq!(at(3000, 603, Some(network)), Outcome::BlockedOrForbidden, "{network}");
    }
    for status in [486, 600, 603] {
        assert_eq!(at(3000, status, None), Outcome::RejectedByUser, "{status}");
        assert_eq!(at(90, status, None), Outcome::BlockedSuspected, "{status}");
    }
    for status in [403, 480, 500] {
        assert_eq!(at(3000, status, None), Outcome::BlockedOrForbidden, "{status}");
    }
    let rang = Seen::default().ringing(300).refused(800, 603, "");
    let rang = rang.reason_from("Q.850", 21, Some("U"), None);
    assert_eq!(rang.outcome(), Outcome::RejectedByUser, "it rang");
}

#[test]
fn the_first_specific_cause_counts() {
    let call = refused(503, "").reason("Q.850", 16).reason("Q.850", 17).reason("Q.850", 34);
    assert_eq!(call.outcome(), Outcome::Busy);
    let call = refused(503, "").reason("Q.850", 50).reason("Q.850", 1);
    assert_eq!(call.outcome(), Outcome::Unallocated, "one that has no meaning here is passed over");
}

#[test]
fn q850_comes_before_sip_and_this_before_stir_in_whatever_order_they_stand() {
    let call = refused(500, "").reason("STIR", 436).reason("SIP", 486).reason("Q.850", 20);
    assert_eq!(call.outcome(), Outcome::Unreachable);
    let call = refused(500, "").reason("STIR", 436).reason("SIP", 486).reason("Q.850", 16);
    assert_eq!(call.outcome(), Outcome::Busy);
}

#[test]
fn a_sip_cause_says_what_a_vague_code_stands_for() {
    for status in [480, 487, 500, 502, 503] {
        assert_eq!(refused(status, "").reason("SIP", 486).outcome(), Outcome::Busy, "{status}");
        let same = refused(status, "").outcome();
        for nothing in [200, 183, 302, 499, 700] {
            let call = refused(status, "").reason("SIP", nothing);
            assert_eq!(call.outcome(), same, "{status} because of {nothing}");
        }
    }
    assert_eq!(refused(404, "").reason("SIP", 486).outcome(), Outcome::Unallocated);
    let at_once = Seen::default().refused(90, 500, "").reason("SIP", 603);
    assert_eq!(at_once.outcome(), Outcome::BlockedSuspected);
}

#[test]
fn a_fault_of_identity_is_the_reason_where_there_is_no_other() {
    for cause in [403, 428, 436, 437, 438] {
        for status in [403, 603] {
            let call = refused(status, "").reason("STIR", cause);
            assert_eq!(call.outcome(), Outcome::CliRejected, "{status} {cause}");
        }
    }
    assert_eq!(refused(486, "").reason("STIR", 436).outcome(), Outcome::Busy);
    assert_eq!(refused(403, "").reason("STIR", 200).outcome(), Outcome::BlockedOrForbidden);
}

#[test]
fn a_gateway_that_says_when_to_come_back_is_overloaded_whatever_is_short() {
    for (cause, _) in CAUSES {
        let with = refused(503, "").retry_after(60).reason("Q.850", cause).outcome();
        let without = refused(503, "").reason("Q.850", cause).outcome();
        let short = matches!(without, Outcome::Congestion | Outcome::NetworkFailure);
        assert_eq!(with, if short { Outcome::Overloaded } else { without }, "{cause}");
    }
}

#[test]
fn protocols_that_nobody_knows_are_kept_and_not_judged() {
    let call = refused(486, "").reason("X.25", 17).reason("", 1).reason("preemption", 1);
    assert_eq!(call.outcome(), Outcome::Busy);
}
