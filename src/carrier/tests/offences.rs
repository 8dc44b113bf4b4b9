//! Each rule, broken by a caller who does everything else right.

use super::*;

/// What the judge says about a CANCEL made by `change` from the right one.
fn cancelled_with(change: impl FnOnce(&mut Caller) -> String) -> Vec<&'static str> {
    let mut world = World::new();
    let caller = Caller::new("+12025550142");
    world.take(&caller.invite());
    world.pass_ms(600);
    let cancel = change(&mut caller.clone());
    let replies = world.take(&cancel);
    if let Some(end) = replies.iter().find(|reply| reply.line() == "487 INVITE") {
        world.take(&caller.ack(end));
    }
    world.broken()
}

fn field(change: impl FnOnce(&mut Caller)) -> Vec<&'static str> {
    cancelled_with(|caller| {
        change(caller);
        caller.cancel()
    })
}

fn text(from: &str, to: &str) -> Vec<&'static str> {
    cancelled_with(|caller| {
        let cancel = caller.cancel();
        assert!(cancel.contains(from));
        cancel.replacen(from, to, 1)
    })
}

#[test]
fn a_cancel_that_differs_from_its_invite() {
    assert_eq!(field(|_| {}), [""; 0]);
    assert_eq!(field(|caller| caller.branch.push('x')), ["cancel-branch"]);
    assert_eq!(field(|caller| caller.sent_by = "127.0.0.1:5061".into()), ["cancel-sent-by"]);
    assert_eq!(field(|caller| caller.cseq = 2), ["cancel-cseq"]);
    assert_eq!(field(|caller| caller.from_tag.push('x')), ["cancel-from"]);
    assert_eq!(field(|caller| caller.extra = "Require: 100rel\r\n".into()), ["cancel-require"]);
    assert_eq!(field(|caller| caller.extra = "Route: <sip:a@b;lr>\r\n".into()), ["cancel-route"]);
    assert_eq!(
        cancelled_with(|caller| caller.write("CANCEL", &caller.uri(), Some("x"), "")),
        ["cancel-to-tag"]
    );
    assert_eq!(
        cancelled_with(|caller| caller.write("CANCEL", "sip:carrier@127.0.0.1:5070", None, "")),
        ["cancel-uri"]
    );
    assert_eq!(text("To: <sip:+12025550142", "To: <sip:+12025550143"), ["cancel-to"]);
    assert_eq!(text("From: <sip:+12025550100", "From: <sip:+12025550101"), ["cancel-from"]);
    assert_eq!(
        text("From:", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKup\r\nFrom:"),
        ["cancel-vias"]
    );
    assert_eq!(field(|caller| caller.call_id.push('x')), ["cancel-unknown"]);
    let reason = "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n";
    assert_eq!(field(|caller| caller.extra = reason.into()), ["cancel-reason"]);
    assert_eq!(field(|caller| caller.extra = "Reason: Q.850;cause=16\r\n".into()), [""; 0]);
}

#[test]
fn a_cancel_without_its_branch_cancels_nothing() {
    let mut world = World::new();
    let caller = Caller::new("+12025550142");
    world.take(&caller.invite());
    let wrong = Caller { branch: "z9hG4bKwrong".into(), ..caller };
    assert_eq!(lines(&world.take(&wrong.cancel())), ["481 CANCEL"]);
    assert_eq!(world.carrier.ringing(), 1);
    world.pass_ms(70_000);
    assert_eq!(world.broken(), ["cancel-branch", "left-ringing"]);
}

#[test]
fn a_cancel_before_any_provisional() {
    let mut world = World::new();
    let caller = Caller::new("+12025550186");
    world.take(&caller.invite());
    world.pass_ms(600);
    world.take(&caller.cancel());
    assert_eq!(world.broken(), ["cancel-early"]);
}

#[test]
fn a_cancel_after_the_final() {
    let mut world = World::new();
    let caller = Caller::new("+12025550486");
    let replies = world.take(&caller.invite());
    world.take(&caller.ack(&replies[1]));
    assert_eq!(lines(&world.take(&caller.cancel())), ["200 CANCEL"]);
    assert_eq!(world.broken(), ["cancel-after-final"]);

    // One that crossed with the final is the network's doing.
    let mut world = World::new();
    let replies = world.take(&caller.invite());
    world.take(&caller.cancel());
    world.take(&caller.ack(&replies[1]));
    assert_eq!(world.broken(), [""; 0]);
}

#[test]
fn two_cancels() {
    let run = |wait, branch: &str| {
        let mut world = World::new();
        let caller = Caller::new("+12025550194");
        world.take(&caller.invite());
        world.take(&caller.cancel());
        world.pass_ms(wait);
        world.take(&Caller { branch: branch.into(), ..caller }.cancel());
        world.broken()
    };
    assert_eq!(run(500, "z9hG4bKinvite"), [""; 0]);
    assert_eq!(run(10, "z9hG4bKinvite"), ["cancel-twice"]);
    assert_eq!(run(500, "z9hG4bKsecond"), ["cancel-branch", "cancel-twice"]);
}

#[test]
fn an_invite_after_the_cancel_and_an_invite_that_changes() {
    let mut world = World::new();
    let caller = Caller::new("+12025550142");
    world.take(&caller.invite());
    let replies = world.take(&caller.cancel());
    world.take(&caller.ack(&replies[1]));
    world.take(&Caller { branch: "z9hG4bKagain".into(), cseq: 2, ..caller.clone() }.invite());
    assert_eq!(world.broken(), ["invite-after-cancel"]);

    let mut world = World::new();
    world.take(&caller.invite());
    world.take(&caller.invite().replace("Max-Forwards: 70", "Max-Forwards: 69"));
    assert_eq!(world.broken(), ["invite-changed"]);
}

#[test]
fn a_challenge_is_answered_with_a_higher_cseq() {
    for (cseq, broken) in [(1, vec!["invite-cseq"]), (2, vec![])] {
        let mut world = World::with(|config| config.behaviour = Some(Behaviour::Refuses(407)));
        let caller = Caller::new("+12025550142");
        let replies = world.take(&caller.invite());
        assert!(replies[1].header(Name::ProxyAuthenticate).is_some());
        world.take(&caller.ack(&replies[1]));
        world.take(&Caller { branch: "z9hG4bKagain".into(), cseq, ..caller.clone() }.invite());
        assert_eq!(world.broken(), broken);
    }
}

#[test]
fn a_final_without_ack() {
    let mut world = World::new();
    world.take(&Caller::new("+12025550486").invite());
    let copies = world.pass_ms(31_900);
    assert_eq!(world.broken(), [""; 0]);
    assert_eq!(times(&copies)[..5], [500, 1500, 3500, 7500, 11_500]);
    world.pass_ms(100);
    assert_eq!(world.broken(), ["ack-missing"]);
}

/// What the judge says about an ACK made by `change`, for a 486.
fn acked_with(change: impl FnOnce(&Caller, &Reply) -> String) -> Vec<&'static str> {
    let mut world = World::new();
    let caller = Caller::new("+12025550486");
    let replies = world.take(&caller.invite());
    world.take(&change(&caller, &replies[1]));
    world.pass_ms(100_000);
    world.broken()
}

