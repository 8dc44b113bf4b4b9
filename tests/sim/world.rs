//! The engine, its far ends, its store and the network between, in virtual time.
//!
//! One queue of what is to come; the earliest of it, of the far ends' timers, of the store and of the engine's own
//! wish to be polled is next. The engine may be polled late, or stand still for seconds: what arrives meanwhile is
//! handed over when it wakes, datagrams first, then time, then the store and the commands, as the driver does.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use onering::base::clock::{Instant, Now};
use onering::base::id::{AttemptId, Ticket};
use onering::base::rng::Rng;
use onering::carrier::{Carrier, Config as CarrierConfig, Output as Said};
use onering::engine::{Answer, Command, Engine, Input, Output};
use onering::sip::txn::Timers;
use onering::sip::txn::branch::BranchKey;
use onering::sip::ua::{Config, Datagram, Dropped};
use onering::verify::matcher::ClaimKey;
use onering::verify::record::Record;

use super::chance::Chance;
use super::checks::sending::Left;
use super::checks::{Cause, Checks};
use super::glance::Glance;
use super::log::{Log, Way};
use super::params::Params;
use super::script;
use super::store::Slow;
use super::wire::Wire;

/// Where the engine is.
pub(crate) const ENGINE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10)), 5060);
/// Where nobody is that the engine knows.
pub(crate) const STRANGER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(203, 0, 113, 66)), 5060);
/// A run that is not over then never will be.
const HORIZON: Duration = Duration::from_secs(1800);
/// The wall clock at the start.
const UNIX_US: u64 = 1_795_406_400_000_000;

/// Where a far end is.
pub(crate) const fn carrier_at(index: usize) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1 + index as u8)), 5070)
}

/// What is to come.
pub(crate) enum Event {
    /// A datagram at a far end.
    Out { carrier: usize, bytes: Bytes },
    /// A datagram at the engine. A forgery must have no effect, as long as its call is alive where that is asked.
    Back { from: SocketAddr, bytes: Bytes, forgery: Option<Forgery> },
    /// The network gives a datagram back.
    Undeliverable(Bytes),
    /// Somebody asks for something.
    Command(Ticket, Command),
    /// Another configuration.
    Configure(usize),
    /// The engine's machine stands still.
    Freeze(Duration),
    /// A far end's port is closed.
    Close(usize, Duration),
    /// The wall clock is set.
    SetClock(i64),
}

/// Something that must have no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forgery {
    Always,
    WhileLive,
}

pub(crate) struct Site {
    pub(crate) carrier: Carrier,
    closed_until: Instant,
}

/// Everything.
pub(crate) struct World {
    pub(crate) params: Params,
    pub(crate) chance: Chance,
    out: Wire,
    back: Wire,
    pub(crate) now: Instant,
    unix_offset: i64,
    queue: BTreeMap<(Instant, u64), Event>,
    count: u64,
    pub(crate) engine: Engine,
    wake_at: Instant,
    asleep_until: Instant,
    inbox: Vec<Event>,
    inbox_times: Vec<Instant>,
    verdicts: Vec<Input>,
    pub(crate) sites: Vec<Site>,
    store: Slow,
    pub(crate) checks: Checks,
    pub(crate) log: Log,
    pub(crate) sent: u64,
}

impl World {
    pub(crate) fn new(params: &Params) -> Self {
        let seed = params.seed;
        let timers = Timers { t1: params.t1, ..Timers::default() };
        let sites = (0..params.carriers).map(|index| {
            let mut config = CarrierConfig::at(carrier_at(index));
            config.timers = timers;
            config.lossy_wire = params.is_lossy();
            config.copy_min = params.t1 / 2;
            let rng = Rng::from_seed(seed ^ (0xc0 + index as u64));
            Site { carrier: Carrier::new(config, rng), closed_until: Instant::START }
        });
        let config = Config {
            shard: 7,
            epoch: 1,
            branch_key: BranchKey::new([seed as u8; 16]),
            calls_max: params.calls_max,
        };
        let store_chance = Chance::new(seed, 4);
        let mut world = Self {
            chance: Chance::new(seed, 1),
            out: Wire::new(params.out, Chance::new(seed, 2)),
            back: Wire::new(params.back, Chance::new(seed, 3)),
            now: Instant::START,
            unix_offset: 0,
            queue: BTreeMap::new(),
            count: 0,
            engine: Engine::new(config, ClaimKey([7; 32]), Rng::from_seed(seed)),
            wake_at: Instant::NEVER,
            asleep_until: Instant::START,
            inbox: Vec::new(),
            inbox_times: Vec::new(),
            verdicts: Vec::new(),
            sites: sites.collect(),
            store: Slow::new(store_chance, params.store_delay, params.store_fails_permille),
            checks: Checks::new(params),
            log: Log::default(),
            sent: 0,
            params: params.clone(),
        };
        world.configure(0);
        script::write(&mut world);
        world
    }

