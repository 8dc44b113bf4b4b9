//! A network between us and the carrier that repeats our number wherever a response has room for it.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::search::is_sentinel;

pub(crate) struct Echo {
    pub(crate) address: SocketAddr,
    stop: Arc<AtomicBool>,
    sides: [SocketAddr; 2],
    threads: Vec<JoinHandle<()>>,
}

impl Echo {
    /// In front of this carrier.
    pub(crate) fn start(carrier: SocketAddr) -> Self {
        let socket = || Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let (near, far) = (socket(), socket());
        let stop = Arc::new(AtomicBool::new(false));
        let sides = [near.local_addr().unwrap(), far.local_addr().unwrap()];
        // Whoever calls is known from the first request on; before that no response comes.
        let (known, caller) = std::sync::mpsc::sync_channel(1);
        let requests = {
            let (near, far, stop) = (Arc::clone(&near), Arc::clone(&far), Arc::clone(&stop));
            std::thread::spawn(move || {
                let mut buffer = [0; 65_536];
                while let Ok((length, from)) = near.recv_from(&mut buffer) {
                    if stop.load(Ordering::Acquire) {
                        return;
                    }
                    known.try_send(from).ok();
                    far.send_to(&buffer[..length], carrier).unwrap();
                }
            })
        };
        let responses = {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                let (mut buffer, mut peer) = ([0; 65_536], None);
                while let Ok((length, _)) = far.recv_from(&mut buffer) {
                    if stop.load(Ordering::Acquire) {
                        return;
                    }
                    let peer = *peer.get_or_insert_with(|| caller.recv().unwrap());
                    let text = std::str::from_utf8(&buffer[..length]).unwrap();
                    near.send_to(repeat(text).as_bytes(), peer).unwrap();
                }
            })
        };
        Self { address: sides[0], stop, sides, threads: vec![requests, responses] }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        let waker = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        for side in self.sides {
            waker.send_to(b"end", side).ok();
        }
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

/// The response with the calling number in its phrase, its tag, and every header that records keep.
fn repeat(response: &str) -> String {
    let from = response.lines().find(|line| line.starts_with("From:")).unwrap();
    let number: String =
        from.split('+').nth(1).unwrap().chars().take_while(char::is_ascii_digit).collect();
    let code = &number[number.len() - 8..];
    assert!(is_sentinel(code.as_bytes()), "{number}");
    let (first, second) = code.split_at(4);
    let mut lines = Vec::new();
    for (place, line) in response.split("\r\n").enumerate() {
        match line {
            _ if place == 0 => {
                lines.push(format!("{line} for +{number} ({first}-{second}), ends in {second}"));
                lines.push(format!("Reason: Q.850;cause=17;text=\"cli {number} is {code}\""));
                lines.push(format!("Warning: 399 gateway \"no way for 00{number}, {second}\""));
                lines.push(format!("X-Reason: {first} {second}"));
                lines.push(format!("Server: gateway/{code} (+{number})"));
            }
            to if to.starts_with("To:") => match to.split_once(";tag=") {
                Some((to, tag)) => lines.push(format!("{to};tag={code}{tag}")),
                None => lines.push(to.to_owned()),
            },
            other => lines.push(other.to_owned()),
        }
    }
    lines.join("\r\n")
}
