//! What a call came to, by what happened to it.

use super::seen::{Seen, refused};
use crate::call::CancelCause::{Alerted, Asked, NoAlert};
use crate::call::facts::End;
use crate::call::outcome::Outcome;

fn rang() -> Seen {
    Seen::default().trying().ringing(2000)
}

fn cancelled_after_180() -> Seen {
    rang().cancel(2600, Alerted)
}

#[test]
fn a_180_a_cancel_and_a_487_rang() {
    let call = cancelled_after_180().refused(2700, 487, "Request Terminated");
    assert_eq!(call.outcome(), Outcome::Rang);
}

#[test]
fn an_alerting_183_rang_by_early_media_unless_a_180_came_too() {
    let call = Seen::default().trying().alerting_183(1500);
    let cancelled = |call: Seen| call.cancel(2100, Alerted).refused(2200, 487, "").outcome();
    assert_eq!(cancelled(call.clone()), Outcome::RangEarlyMedia);
    assert_eq!(cancelled(call.clone().ringing(1900)), Outcome::Rang);
    let late = call.cancel(2100, Alerted).ringing(2150).refused(2200, 487, "");
    assert_eq!(late.outcome(), Outcome::RangEarlyMedia, "the 180 met our CANCEL");
}

#[test]
fn can_13_a_cancelled_call_without_a_final_is_named_after_its_alert() {
    let call = cancelled_after_180().end(End::NoFinal);
    assert_eq!(call.outcome(), Outcome::RangNoFinal);
    for cause in [NoAlert, Asked] {
        let call = Seen::default().trying().cancel(20_000, cause).end(End::NoFinal);
        assert_eq!(call.outcome(), Outcome::CancelledNoFinal);
    }
}

#[test]
fn can_14_a_cancelled_call_is_never_what_would_be_tried_again() {
    for (status, phrase) in [
        (408, ""),
        (480, ""),
        (500, ""),
        (503, "CPS limit"),
        (503, ""),
        (404, "No route"),
        (302, ""),
    ] {
        let call = |seen: Seen| seen.refused(21_000, status, phrase).reason("Q.850", 34).outcome();
        assert_eq!(call(cancelled_after_180()), Outcome::Rang, "{status}");
        let guarded = Seen::default().trying().cancel(20_000, NoAlert);
        assert_eq!(call(guarded), Outcome::NoAlertTimeout, "{status}");
        let asked = Seen::default().trying().cancel(900, Asked);
        assert_eq!(call(asked), Outcome::CancelledByApi, "{status}");
    }
}

#[test]
fn can_15_an_answer_after_the_cancel_is_a_race() {
    assert_eq!(cancelled_after_180().answered(2650).outcome(), Outcome::AnsweredRace);
    let guarded = Seen::default().trying().cancel(20_000, NoAlert).answered(20_050);
    assert_eq!(guarded.outcome(), Outcome::AnsweredRace, "the alert may have been lost");
}

#[test]
fn can_16_after_an_alert_and_our_cancel_no_final_changes_that_it_rang() {
    for (status, phrase) in super::seen::PHRASES {
        let call = cancelled_after_180().refused(2700, status, phrase).reason("Q.850", 21);
        assert_eq!(call.outcome(), Outcome::Rang, "{status} {phrase}");
    }
    let blocked = cancelled_after_180().refused(2700, 603, "Network Blocked");
    assert_eq!(blocked.outcome(), Outcome::Rang);
}

#[test]
fn can_21_an_alert_that_met_our_cancel_is_unconfirmed() {
    for cause in [NoAlert, Asked] {
        let call = Seen::default().trying().cancel(1000, cause).ringing(1040);
        assert_eq!(call.clone().refused(1080, 487, "").outcome(), Outcome::RangUnconfirmed);
        assert_eq!(call.end(End::NoFinal).outcome(), Outcome::RangUnconfirmed);
    }
}

