//! SIP messages: bytes to meaning and back (RFC 3261 §7, §20, §25). No state, no sockets, no clock.
//!
//! # Reading
//!
//! [`Message::parse`] takes one datagram and makes an index of its header lines in place: no copy, and no
//! allocation up to 32 headers. It refuses only what it cannot represent ([`Malformed`]). What matching needs of
//! every message comes from [`Message::key`], also without allocation. Everything else is read when somebody asks.
//!
//! [`validate`] names every problem of a message, each with the status owed; [`Verdict`] says whether it is well formed.
//!
//! # Writing
//!
//! [`Response`] builds an answer from its request; [`mod@write`] has the pieces for everything else. Both append to a
//! `Vec<u8>` that the caller keeps.
//!
//! # Tolerance
//!
//! Accepted without a word, since it is met in the field: line folding, white space before the colon, empty lines
//! before the start line, lines that end with a bare LF, bytes that are no UTF-8, compact names, a status line
//! that ends after its code.

mod address;
mod challenge;
mod date;
pub mod digest;
mod grammar;
mod host;
mod index;
mod key;
mod malformed;
mod method;
mod name;
mod params;
mod problem;
mod read;
mod reason;
mod response;
mod rsip;
mod scalar;
mod scan;
mod sdp;
mod typed;
mod uri;
mod validate;
mod value;
mod via;
pub mod write;

pub use address::{Address, Contact};
pub use challenge::Challenge;
pub use date::Date;
pub use grammar::Text;
pub use host::{Host, address};
pub use key::Key;
pub use malformed::Malformed;
pub use method::Method;
pub use name::Name;
pub use params::{Param, Params};
pub use problem::{Fault, Kind, Problem, Verdict};
pub use read::{Header, Message, Start};
pub use reason::Reason;
pub use response::{Response, response_target};
pub use scalar::{CSeq, MediaType, RAck, RetryAfter, Token, Warning};
pub use sdp::{Direction, Sdp};
pub use typed::List;
pub use uri::{Scheme, Uri, UriParams, unescaped};
pub use validate::validate;
pub use value::Value;
pub use via::Via;

#[cfg(test)]
mod tests;
