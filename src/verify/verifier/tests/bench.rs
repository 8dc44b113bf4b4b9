//! A verifier on the bench: calls that go nowhere, a store that keeps what it is told to keep, and a list of what was
//! said.

use crate::base::clock::{Instant, Now};
use crate::base::id::{AttemptId, SessionId, Ticket};
use crate::base::number::{CallerId, Country, Destination, Span};
use crate::base::rng::Rng;
use crate::call::Pace;
use crate::call::outcome::Outcome;
use crate::call::way::Way;
use crate::numbers::pool::Pool;
use crate::numbers::route::Route;
use crate::verify::command::{Answer, Command, Refusal, Start};
use crate::verify::event::{Event, What};
use crate::verify::matcher::{Claim, ClaimKey};
use crate::verify::record::{Change, Found, Intent, Opened, Part, Past, Record};
use crate::verify::rules::{Duplicates, Profile, Rules, Tenant, TrunkRules};
use crate::verify::snapshot::Snapshot;
use crate::verify::status::Phase;
use crate::verify::verifier::{Calls, Config, Deed, Loss, NoCall, Over, Token, Verifier, Wish};
use smallvec::SmallVec;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

pub(super) const PHONE: &str = "+12025550142";
const UNIX_US: u64 = 1_795_406_400_000_000;

/// Calls that only have ids.
#[derive(Default)]
pub(super) struct Line {
    pub(super) prepared: Vec<Wish>,
    pub(super) forgotten: Vec<AttemptId>,
    pub(super) full: bool,
    /// Places of trunks that take no calls.
    pub(super) dead: Vec<u16>,
}

impl Calls for Line {
    fn prepare(&mut self, wish: &Wish, now: Now) -> Result<Arc<Intent>, NoCall> {
        if self.full {
            return Err(NoCall::Full);
        }
        if self.dead.contains(&wish.trunk) {
            return Err(NoCall::Trunk);
        }
        let slot = self.prepared.len() as u32;
        self.prepared.push(*wish);
        let way = Way {
            trunk: ["east", "west"][usize::from(wish.trunk)].into(),
            sent_by: "192.0.2.1:5060".into(),
            domain: "carrier.example".into(),
            from_domain: "us.example".into(),
            route: None,
        };
        Ok(Arc::new(Intent {
            id: AttemptId { shard: 1, epoch: 2, slot, generation: 0 },
            part: Some(wish.part),
            to: wish.to,
            from: wish.from,
            call_id: [b'c'; 32],
            from_tag: [b't'; 24],
            way: Arc::new(way),
            target: "198.51.100.1:5060".parse().unwrap(),
            at_unix_us: now.unix_us,
        }))
    }

    fn forget(&mut self, id: AttemptId) {
        self.forgotten.push(id);
    }
}

pub(super) struct Bench {
    pub(super) verifier: Verifier,
    pub(super) line: Line,
    now_ms: u64,
    /// What was written and neither kept nor lost yet.
    pub(super) writing: VecDeque<(SmallVec<[Record; 2]>, Token)>,
    /// What the store keeps.
    pub(super) kept: Vec<Record>,
    pub(super) loads: Vec<(Ticket, Past)>,
    pub(super) answers: BTreeMap<u64, Result<Answer, Refusal>>,
    pub(super) events: Vec<Event>,
    /// Calls whose INVITE left, were given up, were to be ended: in order.
    pub(super) begun: Vec<AttemptId>,
    pub(super) given_up: Vec<AttemptId>,
    pub(super) hung_up: Vec<AttemptId>,
}

pub(super) fn profile() -> Profile {
    Profile {
        name: "default".into(),
        code_length: 4,
        lifetime: Duration::from_secs(180),
        tries: 3,
        redials: 2,
        allow_diverted: false,
        duplicates: Duplicates::Refuse,
    }
}

pub(super) fn rules(profile: Profile, numbers: &str) -> Rules {
    let pool = Pool::new("pool".into(), &[Span::parse(numbers).unwrap()], &[4]).unwrap();
    let trunk = |name: &str| TrunkRules { name: name.into(), pace: Pace::default() };
    let tenant = |name: &str| Tenant {
        name: name.into(),
        profile: "default".into(),
        test_numbers: Vec::new(),
    };
    Rules {
        tenants: ["acme", "other"].map(|name| (Arc::from(name), tenant(name))).into(),
        profiles: [(Arc::clone(&profile.name), Arc::new(profile))].into(),
        trunks: vec![trunk("east"), trunk("west")],
        pools: vec![Arc::new(pool)],
        routes: vec![Route {
            name: "all".into(),
            prefixes: Vec::new(),
            countries: Vec::new(),
            trunks: vec![0, 1],
            pool: 0,
        }],
        countries: [Country::parse("US").unwrap()].into(),
        ..Rules::default()
    }
}

