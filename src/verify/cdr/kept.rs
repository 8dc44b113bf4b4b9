//! A record as a store gives it back: the two numbers beside it, and everything else as it was written.

use super::Amendment;
use super::view::{Late, View};
use crate::base::id::AttemptId;
use crate::base::number::{CallerId, Destination};
use crate::verify::record::Part;
use std::fmt;
use std::sync::Arc;

/// A record that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its place among the records of the store; the first is 1.
    pub row: u64,
    /// Its name.
    pub id: AttemptId,
    /// The verification it was for, and which of its calls it was; none for a bare call.
    pub part: Option<Part>,
    /// Whose verification.
    pub tenant: Option<Arc<str>>,
    /// Called number.
    pub to: Destination,
    /// Presented number.
    pub from: CallerId,
    /// Whether the verification is still open: until it has ended, the presented number is its code.
    pub open: bool,
    /// Everything else: what [`Cdr::detail`](super::Cdr::detail) wrote. It holds neither number.
    pub detail: String,
    /// What came after the record was written, in order.
    pub amendments: Vec<Amendment>,
}

/// What may be seen of the two numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// The caller-ID without its tail, the destination without its middle.
    #[default]
    Masked,
    /// Both in plain, but the caller-ID of an open verification is masked all the same.
    Plain,
}

/// The details of a record that cannot be read. They were not written by this program, or by a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Whose.
    pub id: AttemptId,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the details of record {} are not what this version writes", self.id)
    }
}

impl std::error::Error for Unreadable {}

impl Kept {
    /// The whole record, for whoever may see so much of its numbers.
    ///
    /// # Errors
    /// Its details cannot be read.
    pub fn view(&self, show: Show) -> Result<View, Unreadable> {
        let detail: View =
            serde_json::from_str(&self.detail).map_err(|_| Unreadable { id: self.id })?;
        let (from, to) = match show {
            Show::Masked => (self.from.to_string(), self.to.to_string()),
            Show::Plain if self.open => (self.from.to_string(), plain(self.to.reveal().as_str())),
            Show::Plain => (plain(self.from.reveal().as_str()), plain(self.to.reveal().as_str())),
        };
        Ok(View {
            verification: self.part.map(|part| part.session.to_string()),
            attempt: self.part.map(|part| part.number),
            tenant: self.tenant.as_deref().map(str::to_owned),
            from: Some(from),
            to: Some(to),
            amendments: self.amendments.iter().map(Late::from).collect(),
            ..detail
        })
    }

    /// The same as JSON, on one line.
    ///
    /// # Errors
    /// Its details cannot be read.
    pub fn json(&self, show: Show) -> Result<String, Unreadable> {
        let view = self.view(show)?;
        serde_json::to_string(&view).map_err(|_| Unreadable { id: self.id })
    }
}

/// A number as it is written.
pub(super) fn plain(digits: &str) -> String {
    format!("+{digits}")
}
