//! The flash machine: its whole table, and dialogues in virtual time.
//!
//! A test's name begins with the rule that it guards, where there is one (`docs/CONFORMANCE.md`).

mod dialogues;
mod table;
