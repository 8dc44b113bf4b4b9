//! SIP (RFC 3261).

pub mod txn;
