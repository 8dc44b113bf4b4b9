//! Places for connections: how many there may be, and of one source.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Connections that may be told at a time that they are too many.
const LAST: usize = 64;

/// The places.
#[derive(Clone, Debug)]
pub(super) struct Places {
    max: usize,
    per_source_max: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_source: BTreeMap<IpAddr, usize>,
    last: usize,
}

/// A place; it is free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    taken: Arc<Mutex<Taken>>,
    /// None for one of those that are told to go.
    source: Option<IpAddr>,
}

impl Places {
    pub(super) fn new(max: usize, per_source_max: usize) -> Self {
        Self { max, per_source_max, taken: Arc::default() }
    }

    /// A place for a connection from there, unless there is none left.
    pub(super) fn take(&self, source: IpAddr) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.by_source.get(&source).copied().unwrap_or_default();
        if taken.all >= self.max || own >= self.per_source_max {
            return None;
        }
        taken.all += 1;
        taken.by_source.insert(source, own + 1);
        Some(Place { taken: Arc::clone(&self.taken), source: Some(source) })
    }

    /// A place for being told that there is none.
    pub(super) fn take_last(&self) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.last >= LAST {
            return None;
        }
        taken.last += 1;
        Some(Place { taken: Arc::clone(&self.taken), source: None })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(source) = self.source else {
            taken.last = taken.last.saturating_sub(1);
            return;
        };
        taken.all = taken.all.saturating_sub(1);
        match taken.by_source.get_mut(&source) {
            Some(own) if *own > 1 => *own -= 1,
            Some(_) | None => {
                taken.by_source.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_does_not_take_every_place() {
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let places = Places::new(3, 2);
        let (first, _second) = (places.take(one).unwrap(), places.take(one).unwrap());
        assert!(places.take(one).is_none());
        let _third = places.take(other).unwrap();
        assert!(places.take(other).is_none());
        drop(first);
        assert!(places.take(one).is_some(), "a place is free again");
        assert_eq!(places.taken.lock().unwrap().by_source.len(), 2);
    }

    #[test]
    fn few_are_told_at_a_time() {
        let places = Places::new(0, 0);
        let told: Vec<Place> = std::iter::from_fn(|| places.take_last()).collect();
        assert_eq!(told.len(), LAST);
        drop(told);
        assert!(places.take_last().is_some());
    }
}
