//! One run: everything that happens, in the order of its time.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use onering::base::clock::{Instant, Now};
use onering::base::flow::FlowId;
use onering::base::id::{Seq, SessionId, Ticket};
use onering::base::number::{Country, Destination, Span};
use onering::base::rng::Rng;
use onering::call::Pace;
use onering::call::outcome::Outcome;
use onering::carrier::{Carrier, Config as CarrierConfig, Output as Said};
use onering::engine::{Answer, Command, Engine, Event as Told, Input, Output};
use onering::numbers::pool::Pool;
use onering::numbers::route::Route;
use onering::sip::txn::Timers;
use onering::sip::txn::branch::BranchKey;
use onering::sip::ua::{Config, Datagram, Rel100, Trunk};
use onering::verify::command::{Command as Verify, Start};
use onering::verify::matcher::{Claim, ClaimKey};
use onering::verify::record::{Past, Record};
use onering::verify::rules::{Duplicates, Profile, Rules, Tenant, TrunkRules};

use crate::disk::Disk;
use crate::people::{Asked, People};

const ENGINE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10)), 5060);
const UNIX_US: u64 = 1_795_406_400_000_000;
/// How long people go on asking.
const ACTIVE: Duration = Duration::from_secs(90);
/// A run that is not over then never will be.
const HORIZON: Duration = Duration::from_secs(1200);

fn carrier_at(index: usize) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1 + index as u8)), 5070)
}

enum Event {
    ToCarrier(usize, Bytes),
    ToEngine(SocketAddr, Bytes),
    /// Somebody does something.
    Act,
    /// Somebody types what his phone shows.
    Type(SessionId, String),
    /// The store's batch is done.
    Committed,
    Loaded(Ticket, Past),
    Die,
    Rise,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) begun: u64,
    pub(crate) approved: u64,
    pub(crate) wrong: u64,
    pub(crate) refused: u64,
    pub(crate) deaths: u64,
    pub(crate) lost_batches: u64,
    pub(crate) interrupted: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.begun += other.begun;
        self.approved += other.approved;
        self.wrong += other.wrong;
        self.refused += other.refused;
        self.deaths += other.deaths;
        self.lost_batches += other.lost_batches;
        self.interrupted += other.interrupted;
    }
}