#[test]
fn a_wrong_ack_of_a_refusal() {
    assert_eq!(acked_with(Caller::ack), [""; 0]);
    let with = |change: fn(&mut Caller)| {
        acked_with(|caller, of| {
            let mut caller = caller.clone();
            change(&mut caller);
            caller.ack(of)
        })
    };
    assert_eq!(with(|caller| caller.branch.push('x')), ["ack-branch"]);
    assert_eq!(with(|caller| caller.cseq = 2), ["ack-cseq"]);
    assert_eq!(with(|caller| caller.from_tag.push('x')), ["ack-from-tag"]);
    assert_eq!(with(|caller| caller.extra = "Route: <sip:a@b;lr>\r\n".into()), ["ack-route"]);
    assert_eq!(
        acked_with(|caller, of| caller.ack(of).replace("CSeq: 1 ACK", "CSeq: 1 INVITE")),
        ["ack-cseq"]
    );
    assert_eq!(
        acked_with(|caller, _| caller.write("ACK", &caller.uri(), Some("other"), "")),
        ["ack-to-tag"]
    );
    assert_eq!(
        acked_with(|caller, _| caller.write("ACK", &caller.uri(), None, "")),
        ["ack-to-tag"]
    );
    assert_eq!(
        acked_with(|caller, of| caller.write("ACK", "sip:carrier@x", Some(&of.tag()), "")),
        ["ack-uri"]
    );
}

