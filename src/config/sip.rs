//! `[sip]`: where we are, on the wire.

use std::net::SocketAddr;
use std::time::Duration;

use super::form::{Text, Time};
use super::table::{Key, Part, Section, Shape, Table, Unset};
use super::text;
use super::value::HostMaybePort;

/// Where SIP is spoken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SipConfig {
    /// Address and port of the UDP socket; default `0.0.0.0:5060`. Port 0 lets the system choose one.
    pub listen: SocketAddr,
    /// Our address as carriers must see it, in Via, Contact and SDP; by default the one that reaches the trunk.
    pub advertise: Option<HostMaybePort>,
    /// T1 of every trunk's timers (RFC 3261 §17.1.1.1), 10 ms to 4 s; default 500 ms.
    pub t1: Duration,
}

const LISTEN: Key<Text<SocketAddr>> = Key::fixed(
    "listen",
    text::LISTEN,
    Unset::Default("\"0.0.0.0:5060\""),
    "Address and port of the UDP socket that all calls go out from.",
);
const ADVERTISE: Key<Text<HostMaybePort>> = Key::new(
    "advertise",
    text::HOST,
    Unset::Nothing("\"203.0.113.7\""),
    "Our address as carriers must see it. By default the one that reaches the trunk; needed behind a NAT.",
);
const T1: Key<Time> = Key::new(
    "t1",
    Time(Duration::from_millis(10)..=Duration::from_secs(4)),
    Unset::Default("\"500ms\""),
    "Estimate of the round trip to a carrier; a request is sent again after it (RFC 3261 17.1.1.1).",
);

pub(super) const PART: Part = Part { name: "sip", shape: Shape::One, section: &SECTION };

static SECTION: Section =
    Section { doc: "Where SIP is spoken from", keys: &[&LISTEN, &ADVERTISE, &T1], parts: &[] };

pub(super) fn read(table: &Table<'_>) -> SipConfig {
    SipConfig {
        listen: table.address(&LISTEN).value,
        advertise: table.find(&ADVERTISE).map(|at| at.value),
        t1: table.get(&T1),
    }
}
