//! The engine's thread: the driver and everything that it owns.

use super::WatchMaker;
use crate::api::Ears;
use crate::base::rng::Rng;
use crate::driver::{Driver, Handle};
use crate::engine::Engine;
use crate::io::net::clock::Clock;
use crate::io::net::udp::UdpSocket;
use crate::io::store::sqlite::Sqlite;
use crate::sip::txn::branch::BranchKey;
use crate::sip::ua::{Config, Trunk};
use crate::verify::matcher::ClaimKey;
use crate::verify::record::Left;
use crate::verify::rules::Rules;
use std::io;
use std::sync::{Arc, mpsc};
use std::thread::{Builder, JoinHandle};

/// What the thread is made of.
pub(super) struct Parts {
    pub(super) store: Sqlite,
    pub(super) socket: Arc<UdpSocket>,
    pub(super) clock: Clock,
    pub(super) ears: Ears,
    pub(super) left: Left,
    pub(super) trunks: Vec<Trunk>,
    pub(super) rules: Arc<Rules>,
    /// Life of this shard, and the keys that outlive it: of branches, and of claims.
    pub(super) keys: (u32, [u8; 16], [u8; 32]),
    pub(super) calls_max: usize,
    pub(super) watch: Option<WatchMaker>,
}

/// The thread.
pub(super) struct EngineThread {
    thread: JoinHandle<Result<Sqlite, String>>,
}

impl EngineThread {
    /// Starts it; what the last life left is taken up before anybody can ask.
    pub(super) fn start(parts: Parts) -> io::Result<(Self, Handle)> {
        let (tell, told) = mpsc::sync_channel(1);
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime =
                runtime.map_err(|error| format!("cannot start the event loop: {error}"))?;
            runtime.block_on(async move {
                let driver = parts.assemble();
                // Whoever waits for it is there.
                tell.send(driver.handle()).ok();
                driver.run().await.map(|ended| ended.store).map_err(|error| error.to_string())
            })
        };
        let thread = Builder::new().name("engine".into()).spawn(run)?;
        match told.recv() {
            Ok(handle) => Ok((Self { thread }, handle)),
            Err(_) => Err(io::Error::other("the engine's event loop does not start")),
        }
    }

    /// Waits for its end, which comes when nobody can ask any more; gives the store back.
    pub(super) fn join(self) -> Result<Sqlite, String> {
        self.thread
            .join()
            .unwrap_or_else(|_| Err("the engine's thread ended in a panic".to_owned()))
    }
}

impl Parts {
    fn assemble(self) -> Driver<Sqlite> {
        let Self { store, socket, clock, ears, left, trunks, rules, keys, calls_max, watch } = self;
        let (epoch, branch_key, claim_key) = keys;
        let branch_key = BranchKey::new(branch_key);
        let config = Config { shard: 0, epoch, branch_key, calls_max };
        let engine = Engine::new(config, ClaimKey(claim_key), Rng::from_os());
        let watch = watch.map(|make| make());
        let mut driver = Driver::new(engine, store, clock, &socket, watch);
        driver.observe(Box::new(ears));
        driver.configure(trunks, rules);
        driver.restore(left);
        driver
    }
}