#[test]
fn an_ack_that_nothing_asked_for() {
    let mut world = World::new();
    let caller = Caller::new("+12025550142");
    let replies = world.take(&caller.invite());
    world.take(&caller.ack(&replies[1]));
    assert_eq!(world.broken(), ["ack-unasked"]);
}

#[test]
fn copies_of_a_final_that_are_not_acknowledged() {
    for (again, broken) in [(false, vec!["ack-not-repeated"]), (true, vec![])] {
        let mut world = World::new();
        let caller = Caller::new("+12025550188");
        world.take(&caller.invite());
        let end = world.take(&caller.cancel());
        world.take(&caller.ack(&end[1]));
        for _ in 0..5 {
            for copy in world.pass_ms(1000) {
                if again {
                    world.take(&caller.ack(&copy));
                }
            }
        }
        assert_eq!(world.broken(), broken);
    }
}

/// What the judge says of what is done with a 200.
fn answered(act: impl FnOnce(&mut World, &Caller, &Reply)) -> Vec<&'static str> {
    let mut world = World::new();
    let caller = Caller::new("+12025550200");
    let replies = world.take(&caller.invite());
    act(&mut world, &caller, &replies[1]);
    world.pass_ms(100_000);
    world.broken()
}

#[test]
fn an_answer_left_alone() {
    assert_eq!(answered(|_, _, _| {}), ["answer-not-acked"]);
    let ack_only = answered(|world, caller, of| {
        world.take(&caller.ack_answer(of));
    });
    assert_eq!(ack_only, ["answer-not-ended"]);
    let bye_only = answered(|world, caller, of| {
        world.take(&caller.bye(of));
    });
    assert_eq!(bye_only, ["answer-not-acked"]);
}

const ROUTE: &str = "Route: <sip:a@b;lr>\r\n";

#[test]
fn a_wrong_ack_or_bye_of_an_answer() {
    let ack = |change: fn(&Caller, &Reply) -> String| {
        answered(move |world, caller, of| {
            world.take(&change(caller, of));
            world.take(&caller.bye(of));
        })
    };
    assert_eq!(ack(Caller::ack_answer), [""; 0]);
    assert_eq!(ack(Caller::ack), ["ack-branch", "ack-uri"]);
    assert_eq!(ack(|caller, of| caller.in_dialog("ACK", of, 1, "")), ["ack-cseq"]);
    assert_eq!(ack(|caller, of| caller.in_dialog("ACK", of, 0, ROUTE)), ["ack-route"]);

    let bye = |change: fn(&Caller, &Reply) -> String| {
        answered(move |world, caller, of| {
            world.take(&caller.ack_answer(of));
            world.take(&change(caller, of));
        })
    };
    assert_eq!(bye(|caller, of| caller.in_dialog("BYE", of, 0, "")), ["bye-cseq"]);
    assert_eq!(
        bye(|caller, of| Caller { cseq: 2, ..caller.clone() }.write(
            "BYE",
            "sip:carrier@127.0.0.1:5070",
            Some(&of.tag()),
            ""
        )),
        ["bye-branch"]
    );
    assert_eq!(bye(|caller, of| caller.in_dialog("BYE", of, 1, ROUTE)), ["bye-route"]);
    assert_eq!(
        bye(|caller, of| caller.bye(of).replace("BYE sip:carrier@", "BYE sip:other@")),
        ["bye-uri"]
    );
    assert_eq!(
        bye(|caller, of| caller.bye(of).replace(&format!("tag={}", of.tag()), "tag=x")),
        ["bye-dialog", "answer-not-ended"]
    );
}

