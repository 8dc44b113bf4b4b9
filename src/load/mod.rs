//! Load: as much work as asked, as fast as asked, and how long it took.
//!
//! [`calls`] places bare flash calls over the same driver that a service uses. [`verifications`] plays the users of a
//! running service, over its REST API.

pub mod calls;
mod rate;
mod stopwatch;
mod tally;
pub mod verifications;

pub use stopwatch::Stopwatch;
pub use tally::{Percentiles, Tally, histogram};
