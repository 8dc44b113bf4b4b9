//! Each behaviour, seen by a caller who does everything right.

use super::*;

/// INVITE, and CANCEL after a second; everything is acknowledged. What came, and when (ms).
fn flash(number: &str) -> (World, Vec<Reply>) {
    let mut world = World::new();
    let caller = Caller::new(number);
    let mut replies = world.take(&caller.invite());
    replies.extend(world.pass_ms(1000));
    replies.extend(world.take(&caller.cancel()));
    let mut acked = 0;
    for _ in 0..40 {
        while let Some(reply) = replies.get(acked).cloned() {
            acked += 1;
            let is_final = reply.line().ends_with("INVITE") && reply.message.status() >= Some(300);
            if is_final {
                replies.extend(world.take(&caller.ack(&reply)));
            }
        }
        replies.extend(world.pass_ms(1000));
    }
    (world, replies)
}

#[test]
fn rings() {
    let (mut world, replies) = flash("+12025550142");
    assert_eq!(lines(&replies), ["100 INVITE", "180 INVITE", "200 CANCEL", "487 INVITE"]);
    assert_eq!(times(&replies), [0, 0, 1000, 1000]);
    let tags: Vec<_> = replies.iter().skip(1).map(Reply::tag).collect();
    assert!(tags.iter().all(|tag| *tag == tags[0]), "{tags:?}");
    assert_eq!(replies[0].message.key().unwrap().to_tag, None);
    assert_eq!(replies[1].header(Name::Contact).unwrap(), format!("<sip:carrier@{HERE}>"));
    let via = replies[1].header(Name::Via).unwrap();
    assert!(via.ends_with(";rport=5060;received=127.0.0.1"), "{via}");
    assert_eq!(world.broken(), [""; 0]);
    assert_eq!(world.carrier.ringing(), 0);
    world.pass_ms(60_000);
    assert_eq!(world.carrier.remembered(), 0);
    assert_eq!(world.carrier.poll_timeout(), None);
    assert_eq!(world.carrier.counts().by_behaviour["rings"], 1);
}

#[test]
fn scripts_that_ring_in_their_own_way() {
    let end = ["200 CANCEL", "487 INVITE"];
    let cases: &[(&str, &[&str], &[u64])] = &[
        ("100", &["100 INVITE"], &[0]),
        ("181", &["100 INVITE", "181 INVITE", "180 INVITE"], &[0, 0, 200]),
        ("182", &["100 INVITE", "182 INVITE", "180 INVITE"], &[0, 0, 200]),
        ("183", &["100 INVITE", "183 INVITE", "180 INVITE"], &[0, 0, 200]),
        ("184", &["100 INVITE", "183 INVITE"], &[0, 0]),
        ("190", &["100 INVITE", "180 INVITE", "180 INVITE"], &[0, 0, 50]),
    ];
    for (digits, before, at) in cases {
        let (world, replies) = flash(&format!("+12025550{digits}"));
        let expected: Vec<_> = before.iter().chain(&end).copied().collect();
        assert_eq!(lines(&replies), expected, "{digits}");
        assert_eq!(times(&replies)[..at.len()], **at, "{digits}");
        assert_eq!(world.broken(), [""; 0], "{digits}");
    }
}

#[test]
fn early_media_has_an_answer_and_forks_have_their_own_tags() {
    let (_, replies) = flash("+12025550183");
    let body = String::from_utf8(replies[1].message.body().to_vec()).unwrap();
    assert!(body.contains("m=audio 9 RTP/AVP 8 0\r\n"), "{body}");
    assert!(replies[2].message.body().is_empty());
    let (_, replies) = flash("+12025550190");
    assert_ne!(replies[1].tag(), replies[2].tag());
}

#[test]
fn odd_endings_of_a_cancelled_call() {
    let cases: &[(&str, &[&str], &[u64])] = &[
        ("187", &["200 CANCEL"], &[1000]),
        ("192", &["481 CANCEL", "487 INVITE"], &[1000, 3000]),
        ("193", &["487 INVITE", "200 CANCEL"], &[1000, 1000]),
        ("194", &[], &[]),
        (
            "188",
            &["200 CANCEL", "487 INVITE", "487 INVITE", "487 INVITE", "487 INVITE", "487 INVITE"],
            &[1000, 1000, 1500, 2000, 2500, 3000],
        ),
    ];
    for (digits, after, at) in cases {
        let (world, replies) = flash(&format!("+12025550{digits}"));
        assert_eq!(lines(&replies[2..]), **after, "{digits}");
        assert_eq!(times(&replies[2..]), **at, "{digits}");
        assert_eq!(world.broken(), [""; 0], "{digits}");
    }
}

#[test]
fn refusals_are_repeated_until_acknowledged() {
    for (number, status) in [("+12025550486", 486), ("+12025550603", 603), ("+12025550480", 480)] {
        let mut world = World::new();
        let caller = Caller::new(number);
        let replies = world.take(&caller.invite());
        assert_eq!(lines(&replies), ["100 INVITE".into(), format!("{status} INVITE")]);
        let copies = world.pass_ms(2000);
        assert_eq!(times(&copies), [500, 1500]);
        world.take(&caller.ack(&replies[1]));
        assert_eq!(lines(&world.pass_ms(60_000)), [""; 0]);
        assert_eq!(world.broken(), [""; 0]);
    }
    let mut world = World::new();
    let replies = world.take(&Caller::new("+12025550503").invite());
    assert_eq!(replies[1].header(Name::RetryAfter).as_deref(), Some("5"));
}

