//! What becomes of verifications, one rule a test.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test looks for one kind and fails on the others"
)]

mod bench;
mod calls;
mod chance;
mod claims;
mod durable;
mod starts;
