//! A flash call over loopback: the driver on one side, the built-in far end on the other, real sockets between.
//!
//! This is what `onering call` and `onering carrier` do, in one process and without their options.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use onering::base::clock::{Instant, Now};
use onering::base::flow::FlowId;
use onering::base::number::{CallerId, Destination};
use onering::base::rng::Rng;
use onering::call::{Pace, Trigger};
use onering::carrier::serve::{self, Saw, Until};
use onering::carrier::{Carrier, Config as FarEnd};
use onering::driver::{Driver, Passing, Watch};
use onering::engine::{Answer, Command, Engine};
use onering::io::net::clock::Clock;
use onering::io::net::media::MediaPort;
use onering::io::net::udp::{BUFFER, UdpSocket};
use onering::io::store::memory::Memory;
use onering::sip::txn::Timers;
use onering::sip::txn::branch::BranchKey;
use onering::sip::ua::{Config, Plan, Rel100, Trunk, TrunkId};
use onering::verify::matcher::ClaimKey;

/// Prints the first line of all that passes.
struct Printer;

impl Watch for Printer {
    fn received(&mut self, datagram: &Passing<'_>, _: Now) {
        println!("<-- {}", first_line(datagram.bytes));
    }

    fn sent(&mut self, datagram: &Passing<'_>, _: Option<Instant>, _: Now) {
        println!("--> {}", first_line(datagram.bytes));
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));

    // The far end, in a thread of its own for a second and a half.
    let far_socket = UdpSocket::bind(any_port, BUFFER)?;
    let target = far_socket.local_addr();
    let far_end = thread::spawn(move || {
        let mut carrier = Carrier::new(FarEnd::at(target), Rng::from_os());
        let mut offences = 0;
        let until = Until::Signal(Some(Duration::from_millis(1500)));
        serve::judging(&mut carrier, far_socket, until, |saw| {
            offences += u32::from(matches!(saw, Saw::Offence(_)));
            Ok(())
        })
        .map(|_| (offences, carrier.ringing()))
    });

    // Our side: a socket, an engine, a driver, one trunk.
    let socket = UdpSocket::bind(any_port, BUFFER)?;
    let media = MediaPort::bind(Ipv4Addr::LOCALHOST.into())?;
    let config = Config { shard: 0, epoch: 1, branch_key: BranchKey::new([7; 16]), calls_max: 16 };
    let engine = Engine::new(config, ClaimKey([7; 32]), Rng::from_os());
    let mut driver =
        Driver::new(engine, Memory::new(), Clock::start(), &socket, Some(Box::new(Printer)));
    driver.configure(vec![trunk(socket.local_addr(), target, &media)], std::sync::Arc::default());

    let mut client = driver.client(1);
    let pace = Pace {
        trigger: Trigger::Ringing,
        hold: Duration::from_millis(300),
        no_alert: Duration::from_secs(20),
    };
    let (to, from) = (Destination::parse("+12025550142")?, CallerId::parse("+12025550199")?);
    let plan = Plan { to, from, trunk: TrunkId(0), pace };
    client.try_ask(1, Command::Place { plan, not_after: Instant::NEVER });

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (_, cdr) = runtime.block_on(async {
        // The driver runs until its last client is gone.
        tokio::join!(driver.run(), async move {
            let mut answers = Vec::new();
            while client.answers(&mut answers, 2).await > 0 {
                if let Some((_, Answer::Ended(cdr))) = answers.pop() {
                    return Some(cdr);
                }
            }
            None
        })
    });
    let cdr = cdr.ok_or("the call ended without a record")?;
    println!("the call came to: {}", cdr.outcome);

    let (offences, ringing) = far_end.join().map_err(|_| "the far end broke down")??;
    println!("the far end saw {offences} offences and left {ringing} phones ringing");
    Ok(())
}

fn trunk(ours: SocketAddr, target: SocketAddr, media: &MediaPort) -> Trunk {
    Trunk {
        name: "loopback".into(),
        flow: FlowId(0),
        targets: vec![target],
        peers: Vec::new(),
        domain: "carrier.example".to_owned(),
        from_domain: "example.net".to_owned(),
        advertised: ours.to_string().into(),
        media: media.local_addr(),
        route: None,
        asserted_identity: false,
        rel100: Rel100::Off,
        headers: Vec::new(),
        credentials: None,
        timers: Timers::default(),
    }
}

fn first_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().to_owned()
}
