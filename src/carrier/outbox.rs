//! Datagrams to be sent, one after the other in one buffer that is used again.

use std::net::SocketAddr;

/// Datagrams to be sent.
#[derive(Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    ends: Vec<(SocketAddr, usize)>,
}

impl Outbox {
    /// The datagrams, in order.
    pub fn iter(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |(to, end)| {
            let datagram = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            (*to, datagram)
        })
    }

    /// Makes room for the next ones.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Where the next datagram is written; [`Outbox::end`] ends it.
    pub(super) const fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// What was written since the last end is a datagram to `to`.
    pub(super) fn end(&mut self, to: SocketAddr) {
        self.ends.push((to, self.bytes.len()));
    }
}
