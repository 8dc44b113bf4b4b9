//! Records as rows. Each statement may run again: the loop gives a record again when it could not be told that it was kept.

use super::cells::{Cells, Table};
use super::ids::{call, life};
use super::queue::Group;
use super::seal::Seal;
use crate::base::id::{AttemptId, SessionId};
use crate::base::number::{CallerId, Destination};
use crate::verify::cdr::{Amendment, Cdr};
use crate::verify::record::{Change, Intent, Opened, Record};
use crate::verify::status::Status;
use rusqlite::{Connection, Statement};
use std::fmt::{self, Write as _};
use std::net::SocketAddr;

const SESSION_INSERT: &str = "INSERT INTO session (id, tenant, profile, to_number, country, created_us, \
    expires_us, code_length, tries, redials, allow_diverted, distinct_codes, client_reference, metadata, sum, \
    status, reason, ended_us, tries_left, redials_left, approved_by, late, state_sum) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23) \
    ON CONFLICT (id) DO NOTHING";
/// What has ended stays as it ended.
const SESSION_UPDATE: &str = "UPDATE session SET status = ?2, reason = ?3, ended_us = ?4, tries_left = ?5, \
    redials_left = ?6, approved_by = ?7, late = ?8, state_sum = ?9 \
    WHERE id = ?1 AND status IN ('pending', ?2)";
const SESSION_TENANT: &str = "SELECT tenant FROM session WHERE id = ?1";
/// A claim that is too old for the loop is replaced; it stands behind the younger ones then.
const CLAIM: &str = "INSERT OR REPLACE INTO idempotency (key, tenant, session, body, created_us, sum) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const ATTEMPT_INSERT: &str = "INSERT INTO open_attempt (session, number, life, call, to_number, trunk, sent_by, \
    domain, from_domain, route, target, call_id, from_tag, at_us, from_masked, from_sealed, sum) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) \
    ON CONFLICT DO NOTHING";
const ATTEMPT_DELETE: &str =
    "DELETE FROM open_attempt WHERE session = ?1 AND number = ?2 AND life = ?3 AND call = ?4";
const CDR_INSERT: &str = "INSERT INTO cdr (life, call, session, number, tenant, to_number, trunk, target, call_id, \
    outcome, sip_status, start_us, pdd_us, hold_us, end_us, kept_us, from_masked, detail, sum, \
    from_number, from_sealed, from_sum, alone) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23) \
    ON CONFLICT (life, call) DO NOTHING";
const REVEAL: &str = "UPDATE cdr SET from_number = ?3, from_sealed = NULL, from_sum = ?4 \
    WHERE life = ?1 AND call = ?2";
const AMENDMENT_INSERT: &str = "INSERT INTO amendment (life, call, at_us, sip_status, alerted, sum) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";

/// The statements that records become, prepared for one connection.
pub(super) struct Records<'c> {
    begin: Statement<'c>,
    commit: Statement<'c>,
    session_insert: Statement<'c>,
    session_update: Statement<'c>,
    session_tenant: Statement<'c>,
    claim: Statement<'c>,
    attempt_insert: Statement<'c>,
    attempt_delete: Statement<'c>,
    cdr_insert: Statement<'c>,
    reveal: Statement<'c>,
    amendment_insert: Statement<'c>,
    database: &'c Connection,
    texts: Texts,
}

/// Buffers that are used again for each record.
#[derive(Default)]
struct Texts {
    session: String,
    tenant: String,
    to: String,
    from: String,
    masked: String,
    target: String,
}

/// What a batch is written with.
pub(super) struct Pen<'p> {
    pub(super) seal: &'p mut Seal,
    /// Microseconds since 1970 UTC.
    pub(super) now_us: u64,
}