#[test]
fn a_routed_answer_wants_its_routes_reversed() {
    let mut world = World::new();
    let caller = Caller::new("+12025550204");
    let mut replies = world.take(&caller.invite());
    replies.extend(world.pass_ms(100));
    let routes = replies[2].message.values(Name::RecordRoute).count();
    assert_eq!(routes, 2);
    world.take(&caller.ack_answer(&replies[2]));
    let route = format!("Route: <sip:hop2@{HERE};lr>, <sip:hop1@{HERE};lr>\r\n");
    world.take(&caller.in_dialog("BYE", &replies[2], 1, &route));
    assert_eq!(world.broken(), ["ack-route", "bye-route"]);
}

#[test]
fn a_wrong_prack() {
    let run = |above, rack: &str| {
        let mut world = World::new();
        let mut caller = Caller::new("+12025550189");
        caller.extra = "Supported: 100rel\r\n".into();
        let replies = world.take(&caller.invite());
        let answer = world.take(&caller.in_dialog("PRACK", &replies[1], above, rack));
        (lines(&answer).concat(), world.broken())
    };
    assert_eq!(run(1, "RAck: 1 1 INVITE\r\n"), ("200 PRACK".into(), vec![]));
    assert_eq!(run(1, "RAck: 2 1 INVITE\r\n"), ("481 PRACK".into(), vec!["prack-rack"]));
    assert_eq!(run(1, "RAck: 1 2 INVITE\r\n"), ("481 PRACK".into(), vec!["prack-rack"]));
    assert_eq!(run(1, ""), ("481 PRACK".into(), vec!["prack-rack"]));
    assert_eq!(run(0, "RAck: 1 1 INVITE\r\n"), ("200 PRACK".into(), vec!["prack-cseq"]));
}

#[test]
fn a_phone_left_ringing() {
    let mut world = World::new();
    let caller = Caller::new("+12025550142");
    world.take(&caller.invite());
    world.pass_ms(69_999);
    assert_eq!((world.broken(), world.carrier.ringing()), (vec![], 1));
    let replies = world.pass_ms(1);
    assert_eq!(lines(&replies), ["480 INVITE"]);
    assert_eq!((world.broken(), world.carrier.ringing()), (vec!["left-ringing"], 0));
    let offence = world.offences[0].to_string();
    assert_eq!(
        offence,
        "offence left-ringing call=call-+12025550142 from=+120******** to=+1202***0142 at=70.000s: \
         an INVITE open for 70 s without CANCEL; right: a CANCEL before the ring limit"
    );
}

#[test]
fn a_bye_may_end_an_early_dialog() {
    let mut world = World::new();
    let caller = Caller::new("+12025550142");
    let replies = world.take(&caller.invite());
    let end = world.take(&caller.bye(&replies[1]));
    assert_eq!(lines(&end), ["487 INVITE", "200 BYE"]);
    world.take(&caller.ack(&end[0]));
    world.pass_ms(100_000);
    assert_eq!(world.broken(), [""; 0]);
}

#[test]
fn what_cannot_be_read() {
    let mut world = World::new();
    world.take("HELLO\r\n\r\n");
    assert_eq!(world.broken(), ["malformed"]);
    let mut world = World::new();
    let invite = Caller::new("+12025550142").invite().replace("CSeq: 1 INVITE\r\n", "");
    assert_eq!(world.take(&invite).len(), 1);
    assert_eq!(world.broken(), ["malformed"]);
}
