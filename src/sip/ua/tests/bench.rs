//! A user agent, a trunk, and time that passes when a test says so.

use bytes::Bytes;
use std::net::SocketAddr;
use std::time::Duration;

use super::reader::{self, Sent};
use super::reply::Reply;
use crate::base::clock::Instant;
use crate::base::flow::FlowId;
use crate::base::id::AttemptId;
use crate::base::number::{CallerId, Destination};
use crate::base::rng::Rng;
use crate::call::Pace;
use crate::call::outcome::{Outcome, classify};
use crate::sip::txn::Timers;
use crate::sip::txn::branch::BranchKey;
use crate::sip::ua::{
    CallPhase, Config, Datagram, Dropped, Late, News, Plan, Refused, Rel100, Report, Trunk,
    TrunkId, UserAgent,
};

/// Where the trunk is.
pub(super) const TARGET: &str = "192.0.2.10:5060";
/// Our address, as the trunk sees it.
pub(super) const OURS: &str = "203.0.113.5:5062";
/// An address of nobody we know.
pub(super) const STRANGER: &str = "198.51.100.66:5060";

/// No moment of a test is the start of the engine.
const BEGIN: Duration = Duration::from_secs(1000);
const CALLS_MAX: usize = 4;

/// A user agent with its world.
pub(super) struct Bench {
    pub(super) ua: UserAgent,
    epoch: u32,
    /// Milliseconds since the test began.
    now: u64,
    /// Everything that ever left.
    pub(super) sent: Vec<Sent>,
    /// How much of it the test has looked at.
    seen: usize,
    pub(super) ended: Vec<Report>,
    pub(super) amended: Vec<(AttemptId, Late)>,
    /// How far each call came, as it was told.
    pub(super) phases: Vec<(AttemptId, CallPhase)>,
}

pub(super) fn trunk() -> Trunk {
    Trunk {
        name: "west".into(),
        flow: FlowId(7),
        targets: vec![TARGET.parse().unwrap()],
        peers: vec!["192.0.2.11".parse().unwrap()],
        domain: "carrier.example".into(),
        from_domain: "us.example".into(),
        advertised: OURS.into(),
        media: "203.0.113.5:40000".parse().unwrap(),
        route: None,
        asserted_identity: false,
        rel100: Rel100::Off,
        headers: Vec::new(),
        credentials: None,
        timers: Timers::default(),
    }
}

