//! Flash-call verification over SIP: proves that somebody holds a phone number by ringing it for less than
//! a second from a number whose last digits are the code.
//!
//! The modules stand in layer order; each names only those above it in this list. What decides is pure:
//! it takes an input with the time, is drained of outputs, and says when to come back. `ARCHITECTURE.md`
//! has the whole plan. (A blank line between two modules keeps rustfmt from sorting them.)
//!
//! # Words
//!
//! | word | meaning |
//! | --- | --- |
//! | flash call | a call that rings the phone and is cancelled before anybody can take it |
//! | trigger | the response that says the phone rings, by default `180` |
//! | hold | time between the trigger and our CANCEL |
//! | guard | time after the INVITE when a call that never rang is cancelled all the same |
//! | PDD | post-dial delay: INVITE to ringing |
//! | trunk, target | a carrier; one of its addresses |
//! | attempt | one try to ring a number, with its challenges and targets |
//! | outcome | what an attempt came to: `rang`, `busy`, … |
//! | CDR | call detail record: the one record of one attempt |
//! | far end, carrier | whoever answers our INVITE; the built-in one also judges us |
//! | ladder | the messages of a call, one a line, with their times |

pub mod base;

pub mod sip;

pub mod call;

pub mod numbers;

pub mod verify;

pub mod engine;

pub mod io;

pub mod driver;

pub mod carrier;

pub mod load;

pub mod config;

pub mod api;

pub mod app;

pub mod cli;
