//! Verifications as an application sees them whose service dies now and then: what it was told must stay true.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use onering::base::rng::Rng;
use serde_json::{Value, json};

use super::asking::{Answer, Ask};
use super::tap::Tap;

/// Wrong codes that a verification takes.
const TRIES: i32 = 3;
/// No number of the pool ends like this.
const WRONG: [&str; 3] = ["7001", "8002", "9003"];

/// When the service is to be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// An INVITE is on the wire.
    Invite,
    /// A start is on its way to the service.
    Start,
    /// A check is.
    Check,
}

/// Kills the service at the n-th of something, by whoever sees it.
pub(crate) struct Trap {
    armed: Mutex<Option<(Moment, u64)>>,
    process: AtomicI32,
    sprung: SyncSender<()>,
}

impl Trap {
    pub(crate) fn new(sprung: SyncSender<()>) -> Self {
        Self { armed: Mutex::default(), process: AtomicI32::new(0), sprung }
    }

    pub(crate) fn arm(&self, process: u32, when: Option<(Moment, u64)>) {
        self.process.store(i32::try_from(process).unwrap(), Ordering::Release);
        *self.armed.lock().unwrap() = when;
    }

    /// From then on it kills nobody: its process may be gone.
    pub(crate) fn disarm(&self) {
        *self.armed.lock().unwrap() = None;
    }

    pub(crate) fn passing(&self, moment: Moment) {
        let mut armed = self.armed.lock().unwrap();
        let Some((wanted, left)) = armed.as_mut() else { return };
        if *wanted != moment {
            return;
        }
        *left -= 1;
        if *left == 0 {
            let process = nix::unistd::Pid::from_raw(self.process.load(Ordering::Acquire));
            nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGKILL).unwrap();
            *armed = None;
            self.sprung.try_send(()).ok();
        }
    }
}

/// What all verifications have in common.
pub(crate) struct World {
    pub(crate) key: String,
    pub(crate) tap: Tap,
    pub(crate) trap: Arc<Trap>,
    api: Mutex<Option<SocketAddr>>,
    wrong: Mutex<Vec<String>>,
}

impl World {
    pub(crate) fn new(key: String, tap: Tap, trap: Arc<Trap>) -> Self {
        Self { key, tap, trap, api: Mutex::default(), wrong: Mutex::default() }
    }

    pub(crate) fn up(&self, api: SocketAddr) {
        *self.api.lock().unwrap() = Some(api);
    }

    pub(crate) fn down(&self) {
        *self.api.lock().unwrap() = None;
    }

    fn is_up(&self) -> bool {
        self.api.lock().unwrap().is_some()
    }

    fn ask(&self, ask: &Ask<'_>, moment: Option<Moment>) -> Option<Answer> {
        let api = *self.api.lock().unwrap();
        ask.of(api?, || moment.into_iter().for_each(|moment| self.trap.passing(moment)))
    }

    pub(crate) fn blame(&self, what: String) {
        self.wrong.lock().unwrap().push(what);
    }

    /// What was not as it should be.
    pub(crate) fn blamed(&self) -> Vec<String> {
        self.wrong.lock().unwrap().clone()
    }
}

/// What is done with a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Intended {
    Right,
    WrongThenRight,
    Exhaust,
    /// Right only in the end.
    WrongThenLeave,
    Leave,
}

/// One verification.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) number: String,
    key: String,
    intended: Intended,
    pub(crate) id: Option<String>,
    /// Starts that were not answered.
    unanswered: u32,
    /// Tries that are left: at least and at most.
    left: (i32, i32),
    wrong_given: usize,
    approved: bool,
    /// A right code was given and not answered.
    doubtful: bool,
    /// What it ended as.
    pub(crate) ended: Option<String>,
    outcome: String,
    pub(crate) approved_late: bool,
}

impl Case {
    pub(crate) fn new(place: usize, rng: &mut Rng) -> Self {
        let tails = ["180", "180", "180", "180", "142", "777", "486", "503", "404", "201"];
        let tail = tails[rng.secret_below(tails.len() as u64) as usize];
        let intended = match rng.secret_below(10) {
            0..4 => Intended::Right,
            4..6 => Intended::WrongThenRight,
            6 => Intended::Exhaust,
            7 => Intended::WrongThenLeave,
            _ => Intended::Leave,
        };
        Self {
            number: number(place, tail),
            key: format!("key-{place}"),
            intended,
            id: None,
            unanswered: 0,
            left: (TRIES, TRIES),
            wrong_given: 0,
            approved: false,
            doubtful: false,
            ended: None,
            outcome: String::new(),
            approved_late: false,
        }
    }