#[test]
fn an_answer_is_a_machines_without_an_alert_or_a_quarter_second_after_it() {
    let rang_for = |ms: u64| rang().answered(2000 + ms).outcome();
    assert_eq!(rang_for(0), Outcome::FastAnswer);
    assert_eq!(rang_for(249), Outcome::FastAnswer);
    assert_eq!(rang_for(250), Outcome::Answered);
    assert_eq!(rang_for(300), Outcome::Answered);
    assert_eq!(rang_for(4000), Outcome::Answered);
    assert_eq!(Seen::default().trying().answered(5000).outcome(), Outcome::FastAnswer);
    let early_media = Seen::default().early_media(400).answered(9000);
    assert_eq!(early_media.outcome(), Outcome::FastAnswer, "a 183 is no alert by default");
    assert_eq!(Seen::default().alerting_183(400).answered(9000).outcome(), Outcome::Answered);
}

#[test]
fn prv_05_a_180_after_a_183_rang() {
    let call = Seen::default().early_media(900).ringing(2000).cancel(2600, Alerted);
    assert_eq!(call.refused(2700, 487, "").outcome(), Outcome::Rang);
}

#[test]
fn prv_07_whoever_was_alerted_after_a_forwarding_was_somebody_else() {
    let forwarded = cancelled_after_180().forwarded();
    assert_eq!(forwarded.clone().refused(2700, 487, "").outcome(), Outcome::Forwarded);
    assert_eq!(forwarded.clone().end(End::NoFinal).outcome(), Outcome::Forwarded);
    assert_eq!(forwarded.answered(2700).outcome(), Outcome::Forwarded);
    assert_eq!(rang().forwarded().answered(9000).outcome(), Outcome::Forwarded);
    assert_eq!(Seen::default().forwarded().answered(900).outcome(), Outcome::Forwarded);
}

#[test]
fn prv_07_a_forwarding_alone_changes_nothing_else() {
    let forwarded = Seen::default().trying().forwarded();
    assert_eq!(forwarded.clone().refused(3000, 486, "").outcome(), Outcome::Busy);
    let guarded = forwarded.cancel(20_000, NoAlert).refused(20_050, 487, "");
    assert_eq!(guarded.outcome(), Outcome::NoAlertTimeout);
}

#[test]
fn a_cancel_without_an_alert_is_named_after_who_wanted_it() {
    let call = |cause| Seen::default().trying().cancel(20_000, cause).refused(20_100, 487, "");
    assert_eq!(call(NoAlert).outcome(), Outcome::NoAlertTimeout);
    assert_eq!(call(Asked).outcome(), Outcome::CancelledByApi);
    let early_media = Seen::default().early_media(400).cancel(20_000, NoAlert);
    assert_eq!(early_media.refused(20_100, 487, "").outcome(), Outcome::NoAlertTimeout);
}

#[test]
fn silence_and_an_unreachable_target_are_the_trunks() {
    assert_eq!(Seen::default().end(End::Silence).outcome(), Outcome::TrunkTimeout);
    assert_eq!(Seen::default().end(End::Unreachable).outcome(), Outcome::TrunkUnreachable);
}

#[test]
fn what_was_not_sent_was_not_attempted() {
    assert_eq!(Seen::default().end(End::NotSent).outcome(), Outcome::NotAttempted);
}

#[test]
fn a_603_is_a_persons_after_an_alert_or_a_second_and_a_machines_at_once() {
    let at = |ms| Seen::default().refused(ms, 603, "Decline").outcome();
    assert_eq!(at(40), Outcome::BlockedSuspected);
    assert_eq!(at(999), Outcome::BlockedSuspected);
    assert_eq!(at(1000), Outcome::RejectedByUser);
    let rang = Seen::default().ringing(300).refused(900, 603, "Decline");
    assert_eq!(rang.outcome(), Outcome::RejectedByUser);
}