    pub(crate) fn at(&mut self, at: Instant, event: Event) {
        self.count += 1;
        self.queue.insert((at, self.count), event);
    }

    /// Runs until everything has come to rest or something is wrong.
    pub(crate) fn run(&mut self) {
        while self.checks.broken.is_empty() {
            let Some(next) = self.next() else { break };
            self.now = self.now.max(next);
            if self.now.since(Instant::START) > HORIZON + self.params.spread {
                self.checks.broken.push(format!("something is still due at {next:?}"));
                break;
            }
            self.step();
        }
        if self.checks.broken.is_empty() && !self.store.is_idle() {
            self.checks.broken.push("the store is not idle".to_owned());
        }
    }

    fn next(&self) -> Option<Instant> {
        let queued = self.queue.first_key_value().map(|((at, _), _)| *at);
        let carriers = self.sites.iter().filter_map(|site| site.carrier.poll_timeout());
        let asleep = self.now < self.asleep_until;
        let engine = if asleep { self.asleep_until } else { self.wake_at };
        let engine = (engine != Instant::NEVER).then_some(engine);
        carriers.chain(queued).chain(engine).chain(self.store.poll_timeout()).min()
    }

    fn step(&mut self) {
        for index in 0..self.sites.len() {
            if self.sites[index].carrier.poll_timeout().is_some_and(|at| at <= self.now) {
                let mut said = Vec::new();
                self.sites[index].carrier.handle_time(self.now, &mut said);
                self.said(index, said);
            }
        }
        if self.store.poll_timeout().is_some_and(|at| at <= self.now) {
            let done = self.store.finish();
            for record in &done.kept {
                self.checks.kept(record);
            }
            self.verdicts.extend(done.verdicts);
        }
        while let Some(entry) = self.queue.first_entry()
            && entry.key().0 <= self.now
        {
            let event = entry.remove();
            self.happen(event);
        }
        if self.now < self.asleep_until {
            return;
        }
        if !self.inbox.is_empty() || !self.verdicts.is_empty() || self.wake_at <= self.now {
            self.turn();
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Out { carrier, bytes } => self.arrives(carrier, bytes),
            Event::Freeze(duration) => {
                self.asleep_until = self.asleep_until.max(self.now + duration);
                self.log.word(self.now, format!("the engine stands still for {duration:?}"));
            }
            Event::Close(carrier, duration) => {
                self.log
                    .word(self.now, format!("port of carrier {carrier} closed for {duration:?}"));
                self.sites[carrier].closed_until = self.now + duration;
            }
            Event::SetClock(micros) => self.unix_offset = micros,
            event @ (Event::Back { .. }
            | Event::Undeliverable(_)
            | Event::Command(..)
            | Event::Configure(_)) => {
                self.inbox.push(event);
                self.inbox_times.push(self.now);
            }
        }
    }

    /// A datagram of the engine at a far end, or at its closed port.
    fn arrives(&mut self, carrier: usize, bytes: Bytes) {
        let site = &mut self.sites[carrier];
        if self.now < site.closed_until {
            // ICMP gives back the beginning of it, if anything at all.
            if self.chance.hits(700) {
                let end = bytes.len().min(200 + self.chance.below(600));
                let delay = self.back.carry();
                if let Some(delay) = delay.first() {
                    self.at(self.now + *delay, Event::Undeliverable(bytes.slice(..end)));
                }
            }
            return;
        }
        self.log.datagram(self.now, Way::ArrivedOut, &bytes);
        self.checks.reached(&bytes);
        let mut said = Vec::new();
        site.carrier.handle(bytes, ENGINE, self.now, &mut said);
        self.said(carrier, said);
    }

