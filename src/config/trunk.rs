//! `[[trunk]]`: a carrier.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::form::{Flag, Many, Text, Time, Word};
use super::report::Mistake;
use super::secret::{Kept, Secret};
use super::table::{At, Key, Part, Section, Shape, Table, Unset};
use super::text;
use super::value::{Host, HostMaybePort, HostPort};
use crate::call::{HOLD_MAX, Pace, Trigger};
use crate::sip::message::digest::{self, Credentials};
use crate::sip::ua::{Rel100, check_header};

/// A carrier as it is configured; its names are not looked up yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkConfig {
    /// Its name.
    pub name: Arc<str>,
    /// Where requests go, in the order they are tried.
    pub targets: Vec<HostPort>,
    /// Further addresses that may answer; default none.
    pub peers: Vec<IpAddr>,
    /// Host of the called URI; default the first target as it was written.
    pub domain: HostMaybePort,
    /// Host of the calling URI; default `domain` where that was given, or else our own address.
    pub from_domain: Option<HostMaybePort>,
    /// Outbound proxy: datagrams go there, by a loose route; default none.
    pub proxy: Option<HostPort>,
    /// What answers a challenge; default nothing.
    pub credentials: Option<Credentials>,
    /// Whether P-Asserted-Identity repeats the caller-ID; default no.
    pub asserted_identity: bool,
    /// Reliable provisional responses; default off.
    pub rel100: Rel100,
    /// Further header lines of an INVITE; default none.
    pub headers: Vec<String>,
    /// How long its calls ring, and wait for that.
    pub pace: Pace,
}

/// The port of SIP over UDP.
const PORT: u16 = 5060;

const NAME: Key<Text<Arc<str>>> = Key::new(
    "name",
    text::NAME,
    Unset::Needed("\"carrier\""),
    "Its name in routes, records and metrics.",
);
const TARGET: Key<Many<Text<HostMaybePort>>> = Key::new(
    "target",
    Many(text::PEER),
    Unset::Needed("\"127.0.0.1:5070\""),
    "Where its calls go; several in the order they are tried. The port is 5060 unless it is given.",
);
const PEERS: Key<Many<Text<IpAddr>>> = Key::new(
    "peers",
    Many(text::ADDRESS),
    Unset::Nothing("[\"198.51.100.7\"]"),
    "Further addresses that may answer: the carrier's other proxies. Datagrams from anywhere else are dropped.",
);
const DOMAIN: Key<Text<HostMaybePort>> = Key::new(
    "domain",
    text::HOST,
    Unset::Nothing("\"sip.carrier.example\""),
    "Host of the called URI. By default the first target.",
);
const FROM_DOMAIN: Key<Text<HostMaybePort>> = Key::new(
    "from_domain",
    text::HOST,
    Unset::Nothing("\"sip.carrier.example\""),
    "Host of the calling URI. By default the domain, or else our own address.",
);
const PROXY: Key<Text<HostMaybePort>> = Key::new(
    "proxy",
    text::PEER,
    Unset::Nothing("\"198.51.100.2:5060\""),
    "Outbound proxy: datagrams go there, by a loose route.",
);
const ASSERTED_IDENTITY: Key<Flag> = Key::new(
    "asserted_identity",
    Flag,
    Unset::Default("false"),
    "Whether P-Asserted-Identity repeats the caller-ID (RFC 3325); only where the carrier trusts us.",
);
const REL100: Key<Word<Rel100>> = Key::new(
    "rel100",
    Word(&[("off", Rel100::Off), ("supported", Rel100::Supported), ("required", Rel100::Required)]),
    Unset::Default("\"off\""),
    "Reliable provisional responses (RFC 3262).",
);
const HEADERS: Key<Many<Text<String>>> = Key::new(
    "headers",
    Many(Text { expects: "a header line 'Name: value'", read: header }),
    Unset::Nothing("[\"X-Account: 4711\"]"),
    "Further header lines of every INVITE.",
);
const RING_HOLD: Key<Time> = Key::new(
    "ring_hold",
    Time(Duration::ZERO..=HOLD_MAX),
    Unset::Default("\"600ms\""),
    "How long a phone rings before the call is cancelled.",
);
const NO_ALERT: Key<Time> = Key::new(
    "no_alert",
    Time(Duration::from_millis(100)..=Duration::from_secs(180)),
    Unset::Default("\"20s\""),
    "When a call that has not rung is cancelled.",
);
const TRIGGER: Key<Word<Trigger>> = Key::new(
    "trigger",
    Word(&[("180", Trigger::Ringing), ("183", Trigger::Progress), ("any-18x", Trigger::Any18x)]),
    Unset::Default("\"180\""),
    "What counts as ringing: 180; 183 or 180; or any 18x that can mean it.",
);

