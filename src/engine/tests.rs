//! The engine in virtual time: what is stored before what, who is told when, and that every call has one record.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Answer, Command, Engine, Event, Input, Output, Refusal};
use crate::base::clock::{Instant, Now};
use crate::base::flow::FlowId;
use crate::base::id::{AttemptId, Seq, Ticket};
use crate::base::number::{CallerId, Destination};
use crate::base::rng::Rng;
use crate::call::Pace;
use crate::call::outcome::Outcome;
use crate::sip::txn::Timers;
use crate::sip::txn::branch::BranchKey;
use crate::sip::ua::{Config, Datagram, Plan, Rel100, Trunk, TrunkId};
use crate::verify::cdr::Cdr;
use crate::verify::matcher::ClaimKey;
use crate::verify::record::Record;

const TARGET: &str = "192.0.2.10:5060";

/// An engine, its store, and whoever asks.
struct Desk {
    engine: Engine,
    now: u64,
    /// Requests that left: milliseconds and text.
    sent: Vec<(u64, String)>,
    /// What was offered to the store and not answered for yet.
    offered: Vec<(Seq, Record)>,
    kept: Vec<Record>,
    answers: Vec<(Ticket, Answer)>,
    events: Vec<Event>,
}

fn trunk() -> Trunk {
    Trunk {
        name: "west".into(),
        flow: FlowId(0),
        targets: vec![TARGET.parse().unwrap()],
        peers: Vec::new(),
        domain: "carrier.example".into(),
        from_domain: "us.example".into(),
        advertised: "203.0.113.5:5062".into(),
        media: "203.0.113.5:40000".parse().unwrap(),
        route: None,
        asserted_identity: false,
        rel100: Rel100::Off,
        headers: Vec::new(),
        credentials: None,
        timers: Timers::default(),
    }
}

fn plan() -> Plan {
    Plan {
        to: Destination::parse("+4915112345678").unwrap(),
        from: CallerId::parse("+12025550142").unwrap(),
        trunk: TrunkId(0),
        pace: Pace::default(),
    }
}

fn header<'a>(text: &'a str, name: &str) -> &'a str {
    let lines = text.lines();
    lines.filter_map(|line| line.split_once(": ")).find(|(known, _)| *known == name).unwrap().1
}

impl Desk {
    fn new() -> Self {
        let config =
            Config { shard: 0, epoch: 1, branch_key: BranchKey::new([1; 16]), calls_max: 64 };
        let mut desk = Self {
            engine: Engine::new(config, ClaimKey([7; 32]), Rng::from_seed(1)),
            now: 0,
            sent: Vec::new(),
            offered: Vec::new(),
            kept: Vec::new(),
            answers: Vec::new(),
            events: Vec::new(),
        };
        desk.input(Input::Configure { trunks: vec![trunk()], rules: Arc::default() });
        desk
    }

