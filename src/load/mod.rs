//! Load: bare flash calls as fast as asked, over the same driver that a service uses.
//!
//! [`run`] keeps so many calls under way, not faster than a rate, and tallies their records. Every call has its own
//! random numbers; whatever else is random about a call is the engine's.

mod stopwatch;
mod tally;

pub use stopwatch::Stopwatch;
pub use tally::{Percentiles, Tally, histogram};

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

/// Calls that may be made up for at once after a pause, so that a rate is kept on a busy machine without a burst.
const CATCH_UP: Duration = Duration::from_millis(20);
/// Calls of a rate are placed in groups, so long apart: a thread that is woken for every call spends its time on waking.
const GROUP: Duration = Duration::from_millis(5);
/// Without a rate, a call that ended makes room for the next at once; but the number under way grows by at most so many a
/// second. Two hundred thousand INVITEs at once would only fill, and overflow, the far end's receive buffer.
const GROWTH: f64 = 20_000.0;
/// Answers taken at a time.
const ANSWERS: usize = 256;

/// When the next calls may be placed.
struct Rate {
    /// Nanoseconds: at 700,000 calls a second a gap is one microsecond and a half.
    gap_ns: u64,
    next_ns: u64,
    group_at: Instant,
}

impl Rate {
    fn new(rate: f64, now: Instant) -> Self {
        Self { gap_ns: (1e9 / rate) as u64, next_ns: nanos(now), group_at: now }
    }

    /// How many calls may be placed now.
    fn due(&mut self, now: Instant) -> u64 {
        let catch_up = u64::try_from(CATCH_UP.as_nanos()).unwrap_or(0);
        self.next_ns = self.next_ns.max(nanos(now).saturating_sub(catch_up));
        if now < self.group_at || nanos(now) < self.next_ns {
            return 0;
        }
        self.group_at = now + GROUP;
        1 + (nanos(now) - self.next_ns) / self.gap_ns.max(1)
    }

    /// How long until there are any.
    fn wait(&self, now: Instant) -> Duration {
        let group = self.group_at.since(now);
        group.max(Duration::from_nanos(self.next_ns.saturating_sub(nanos(now))))
    }

    fn placed(&mut self) {
        self.next_ns += self.gap_ns;
    }
}

fn nanos(at: Instant) -> u64 {
    at.as_micros().saturating_mul(1000)
}

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

/// How often [`run`] calls its `tick` at least.
const TICK: Duration = Duration::from_millis(100);

/// A call between two random numbers of the fictional range +1 555.
fn plan(wish: &Wish, rng: &mut Rng) -> Plan {
    let random = rng.wire();
    let to = wish.to.unwrap_or_else(|| Destination::fictional(random >> 32));
    let from = CallerId::fictional(random);
    Plan { to, from, trunk: TrunkId(0), pace: wish.pace }
}
