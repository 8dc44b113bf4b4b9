//! Whole verifications against a running service: the generator plays the application and the users.
//!
//! The application starts a verification over REST; the service calls through a trunk that is a built-in carrier; the
//! carrier tells who called whom; the user gives the last digits, and the application checks them.
//!
//! One thread does all of it, so that it takes little from a service on the same machine. Connections are kept open; each
//! takes whatever is to be done next, a check before a start.

mod book;
mod cdrs;
mod ear;
mod line;
mod numbers;
mod service;
mod tally;

pub use cdrs::Cdrs;
pub use ear::{Deaf, Ear};
pub use numbers::Numbers;
pub use service::{Fault, Service};
pub use tally::Tally;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::{JoinSet, LocalSet};

use crate::io::net::clock::Clock;
use book::{Book, Check, Next};
use line::Line;

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// How many verifications in all.
    pub count: u64,
    /// How many under way at a time.
    pub concurrency: usize,
    /// How many connections to the service.
    pub connections: usize,
    /// At most so many starts a second; no limit by default.
    pub rate: Option<f64>,
    /// How long a code is waited for once the verification is started; 10 s by default.
    pub untold_after: Duration,
}

/// How a run is to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoOn {
    /// As it was wished.
    AsWished,
    /// No more are started, those under way are ended.
    ToTheEnd,
    /// Not at all.
    NoMore,
}

/// What the tasks of a run share.
struct Desk {
    service: Service,
    clock: Clock,
    book: RefCell<Book>,
    /// There is something to be done.
    work: Notify,
}

/// Runs the verifications and tallies them. `tick` is called now and then with how far it is, and says how to go on.
pub async fn run(
    service: &Service,
    ear: &Ear,
    wish: &Wish,
    numbers: Numbers,
    clock: Clock,
    tick: impl FnMut(&Tally) -> GoOn,
) -> Tally {
    let desk = Rc::new(Desk {
        service: service.clone(),
        clock,
        book: RefCell::new(Book::new(wish, numbers, clock.instant())),
        work: Notify::new(),
    });
    let everything = async {
        let mut connections = JoinSet::new();
        for _ in 0..wish.connections {
            connections.spawn_local(work(Rc::clone(&desk)));
        }
        let listen = ear.listen(|call, unix_us| {
            if desk.book.borrow_mut().told(call, unix_us) {
                desk.work.notify_one();
            }
        });
        tokio::select! {
            () = async { while connections.join_next().await.is_some() {} } => {}
            () = pace(&desk, wish.connections as u64, tick) => {}
            never = listen => match never {},
        }
    };
    LocalSet::new().run_until(everything).await;
    std::mem::take(&mut desk.book.borrow_mut().tally)
}

/// Wakes as many connections as there are starts due; ends when nothing is wanted any more.
async fn pace(desk: &Desk, connections: u64, mut tick: impl FnMut(&Tally) -> GoOn) {
    loop {
        let (starts, wait) = desk.book.borrow_mut().pace(desk.clock.instant());
        for _ in 0..starts.min(connections) {
            desk.work.notify_one();
        }
        let go_on = tick(&desk.book.borrow().tally);
        match go_on {
            GoOn::AsWished => {}
            GoOn::ToTheEnd => desk.book.borrow_mut().start_no_more(),
            GoOn::NoMore => return,
        }
        if desk.book.borrow().is_over() {
            desk.work.notify_waiters();
        }
        tokio::time::timeout(wait, std::future::pending::<()>()).await.ok();
    }
}

/// One connection: does what is to be done, until everything is.
async fn work(desk: Rc<Desk>) {
    let mut line = Line::default();
    loop {
        let next = desk.book.borrow_mut().next(desk.clock.now());
        match next {
            Next::Start(to) => {
                let answer = match desk.service.start(to) {
                    Ok(request) => line.ask(desk.service.address, request).await,
                    Err(fault) => Err(fault),
                };
                let now = desk.clock.instant();
                let posted = answer.and_then(|answer| answer.posted());
                desk.book.borrow_mut().posted(to, posted, now);
            }
            Next::Check(Check { to, id, code_length, caller }) => {
                let answer = match desk.service.check(&id, code_length, caller) {
                    Ok(request) => line.ask(desk.service.address, request).await,
                    Err(fault) => Err(fault),
                };
                let now = desk.clock.instant();
                let checked = answer.as_ref().map(|answer| answer.checked());
                let mut book = desk.book.borrow_mut();
                match checked {
                    Ok(Ok(result)) => book.checked(to, Ok(&result), now),
                    Ok(Err(fault)) => book.checked(to, Err(&fault), now),
                    Err(fault) => book.checked(to, Err(fault), now),
                }
            }
            Next::Wait => desk.work.notified().await,
            Next::Over => {
                desk.work.notify_waiters();
                return;
            }
        }
    }
}
