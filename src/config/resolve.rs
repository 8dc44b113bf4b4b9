//! Names become addresses, and a trunk of the configuration becomes a trunk of the user agent.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket as Probe};

use super::value::{Host, HostPort};
use super::{SipConfig, TrunkConfig};
use crate::base::flow::FlowId;
use crate::sip::txn::Timers;
use crate::sip::ua::Trunk;

/// Why a trunk cannot be called now.
#[derive(Debug)]
pub enum Unresolved {
    /// A name has no address; the sentence says which and why.
    Lookup(String),
    /// Nobody answers from this address.
    Nowhere(IpAddr),
    /// The name has no address of the family that we listen on or that the first target has.
    OtherFamily(HostPort),
    /// The routing table has no way there.
    NoWay(SocketAddr, io::Error),
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookup(problem) => f.write_str(problem),
            Self::Nowhere(address) => write!(f, "nobody answers from {address}"),
            Self::OtherFamily(name) => {
                write!(f, "{name} is of another address family than the first target")
            }
            Self::NoWay(target, error) => write!(f, "no way to {target}: {error}"),
        }
    }
}

impl std::error::Error for Unresolved {}

/// What a trunk's calls go out from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    /// The path of its datagrams.
    pub flow: FlowId,
    /// What the SIP socket is bound to.
    pub sip: SocketAddr,
    /// Port of the media socket, which is bound to the same address.
    pub media_port: u16,
}

impl TrunkConfig {
    /// The trunk with its names looked up, which may take as long as DNS does.
    ///
    /// # Errors
    /// Which name or address is of no use, and why.
    pub fn resolve(&self, sip: &SipConfig, local: Local) -> Result<Trunk, Unresolved> {
        let names = self.proxy.as_ref().map_or(self.targets.as_slice(), std::slice::from_ref);
        let targets = addresses(names, Some(local.sip.is_ipv4()))?;
        let mut ours = local.sip;
        if let (true, Some(target)) = (ours.ip().is_unspecified(), targets.first()) {
            // A wildcard address cannot stand in a Via; what reaches the target can.
            ours.set_ip(source_towards(*target)?);
        }
        Ok(self.towards(targets, ours, sip, local))
    }

    /// The trunk without a target: it takes no calls, and keeps its place among the others.
    #[must_use]
    pub fn nowhere(&self, sip: &SipConfig, local: Local) -> Trunk {
        self.towards(Vec::new(), local.sip, sip, local)
    }

    fn towards(
        &self,
        targets: Vec<SocketAddr>,
        ours: SocketAddr,
        sip: &SipConfig,
        local: Local,
    ) -> Trunk {
        let advertised = match &sip.advertise {
            Some(host) => format!("{}:{}", host.host, host.port.unwrap_or_else(|| ours.port())),
            None => ours.to_string(),
        };
        let media = match &sip.advertise {
            Some(host) => match host.host {
                Host::Address(address) if address.is_ipv4() == ours.is_ipv4() => address,
                Host::Address(_) | Host::Name(_) => ours.ip(),
            },
            None => ours.ip(),
        };
        Trunk {
            name: self.name.clone(),
            flow: local.flow,
            targets,
            peers: self.peers.clone(),
            domain: self.domain.to_string(),
            from_domain: self
                .from_domain
                .as_ref()
                .map_or_else(|| advertised.clone(), ToString::to_string),
            advertised: advertised.into(),
            media: SocketAddr::new(media, local.media_port),
            route: self.proxy.as_ref().map(ToString::to_string),
            asserted_identity: self.asserted_identity,
            rel100: self.rel100,
            headers: self.headers.clone(),
            credentials: self.credentials.clone(),
            timers: Timers { t1: sip.t1, ..Timers::default() },
        }
    }
}

/// All addresses of all names, each once, of one family: IPv4 or not as wished, or else the first one's.
///
/// # Errors
/// The name or address that is of no use.
pub fn addresses(names: &[HostPort], ipv4: Option<bool>) -> Result<Vec<SocketAddr>, Unresolved> {
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for name in names {
        let mut found = name.resolve_all().map_err(Unresolved::Lookup)?;
        if let Some(nowhere) = found.iter().find(|address| !is_somewhere(address.ip())) {
            return Err(Unresolved::Nowhere(nowhere.ip()));
        }
        let first = || addresses.first().or_else(|| found.first()).is_some_and(SocketAddr::is_ipv4);
        let family = ipv4.unwrap_or_else(first);
        found.retain(|address| address.is_ipv4() == family);
        if found.is_empty() {
            return Err(Unresolved::OtherFamily(name.clone()));
        }
        found.retain(|address| !addresses.contains(address));
        addresses.extend(found);
    }
    Ok(addresses)
}

/// Whether an answer can come from there: 0.0.0.0 would reach us ourselves, and answer from elsewhere.
pub(super) fn is_somewhere(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    !address.is_unspecified() && !address.is_multicast() && !broadcast
}

/// Our address on the way to a target, by the routing table; nothing is sent.
///
/// # Errors
/// There is no way.
pub fn source_towards(target: SocketAddr) -> Result<IpAddr, Unresolved> {
    let any: SocketAddr =
        if target.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
    let probe = Probe::bind(any).and_then(|probe| {
        probe.connect(target)?;
        probe.local_addr()
    });
    probe.map(|local| local.ip()).map_err(|error| Unresolved::NoWay(target, error))
}
