//! What reading and writing cost: `cargo bench --bench parse`.
//!
//! 1. The header index with the five fields that matching needs, against httparse's header parse of the same
//!    bytes, over a thousand different responses. Budget: at most 2.0 times, no allocation.
//! 2. A whole INVITE with every header typed, against rsip. Budget: at least twice as fast.
//! 3. Writing a response.
//!
//! All contenders run in turn within each round; the median of the rounds counts, and the ratio is the median of the
//! rounds' own ratios, so that a busy machine disturbs both sides alike. Exit status 1 where a budget is not met.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run has failed")]
#![expect(clippy::print_stdout, reason = "its output is what it is for")]
#![expect(clippy::disallowed_methods, reason = "it measures real time")]

#[path = "parse/contenders.rs"]
mod contenders;
#[path = "parse/messages.rs"]
mod messages;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use bytes::Bytes;
use messages::{Dice, Sample};

const ROUNDS: usize = 61;

fn main() -> ExitCode {
    let mut dice = Dice::new(0x0e0e);
    let samples: Vec<Sample> = (0..1_000).map(|_| messages::response(&mut dice)).collect();
    let index = index(&samples);
    let typed = typed();
    written();
    if index && typed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Nanoseconds for each of these, in turn, over many rounds.
fn rounds(contenders: &mut [&mut dyn FnMut() -> u64]) -> Vec<Vec<f64>> {
    let mut times: Vec<Vec<f64>> = contenders.iter().map(|_| Vec::new()).collect();
    for round in 0..ROUNDS + 3 {
        for (contender, times) in contenders.iter_mut().zip(&mut times) {
            let begun = Instant::now();
            black_box(contender());
            let took = begun.elapsed().as_secs_f64() * 1e9;
            // The first rounds warm caches and branch predictors.
            if round >= 3 {
                times.push(took);
            }
        }
    }
    times
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn ratio(mine: &[f64], theirs: &[f64]) -> f64 {
    median(mine.iter().zip(theirs).map(|(mine, theirs)| mine / theirs))
}

fn verdict(good: bool) -> &'static str {
    if good { "PASS" } else { "FAIL" }
}

fn index(samples: &[Sample]) -> bool {
    let all: Vec<Bytes> =
        samples.iter().map(|sample| Bytes::copy_from_slice(&sample.sip)).collect();
    let plain: Vec<&Sample> = samples.iter().filter(|sample| !sample.odd).collect();
    let plain_sip: Vec<Bytes> =
        plain.iter().map(|sample| Bytes::copy_from_slice(&sample.sip)).collect();
    let checksum = contenders::keys(&all);
    let http = contenders::http_responses(samples);
    let headers = contenders::http_headers(&plain);
    let allocations = allocation_counter::measure(|| {
        black_box(contenders::keys(&all));
    });
    let times = rounds(&mut [
        &mut || contenders::keys(&all),
        &mut || contenders::indexes(&all),
        &mut || contenders::http_responses(samples).sum,
        &mut || contenders::keys(&plain_sip),
        &mut || contenders::http_headers(&plain).sum,
    ]);
    let [ours, only_index, theirs, ours_plain, theirs_plain] = times.as_slice() else {
        return false;
    };
    let each = |times: &[f64], count: usize| median(times.iter().copied()) / count as f64;
    let bytes: usize = all.iter().map(Bytes::len).sum();
    println!(
        "header index and the five fields, {} responses of {} bytes",
        all.len(),
        bytes / all.len()
    );
    println!("  all of them; httparse with folds and spaces allowed parsed {}", http.parsed);
    println!("    ours, index and key     {:7.0} ns", each(ours, all.len()));
    println!("    ours, index only        {:7.0} ns", each(only_index, all.len()));
    println!("    httparse response       {:7.0} ns", each(theirs, all.len()));
    println!(
        "  without folds and spaces; httparse::parse_headers parsed {} of {}",
        headers.parsed,
        plain.len()
    );
    println!("    ours, index and key     {:7.0} ns", each(ours_plain, plain.len()));
    println!("    httparse::parse_headers {:7.0} ns", each(theirs_plain, plain.len()));
    println!(
        "  checksums: ours {checksum:#018x}, httparse {:#018x} and {:#018x}",
        http.sum, headers.sum
    );
    let same = http.headers == contenders::header_lines(&all);
    let ratios = [ratio(ours, theirs), ratio(ours_plain, theirs_plain)];
    let allocated = allocations.count_total;
    let good = ratios.iter().all(|ratio| *ratio <= 2.0) && allocated == 0 && same;
    let [odd, plain] = ratios;
    println!(
        "  {} ratio {odd:.2} and {plain:.2} (budget 2.0), {allocated} allocations (budget 0), same header lines: {same}",
        verdict(good)
    );
    good
}

fn typed() -> bool {
    const TIMES: usize = 200;
    let bytes = Bytes::from(messages::invite());
    let (ours, theirs) = (contenders::typed(&bytes), contenders::rsip_typed(&bytes));
    let times = rounds(&mut [
        &mut || (0..TIMES).map(|_| contenders::typed(black_box(&bytes))).sum(),
        &mut || (0..TIMES).map(|_| contenders::rsip_typed(black_box(&bytes))).sum(),
    ]);
    let [mine, rsip] = times.as_slice() else { return false };
    let each = |times: &[f64]| median(times.iter().copied()) / TIMES as f64;
    println!("\nan INVITE of {} bytes, every header typed", bytes.len());
    println!("    ours, SDP read too      {:7.0} ns", each(mine));
    println!("    rsip                    {:7.0} ns", each(rsip));
    println!("  checksums: ours {ours}, rsip {theirs}");
    let faster = ratio(rsip, mine);
    println!("  {} {faster:.1} times as fast (budget 2.0)", verdict(faster >= 2.0));
    faster >= 2.0
}

fn written() {
    const TIMES: usize = 500;
    let invite = contenders::parsed(messages::invite());
    let mut out = Vec::with_capacity(2_048);
    let bytes = contenders::ringing(&invite, &mut out);
    let allocations = allocation_counter::measure(|| {
        contenders::ringing(&invite, &mut out);
    });
    let times = rounds(&mut [&mut || {
        (0..TIMES).map(|_| contenders::ringing(black_box(&invite), &mut out)).sum()
    }]);
    let each = times.first().map_or(0.0, |times| median(times.iter().copied()) / TIMES as f64);
    println!(
        "\na 180 of {bytes} bytes written: {each:.0} ns, {} allocations",
        allocations.count_total
    );
}
