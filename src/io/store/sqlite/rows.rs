//! Rows as records again. Every row is proved by its sum; one that is not what was written is reported and left out.
//!
//! An index that rots leads to sound rows that nobody asked for, so whoever asked looks whether the answer fits
//! ([`fitting`]).

use super::cells::{Cells, Columns, Damaged, Table};
use super::dir::DataDir;
use super::ids::{attempt, part};
use super::seal::Seal;
use crate::base::id::{AttemptId, SessionId};
use crate::base::number::{CallerId, Country, Destination};
use crate::call::outcome::Outcome;
use crate::call::way::Way;
use crate::verify::cdr::{Amendment, Kept};
use crate::verify::record::{Intent, Opened, Part};
use crate::verify::status::{Reason, Status};
use rusqlite::Row;
use std::sync::Arc;

/// Columns of a CDR, in the order of [`CdrRow::of`].
pub(super) const CDR: &str = "c.row, c.life, c.call, c.session, c.number, c.tenant, c.to_number, c.trunk, c.target, \
    c.call_id, c.outcome, c.sip_status, c.start_us, c.pdd_us, c.hold_us, c.end_us, c.kept_us, c.from_masked, c.detail, \
    c.sum, c.from_number, c.from_sealed, c.from_sum";
/// Columns of a session, in the order of [`SessionRow::of`].
pub(super) const SESSION: &str = "row, id, tenant, profile, to_number, country, created_us, expires_us, code_length, \
    tries, redials, allow_diverted, distinct_codes, client_reference, metadata, sum, status, reason, ended_us, \
    tries_left, redials_left, approved_by, late, state_sum";
/// Columns of an open attempt, in the order of [`intent`].
pub(super) const OPEN_ATTEMPT: &str = "session, number, life, call, to_number, trunk, sent_by, domain, from_domain, \
    route, target, call_id, from_tag, at_us, from_masked, from_sealed, sum";

/// Most names, and most ways, that are remembered.
const REMEMBERED_MAX: usize = 64;

/// A CDR as it lies there.
pub(super) struct CdrRow<'r> {
    pub(super) row: u64,
    pub(super) id: AttemptId,
    pub(super) part: Option<Part>,
    pub(super) tenant: Option<&'r str>,
    pub(super) to: Destination,
    pub(super) trunk: &'r str,
    pub(super) outcome: Outcome,
    pub(super) start_unix_us: u64,
    pub(super) from: CallerId,
    open: bool,
    detail: &'r str,
}

impl<'r> CdrRow<'r> {
    /// Whether the phone was alerted, whatever came of it then.
    pub(super) fn alerted(&self) -> bool {
        #[derive(serde::Deserialize)]
        struct Detail {
            #[serde(default)]
            alerted: bool,
        }
        serde_json::from_str(self.detail).is_ok_and(|detail: Detail| detail.alerted)
    }

    pub(super) fn of(row: &'r Row<'_>, seal: &Seal) -> Result<Self, Damaged> {
        let cells = Cells::of(row, 23);
        cells.prove(Table::Cdr, 1, 19)?;
        let mut columns = cells.from(0);
        let place = columns.int()?;
        let id = attempt(&mut columns)?;
        let part = part(&mut columns)?;
        let tenant = columns.text_or_null()?;
        let to = columns.parse(|text| Destination::parse(text).ok())?;
        let trunk = columns.text()?;
        columns.skip(2);
        let outcome = columns.parse(Outcome::named)?;
        columns.skip(1);
        let start_unix_us = columns.int()?;
        columns.skip(5);
        let detail = columns.text()?;
        columns.skip(1);
        let plain = columns.parse_or_null(|text| CallerId::parse(text).ok())?;
        let sealed = columns.blob_or_null()?;
        let (from, open) = match (plain, sealed) {
            (Some(plain), None) => (plain, false),
            (None, Some(sealed)) => (seal.open(id, sealed).ok_or(Damaged)?, true),
            (None, None) | (Some(_), Some(_)) => return Err(Damaged),
        };
        // What is sealed proves itself.
        if !open {
            columns.sum_is(cells.only([1, 2, 20]).summed(Table::Caller))?;
        }
        Ok(Self {
            row: place,
            id,
            part,
            tenant,
            to,
            trunk,
            outcome,
            start_unix_us,
            from,
            open,
            detail,
        })
    }

    /// Whether it is of a call of this verification.
    pub(super) fn is_of(&self, session: SessionId) -> bool {
        self.part.is_some_and(|part| part.session == session)
    }

    pub(super) fn kept(&self) -> Kept {
        Kept {
            row: self.row,
            id: self.id,
            part: self.part,
            tenant: self.tenant.map(Arc::from),
            to: self.to,
            from: self.from,
            open: self.open,
            detail: self.detail.to_owned(),
            amendments: Vec::new(),
        }
    }
}

/// A session as it lies there.
pub(super) struct SessionRow {
    pub(super) opened: Opened,
    pub(super) status: Status,
    pub(super) reason: Option<Reason>,
    pub(super) ended_unix_us: Option<u64>,
    pub(super) tries_left: u8,
    pub(super) redials_left: u8,
    pub(super) late: bool,
}