    /// Its phone is never shown a call.
    fn is_unreachable(&self) -> bool {
        self.number.ends_with("503") || self.number.ends_with("404")
    }

    fn blame(&self, world: &World, what: &str) {
        world.blame(format!("{what}: {self:?}"));
    }

    /// Does what is to be done with it next, as far as the service lives.
    pub(crate) fn visit(&mut self, world: &World, last: bool) {
        // What comes back tells of the death of the service, and the next visit goes on.
        self.advance(world, last);
    }

    fn advance(&mut self, world: &World, last: bool) -> Option<()> {
        if self.id.is_none() {
            self.start(world)?;
        }
        self.look(world)?;
        if self.ended.is_some() {
            if self.approved {
                self.give_right(world)?;
            }
            return Some(());
        }
        match self.intended {
            Intended::Right => self.give_right(world)?,
            Intended::WrongThenRight => {
                self.give_wrong_once(world)?;
                self.give_right(world)?;
            }
            Intended::Exhaust => {
                while self.ended.is_none() {
                    self.give_wrong(world)?;
                }
            }
            Intended::WrongThenLeave => {
                self.give_wrong_once(world)?;
                if last {
                    self.give_right(world)?;
                }
            }
            Intended::Leave if last => self.give_right(world)?,
            Intended::Leave => {}
        }
        Some(())
    }

    /// Begins it; once more with the same key if that is known already.
    pub(crate) fn start(&mut self, world: &World) -> Option<()> {
        let body = json!({ "to": self.number, "client_reference": self.key });
        let ask = Ask::post(&world.key, "/v1/verifications", &body).once(&self.key);
        let Some(answer) = world.ask(&ask, Some(Moment::Start)) else {
            self.unanswered += 1;
            return None;
        };
        let id = answer.body["id"].as_str().unwrap_or_default().to_owned();
        let replayed = answer.header("idempotent-replayed") == Some("true");
        if answer.status != 201 {
            // A call that could not be made at all ends its verification; nothing else may be said here.
            self.blame(world, &format!("a start got {} {}", answer.status, answer.body));
            return None;
        }
        match &self.id {
            Some(known) if *known != id || !replayed => {
                self.blame(world, &format!("its key gave {id}, replayed {replayed}"));
            }
            None if replayed && self.unanswered == 0 => {
                self.blame(world, "a new key was called known");
            }
            Some(_) | None => {}
        }
        self.id = Some(id);
        Some(())
    }

    fn path(&self, what: &str) -> String {
        format!("/v1/verifications/{}{what}", self.id.as_deref().unwrap_or_default())
    }

    /// How it stands, and whether that can be.
    pub(crate) fn look(&mut self, world: &World) -> Option<()> {
        let path = self.path("");
        let answer = world.ask(&Ask::get(&world.key, &path), None)?;
        if answer.status != 200 {
            self.blame(world, &format!("it is lost, {} {}", answer.status, answer.body));
            return None;
        }
        self.know(world, &answer.body);
        Some(())
    }

    fn know(&mut self, world: &World, shown: &Value) {
        let status = shown["status"].as_str().unwrap_or_default();
        let left = i32::try_from(shown["attempts_remaining"].as_i64().unwrap_or(-1)).unwrap();
        if !(self.left.0..=self.left.1).contains(&left) {
            self.blame(world, &format!("{left} tries are left"));
        }
        self.left = (left, left);
        let outcome = shown["attempts"].as_array().and_then(|all| all.last());
        self.outcome =
            outcome.and_then(|call| call["outcome"].as_str()).unwrap_or_default().to_owned();
        match &self.ended {
            Some(ended) if ended != status => {
                self.blame(world, &format!("it has become {status}"));
            }
            Some(_) => {}
            None if status == "pending" => {}
            None => {
                let may = match status {
                    "approved" => self.approved || self.doubtful,
                    "failed" if shown["reason"] == "attempts_exhausted" => left == 0,
                    "failed" => self.is_unreachable(),
                    _ => false,
                };
                if !may {
                    self.blame(world, &format!("it ended: {shown}"));
                }
                self.approved |= status == "approved";
                self.ended = Some(status.to_owned());
            }
        }
    }