pub(super) const PART: Part = Part { name: "trunk", shape: Shape::Needed, section: &SECTION };

static SECTION: Section = Section {
    doc: "A trunk is a carrier that takes our calls",
    keys: &[
        &NAME,
        &TARGET,
        &PEERS,
        &DOMAIN,
        &FROM_DOMAIN,
        &PROXY,
        &ASSERTED_IDENTITY,
        &REL100,
        &HEADERS,
        &RING_HOLD,
        &NO_ALERT,
        &TRIGGER,
    ],
    parts: &[&AUTH],
};

const USERNAME: Key<Text<String>> = Key::new(
    "username",
    Text { expects: "a user name", read: username },
    Unset::Needed("\"acme\""),
    "User name for a digest challenge.",
);
const PASSWORD: Key<Secret> = Key::new(
    "password",
    Secret,
    Unset::Needed(r#"{ env = "CARRIER_PASSWORD" }"#),
    "Password for a digest challenge.",
);
const AUTH: Part = Part {
    name: "auth",
    shape: Shape::Inline(r#"{ username = "acme", password = { env = "CARRIER_PASSWORD" } }"#),
    section: &AUTH_SECTION,
};
static AUTH_SECTION: Section = Section {
    doc: "What answers a digest challenge (RFC 3261 22). By default nothing",
    keys: &[&USERNAME, &PASSWORD],
    parts: &[],
};

/// A trunk and where its name stands. `ipv4` says which family we listen on.
pub(super) fn read(table: &Table<'_>, ipv4: bool) -> At<TrunkConfig> {
    let name = table.placed(&NAME);
    let targets = table.get(&TARGET);
    let proxy = table.find(&PROXY);
    for target in targets.iter().chain(&proxy) {
        check_family(table, target, ipv4);
    }
    let domain = table.find(&DOMAIN).map(|at| at.value);
    let target = || targets.first().map_or_else(nowhere, |at| at.value.clone());
    let trunk = TrunkConfig {
        name: Arc::clone(&name.value),
        from_domain: table.find(&FROM_DOMAIN).map(|at| at.value).or_else(|| domain.clone()),
        domain: domain.unwrap_or_else(target),
        targets: targets.into_iter().map(|at| with_port(at.value)).collect(),
        peers: table.list(&PEERS),
        proxy: proxy.map(|at| with_port(at.value)),
        credentials: credentials(&table.part(&AUTH)),
        asserted_identity: table.get(&ASSERTED_IDENTITY),
        rel100: table.get(&REL100),
        headers: table.list(&HEADERS),
        pace: Pace {
            trigger: table.get(&TRIGGER),
            hold: table.get(&RING_HOLD),
            no_alert: table.get(&NO_ALERT),
        },
    };
    At { value: trunk, at: name.at }
}

fn check_family(table: &Table<'_>, target: &At<HostMaybePort>, ipv4: bool) {
    if let Host::Address(address) = target.value.host
        && address.is_ipv4() != ipv4
    {
        let family = if ipv4 { "IPv4" } else { "IPv6" };
        table.note(
            Mistake::error(target.at.clone(), format!("{address} cannot be reached"))
                .expected(format!("sip.listen is an {family} address")),
        );
    }
}

/// Stands in for a target that could not be read.
const fn nowhere() -> HostMaybePort {
    HostMaybePort { host: Host::Name(String::new()), port: None }
}

fn with_port(HostMaybePort { host, port }: HostMaybePort) -> HostPort {
    HostPort { host, port: port.unwrap_or(PORT) }
}

fn credentials(table: &Table<'_>) -> Option<Credentials> {
    if !table.is_there() {
        return None;
    }
    let username = table.get(&USERNAME);
    let name = table.path_of(PASSWORD.name);
    let password = table.needed(&PASSWORD)?;
    let password = Kept::fetch(&password, &name, table.context.folder, table.context.notes);
    Some(Credentials { username, secret: digest::Secret::new(password) })
}

fn username(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(char::is_control) {
        return Err("not a user name: it is empty or has control characters".to_owned());
    }
    Ok(text.to_owned())
}

fn header(text: &str) -> Result<String, String> {
    check_header(text).map(|()| text.to_owned()).map_err(|error| error.to_string())
}
