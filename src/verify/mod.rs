//! The service without HTTP and without SIP: verifications, the matcher, and what is written down of both and of calls.

pub mod cdr;
pub mod command;
pub mod event;
pub mod matcher;
pub mod reach;
pub mod record;
pub mod rules;
pub mod snapshot;
pub mod status;
pub mod verifier;