    fn input(&mut self, input: Input) {
        let instant = Instant::from_millis(self.now);
        let now = Now { instant, unix_us: 1_800_000_000_000_000 + self.now * 1000 };
        self.engine.handle_input(input, now);
        for sending in self.engine.outbox().iter() {
            self.sent.push((self.now, String::from_utf8(sending.bytes.to_vec()).unwrap()));
        }
        self.engine.outbox_mut().clear();
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Store { seq, record } => self.offered.push((seq, record)),
                Output::Reply { ticket, answer } => self.answers.push((ticket, answer)),
                Output::Event(event) => self.events.push(event),
                Output::Load { .. } => unreachable!("no verification was asked for"),
            }
        }
    }

    fn at(&mut self, ms: u64) {
        while let Some(due) =
            self.engine.poll_timeout().filter(|due| *due <= Instant::from_millis(ms))
        {
            self.now = self.now.max(due.as_micros() / 1000);
            self.input(Input::TimePassed);
        }
        self.now = ms;
    }

    fn place(&mut self, ticket: u64) {
        self.place_before(ticket, Instant::NEVER);
    }

    fn place_before(&mut self, ticket: u64, not_after: Instant) {
        let command = Command::Place { plan: plan(), not_after };
        self.input(Input::Command { ticket: Ticket(ticket), command });
    }

    fn ask(&mut self, ticket: u64, command: Command) {
        self.input(Input::Command { ticket: Ticket(ticket), command });
    }

    /// The store keeps everything that it was offered.
    fn keep(&mut self) {
        let Some((up_to, _)) = self.offered.last() else { return };
        let up_to = *up_to;
        self.kept.extend(self.offered.drain(..).map(|(_, record)| record));
        self.input(Input::Stored { up_to });
    }

    /// The store keeps nothing of what it was offered.
    fn fail(&mut self) {
        let from = self.offered.first().unwrap().0;
        self.offered.clear();
        self.input(Input::StoreFailed { from });
    }

    /// The far end answers the n-th message that left.
    fn reply(&mut self, n: usize, status: &str, tag: &str) {
        let request = &self.sent[n].1;
        let value = |name| header(request, name);
        let text = format!(
            "SIP/2.0 {status} X\r\nVia: {}\r\nFrom: {}\r\nTo: {}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
             Content-Length: 0\r\n\r\n",
            value("Via"),
            value("From"),
            value("To"),
            value("Call-ID"),
            value("CSeq")
        );
        let received = Instant::from_millis(self.now);
        let bytes = Bytes::from(text);
        let datagram = Datagram { from: TARGET.parse().unwrap(), received, bytes };
        self.input(Input::Datagram(datagram));
    }

    fn methods(&self) -> Vec<&str> {
        self.sent.iter().map(|(_, text)| text.split(' ').next().unwrap()).collect()
    }

    fn cdrs(&self) -> Vec<Arc<Cdr>> {
        let kept = self.kept.iter().filter_map(|record| match record {
            Record::Cdr(cdr) => Some(Arc::clone(cdr)),
            Record::Intent(_) | Record::Amendment(_) | Record::Opened(_) | Record::Changed(_) => {
                None
            }
        });
        kept.collect()
    }

    fn intents(&self) -> Vec<AttemptId> {
        let kept = self.kept.iter().filter_map(|record| match record {
            Record::Intent(intent) => Some(intent.id),
            Record::Cdr(_) | Record::Amendment(_) | Record::Opened(_) | Record::Changed(_) => None,
        });
        kept.collect()
    }

    /// The answers to one ticket, in a word each.
    fn told(&self, ticket: u64) -> Vec<String> {
        let own = self.answers.iter().filter(|(to, _)| *to == Ticket(ticket));
        own.map(|(_, answer)| match answer {
            Answer::Started(_) => "started".into(),
            Answer::Ended(cdr) => cdr.outcome.to_string(),
            Answer::Refused(refusal) => format!("{refusal:?}"),
            Answer::Drained => "drained".into(),
            Answer::Verify(answer) => format!("{answer:?}"),
        })
        .collect()
    }

    /// That each intent which was kept has exactly one record, and each record an intent.
    #[track_caller]
    fn adds_up(&self) {
        let intents: BTreeSet<AttemptId> = self.intents().into_iter().collect();
        let cdrs: Vec<AttemptId> = self.cdrs().iter().map(|cdr| cdr.id).collect();
        assert_eq!(intents.len(), cdrs.len(), "one record a call");
        assert_eq!(intents, cdrs.into_iter().collect());
        assert_eq!(self.engine.unreported(), 0);
    }
}

/// A call that is under way, with its INVITE as the first message.
fn under_way() -> Desk {
    let mut desk = Desk::new();
    desk.place(7);
    desk.keep();
    desk
}

#[test]
fn the_invite_waits_for_its_intent_to_be_stored() {
    let mut desk = Desk::new();
    desk.place(7);
    assert!(matches!(desk.offered.as_slice(), [(Seq(1), Record::Intent(_))]));
    desk.at(5000);
    assert_eq!(desk.methods(), [""; 0], "no packet before the commit");
    assert_eq!(desk.told(7), [""; 0]);
    desk.keep();
    assert_eq!(desk.methods(), ["INVITE"]);
    assert_eq!(desk.sent[0].0, 5000);
    assert_eq!(desk.told(7), ["started"]);
}

