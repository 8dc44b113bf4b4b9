//! A judging carrier in the test's own process, and the phones behind it: every call as its INVITE said it, by the numbers
//! in From and in the Request-URI. Nothing that it saw is lost on the way to the test.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use onering::base::rng::Rng;
use onering::carrier::report::Report;
use onering::carrier::serve::{self, Saw, Stop, Until};
use onering::carrier::{Carrier, Config};
use onering::io::net::udp::{BUFFER, UdpSocket};

/// How long a call may be waited for before the test has failed.
const PATIENCE: Duration = Duration::from_secs(40);

/// One call, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ring {
    /// `+` and digits of the called number.
    pub(crate) to: String,
    /// `+` and digits of the calling one; the last are the code.
    pub(crate) from: String,
    pub(crate) call_id: String,
}

impl Ring {
    /// The last digits.
    pub(crate) fn code(&self, length: usize) -> &str {
        &self.from[self.from.len() - length..]
    }
}

#[derive(Default)]
struct Seen {
    rings: Mutex<Vec<Ring>>,
    more: Condvar,
}

/// The carrier.
pub(crate) struct Phones {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
    stop: Stop,
    thread: Option<JoinHandle<Report>>,
}

impl Phones {
    /// A carrier that goes by the called numbers, but for what is changed about it.
    pub(crate) fn start(change: impl FnOnce(&mut Config)) -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let socket = UdpSocket::bind(any, BUFFER).unwrap();
        let address = socket.local_addr();
        let mut config = Config::at(address);
        change(&mut config);
        let (stop, seen) = (Stop::default(), Arc::new(Seen::default()));
        let (until, tell) = (Until::Stopped(stop.clone()), Arc::clone(&seen));
        let play = move || {
            let mut carrier = Carrier::new(config, Rng::from_seed(1));
            let served = serve::judging(&mut carrier, socket, until, |saw| {
                if let Saw::Call(call, call_id) = saw {
                    tell.rings.lock().unwrap().push(Ring {
                        to: format!("+{}", call.to.reveal().as_str()),
                        from: format!("+{}", call.from.reveal().as_str()),
                        call_id: String::from_utf8_lossy(call_id).into_owned(),
                    });
                    tell.more.notify_all();
                }
                Ok(())
            });
            Report::judged(&carrier, &served.unwrap())
        };
        let thread = Some(std::thread::spawn(play));
        Self { address, seen, stop, thread }
    }

    /// Every call so far.
    pub(crate) fn rings(&self) -> Vec<Ring> {
        self.seen.rings.lock().unwrap().clone()
    }

    /// Waits until something is true of the calls so far.
    pub(crate) fn until<T>(&self, what: &str, mut found: impl FnMut(&[Ring]) -> Option<T>) -> T {
        let rings = self.seen.rings.lock().unwrap();
        let mut answer = None;
        let wait = |rings: &mut Vec<Ring>| {
            answer = found(rings);
            answer.is_none()
        };
        let (rings, _) = self.seen.more.wait_timeout_while(rings, PATIENCE, wait).unwrap();
        answer.unwrap_or_else(|| panic!("no {what} among {} calls", rings.len()))
    }

    /// Waits until so many calls came.
    pub(crate) fn count(&self, wanted: usize) -> Vec<Ring> {
        self.until(&format!("{wanted} calls"), |rings| {
            (rings.len() >= wanted).then(|| rings.to_vec())
        })
    }

    /// Waits for the `nth` call to a number; 1 is the first.
    pub(crate) fn call(&self, to: &str, nth: usize) -> Ring {
        self.until(&format!("call {nth} to {to}"), |rings| {
            rings.iter().filter(|ring| ring.to == to).nth(nth - 1).cloned()
        })
    }

    /// Ends it, and what it has to say.
    pub(crate) fn end(mut self) -> Report {
        self.stop.now();
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Phones {
    fn drop(&mut self) {
        self.stop.now();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
