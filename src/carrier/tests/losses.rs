//! A caller made of the client transactions, through losses: the judge blames it for nothing, and a caller
//! that breaks one rule is still found out.

use std::collections::BTreeMap;

use super::*;
use crate::sip::message::Method;
use crate::sip::txn::client_invite::{self, ClientInvite};
use crate::sip::txn::client_other::{self, ClientOther};
use crate::sip::txn::{Actions, Timers, Transport};

/// The one thing that a caller does wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sin {
    None,
    NeverCancels,
    NeverAcks,
    CancelsOnSight,
    CancelsWithAnotherBranch,
    NeverEndsAnswers,
}

const HOLD: Duration = Duration::from_millis(600);
const GUARD: Duration = Duration::from_secs(20);
const WIRE: Duration = Duration::from_millis(5);

/// A call by the book, but for its sin.
struct Call {
    caller: Caller,
    sin: Sin,
    invite: Option<ClientInvite>,
    cancel: Option<ClientOther>,
    byes: Vec<(String, ClientOther)>,
    heard: bool,
    cancel_at: Instant,
    ended: bool,
    ack: Option<String>,
}

impl Call {
    fn place(number: usize, sin: Sin, tail: &str, now: Instant, out: &mut Vec<String>) -> Self {
        let mut caller = Caller::new(&format!("+1202{number:05}{tail}"));
        caller.branch = format!("z9hG4bKcall{number}");
        out.push(caller.invite());
        let invite = ClientInvite::start(now, &Timers::default(), Transport::Unreliable);
        let at_once = sin == Sin::CancelsOnSight;
        let cancel_at = if at_once { now } else { now + GUARD };
        Self {
            caller,
            sin,
            invite: Some(invite),
            cancel: None,
            byes: Vec::new(),
            heard: at_once,
            cancel_at,
            ended: false,
            ack: None,
        }
    }

    fn take(&mut self, reply: &Reply, now: Instant, out: &mut Vec<String>) {
        let key = reply.message.key().unwrap();
        let status = reply.message.status().unwrap();
        if key.method == Method::Invite {
            self.heard = true;
            if status == 180 && !self.ended {
                self.cancel_at = self.cancel_at.min(now + HOLD);
            }
            if (300..).contains(&status) && self.sin != Sin::NeverAcks {
                self.ack = Some(self.caller.ack(reply));
            }
            if (200..300).contains(&status) {
                self.ended = true;
                out.push(self.caller.ack_answer(reply));
                let bye = self.caller.bye(reply);
                let known = self.byes.iter().any(|(known, _)| *known == bye);
                if !known && self.sin != Sin::NeverEndsAnswers {
                    out.push(bye.clone());
                    let machine =
                        ClientOther::start(now, &Timers::default(), Transport::Unreliable);
                    self.byes.push((bye, machine));
                }
            }
            self.ended |= status >= 200;
            self.step_invite(client_invite::Event::of(status).unwrap(), now, out);
        } else {
            let event = client_other::Event::of(status).unwrap();
            if key.method == Method::Cancel {
                let cancel = self.written_cancel();
                step(&mut self.cancel, &cancel, event, now, out);
            }
            for (bye, machine) in &mut self.byes {
                if key.method == Method::Bye
                    && bye.contains(&format!("branch={}", text(key.branch)))
                {
                    let mut machine = Some(machine);
                    step(&mut machine, bye, event, now, out);
                }
            }
        }
    }

    fn time(&mut self, now: Instant, out: &mut Vec<String>) {
        if now >= self.cancel_at && self.heard && !self.ended {
            self.cancel_at = Instant::NEVER;
            if self.sin != Sin::NeverCancels {
                out.push(self.written_cancel());
                let machine = ClientOther::start(now, &Timers::default(), Transport::Unreliable);
                self.cancel = Some(machine);
            }
        }
        self.step_invite(client_invite::Event::TimePassed, now, out);
        let cancel = self.written_cancel();
        step(&mut self.cancel, &cancel, client_other::Event::TimePassed, now, out);
        for (bye, machine) in &mut self.byes {
            step(&mut Some(machine), bye, client_other::Event::TimePassed, now, out);
        }
    }

