//! SIP: bytes and messages, transactions, the user agent (RFC 3261).

pub mod message;

pub mod txn;

pub mod ua;
