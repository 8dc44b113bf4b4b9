//! The four transactions of SIP: RFC 3261 §17, corrected by RFC 6026.
//!
//! Each machine is one small value and one `step`: it takes an [event](client_invite::Event) with the time
//! and says what to do. It holds no bytes, no peer and no timer durations, so that a million of them fit
//! in memory; the owner keeps the request or the response to be sent again, passes [`Timers`] and
//! [`Transport`] in, and comes back with `TimePassed` at [`deadline`](client_invite::ClientInvite::deadline).
//!
//! | machine | file | RFC |
//! | --- | --- | --- |
//! | client INVITE | [`client_invite`] | 3261 §17.1.1, 6026 §7.2 |
//! | client, every other method | [`client_other`] | 3261 §17.1.2, 4320 |
//! | server INVITE | [`server_invite`] | 3261 §17.2.1, 6026 §7.1 |
//! | server, every other method | [`server_other`] | 3261 §17.2.2, 4320 |
//!
//! ACK is no transaction of its own: for a 3xx–6xx the client INVITE machine asks for it, for a 2xx the
//! call does.

pub mod branch;
pub mod client_invite;
pub mod client_other;
mod key;
pub mod server_invite;
pub mod server_other;
mod timers;

#[cfg(test)]
mod tests;

use smallvec::SmallVec;

pub use self::key::ServerKey;
pub use self::timers::{Timers, Transport};

/// What one step wants done, in this order. No step wants more than four things, so nothing is allocated.
pub type Actions<A> = SmallVec<[A; 4]>;
