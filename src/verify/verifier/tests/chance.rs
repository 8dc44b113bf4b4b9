//! Whatever comes in whatever order: every question has one answer, nothing is told that is not stored, no number is
//! called twice at a time, no code is shared, and nothing is left behind.

use super::bench::{Bench, profile, rules, wish};
use crate::base::id::SessionId;
use crate::base::rng::Rng;
use crate::call::outcome::Outcome;
use crate::verify::command::Start;
use crate::verify::rules::{Duplicates, Profile};
use std::collections::BTreeSet;

struct Run {
    bench: Bench,
    rng: Rng,
    ticket: u64,
    sessions: Vec<SessionId>,
    asked: Vec<u64>,
    over: BTreeSet<usize>,
}

impl Run {
    fn below(&mut self, bound: u64) -> u64 {
        self.rng.wire() % bound
    }

    fn ticket(&mut self) -> u64 {
        self.ticket += 1;
        self.asked.push(self.ticket);
        self.ticket
    }

    fn any_session(&mut self) -> Option<SessionId> {
        let count = self.sessions.len() as u64;
        (count > 0).then(|| self.sessions[(self.rng.wire() % count) as usize])
    }

    fn step(&mut self) {
        match self.below(12) {
            0..=2 => {
                let to = format!("+1202555010{}", self.below(4));
                let tenant = ["acme", "other"][self.below(2) as usize];
                let ticket = self.ticket();
                self.bench.start(ticket, Start { tenant: tenant.into(), ..wish(&to) });
            }
            3 => {
                self.bench.load();
            }
            4 | 5 => {
                self.bench.keep();
            }
            6 => {
                self.bench.lose();
            }
            7 => {
                let open: Vec<usize> =
                    (0..self.bench.begun.len()).filter(|n| !self.over.contains(n)).collect();
                if !open.is_empty() {
                    let n = open[self.below(open.len() as u64) as usize];
                    self.over.insert(n);
                    let outcome = Outcome::ALL[self.below(Outcome::ALL.len() as u64) as usize];
                    let id = self.bench.begun[n];
                    self.bench.over(id, outcome);
                }
            }
            8 => {
                if let Some(id) = self.any_session() {
                    let claim = match self.below(2) {
                        0 if !self.bench.line.prepared.is_empty() => {
                            let n = self.below(self.bench.line.prepared.len() as u64);
                            self.bench.code(n as usize)
                        }
                        _ => self.bench.wrong(),
                    };
                    let ticket = self.ticket();
                    self.bench.check(ticket, id, &claim);
                }
            }
            9 => {
                if let Some(id) = self.any_session() {
                    let ticket = self.ticket();
                    self.bench.next(ticket, id);
                }
            }
            10 => {
                if let Some(id) = self.any_session() {
                    let ticket = self.ticket();
                    self.bench.cancel(ticket, id);
                }
            }
            _ => {
                let ms = self.bench.now().instant.as_micros() / 1000 + self.below(40_000);
                self.bench.at(ms);
            }
        }
        self.look();
    }

    fn look(&mut self) {
        let known: BTreeSet<SessionId> = self.bench.opened().iter().map(|o| o.id).collect();
        self.sessions = known.iter().copied().collect();
        for event in &self.bench.events {
            assert!(known.contains(&event.id), "told of a verification that is not stored");
        }
        // One call at a time for each number.
        let mut calling = BTreeSet::new();
        for (n, id) in self.bench.begun.iter().enumerate() {
            if !self.over.contains(&n) {
                let to = self.bench.line.prepared[id.slot as usize].to;
                assert!(calling.insert(to), "two calls at a time to one number");
            }
        }
    }
}

#[test]
fn whatever_comes_every_promise_is_kept() {
    for seed in 0..300 {
        let duplicates =
            [Duplicates::Refuse, Duplicates::Return, Duplicates::Allow][seed as usize % 3];
        let profile = Profile { duplicates, ..profile() };
        let bench = Bench::with(rules(profile, "+12025550000-+12025550039"));
        let rng = Rng::from_seed(seed);
        let mut run = Run {
            bench,
            rng,
            ticket: 0,
            sessions: Vec::new(),
            asked: Vec::new(),
            over: BTreeSet::new(),
        };
        for _ in 0..200 {
            run.step();
        }
        // The end: the store works, all calls are over, all lifetimes too.
        for _ in 0..12 {
            run.bench.load().keep();
            for n in 0..run.bench.begun.len() {
                if run.over.insert(n) {
                    let id = run.bench.begun[n];
                    run.bench.over(id, Outcome::Rang);
                }
            }
        }
        let ms = run.bench.now().instant.as_micros() / 1000 + 400_000;
        run.bench.at(ms).keep();
        for ticket in &run.asked {
            assert!(run.bench.answers.contains_key(ticket), "seed {seed}: {ticket} has no answer");
        }
        assert_eq!(run.bench.verifier.held(), 0, "seed {seed}");
        assert_eq!(run.bench.verifier.poll_timeout(), None, "seed {seed}");
        let begun = run.bench.begun.iter().chain(&run.bench.given_up).count();
        let forgotten = run.bench.line.forgotten.len();
        assert_eq!(
            begun + forgotten,
            run.bench.line.prepared.len(),
            "seed {seed}: each prepared call is made, given up or forgotten"
        );
    }
}