#[test]
fn a_late_ring_with_and_without_100() {
    let mut world = World::new();
    let replies = world.take(&Caller::new("+12025550185").invite());
    assert_eq!(lines(&replies), ["100 INVITE"]);
    let replies = world.pass_ms(4000);
    assert_eq!((lines(&replies), times(&replies)), (vec!["180 INVITE".into()], vec![3000]));

    let mut world = World::new();
    let caller = Caller::new("+12025550186");
    assert_eq!(lines(&world.take(&caller.invite())), [""; 0]);
    assert_eq!(lines(&world.pass_ms(500)), [""; 0]);
    assert_eq!(lines(&world.take(&caller.invite())), [""; 0]);
    let replies = world.pass_ms(4000);
    assert_eq!((lines(&replies), times(&replies)), (vec!["180 INVITE".into()], vec![3000]));
    assert_eq!(lines(&world.take(&caller.invite())), ["180 INVITE"]);
}

#[test]
fn silence_is_silence_and_is_forgotten() {
    let mut world = World::new();
    let caller = Caller::new("+12025550000");
    for wait in [0, 500, 1000, 2000, 4000, 8000, 16_000, 100_000] {
        assert_eq!(lines(&world.pass_ms(wait)), [""; 0]);
        if wait < 100_000 {
            assert_eq!(lines(&world.take(&caller.invite())), [""; 0]);
        }
    }
    assert_eq!(world.broken(), [""; 0]);
    assert_eq!(world.carrier.remembered(), 0);
}

#[test]
fn a_reliable_180_is_repeated_until_its_prack() {
    let mut world = World::new();
    let mut caller = Caller::new("+12025550189");
    caller.extra = "Supported: 100rel\r\n".into();
    let replies = world.take(&caller.invite());
    assert_eq!(lines(&replies), ["100 INVITE", "180 INVITE"]);
    assert_eq!(replies[1].header(Name::RSeq).as_deref(), Some("1"));
    assert_eq!(replies[1].header(Name::Require).as_deref(), Some("100rel"));
    assert_eq!(times(&world.pass_ms(2000)), [500, 1500]);
    let prack = caller.in_dialog("PRACK", &replies[1], 1, "RAck: 1 1 INVITE\r\n");
    assert_eq!(lines(&world.take(&prack)), ["200 PRACK"]);
    assert_eq!(lines(&world.take(&prack)), ["200 PRACK"]);
    assert_eq!(lines(&world.pass_ms(10_000)), [""; 0]);
    let end = world.take(&caller.cancel());
    assert_eq!(lines(&end), ["200 CANCEL", "487 INVITE"]);
    world.take(&caller.ack(&end[1]));
    world.pass_ms(100_000);
    assert_eq!(world.broken(), [""; 0]);
}

#[test]
fn an_unanswered_reliable_180_ends_the_call_and_is_an_offence_for_those_who_offered_it() {
    for (offer, broken) in [("Supported: 100rel\r\n", vec!["prack-missing"]), ("", vec![])] {
        let mut world = World::new();
        let mut caller = Caller::new("+12025550189");
        caller.extra = offer.into();
        world.take(&caller.invite());
        let replies = world.pass_ms(32_000);
        assert_eq!(replies.last().unwrap().line(), "504 INVITE");
        world.take(&caller.ack(replies.last().unwrap()));
        world.pass_ms(100_000);
        assert_eq!(world.broken(), broken);
    }
}

#[test]
fn an_answer_is_repeated_until_its_ack_and_ended_by_bye() {
    for (digits, first) in [("200", 0), ("203", 300), ("204", 100)] {
        let mut world = World::new();
        let mut caller = Caller::new(&format!("+12025550{digits}"));
        let mut replies = world.take(&caller.invite());
        replies.extend(world.pass_ms(first + 1500));
        let answers: Vec<_> = replies.iter().filter(|reply| reply.line() == "200 INVITE").collect();
        let at: Vec<_> = answers.iter().map(|reply| reply.ms()).collect();
        assert_eq!(at, [first, first + 500, first + 1500], "{digits}");
        if digits == "204" {
            caller.extra = format!("Route: <sip:hop1@{HERE};lr>, <sip:hop2@{HERE};lr>\r\n");
        }
        assert_eq!(lines(&world.take(&caller.ack_answer(answers[0]))), [""; 0]);
        assert_eq!(lines(&world.take(&caller.bye(answers[0]))), ["200 BYE"]);
        assert_eq!(lines(&world.pass_ms(100_000)), [""; 0]);
        assert_eq!(world.broken(), [""; 0], "{digits}");
        assert_eq!(world.carrier.remembered(), 0);
    }
}