impl<'c> Records<'c> {
    pub(super) fn prepare(database: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            begin: database.prepare("BEGIN IMMEDIATE")?,
            commit: database.prepare("COMMIT")?,
            session_insert: database.prepare(SESSION_INSERT)?,
            session_update: database.prepare(SESSION_UPDATE)?,
            session_tenant: database.prepare(SESSION_TENANT)?,
            claim: database.prepare(CLAIM)?,
            attempt_insert: database.prepare(ATTEMPT_INSERT)?,
            attempt_delete: database.prepare(ATTEMPT_DELETE)?,
            cdr_insert: database.prepare(CDR_INSERT)?,
            reveal: database.prepare(REVEAL)?,
            amendment_insert: database.prepare(AMENDMENT_INSERT)?,
            database,
            texts: Texts::default(),
        })
    }

    /// Writes all of it or nothing, and says the row of the last CDR that is new.
    pub(super) fn write(
        &mut self,
        groups: &[Group],
        pen: &mut Pen<'_>,
    ) -> rusqlite::Result<Option<u64>> {
        let written = self.write_all(groups, pen);
        if written.is_err() && !self.database.is_autocommit() {
            // Where even that fails the connection is given up, and with it the transaction.
            self.database.execute_batch("ROLLBACK").ok();
        }
        written
    }

    fn write_all(&mut self, groups: &[Group], pen: &mut Pen<'_>) -> rusqlite::Result<Option<u64>> {
        self.begin.raw_execute()?;
        let mut last_row = None;
        for record in groups.iter().flat_map(|group| &group.records) {
            match record {
                Record::Opened(opened) => self.opened(opened)?,
                Record::Changed(change) => self.changed(change)?,
                Record::Intent(intent) => self.intent(intent, pen)?,
                Record::Cdr(cdr) => last_row = self.cdr(cdr, pen)?.or(last_row),
                Record::Amendment(amendment) => self.amendment(amendment)?,
            }
        }
        self.commit.raw_execute()?;
        Ok(last_row)
    }

    fn opened(&mut self, opened: &Opened) -> rusqlite::Result<()> {
        let texts = &mut self.texts;
        session(&mut texts.session, opened.id);
        destination(&mut texts.to, opened.to);
        let fixed = Cells::default()
            .text(&texts.session)
            .text(&opened.tenant)
            .text(&opened.profile)
            .text(&texts.to)
            .text_or_null(opened.country.as_ref().map(|country| country.as_str()))
            .int(opened.created_unix_us)
            .int(opened.expires_unix_us)
            .int(opened.code_length)
            .int(opened.tries)
            .int(opened.redials)
            .int(opened.allow_diverted)
            .int(opened.distinct)
            .text_or_null(opened.client_reference.as_deref())
            .text_or_null(opened.metadata.as_deref());
        let state = Cells::default()
            .text(&texts.session)
            .text(Status::Pending.name())
            .text_or_null(None)
            .int_or_null(None::<u64>)
            .int(opened.tries)
            .int(opened.redials)
            .int_or_null(None::<u64>)
            .int(false);
        let (sum, state_sum) = (fixed.summed(Table::Session), state.summed(Table::State));
        fixed.sum(sum).with(&state, 1).sum(state_sum).execute(&mut self.session_insert)?;
        if let Some(claim) = &opened.idempotency {
            let cells = Cells::default()
                .blob(&claim.key)
                .text(&opened.tenant)
                .text(&texts.session)
                .blob(&claim.body)
                .int(opened.created_unix_us);
            let sum = cells.summed(Table::Idempotency);
            cells.sum(sum).execute(&mut self.claim)?;
        }
        Ok(())
    }

    fn changed(&mut self, change: &Change) -> rusqlite::Result<()> {
        let texts = &mut self.texts;
        session(&mut texts.session, change.id);
        let cells = Cells::default()
            .text(&texts.session)
            .text(change.status.name())
            .text_or_null(change.reason.map(|reason| reason.name()))
            .int_or_null(change.ended_unix_us)
            .int(change.tries_left)
            .int(change.redials_left)
            .int_or_null(change.approved_by)
            .int(change.late);
        let sum = cells.summed(Table::State);
        if cells.sum(sum).execute(&mut self.session_update)? == 0 {
            tracing::error!(session = %change.id, "a change of no verification that could change");
        }
        for (id, from) in &change.reveal {
            caller(&mut texts.from, *from);
            let cells = Cells::default().int(life(*id)).int(call(*id)).text(&texts.from);
            let sum = cells.summed(Table::Caller);
            cells.sum(sum).execute(&mut self.reveal)?;
        }
        Ok(())
    }

    fn intent(&mut self, intent: &Intent, pen: &mut Pen<'_>) -> rusqlite::Result<()> {
        let texts = &mut self.texts;
        let number = part(&mut texts.session, intent.part);
        destination(&mut texts.to, intent.to);
        shown(&mut texts.masked, intent.from);
        address(&mut texts.target, intent.target);
        let sealed = pen.seal.seal(intent.id, intent.from);
        let (call_id, from_tag) = (ascii(&intent.call_id), ascii(&intent.from_tag));
        let cells = Cells::default()
            .text(&texts.session)
            .int(number)
            .int(life(intent.id))
            .int(call(intent.id))
            .text(&texts.to)
            .text(&intent.way.trunk)
            .text(&intent.way.sent_by)
            .text(&intent.way.domain)
            .text(&intent.way.from_domain)
            .text_or_null(intent.way.route.as_deref())
            .text(&texts.target)
            .text(call_id)
            .text(from_tag)
            .int(intent.at_unix_us)
            .text(&texts.masked)
            .blob(&sealed);
        let sum = cells.summed(Table::OpenAttempt);
        cells.sum(sum).execute(&mut self.attempt_insert).map(|_| ())
    }

    /// Says its row, if it is new.
    fn cdr(&mut self, cdr: &Cdr, pen: &mut Pen<'_>) -> rusqlite::Result<Option<u64>> {
        let texts = &mut self.texts;
        let number = part(&mut texts.session, cdr.part);
        let (life, call) = (life(cdr.id), call(cdr.id));
        Cells::default()
            .text(&texts.session)
            .int(number)
            .int(life)
            .int(call)
            .execute(&mut self.attempt_delete)?;
        let known = cdr.part.is_some()
            && tenant_of(&mut self.session_tenant, &texts.session, &mut texts.tenant)?;
        destination(&mut texts.to, cdr.to);
        caller(&mut texts.from, cdr.from);
        shown(&mut texts.masked, cdr.from);
        address(&mut texts.target, cdr.target);
        let (detail, status) = (cdr.detail(), cdr.facts.final_status());
        let sealed = cdr.open.then(|| pen.seal.seal(cdr.id, cdr.from));
        let cells = Cells::default()
            .int(life)
            .int(call)
            .text_or_null(cdr.part.map(|_| texts.session.as_str()))
            .int_or_null(cdr.part.map(|part| part.number))
            .text_or_null(known.then_some(texts.tenant.as_str()))
            .text(&texts.to)
            .text(&cdr.way.trunk)
            .text(&texts.target)
            .text(ascii(&cdr.call_id))
            .text(cdr.outcome.name())
            .int_or_null((status != 0).then_some(status))
            .int(cdr.start_unix_us)
            .int_or_null(cdr.pdd_us())
            .int_or_null(cdr.hold_us())
            .int_or_null(cdr.facts.times.end.micros())
            .int(pen.now_us)
            .text(&texts.masked)
            .text(&detail);
        let sum = cells.summed(Table::Cdr);
        let caller = Cells::default().int(life).int(call).text(&texts.from);
        let cells = match &sealed {
            Some(sealed) => cells.sum(sum).text_or_null(None).blob(sealed).int_or_null(None::<u64>),
            None => {
                let caller_sum = caller.summed(Table::Caller);
                cells.sum(sum).text(&texts.from).blob_or_null(None).sum(caller_sum)
            }
        };
        let new = cells.int(!known).execute(&mut self.cdr_insert)? == 1;
        Ok(new.then(|| self.database.last_insert_rowid().cast_unsigned()))
    }

    fn amendment(&mut self, amendment: &Amendment) -> rusqlite::Result<()> {
        let cells = Cells::default()
            .int(life(amendment.id))
            .int(call(amendment.id))
            .int(amendment.at_unix_us)
            .int(amendment.status)
            .int(amendment.alerted);
        let sum = cells.summed(Table::Amendment);
        cells.sum(sum).execute(&mut self.amendment_insert).map(|_| ())
    }
}

