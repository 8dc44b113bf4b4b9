//! The columns of a row as they are bound, read, and summed.
//!
//! A row's sum is the SipHash-1-3 of its columns' types, lengths and bytes, with the table's name in front, under a
//! fixed key. It finds what rots or is torn, not what somebody forges: whoever may write the file may write anything.
//! So a keyed hash would add nothing, and with a fixed key a sum says the same whatever became of the secrets. Of the
//! hashes at hand it is the cheapest that sees every byte: 0.2 µs for a session, 0.6 µs for a CDR, where SHA-256 takes
//! two to five times as long and 32 bits of a CRC would miss one row in four billion.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Row, Statement};
use siphasher::sip::SipHasher13;
use smallvec::SmallVec;
use std::hash::Hasher as _;

/// Columns of one row, or a part of it, in the order of their table.
#[derive(Default)]
pub(super) struct Cells<'a>(SmallVec<[ValueRef<'a>; 32]>);

impl<'a> Cells<'a> {
    pub(super) fn int(mut self, value: impl Into<u64>) -> Self {
        self.0.push(ValueRef::Integer(value.into().cast_signed()));
        self
    }

    pub(super) fn int_or_null(mut self, value: Option<impl Into<u64>>) -> Self {
        self.0.push(
            value.map_or(ValueRef::Null, |value| ValueRef::Integer(value.into().cast_signed())),
        );
        self
    }

    /// A sum: all 64 bits, as SQLite's signed integer.
    pub(super) fn sum(mut self, value: i64) -> Self {
        self.0.push(ValueRef::Integer(value));
        self
    }

    pub(super) fn text(mut self, value: &'a str) -> Self {
        self.0.push(ValueRef::Text(value.as_bytes()));
        self
    }

    pub(super) fn text_or_null(mut self, value: Option<&'a str>) -> Self {
        self.0.push(value.map_or(ValueRef::Null, |value| ValueRef::Text(value.as_bytes())));
        self
    }

    pub(super) fn blob(mut self, value: &'a [u8]) -> Self {
        self.0.push(ValueRef::Blob(value));
        self
    }

    pub(super) fn blob_or_null(mut self, value: Option<&'a [u8]>) -> Self {
        self.0.push(value.map_or(ValueRef::Null, ValueRef::Blob));
        self
    }

    /// These, and behind them the others but for the first `skip`.
    pub(super) fn with(mut self, other: &Self, skip: usize) -> Self {
        self.0.extend(other.0.iter().skip(skip).copied());
        self
    }

    /// The first so many columns of a row that was read.
    pub(super) fn of(row: &'a Row<'_>, count: usize) -> Self {
        // A column that is not there is summed as nothing, and the sum does not fit.
        Self((0..count).map(|at| row.get_ref(at).unwrap_or(ValueRef::Null)).collect())
    }

    /// Those of these columns.
    pub(super) fn only(&self, columns: impl IntoIterator<Item = usize>) -> Self {
        Self(columns.into_iter().filter_map(|at| self.0.get(at).copied()).collect())
    }

    /// Reads them one behind the other, from this one on.
    pub(super) const fn from(&self, at: usize) -> Columns<'_, 'a> {
        Columns { cells: self, at }
    }

    /// Whether the columns from one up to another have the sum that stands behind them.
    pub(super) fn prove(&self, table: Table, from: usize, to: usize) -> Result<(), Damaged> {
        let sum = Self(self.0.get(from..to).unwrap_or_default().into()).summed(table);
        self.from(to).sum_is(sum)
    }

    /// The sum of these columns.
    pub(super) fn summed(&self, table: Table) -> i64 {
        let mut bytes: SmallVec<[u8; 2048]> = SmallVec::new();
        bytes.extend_from_slice(table.name().as_bytes());
        for cell in &self.0 {
            let (kind, body): (u8, &[u8]) = match cell {
                ValueRef::Null => (0, &[]),
                ValueRef::Integer(value) => {
                    bytes.push(1);
                    bytes.extend_from_slice(&value.to_le_bytes());
                    continue;
                }
                ValueRef::Real(value) => {
                    bytes.push(2);
                    bytes.extend_from_slice(&value.to_le_bytes());
                    continue;
                }
                ValueRef::Text(text) => (3, text),
                ValueRef::Blob(blob) => (4, blob),
            };
            bytes.push(kind);
            bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
            bytes.extend_from_slice(body);
        }
        let mut hasher = SipHasher13::new_with_keys(0x6f6e_6572_696e_6720, 0x726f_7720_7375_6d31);
        hasher.write(&bytes);
        hasher.finish().cast_signed()
    }

