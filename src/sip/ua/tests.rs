//! The user agent in virtual time, against a far end that says what a test tells it to.
//!
//! A test's name begins with the rule that it guards, where there is one (`docs/CONFORMANCE.md`). Whatever we send in any
//! of them is read by `rsip` too, and must say the same there.

mod again;
mod answer;
mod bench;
mod cancel;
mod cancelled;
mod inbound;
mod invite;
mod late;
mod matching;
mod other;
mod provisional;
mod reader;
mod reply;
mod shape;
