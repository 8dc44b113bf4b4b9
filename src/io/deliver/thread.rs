//! A sink on a thread of its own: disks and the store's reader may keep it waiting, and nothing else waits for it.

use super::FileSink;
use super::sink::Sink;
use super::source::Source;
use crate::base::clock::Instant;
use crate::io::net::clock::Clock;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{Notify, oneshot, watch};

/// After a turn, news is let gather for so long: a store commits some hundred times a second.
const GATHER: Duration = Duration::from_millis(100);

/// What a sink has done, for metrics.
#[derive(Debug, Default)]
pub struct Tally {
    pub(super) written: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) failing: AtomicBool,
    pub(super) reached: AtomicU64,
    pub(super) looked: AtomicU64,
    pub(super) waiting: AtomicU64,
}

impl Tally {
    /// Lines written since it started.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Failed tries to write, and records that could not be read.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// Whether records wait because the last try failed.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Every record up to and with this row is in the file.
    #[must_use]
    pub fn reached(&self) -> u64 {
        self.reached.load(Ordering::Relaxed)
    }

    /// Records that are not in the file yet, where the store's last is in this row.
    #[must_use]
    pub fn behind(&self, last_row: u64) -> u64 {
        let unseen = last_row.saturating_sub(self.looked.load(Ordering::Relaxed));
        unseen + self.waiting.load(Ordering::Relaxed)
    }
}

/// A sink at work. Stops, with everything written that there is, when it is dropped.
#[derive(Debug)]
pub struct Delivery {
    name: Arc<str>,
    tally: Arc<Tally>,
    rotate: Arc<Notify>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Delivery {
    /// Starts to follow the source. `news` changes whenever the store has committed something; when its sender is gone,
    /// the sink writes what is left and ends.
    ///
    /// # Errors
    /// The system has no thread or no descriptor left for it.
    pub fn start<S: Source + Send + 'static>(
        config: FileSink,
        source: S,
        news: watch::Receiver<u64>,
        clock: Clock,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let (tally, rotate) = (Arc::new(Tally::default()), Arc::new(Notify::new()));
        let (stop, stopped) = oneshot::channel();
        let name = config.name.as_str().into();
        let sink = Sink::new(config, source, Arc::clone(&tally));
        let asked = Arc::clone(&rotate);
        let follow = move || runtime.block_on(follow(sink, news, asked, stopped, clock));
        let thread = std::thread::Builder::new().name("cdr-file".into()).spawn(follow)?;
        Ok(Self { name, tally, rotate, stop: Some(stop), thread: Some(thread) })
    }

    /// Begins a new file, as on SIGHUP.
    pub fn reopen(&self) {
        self.rotate.notify_one();
    }

    /// Its sink's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it has done.
    #[must_use]
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        // Fails only where the thread has ended already; either way it can be joined.
        self.stop.take().map(|stop| stop.send(()).ok());
        self.thread.take().map(|thread| thread.join().ok());
    }
}

async fn follow<S: Source>(
    mut sink: Sink<S>,
    mut news: watch::Receiver<u64>,
    rotate: Arc<Notify>,
    mut stopped: oneshot::Receiver<()>,
    clock: Clock,
) {
    loop {
        // What comes from here on wakes us again.
        news.mark_unchanged();
        let due = sink.turn(clock.now()).await;
        tokio::select! {
            biased;
            _ = &mut stopped => break,
            () = rotate.notified() => sink.rotate(),
            () = until(due, &clock) => {}
            changed = news.changed() => {
                if changed.is_err() || gather(&mut stopped).await {
                    break;
                }
            }
        }
    }
    sink.finish(clock.now()).await;
}

/// Waits for an instant; for ever if there is none.
async fn until(due: Option<Instant>, clock: &Clock) {
    let never = std::future::pending::<()>();
    match due {
        Some(due) => {
            tokio::time::timeout(due.since(clock.instant()), never).await.ok();
        }
        None => never.await,
    }
}

/// Lets news gather; whether it is to stop meanwhile.
async fn gather(stopped: &mut oneshot::Receiver<()>) -> bool {
    tokio::time::timeout(GATHER, stopped).await.is_ok()
}
