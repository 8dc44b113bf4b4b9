//! A relay between the service and its carrier that writes down every call: who was called, from whom, by which Call-ID.
//!
//! The carrier has to run with `--advertise` of the tap's address, so that what follows an answer comes this way too.

use std::collections::{HashMap, HashSet};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// An INVITE, the first time it is seen.
#[derive(Clone, Debug)]
pub(crate) struct Invite {
    pub(crate) call_id: String,
    /// With its plus.
    pub(crate) to: String,
    /// With its plus.
    pub(crate) from: String,
}

#[derive(Default)]
struct Seen {
    call_ids: HashSet<String>,
    calls: Vec<Invite>,
    cancels: HashSet<String>,
    by_number: HashMap<String, Vec<Invite>>,
}

/// What was seen.
#[derive(Default)]
pub(crate) struct Sight {
    seen: Mutex<Seen>,
    more: Condvar,
    ending: AtomicBool,
}

/// The relay.
pub(crate) struct Tap {
    front: Arc<UdpSocket>,
    back: Arc<UdpSocket>,
    sight: Arc<Sight>,
    threads: Vec<JoinHandle<()>>,
}

/// The sockets, before the carrier is known.
pub(crate) struct Laid {
    front: UdpSocket,
}

impl Laid {
    pub(crate) fn new() -> Self {
        Self { front: UdpSocket::bind("127.0.0.1:0").unwrap() }
    }

    /// Where the service sends to, and what the carrier advertises.
    pub(crate) fn address(&self) -> SocketAddr {
        self.front.local_addr().unwrap()
    }

    /// Relays from now on. `called` hears of each call before the carrier does.
    pub(crate) fn open(
        self,
        carrier: SocketAddr,
        called: impl Fn(&Invite) + Send + 'static,
    ) -> Tap {
        let front = Arc::new(self.front);
        let back = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
        let sight = Arc::new(Sight::default());
        let service: Arc<Mutex<Option<SocketAddr>>> = Arc::default();
        let out = {
            let (front, back) = (Arc::clone(&front), Arc::clone(&back));
            let (sight, service) = (Arc::clone(&sight), Arc::clone(&service));
            std::thread::spawn(move || {
                let mut buffer = [0; 65_536];
                while !sight.ending.load(Ordering::Acquire) {
                    let Ok((length, from)) = front.recv_from(&mut buffer) else { continue };
                    *service.lock().unwrap() = Some(from);
                    let datagram = &buffer[..length];
                    if let Some(invite) = read(datagram)
                        && sight.note(&invite)
                    {
                        called(&invite);
                    }
                    if datagram.starts_with(b"CANCEL ") {
                        sight.note_cancel(datagram);
                    }
                    back.send_to(datagram, carrier).ok();
                }
            })
        };
        let home = {
            let (front, back, sight) = (Arc::clone(&front), Arc::clone(&back), Arc::clone(&sight));
            std::thread::spawn(move || {
                let mut buffer = [0; 65_536];
                while !sight.ending.load(Ordering::Acquire) {
                    let Ok((length, _)) = back.recv_from(&mut buffer) else { continue };
                    let service = *service.lock().unwrap();
                    if let Some(service) = service {
                        front.send_to(&buffer[..length], service).ok();
                    }
                }
            })
        };
        Tap { front, back, sight, threads: vec![out, home] }
    }
}

impl Sight {
    /// Whether it is the first of its call.
    fn note(&self, invite: &Invite) -> bool {
        let mut seen = self.seen.lock().unwrap();
        let new = seen.call_ids.insert(invite.call_id.clone());
        if new {
            seen.calls.push(invite.clone());
            seen.by_number.entry(invite.to.clone()).or_default().push(invite.clone());
            self.more.notify_all();
        }
        new
    }
}

impl Sight {
    fn note_cancel(&self, datagram: &[u8]) {
        let text = String::from_utf8_lossy(datagram);
        let call_id = text.lines().find_map(|line| line.strip_prefix("Call-ID: "));
        self.seen.lock().unwrap().cancels.extend(call_id.map(str::to_owned));
        self.more.notify_all();
    }
}

impl Tap {
    /// Every call, in order.
    pub(crate) fn calls(&self) -> Vec<Invite> {
        self.sight.seen.lock().unwrap().calls.clone()
    }

    /// The calls to one number, in order.
    pub(crate) fn calls_to(&self, number: &str) -> Vec<Invite> {
        self.sight.seen.lock().unwrap().by_number.get(number).cloned().unwrap_or_default()
    }

    /// Waits until there is a call to this number; not longer than that.
    pub(crate) fn await_call(&self, number: &str, at_most: Duration) -> Option<Invite> {
        let seen = self.sight.seen.lock().unwrap();
        let waited = self
            .sight
            .more
            .wait_timeout_while(seen, at_most, |seen| !seen.by_number.contains_key(number));
        waited.unwrap().0.by_number.get(number).and_then(|calls| calls.last().cloned())
    }

    /// Waits until there were so many calls; not longer than that. Says how many there were.
    pub(crate) fn await_calls(&self, count: usize, at_most: Duration) -> usize {
        let seen = self.sight.seen.lock().unwrap();
        let waited =
            self.sight.more.wait_timeout_while(seen, at_most, |seen| seen.calls.len() < count);
        waited.unwrap().0.calls.len()
    }

    /// Waits until so many calls were cancelled; not longer than that. Says how many were.
    pub(crate) fn await_cancels(&self, count: usize, at_most: Duration) -> usize {
        let seen = self.sight.seen.lock().unwrap();
        let waited =
            self.sight.more.wait_timeout_while(seen, at_most, |seen| seen.cancels.len() < count);
        waited.unwrap().0.cancels.len()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.sight.ending.store(true, Ordering::Release);
        // Each of them waits for a datagram.
        for socket in [&self.front, &self.back] {
            socket.send_to(b"\r\n\r\n", socket.local_addr().unwrap()).ok();
        }
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

fn read(datagram: &[u8]) -> Option<Invite> {
    let text = std::str::from_utf8(datagram).ok()?;
    let to = text.strip_prefix("INVITE sip:")?.split_once('@')?.0.to_owned();
    let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let from = line("From: ")?.split_once("sip:")?.1.split_once('@')?.0.to_owned();
    Some(Invite { call_id: line("Call-ID: ")?.to_owned(), to, from })
}
