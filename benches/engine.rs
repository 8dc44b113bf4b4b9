//! What a flash call costs the pure engine: no socket, no thread, no clock.
//!
//! Calls go through in waves. Only the engine is timed: placing, the four responses of a call (100, 180, 200 to the
//! CANCEL, 487), and what is drained. The responses are made outside the timed parts. `cargo bench --bench engine`.

#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first surprise")]
#![expect(clippy::print_stdout, reason = "it reports to a person")]
#![expect(clippy::disallowed_methods, reason = "it measures real time")]

use bytes::Bytes;
use onering::base::clock::{Instant, Now};
use onering::base::flow::FlowId;
use onering::base::id::Ticket;
use onering::base::number::{CallerId, Destination};
use onering::base::rng::Rng;
use onering::call::Pace;
use onering::engine::{Answer, Command, Engine, Input, Output};
use onering::io::store::memory::Memory;
use onering::io::store::{Store, Verdict};
use onering::sip::txn::Timers;
use onering::sip::txn::branch::BranchKey;
use onering::sip::ua::{Config, Datagram, Plan, Rel100, Trunk, TrunkId};
use onering::verify::matcher::ClaimKey;
use std::net::SocketAddr;
use std::time::{Duration, Instant as Wall};

/// Calls in one wave.
const WAVE: usize = 512;
/// Waves that warm up, and waves that count.
const WARM: usize = 40;
const WAVES: usize = 200;
/// Most microseconds a call may cost.
const BUDGET_US: f64 = 7.0;

struct Bench {
    engine: Engine,
    store: Memory,
    now: Now,
    far: SocketAddr,
    spent: Duration,
    ended: u64,
    /// Datagrams and bytes that left, so that no work can be left out.
    sent: (u64, u64),
}

impl Bench {
    fn new() -> Self {
        let far: SocketAddr = "192.0.2.1:5060".parse().unwrap();
        let config =
            Config { shard: 0, epoch: 1, branch_key: BranchKey::new([7; 16]), calls_max: 1 << 24 };
        let trunk = Trunk {
            name: "bench".into(),
            flow: FlowId(0),
            targets: vec![far],
            peers: Vec::new(),
            domain: "192.0.2.1".to_owned(),
            from_domain: "198.51.100.1".to_owned(),
            advertised: "198.51.100.1:5060".into(),
            media: "198.51.100.1:4000".parse().unwrap(),
            route: None,
            asserted_identity: false,
            rel100: Rel100::Off,
            headers: Vec::new(),
            credentials: None,
            timers: Timers::default(),
        };
        let mut engine = Engine::new(config, ClaimKey([7; 32]), Rng::from_seed(1));
        let now = Now { instant: Instant::from_millis(1), unix_us: 1_795_406_706_000_000 };
        engine.handle_input(
            Input::Configure { trunks: vec![trunk], rules: std::sync::Arc::default() },
            now,
        );
        let (store, spent) = (Memory::new(), Duration::ZERO);
        Self { engine, store, now, far, spent, ended: 0, sent: (0, 0) }
    }

    /// Drains the engine into the store.
    fn drain(&mut self) {
        loop {
            while let Some(output) = self.engine.poll_output() {
                match output {
                    Output::Store { seq, record } => self.store.append(seq, record),
                    Output::Reply { answer: Answer::Ended(_), .. } => self.ended += 1,
                    Output::Reply { .. } | Output::Event(_) | Output::Load { .. } => {}
                }
            }
            self.store.commit();
            let Some(Verdict::Kept(up_to)) = self.store.poll_verdict() else { break };
            self.engine.handle_input(Input::Stored { up_to }, self.now);
        }
    }

    fn timed(&mut self, act: impl FnOnce(&mut Self)) {
        let began = Wall::now();
        act(self);
        self.drain();
        self.spent += began.elapsed();
    }

    /// What left in the last timed part.
    fn take_sent(&mut self) -> Vec<String> {
        let texts: Vec<String> = self
            .engine
            .outbox()
            .iter()
            .map(|sending| String::from_utf8(sending.bytes.to_vec()).unwrap())
            .collect();
        self.sent.0 += texts.len() as u64;
        self.sent.1 += texts.iter().map(|text| text.len() as u64).sum::<u64>();
        self.engine.outbox_mut().clear();
        texts
    }

