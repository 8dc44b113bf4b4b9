//! A hundred thousand draws in virtual time, from a seed: the engine begins verifications, and what it drew is read from the
//! INVITEs that leave it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use onering::base::clock::{Instant, Now};
use onering::base::flow::FlowId;
use onering::base::id::Ticket;
use onering::base::number::{Country, Destination, Span};
use onering::base::rng::Rng;
use onering::call::Pace;
use onering::engine::{Answer, Command, Engine, Input, Output};
use onering::numbers::pool::Pool;
use onering::numbers::route::Route;
use onering::sip::txn::Timers;
use onering::sip::txn::branch::BranchKey;
use onering::sip::ua::{Config, Rel100, Trunk};
use onering::verify::command::{Command as Verify, Start};
use onering::verify::matcher::ClaimKey;
use onering::verify::record::Found;
use onering::verify::rules::{Duplicates, Profile, Rules, Tenant, TrunkRules};

const DRAWS: u64 = 100_000;
const CODES: usize = 10_000;
const US: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10)), 5060);
const CARRIER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)), 5060);
const NOW: Now = Now { instant: Instant::START, unix_us: 1_795_406_400_000_000 };

/// How far counts are from being equal: for `n` bins about `n - 1` if chance alone made them.
pub(crate) fn chi_square(bins: &[u64]) -> f64 {
    let all: u64 = bins.iter().sum();
    let expected = all as f64 / bins.len() as f64;
    bins.iter().map(|count| (*count as f64 - expected).powi(2) / expected).sum()
}

fn trunk() -> Trunk {
    Trunk {
        name: "east".into(),
        flow: FlowId(0),
        targets: vec![CARRIER],
        peers: Vec::new(),
        domain: CARRIER.to_string(),
        from_domain: US.to_string(),
        advertised: US.to_string().into(),
        media: SocketAddr::new(US.ip(), 40_000),
        route: None,
        asserted_identity: false,
        rel100: Rel100::Off,
        headers: Vec::new(),
        credentials: None,
        timers: Timers::default(),
    }
}

fn rules() -> Rules {
    let span = Span::parse("+12025550000-+12025559999").unwrap();
    let profile = Profile {
        name: "default".into(),
        code_length: 4,
        lifetime: Duration::from_secs(180),
        tries: 3,
        redials: 2,
        allow_diverted: false,
        duplicates: Duplicates::Refuse,
    };
    let tenant = Tenant {
        name: "default".into(),
        profile: "default".into(),
        test_numbers: vec![Span::parse("+15550000000-+15559999999").unwrap()],
    };
    Rules {
        tenants: [(Arc::from("default"), tenant)].into(),
        profiles: [(Arc::from("default"), Arc::new(profile))].into(),
        trunks: vec![TrunkRules { name: "east".into(), pace: Pace::default() }],
        pools: vec![Arc::new(Pool::new("pool".into(), &[span], &[4]).unwrap())],
        routes: vec![Route {
            name: "all".into(),
            prefixes: Vec::new(),
            countries: Vec::new(),
            trunks: vec![0],
            pool: 0,
        }],
        countries: [Country::parse("US").unwrap()].into(),
        ..Rules::default()
    }
}

fn start(number: u64) -> Verify {
    Verify::Start(Box::new(Start {
        tenant: "default".into(),
        profile: None,
        to: Destination::fictional(number),
        country: Country::parse("US"),
        test: true,
        idempotency: None,
        client_reference: None,
        metadata: None,
    }))
}

/// The last four digits of every INVITE's From, as one verification after the other begins, each for a number of its own.
fn drawn(seed: u64, draws: u64) -> Vec<usize> {
    let (branch_key, calls_max) = (BranchKey::new([3; 16]), 200_000);
    let config = Config { shard: 7, epoch: 1, branch_key, calls_max };
    let mut engine = Engine::new(config, ClaimKey([7; 32]), Rng::from_seed(seed));
    engine.handle_input(Input::Configure { trunks: vec![trunk()], rules: Arc::new(rules()) }, NOW);
    let mut codes = Vec::new();
    for number in 0..draws {
        let command = Command::Verify(start(number));
        let mut next = vec![Input::Command { ticket: Ticket(number), command }];
        while let Some(input) = next.pop() {
            engine.handle_input(input, NOW);
            codes.extend(engine.outbox().iter().map(|sending| code(sending.bytes)));
            engine.outbox_mut().clear();
            while let Some(output) = engine.poll_output() {
                match output {
                    Output::Load { ticket, .. } => {
                        next.push(Input::Loaded { ticket, found: Some(Found::default()) });
                    }
                    Output::Store { seq, .. } => next = vec![Input::Stored { up_to: seq }],
                    Output::Reply { answer: Answer::Verify(answer), .. } => assert!(answer.is_ok()),
                    other => assert!(matches!(other, Output::Event(_)), "{other:?}"),
                }
            }
        }
        assert_eq!(codes.len() as u64, number + 1, "each start is one INVITE");
    }
    codes
}

/// The last four digits of an INVITE's From, read as text.
fn code(invite: &[u8]) -> usize {
    let text = std::str::from_utf8(invite).unwrap();
    assert!(text.starts_with("INVITE sip:+1555"), "{text}");
    let from = text.lines().find_map(|line| line.strip_prefix("From: ")).unwrap();
    let (_, number) = from.split_once("sip:+").unwrap();
    let (number, _) = number.split_once('@').unwrap();
    assert!(number.starts_with("1202555") && number.len() == 11, "{number}");
    number[7..].parse().unwrap()
}

#[test]
fn a_hundred_thousand_draws_are_even_and_the_same_again_from_the_same_seed() {
    let codes = drawn(4711, DRAWS);
    let mut bins = vec![0_u64; CODES];
    codes.iter().for_each(|code| bins[*code] += 1);
    assert_eq!(bins.iter().sum::<u64>(), DRAWS);
    // 9,999 degrees of freedom: about 9,999, with a deviation of 141; five of these are one seed in two million.
    let whole = chi_square(&bins);
    assert!((9_292.0..10_706.0).contains(&whole), "{whole}");
    // What follows on what must be as even: pairs of first digits.
    let mut pairs = vec![0_u64; 10_000];
    codes.windows(2).for_each(|pair| pairs[pair[0] / 100 * 100 + pair[1] / 100] += 1);
    let followed = chi_square(&pairs);
    assert!((9_292.0..10_706.0).contains(&followed), "{followed}");
    assert_eq!(drawn(4711, 1000), codes[..1000], "the same seed draws the same");
    assert_ne!(drawn(4712, 1000), codes[..1000], "another one does not");
}
