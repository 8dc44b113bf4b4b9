//! What a pool has, and how it draws.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

fn pool(spans: &[&str], code_lengths: &[u8]) -> Result<Pool, PoolError> {
    let spans: Vec<Span> = spans.iter().map(|text| Span::parse(text).unwrap()).collect();
    Pool::new("west".into(), &spans, code_lengths)
}

fn number(text: &str) -> CallerId {
    CallerId::parse(text).unwrap()
}

/// The last digits as a number; none where there are fewer.
fn suffix(number: CallerId, code_length: u8) -> Option<u64> {
    let enough = number.len() >= usize::from(code_length);
    enough.then(|| number.value() % 10_u64.pow(u32::from(code_length)))
}

/// Of drawn numbers by code. Few are far from as many as expected: chi-square over its degrees of freedom, in standard
/// deviations.
fn deviation(counts: &BTreeMap<u64, u32>, codes: usize) -> f64 {
    let drawn: u32 = counts.values().sum();
    let expected = f64::from(drawn) / codes as f64;
    let missing = (codes - counts.len()) as f64 * expected;
    let sum: f64 =
        counts.values().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
    let freedom = (codes - 1) as f64;
    (sum + missing - freedom) / (2.0 * freedom).sqrt()
}

#[test]
fn each_number_is_there_once_and_in_order() {
    let spans = ["+12025550105", "+12025550100-+12025550109", "+12025550108-+12025550111", "+1234"];
    let pool = pool(&spans, &[4]).unwrap();
    assert_eq!((pool.len(), pool.is_empty()), (13, false));
    let numbers: Vec<_> = pool.numbers().collect();
    assert!(numbers.is_sorted() && numbers.windows(2).all(|pair| pair[0] != pair[1]));
    assert!(numbers.iter().all(|number| pool.contains(*number)));
    assert!(!pool.contains(number("+12025550112")) && !pool.contains(number("+00001234")));
    assert_eq!(format!("{pool:?}"), "west: 13 numbers");
}

#[test]
fn what_makes_no_pool_is_refused_before_memory_is_taken() {
    assert_eq!(pool(&[], &[4]).unwrap_err(), PoolError::Empty);
    let huge = ["+100000000000000-+999999999999999", "+100000000000000-+900000000000000"];
    let count = 900_000_000_000_000;
    assert_eq!(pool(&huge, &[4]).unwrap_err(), PoolError::TooMany { count });
    let doubles = ["+12020000000-+12023999999", "+12020000000-+12023999999", "+12020000000"];
    assert_eq!(pool(&doubles, &[]).unwrap().len() as u64, NUMBERS_MAX);
    let one_more = [doubles[0], "+13000000000"];
    assert_eq!(pool(&one_more, &[]).unwrap_err(), PoolError::TooMany { count: NUMBERS_MAX + 1 });
    for digits in [0, 3, 9, 255] {
        assert_eq!(pool(&["+1234"], &[4, digits]).unwrap_err(), PoolError::CodeLength { digits });
    }
    assert_eq!(
        PoolError::TooMany { count: 5_000_000 }.to_string(),
        "5000000 numbers; a pool has at most 4000000"
    );
}

#[test]
fn codes_are_counted_by_their_length() {
    // 0100 to 0109 twice, and 5 digits of their own.
    let spans = ["+12025550100-+12025550109", "+13035550100-+13035550104", "+50105"];
    let pool = pool(&spans, &[4, 5, 6, 8, 4]).unwrap();
    assert_eq!([4, 5, 6, 8].map(|length| pool.distinct(length)), [10, 10, 10, 15]);
    assert_eq!([4, 5, 6, 8].map(|length| pool.largest_share(length)), [2, 2, 2, 1]);
    assert_eq!((pool.distinct(7), pool.largest_share(7)), (0, 0));
    let mut rng = Rng::from_seed(1);
    assert_eq!(pool.draw(7, Taken::default(), &mut rng), None);
}

#[test]
fn a_number_that_is_too_short_for_a_code_is_never_drawn() {
    let pool = pool(&["+12345", "+1234567"], &[4, 6, 8]).unwrap();
    assert_eq!([4, 6, 8].map(|length| pool.distinct(length)), [2, 1, 0]);
    let mut rng = Rng::from_seed(2);
    for _ in 0..100 {
        let drawn = pool.draw(6, Taken::default(), &mut rng);
        assert_eq!(drawn, Some(number("+1234567")));
        assert_eq!(pool.draw(8, Taken::default(), &mut rng), None);
    }
    // What has no code holds none.
    let taken = Taken { held: &[number("+12345")], recent: &[number("+12345")] };
    assert_eq!(pool.draw(6, taken, &mut rng), Some(number("+1234567")));
}