#[test]
fn an_intent_holds_what_the_invite_will_say() {
    let desk = under_way();
    let [Record::Intent(intent)] = desk.kept.as_slice() else { panic!("{:?}", desk.kept) };
    let invite = &desk.sent[0].1;
    assert_eq!(header(invite, "Call-ID").as_bytes(), intent.call_id);
    assert!(header(invite, "From").ends_with(str::from_utf8(&intent.from_tag).unwrap()));
    assert_eq!(intent.target, TARGET.parse().unwrap());
    assert_eq!(&*intent.way.trunk, "west");
}

#[test]
fn only_what_is_stored_may_start() {
    let mut desk = Desk::new();
    desk.place(7);
    desk.place(8);
    desk.input(Input::Stored { up_to: Seq(1) });
    assert_eq!(desk.methods(), ["INVITE"]);
    assert_eq!((desk.told(7).len(), desk.told(8).len()), (1, 0));
    desk.input(Input::Stored { up_to: Seq(2) });
    assert_eq!(desk.methods(), ["INVITE", "INVITE"]);
}

#[test]
fn a_call_whose_intent_cannot_be_stored_is_refused_and_sends_nothing() {
    let mut desk = Desk::new();
    desk.place(7);
    desk.fail();
    assert_eq!(desk.told(7), ["StoreDown"]);
    assert!(matches!(desk.events.as_slice(), [Event::StoreFailed]));
    desk.at(100_000);
    assert_eq!(desk.methods(), [""; 0]);
    assert_eq!(desk.engine.user_agent().held(), 0, "its slot is free again");
    desk.adds_up();
}

#[test]
fn while_the_store_is_down_no_call_is_taken_and_a_moment_later_it_is_asked_again() {
    let mut desk = Desk::new();
    desk.place(7);
    desk.fail();
    desk.place(8);
    assert_eq!(desk.told(8), ["StoreDown"]);
    desk.at(1000);
    desk.place(9);
    desk.keep();
    assert_eq!(desk.told(9), ["started"]);
}

#[test]
fn whoever_asked_is_told_the_end_once_its_record_is_stored() {
    let mut desk = under_way();
    desk.at(40);
    desk.reply(0, "486", ";tag=a");
    assert_eq!(desk.methods(), ["INVITE", "ACK"], "an ACK waits for nothing");
    assert_eq!(desk.told(7), ["started"]);
    assert!(matches!(desk.offered.as_slice(), [(_, Record::Cdr(_))]));
    desk.keep();
    assert_eq!(desk.told(7), ["started", "busy"]);
    assert!(matches!(desk.events.as_slice(), [Event::Recorded(_)]));
    desk.adds_up();
}

#[test]
fn cancel_ack_and_bye_wait_for_no_store() {
    let mut desk = under_way();
    desk.at(20);
    desk.reply(0, "180", ";tag=a");
    desk.at(620);
    desk.reply(0, "200", ";tag=a");
    assert_eq!(desk.methods(), ["INVITE", "CANCEL", "ACK", "BYE"]);
    assert!(desk.offered.is_empty());
}

#[test]
fn the_record_has_the_times_of_the_wall_clock_and_the_outcome() {
    let mut desk = Desk::new();
    desk.at(3000);
    desk.place(7);
    desk.at(3500);
    desk.keep();
    desk.at(3540);
    desk.reply(0, "486", ";tag=a");
    desk.at(9000);
    desk.keep();
    let [cdr] = &desk.cdrs()[..] else { panic!("{:?}", desk.kept) };
    assert_eq!(cdr.start_unix_us, 1_800_000_003_500_000, "when the INVITE left");
    assert_eq!(cdr.facts.times.answer_or_refusal.micros(), Some(40_000));
    assert_eq!((cdr.outcome, cdr.cseq), (Outcome::Busy, 1));
    assert_eq!(cdr.target, TARGET.parse().unwrap());
}

