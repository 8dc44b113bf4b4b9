//! The hub: events of verifications on their way to whoever follows one.
//!
//! The loop of the engine brings them, so nothing here waits: the last events are kept by verification, and each stream
//! has a queue of its own. A reader that does not keep up loses its stream, and may come back with the last event it saw.

use crate::base::id::SessionId;
use crate::verify::event::{Event, What};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// Events that are kept for those who come late, of all verifications together.
const KEPT_MAX: usize = 16_384;
/// Events that wait for one reader. A verification has a dozen in all.
const QUEUE: usize = 64;

/// The hub.
pub struct Hub {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    kept_max: usize,
    lines: HashMap<SessionId, Line>,
    /// Whose event each kept one is, oldest first.
    order: VecDeque<SessionId>,
    closed: bool,
}

/// One verification.
#[derive(Default)]
struct Line {
    events: VecDeque<Arc<Event>>,
    readers: Vec<mpsc::Sender<Arc<Event>>>,
}

/// What a new reader gets.
pub(crate) struct Following {
    /// What has happened so far, as far as it is kept.
    pub(crate) past: VecDeque<Arc<Event>>,
    /// What happens from now on; it ends where nothing more will.
    pub(crate) live: mpsc::Receiver<Arc<Event>>,
}

impl Default for Hub {
    fn default() -> Self {
        Self::keeping(KEPT_MAX)
    }
}

impl Hub {
    /// A hub that keeps so many events.
    #[must_use]
    pub fn keeping(kept_max: usize) -> Self {
        Self { inner: Mutex::new(Inner { kept_max, ..Inner::default() }) }
    }

    /// Something happened. An alarm is not passed on: it would tell that a code is right which is refused as wrong.
    pub fn tell(&self, event: &Event) {
        let over = match &event.what {
            What::Alarm { .. } => return,
            What::Ended(_) => true,
            What::Started(_)
            | What::Phase { .. }
            | What::CallEnded { .. }
            | What::CheckFailed { .. } => false,
        };
        let (id, event) = (event.id, Arc::new(event.clone()));
        let mut inner = self.lock();
        let line = inner.lines.entry(id).or_default();
        line.readers.retain(|reader| reader.try_send(Arc::clone(&event)).is_ok());
        line.events.push_back(event);
        if over {
            line.readers = Vec::new();
        }
        inner.order.push_back(id);
        inner.forget();
    }

    /// Follows one verification, behind this event of it.
    pub(crate) fn follow(&self, id: SessionId, after: u64) -> Following {
        let (tell, live) = mpsc::channel(QUEUE);
        let mut inner = self.lock();
        if inner.closed {
            return Following { past: VecDeque::new(), live };
        }
        let line = inner.lines.entry(id).or_default();
        line.readers.retain(|reader| !reader.is_closed());
        let over = line.events.back().is_some_and(|last| matches!(last.what, What::Ended(_)));
        if !over {
            line.readers.push(tell);
        }
        let past = line.events.iter().filter(|event| event.sequence > after).cloned().collect();
        Following { past, live }
    }

    /// Somebody has stopped to follow.
    pub(crate) fn left(&self, id: SessionId) {
        let mut inner = self.lock();
        if let Some(line) = inner.lines.get_mut(&id) {
            line.readers.retain(|reader| !reader.is_closed());
            if line.readers.is_empty() && line.events.is_empty() {
                inner.lines.remove(&id);
            }
        }
    }

    /// Ends every stream, and lets no new one live: the service is ending.
    pub fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.lines.clear();
        inner.order.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn forget(&mut self) {
        while self.order.len() > self.kept_max {
            let Some(id) = self.order.pop_front() else { return };
            let Some(line) = self.lines.get_mut(&id) else { continue };
            line.events.pop_front();
            if line.events.is_empty() && line.readers.is_empty() {
                self.lines.remove(&id);
            }
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        write!(f, "{} events of {} verifications", inner.order.len(), inner.lines.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::outcome::Outcome;
    use crate::verify::status::Phase;

    fn id(random: u64) -> SessionId {
        SessionId { unix_ms: 1, shard: 0, epoch: 1, random }
    }

    fn event(of: u64, sequence: u64) -> Event {
        let what = What::Phase { phase: Phase::Ringing, attempt: 1 };
        Event { id: id(of), tenant: "shop".into(), sequence, at_unix_us: 0, what }
    }

    fn past(hub: &Hub, of: u64, after: u64) -> Vec<u64> {
        hub.follow(id(of), after).past.iter().map(|event| event.sequence).collect()
    }

    #[test]
    fn what_was_seen_is_not_replayed_and_the_oldest_is_forgotten() {
        let hub = Hub::keeping(4);
        for sequence in 1..=3 {
            hub.tell(&event(1, sequence));
        }
        assert_eq!(past(&hub, 1, 0), [1, 2, 3]);
        assert_eq!(past(&hub, 1, 2), [3]);
        hub.tell(&event(2, 1));
        hub.tell(&event(2, 2));
        assert_eq!(past(&hub, 1, 0), [2, 3]);
        assert_eq!(past(&hub, 2, 0), [1, 2]);
    }

    #[test]
    fn an_alarm_is_not_passed_on() {
        let hub = Hub::default();
        let what = What::Alarm { attempt: 1, outcome: Outcome::Unallocated };
        hub.tell(&Event { what, ..event(1, 1) });
        assert!(past(&hub, 1, 0).is_empty());
    }

    #[test]
    fn who_does_not_read_loses_the_stream_and_nobody_waits_for_him() {
        let hub = Hub::default();
        let (mut slow, mut quick) = (hub.follow(id(1), 0).live, hub.follow(id(1), 0).live);
        for sequence in 0..=QUEUE as u64 {
            hub.tell(&event(1, sequence));
            assert_eq!(quick.try_recv().unwrap().sequence, sequence);
        }
        for sequence in 0..QUEUE as u64 {
            assert_eq!(slow.try_recv().unwrap().sequence, sequence);
        }
        assert!(matches!(slow.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
    }

    #[test]
    fn readers_that_left_and_streams_of_a_closed_hub_leave_nothing_behind() {
        let hub = Hub::default();
        drop(hub.follow(id(1), 0));
        hub.left(id(1));
        assert_eq!(format!("{hub:?}"), "0 events of 0 verifications");
        let mut live = hub.follow(id(2), 0).live;
        hub.close();
        assert!(matches!(live.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
        let mut late = hub.follow(id(2), 0).live;
        assert!(matches!(late.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)));
    }
}
