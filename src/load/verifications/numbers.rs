//! The numbers of a run: no number twice, in an order that looks like chance.

use crate::base::number::{Destination, Span};
use crate::base::rng::Rng;
use crate::carrier::Behaviour;

/// The numbers of a span in a scattered order, without those that a carrier does something special with.
///
/// The order is that of steps of one length round the span. The length has no divisor in common with the span, so every
/// number is met once.
#[derive(Debug)]
pub struct Numbers {
    span: Span,
    at: u64,
    stride: u64,
    left: u64,
}

impl Numbers {
    /// The numbers of this span, from a random one on.
    #[must_use]
    pub fn new(span: Span, rng: &mut Rng) -> Self {
        let count = span.count();
        // Far from 1, so that neighbours in time are no neighbours in the span.
        let mut stride = count / 4 + rng.wire() % (count / 2).max(1);
        while divisor(stride, count) != 1 {
            stride += 1;
        }
        Self { span, at: rng.wire() % count, stride: stride % count, left: count }
    }

    /// How many numbers of a span ring.
    #[must_use]
    pub fn of(span: Span) -> u64 {
        let ringing = |from: u64, to: u64| {
            (from..to).filter(|place| span.at(*place).is_some_and(rings)).count() as u64
        };
        // What comes after whole thousands is as many as at the beginning of the next one.
        let (thousands, rest) = (span.count() / 1000, span.count() % 1000);
        let each = if thousands > 0 { ringing(0, 1000) } else { 0 };
        thousands * each + ringing(0, rest)
    }
}

impl Iterator for Numbers {
    type Item = Destination;

    fn next(&mut self) -> Option<Destination> {
        while self.left > 0 {
            self.left -= 1;
            let place = self.at;
            // Both are below 10^15.
            self.at = (self.at + self.stride) % self.span.count();
            if let Some(number) = self.span.at(place).filter(|number| rings(*number)) {
                return Some(number);
            }
        }
        None
    }
}

/// Whether a carrier that goes by the called number rings this one.
fn rings(number: Destination) -> bool {
    Behaviour::of_number(number.reveal().as_str()) == Behaviour::RINGS
}

/// The greatest common divisor.
const fn divisor(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn span(text: &str) -> Span {
        Span::parse(text).unwrap()
    }

    #[test]
    fn every_ringing_number_comes_once() {
        for text in ["+12025550000-+12025559999", "+12025550123-+12025552345", "+1234-+1236"] {
            let span = span(text);
            for seed in 0..5 {
                let numbers: Vec<_> = Numbers::new(span, &mut Rng::from_seed(seed)).collect();
                let different: BTreeSet<_> = numbers.iter().copied().collect();
                assert_eq!(numbers.len(), different.len());
                assert_eq!(numbers.len() as u64, Numbers::of(span), "{text}");
                assert!(numbers.iter().all(|number| span.has(*number) && rings(*number)));
            }
        }
    }

    #[test]
    fn special_numbers_are_left_out() {
        assert_eq!(Numbers::of(span("+12025550486")), 0);
        assert_eq!(Numbers::of(span("+12025550485-+12025550487")), 1);
        assert_eq!(Numbers::new(span("+12025550486"), &mut Rng::from_seed(1)).next(), None);
        let one: Vec<_> = Numbers::new(span("+12025550142"), &mut Rng::from_seed(1)).collect();
        assert_eq!(one, [Destination::parse("+12025550142").unwrap()]);
    }

    #[test]
    fn two_runs_do_not_begin_with_the_same_numbers() {
        let span = span("+12022000000-+12029999999");
        let first = |seed| Numbers::new(span, &mut Rng::from_seed(seed)).next().unwrap();
        assert_ne!(first(1), first(2));
        assert!(Numbers::of(span) > 7_000_000);
    }

    #[test]
    fn neighbours_in_time_are_no_neighbours_in_the_span() {
        let numbers = Numbers::new(span("+12022000000-+12029999999"), &mut Rng::from_seed(3));
        let values: Vec<_> = numbers.take(1000).map(Destination::value).collect();
        assert!(values.windows(2).all(|pair| pair[0].abs_diff(pair[1]) > 1000));
    }
}
