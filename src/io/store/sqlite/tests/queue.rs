//! The queue alone: what one transaction may have, and what happens when too much waits.

use super::Case;
use crate::base::id::Seq;
use crate::io::store::Verdict;
use crate::io::store::sqlite::queue::{BATCH_MAX, Ending, Group, Queue, WAITING_MAX, Work};
use crate::verify::cdr::Amendment;
use crate::verify::record::Record;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

fn queue() -> Queue {
    Queue::new(Arc::new(Notify::new()))
}

/// So many records, the first of this place.
fn group(first: u64, count: usize) -> Group {
    let amendment = Amendment { id: Case::new(1).id(), at_unix_us: 0, status: 200, alerted: false };
    let records = vec![Record::Amendment(amendment); count];
    Group { first: Seq(first), last: Seq(first + count as u64 - 1), records, begins: false }
}

/// The places of the groups that the writer gets next.
fn next(queue: &Queue) -> Vec<u64> {
    match queue.next(Duration::ZERO) {
        Work::Write(groups, _) => groups.iter().map(|group| group.first.0).collect(),
        Work::Nothing => Vec::new(),
        Work::End(ending) => panic!("{ending:?}"),
    }
}

#[test]
fn a_transaction_has_whole_groups_and_not_too_many_records() {
    let queue = queue();
    for (first, count) in [(1, 4000), (4001, 96), (4097, 1), (4098, BATCH_MAX + 1), (9000, 1)] {
        queue.give(group(first, count));
    }
    assert_eq!(next(&queue), [1, 4001]);
    assert_eq!(next(&queue), [4097]);
    assert_eq!(next(&queue), [4098]);
    assert!(!queue.is_idle());
    assert_eq!(next(&queue), [9000]);
    assert!(queue.is_idle());
    assert_eq!(next(&queue), [0; 0]);
}

#[test]
fn too_much_that_waits_is_a_failure_of_all_that_waits() {
    let queue = queue();
    queue.give(group(1, 10));
    assert_eq!(next(&queue), [1]);
    queue.give(group(11, WAITING_MAX));
    queue.give(group(300_000, 1));
    assert_eq!(next(&queue), [0; 0]);
    // What the writer had in hand has its own answer, and nothing is taken until the failure is told.
    queue.kept(Seq(10));
    queue.give(group(300_001, 1));
    assert_eq!(next(&queue), [0; 0]);
    assert_eq!(queue.poll(), Some(Verdict::Failed(Seq(11))));
    assert_eq!(queue.poll(), Some(Verdict::Kept(Seq(10))));
    assert_eq!(queue.poll(), None);
    queue.give(group(300_002, 1));
    assert_eq!(next(&queue), [300_002]);
}

#[test]
fn what_was_kept_is_told_once_and_a_failure_is_told_before_anything_is_taken_again() {
    let queue = queue();
    queue.kept(Seq(1));
    queue.kept(Seq(2));
    queue.failed(Seq(3));
    queue.failed(Seq(7));
    assert_eq!(queue.poll(), Some(Verdict::Kept(Seq(2))));
    assert_eq!(queue.poll(), Some(Verdict::Failed(Seq(3))));
    queue.give(group(8, 1));
    assert_eq!(queue.poll(), Some(Verdict::Failed(Seq(7))));
    queue.give(group(9, 1));
    assert_eq!(next(&queue), [9]);
}

#[test]
fn an_orderly_end_comes_behind_what_waits_and_a_death_does_not() {
    for (ending, rest) in [(Ending::Orderly, 1), (Ending::AtOnce, 0)] {
        let queue = queue();
        queue.give(group(1, 1));
        queue.end(ending);
        let mut left = 0;
        while let Work::Write(groups, _) = queue.next(Duration::ZERO) {
            left += groups.len();
        }
        assert_eq!(left, rest, "{ending:?}");
        queue.give(group(2, 1));
        assert_eq!(queue.poll(), Some(Verdict::Failed(Seq(2))));
    }
}
