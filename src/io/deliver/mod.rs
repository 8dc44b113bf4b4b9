//! Records into files that other programs read: JSON lines or CSV.
//!
//! A record is in the store before anything is heard of it here. A [`Delivery`] reads the store row by row, writes lines,
//! and remembers in the store how far it has come; so a full disk or a restart delays lines and never loses one. What the
//! store does not know as delivered is written again after a restart: a reader drops what it has under its `cdr_id`.
//!
//! With numbers masked, a line is written as soon as its record is stored. With numbers in plain it waits until its
//! verification has ended, since until then the caller-ID is a code; it is passed over meanwhile, and no other line waits for
//! it. Then what was written behind the oldest open verification comes again after a restart. An amendment is a line of its
//! own in JSON lines, and none in CSV.

mod file;
mod follow;
mod line;
mod sink;
mod source;
mod store;
mod thread;

pub use line::Format;
pub use source::{Reached, Source};
pub use store::{FromStore, StoreError};
pub use thread::{Delivery, Tally};

use crate::verify::cdr::Show;
use std::path::PathBuf;
use std::time::Duration;

/// A file that records go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSink {
    /// Under which the store remembers how far it has come. A new name begins with the oldest record.
    pub name: String,
    /// The file that is appended to. Its directory must be there.
    pub path: PathBuf,
    /// What a line looks like.
    pub format: Format,
    /// What is seen of the numbers; default masked.
    pub numbers: Show,
    /// When a new file begins.
    pub rotate: Rotate,
}

/// When a file is renamed and a new one begun, besides when that is asked for. By default never.
///
/// `cdr.jsonl` becomes `cdr-20261125T100000Z.jsonl`, with `-1`, `-2` … behind the time where that exists. A file without a
/// record is not renamed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotate {
    /// Before the file would become larger than so many bytes. One line is written whole, whatever its size.
    pub size: Option<u64>,
    /// At each multiple of this time since 1970 UTC: `1h` is at each full hour, 24 h at midnight. Renamed by the end of its
    /// time.
    pub every: Option<Duration>,
}

#[cfg(test)]
mod tests;