impl SessionRow {
    pub(super) fn of(row: &Row<'_>, names: &mut Names) -> Result<Self, Damaged> {
        let cells = Cells::of(row, 24);
        cells.prove(Table::Session, 1, 15)?;
        let state = cells.only([1, 16, 17, 18, 19, 20, 21, 22]).summed(Table::State);
        cells.from(23).sum_is(state)?;
        let mut columns = cells.from(1);
        let opened = Opened {
            id: columns.parse(|text| text.parse::<SessionId>().ok())?,
            tenant: names.of(columns.text()?),
            profile: names.of(columns.text()?),
            to: columns.parse(|text| Destination::parse(text).ok())?,
            country: columns.parse_or_null(Country::parse)?,
            created_unix_us: columns.int()?,
            expires_unix_us: columns.int()?,
            code_length: columns.int()?,
            tries: columns.int()?,
            redials: columns.int()?,
            allow_diverted: columns.int::<u8>()? == 1,
            distinct: columns.int()?,
            idempotency: None,
            client_reference: columns.text_or_null()?.map(Arc::from),
            metadata: columns.text_or_null()?.map(Arc::from),
        };
        columns.skip(1);
        let status = columns.parse(Status::named)?;
        let reason = columns.parse_or_null(Reason::named)?;
        let ended_unix_us = columns.int_or_null()?;
        let (tries_left, redials_left) = (columns.int()?, columns.int()?);
        // Which of its calls approved it is for people.
        columns.skip(1);
        let late = columns.int::<u8>()? == 1;
        Ok(Self { opened, status, reason, ended_unix_us, tries_left, redials_left, late })
    }
}

/// Names of tenants and profiles that were read, so that sessions share them.
#[derive(Default)]
pub(super) struct Names(Vec<Arc<str>>);

impl Names {
    fn of(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.iter().find(|known| ***known == *name) {
            return Arc::clone(known);
        }
        let new: Arc<str> = name.into();
        if self.0.len() < REMEMBERED_MAX {
            self.0.push(Arc::clone(&new));
        }
        new
    }
}

/// Ways that were read, so that calls of the same trunk share theirs.
#[derive(Default)]
pub(super) struct Ways(Vec<Arc<Way>>);

impl Ways {
    fn of(&mut self, columns: &mut Columns<'_, '_>) -> Result<Arc<Way>, Damaged> {
        let (trunk, sent_by, domain) = (columns.text()?, columns.text()?, columns.text()?);
        let (from_domain, route) = (columns.text()?, columns.text_or_null()?);
        let known = self.0.iter().find(|way| {
            *way.trunk == *trunk
                && *way.sent_by == *sent_by
                && *way.domain == *domain
                && *way.from_domain == *from_domain
                && way.route.as_deref() == route
        });
        if let Some(way) = known {
            return Ok(Arc::clone(way));
        }
        let way = Arc::new(Way {
            trunk: trunk.into(),
            sent_by: sent_by.into(),
            domain: domain.into(),
            from_domain: from_domain.into(),
            route: route.map(Arc::from),
        });
        if self.0.len() < REMEMBERED_MAX {
            self.0.push(Arc::clone(&way));
        }
        Ok(way)
    }
}

/// The intent of an open attempt.
pub(super) fn intent(row: &Row<'_>, seal: &Seal, ways: &mut Ways) -> Result<Intent, Damaged> {
    let cells = Cells::of(row, 17);
    cells.prove(Table::OpenAttempt, 0, 16)?;
    let mut columns = cells.from(0);
    let part = part(&mut columns)?;
    let id = attempt(&mut columns)?;
    let to = columns.parse(|text| Destination::parse(text).ok())?;
    let way = ways.of(&mut columns)?;
    let target = columns.parse(|text| text.parse().ok())?;
    let (call_id, from_tag) = (columns.ascii()?, columns.ascii()?);
    let at_unix_us = columns.int()?;
    columns.skip(1);
    let from = seal.open(id, columns.blob()?).ok_or(Damaged)?;
    Ok(Intent { id, part, to, from, call_id, from_tag, way, target, at_unix_us })
}

/// Columns of an amendment, in the order of [`amendment`].
pub(super) const AMENDMENT: &str = "life, call, at_us, sip_status, alerted, sum";

pub(super) fn amendment(row: &Row<'_>) -> Result<Amendment, Damaged> {
    let cells = Cells::of(row, 6);
    cells.prove(Table::Amendment, 0, 5)?;
    let mut columns = cells.from(0);
    let id = attempt(&mut columns)?;
    let (at_unix_us, status) = (columns.int()?, columns.int()?);
    let alerted = columns.int::<u8>()? == 1;
    Ok(Amendment { id, at_unix_us, status, alerted })
}

/// What a row holds, if it is what was asked for.
pub(super) fn fitting<T>(
    read: Result<T, Damaged>,
    fits: impl FnOnce(&T) -> bool,
) -> Result<T, Damaged> {
    read.and_then(|read| if fits(&read) { Ok(read) } else { Err(Damaged) })
}

/// What a row holds, or nothing where it is damaged, which is reported with these of its columns.
pub(super) fn whole<T>(
    read: Result<T, Damaged>,
    dir: &DataDir,
    table: Table,
    row: &Row<'_>,
    key: &[usize],
) -> Option<T> {
    match read {
        Ok(read) => Some(read),
        Err(Damaged) => {
            dir.report_damaged(table, &key_of(row, key));
            None
        }
    }
}

/// The name of a row in the log: these of its columns, as they are.
fn key_of(row: &Row<'_>, columns: &[usize]) -> String {
    let texts = columns.iter().map(|at| match row.get_ref(*at) {
        Ok(rusqlite::types::ValueRef::Integer(value)) => value.to_string(),
        Ok(rusqlite::types::ValueRef::Text(text)) => {
            String::from_utf8_lossy(text).escape_debug().take(64).collect()
        }
        Ok(_) | Err(_) => "?".to_owned(),
    });
    texts.collect::<Vec<_>>().join(" ")
}
