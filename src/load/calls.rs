//! Bare flash calls as fast as asked, over the same driver that a service uses.
//!
//! [`run`] keeps so many calls under way, not faster than a rate, and tallies their records. Every call has its own
//! random numbers; whatever else is random about a call is the engine's.

use super::rate::{GROWTH, Rate, TICK};
use super::tally::Tally;
use crate::base::clock::Instant;
use crate::base::number::{CallerId, Destination};
use crate::base::rng::Rng;
use crate::call::Pace;
use crate::driver::{Asked, Client};
use crate::engine::{Answer, Command};
use crate::io::net::clock::Clock;
use crate::sip::ua::{Plan, TrunkId};
use std::time::Duration;

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// How many calls in all.
    pub count: u64,
    /// How many under way at a time.
    pub concurrency: usize,
    /// At most so many a second; no limit by default.
    pub rate: Option<f64>,
    /// How long to ring.
    pub pace: Pace,
    /// The number to call; a random one for each call by default.
    pub to: Option<Destination>,
}

/// Answers taken at a time.
const ANSWERS: usize = 256;

/// Places the calls and tallies them. `tick` is called now and then with how far it is; when it says `false`, no more
/// calls are placed, and those under way are ended.
pub async fn run(
    client: &mut Client,
    wish: &Wish,
    clock: Clock,
    rng: &mut Rng,
    mut tick: impl FnMut(&Tally) -> bool,
) -> Tally {
    let mut tally = Tally::default();
    let mut rate = Rate::new(wish.rate.unwrap_or(GROWTH), clock.instant());
    // Calls that ended and whose place may be taken beyond the rate.
    let mut freed = 0_u64;
    let mut answers = Vec::with_capacity(ANSWERS);
    let (mut placed, mut under_way) = (0_u64, 0_usize);
    let (mut last, mut ending) = (wish.count, false);
    loop {
        let mut full = false;
        let mut due = rate.due(clock.instant()) + freed;
        while placed < last && under_way < wish.concurrency && due > 0 {
            let command = Command::Place { plan: plan(wish, rng), not_after: Instant::NEVER };
            match client.try_ask(placed, command) {
                Asked::Yes => {}
                Asked::Full => {
                    full = true;
                    break;
                }
                Asked::Ended => return tally,
            }
            if freed > 0 {
                freed -= 1;
            } else {
                rate.placed();
            }
            placed += 1;
            under_way += 1;
            due -= 1;
        }
        if placed >= last && under_way == 0 {
            return tally;
        }
        answers.clear();
        if full {
            // The engine has commands enough; let it work, and take what it has for us.
            tokio::task::yield_now().await;
        }
        let wait = rate.wait(clock.instant());
        let waiting = placed < last && under_way < wish.concurrency;
        let patience = if waiting { wait.max(Duration::from_micros(1)) } else { TICK };
        let taken = client.answers(&mut answers, ANSWERS);
        if tokio::time::timeout(patience.min(TICK), taken).await == Ok(0) {
            return tally;
        }
        for (_, answer) in answers.drain(..) {
            match answer {
                Answer::Started(_) | Answer::Drained | Answer::Verify(_) => {}
                Answer::Refused(_) => {
                    tally.refused += 1;
                    under_way -= 1;
                }
                Answer::Ended(cdr) => {
                    tally.add(&cdr);
                    under_way -= 1;
                    freed += u64::from(wish.rate.is_none());
                }
            }
        }
        if !tick(&tally) && !ending {
            last = placed;
            // Asked again next time if the queue is full.
            ending = client.try_ask(0, Command::Drain) == Asked::Yes;
        }
    }
}

/// A call between two random numbers of the fictional range +1 555.
fn plan(wish: &Wish, rng: &mut Rng) -> Plan {
    let random = rng.wire();
    let to = wish.to.unwrap_or_else(|| Destination::fictional(random >> 32));
    let from = CallerId::fictional(random);
    Plan { to, from, trunk: TrunkId(0), pace: wish.pace }
}