/// Codes that may be drawn, told anew.
fn allowed(pool: &Pool, code_length: u8, taken: Taken<'_>) -> BTreeSet<u64> {
    let all: BTreeSet<_> =
        pool.numbers().filter_map(|number| suffix(number, code_length)).collect();
    let held: BTreeSet<_> =
        taken.held.iter().filter_map(|number| suffix(*number, code_length)).collect();
    let mut avoided = BTreeSet::new();
    for code in taken.recent.iter().filter_map(|number| suffix(*number, code_length)) {
        if avoided.len() < all.len() / 10 && all.contains(&code) && !held.contains(&code) {
            avoided.insert(code);
        }
    }
    let free: BTreeSet<_> = all.difference(&held).cloned().collect();
    let fresh: BTreeSet<_> = free.difference(&avoided).cloned().collect();
    if fresh.is_empty() { free } else { fresh }
}

#[test]
fn whatever_is_held_of_a_small_pool_exactly_the_rest_is_drawn() {
    let pool = pool(&["+12025550100-+12025550105", "+13035550103-+13035550104"], &[4]).unwrap();
    let numbers: Vec<_> = pool.numbers().collect();
    let mut rng = Rng::from_seed(3);
    for mask in 0_u32..1 << numbers.len() {
        let picked =
            |(place, number): (usize, &CallerId)| (mask >> place & 1 == 1).then_some(*number);
        let held: Vec<_> = numbers.iter().enumerate().filter_map(picked).collect();
        let taken = Taken { held: &held, recent: &numbers };
        let drawn: BTreeSet<_> = (0..120)
            .filter_map(|_| pool.draw(4, taken, &mut rng))
            .filter_map(|number| suffix(number, 4))
            .collect();
        assert_eq!(drawn, allowed(&pool, 4, taken), "{mask:b}");
    }
}

#[test]
fn held_codes_are_never_drawn_and_recent_ones_only_where_nothing_else_is_left() {
    for seed in 0..300 {
        let mut rng = Rng::from_seed(seed);
        let size = 1 + rng.secret_below(60);
        let spans = [
            format!("+12025550100-+120255501{:02}", size - 1),
            // Some codes twice, and numbers with another one.
            format!("+130355501{:02}-+13035550159", rng.secret_below(60)),
        ];
        let pool = pool(&[&spans[0], &spans[1]], &[4, 6]).unwrap();
        let some = |most: u64, rng: &mut Rng| -> Vec<CallerId> {
            // One in ten is no number of the pool.
            let any = |rng: &mut Rng| number(&format!("+1202555{:04}", 100 + rng.secret_below(66)));
            (0..rng.secret_below(most + 1)).map(|_| any(rng)).collect()
        };
        let (held, recent) = (some(size * 2, &mut rng), some(100, &mut rng));
        let taken = Taken { held: &held, recent: &recent };
        for code_length in [4, 6] {
            let allowed = allowed(&pool, code_length, taken);
            for _ in 0..50 {
                let drawn = pool.draw(code_length, taken, &mut rng);
                assert_eq!(drawn.is_none(), allowed.is_empty(), "seed {seed}");
                if let Some(drawn) = drawn {
                    let code = suffix(drawn, code_length).unwrap();
                    assert!(pool.contains(drawn) && allowed.contains(&code), "seed {seed}");
                }
            }
        }
    }
}

#[test]
fn recent_codes_never_cost_more_than_a_tenth() {
    let pool = pool(&["+12025550000-+12025550099"], &[4]).unwrap();
    let recent: Vec<_> = pool.numbers().collect();
    let mut rng = Rng::from_seed(4);
    let taken = Taken { held: &[], recent: &recent };
    let drawn: BTreeSet<_> = (0..5000).filter_map(|_| pool.draw(4, taken, &mut rng)).collect();
    // The newest ten are avoided.
    assert!(drawn.iter().eq(&recent[10..]));
    // What is held already does not count as avoided, nor what is named twice.
    let twice: Vec<_> = recent.iter().flat_map(|number| [*number, *number]).collect();
    let taken = Taken { held: &recent[..5], recent: &twice };
    let drawn: BTreeSet<_> = (0..5000).filter_map(|_| pool.draw(4, taken, &mut rng)).collect();
    assert!(drawn.iter().eq(&recent[15..]));
}

fn counts(pool: &Pool, code_length: u8, taken: Taken<'_>, draws: u32) -> BTreeMap<u64, u32> {
    let mut rng = Rng::from_seed(5);
    let mut counts = BTreeMap::new();
    for _ in 0..draws {
        let drawn = pool.draw(code_length, taken, &mut rng).unwrap();
        *counts.entry(suffix(drawn, code_length).unwrap()).or_default() += 1;
    }
    counts
}

#[test]
fn each_code_is_as_likely_as_any_other() {
    let pool = pool(&["+12025550000-+12025550999"], &[4]).unwrap();
    let counts = counts(&pool, 4, Taken::default(), 1_000_000);
    let deviation = deviation(&counts, 1000);
    assert!(deviation.abs() < 4.0, "{deviation}");
}