pub(crate) struct World {
    rng: Rng,
    seed: u64,
    now: Instant,
    queue: BTreeMap<(Instant, u64), Event>,
    count: u64,
    epoch: u32,
    /// None while it is dead.
    engine: Option<Engine>,
    wake_at: Instant,
    carriers: Vec<Carrier>,
    disk: Disk,
    waiting: Vec<(Seq, Record)>,
    batch: VecDeque<(Seq, Record)>,
    fails_permille: u64,
    loss_permille: u64,
    deaths_left: u32,
    people: People,
    ticket: u64,
    /// Calls whose INVITE a carrier saw: Call-ID, number and code.
    seen: BTreeMap<String, (Destination, String)>,
    pub(crate) tally: Tally,
    hasher: DefaultHasher,
    pub(crate) fingerprint: u64,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::from_seed(seed);
        let carriers = (0..2).map(|index| {
            let mut config = CarrierConfig::at(carrier_at(index));
            config.lossy_wire = true;
            Carrier::new(config, Rng::from_seed(seed ^ (0xc0 + index as u64)))
        });
        let fails_permille = [0, 0, 30, 150][(rng.wire() % 4) as usize];
        let loss_permille = [0, 0, 50, 200][(rng.wire() % 4) as usize];
        let deaths_left = (rng.wire() % 5) as u32;
        let mut world = Self {
            seed,
            now: Instant::START,
            queue: BTreeMap::new(),
            count: 0,
            epoch: 0,
            engine: None,
            wake_at: Instant::NEVER,
            carriers: carriers.collect(),
            disk: Disk::default(),
            waiting: Vec::new(),
            batch: VecDeque::new(),
            fails_permille,
            loss_permille,
            deaths_left,
            people: People::default(),
            ticket: 0,
            seen: BTreeMap::new(),
            tally: Tally::default(),
            hasher: DefaultHasher::new(),
            fingerprint: 0,
            rng,
        };
        world.rise();
        world.after(Duration::ZERO, Event::Act);
        for _ in 0..deaths_left {
            let at = world.within(ACTIVE);
            world.after(at, Event::Die);
        }
        world
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.rng.wire() % bound
    }

    fn within(&mut self, longest: Duration) -> Duration {
        Duration::from_micros(self.below(longest.as_micros() as u64 + 1))
    }

    fn after(&mut self, delay: Duration, event: Event) {
        self.count += 1;
        self.queue.insert((self.now + delay, self.count), event);
    }

    fn wall(&self) -> Now {
        Now { instant: self.now, unix_us: UNIX_US + self.now.as_micros() }
    }

    pub(crate) fn run(&mut self) {
        while let Some(next) = self.next() {
            self.now = self.now.max(next);
            assert!(
                self.now.since(Instant::START) < HORIZON,
                "seed {}: it does not end",
                self.seed
            );
            while let Some(entry) = self.queue.first_entry()
                && entry.key().0 <= self.now
            {
                let event = entry.remove();
                self.happen(event);
            }
            for index in 0..self.carriers.len() {
                if self.carriers[index].poll_timeout().is_some_and(|at| at <= self.now) {
                    let mut said = Vec::new();
                    self.carriers[index].handle_time(self.now, &mut said);
                    self.said(index, said);
                }
            }
            if self.engine.is_some() && self.wake_at <= self.now {
                self.feed(Input::TimePassed);
            }
        }
        self.fingerprint = self.hasher.finish();
        self.tally.begun = self.people.known.len() as u64;
        self.tally.approved = self.people.approved.len() as u64;
        self.tally.wrong = self.people.wrong;
        self.tally.refused = self.people.refused;
        let cut = |cdr: &&Arc<onering::verify::cdr::Cdr>| cdr.outcome == Outcome::Interrupted;
        self.tally.interrupted = self.disk.cdrs.values().filter(cut).count() as u64;
    }

    fn next(&self) -> Option<Instant> {
        let queued = self.queue.first_key_value().map(|((at, _), _)| *at);
        let carriers = self.carriers.iter().filter_map(Carrier::poll_timeout);
        let engine = Some(self.wake_at).filter(|at| self.engine.is_some() && *at != Instant::NEVER);
        carriers.chain(queued).chain(engine).min()
    }

    /// Everything that was promised, looked at once more when all has come to rest.
    pub(crate) fn end(&self) {
        let seed = self.seed;
        assert!(self.disk.intents.is_empty(), "seed {seed}: calls without a record");
        assert!(
            self.people.open.is_empty(),
            "seed {seed}: questions without an answer: {:?}",
            self.people.open
        );
        for call_id in self.seen.keys() {
            let id = self.disk.by_call_id.get(call_id);
            let id = id.unwrap_or_else(|| {
                panic!("seed {seed}: {call_id} was on the wire before the disk")
            });
            assert!(self.disk.cdrs.contains_key(id), "seed {seed}: {call_id} has no record");
        }
        for id in &self.people.known {
            let kept =
                self.disk.sessions.get(id).unwrap_or_else(|| panic!("seed {seed}: {id} is gone"));
            assert!(kept.status.is_final(), "seed {seed}: {id} never ended");
        }
        for id in &self.people.approved {
            assert_eq!(self.disk.sessions[id].status.name(), "approved", "seed {seed}: {id}");
        }
        let engine = self.engine.as_ref().expect("it lives in the end");
        assert_eq!(engine.verifications(), 0, "seed {seed}");
        assert_eq!(engine.unreported(), 0, "seed {seed}");
        assert_eq!(engine.user_agent().held(), 0, "seed {seed}");
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::ToCarrier(index, bytes) => self.arrives(index, bytes),
            Event::ToEngine(from, bytes) => {
                let datagram = Datagram { from, received: self.now, bytes };
                self.feed(Input::Datagram(datagram));
            }
            Event::Act => self.act(),
            Event::Type(id, claim) => self.check(id, &claim),
            Event::Committed => self.committed(),
            Event::Loaded(ticket, past) => {
                let found =
                    (self.below(1000) >= self.fails_permille).then(|| self.disk.find(&past));
                self.feed(Input::Loaded { ticket, found });
            }
            Event::Die => self.die(),
            Event::Rise => self.rise(),
        }
    }

    fn die(&mut self) {
        self.deaths_left -= 1;
        if self.engine.take().is_none() {
            return;
        }
        self.tally.deaths += 1;
        // The batch that was under way is on disk, or it is not.
        if self.below(2) == 0 {
            let records: Vec<Record> =
                self.batch.iter().map(|(_, record)| record.clone()).collect();
            self.disk.keep(&records);
        }
        self.batch.clear();
        self.waiting.clear();
        self.people.forget();
        self.queue.retain(|_, event| {
            !matches!(event, Event::Committed | Event::Loaded(..) | Event::ToEngine(..))
        });
        let delay = self.within(Duration::from_secs(3));
        self.after(delay, Event::Rise);
    }

    fn rise(&mut self) {
        if self.engine.is_some() {
            return;
        }
        self.epoch += 1;
        let config = Config {
            shard: 7,
            epoch: self.epoch,
            branch_key: BranchKey::new([3; 16]),
            calls_max: 4000,
        };
        let rng = Rng::from_seed(self.seed ^ (u64::from(self.epoch) << 32));
        self.engine = Some(Engine::new(config, ClaimKey([7; 32]), rng));
        self.feed(Input::Configure { trunks: trunks(), rules: Arc::new(rules(self.seed)) });
        let left = self.disk.left();
        self.feed(Input::Restore(Box::new(left)));
    }

    /// One input, and everything that comes of it.
    fn feed(&mut self, input: Input) {
        let now = self.wall();
        let Some(engine) = &mut self.engine else { return };
        engine.handle_input(input, now);
        let mut left = Vec::new();
        for sending in engine.outbox().iter() {
            left.push((sending.to, Bytes::copy_from_slice(sending.bytes)));
        }
        engine.outbox_mut().clear();
        let mut outputs = Vec::new();
        while let Some(output) = engine.poll_output() {
            outputs.push(output);
        }
        self.wake_at = engine.poll_timeout().unwrap_or(Instant::NEVER);
        for (to, bytes) in left {
            self.leaves(to, bytes);
        }
        for output in outputs {
            self.obey(output);
        }
        self.commit();
    }

    fn leaves(&mut self, to: SocketAddr, bytes: Bytes) {
        (self.now.as_micros(), &bytes).hash(&mut self.hasher);
        if bytes.starts_with(b"INVITE ") {
            let call_id = header(&bytes, "Call-ID");
            assert!(
                self.disk.by_call_id.contains_key(&call_id),
                "seed {}: {call_id} leaves before its intent is on disk",
                self.seed
            );
        }
        if self.below(1000) < self.loss_permille {
            return;
        }
        let index = (0..2).find(|index| carrier_at(*index) == to).expect("one of the carriers");
        let delay = Duration::from_millis(10) + self.within(Duration::from_millis(20));
        self.after(delay, Event::ToCarrier(index, bytes));
    }

    fn arrives(&mut self, index: usize, bytes: Bytes) {
        if bytes.starts_with(b"INVITE ") {
            self.rings(&bytes);
        }
        let mut said = Vec::new();
        self.carriers[index].handle(bytes, ENGINE, self.now, &mut said);
        self.said(index, said);
    }

    fn said(&mut self, index: usize, said: Vec<Said>) {
        for said in said {
            if let Said::Send { bytes, .. } = said
                && self.below(1000) >= self.loss_permille
            {
                let delay = Duration::from_millis(10) + self.within(Duration::from_millis(20));
                self.after(delay, Event::ToEngine(carrier_at(index), bytes));
            }
        }
    }

    /// A carrier sees a call: its person may type the code, soon or late, right or wrong.
    fn rings(&mut self, bytes: &Bytes) {
        let call_id = header(bytes, "Call-ID");
        if self.seen.contains_key(&call_id) {
            return;
        }
        let from = header(bytes, "From");
        let number: String = from
            .chars()
            .skip_while(|c| *c != '+')
            .skip(1)
            .take_while(char::is_ascii_digit)
            .collect();
        let code: String = number.chars().skip(number.len() - 4).collect();
        let Some(id) = self.disk.by_call_id.get(&call_id) else {
            panic!("seed {}: {call_id} is on the wire before the disk", self.seed);
        };
        let part = self.disk.intents.get(id).map(|intent| (intent.part, intent.to));
        let Some((Some(part), to)) = part else { return };
        self.seen.insert(call_id, (to, code.clone()));
        for _ in 0..self.below(4) {
            let claim = match self.below(3) {
                0 => format!("{:04}", self.below(10_000)),
                1 => code.clone(),
                _ => format!("+{number}"),
            };
            let delay = self.within(Duration::from_secs(40));
            self.after(delay, Event::Type(part.session, claim));
        }
    }

    fn obey(&mut self, output: Output) {
        match output {
            Output::Store { seq, record } => self.waiting.push((seq, record)),
            Output::Load { ticket, past } => {
                let delay = self.within(Duration::from_millis(5));
                self.after(delay, Event::Loaded(ticket, past));
            }
            Output::Reply { ticket, answer: Answer::Verify(answer) } => {
                self.people.hear(ticket, answer, &self.disk);
            }
            Output::Event(Told::Verify(event)) => {
                assert!(self.disk.sessions.contains_key(&event.id), "told of what is not on disk");
            }
            Output::Reply { .. } | Output::Event(_) => {}
        }
    }

    fn commit(&mut self) {
        if self.batch.is_empty() && !self.waiting.is_empty() {
            self.batch = std::mem::take(&mut self.waiting).into();
            let delay = self.within(Duration::from_millis(30));
            self.after(delay, Event::Committed);
        }
    }

    fn committed(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        let (first, last) = (batch[0].0, batch[batch.len() - 1].0);
        if self.below(1000) < self.fails_permille {
            self.tally.lost_batches += 1;
            self.waiting.clear();
            self.feed(Input::StoreFailed { from: first });
        } else {
            let records: Vec<Record> = batch.into_iter().map(|(_, record)| record).collect();
            self.disk.keep(&records);
            self.feed(Input::Stored { up_to: last });
        }
    }

    fn ask(&mut self, command: Verify) {
        if self.engine.is_none() {
            return;
        }
        self.ticket += 1;
        let ticket = Ticket(self.ticket);
        self.people.open.insert(ticket, Asked::of(&command));
        self.feed(Input::Command { ticket, command: Command::Verify(command) });
    }

    fn check(&mut self, id: SessionId, claim: &str) {
        let claim = Claim::read(claim).expect("digits");
        self.ask(Verify::Check { tenant: None, id, claim });
    }

    fn act(&mut self) {
        let known = self.people.known.len() as u64;
        let any = |world: &mut Self| {
            let newest = known.saturating_sub(1 + world.below(12.min(known)));
            world.people.known[newest as usize]
        };
        match self.below(10) {
            0..=5 => self.start(),
            6 | 7 if known > 0 => {
                let id = any(self);
                self.ask(Verify::Next { tenant: None, id });
            }
            8 if known > 0 => {
                let id = any(self);
                self.ask(Verify::Cancel { tenant: None, id });
            }
            9 if known > 0 => {
                let id = any(self);
                self.ask(Verify::Look { tenant: None, id });
            }
            _ => {}
        }
        if self.now.since(Instant::START) < ACTIVE {
            let delay = self.within(Duration::from_millis(1500));
            self.after(delay, Event::Act);
        } else if self.engine.is_none() || self.deaths_left > 0 {
            // The last life is the one that brings everything to its end.
            self.after(Duration::from_secs(1), Event::Act);
        }
    }

    fn start(&mut self) {
        // The last three digits choose what the carrier does.
        let tails = [
            "142", "143", "144", "145", "486", "503", "480", "404", "201", "203", "184", "181",
            "000", "191",
        ];
        let tail = tails[self.below(tails.len() as u64) as usize];
        let to = Destination::parse(&format!("+1202555{}{tail}", self.below(3))).expect("a number");
        let tenant = ["acme", "other"][self.below(2) as usize];
        self.ask(Verify::Start(Box::new(Start {
            tenant: tenant.into(),
            profile: None,
            to,
            country: Country::parse("US"),
            test: false,
            idempotency: None,
            client_reference: None,
            metadata: None,
        })));
    }
}

