//! How long it takes from an alert to its CANCEL, measured where the datagrams pass: from the return of the system call
//! that brought the alert to the return of the one that took the CANCEL.

use crate::base::clock::{Instant, Now};
use crate::driver::{Passing, Watch};
use hdrhistogram::Histogram;
use std::cell::RefCell;
use std::rc::Rc;

/// The watch; its readings are shared with whoever reports them.
pub struct Stopwatch {
    cancel_us: Rc<RefCell<Histogram<u32>>>,
}

impl Stopwatch {
    /// A stopwatch that writes into this histogram, in microseconds.
    #[must_use]
    pub const fn new(cancel_us: Rc<RefCell<Histogram<u32>>>) -> Self {
        Self { cancel_us }
    }
}

impl Watch for Stopwatch {
    fn received(&mut self, _: &Passing<'_>, _: Now) {}

    fn sent(&mut self, datagram: &Passing<'_>, alert_at: Option<Instant>, _: Now) {
        if let Some(alert) = alert_at {
            let micros = datagram.at.as_micros().saturating_sub(alert.as_micros());
            self.cancel_us.borrow_mut().saturating_record(micros);
        }
    }
}
