//! Somebody who sees every datagram pass: a ladder, a capture, a stopwatch.

use crate::base::clock::{Instant, Now};
use std::net::SocketAddr;

/// One datagram as it passes.
#[derive(Clone, Copy, Debug)]
pub struct Passing<'a> {
    /// When it was received, or handed to the kernel.
    pub at: Instant,
    /// The other side.
    pub peer: SocketAddr,
    /// Our side.
    pub local: SocketAddr,
    /// The message.
    pub bytes: &'a [u8],
}

/// Who watches. It changes nothing, and must not take long.
pub trait Watch {
    /// A datagram came in. `now` gives the wall clock of about that moment.
    fn received(&mut self, datagram: &Passing<'_>, now: Now);

    /// A datagram went out. For a CANCEL that follows an alert, when that alert was received.
    fn sent(&mut self, datagram: &Passing<'_>, alert_at: Option<Instant>, now: Now);

    /// Nothing more will pass.
    fn end(&mut self) {}
}
