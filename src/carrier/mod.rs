//! The far end of a flash call: an honest SIP server that rings, answers, refuses or loses packets as asked,
//! and judges what it receives.
//!
//! [`Carrier`] is pure: it takes datagrams and the time, and gives datagrams and [`Offence`]s; the same seed
//! and the same inputs give the same outputs.
//!
//! It has its own small engine over the messages and the server transactions (RFC 3261 §17.2, RFC 6026)
//! and shares nothing with the caller's side, so that a mistake there is not excused by the same mistake here.
//!
//! # Behaviours
//!
//! The last three digits of the called number choose, or one behaviour is given for all calls:
//!
//! | digits | name | what it does |
//! | --- | --- | --- |
//! | other | `rings` | 100, 180; to CANCEL 200 and 487 |
//! | 180 | `rings` | the same |
//! | 100 | `trying-only` | 100 and nothing more; to CANCEL 200 and 487 |
//! | 000 | `silent` | never answers anything |
//! | 181 | `forwards-then-rings` | 100, 181, after 200 ms 180 |
//! | 182 | `queues-then-rings` | 100, 182, after 200 ms 180 |
//! | 183 | `progress-then-rings` | 100, 183 with SDP, after 200 ms 180 |
//! | 184 | `progress-only` | 100, 183 with SDP, never 180 |
//! | 185 | `rings-late` | 100, and 180 only after 3 s |
//! | 186 | `rings-late-silently` | nothing at all until 180 after 3 s |
//! | 187 | `no-487` | rings; 200 to CANCEL, but never a 487 |
//! | 188 | `repeats-finals` | rings; repeats its acknowledged final 4 times |
//! | 189 | `rings-reliably` | 180 with 100rel, offered or not, repeated until PRACK comes |
//! | 190 | `forks` | 180 with tag A, after 50 ms 180 with tag B |
//! | 191 | `drops` | rings; loses 10 % of the packets each way |
//! | 192 | `rejects-cancel` | rings; 481 to CANCEL, 487 two seconds later |
//! | 193 | `487-first` | rings; to CANCEL first 487, then 200 |
//! | 194 | `ignores-cancel` | rings; no answer to CANCEL, no 487 |
//! | 200 | `answers` | 200 at once |
//! | 201 | `answers-in-race` | rings; a 200 to the INVITE crosses with the CANCEL |
//! | 202 | `forks-answer` | 180 with tags A and B, after 100 ms 200 with tag A, then with tag B |
//! | 203 | `answers-soon` | 180, after 300 ms 200 |
//! | 204 | `answers-routed` | 180, after 100 ms 200; ACK and BYE have to carry two routes |
//! | 205 | `ends-by-itself` | 180, after 300 ms 487 without a CANCEL |
//! | 302 403 404 408 410 480 484 486 487 488 500 503 600 603 604 607 608 | `busy`, `declined`, `unreachable`, … | 100, then that status |
//!
//! # What the judge knows
//!
//! A packet that the carrier threw away itself is never held against the caller: a missing ACK is an offence
//! when Timer H fires, not when it is late; a CANCEL or ACK that came and was thrown away did come; a
//! phone that could not be heard was not left ringing. What another network between loses, doubles or reorders is
//! excused where [`Config::lossy_wire`] says that there is one.

mod answer;
mod behaviour;
mod call;
mod dialog;
pub mod fast;
mod invite;
mod judge;
mod other;
mod outbox;
pub mod report;
mod rule;
pub mod serve;
mod table;
pub mod tell;
mod turn;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

pub use behaviour::{Behaviour, REFUSALS, Row, TABLE, help};
pub use outbox::Outbox;
pub use rule::{Offence, Rule};
pub use table::Carrier;
pub use turn::Counts;

use crate::sip::txn::Timers;
use tell::Heard;

/// How a far end behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// One for all calls; by the called number if there is none.
    pub behaviour: Option<Behaviour>,
    /// Its retransmission timers.
    pub timers: Timers,
    /// How long an INVITE may stay open before it counts as a phone left ringing; 70 s.
    pub ring_limit: Duration,
    /// How long a late ring takes; 3 s.
    pub late: Duration,
    /// How often an acknowledged final is repeated by `repeats-finals`; 4.
    pub repeats: u8,
    /// Packets thrown away each way, in a thousand.
    pub loss_permille: u16,
    /// The network between may lose, double and reorder: what that explains is no offence.
    pub lossy_wire: bool,
    /// Two copies of a CANCEL closer together than this are two CANCELs; 250 ms, half of the caller's T1.
    pub copy_min: Duration,
    /// Where its Contact and Record-Route lead.
    pub contact: SocketAddr,
    /// Calls that are held at once; more are refused with 503.
    pub calls_max: usize,
}

impl Config {
    /// The defaults, for a far end at this address.
    #[must_use]
    pub fn at(contact: SocketAddr) -> Self {
        Self {
            behaviour: None,
            timers: Timers::default(),
            ring_limit: Duration::from_secs(70),
            late: Duration::from_secs(3),
            repeats: 4,
            loss_permille: 0,
            lossy_wire: false,
            copy_min: Duration::from_millis(250),
            contact,
            calls_max: 1_000_000,
        }
    }
}

/// What comes of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A datagram to be sent.
    Send {
        /// Where to.
        to: SocketAddr,
        /// What.
        bytes: Bytes,
    },
    /// The caller did something wrong.
    Offence(Offence),
    /// A call with numbers came, and was not thrown away; once for each Call-ID, which follows.
    Heard(Heard, Box<[u8]>),
}

#[cfg(test)]
mod tests;
