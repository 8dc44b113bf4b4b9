//! How others ask the engine: commands go in by a bounded queue, answers come back by the asker's own.
//!
//! A client says beforehand how many calls it will have under way, so that its answers never find its queue full. One
//! that asks for more is told so.

use crate::base::id::Ticket;
use crate::engine::{Answer, Command};
use tokio::sync::mpsc;

/// One command on its way.
pub(super) struct Request {
    pub(super) ticket: Ticket,
    pub(super) command: Command,
}

/// Answers that one call can have: `Started` and `Ended`.
const ANSWERS: usize = 2;
/// Bits of a ticket that are the client's own.
const OWN_BITS: u32 = 48;

/// The askers.
pub(super) struct Clients {
    give: Option<mpsc::Sender<Request>>,
    answers: Vec<mpsc::Sender<(u64, Answer)>>,
}

impl Clients {
    pub(super) const fn new(give: mpsc::Sender<Request>) -> Self {
        Self { give: Some(give), answers: Vec::new() }
    }

    pub(super) fn add(&mut self, outstanding: usize) -> Client {
        // The queue keeps no memory for places that are not taken. One more, for the end of draining.
        let room = outstanding.saturating_add(1).saturating_mul(ANSWERS);
        let (tell, answers) = mpsc::channel(room);
        let id = self.answers.len() as u64;
        self.answers.push(tell);
        let requests = self.give.clone().unwrap_or_else(|| mpsc::channel(1).0);
        Client { requests, answers, id, asked: 0, outstanding }
    }

    /// From now on the queue closes when the last client is gone.
    pub(super) fn close(&mut self) {
        self.give = None;
    }

    pub(super) fn tell(&self, ticket: Ticket, answer: Answer) {
        let client = (ticket.0 >> OWN_BITS) as usize;
        let number = ticket.0 & ((1 << OWN_BITS) - 1);
        if let Some(answers) = self.answers.get(client) {
            // Full cannot be, by the count of what was asked; closed means that nobody listens any more.
            answers.try_send((number, answer)).ok();
        }
    }
}

/// Somebody who asks.
pub struct Client {
    requests: mpsc::Sender<Request>,
    answers: mpsc::Receiver<(u64, Answer)>,
    id: u64,
    asked: usize,
    outstanding: usize,
}

/// What became of the wish to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It is on its way.
    Yes,
    /// The engine's queue is full, or as many calls are under way as were announced: later.
    Full,
    /// The engine has ended.
    Ended,
}

impl Client {
    /// Asks for something, without waiting. `number`, below 2^48, comes back with each answer.
    pub fn try_ask(&mut self, number: u64, command: Command) -> Asked {
        let places = matches!(command, Command::Place { .. });
        if places && self.asked >= self.outstanding {
            return Asked::Full;
        }
        let ticket = Ticket((self.id << OWN_BITS) | (number & ((1 << OWN_BITS) - 1)));
        match self.requests.try_send(Request { ticket, command }) {
            Ok(()) => {
                self.asked += usize::from(places);
                Asked::Yes
            }
            Err(mpsc::error::TrySendError::Full(_)) => Asked::Full,
            Err(mpsc::error::TrySendError::Closed(_)) => Asked::Ended,
        }
    }

    /// Waits for at least one answer and takes up to `limit`; how many, none when the engine has ended.
    pub async fn answers(&mut self, out: &mut Vec<(u64, Answer)>, limit: usize) -> usize {
        let count = self.answers.recv_many(out, limit).await;
        let over =
            |answer: &(u64, Answer)| matches!(answer.1, Answer::Ended(_) | Answer::Refused(_));
        let ended = out.iter().rev().take(count).filter(|answer| over(answer)).count();
        self.asked = self.asked.saturating_sub(ended);
        count
    }
}