    fn give_wrong_once(&mut self, world: &World) -> Option<()> {
        if self.wrong_given == 0 { self.give_wrong(world) } else { Some(()) }
    }

    fn give_wrong(&mut self, world: &World) -> Option<()> {
        // Digits of no call are wrong while it rings, and before.
        let code = WRONG[self.wrong_given % WRONG.len()];
        self.wrong_given += 1;
        self.left.0 -= 1;
        let answer = self.check(world, code)?;
        match (answer.status, answer.body["result"].as_str().unwrap_or_default()) {
            (200, "invalid" | "no_attempt_yet") => {
                self.left.1 -= 1;
                let shown = answer.body["verification"].clone();
                self.know(world, &shown);
            }
            (410, _) => self.look(world)?,
            _ => self.blame(world, &format!("a wrong code got {} {}", answer.status, answer.body)),
        }
        Some(())
    }

    fn give_right(&mut self, world: &World) -> Option<()> {
        let code = self.await_code(world)?;
        let (before, doubtful) = (self.outcome.clone(), self.doubtful);
        self.doubtful = true;
        self.left.0 -= i32::from(self.is_unreachable());
        let answer = self.check(world, &code)?;
        match (answer.status, answer.body["result"].as_str().unwrap_or_default()) {
            (200, "approved") => {
                if self.approved {
                    self.blame(world, "a code was approved a second time");
                }
                let late = answer.body["late"] == true;
                let right = match before.as_str() {
                    "interrupted" => late,
                    "rang" | "busy" | "answered_race" => !late,
                    _ => true,
                };
                if !right {
                    self.blame(world, &format!("late is {late} after {before}"));
                }
                (self.approved, self.approved_late) = (true, late);
                let shown = answer.body["verification"].clone();
                self.know(world, &shown);
            }
            (200, "invalid") if self.is_unreachable() => {
                self.doubtful = doubtful;
                self.left.1 -= 1;
                let shown = answer.body["verification"].clone();
                self.know(world, &shown);
            }
            (409, _) if answer.code() == "already_approved" => {
                if !self.approved && !doubtful {
                    self.blame(world, "it is approved, and nobody had given its code");
                }
                self.look(world)?;
            }
            (410, _) => {
                if self.approved {
                    self.blame(world, &format!("approved, and then {}", answer.body));
                }
                self.doubtful = doubtful;
                self.look(world)?;
            }
            _ => self.blame(world, &format!("a right code got {} {}", answer.status, answer.body)),
        }
        Some(())
    }

    fn check(&self, world: &World, code: &str) -> Option<Answer> {
        let (path, body) = (self.path("/check"), json!({ "code": code }));
        world.ask(&Ask::post(&world.key, &path, &body), Some(Moment::Check))
    }

    /// What its phone shows. None where it has not been called, as after a death before the INVITE.
    fn await_code(&self, world: &World) -> Option<String> {
        let again = Duration::from_millis(50);
        for _ in 0..40 {
            if let Some(call) = world.tap.await_call(&self.number, again) {
                return Some(call.from[call.from.len() - 4..].to_owned());
            }
            if !world.is_up() || self.outcome == "interrupted" {
                return None;
            }
        }
        None
    }

    /// What must be true of it in the end, beside what was seen on the way. `calls` are those on the wire.
    pub(crate) fn judge(&self, world: &World, calls: usize) {
        let most = if self.is_unreachable() { 2 } else { 1 };
        // Its second call is stored and never left: nobody can know the code.
        let unheard = self.is_unreachable() && self.outcome == "interrupted";
        if calls > most {
            self.blame(world, &format!("it was called {calls} times"));
        }
        if self.id.is_none() {
            self.blame(world, "it was never begun");
        } else if self.ended.is_none() && calls > 0 && !unheard {
            self.blame(world, "it did not end");
        } else if calls == 0 && self.outcome != "interrupted" {
            self.blame(world, "it was never called");
        }
    }
}

/// Numbers as they are dialled in the United States, each once for each tail.
fn number(place: usize, tail: &str) -> String {
    const AREAS: [u32; 10] = [206, 212, 213, 305, 312, 404, 415, 503, 617, 703];
    let exchanges = (200..1000).filter(|exchange| exchange % 100 != 11 && *exchange != 555);
    let exchange = exchanges.clone().nth(place / 100 % exchanges.count()).unwrap();
    format!("+1{}{exchange}{}{tail}", AREAS[place % 10], place / 10 % 10)
}