pub(super) fn wish(to: &str) -> Start {
    Start {
        tenant: "acme".into(),
        profile: None,
        to: Destination::parse(to).unwrap(),
        country: Country::parse("US"),
        test: false,
        idempotency: None,
        client_reference: None,
        metadata: None,
    }
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(rules(profile(), "+12025550000-+12025559999"))
    }

    pub(super) fn with(rules: Rules) -> Self {
        Self::life(rules, 1, 0)
    }

    /// A later life, so many milliseconds after the first began.
    pub(super) fn life(rules: Rules, epoch: u32, now_ms: u64) -> Self {
        let config = Config { shard: 1, epoch, claim_key: ClaimKey([7; 32]) };
        let mut verifier = Verifier::new(config, Rng::from_seed(u64::from(epoch)));
        verifier.configure(Arc::new(rules));
        Self {
            verifier,
            line: Line::default(),
            now_ms,
            writing: VecDeque::new(),
            kept: Vec::new(),
            loads: Vec::new(),
            answers: BTreeMap::new(),
            events: Vec::new(),
            begun: Vec::new(),
            given_up: Vec::new(),
            hung_up: Vec::new(),
        }
    }

    pub(super) fn now(&self) -> Now {
        let instant = Instant::from_millis(self.now_ms);
        Now { instant, unix_us: UNIX_US + instant.as_micros() }
    }

    pub(super) fn drain_deeds(&mut self) {
        while let Some(deed) = self.verifier.poll_deed() {
            match deed {
                Deed::Load { ticket, past } => self.loads.push((ticket, past)),
                Deed::Write { records, token } => self.writing.push_back((records, token)),
                Deed::Begin(id) => self.begun.push(id),
                Deed::GiveUp(id) => {
                    self.given_up.push(id);
                    self.over(id, Outcome::NotAttempted);
                }
                Deed::Cancel(id) => self.hung_up.push(id),
                Deed::Reply(ticket, answer) => {
                    let before = self.answers.insert(ticket.0, answer);
                    assert!(before.is_none(), "{ticket:?} was answered twice");
                }
                Deed::Event(event) => self.events.push(event),
            }
        }
    }

    pub(super) fn ask(&mut self, ticket: u64, command: Command) -> &mut Self {
        let now = self.now();
        self.verifier.handle(Ticket(ticket), command, now, &mut self.line);
        self.drain_deeds();
        self
    }

    /// Answers every question about the past with nothing.
    pub(super) fn load(&mut self) -> &mut Self {
        for (ticket, _) in std::mem::take(&mut self.loads) {
            self.found(ticket, Some(Found::default()));
        }
        self
    }

    pub(super) fn found(&mut self, ticket: Ticket, found: Option<Found>) {
        let now = self.now();
        self.verifier.loaded(ticket, found, now, &mut self.line);
        self.drain_deeds();
    }

    /// The store keeps everything that was written, also what that leads to.
    pub(super) fn keep(&mut self) -> &mut Self {
        while let Some((records, token)) = self.writing.pop_front() {
            self.kept.extend(records);
            let now = self.now();
            self.verifier.stored(token, now);
            self.drain_deeds();
        }
        self
    }

    /// The store keeps nothing of what was written; what is true all the same is written again.
    pub(super) fn lose(&mut self) -> &mut Self {
        for (records, token) in std::mem::take(&mut self.writing) {
            let now = self.now();
            if self.verifier.lost(token, now, &mut self.line) == Loss::Keep {
                self.writing.push_back((records, token));
            }
            self.drain_deeds();
        }
        self
    }

    pub(super) fn start(&mut self, ticket: u64, start: Start) -> &mut Self {
        self.ask(ticket, Command::Start(Box::new(start)))
    }

    /// A verification whose call is on the wire.
    pub(super) fn dialing(&mut self, to: &str) -> SessionId {
        let ticket = 1000 + self.answers.len() as u64;
        self.start(ticket, wish(to)).load().keep();
        self.started(ticket).id
    }

    pub(super) fn check(&mut self, ticket: u64, id: SessionId, claim: &str) -> &mut Self {
        let claim = Claim::read(claim).unwrap();
        self.ask(ticket, Command::Check { tenant: Some("acme".into()), id, claim })
    }

    pub(super) fn next(&mut self, ticket: u64, id: SessionId) -> &mut Self {
        self.ask(ticket, Command::Next { tenant: Some("acme".into()), id })
    }

    pub(super) fn cancel(&mut self, ticket: u64, id: SessionId) -> &mut Self {
        self.ask(ticket, Command::Cancel { tenant: Some("acme".into()), id })
    }

    pub(super) fn look(&mut self, id: SessionId) -> Result<Snapshot, Refusal> {
        let ticket = 1_000_000 + self.answers.len() as u64;
        self.ask(ticket, Command::Look { tenant: None, id });
        match self.answers.get(&ticket) {
            Some(Ok(Answer::Session(snapshot))) => Ok((**snapshot).clone()),
            Some(Err(refusal)) => Err(*refusal),
            other => panic!("{other:?}"),
        }
    }

    /// The snapshot in an answer.
    #[track_caller]
    pub(super) fn started(&self, ticket: u64) -> &Snapshot {
        match &self.answers[&ticket] {
            Ok(Answer::Started(snapshot, _)) => snapshot,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(super) fn refusal(&self, ticket: u64) -> Refusal {
        *self.answers[&ticket].as_ref().expect_err("a refusal")
    }

    /// What was said of a claim, and how the verification stood then.
    #[track_caller]
    pub(super) fn verdict(&self, ticket: u64) -> (&'static str, &Snapshot) {
        match &self.answers[&ticket] {
            Ok(Answer::Checked(verdict, snapshot)) => (verdict.name(), snapshot),
            other => panic!("{other:?}"),
        }
    }

    /// The last digits of the n-th call that was ever prepared.
    pub(super) fn code(&self, n: usize) -> String {
        let digits = self.line.prepared[n].from.reveal();
        digits.as_str().chars().skip(digits.as_str().len() - 4).collect()
    }

    /// A code that no call has.
    pub(super) fn wrong(&self) -> String {
        let taken: Vec<String> = (0..self.line.prepared.len()).map(|n| self.code(n)).collect();
        (0..).map(|n| format!("{n:04}")).find(|code| !taken.contains(code)).unwrap()
    }

    pub(super) fn caller(&self, n: usize) -> CallerId {
        self.line.prepared[n].from
    }

    fn part(&self, id: AttemptId) -> Part {
        self.line.prepared[id.slot as usize].part
    }

    pub(super) fn phase(&mut self, id: AttemptId, phase: Phase) -> &mut Self {
        let (part, now) = (self.part(id), self.now());
        self.verifier.phase(part, phase, now);
        self.drain_deeds();
        self
    }

    /// A call is over; its record is kept at once.
    pub(super) fn over(&mut self, id: AttemptId, outcome: Outcome) -> &mut Self {
        self.over_after(id, outcome, outcome.alerted())
    }

    /// The same, where the phone was alerted first or not.
    pub(super) fn over_after(
        &mut self,
        id: AttemptId,
        outcome: Outcome,
        alerted: bool,
    ) -> &mut Self {
        let (part, now) = (self.part(id), self.now());
        self.verifier.ended(Over { part, id, outcome, alerted }, now, &mut self.line);
        self.drain_deeds();
        self.verifier.recorded(part, id, outcome, now);
        self.drain_deeds();
        self
    }

    /// The call that began last came to this.
    pub(super) fn came_to(&mut self, outcome: Outcome) -> &mut Self {
        let id = *self.begun.last().unwrap();
        self.over(id, outcome)
    }

    pub(super) fn at(&mut self, ms: u64) -> &mut Self {
        self.now_ms = ms;
        let now = self.now();
        self.verifier.handle_time(now);
        self.drain_deeds();
        self
    }

    pub(super) fn opened(&self) -> Vec<Arc<Opened>> {
        let opened = self.kept.iter().filter_map(|record| match record {
            Record::Opened(opened) => Some(Arc::clone(opened)),
            _ => None,
        });
        opened.collect()
    }

    pub(super) fn changes(&self) -> Vec<Arc<Change>> {
        let changes = self.kept.iter().filter_map(|record| match record {
            Record::Changed(change) => Some(Arc::clone(change)),
            _ => None,
        });
        changes.collect()
    }

    /// The events of a verification, in a word each.
    pub(super) fn heard(&self, id: SessionId) -> Vec<String> {
        let own = self.events.iter().filter(|event| event.id == id);
        own.map(|event| match &event.what {
            What::Started(_) => "started".to_owned(),
            What::Phase { phase, attempt } => format!("{phase} {attempt}"),
            What::CallEnded { attempt, outcome, .. } => format!("call {attempt} {outcome}"),
            What::CheckFailed { verdict, tries_left } => {
                format!("{} {tries_left}", verdict.name())
            }
            What::Alarm { attempt, outcome } => format!("alarm {attempt} {outcome}"),
            What::Ended(snapshot) => snapshot.status.to_string(),
        })
        .collect()
    }
}
