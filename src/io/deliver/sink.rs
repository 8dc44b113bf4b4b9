//! One sink: what is written when, and what happens when it cannot be.

use super::FileSink;
use super::file::{FileError, Lines};
use super::follow::{BATCH, Follow};
use super::line::amended;
use super::source::{Reached, Source};
use super::thread::Tally;
use crate::base::clock::{Instant, Now};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A line is on disk, and remembered as such, at the latest so long after it was written. Each record on its own would cost
/// the disk as much as the store itself does.
const SYNC_AFTER: Duration = Duration::from_secs(1);
/// After a failure it is tried again so much later, then twice as long each time …
const RETRY_FIRST: Duration = Duration::from_secs(1);
/// … up to this.
const RETRY_MAX: Duration = Duration::from_secs(60);

/// Between two looks for amendments; nobody tells of them.
const AMENDMENTS_AFTER: Duration = Duration::from_secs(5);

/// Why nothing is written just now.
enum Trouble<E> {
    File(FileError),
    Store(E),
}

impl<E> From<FileError> for Trouble<E> {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl<E: fmt::Display> fmt::Display for Trouble<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Store(error) => write!(f, "cannot follow the store: {error}"),
        }
    }
}

/// When to try again after a failure.
#[derive(Clone, Copy)]
struct Retry {
    at: Instant,
    after: Duration,
}

/// A sink that is fed with the time.
pub(super) struct Sink<S> {
    config: FileSink,
    source: S,
    lines: Lines,
    tally: Arc<Tally>,
    /// None until the store has said where to begin.
    follow: Option<Follow>,
    /// Amendments up to this place are written, or wait below.
    amendment: u64,
    /// When it looks for more of them.
    amendments_at: Instant,
    /// Lines that are not in the file yet; nothing more is read while there are any.
    waiting: VecDeque<Vec<u8>>,
    /// What the store knows; none where it does not know the sink.
    known: Option<Reached>,
    /// What it is to know: it is on disk.
    durable: Reached,
    /// Since when something is written that is not known to be on disk.
    unsynced: Option<Instant>,
    rotation_asked: bool,
    retry: Option<Retry>,
}

impl<S: Source> Sink<S> {
    pub(super) fn new(config: FileSink, source: S, tally: Arc<Tally>) -> Self {
        let lines = Lines::new(config.path.clone(), config.format.header());
        Self {
            config,
            source,
            lines,
            tally,
            follow: None,
            amendment: 0,
            amendments_at: Instant::START,
            waiting: VecDeque::new(),
            known: None,
            durable: Reached::default(),
            unsynced: None,
            rotation_asked: false,
            retry: None,
        }
    }

    /// A new file is begun in the next turn, which does not wait for the end of a failure.
    pub(super) fn rotate(&mut self) {
        self.rotation_asked = true;
        if let Some(retry) = &mut self.retry {
            retry.at = Instant::START;
        }
    }

    /// Writes what there is to write, a batch at most. Returns when to come back without news; none for never.
    pub(super) async fn turn(&mut self, now: Now) -> Option<Instant> {
        if let Some(retry) = self.retry.filter(|retry| now.instant < retry.at) {
            return Some(retry.at);
        }
        let worked = match self.work(now) {
            Ok(due) => self.remember().await.map(|()| due),
            Err(trouble) => Err(trouble),
        };
        self.tell();
        match worked {
            Ok(due) => {
                if self.retry.take().is_some() {
                    self.tally.failing.store(false, Ordering::Relaxed);
                    tracing::warn!(sink = %self.config.name, "records are written to the file again");
                }
                due
            }
            Err(trouble) => Some(self.fail(&trouble, now.instant)),
        }
    }

    /// Writes what is left, unless that fails.
    pub(super) async fn finish(&mut self, now: Now) {
        self.amendments_at = Instant::START;
        while self.turn(now).await == Some(now.instant) {}
        if self.retry.is_some() {
            return;
        }
        let settled = match self.settle() {
            Ok(()) => self.remember().await,
            Err(trouble) => Err(trouble),
        };
        if let Err(trouble) = settled {
            self.fail(&trouble, now.instant);
        }
    }

    /// Says so, once, and waits.
    fn fail(&mut self, trouble: &Trouble<S::Error>, now: Instant) -> Instant {
        self.tally.errors.fetch_add(1, Ordering::Relaxed);
        if matches!(trouble, Trouble::File(error) if error.lost) {
            // What the disk may not have is written again.
            self.begin(self.known);
        }
        let after = match self.retry {
            Some(retry) => (retry.after * 2).min(RETRY_MAX),
            None => {
                self.tally.failing.store(true, Ordering::Relaxed);
                let (sink, error) = (&self.config.name, trouble);
                tracing::error!(%sink, %error, "records wait in the store");
                RETRY_FIRST
            }
        };
        let at = now + after;
        self.retry = Some(Retry { at, after });
        at
    }

    /// Says how far it has come.
    fn tell(&self) {
        let Some(follow) = &self.follow else { return };
        let (looked, passed_over) = follow.looked();
        let written = if self.waiting.is_empty() { follow.row() } else { self.durable.row };
        let waiting = passed_over + self.waiting.len();
        self.tally.reached.store(written, Ordering::Relaxed);
        self.tally.looked.store(looked, Ordering::Relaxed);
        self.tally.waiting.store(waiting as u64, Ordering::Relaxed);
    }