#[test]
fn a_record_that_the_store_refused_is_kept_and_offered_again() {
    let mut desk = under_way();
    desk.reply(0, "486", ";tag=a");
    desk.fail();
    assert_eq!(desk.told(7), ["started"], "not told before it is stored");
    desk.at(200);
    assert!(desk.offered.is_empty(), "the store is left alone for a moment");
    desk.at(260);
    assert!(matches!(desk.offered.as_slice(), [(_, Record::Cdr(_))]));
    desk.fail();
    desk.at(600);
    desk.keep();
    assert_eq!(desk.told(7), ["started", "busy"]);
    desk.adds_up();
}

#[test]
fn an_answer_for_what_came_before_the_failure_does_not_make_the_store_work() {
    // The store kept 1 to 2, failed from 3 on, and its answers came in the other order: the record was never
    // offered again, and no call was ever taken again.
    let mut desk = Desk::new();
    desk.place(7);
    desk.keep();
    desk.place(8);
    desk.reply(0, "486", ";tag=a");
    desk.input(Input::StoreFailed { from: Seq(3) });
    desk.input(Input::Stored { up_to: Seq(2) });
    desk.offered.clear();
    desk.place(9);
    assert_eq!(desk.told(9), ["StoreDown"]);
    desk.at(300);
    assert!(matches!(desk.offered.as_slice(), [(_, Record::Cdr(_))]));
    desk.keep();
    assert_eq!(desk.told(7), ["started", "busy"]);
}

#[test]
fn an_amendment_never_overtakes_its_record() {
    let mut desk = under_way();
    desk.reply(0, "486", ";tag=a");
    desk.fail();
    desk.at(10);
    desk.reply(0, "200", ";tag=b");
    assert!(desk.offered.is_empty(), "it waits behind its record");
    desk.at(300);
    let kinds: Vec<bool> =
        desk.offered.iter().map(|(_, record)| matches!(record, Record::Cdr(_))).collect();
    assert_eq!(kinds, [true, false]);
    desk.keep();
    assert!(matches!(desk.events.last(), Some(Event::Amended(late)) if late.alerted));
}

#[test]
fn a_call_that_nobody_waits_for_any_more_is_not_made_but_recorded() {
    let mut desk = Desk::new();
    desk.place_before(7, Instant::from_millis(100));
    desk.place_before(8, Instant::from_millis(101));
    desk.at(101);
    desk.keep();
    assert_eq!(desk.methods(), ["INVITE"], "the second one's time has just come");
    desk.keep();
    assert_eq!(desk.told(7), ["not_attempted"]);
    assert_eq!(desk.told(8), ["started"]);
}

#[test]
fn a_call_that_is_cancelled_before_it_starts_is_not_made_but_recorded() {
    let mut desk = Desk::new();
    desk.place(7);
    let Some((_, Record::Intent(intent))) = desk.offered.first() else { panic!() };
    let id = intent.id;
    desk.ask(8, Command::Cancel(id));
    desk.keep();
    desk.keep();
    assert_eq!(desk.methods(), [""; 0]);
    assert_eq!(desk.told(7), ["not_attempted"]);
    desk.adds_up();
    assert_eq!(desk.engine.user_agent().held(), 0);
}

#[test]
fn a_call_that_is_cancelled_under_way_ends_as_ever() {
    let mut desk = under_way();
    desk.reply(0, "100", "");
    let id = desk.intents()[0];
    desk.ask(8, Command::Cancel(id));
    desk.ask(8, Command::Cancel(id));
    assert_eq!(desk.methods(), ["INVITE", "CANCEL"]);
    desk.reply(0, "487", ";tag=a");
    desk.keep();
    assert_eq!(desk.told(7), ["started", "cancelled_by_api"]);
    desk.adds_up();
}

#[test]
fn can_20_draining_takes_no_more_calls_ends_those_there_are_and_says_when_all_is_stored() {
    let mut desk = under_way();
    desk.place(8);
    desk.reply(0, "100", "");
    desk.ask(9, Command::Drain);
    assert_eq!(desk.methods(), ["INVITE", "CANCEL"]);
    desk.place(10);
    assert_eq!(desk.told(10), ["Draining"]);
    desk.keep();
    desk.keep();
    assert_eq!(desk.told(8), ["not_attempted"]);
    desk.reply(0, "487", ";tag=a");
    assert_eq!(desk.told(9), [""; 0], "one record is not stored yet");
    desk.keep();
    assert_eq!(desk.told(9), ["drained"]);
    desk.adds_up();
}

