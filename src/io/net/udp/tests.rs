use std::time::Duration;

use super::*;

const SECOND: Option<Duration> = Some(Duration::from_secs(1));

fn bound(address: &str) -> Arc<UdpSocket> {
    UdpSocket::bind(address.parse().unwrap(), BUFFER).unwrap()
}

fn take(receiver: &mut Receiver, count: usize) -> Vec<Datagram> {
    let mut out = Vec::new();
    while out.len() < count {
        let before = out.len();
        receiver.receive(SECOND, |_| true, &mut out).unwrap();
        assert!(out.len() > before, "only {before} of {count} datagrams came");
    }
    out
}

#[test]
fn a_batch_arrives_whole_and_in_order_over_both_families() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let (here, there) = (bound(address), bound(address));
        assert!(there.receive_buffer() >= 100 * 1024, "{}", there.receive_buffer());
        let payloads: Vec<Vec<u8>> = (0..150_usize).map(|n| vec![n as u8; n * 7]).collect();
        let batch: Vec<_> = payloads.iter().map(|p| (there.local_addr(), p.as_slice())).collect();
        let sent = Sender::new(here.clone()).send(&batch, |n, error| panic!("{n}: {error}"));
        assert_eq!(sent, Sent { sent: 150, failed: 0, errors: false });
        let mut receiver = Receiver::new(there).unwrap();
        let got = take(&mut receiver, 150);
        for (datagram, payload) in got.iter().zip(&payloads) {
            assert_eq!(datagram.from, here.local_addr());
            assert_eq!(datagram.bytes, payload);
        }
        assert_eq!(receiver.counters().datagrams, 150);
    }
}

#[test]
fn the_largest_datagram_is_received_whole() {
    let (here, there) = (bound("127.0.0.1:0"), bound("127.0.0.1:0"));
    let payload: Vec<u8> = (0..65_507_u32).map(|n| (n % 251) as u8).collect();
    let small = b"small".as_slice();
    let to = there.local_addr();
    Sender::new(here).send(&[(to, &payload), (to, small)], |n, error| panic!("{n}: {error}"));
    let got = take(&mut Receiver::new(there).unwrap(), 2);
    assert!(got[0].bytes == payload);
    assert_eq!(got[1].bytes, small);
}

#[test]
fn strangers_are_dropped_and_counted() {
    let (known, stranger, there) =
        (bound("127.0.0.1:0"), bound("127.0.0.1:0"), bound("127.0.0.1:0"));
    let to = there.local_addr();
    for from in [&stranger, &known, &stranger] {
        Sender::new(from.clone()).send(&[(to, b"x")], |n, error| panic!("{n}: {error}"));
    }
    let mut receiver = Receiver::new(there).unwrap();
    let mut out = Vec::new();
    while receiver.counters().strangers < 2 {
        receiver.receive(SECOND, |from| from == known.local_addr(), &mut out).unwrap();
    }
    assert_eq!(out.len(), 1);
    assert_eq!(out[0].from, known.local_addr());
}

#[test]
fn a_closed_port_is_named_with_the_datagram_that_ran_into_it() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let (here, there, closed) = (bound(address), bound(address), bound(address));
        let gone = closed.local_addr();
        drop(closed);
        let open = there.local_addr();
        let batch: &[(SocketAddr, &[u8])] = &[
            (gone, b"first"),
            (open, b"kept"),
            (gone, b"second"),
            (gone, b"third"),
            (open, b"too"),
        ];
        let sent = Sender::new(here.clone()).send(batch, |n, error| panic!("{n}: {error}"));
        assert_eq!(sent.sent, 5);
        let got = take(&mut Receiver::new(there).unwrap(), 2);
        assert_eq!((&*got[0].bytes, &*got[1].bytes), (&b"kept"[..], &b"too"[..]));

        let mut receiver = Receiver::new(here.clone()).unwrap();
        let received = receiver.receive(SECOND, |_| true, &mut Vec::new()).unwrap();
        assert!(received.errors);
        let mut heard = Vec::new();
        here.errors(|error| {
            assert_eq!(error.to, gone);
            assert_eq!(error.cause.kind(), io::ErrorKind::ConnectionRefused);
            heard.push(error.payload.to_vec());
        })
        .unwrap();
        assert_eq!(heard, [b"first".to_vec(), b"second".to_vec(), b"third".to_vec()]);
        let received = receiver.receive(Some(Duration::ZERO), |_| true, &mut Vec::new()).unwrap();
        assert_eq!(received, Received::default());
    }
}

#[test]
fn a_datagram_that_cannot_be_sent_is_reported_and_the_rest_goes_out() {
    let (here, there) = (bound("127.0.0.1:0"), bound("127.0.0.1:0"));
    let to = there.local_addr();
    let huge = vec![0; 70_000];
    let mut failed = Vec::new();
    let sent = Sender::new(here).send(&[(to, b"a"), (to, &huge), (to, b"b")], |n, error| {
        failed.push((n, error.raw_os_error()));
    });
    assert_eq!(failed, [(1, Some(nix::errno::Errno::EMSGSIZE as i32))]);
    assert_eq!((sent.sent, sent.failed), (2, 1));
    assert_eq!(take(&mut Receiver::new(there).unwrap(), 2).len(), 2);
}

#[test]
fn what_the_kernel_drops_is_counted() {
    let here = bound("127.0.0.1:0");
    let there = UdpSocket::bind("127.0.0.1:0".parse().unwrap(), 4096).unwrap();
    let payload = vec![0; 1000];
    let batch = vec![(there.local_addr(), payload.as_slice()); 64];
    let mut sender = Sender::new(here);
    sender.send(&batch, |n, error| panic!("{n}: {error}"));
    let mut receiver = Receiver::new(there).unwrap();
    let mut out = Vec::new();
    // The kernel tells of a drop with what it queues after it, and is asked once in 32 batches.
    for _ in 0..65 {
        receiver.receive(Some(Duration::ZERO), |_| true, &mut out).unwrap();
        sender.send(&batch, |n, error| panic!("{n}: {error}"));
    }
    let counters = receiver.counters();
    assert!(counters.overflowed > 64, "{counters:?}");
    assert_eq!(counters.datagrams as usize, out.len());
}

#[test]
fn a_waiting_receiver_can_be_woken() {
    let mut receiver = Receiver::new(bound("127.0.0.1:0")).unwrap();
    let waker = receiver.waker();
    for _ in 0..300 {
        waker.wake();
    }
    let received = receiver.receive(None, |_| true, &mut Vec::new()).unwrap();
    assert!(received.woken);
    let thread = std::thread::spawn(move || waker.wake());
    let received = receiver.receive(None, |_| true, &mut Vec::new()).unwrap();
    assert!(received.woken);
    thread.join().unwrap();
}

#[test]
fn a_port_that_cannot_be_had_is_named_with_the_reason() {
    let taken = bound("127.0.0.1:0");
    let error = UdpSocket::bind(taken.local_addr(), BUFFER).unwrap_err();
    let port = taken.local_addr().port();
    assert_eq!(
        error.to_string(),
        format!("cannot listen on udp 127.0.0.1:{port}: the port is taken by another program")
    );
    let error = UdpSocket::bind("192.0.2.1:5060".parse().unwrap(), BUFFER).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot listen on udp 192.0.2.1:5060: this machine has no such address"
    );
}
