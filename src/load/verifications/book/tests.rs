//! A run without sockets: what is done next, and what is counted.

use super::*;
use crate::base::number::Span;
use crate::base::rng::Rng;

fn now(ms: u64) -> Now {
    Now { instant: Instant::from_millis(ms), unix_us: 1_000_000_000 + ms * 1000 }
}

fn at(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

fn wish(count: u64, concurrency: usize, rate: Option<f64>) -> Wish {
    let untold_after = Duration::from_secs(10);
    Wish { count, concurrency, connections: 1, rate, untold_after }
}

fn book(wish: &Wish) -> Book {
    let span = Span::parse("+12022000000-+12029999999").unwrap();
    Book::new(wish, Numbers::new(span, &mut Rng::from_seed(1)), at(0))
}

/// The next number to be started, which there must be.
fn start(book: &mut Book, ms: u64) -> Destination {
    let next = book.next(now(ms));
    let Next::Start(to) = next else { panic!("{next:?}") };
    to
}

fn new(id: &str) -> Result<Posted, Fault> {
    Ok(Posted::New { id: id.into(), code_length: 4 })
}

fn call(to: Destination) -> Heard {
    Heard { to, from: CallerId::fictional(7) }
}

fn check(to: Destination, id: &str) -> Next {
    let caller = CallerId::fictional(7);
    Next::Check(Check { to, id: id.into(), code_length: 4, caller })
}

#[test]
fn a_verification_from_start_to_approval() {
    let mut book = book(&wish(1, 1, None));
    assert_eq!(book.next(now(0)), Next::Wait);
    assert_eq!(book.pace(at(0)).0, 1);
    let to = start(&mut book, 1);
    assert_eq!(book.next(now(1)), Next::Wait);
    book.posted(to, new("ver_1"), at(3));
    assert_eq!(book.next(now(3)), Next::Wait);
    assert!(book.told(call(to), now(5).unix_us));
    assert_eq!(book.next(now(6)), check(to, "ver_1"));
    book.checked(to, Ok("approved"), at(10));
    assert_eq!(book.next(now(10)), Next::Over);
    let tally = &book.tally;
    assert_eq!((tally.verifications, tally.started, tally.approved), (1, 1, 1));
    assert_eq!(tally.post_us.max(), 2000);
    assert_eq!(tally.post_to_invite_us.max(), 4001);
    assert_eq!(tally.check_us.max(), 4001);
    assert_eq!(tally.whole_us.max(), 9007);
}

#[test]
fn a_code_may_be_told_before_the_start_is_answered_and_twice() {
    let mut book = book(&wish(1, 1, None));
    book.pace(at(0));
    let to = start(&mut book, 0);
    assert!(!book.told(call(to), 0));
    assert!(!book.told(call(to), 0));
    assert_eq!(book.next(now(0)), Next::Wait);
    book.posted(to, new("ver_1"), at(1));
    assert!(!book.told(call(to), 0));
    assert_eq!(book.next(now(1)), check(to, "ver_1"));
    assert_eq!(book.next(now(1)), Next::Wait);
    book.checked(to, Ok("approved"), at(2));
    assert!(!book.told(call(to), 0));
    // As long as a code that was told is checked, nothing is untold.
    book.pace(at(60_000));
    assert_eq!((book.tally.verifications, book.tally.untold), (1, 0));
    assert_eq!(book.tally.post_to_invite_us.len(), 1);
}

#[test]
fn a_code_that_never_comes_is_untold_after_its_time() {
    let mut book = book(&wish(2, 2, None));
    book.pace(at(5));
    let (first, second) = (start(&mut book, 0), start(&mut book, 0));
    book.posted(first, new("ver_1"), at(0));
    book.posted(second, new("ver_2"), at(500));
    book.pace(at(9_999));
    assert_eq!(book.tally.untold, 0);
    book.pace(at(10_000));
    assert_eq!((book.tally.untold, book.tally.results["untold"]), (1, 1));
    assert!(book.told(call(second), 0));
    book.pace(at(20_000));
    assert_eq!(book.tally.untold, 1);
    assert!(!book.told(call(first), 0));
}

#[test]
fn every_end_is_counted_by_its_name() {
    let mut book = book(&wish(4, 4, None));
    book.pace(at(5));
    let numbers: Vec<_> = (0..4).map(|_| start(&mut book, 0)).collect();
    let refused = || Fault::Refused { status: 503, code: "capacity_exceeded".into() };
    book.posted(numbers[0], Err(refused()), at(1));
    book.posted(numbers[1], Ok(Posted::Deduplicated), at(1));
    for (place, to) in numbers.iter().enumerate().skip(2) {
        book.posted(*to, new(&format!("ver_{place}")), at(1));
        book.told(call(*to), 0);
        assert_eq!(book.next(now(1)), check(*to, &format!("ver_{place}")));
    }
    book.checked(numbers[2], Ok("invalid"), at(2));
    book.checked(numbers[3], Err(&Fault::Silent), at(2));
    assert_eq!(book.next(now(2)), Next::Over);
    let results: Vec<_> = book.tally.results.iter().map(|(name, n)| (name.as_str(), *n)).collect();
    let all = ["deduplicated", "invalid", "not_checked", "not_started"];
    assert_eq!(results, all.map(|name| (name, 1)));
    let errors: Vec<_> = book.tally.errors.keys().map(String::as_str).collect();
    assert_eq!(errors, ["capacity_exceeded", "no_answer"]);
    assert_eq!((book.tally.verifications, book.tally.started, book.tally.approved), (4, 2, 0));
}

#[test]
fn without_a_rate_what_is_approved_makes_room_at_once_and_what_failed_does_not() {
    let mut book = book(&wish(100, 1, None));
    assert_eq!(book.pace(at(0)).0, 1);
    let to = start(&mut book, 0);
    book.posted(to, new("ver_1"), at(0));
    book.told(call(to), 0);
    book.next(now(0));
    book.checked(to, Ok("approved"), at(0));
    let to = start(&mut book, 0);
    book.posted(to, Err(Fault::Silent), at(0));
    assert_eq!(book.next(now(0)), Next::Wait);
    assert_eq!(book.pace(at(5)).0, 1);
    start(&mut book, 5);
}

#[test]
fn a_rate_is_kept_and_so_is_the_number_under_way() {
    let mut book = book(&wish(1000, 30, Some(1000.0)));
    let mut starts = Vec::new();
    for ms in 0..100 {
        book.pace(at(ms));
        let before = starts.len();
        while let Next::Start(to) = book.next(now(ms)) {
            starts.push(to);
        }
        // What could not be started in the pause is made up for by 20 ms at most.
        let most = if ms == 51 { 21 } else { 6 };
        assert!(starts.len() - before <= most, "{ms}");
        if ms == 50 {
            assert_eq!(starts.len(), 30);
            for to in &starts {
                book.posted(*to, Err(Fault::Unreadable), at(ms));
            }
        }
    }
    assert_eq!(starts.len(), 60);
}

#[test]
fn a_key_that_is_not_accepted_is_not_tried_again() {
    let mut book = book(&wish(1000, 2, None));
    book.pace(at(5));
    let (first, second) = (start(&mut book, 0), start(&mut book, 0));
    let unknown = || Fault::Refused { status: 401, code: "unauthenticated".into() };
    book.posted(first, Err(unknown()), at(1));
    assert_eq!(book.pace(at(100)).0, 0);
    assert_eq!(book.next(now(100)), Next::Wait);
    book.posted(second, Err(unknown()), at(100));
    assert_eq!(book.next(now(100)), Next::Over);
    assert_eq!(book.tally.errors["unauthenticated"], 2);
}

#[test]
fn when_no_more_are_wanted_those_under_way_are_ended() {
    let mut book = book(&wish(1000, 2, None));
    book.pace(at(0));
    let to = start(&mut book, 0);
    book.start_no_more();
    assert!(!book.is_over());
    assert_eq!(book.next(now(1)), Next::Wait);
    book.posted(to, new("ver_1"), at(1));
    book.told(call(to), 0);
    assert_eq!(book.next(now(1)), check(to, "ver_1"));
    book.checked(to, Ok("approved"), at(1));
    assert_eq!(book.next(now(1)), Next::Over);
}