#[test]
fn each_code_is_as_likely_however_many_numbers_have_it() {
    // 1,000 codes; those below 0500 have two numbers, those below 0050 three.
    let spans =
        ["+12025550000-+12025550999", "+13035550000-+13035550499", "+14045550000-+14045550049"];
    let pool = pool(&spans, &[4]).unwrap();
    let by_code = counts(&pool, 4, Taken::default(), 1_000_000);
    let off = deviation(&by_code, 1000);
    assert!(off.abs() < 4.0, "{off}");
    // And each number of a code as likely as its others.
    let mut rng = Rng::from_seed(6);
    let mut by_number: BTreeMap<u64, u32> = BTreeMap::new();
    for _ in 0..600_000 {
        let drawn = pool.draw(4, Taken::default(), &mut rng).unwrap();
        if suffix(drawn, 4).is_some_and(|code| code < 50) {
            *by_number.entry(suffix(drawn, 8).unwrap()).or_default() += 1;
        }
    }
    let off = deviation(&by_number, 150);
    assert!(off.abs() < 4.0, "{off}");
}

#[test]
fn each_code_that_is_left_is_as_likely_as_any_other() {
    let pool = pool(&["+12025550000-+12025550099", "+13035550000-+13035550009"], &[4]).unwrap();
    let numbers: Vec<_> = pool.numbers().collect();
    // 20 held, in a block and singly; 10 recent ones are avoided.
    let singly = numbers[50..70].iter().step_by(2);
    let held: Vec<_> = numbers[..10].iter().chain(singly).copied().collect();
    let taken = Taken { held: &held, recent: &numbers[30..40] };
    let off = deviation(&counts(&pool, 4, taken, 100_000), 70);
    assert!(off.abs() < 4.0, "{off}");
    // Nearly all are held.
    let taken = Taken { held: &numbers[3..97], recent: &[] };
    let off = deviation(&counts(&pool, 4, taken, 10_000), 6);
    assert!(off.abs() < 4.0, "{off}");
}

#[test]
fn the_last_draws_tell_nothing_of_the_next() {
    let pool = pool(&["+12025550000-+12025550099"], &[4]).unwrap();
    let mut rng = Rng::from_seed(8);
    let mut last = std::collections::VecDeque::new();
    // How often each code is among the last hundred draws.
    let mut seen = [0_u32; 100];
    let mut hits = [0_u32; 4];
    for _ in 0..100_000 {
        let next = suffix(pool.draw(4, Taken::default(), &mut rng).unwrap(), 4).unwrap() as usize;
        if last.len() == 100 {
            let commonest = (0..100).max_by_key(|code| seen[*code]).unwrap();
            let rarest = (0..100).min_by_key(|code| seen[*code]).unwrap();
            let before = last[99];
            for (hits, guess) in
                hits.iter_mut().zip([before, (before + 1) % 100, commonest, rarest])
            {
                *hits += u32::from(guess == next);
            }
            seen[last.pop_front().unwrap()] -= 1;
        }
        last.push_back(next);
        seen[next] += 1;
    }
    // One in a hundred by chance: 1,000 of 100,000, with a standard deviation of 31.5.
    assert!(hits.iter().all(|hits| hits.abs_diff(1000) < 130), "{hits:?}");
}

#[test]
fn the_same_seed_draws_the_same_numbers() {
    let pool = pool(&["+12025550000-+12025559999"], &[4]).unwrap();
    let draws = |seed| {
        let mut rng = Rng::from_seed(seed);
        (0..100).map(|_| pool.draw(4, Taken::default(), &mut rng)).collect::<Vec<_>>()
    };
    assert_eq!(draws(1), draws(1));
    assert_ne!(draws(1), draws(2));
}

#[test]
fn a_draw_takes_nothing_from_what_others_see() {
    let pool = pool(&["+12025550000-+12025559999"], &[4]).unwrap();
    let (mut drawing, mut idle) = (Rng::from_seed(9), Rng::from_seed(9));
    for _ in 0..100 {
        pool.draw(4, Taken::default(), &mut drawing);
    }
    assert_eq!(drawing.wire(), idle.wire());
}

#[test]
fn a_million_numbers_take_8_mb_and_12_for_each_length() {
    let mut kept = Vec::new();
    let mut bytes = |code_lengths: &[u8]| {
        let memory = allocation_counter::measure(|| {
            kept.push(pool(&["+12020000000-+12020999999"], code_lengths).unwrap());
        });
        memory.bytes_current
    };
    let [none, short, long] = [&[][..], &[4], &[8]].map(&mut bytes);
    assert!(none < 8_100_000, "{none}");
    assert!(short - none < 4_200_000 && long - none < 12_100_000, "{short} {long}");
}
