//! The ladder of every call, as the engine's datagrams pass.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::base::clock::{Instant, Now};
use crate::driver::{Passing, Watch};
use crate::io::capture::ladder::{Direction, Ladder};
use crate::sip::message::Message;

/// The ladders by Call-ID, with when each call began.
#[derive(Clone, Default)]
pub(super) struct Ladders(Arc<Mutex<BTreeMap<String, (Instant, Ladder)>>>);

impl Ladders {
    /// The ladder of a call, for people.
    pub(super) fn text(&self, call_id: &str, alert: Option<u16>) -> String {
        let ladders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ladders.get(call_id).map(|(_, ladder)| ladder.text(alert)).unwrap_or_default()
    }

    fn pass(&self, datagram: &Passing<'_>, direction: Direction) {
        let bytes = Bytes::copy_from_slice(datagram.bytes);
        let Ok(message) = Message::parse(bytes.clone()) else { return };
        let Ok(key) = message.key() else { return };
        let call_id = String::from_utf8_lossy(key.call_id).into_owned();
        let mut ladders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, ladder) =
            ladders.entry(call_id).or_insert_with(|| (datagram.at, Ladder::new()));
        let at_us = datagram.at.as_micros().saturating_sub(first.as_micros());
        ladder.push(at_us, direction, bytes);
    }
}

impl Watch for Ladders {
    fn received(&mut self, datagram: &Passing<'_>, _: Now) {
        self.pass(datagram, Direction::In);
    }

    fn sent(&mut self, datagram: &Passing<'_>, _: Option<Instant>, _: Now) {
        self.pass(datagram, Direction::Out);
    }
}