/// Whether the verification is there; its tenant, if so.
fn tenant_of(
    statement: &mut Statement<'_>,
    session: &str,
    tenant: &mut String,
) -> rusqlite::Result<bool> {
    tenant.clear();
    Cells::default().text(session).bind(statement)?;
    let mut rows = statement.raw_query();
    let Some(row) = rows.next()? else { return Ok(false) };
    tenant.push_str(row.get_ref(0)?.as_str().unwrap_or_default());
    Ok(true)
}

fn set(text: &mut String, value: fmt::Arguments<'_>) {
    text.clear();
    // Writing to a String cannot fail.
    text.write_fmt(value).ok();
}

fn session(text: &mut String, id: SessionId) {
    set(text, format_args!("{id}"));
}

/// The session's column of a call, and the number's: nothing and 0 for a bare call.
fn part(text: &mut String, part: Option<crate::verify::record::Part>) -> u64 {
    text.clear();
    part.map_or(0, |part| {
        session(text, part.session);
        u64::from(part.number)
    })
}

fn destination(text: &mut String, number: Destination) {
    text.clear();
    text.push('+');
    text.push_str(number.reveal().as_str());
}

/// In plain: for what is not open any more.
fn caller(text: &mut String, number: CallerId) {
    text.clear();
    text.push('+');
    text.push_str(number.reveal().as_str());
}

fn shown(text: &mut String, number: CallerId) {
    set(text, format_args!("{number}"));
}

fn address(text: &mut String, address: SocketAddr) {
    set(text, format_args!("{address}"));
}

/// What we made ourselves, of letters and digits.
fn ascii(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap_or_default()
}

/// The columns that name an attempt.
pub(super) fn key(id: AttemptId) -> [i64; 2] {
    [life(id).cast_signed(), call(id).cast_signed()]
}
