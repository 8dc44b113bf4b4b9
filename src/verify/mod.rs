//! What is written down of a call: the record of an attempt, and what the store is asked to keep.

pub mod cdr;
pub mod record;
