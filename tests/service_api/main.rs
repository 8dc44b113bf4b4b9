//! Whole stories over HTTP, as an application lives them: `onering serve` as a program, a judging carrier, and people who read
//! a number off their phones.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of a test may fail it"
)]

mod bad;
mod claims;
mod lists;
mod stage;
mod stories;
#[path = "../support"]
mod support {
    pub(crate) mod http;
    #[expect(dead_code, reason = "other tests need the rest")]
    pub(crate) mod phones;
    #[expect(dead_code, reason = "other tests need the rest")]
    pub(crate) mod running;
}
