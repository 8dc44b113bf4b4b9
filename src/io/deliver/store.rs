//! The store of a data directory as a source.

use super::source::{Reached, Source};
use crate::io::store::sqlite::{Admin, CdrQuery, Direction, ReadError, Reader, WriteError};
use crate::verify::cdr::{Amendment, Kept};
use std::fmt;

/// The store of a data directory.
#[derive(Clone, Debug)]
pub struct FromStore {
    /// Reads it.
    pub reader: Reader,
    /// Remembers in it.
    pub admin: Admin,
}

/// Why the store does not answer.
#[derive(Debug)]
pub enum StoreError {
    /// It cannot be read.
    Read(ReadError),
    /// It cannot be written.
    Write(WriteError),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Write(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StoreError {}

impl Source for FromStore {
    type Error = StoreError;

    fn records(&mut self, row: u64, most: usize) -> Result<Vec<Kept>, StoreError> {
        let query = CdrQuery {
            after: Some(row),
            direction: Direction::OldestFirst,
            limit: most,
            ..CdrQuery::default()
        };
        self.reader.cdrs(&query).map_err(StoreError::Read)
    }

    fn amendments(&mut self, place: u64, most: usize) -> Result<Vec<(u64, Amendment)>, StoreError> {
        self.reader.amendments(place, most).map_err(StoreError::Read)
    }

    fn reached(&mut self, sink: &str) -> Result<Option<Reached>, StoreError> {
        let reached = self.reader.sink_rows(sink).map_err(StoreError::Read)?;
        Ok(reached.map(|(row, amendment)| Reached { row, amendment }))
    }

    async fn remember(&mut self, sink: &str, reached: Reached) -> Result<(), StoreError> {
        let Reached { row, amendment } = reached;
        let kept = self.admin.delivered(sink.into(), row, amendment).await;
        kept.map(|_| ()).map_err(StoreError::Write)
    }
}

#[cfg(test)]
mod tests;
