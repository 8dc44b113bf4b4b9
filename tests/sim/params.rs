//! What a run is made of, drawn from its seed.

use std::time::Duration;

use super::chance::Chance;

/// One way through the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    /// Datagrams lost, in a thousand.
    pub(crate) loss_permille: u32,
    /// Datagrams that arrive twice, in a thousand.
    pub(crate) double_permille: u32,
    /// The shortest way.
    pub(crate) delay: Duration,
    /// How much longer it may take; what is sent later may then arrive first.
    pub(crate) jitter: Duration,
}

/// What is called, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Calls {
    /// Any behaviour of the far end, any pace.
    Any,
    /// Phones that ring, at the default pace.
    Plain,
}

/// A run.
#[derive(Clone, Debug)]
pub(crate) struct Params {
    pub(crate) seed: u64,
    pub(crate) calls: usize,
    pub(crate) kind: Calls,
    /// In which all calls begin.
    pub(crate) spread: Duration,
    pub(crate) out: Path,
    pub(crate) back: Path,
    /// The longest time a commit takes.
    pub(crate) store_delay: Duration,
    pub(crate) store_fails_permille: u32,
    /// How late the engine is polled at most.
    pub(crate) late: Duration,
    /// Times when the engine's machine stands still, up to five seconds each.
    pub(crate) freezes: usize,
    pub(crate) carriers: usize,
    pub(crate) reconfigurations: usize,
    pub(crate) drains: bool,
    /// Calls cancelled by the application, in a thousand.
    pub(crate) cancels_permille: u32,
    /// Responses of which a forged copy comes as well, in a thousand.
    pub(crate) forged_permille: u32,
    /// Refusals behind which another fork answers all the same, in a thousand.
    pub(crate) ghosts_permille: u32,
    /// Requests and rubbish that nobody asked for.
    pub(crate) noise: usize,
    /// Times when a far end's port is closed for a while.
    pub(crate) closings: usize,
    pub(crate) t1: Duration,
    pub(crate) calls_max: usize,
}

const MS: fn(u64) -> Duration = Duration::from_millis;

impl Params {
    /// What this seed stands for.
    pub(crate) fn of(seed: u64) -> Self {
        let mut chance = Chance::new(seed, 0);
        // Where nothing is lost, doubled or overtaken, the judge is at his strictest.
        let calm = chance.hits(200);
        let path = |chance: &mut Chance| {
            let delay = MS(chance.pick(&[0, 1, 20, 80, 400]));
            if calm {
                return Path { loss_permille: 0, double_permille: 0, delay, jitter: MS(0) };
            }
            Path {
                loss_permille: chance.pick(&[0, 10, 50, 100, 200, 300]),
                double_permille: chance.pick(&[0, 0, 20, 200]),
                delay,
                jitter: MS(chance.pick(&[0, 5, 100, 1000, 4000])),
            }
        };
        Self {
            seed,
            calls: 20 + chance.below(31),
            kind: Calls::Any,
            spread: MS(chance.pick(&[10, 2_000, 20_000, 90_000])),
            out: path(&mut chance),
            back: path(&mut chance),
            store_delay: MS(chance.pick(&[0, 1, 20, 300, 3000])),
            store_fails_permille: chance.pick(&[0, 0, 50, 300]),
            late: MS(chance.pick(&[0, 0, 3, 100, 2500])),
            freezes: chance.pick(&[0, 0, 2, 6]),
            carriers: 1 + chance.below(2),
            reconfigurations: chance.pick(&[0, 0, 1, 4]),
            drains: chance.hits(250),
            cancels_permille: chance.pick(&[0, 100, 500]),
            forged_permille: chance.pick(&[0, 20, 200]),
            ghosts_permille: chance.pick(&[0, 0, 30, 300]),
            noise: chance.pick(&[0, 0, 10]),
            closings: if calm { 0 } else { chance.pick(&[0, 0, 1, 3]) },
            t1: MS(chance.pick(&[500, 500, 500, 200])),
            calls_max: chance.pick(&[100_000, 100_000, 100_000, 12]),
        }
    }

    /// So many phones that ring, with this much lost each way and nothing else out of the ordinary.
    pub(crate) fn plain(seed: u64, calls: usize, loss_permille: u32) -> Self {
        let path = Path { loss_permille, double_permille: 0, delay: MS(20), jitter: MS(5) };
        Self {
            seed,
            calls,
            kind: Calls::Plain,
            spread: MS(10) * calls as u32,
            out: path,
            back: path,
            store_delay: MS(1),
            store_fails_permille: 0,
            late: MS(0),
            freezes: 0,
            carriers: 1,
            reconfigurations: 0,
            drains: false,
            cancels_permille: 0,
            forged_permille: 0,
            ghosts_permille: 0,
            noise: 0,
            closings: 0,
            t1: MS(500),
            calls_max: 1_000_000,
        }
    }

    /// Whether the network does anything to what is sent but to carry it.
    pub(crate) fn is_lossy(&self) -> bool {
        let harmless = |path: &Path| {
            path.loss_permille == 0 && path.double_permille == 0 && path.jitter.is_zero()
        };
        !(harmless(&self.out) && harmless(&self.back)) || self.closings > 0
    }
}