    fn begin(&mut self, known: Option<Reached>) {
        let reached = known.unwrap_or_default();
        self.follow = Some(Follow::new(self.config.numbers, reached.row));
        self.amendment = reached.amendment;
        self.waiting.clear();
        (self.known, self.durable) = (known, reached);
        self.unsynced = None;
    }

    fn work(&mut self, now: Now) -> Result<Option<Instant>, Trouble<S::Error>> {
        if self.follow.is_none() {
            let known = self.source.reached(&self.config.name).map_err(Trouble::Store)?;
            self.begin(known);
        }
        self.lines_in_place(now)?;
        self.write(now)?;
        let more = self.read(now.instant)?;
        self.write(now)?;
        if self.reached() != self.durable {
            self.unsynced.get_or_insert(now.instant);
        }
        if self.unsynced.is_some_and(|since| now.instant.since(since) >= SYNC_AFTER) {
            self.settle()?;
        }
        if more {
            return Ok(Some(now.instant));
        }
        let sync_at = self.unsynced.map(|since| since + SYNC_AFTER);
        let look_at = self.follow.as_ref().and_then(Follow::due);
        let late_at = self.config.format.has_amendments().then_some(self.amendments_at);
        Ok([sync_at, look_at, late_at, self.period_ends(now)?].into_iter().flatten().min())
    }

    /// The file is there under its name, belongs to this period, and is a new one if that was asked for.
    fn lines_in_place(&mut self, now: Now) -> Result<(), Trouble<S::Error>> {
        if !self.lines.is_in_place() {
            // Renamed by somebody who then asks for a new one has what was asked for.
            self.rotation_asked = false;
            self.lines.close()?;
        }
        // Opens it, so that what is wrong with it is told before there is anything to write.
        self.lines.len()?;
        let end = self.period_end()?.filter(|end| *end <= now.unix_us);
        if self.rotation_asked || end.is_some() {
            self.lines.rotate(end.unwrap_or(now.unix_us))?;
            self.rotation_asked = false;
        }
        Ok(())
    }

    /// When the period of what is in the file ends, microseconds since 1970; none where there is nothing or no period.
    fn period_end(&mut self) -> Result<Option<u64>, FileError> {
        let Some(every) = self.config.rotate.every else { return Ok(None) };
        let every_us = u64::try_from(every.as_micros()).unwrap_or(u64::MAX).max(1);
        let written = self.lines.written_unix_us()?;
        Ok(written.map(|written| (written / every_us + 1).saturating_mul(every_us)))
    }

    /// The same as an instant to come.
    fn period_ends(&mut self, now: Now) -> Result<Option<Instant>, FileError> {
        let end = self.period_end()?;
        Ok(end.map(|end| now.instant + Duration::from_micros(end.saturating_sub(now.unix_us))))
    }

    /// Makes lines of what is next; whether there may be more at once.
    fn read(&mut self, now: Instant) -> Result<bool, Trouble<S::Error>> {
        let Some(follow) = &mut self.follow else { return Ok(false) };
        let found = follow.next(&mut self.source, now).map_err(Trouble::Store)?;
        for kept in found.ready {
            match self.config.format.record(&kept, self.config.numbers) {
                Ok(line) => self.waiting.push_back(line),
                Err(error) => {
                    self.tally.errors.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(sink = %self.config.name, %error, "a record was left out");
                }
            }
        }
        if !self.config.format.has_amendments() || now < self.amendments_at {
            return Ok(found.more);
        }
        let late = self.source.amendments(self.amendment, BATCH).map_err(Trouble::Store)?;
        for (place, amendment) in &late {
            self.waiting.push_back(amended(amendment));
            self.amendment = *place;
        }
        if late.len() == BATCH {
            return Ok(true);
        }
        self.amendments_at = now + AMENDMENTS_AFTER;
        Ok(found.more)
    }

    /// Writes the lines that wait, to several files where one would become too long.
    fn write(&mut self, now: Now) -> Result<(), Trouble<S::Error>> {
        while !self.waiting.is_empty() {
            let begun = self.lines.written_unix_us()?.is_some();
            let most = self.config.rotate.size.unwrap_or(u64::MAX);
            let room = most.saturating_sub(self.lines.len()?);
            let (mut bytes, mut count) = (Vec::new(), 0);
            for line in &self.waiting {
                let fits = (bytes.len() + line.len()) as u64 <= room;
                if !fits && (begun || count > 0) {
                    break;
                }
                bytes.extend_from_slice(line);
                count += 1;
            }
            if count == 0 {
                self.lines.rotate(now.unix_us)?;
                continue;
            }
            self.lines.append(&bytes, now.unix_us)?;
            self.tally.written.fetch_add(count as u64, Ordering::Relaxed);
            self.waiting.drain(..count);
            self.unsynced.get_or_insert(now.instant);
        }
        Ok(())
    }

    /// How far it has come, when no line waits.
    fn reached(&self) -> Reached {
        let row = self.follow.as_ref().map_or(0, Follow::row);
        Reached { row, amendment: self.amendment }
    }

    /// What is written is on disk.
    fn settle(&mut self) -> Result<(), Trouble<S::Error>> {
        self.lines.sync()?;
        self.durable = self.reached();
        self.unsynced = None;
        Ok(())
    }

    /// What is on disk is known to the store.
    async fn remember(&mut self) -> Result<(), Trouble<S::Error>> {
        if self.known != Some(self.durable) {
            let said = self.source.remember(&self.config.name, self.durable).await;
            said.map_err(Trouble::Store)?;
            self.known = Some(self.durable);
        }
        Ok(())
    }
}