#[test]
fn can_20_a_drained_engine_takes_no_calls_and_everybody_who_drains_it_is_told() {
    // Once it had said so, it took calls again; and of two who asked, the first was never told.
    let mut desk = under_way();
    desk.reply(0, "486", ";tag=a");
    desk.ask(8, Command::Drain);
    desk.ask(9, Command::Drain);
    desk.keep();
    assert_eq!([desk.told(8), desk.told(9)], [["drained"]; 2]);
    desk.place(10);
    assert_eq!(desk.told(10), ["Draining"]);
    desk.ask(11, Command::Drain);
    assert_eq!(desk.told(11), ["drained"]);
}

#[test]
fn draining_an_idle_engine_is_done_at_once() {
    let mut desk = Desk::new();
    desk.ask(9, Command::Drain);
    assert_eq!(desk.told(9), ["drained"]);
}

#[test]
fn what_cannot_be_placed_is_refused_without_a_record() {
    let mut desk = Desk::new();
    desk.input(Input::Configure { trunks: Vec::new(), rules: Arc::default() });
    desk.place(7);
    assert_eq!(desk.told(7), ["NoTrunk"]);
    desk.input(Input::Configure { trunks: vec![trunk()], rules: Arc::default() });
    for ticket in 0..64 {
        desk.place(100 + ticket);
    }
    desk.place(8);
    assert_eq!(desk.told(8), ["Full"]);
    assert_eq!(desk.offered.len(), 64);
    assert!(Refusal::Full.may_retry() && Refusal::StoreDown.may_retry());
    assert!(!Refusal::NoTrunk.may_retry() && !Refusal::Draining.may_retry());
}

#[test]
fn an_undeliverable_invite_ends_its_call() {
    let mut desk = under_way();
    desk.input(Input::Undeliverable { payload: Bytes::from(desk.sent[0].1.clone()) });
    desk.keep();
    assert_eq!(desk.told(7), ["started", "trunk_unreachable"]);
}

#[test]
fn every_call_has_one_record_whatever_becomes_of_it_and_of_the_store() {
    for seed in 0..60 {
        let mut rng = Rng::from_seed(seed);
        let mut desk = Desk::new();
        for ticket in 0..40 {
            desk.at(desk.now + rng.wire() % 2000);
            desk.place(ticket);
            match rng.wire() % 5 {
                0 if !desk.offered.is_empty() => desk.fail(),
                1 => {}
                _ => desk.keep(),
            }
            for _ in 0..rng.wire() % 4 {
                if desk.sent.is_empty() {
                    break;
                }
                let n = (rng.wire() as usize) % desk.sent.len();
                let status = ["100", "180", "183", "200", "404", "486", "487", "503"]
                    [(rng.wire() as usize) % 8];
                desk.reply(n, status, if status == "100" { "" } else { ";tag=a" });
            }
            if rng.wire().is_multiple_of(6)
                && let Some(id) = desk.intents().last()
            {
                let id = *id;
                desk.ask(1000, Command::Cancel(id));
            }
        }
        desk.ask(2000, Command::Drain);
        for _ in 0..200 {
            desk.keep();
            desk.at(desk.now + 1000);
        }
        assert_eq!(desk.told(2000), ["drained"], "seed {seed}");
        desk.adds_up();
        let ended = desk.answers.iter().filter(|(_, answer)| matches!(answer, Answer::Ended(_)));
        assert_eq!(ended.count(), desk.cdrs().len(), "seed {seed}: each was told");
        assert_eq!(desk.engine.user_agent().held(), 0, "seed {seed}");
        assert!(desk.engine.poll_timeout().is_none(), "seed {seed}");
        let longest = Duration::from_millis(desk.now);
        assert!(longest > Duration::from_secs(200));
    }
}