/// The value of a header, as far as this test needs it.
fn header(bytes: &Bytes, name: &str) -> String {
    let text = String::from_utf8_lossy(bytes);
    let start = format!("{name}: ");
    let line = text.lines().find_map(|line| line.strip_prefix(&start));
    line.unwrap_or_else(|| panic!("no {name}")).to_owned()
}

fn trunks() -> Vec<Trunk> {
    let trunk = |index: usize| Trunk {
        name: ["east", "west"][index].into(),
        flow: FlowId(0),
        targets: vec![carrier_at(index)],
        peers: Vec::new(),
        domain: carrier_at(index).to_string(),
        from_domain: ENGINE.to_string(),
        advertised: ENGINE.to_string().into(),
        media: SocketAddr::new(ENGINE.ip(), 40_000),
        route: None,
        asserted_identity: false,
        rel100: Rel100::Off,
        headers: Vec::new(),
        credentials: None,
        timers: Timers::default(),
    };
    vec![trunk(0), trunk(1)]
}

fn rules(seed: u64) -> Rules {
    let span = Span::parse("+12025550000-+12025550199").expect("a span");
    let pool = Pool::new("pool".into(), &[span], &[4]).expect("a pool");
    let duplicates =
        [Duplicates::Refuse, Duplicates::Return, Duplicates::Allow][(seed % 3) as usize];
    let profile = Profile {
        name: "default".into(),
        code_length: 4,
        lifetime: Duration::from_secs(20 + seed % 40),
        tries: 3,
        redials: 2,
        allow_diverted: seed.is_multiple_of(2),
        duplicates,
    };
    let pace = Pace { no_alert: Duration::from_secs(8), ..Pace::default() };
    let trunk = |name: &str| TrunkRules { name: name.into(), pace };
    let tenant = |name: &str| {
        let profile = "default".into();
        (Arc::from(name), Tenant { name: name.into(), profile, test_numbers: Vec::new() })
    };
    Rules {
        tenants: ["acme", "other"].map(tenant).into(),
        profiles: [(Arc::from("default"), Arc::new(profile))].into(),
        trunks: vec![trunk("east"), trunk("west")],
        pools: vec![Arc::new(pool)],
        routes: vec![Route {
            name: "all".into(),
            prefixes: Vec::new(),
            countries: Vec::new(),
            trunks: vec![0, 1],
            pool: 0,
        }],
        countries: [Country::parse("US").expect("a country")].into(),
        ..Rules::default()
    }
}
