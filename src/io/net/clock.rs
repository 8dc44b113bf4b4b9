//! The only reader of the machine's clocks; everybody else is told the time.

use std::time::{Duration, Instant as Monotonic, SystemTime, UNIX_EPOCH};

use crate::base::clock::{Instant, Now};

/// Counts from the moment it was started; one for the whole process, so that instants can be compared.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Monotonic,
}

impl Clock {
    /// Starts counting.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of the clocks")]
    pub fn start() -> Self {
        Self { started: Monotonic::now() }
    }

    /// Both clocks now. The wall clock is 0 on a machine that believes it is before 1970.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of the clocks")]
    pub fn now(&self) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { instant: self.instant(), unix_us: micros(unix) }
    }

    /// The monotonic clock alone, at half the cost of [`Clock::now`].
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one reader of the clocks")]
    pub fn instant(&self) -> Instant {
        Instant::from_micros(micros(Monotonic::now().duration_since(self.started)))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_forward_and_the_wall_clock_is_of_this_century() {
        let clock = Clock::start();
        let first = clock.now();
        let second = clock.now();
        assert!(first.instant <= second.instant);
        assert!(first.unix_us > 946_684_800_000_000);
    }
}
