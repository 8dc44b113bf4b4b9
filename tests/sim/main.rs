//! The whole engine against fake carriers, in virtual time, from a seed: loss, doubles, disorder, closed ports, a
//! slow and failing store, late polls, cancels, drains and new configurations, all at once.
//!
//! The same seed gives the same run, byte for byte. A run that breaks a rule prints its seed, what it is made of, the
//! events of the call and the last ones of all. To see it again, or to run others:
//!
//! ```sh
//! ONERING_SEED=4711 cargo test --test sim -- --nocapture
//! scripts/sim 10000
//! ```

#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "helpers of a test may fail it, and what it measured is worth reading"
)]

mod chance;
mod checks;
mod glance;
mod log;
mod params;
mod script;
mod store;
mod wire;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use checks::end::Summary;
use params::Params;
use world::World;

/// Runs it; what it came to, or the whole story of what went wrong.
fn run(params: &Params) -> Result<Summary, String> {
    let mut world = World::new(params);
    let ran = catch_unwind(AssertUnwindSafe(|| {
        world.run();
        let carriers: Vec<_> = world.sites.iter().map(|site| &site.carrier).collect();
        if !world.checks.broken.is_empty() {
            return Summary::default();
        }
        world.checks.end(&world.engine, &carriers)
    }));
    let panicked = match &ran {
        Ok(_) => None,
        Err(cause) => {
            let text = cause.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| cause.downcast_ref::<&str>().copied());
            Some(format!("a panic: {}", text.unwrap_or("of no text")))
        }
    };
    let broken: Vec<String> = world.checks.broken.iter().cloned().chain(panicked).collect();
    let Some(first) = broken.first() else {
        let mut summary = ran.unwrap_or_default();
        summary.sent = world.sent;
        summary.virtual_s = world.now.as_micros() as f64 / 1e6;
        summary.fingerprint = world.log.fingerprint();
        for call in &world.checks.calls {
            if let Some(outcome) = call.outcome {
                *summary.outcomes.entry(outcome).or_default() += 1;
            }
        }
        return Ok(summary);
    };
    let story = world.log.tell(first, 60);
    let broken = broken.join("\n  ");
    Err(format!(
        "broken at {:?}:\n  {broken}\n{params:#?}\n{story}\n\
         ONERING_SEED={} cargo test --test sim -- --nocapture",
        world.now, params.seed
    ))
}

/// A number from the environment.
fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

/// Seeds of one test, on all cores.
fn run_all(seeds: std::ops::Range<u64>) {
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let failed: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers)
            .map(|worker| {
                let mine = seeds.clone().filter(move |seed| seed % workers == worker);
                scope.spawn(move || {
                    mine.filter_map(|seed| run(&Params::of(seed)).err()).take(3).collect::<Vec<_>>()
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("panics are caught")).collect()
    });
    if let Some(first) = failed.first() {
        let brief = |story: &String| {
            let seed = story.lines().last().unwrap_or_default().to_owned();
            format!("{seed}: {}", story.lines().nth(1).unwrap_or_default().trim())
        };
        let all: Vec<String> = failed.iter().map(brief).collect();
        panic!("{first}\nfirst lines of {} failures:\n  {}", all.len(), all.join("\n  "));
    }
}

#[test]
fn every_call_has_one_true_record_and_no_phone_is_left_ringing() {
    if let Some(seed) = from_environment("ONERING_SEED") {
        return run_all(seed..seed + 1);
    }
    let first = from_environment("ONERING_FIRST_SEED").unwrap_or(0);
    let count = from_environment("ONERING_SEEDS").unwrap_or(1_500);
    run_all(first..first + count);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for seed in 0..20 {
        let params = Params::of(seed);
        let (first, second) = (run(&params).unwrap(), run(&params).unwrap());
        assert_eq!(first.fingerprint, second.fingerprint, "seed {seed}");
        assert_ne!(first.fingerprint, run(&Params::of(seed + 1)).unwrap().fingerprint);
    }
}

/// Phones that ring, at the default pace, over a wire that loses so much each way: no phone is left ringing, and each
/// call has its record. What never had any answer in 64*T1 is the network's doing, and rare.
fn through_loss(loss_permille: u32, calls: usize) -> Summary {
    let seed = from_environment("ONERING_SEED").unwrap_or(1);
    let summary =
        run(&Params::plain(seed, calls, loss_permille)).unwrap_or_else(|story| panic!("{story}"));
    assert_eq!(summary.outcomes.values().sum::<u64>(), calls as u64);
    println!("{calls} calls through {} % loss each way:\n{summary}", loss_permille / 10);
    summary
}

#[test]
fn calls_through_ten_percent_loss_each_way_leave_no_phone_ringing() {
    let calls = from_environment("ONERING_CALLS").unwrap_or(2_000) as usize;
    assert!(through_loss(100, calls).excused.is_empty());
}

#[test]
fn calls_through_heavy_loss_each_have_one_record() {
    let calls = from_environment("ONERING_CALLS").unwrap_or(1_000) as usize;
    for loss_permille in [200, 300] {
        let summary = through_loss(loss_permille, calls);
        let ringing = summary.excused.get("left-ringing").copied().unwrap_or(0);
        assert!(ringing * 100 <= calls as u64, "{ringing} phones left ringing");
    }
}
