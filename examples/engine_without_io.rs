//! The whole loop around the engine, without a socket, a clock or a task: twenty milliseconds of wire each
//! way to the built-in far end, in virtual time. Same seeds, same lines.
//!
//! What a driver does besides is to wait, to read the real clock, and to let a disk say `Stored`.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::collections::VecDeque;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use onering::base::clock::{Instant, Now};
use onering::base::flow::FlowId;
use onering::base::id::Ticket;
use onering::base::number::{CallerId, Destination};
use onering::base::rng::Rng;
use onering::call::{Pace, Trigger};
use onering::carrier::{Carrier, Config as FarEnd, Output as Said};
use onering::engine::{Answer, Command, Engine, Input, Output};
use onering::sip::txn::Timers;
use onering::sip::txn::branch::BranchKey;
use onering::sip::ua::{Config, Datagram, Plan, Rel100, Trunk, TrunkId};
use onering::verify::matcher::ClaimKey;

const ONE_WAY: Duration = Duration::from_millis(20);

fn main() -> Result<(), Box<dyn Error>> {
    let (ours, theirs): (SocketAddr, SocketAddr) =
        ("192.0.2.1:5060".parse()?, "192.0.2.2:5060".parse()?);
    let config = Config { shard: 0, epoch: 1, branch_key: BranchKey::new([7; 16]), calls_max: 16 };
    let mut engine = Engine::new(config, ClaimKey([7; 32]), Rng::from_seed(1));
    let mut carrier = Carrier::new(FarEnd::at(theirs), Rng::from_seed(2));
    // What is under way, with the time of its arrival. The delay never changes, so these stay in order.
    let (mut to_carrier, mut to_us) = (VecDeque::new(), VecDeque::new());

    let mut now = Instant::START;
    engine.handle_input(
        Input::Configure { trunks: vec![trunk(ours, theirs)], rules: std::sync::Arc::default() },
        wall(now),
    );
    let pace = Pace {
        trigger: Trigger::Ringing,
        hold: Duration::from_millis(600),
        no_alert: Duration::from_secs(20),
    };
    let (to, from) = (Destination::parse("+12025550142")?, CallerId::parse("+12025550199")?);
    let plan = Plan { to, from, trunk: TrunkId(0), pace };
    let command = Command::Place { plan, not_after: Instant::NEVER };
    engine.handle_input(Input::Command { ticket: Ticket(1), command }, wall(now));

    let mut said = Vec::new();
    loop {
        // Send what the engine wants sent, do what it wants done, until it wants nothing more.
        loop {
            for sending in engine.outbox().iter() {
                println!("{now:?}  --> {}", first_line(sending.bytes));
                to_carrier.push_back((now + ONE_WAY, Bytes::copy_from_slice(sending.bytes)));
            }
            engine.outbox_mut().clear();
            match engine.poll_output() {
                None => break,
                Some(Output::Store { seq, .. }) => {
                    engine.handle_input(Input::Stored { up_to: seq }, wall(now))
                }
                Some(Output::Reply { answer: Answer::Ended(cdr), .. }) => {
                    println!("{now:?}  the call came to: {}", cdr.outcome);
                    return Ok(());
                }
                Some(Output::Reply { .. }) => {
                    println!("{now:?}  the intent is stored, the call begins")
                }
                Some(Output::Event(_) | Output::Load { .. }) => {}
            }
        }

        // Whatever comes next, comes now.
        let arrivals = to_carrier.front().into_iter().chain(to_us.front()).map(|(at, _)| *at);
        let deadlines = engine.poll_timeout().into_iter().chain(carrier.poll_timeout());
        now = arrivals.chain(deadlines).min().ok_or("nothing will ever happen")?.max(now);
        while let Some((_, bytes)) = to_carrier.pop_front_if(|(at, _)| *at <= now) {
            carrier.handle(bytes, ours, now, &mut said);
        }
        carrier.handle_time(now, &mut said);
        for said in said.drain(..) {
            match said {
                Said::Send { bytes, .. } => to_us.push_back((now + ONE_WAY, bytes)),
                Said::Offence(offence) => println!("{now:?}  offence: {}", offence.rule.name()),
                Said::Heard(..) => {}
            }
        }
        while let Some((received, bytes)) = to_us.pop_front_if(|(at, _)| *at <= now) {
            println!("{now:?}  <-- {}", first_line(&bytes));
            engine.handle_input(
                Input::Datagram(Datagram { from: theirs, received, bytes }),
                wall(now),
            );
        }
        engine.handle_input(Input::TimePassed, wall(now));
    }
}

/// Both clocks; the wall's stands at a round number when the engine starts.
fn wall(instant: Instant) -> Now {
    Now { instant, unix_us: 1_800_000_000_000_000 + instant.as_micros() }
}

fn trunk(ours: SocketAddr, theirs: SocketAddr) -> Trunk {
    Trunk {
        name: "example".into(),
        flow: FlowId(0),
        targets: vec![theirs],
        peers: Vec::new(),
        domain: theirs.to_string(),
        from_domain: ours.to_string(),
        advertised: ours.to_string().into(),
        media: SocketAddr::new(ours.ip(), 40_000),
        route: None,
        asserted_identity: false,
        rel100: Rel100::Off,
        headers: Vec::new(),
        credentials: None,
        timers: Timers::default(),
    }
}

fn first_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().to_owned()
}
