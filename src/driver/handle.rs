//! How others ask the engine: commands go in by a bounded queue, answers come back by the asker's own.
//!
//! A client says beforehand how many calls it will have under way, so that its answers never find its queue full. One
//! that asks for more is told so.

use crate::base::id::Ticket;
use crate::engine::{Answer, Command};
use crate::sip::ua::Trunk;
use crate::verify::command as verify;
use crate::verify::rules::Rules;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// One wish on its way.
#[derive(Debug)]
pub(super) enum Request {
    /// Of a client.
    Of(Ticket, Command),
    /// Of a handle, with where its one answer goes.
    Once(oneshot::Sender<Answer>, Command),
    /// Another configuration, and whom to tell that it is in force.
    Configure(oneshot::Sender<()>, Vec<Trunk>, Arc<Rules>),
}

/// Answers that one call can have: `Started` and `Ended`.
const ANSWERS: usize = 2;
/// Bits of a ticket that are the client's own.
const OWN_BITS: u32 = 48;

/// The bit of a ticket that says that it is a handle's.
const ONCE: u64 = 1 << 63;

/// The askers.
pub(super) struct Clients {
    give: Option<mpsc::Sender<Request>>,
    answers: Vec<mpsc::Sender<(u64, Answer)>>,
    once: Vec<Option<oneshot::Sender<Answer>>>,
    free: Vec<usize>,
}

impl Clients {
    pub(super) const fn new(give: mpsc::Sender<Request>) -> Self {
        Self { give: Some(give), answers: Vec::new(), once: Vec::new(), free: Vec::new() }
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

    /// Somebody who asks about verifications.
    pub(super) fn handle(&self) -> Handle {
        Handle { requests: self.give.clone().unwrap_or_else(|| mpsc::channel(1).0) }
    }

    /// Keeps where an answer goes, and gives the ticket that finds it.
    pub(super) fn await_one(&mut self, tell: oneshot::Sender<Answer>) -> Ticket {
        let place = self.free.pop().unwrap_or_else(|| {
            self.once.push(None);
            self.once.len() - 1
        });
        if let Some(empty) = self.once.get_mut(place) {
            *empty = Some(tell);
        }
        Ticket(ONCE | place as u64)
    }

    /// From now on the queue closes when the last client is gone.
    pub(super) fn close(&mut self) {
        self.give = None;
    }

    pub(super) fn tell(&mut self, ticket: Ticket, answer: Answer) {
        if ticket.0 & ONCE != 0 {
            let place = (ticket.0 & !ONCE) as usize;
            if let Some(tell) = self.once.get_mut(place).and_then(Option::take) {
                self.free.push(place);
                // Whoever asked may have gone away.
                tell.send(answer).ok();
            }
            return;
        }
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
        match self.requests.try_send(Request::Of(ticket, command)) {
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

/// Somebody who asks about verifications, from any thread; each question has one answer.
#[derive(Clone, Debug)]
pub struct Handle {
    requests: mpsc::Sender<Request>,
}

impl Handle {
    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// The engine's own refusal; `Capacity` where its queue is full, `Draining` where it has ended.
    pub async fn ask(&self, command: verify::Command) -> Result<verify::Answer, verify::Refusal> {
        match self.once(Command::Verify(command)).await? {
            Answer::Verify(answer) => answer,
            Answer::Started(_) | Answer::Ended(_) | Answer::Refused(_) | Answer::Drained => {
                Err(verify::Refusal::Draining)
            }
        }
    }

    /// A handle to an engine that a test plays.
    #[cfg(test)]
    pub(crate) fn scripted() -> (Self, Script) {
        let (requests, asked) = mpsc::channel(64);
        (Self { requests }, Script { asked })
    }

    /// Takes no more calls and verifications, ends the calls that are there, and waits for the last record.
    ///
    /// # Errors
    /// The engine has ended already.
    pub async fn drain(&self) -> Result<(), verify::Refusal> {
        self.once(Command::Drain).await.map(drop)
    }

    /// Puts another configuration in force. It waits for its place in the engine's queue: nobody would ask again.
    ///
    /// # Errors
    /// The engine has ended.
    pub async fn configure(
        &self,
        trunks: Vec<Trunk>,
        rules: Arc<Rules>,
    ) -> Result<(), verify::Refusal> {
        let (tell, told) = oneshot::channel();
        let request = Request::Configure(tell, trunks, rules);
        self.requests.send(request).await.map_err(|_| verify::Refusal::Draining)?;
        told.await.map_err(|_| verify::Refusal::Draining)
    }

    async fn once(&self, command: Command) -> Result<Answer, verify::Refusal> {
        let (tell, told) = oneshot::channel();
        self.give(Request::Once(tell, command))?;
        told.await.map_err(|_| verify::Refusal::Draining)
    }

    fn give(&self, request: Request) -> Result<(), verify::Refusal> {
        self.requests.try_send(request).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => verify::Refusal::Capacity,
            mpsc::error::TrySendError::Closed(_) => verify::Refusal::Draining,
        })
    }
}

/// The engine's part, played by a test.
#[cfg(test)]
pub(crate) struct Script {
    asked: mpsc::Receiver<Request>,
}

#[cfg(test)]
impl Script {
    /// Answers each question about a verification, in order, until nobody can ask any more. `drain` is answered at once.
    pub(crate) async fn play(
        mut self,
        mut answer: impl FnMut(verify::Command) -> Result<verify::Answer, verify::Refusal>,
    ) {
        while let Some(request) = self.asked.recv().await {
            match request {
                Request::Once(tell, Command::Verify(command)) => {
                    tell.send(Answer::Verify(answer(command))).ok();
                }
                Request::Once(tell, Command::Drain) => {
                    tell.send(Answer::Drained).ok();
                }
                Request::Configure(tell, ..) => {
                    tell.send(()).ok();
                }
                Request::Once(_, Command::Place { .. } | Command::Cancel(_)) | Request::Of(..) => {}
            }
        }
    }
}
