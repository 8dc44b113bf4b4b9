//! The network between: it delays, loses, doubles and reorders, as the seed says.

use std::time::Duration;

use smallvec::SmallVec;

use super::chance::Chance;
use super::params::Path;

/// One direction.
pub(crate) struct Wire {
    path: Path,
    chance: Chance,
}

impl Wire {
    pub(crate) const fn new(path: Path, chance: Chance) -> Self {
        Self { path, chance }
    }

    /// When the copies of a datagram arrive; none if it is lost.
    pub(crate) fn carry(&mut self) -> SmallVec<[Duration; 2]> {
        let mut copies = SmallVec::new();
        let doubled = self.chance.hits(self.path.double_permille);
        for _ in 0..1 + usize::from(doubled) {
            let delay = self.path.delay + self.chance.within(self.path.jitter);
            if !self.chance.hits(self.path.loss_permille) {
                copies.push(delay);
            }
        }
        copies
    }
}
