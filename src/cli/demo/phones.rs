//! The carriers of the demo, and the phones behind them.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use tokio::sync::watch;

use crate::base::number::Destination;
use crate::base::rng::Rng;
use crate::carrier::report::Report;
use crate::carrier::serve::{self, Saw, Stop, Until};
use crate::carrier::{Behaviour, Carrier, Config};
use crate::cli::{Failure, Stdout};
use crate::io::net::udp::{BUFFER, UdpSocket};

/// One call as it came to a phone.
#[derive(Clone, Debug)]
struct Ring {
    /// Who was called, in plain: it is the person's own.
    to: Destination,
    /// What the display shows.
    display: String,
    call_id: String,
    carrier: &'static str,
}

/// Every phone that rang, as the carriers saw it.
pub(super) struct Phones {
    rings: Mutex<Vec<Ring>>,
    count: watch::Sender<usize>,
}

impl Phones {
    fn ring(&self, ring: Ring) {
        let mut rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        rings.push(ring);
        self.count.send_replace(rings.len());
    }

    fn all(&self) -> Vec<Ring> {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many calls came so far.
    pub(super) fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// Waits for another call.
    pub(super) async fn more_than(&self, count: usize) {
        let mut seen = self.count.subscribe();
        // Its sender lives as long as we do.
        seen.wait_for(|now| *now > count).await.ok();
    }

    /// What a phone shows of the call that this Call-ID names.
    pub(super) fn display(&self, call_id: &str) -> Option<String> {
        self.all().into_iter().find(|ring| ring.call_id == call_id).map(|ring| ring.display)
    }

    pub(super) fn call_ids(&self) -> Vec<String> {
        self.all().into_iter().map(|ring| ring.call_id).collect()
    }

    /// What came since, a line each.
    pub(super) fn lines_from(&self, first: usize) -> Vec<String> {
        let rings = self.all().into_iter().skip(first);
        rings
            .map(|Ring { to, display, carrier, .. }| {
                format!("phone {to} shows {display}, by {carrier}")
            })
            .collect()
    }
}

/// A carrier on a thread of its own.
struct Running {
    name: &'static str,
    address: SocketAddr,
    stop: Stop,
    thread: JoinHandle<std::io::Result<Report>>,
}

/// The carriers.
pub(super) struct Carriers(Vec<Running>);

impl Carriers {
    /// Starts them; one without a behaviour goes by the called number.
    pub(super) fn start(
        wanted: &[(&'static str, Option<Behaviour>)],
    ) -> Result<(Self, Arc<Phones>), Failure> {
        let (count, _) = watch::channel(0);
        let phones = Arc::new(Phones { rings: Mutex::default(), count });
        let mut carriers = Vec::new();
        for (name, behaviour) in wanted {
            carriers.push(run(name, *behaviour, Arc::clone(&phones))?);
        }
        Ok((Self(carriers), phones))
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        self.0.iter().map(|carrier| (carrier.name, carrier.address))
    }

    /// Ends them, and says what they have against the service; whether nothing.
    pub(super) fn end(self, out: &mut Stdout) -> Result<bool, Failure> {
        let mut clean = true;
        for Running { name, stop, thread, .. } in self.0 {
            stop.now();
            let broken = || Failure::Failed(format!("carrier {name} ended in a panic"));
            let report = thread.join().map_err(|_| broken())?;
            let report =
                report.map_err(|error| Failure::Failed(format!("carrier {name}: {error}")))?;
            clean &= report.clean;
            let left = report.json.get("left_ringing").cloned().unwrap_or_default();
            let offences = report.json.get("offences").cloned().unwrap_or_default();
            writeln!(out, "carrier {name}: offences {offences}, phones left ringing {left}")?;
        }
        out.flush()?;
        Ok(clean)
    }
}

fn run(
    name: &'static str,
    behaviour: Option<Behaviour>,
    phones: Arc<Phones>,
) -> Result<Running, Failure> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let socket =
        UdpSocket::bind(any, BUFFER).map_err(|error| Failure::Failed(error.to_string()))?;
    let address = socket.local_addr();
    let stop = Stop::default();
    let until = Until::Stopped(stop.clone());
    let play = move || {
        let mut config = Config::at(address);
        config.behaviour = behaviour;
        let mut carrier = Carrier::new(config, Rng::from_os());
        let served = serve::judging(&mut carrier, socket, until, |saw| {
            if let Saw::Call(call, call_id) = saw {
                let display = format!("+{}", call.from.reveal().as_str());
                let call_id = String::from_utf8_lossy(call_id).into_owned();
                phones.ring(Ring { to: call.to, display, call_id, carrier: name });
            }
            Ok(())
        })?;
        Ok(Report::judged(&carrier, &served))
    };
    let thread = Builder::new().name(format!("carrier-{name}")).spawn(play);
    let thread =
        thread.map_err(|error| Failure::Failed(format!("cannot start a thread: {error}")))?;
    Ok(Running { name, address, stop, thread })
}