    /// What a far end says goes over the wire.
    fn said(&mut self, carrier: usize, said: Vec<Said>) {
        for said in said {
            match said {
                Said::Offence(offence) => {
                    self.log.word(self.now, offence.to_string());
                    self.checks.offence(&offence);
                }
                Said::Heard(..) => {}
                Said::Send { to, bytes } => {
                    if to != ENGINE {
                        self.checks.broken.push(format!("a response goes to {to}"));
                    }
                    let copies = self.back.carry();
                    self.log.datagram(self.now, Way::LeftBack(copies.len()), &bytes);
                    let from = carrier_at(carrier);
                    for delay in copies {
                        let back = Event::Back { from, bytes: bytes.clone(), forgery: None };
                        self.at(self.now + delay, back);
                    }
                    if self.chance.hits(self.params.ghosts_permille)
                        && let Some((event, delay)) = script::ghost(&mut self.chance, from, &bytes)
                    {
                        self.at(self.now + delay, event);
                    }
                    if self.chance.hits(self.params.forged_permille) {
                        let (event, delay) = script::forge(&mut self.chance, from, &bytes);
                        self.at(self.now + delay, event);
                    }
                }
            }
        }
    }

    /// The engine takes what there is for it, and does what is due.
    fn turn(&mut self) {
        let times = std::mem::take(&mut self.inbox_times);
        let inbox = std::mem::take(&mut self.inbox);
        let (mut commands, mut configured) = (Vec::new(), None);
        for (event, received) in inbox.into_iter().zip(times) {
            match event {
                Event::Back { from, bytes, forgery } => self.take(from, bytes, forgery, received),
                Event::Undeliverable(payload) => {
                    let bytes = payload.clone();
                    let cause = Cause::Undeliverable(Glance::of(&bytes));
                    self.feed(Input::Undeliverable { payload }, received, &cause, &bytes);
                }
                Event::Command(ticket, command) => commands.push((ticket, command)),
                Event::Configure(variant) => configured = Some(variant),
                Event::Out { .. } | Event::Freeze(_) | Event::Close(..) | Event::SetClock(_) => {}
            }
        }
        self.pass_time();
        for verdict in std::mem::take(&mut self.verdicts) {
            if matches!(verdict, Input::StoreFailed { .. }) {
                self.store.told();
            }
            self.feed(verdict, self.now, &Cause::Verdict, &[]);
        }
        if let Some(variant) = configured {
            self.configure(variant);
        }
        for (ticket, command) in commands {
            self.command(ticket, command);
        }
        self.pass_time();
        self.store.commit(self.now);
        self.checks.turn_ends(self.now);
        let late = self.chance.within(self.params.late);
        self.wake_at =
            self.engine.poll_timeout().map_or(Instant::NEVER, |at| at.max(self.now) + late);
    }

    /// Everything that is due, however many turns it takes.
    fn pass_time(&mut self) {
        let enough = 100 + self.engine.user_agent().held() / 64;
        let mut turns = 0;
        while self.engine.poll_timeout().is_some_and(|at| at <= self.now) {
            self.feed(Input::TimePassed, self.now, &Cause::Time, &[]);
            turns += 1;
            if turns > enough {
                self.checks.broken.push(format!("the engine wants {:?} again and again", self.now));
                return;
            }
        }
    }

    fn take(
        &mut self,
        from: SocketAddr,
        bytes: Bytes,
        forgery: Option<Forgery>,
        received: Instant,
    ) {
        let peers = self.engine.peers();
        let cause = match forgery {
            None => Checks::cause(&bytes, from, &peers),
            Some(forgery) => {
                if forgery == Forgery::WhileLive && !self.checks.is_live(Glance::of(&bytes).branch)
                {
                    return;
                }
                Cause::Nothing
            }
        };
        if forgery.is_none() {
            self.log.datagram(self.now, Way::Arrived, &bytes);
        }
        let datagram = Datagram { from, received, bytes: bytes.clone() };
        let before = self.dropped();
        self.feed(Input::Datagram(datagram), received, &cause, &bytes);
        if forgery.is_some() && self.dropped() != before + 1 {
            let start = Glance::of(&bytes).start;
            self.checks.broken.push(format!("a forged {start} was not dropped"));
        }
    }

