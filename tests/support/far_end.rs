//! A judging far end on a thread of the test: it rings every phone, and the test sees each call as the phone's owner would.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use onering::base::rng::Rng;
use onering::carrier::report::Report;
use onering::carrier::serve::{self, Saw, Stop, Until};
use onering::carrier::{Behaviour, Carrier, Config};
use onering::io::net::udp::{BUFFER, UdpSocket};

/// How long a call may take to come before the test has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A call as it came.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    /// Who was called, in plain.
    pub(crate) to: String,
    /// What the phone showed, in plain.
    pub(crate) from: String,
    pub(crate) call_id: String,
}

type Seen = Arc<(Mutex<Vec<Came>>, Condvar)>;

/// It.
pub(crate) struct FarEnd {
    pub(crate) address: SocketAddr,
    seen: Seen,
    stop: Stop,
    thread: Option<JoinHandle<Report>>,
}

impl FarEnd {
    /// One on this address of this machine, at a port that the system chose.
    pub(crate) fn start(address: Ipv4Addr) -> Self {
        let socket = UdpSocket::bind(SocketAddr::from((address, 0)), BUFFER).unwrap();
        let address = socket.local_addr();
        let (seen, stop) = (Seen::default(), Stop::default());
        let (tell, until) = (Arc::clone(&seen), Until::Stopped(stop.clone()));
        let play = move || {
            let mut config = Config::at(address);
            config.behaviour = Behaviour::named("rings");
            let mut carrier = Carrier::new(config, Rng::from_os());
            let served = serve::judging(&mut carrier, socket, until, |saw| {
                if let Saw::Call(call, call_id) = saw {
                    let came = Came {
                        to: format!("+{}", call.to.reveal().as_str()),
                        from: format!("+{}", call.from.reveal().as_str()),
                        call_id: String::from_utf8_lossy(call_id).into_owned(),
                    };
                    tell.0.lock().unwrap().push(came);
                    tell.1.notify_all();
                }
                Ok(())
            });
            Report::judged(&carrier, &served.unwrap())
        };
        let thread = Some(std::thread::spawn(play));
        Self { address, seen, stop, thread }
    }

    /// Every call so far.
    pub(crate) fn calls(&self) -> Vec<Came> {
        self.seen.0.lock().unwrap().clone()
    }

    /// Waits until as many calls have come.
    pub(crate) fn wait_for(&self, count: usize) {
        let calls = self.seen.0.lock().unwrap();
        let few = |calls: &mut Vec<Came>| calls.len() < count;
        let waited = self.seen.1.wait_timeout_while(calls, PATIENCE, few).unwrap();
        assert!(!waited.1.timed_out(), "{} calls instead of {count}", waited.0.len());
    }

    /// Waits for the call to this number, the last if there are several, and gives what the phone showed.
    pub(crate) fn display(&self, to: &str) -> String {
        let calls = self.seen.0.lock().unwrap();
        let none = |calls: &mut Vec<Came>| !calls.iter().any(|call| call.to == to);
        let (calls, waited) = self.seen.1.wait_timeout_while(calls, PATIENCE, none).unwrap();
        assert!(!waited.timed_out(), "nobody called {to}");
        calls.iter().rfind(|call| call.to == to).unwrap().from.clone()
    }

    /// Waits for the call to this number, and gives its last four digits.
    pub(crate) fn code(&self, to: &str) -> String {
        let shown = self.display(to);
        shown.split_at(shown.len() - 4).1.to_owned()
    }

    /// Ends it; what it has to say.
    pub(crate) fn end(mut self) -> Report {
        self.stop.now();
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for FarEnd {
    fn drop(&mut self) {
        self.stop.now();
        self.thread.take().map(JoinHandle::join);
    }
}
