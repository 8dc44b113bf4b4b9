//! The validator: names every problem of a message that could be read, with the status owed for it.
//!
//! It knows RFC 3261's grammar (§25), what every message must have (§8.1.1), and what a user agent server refuses
//! (§8.2). Which methods are served is the user agent's business and not looked at. A message whose problems are none of
//! syntax is well formed, see [`Verdict`](super::Verdict).
//!
//! It looks at every byte a bounded number of times and allocates only its answer.

mod lines;
mod rules;
mod start;
mod values;

use super::index::Slot;
use super::name::Name;
use super::problem::{Fault, Problem};
use super::read::Message;

/// All problems of a message, in the order of their places.
#[must_use]
pub fn validate(message: &Message) -> Vec<Problem> {
    let mut problems = Problems { message, found: Vec::new() };
    start::check(&mut problems);
    lines::check(&mut problems);
    values::check(&mut problems);
    rules::check(&mut problems);
    problems.found.sort_by_key(|problem| problem.at);
    problems.found
}

/// The answer in the making.
struct Problems<'a> {
    message: &'a Message,
    found: Vec<Problem>,
}

impl Problems<'_> {
    /// A problem of this header line.
    fn line(&mut self, fault: Fault, slot: &Slot) {
        self.at(fault, Some(slot.name), usize::from(slot.value));
    }

    /// A problem at an offset from the start line.
    fn at(&mut self, fault: Fault, name: Option<Name>, at: usize) {
        self.found.push(self.message.problem(fault, name, at));
    }

    /// What a reader found.
    fn note<T>(&mut self, read: Result<T, Problem>) -> Option<T> {
        read.map_err(|problem| self.found.push(problem)).ok()
    }
}

#[cfg(test)]
mod tests;