    /// Datagrams that the engine says had no effect.
    fn dropped(&self) -> u64 {
        let Dropped { malformed, misrouted, forged, strangers, late, overflow } =
            self.engine.user_agent().dropped();
        malformed + misrouted + forged + strangers + late + overflow
    }

    fn command(&mut self, ticket: Ticket, command: Command) {
        match &command {
            Command::Place { plan, not_after } => self.checks.wishes(ticket, *plan, *not_after),
            Command::Cancel(id) => self.checks.asks_to_cancel(*id),
            Command::Drain => self.checks.asks_to_drain(ticket),
            Command::Verify(_) => unreachable!("these worlds make bare calls"),
        }
        self.log.word(self.now, format!("{ticket:?}: {command:?}"));
        self.feed(Input::Command { ticket, command }, self.now, &Cause::Command, &[]);
    }

    fn configure(&mut self, variant: usize) {
        let trunks = script::trunks(&self.params, variant);
        self.checks.configurations += 1;
        self.log.word(self.now, format!("configuration {variant}"));
        self.feed(
            Input::Configure { trunks, rules: std::sync::Arc::default() },
            self.now,
            &Cause::Command,
            &[],
        );
    }

    /// One input, and everything that comes of it.
    fn feed(&mut self, input: Input, received: Instant, cause: &Cause<'_>, bytes: &[u8]) {
        self.checks.before(self.now, received, cause, bytes);
        let unix_us = UNIX_US + self.now.as_micros();
        let unix_us = unix_us.saturating_add_signed(self.unix_offset);
        self.engine.handle_input(input, Now { instant: self.now, unix_us });
        let left: Vec<Left> = self
            .engine
            .outbox()
            .iter()
            .map(|sending| Left { to: sending.to, bytes: Bytes::copy_from_slice(sending.bytes) })
            .collect();
        self.engine.outbox_mut().clear();
        self.checks.sent(self.now, &left, cause);
        for Left { to, bytes } in left {
            self.leaves(to, &bytes);
        }
        while let Some(output) = self.engine.poll_output() {
            self.log.output(self.now, &output);
            self.checks.output(self.now, &output);
            if matches!(cause, Cause::Nothing) {
                self.checks.broken.push(format!("{output:?} for what should have no effect"));
            }
            self.obey(output);
        }
    }

    fn leaves(&mut self, to: SocketAddr, bytes: &Bytes) {
        self.sent += 1;
        let copies = self.out.carry();
        self.log.datagram(self.now, Way::Left(copies.len()), bytes);
        if to == STRANGER {
            self.checks.broken.push("an answer to a stranger".to_owned());
        }
        if Glance::of(bytes).to_tag.starts_with(script::GHOST) {
            let arrived = copies.first().copied();
            let answer = arrived.and_then(|delay| Some((script::end_ghost(to, bytes)?, delay)));
            if let Some((event, delay)) = answer {
                self.at(self.now + delay, event);
            }
            return;
        }
        // Answers to noise go back to where nobody waits for them.
        if Glance::of(bytes).status > 0 {
            return;
        }
        let Some(carrier) = (0..self.sites.len()).find(|index| carrier_at(*index) == to) else {
            self.checks.broken.push(format!("a request goes to {to}"));
            return;
        };
        for delay in copies {
            self.at(self.now + delay, Event::Out { carrier, bytes: bytes.clone() });
        }
    }

    fn obey(&mut self, output: Output) {
        match output {
            Output::Store { seq, record } => {
                if let Record::Intent(intent) = &record
                    && self.chance.hits(self.params.cancels_permille / 8)
                {
                    self.cancel_at(self.now, intent.id);
                }
                self.store.append(seq, record);
            }
            Output::Reply { answer: Answer::Started(id), .. } => {
                if self.chance.hits(self.params.cancels_permille) {
                    let longest = self.chance.pick(&[0, 50, 700, 5_000, 40_000]);
                    let delay = self.chance.within(Duration::from_millis(longest));
                    self.cancel_at(self.now + delay, id);
                }
            }
            Output::Reply { .. } | Output::Event(_) | Output::Load { .. } => {}
        }
    }

    fn cancel_at(&mut self, at: Instant, id: AttemptId) {
        self.at(at, Event::Command(Ticket(u64::MAX), Command::Cancel(id)));
        if self.chance.hits(200) {
            self.at(at, Event::Command(Ticket(u64::MAX), Command::Cancel(id)));
        }
    }
}
