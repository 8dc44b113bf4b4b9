//! Flash-call verification over SIP.
pub mod base;