fn config(epoch: u32) -> Config {
    Config { shard: 3, epoch, branch_key: BranchKey::new([9; 16]), calls_max: CALLS_MAX }
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::on(trunk())
    }

    pub(super) fn on(trunk: Trunk) -> Self {
        Self::life(1, trunk)
    }

    /// The engine's n-th life, with the same key.
    pub(super) fn life(epoch: u32, trunk: Trunk) -> Self {
        let mut ua = UserAgent::new(config(epoch), Rng::from_seed(u64::from(epoch)));
        ua.configure(vec![trunk]);
        let (sent, ended, amended) = (Vec::new(), Vec::new(), Vec::new());
        Self { ua, epoch, now: 0, sent, seen: 0, ended, amended, phases: Vec::new() }
    }

    /// Places a call with a hold of 600 ms and a guard of 20 s; gives its INVITE.
    pub(super) fn call(&mut self) -> Sent {
        self.call_at_pace(Pace::default())
    }

    pub(super) fn call_holding(&mut self, ms: u64) -> Sent {
        self.call_at_pace(Pace { hold: Duration::from_millis(ms), ..Pace::default() })
    }

    pub(super) fn call_at_pace(&mut self, pace: Pace) -> Sent {
        self.try_call(pace).unwrap();
        self.only("INVITE")
    }

    pub(super) fn try_call(&mut self, pace: Pace) -> Result<AttemptId, Refused> {
        let plan = Plan {
            to: Destination::parse("+4915112345678").unwrap(),
            from: CallerId::parse("+12025550142").unwrap(),
            trunk: TrunkId(0),
            pace,
        };
        let id = self.ua.prepare(&plan)?;
        self.collect();
        self.ua.start(id, self.instant());
        self.collect();
        Ok(id)
    }

    /// A call that is ringing since 1 s; gives its INVITE.
    pub(super) fn ringing(&mut self) -> Sent {
        let invite = self.call();
        self.at(20).say(&invite.reply(100, "Trying"));
        self.at(1000).say(&invite.reply(180, "Ringing").tag("a"));
        self.nothing();
        invite
    }

    /// A call whose CANCEL went out at 1.6 s; gives its INVITE and the CANCEL.
    pub(super) fn cancelled(&mut self) -> (Sent, Sent) {
        let invite = self.ringing();
        self.at(1600);
        (invite, self.only("CANCEL"))
    }

    /// A call that is over, and rang; gives its INVITE.
    pub(super) fn over(&mut self) -> Sent {
        let (invite, cancel) = self.cancelled();
        self.at(1650).say(&cancel.reply(200, "OK").tag("x"));
        self.at(1660).say(&invite.reply(487, "Request Terminated").tag("a"));
        self.only("ACK");
        invite
    }

    /// A call that was answered at 2 s without an alert, acknowledged and hung up; gives its INVITE and the BYE.
    pub(super) fn answered(&mut self) -> (Sent, Sent) {
        let invite = self.call();
        self.at(20).say(&invite.reply(100, "Trying"));
        self.at(2000).say(&invite.answer("a"));
        let [_, bye] = self.exactly(["ACK", "BYE"]);
        (invite, bye)
    }

    pub(super) fn instant(&self) -> Instant {
        Instant::START + BEGIN + Duration::from_millis(self.now)
    }

    /// Lets time pass until then, and whatever is due happen.
    pub(super) fn at(&mut self, ms: u64) -> &mut Self {
        assert!(ms >= self.now, "time goes forward");
        let end = Instant::START + BEGIN + Duration::from_millis(ms);
        while let Some(due) = self.ua.poll_timeout().filter(|due| *due <= end) {
            let due = due.max(self.instant());
            self.now = u64::try_from((due - (Instant::START + BEGIN)).as_millis()).unwrap();
            let rounds = self.sent.len();
            while self.ua.handle_time(due, 3) {
                self.collect();
                assert!(self.sent.len() < rounds + 1000, "it never comes to rest");
            }
            self.collect();
        }
        self.now = ms;
        self
    }

    /// The far end says something, from the trunk's own address.
    pub(super) fn say(&mut self, reply: &Reply) -> &mut Self {
        self.say_from(TARGET, reply)
    }

    pub(super) fn say_from(&mut self, from: &str, reply: &Reply) -> &mut Self {
        self.receive(from, &reply.text())
    }

    /// Bytes arrive.
    pub(super) fn receive(&mut self, from: &str, text: &str) -> &mut Self {
        self.receive_late(from, text, 0)
    }

    /// Bytes that arrived so many milliseconds ago are handled now.
    pub(super) fn receive_late(&mut self, from: &str, text: &str, late: u64) -> &mut Self {
        let from: SocketAddr = from.parse().unwrap();
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let now = self.instant();
        let received = Instant::from_micros(now.as_micros() - late * 1000);
        self.ua.handle_datagram(Datagram { from, received, bytes }, now);
        self.collect();
        self
    }

    /// The network says that this did not arrive.
    pub(super) fn undelivered(&mut self, sent: &Sent) -> &mut Self {
        self.ua.handle_undeliverable(sent.text.as_bytes(), self.instant());
        self.collect();
        self
    }

    /// Somebody wants all calls to end.
    pub(super) fn ask(&mut self) -> &mut Self {
        self.ua.cancel_all(self.instant());
        self.collect();
        self
    }

    pub(super) fn collect(&mut self) {
        for sending in self.ua.outbox().iter() {
            assert_eq!(sending.flow, FlowId(7));
            let sent = Sent::read(self.now, sending.to, sending.bytes);
            reader::agrees(&sent);
            self.sent.push(sent);
        }
        self.ua.outbox_mut().clear();
        while let Some(news) = self.ua.poll_news() {
            match news {
                News::Phase(id, phase) => self.phases.push((id, phase)),
                News::Ended(report) => self.ended.push(*report),
                News::Amended(id, late) => {
                    let reported = self.ended.iter().any(|report| report.id == id);
                    assert!(reported || id.epoch != self.epoch, "amended before it was reported");
                    self.amended.push((id, late));
                }
            }
        }
    }

    /// What left since the test last looked.
    pub(super) fn left(&mut self) -> Vec<Sent> {
        let left = self.sent.split_off(self.seen);
        self.sent.extend(left.iter().cloned());
        self.seen = self.sent.len();
        left
    }

    /// The one message that left since the test last looked.
    #[track_caller]
    pub(super) fn only(&mut self, method: &str) -> Sent {
        let [sent] = self.exactly([method]);
        sent
    }

    /// The messages that left since the test last looked, in this order.
    #[track_caller]
    pub(super) fn exactly<const N: usize>(&mut self, what: [&str; N]) -> [Sent; N] {
        let left = self.left();
        let found: Vec<&str> = left.iter().map(|sent| sent.what.as_str()).collect();
        assert_eq!(found, what);
        left.try_into().unwrap()
    }

    #[track_caller]
    pub(super) fn nothing(&mut self) -> &mut Self {
        self.exactly([]);
        self
    }

    /// When this was sent, over the whole test.
    pub(super) fn times(&self, what: &str) -> Vec<u64> {
        self.sent.iter().filter(|sent| sent.what == what).map(|sent| sent.at).collect()
    }

    /// The report of the only call.
    #[track_caller]
    pub(super) fn report(&self) -> &Report {
        let [report] = self.ended.as_slice() else {
            panic!("{} calls were reported", self.ended.len())
        };
        report
    }

    #[track_caller]
    pub(super) fn outcome(&self) -> Outcome {
        classify(&self.report().facts)
    }

    /// What came after the report of the only call.
    pub(super) fn late(&self) -> Vec<(u16, bool)> {
        self.amended.iter().map(|(_, late)| (late.status, late.alerted)).collect()
    }

    /// That nothing is held any more, once all timers have run, and that all of them end.
    #[track_caller]
    pub(super) fn rests(&mut self) {
        for _ in 0..300 {
            let next = self.now + 1000;
            self.at(next);
        }
        assert_eq!(self.ua.poll_timeout(), None, "something is still due");
        assert_eq!((self.ua.in_flight(), self.ua.held()), (0, 0), "something is still held");
    }

    /// That these were dropped, and nothing else was.
    #[track_caller]
    pub(super) fn dropped(&self, expected: Dropped) {
        assert_eq!(self.ua.dropped(), expected);
    }
}
