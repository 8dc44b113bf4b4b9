//! Datagrams that are ready to leave: one buffer for a whole turn, so that none is allocated.

use crate::base::clock::Instant;
use crate::base::flow::FlowId;
use std::net::SocketAddr;

/// One datagram, and where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sending<'a> {
    /// Its path.
    pub flow: FlowId,
    /// Its target.
    pub to: SocketAddr,
    /// The message.
    pub bytes: &'a [u8],
    /// For a CANCEL, when the alert that it answers was received; for measuring how long that took.
    pub alert_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    flow: FlowId,
    to: SocketAddr,
    start: usize,
    end: usize,
    alert_at: Option<Instant>,
}

/// The datagrams of one turn, in the order they were written.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

impl Outbox {
    /// Writes one datagram.
    pub(super) fn send(&mut self, flow: FlowId, to: SocketAddr, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.places.push(Place { flow, to, start, end: self.bytes.len(), alert_at: None });
    }

    /// Writes one datagram, unless `write` says that there is none.
    pub(super) fn send_if(
        &mut self,
        flow: FlowId,
        to: SocketAddr,
        write: impl FnOnce(&mut Vec<u8>) -> bool,
    ) {
        let start = self.bytes.len();
        if write(&mut self.bytes) {
            self.places.push(Place { flow, to, start, end: self.bytes.len(), alert_at: None });
        } else {
            self.bytes.truncate(start);
        }
    }

    /// Marks the datagram written last as the CANCEL that answers this alert.
    pub(super) fn answers_alert(&mut self, at: Instant) {
        if let Some(place) = self.places.last_mut() {
            place.alert_at = Some(at);
        }
    }

    /// What is to be sent, in order.
    pub fn iter(&self) -> impl Iterator<Item = Sending<'_>> {
        self.places.iter().map(|place| Sending {
            flow: place.flow,
            to: place.to,
            bytes: self.bytes.get(place.start..place.end).unwrap_or_default(),
            alert_at: place.alert_at,
        })
    }

    /// How many datagrams are waiting.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nothing is waiting.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Forgets what was sent; the buffers stay.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.places.clear();
    }
}