#[test]
fn an_answer_crosses_with_the_cancel() {
    let mut world = World::new();
    let caller = Caller::new("+12025550201");
    world.take(&caller.invite());
    let replies = world.take(&caller.cancel());
    assert_eq!(lines(&replies), ["200 CANCEL", "200 INVITE"]);
    world.take(&caller.ack_answer(&replies[1]));
    assert_eq!(lines(&world.take(&caller.bye(&replies[1]))), ["200 BYE"]);
    world.pass_ms(100_000);
    assert_eq!(world.broken(), [""; 0]);
}

#[test]
fn two_forks_answer_and_each_is_ended() {
    let mut world = World::new();
    let caller = Caller::new("+12025550202");
    let ringing = world.take(&caller.invite());
    assert_eq!(lines(&ringing), ["100 INVITE", "180 INVITE", "180 INVITE"]);
    let answers = world.pass_ms(200);
    assert_eq!(times(&answers), [100, 150]);
    assert_eq!([answers[0].tag(), answers[1].tag()], [ringing[1].tag(), ringing[2].tag()]);
    for answer in &answers {
        world.take(&caller.ack_answer(answer));
        assert_eq!(lines(&world.take(&caller.bye(answer))), ["200 BYE"]);
    }
    assert_eq!(lines(&world.pass_ms(100_000)), [""; 0]);
    assert_eq!(world.broken(), [""; 0]);
}

#[test]
fn other_requests_are_answered() {
    let mut world = World::new();
    let caller = Caller::new("+12025550142");
    assert_eq!(
        lines(&world.take(&caller.write("OPTIONS", &caller.uri(), None, ""))),
        ["200 OPTIONS"]
    );
    assert_eq!(
        lines(&world.take(&caller.write("REGISTER", &caller.uri(), None, ""))),
        ["405 REGISTER"]
    );
    assert_eq!(lines(&world.take(&caller.write("BYE", &caller.uri(), Some("x"), ""))), ["481 BYE"]);
    assert_eq!(lines(&world.take("\r\n\r\n")), [""; 0]);
    assert_eq!(world.broken(), [""; 0]);
}

#[test]
fn the_second_copy_of_an_invite_is_merged_and_a_full_far_end_says_503() {
    let mut world = World::with(|config| config.calls_max = 1);
    let caller = Caller::new("+12025550142");
    world.take(&caller.invite());
    let other_way = Caller { branch: "z9hG4bKother".into(), ..caller };
    assert_eq!(lines(&world.take(&other_way.invite())), ["100 INVITE", "482 INVITE"]);
    let another = Caller::new("+12025550143");
    assert_eq!(lines(&world.take(&another.invite())), ["503 INVITE"]);
    assert_eq!(world.carrier.counts().turned_away, 1);
}

#[test]
fn the_ring_is_refreshed_every_minute() {
    let mut world = World::with(|config| config.ring_limit = Duration::from_secs(200));
    world.take(&Caller::new("+12025550142").invite());
    let replies = world.pass_ms(130_000);
    assert_eq!(times(&replies), [60_000, 120_000]);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let run = |seed| {
        let config = Config { loss_permille: 300, ..Config::at(HERE.parse().unwrap()) };
        let mut world = World::new();
        world.carrier = Carrier::new(config, Rng::from_seed(seed));
        let mut text = String::new();
        for n in 0..50 {
            let caller = Caller::new(&format!("+120255501{n:02}"));
            let mut replies = world.take(&caller.invite());
            replies.extend(world.pass_ms(100));
            replies.extend(world.take(&caller.cancel()));
            text.extend(replies.iter().map(|reply| format!("{} {:?}", reply.ms(), reply.message)));
        }
        text
    };
    assert!(run(7) == run(7));
    assert!(run(7) != run(8));
}

/// Who called whom so far.
fn heard(world: &World) -> Vec<(String, String)> {
    let plain = |call: &Heard| (call.to.reveal(), call.from.reveal());
    let plain = world.heard.iter().map(plain);
    plain.map(|(to, from)| (to.as_str().to_owned(), from.as_str().to_owned())).collect()
}

#[test]
fn a_call_is_heard_once_however_often_its_invite_comes() {
    let mut world = World::new();
    let caller = Caller::new("+12025550142");
    for _ in 0..3 {
        world.take(&caller.invite());
    }
    let again = Caller { branch: "z9hG4bKanother".into(), cseq: 2, ..caller.clone() };
    world.take(&again.invite());
    let call = ("12025550142".to_owned(), "12025550100".to_owned());
    assert_eq!(heard(&world), std::slice::from_ref(&call));
    world.take(&Caller { call_id: "another".into(), ..caller }.invite());
    assert_eq!(heard(&world), [call.clone(), call]);
}

#[test]
fn a_call_that_was_thrown_away_is_not_heard_and_one_without_numbers_is_none() {
    let mut world = World::with(|config| config.loss_permille = 1000);
    world.take(&Caller::new("+12025550142").invite());
    assert_eq!(heard(&world), []);
    let mut world = World::new();
    world.take(&Caller::new("somebody").invite());
    assert_eq!(heard(&world), []);
    assert_eq!(world.carrier.counts().calls, 1);
}