    /// Runs a statement whose parameters these are, and says how many rows it changed.
    pub(super) fn execute(&self, statement: &mut Statement<'_>) -> rusqlite::Result<usize> {
        self.bind(statement)?;
        statement.raw_execute()
    }

    pub(super) fn bind(&self, statement: &mut Statement<'_>) -> rusqlite::Result<()> {
        for (at, cell) in self.0.iter().enumerate() {
            statement.raw_bind_parameter(at + 1, ToSqlOutput::Borrowed(*cell))?;
        }
        Ok(())
    }
}

/// What a sum is of, so that rows of one table never pass for those of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Meta,
    Session,
    /// What of a session can change.
    State,
    OpenAttempt,
    Cdr,
    /// The presented number of a CDR, in plain.
    Caller,
    Amendment,
    Idempotency,
    ApiKey,
    Sink,
}

impl Table {
    /// Its name in the database; a part of a table has its own.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Session => "session",
            Self::State => "session state",
            Self::OpenAttempt => "open_attempt",
            Self::Cdr => "cdr",
            Self::Caller => "cdr caller",
            Self::Amendment => "amendment",
            Self::Idempotency => "idempotency",
            Self::ApiKey => "api_key",
            Self::Sink => "sink",
        }
    }
}

/// A row that is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damaged;

/// Reads columns one behind the other.
pub(super) struct Columns<'c, 'r> {
    cells: &'c Cells<'r>,
    at: usize,
}

impl<'r> Columns<'_, 'r> {
    fn next(&mut self) -> Result<ValueRef<'r>, Damaged> {
        let value = self.cells.0.get(self.at).copied().ok_or(Damaged);
        self.at += 1;
        value
    }

    /// Whether the next one is this sum.
    pub(super) fn sum_is(&mut self, sum: i64) -> Result<(), Damaged> {
        let kept = self.next()?.as_i64().map_err(|_| Damaged)?;
        if kept == sum { Ok(()) } else { Err(Damaged) }
    }

    /// Passes by so many.
    pub(super) const fn skip(&mut self, count: usize) {
        self.at += count;
    }

    pub(super) fn int_or_null<T: TryFrom<u64>>(&mut self) -> Result<Option<T>, Damaged> {
        let value = self.next()?.as_i64_or_null().map_err(|_| Damaged)?;
        value.map(|value| T::try_from(value.cast_unsigned()).map_err(|_| Damaged)).transpose()
    }

    pub(super) fn int<T: TryFrom<u64>>(&mut self) -> Result<T, Damaged> {
        self.int_or_null()?.ok_or(Damaged)
    }

    pub(super) fn text(&mut self) -> Result<&'r str, Damaged> {
        self.next()?.as_str().map_err(|_| Damaged)
    }

    pub(super) fn text_or_null(&mut self) -> Result<Option<&'r str>, Damaged> {
        self.next()?.as_str_or_null().map_err(|_| Damaged)
    }

    pub(super) fn blob(&mut self) -> Result<&'r [u8], Damaged> {
        self.next()?.as_blob().map_err(|_| Damaged)
    }

    pub(super) fn blob_or_null(&mut self) -> Result<Option<&'r [u8]>, Damaged> {
        self.next()?.as_blob_or_null().map_err(|_| Damaged)
    }

    /// A text in a form of its own.
    pub(super) fn parse<T>(&mut self, read: impl FnOnce(&str) -> Option<T>) -> Result<T, Damaged> {
        read(self.text()?).ok_or(Damaged)
    }

    /// The same, where it is there.
    pub(super) fn parse_or_null<T>(
        &mut self,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Damaged> {
        self.text_or_null()?.map(|text| read(text).ok_or(Damaged)).transpose()
    }

    /// Text of exactly so many bytes.
    pub(super) fn ascii<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        self.text()?.as_bytes().try_into().map_err(|_| Damaged)
    }

    /// A blob of exactly so many bytes.
    pub(super) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        self.blob()?.try_into().map_err(|_| Damaged)
    }
}
