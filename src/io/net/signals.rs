//! SIGINT and SIGTERM, for a loop that waits in a system call of its own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Listens for the two signals until it is dropped.
#[derive(Debug)]
pub struct Signals {
    asked: Arc<AtomicBool>,
    done: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Signals {
    /// Starts to listen; `wake` is called once, from another thread, when the first signal comes.
    ///
    /// # Errors
    /// The system has no thread or no descriptor left for it.
    pub fn listen(wake: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut interrupt, mut terminate) = {
            let _inside = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        let (done, over) = oneshot::channel();
        let asked = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&asked);
        let listen = move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = over => return,
                }
                flag.store(true, Ordering::Release);
                wake();
            });
        };
        let thread = std::thread::Builder::new().name("signals".into()).spawn(listen)?;
        Ok(Self { asked, done: Some(done), thread: Some(thread) })
    }

    /// Whether a signal has come.
    #[must_use]
    pub fn asked_to_stop(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // Fails only where the thread has ended already; either way it can be joined.
        self.done.take().map(|done| done.send(()).ok());
        self.thread.take().map(|thread| thread.join().ok());
    }
}