    fn feed(&mut self, responses: Vec<Bytes>) {
        self.now.instant = self.now.instant + Duration::from_micros(50);
        let (from, received) = (self.far, self.now.instant);
        self.timed(|bench| {
            for bytes in responses {
                let datagram = Datagram { from, received, bytes };
                bench.engine.handle_input(Input::Datagram(datagram), bench.now);
            }
        });
    }

    fn wave(&mut self, rng: &mut Rng) {
        let plans: Vec<Plan> = (0..WAVE)
            .map(|_| Plan {
                to: Destination::fictional(rng.wire()),
                from: CallerId::fictional(rng.wire()),
                trunk: TrunkId(0),
                pace: Pace { hold: Duration::ZERO, ..Pace::default() },
            })
            .collect();
        self.now.instant = self.now.instant + Duration::from_millis(20);
        self.timed(|bench| {
            bench.engine.handle_input(Input::TimePassed, bench.now);
            bench.engine.handle_input(Input::TimePassed, bench.now);
            for plan in plans {
                let command = Command::Place { plan, not_after: Instant::NEVER };
                bench.engine.handle_input(Input::Command { ticket: Ticket(1), command }, bench.now);
            }
        });
        let invites = self.take_sent();
        let answers = |status: &str, tag: &str| -> Vec<Bytes> {
            invites.iter().map(|invite| response(invite, status, tag, "INVITE")).collect()
        };
        self.feed(answers("100 Trying", ""));
        self.feed(answers("180 Ringing", ";tag=a1b2c3d4"));
        let cancels = self.take_sent();
        assert_eq!(cancels.len(), WAVE);
        let answered = cancels.iter().map(|text| response(text, "200 OK", ";tag=x", "CANCEL"));
        self.feed(answered.collect());
        self.feed(answers("487 Request Terminated", ";tag=a1b2c3d4"));
        assert_eq!(self.take_sent().len(), WAVE);
    }
}

fn line<'a>(text: &'a str, name: &str) -> &'a str {
    text.lines().find(|line| line.starts_with(name)).unwrap()
}

/// What a carrier answers: lines of the usual kind.
fn response(request: &str, status: &str, tag: &str, method: &str) -> Bytes {
    let cseq = line(request, "CSeq:").split(' ').nth(1).unwrap();
    format!(
        "SIP/2.0 {status}\r\n{};received=198.51.100.1\r\n\
         Record-Route: <sip:192.0.2.1;lr;ftag=ab12>\r\nRecord-Route: <sip:192.0.2.9;lr>\r\n\
         {}\r\n{}{tag}\r\n{}\r\nCSeq: {cseq} {method}\r\nServer: carrier-sbc 7.2\r\n\
         Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE\r\nSupported: timer\r\n\
         Contact: <sip:192.0.2.1:5060;transport=udp>\r\nContent-Length: 0\r\n\r\n",
        line(request, "Via:"),
        line(request, "From:"),
        line(request, "To:"),
        line(request, "Call-ID:"),
    )
    .into()
}

fn main() {
    let mut bench = Bench::new();
    let mut rng = Rng::from_seed(2);
    for _ in 0..WARM {
        bench.wave(&mut rng);
    }
    bench.spent = Duration::ZERO;
    let (ended, mut best) = (bench.ended, f64::MAX);
    for _ in 0..WAVES {
        let before = bench.spent;
        bench.wave(&mut rng);
        best = best.min((bench.spent - before).as_secs_f64() * 1e6 / WAVE as f64);
    }
    let calls = bench.ended - ended;
    assert_eq!(calls, (WAVE * WAVES) as u64, "every call has its record");
    let mean = bench.spent.as_secs_f64() * 1e6 / calls as f64;
    println!("calls {calls}, datagrams sent {}, bytes sent {}", bench.sent.0, bench.sent.1);
    println!("pure engine: {mean:.2} us a call, best wave {best:.2} us, {:.0} calls/s", 1e6 / mean);
    println!("budget {BUDGET_US} us: {}", if mean <= BUDGET_US { "PASS" } else { "FAIL" });
}
