//! Verifications in virtual time, from a seed: the whole engine with people and applications above it, carriers and a lossy
//! wire below it, and a disk beside it that is slow, fails, and outlives it. The engine is killed at any moment, between any
//! two packets, before or after any commit, and goes on in a next life from what the disk has.
//!
//! What must hold, whatever happens:
//!
//! - no INVITE leaves before its intent is on disk, and every Call-ID that a carrier ever saw has exactly one record;
//! - what was answered stays true: a verification that was begun, a try that was spent, a code that was used;
//! - one call at a time for a number, and no code shared by two open verifications of a number;
//! - nothing is called again after a restart, every question has one answer while the engine lives, and in the end nothing
//!   is left behind.
//!
//! ```sh
//! ONERING_SEED=4711 cargo test --test lives -- --nocapture
//! ONERING_SEEDS=10000 cargo test --release --test lives
//! ```

#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "helpers of a test may fail it"
)]

mod disk;
mod people;
mod world;

use world::World;

fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

#[test]
fn what_was_promised_outlives_every_death() {
    let seeds = match from_environment("ONERING_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..from_environment("ONERING_SEEDS").unwrap_or(250),
    };
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let mine = seeds.clone().filter(move |seed| seed % workers == worker);
            scope.spawn(move || {
                for seed in mine {
                    let mut world = World::new(seed);
                    world.run();
                    world.end();
                }
            });
        }
    });
}

#[test]
fn the_runs_are_worth_their_time() {
    let mut total = world::Tally::default();
    for seed in 0..24 {
        let mut world = World::new(seed);
        world.run();
        total.add(&world.tally);
    }
    let world::Tally { begun, approved, wrong, deaths, lost_batches, interrupted, refused, .. } =
        total;
    assert!(begun > 500 && approved > 100 && wrong > 100, "{total:?}");
    assert!(deaths > 20 && lost_batches > 20 && interrupted > 20 && refused > 50, "{total:?}");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let mut world = World::new(seed);
        world.run();
        world.fingerprint
    };
    for seed in 0..6 {
        assert_eq!(run(seed), run(seed));
        assert_ne!(run(seed), run(seed + 1));
    }
}