    fn written_cancel(&self) -> String {
        let mut caller = self.caller.clone();
        if self.sin == Sin::CancelsWithAnotherBranch {
            caller.branch.push('x');
        }
        caller.cancel()
    }

    fn step_invite(&mut self, event: client_invite::Event, now: Instant, out: &mut Vec<String>) {
        let Some(machine) = &mut self.invite else { return };
        let mut actions = Actions::new();
        let timers = Timers::default();
        machine.step(event, now, &timers, Transport::Unreliable, &mut actions);
        for action in actions {
            match action {
                client_invite::Action::Send => out.push(self.caller.invite()),
                client_invite::Action::Ack => out.extend(self.ack.clone()),
                client_invite::Action::Tell(_) | client_invite::Action::Terminated => {}
            }
        }
    }

    fn deadline(&self) -> Instant {
        let invite = self.invite.as_ref().and_then(ClientInvite::deadline);
        let cancel = self.cancel.as_ref().and_then(ClientOther::deadline);
        let byes = self.byes.iter().filter_map(|(_, machine)| machine.deadline()).min();
        let own = if self.heard && !self.ended { self.cancel_at } else { Instant::NEVER };
        [invite, cancel, byes].into_iter().flatten().min().unwrap_or(Instant::NEVER).min(own)
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn step<M: std::borrow::BorrowMut<ClientOther>>(
    machine: &mut Option<M>,
    request: &str,
    event: client_other::Event,
    now: Instant,
    out: &mut Vec<String>,
) {
    let Some(machine) = machine else { return };
    let mut actions = Actions::new();
    let timers = Timers::default();
    machine.borrow_mut().step(event, now, &timers, Transport::Unreliable, &mut actions);
    for action in actions {
        if action == client_other::Action::Send {
            out.push(request.to_owned());
        }
    }
}

/// What the wire does, in a thousand.
#[derive(Clone, Copy, Default)]
struct Wire {
    loses: u64,
    doubles: u64,
    reorders: u64,
}

#[expect(clippy::large_enum_variant, reason = "a test")]
enum Parcel {
    ToCarrier(String),
    ToCaller(usize, Reply),
}

/// `count` calls to numbers that end in `tail`, placed 20 ms apart; the offences by name.
fn run(
    count: usize,
    sin: Sin,
    tail: &str,
    wire: Wire,
    change: impl FnOnce(&mut Config),
) -> (World, BTreeMap<&'static str, usize>) {
    let mut world = World::with(change);
    let mut rng = Rng::from_seed(3);
    let mut post: BTreeMap<(Instant, u64), Parcel> = BTreeMap::new();
    let mut posted = 0;
    let mut calls: Vec<Call> = Vec::new();
    let by_call_id = |reply: &Reply| {
        let call_id = reply.message.key().unwrap().call_id;
        text(&call_id["call-+1202".len()..][..5]).parse::<usize>().unwrap()
    };
    let end = Instant::from_millis(count as u64 * 20 + 140_000);
    let mut deadlines: Vec<Instant> = Vec::new();
    loop {
        let place_at = Instant::from_millis(calls.len() as u64 * 20);
        let place_at = if calls.len() < count { place_at } else { Instant::NEVER };
        let (due, whose) =
            deadlines.iter().zip(0..).min().map_or((Instant::NEVER, 0), |(at, n)| (*at, n));
        let parcel_at = post.first_key_value().map_or(Instant::NEVER, |((at, _), _)| *at);
        let carrier_at = world.carrier.poll_timeout().unwrap_or(Instant::NEVER);
        let now = place_at.min(due).min(parcel_at).min(carrier_at);
        if now > end {
            break;
        }
        world.now = now;
        let mut requests = Vec::new();
        let mut replies = Vec::new();
        if parcel_at == now {
            match post.pop_first().unwrap().1 {
                Parcel::ToCarrier(request) => replies = world.take(&request),
                Parcel::ToCaller(n, reply) => {
                    calls[n].take(&reply, now, &mut requests);
                    deadlines[n] = calls[n].deadline();
                }
            }
        } else if place_at == now {
            calls.push(Call::place(calls.len(), sin, tail, now, &mut requests));
            deadlines.push(calls[calls.len() - 1].deadline());
        } else if due == now {
            calls[whose].time(now, &mut requests);
            deadlines[whose] = calls[whose].deadline();
        } else {
            replies = world.pass(Duration::ZERO);
        }
        let to_carrier = requests.into_iter().map(Parcel::ToCarrier);
        let to_caller =
            replies.into_iter().map(|reply| Parcel::ToCaller(by_call_id(&reply), reply));
        for parcel in to_carrier.chain(to_caller) {
            let mut dice = |permille| rng.wire() % 1000 < permille;
            if dice(wire.loses) {
                continue;
            }
            let copies = 1 + u64::from(dice(wire.doubles));
            for copy in 0..copies {
                let late = if dice(wire.reorders) { 30 } else { 0 };
                let delay = WIRE + Duration::from_millis(late + copy);
                posted += 1;
                let parcel = match &parcel {
                    Parcel::ToCarrier(text) => Parcel::ToCarrier(text.clone()),
                    Parcel::ToCaller(n, reply) => Parcel::ToCaller(*n, reply.clone()),
                };
                post.insert((now + delay, posted), parcel);
            }
        }
    }
    let mut found = BTreeMap::new();
    for offence in &world.offences {
        *found.entry(offence.rule.name()).or_default() += 1;
    }
    (world, found)
}

fn ten_percent(config: &mut Config) {
    config.loss_permille = 100;
}

#[test]
fn an_honest_caller_is_blamed_for_nothing_through_ten_percent_loss() {
    for (tail, count) in
        [("0142", 1500), ("0188", 300), ("0201", 300), ("0202", 300), ("0486", 300)]
    {
        let (world, found) = run(count, Sin::None, tail, Wire::default(), ten_percent);
        assert_eq!(found, BTreeMap::new(), "{tail}");
        assert_eq!(world.carrier.counts().calls as usize, count);
        assert_eq!((world.carrier.ringing(), world.carrier.open()), (0, 0), "{tail}");
        assert!(world.carrier.counts().lost_in > 0 && world.carrier.counts().lost_out > 0);
    }
}

#[test]
fn an_honest_caller_is_blamed_for_nothing_on_a_wire_that_loses_doubles_and_reorders() {
    let wire = Wire { loses: 100, doubles: 50, reorders: 50 };
    for tail in ["0142", "0187", "0188", "0191", "0201", "0202", "0486"] {
        let (world, found) = run(300, Sin::None, tail, wire, |config| config.lossy_wire = true);
        assert_eq!(found, BTreeMap::new(), "{tail}");
        assert_eq!(world.carrier.ringing(), 0, "{tail}");
    }
}

#[test]
fn a_caller_that_breaks_one_rule_is_found_out_through_ten_percent_loss() {
    let cases = [
        (Sin::NeverCancels, "0142", "left-ringing"),
        (Sin::NeverAcks, "0142", "ack-missing"),
        (Sin::NeverAcks, "0486", "ack-missing"),
        (Sin::CancelsOnSight, "0186", "cancel-early"),
        (Sin::CancelsWithAnotherBranch, "0142", "cancel-branch"),
        (Sin::NeverEndsAnswers, "0201", "answer-not-ended"),
    ];
    for (sin, tail, name) in cases {
        let (_, found) = run(100, sin, tail, Wire::default(), ten_percent);
        assert!(found.get(name).is_some_and(|count| *count > 80), "{name}: {found:?}");
    }
}