#[test]
fn ringing_that_ends_at_once_in_not_there_was_false() {
    for status in [404, 480] {
        let after = |ms: u64| rang().refused(2000 + ms, status, "").outcome();
        assert_eq!(after(300), Outcome::RangUnconfirmed);
        assert_eq!(after(1999), Outcome::RangUnconfirmed);
        assert_ne!(after(2000), Outcome::RangUnconfirmed);
        let early_media = Seen::default().alerting_183(2000).refused(2300, status, "");
        assert_ne!(early_media.outcome(), Outcome::RangUnconfirmed);
    }
    assert_eq!(rang().refused(2300, 486, "").outcome(), Outcome::Busy);
}

#[test]
fn a_487_that_we_did_not_ask_for_is_the_networks() {
    assert_eq!(refused(487, "Request Terminated").outcome(), Outcome::NetworkCancelled);
    let rang = rang().refused(4000, 487, "Request Terminated");
    assert_eq!(rang.outcome(), Outcome::NetworkCancelled);
}

#[test]
fn each_code_has_its_class() {
    let classes: [(&[u16], Outcome); 26] = [
        (&[300, 301, 302, 305, 380, 399], Outcome::Redirected),
        (&[401, 407], Outcome::AuthFailed),
        (&[402], Outcome::AccountBlocked),
        (&[403], Outcome::BlockedOrForbidden),
        (&[404, 604], Outcome::Unallocated),
        (&[408], Outcome::NoAnswer),
        (&[410], Outcome::Gone),
        (&[416, 484], Outcome::InvalidNumber),
        (&[428, 433, 436, 437, 438], Outcome::CliRejected),
        (&[429], Outcome::RateLimited),
        (&[480], Outcome::Unreachable),
        (&[482, 483], Outcome::RoutingLoop),
        (&[485], Outcome::NoRoute),
        (&[486, 600], Outcome::Busy),
        (&[487], Outcome::NetworkCancelled),
        (&[406, 415, 420, 421, 422, 488, 606], Outcome::ProtocolRejected),
        (&[400, 405, 413, 414, 481, 493, 501, 505, 513], Outcome::ProtocolError),
        (&[500, 502, 504], Outcome::NetworkFailure),
        (&[503], Outcome::Congestion),
        (&[603], Outcome::RejectedByUser),
        (&[607], Outcome::BlockedUnwanted),
        (&[608], Outcome::BlockedAnalytics),
        (&[601, 602, 605, 609, 650, 699], Outcome::RejectedGlobal),
        (&[409, 411, 430, 470, 489, 494, 499], Outcome::Other),
        (&[506, 555, 580, 599], Outcome::Other),
        (&[700, 0], Outcome::Other),
    ];
    for (codes, class) in classes {
        for code in codes {
            assert_eq!(refused(*code, "").outcome(), class, "{code}");
        }
    }
}

#[test]
fn a_503_that_says_when_to_come_back_is_an_overload() {
    assert_eq!(refused(503, "").retry_after(30).outcome(), Outcome::Overloaded);
    assert_eq!(refused(500, "").retry_after(30).outcome(), Outcome::NetworkFailure);
    let limited = refused(503, "CPS Limit reached P05").retry_after(30);
    assert_eq!(limited.outcome(), Outcome::RateLimited, "which of our own limits it was, is known");
}

#[test]
fn the_alerted_are_those_whose_phone_rang_as_far_as_signalling_tells() {
    let alerted: Vec<Outcome> = [
        Outcome::Rang,
        Outcome::RangEarlyMedia,
        Outcome::RangNoFinal,
        Outcome::RangUnconfirmed,
        Outcome::AnsweredRace,
        Outcome::Answered,
        Outcome::FastAnswer,
        Outcome::Forwarded,
        Outcome::NoAlertTimeout,
        Outcome::Busy,
        Outcome::RejectedByUser,
        Outcome::Other,
    ]
    .into_iter()
    .filter(|outcome| outcome.alerted())
    .collect();
    assert_eq!(
        alerted.iter().map(|outcome| outcome.name()).collect::<Vec<_>>(),
        [
            "rang",
            "rang_early_media",
            "rang_no_final",
            "rang_unconfirmed",
            "answered_race",
            "answered"
        ]
    );
}
