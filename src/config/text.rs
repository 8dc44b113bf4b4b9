//! Texts that several parts of the file have: names, hosts, addresses, paths.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use super::form::Text;
use super::value::{Host, HostMaybePort};

/// The name of a trunk, a pool and so on; it stands in records, metrics and URLs.
pub(super) const NAME: Text<Arc<str>> =
    Text { expects: "a name of letters, digits, '.', '_' and '-'", read: name };

/// An address and a port to listen on.
pub(super) const LISTEN: Text<SocketAddr> =
    Text { expects: "an address and a port, like 0.0.0.0:5060 or [::]:5060", read: listen };

/// A host with or without a port.
pub(super) const HOST: Text<HostMaybePort> =
    Text { expects: "HOST or HOST:PORT; an IPv6 address in brackets", read: |text| text.parse() };

/// A host that something can be sent to.
pub(super) const PEER: Text<HostMaybePort> =
    Text { read: |text| text.parse().and_then(reachable), ..HOST };

/// An address.
pub(super) const ADDRESS: Text<IpAddr> = Text {
    expects: "an IP address",
    read: |text| text.parse().map_err(|_| format!("{text:?} is no IP address")),
};

/// A path; a relative one begins in the folder of the file.
pub(super) const PATH: Text<PathBuf> = Text {
    expects: "a path; a relative one begins in the folder of this file",
    read: |text| {
        let fits = !text.is_empty() && !text.contains('\0');
        fits.then(|| text.into()).ok_or_else(|| format!("{text:?} is no path"))
    },
};

const NAME_MAX: usize = 64;

fn name(text: &str) -> Result<Arc<str>, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.is_empty() {
        return Err("the name is empty".to_owned());
    }
    if let Some(wrong) = text.chars().find(|c| !fits(*c)) {
        return Err(format!("{wrong:?} does not stand in a name"));
    }
    if text.len() > NAME_MAX {
        return Err(format!("a name has at most {NAME_MAX} characters"));
    }
    Ok(text.into())
}

fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| match text.parse::<HostMaybePort>() {
        Ok(HostMaybePort { host: Host::Address(address), port: None }) => {
            format!("the port behind {address} is missing")
        }
        Ok(HostMaybePort { host: Host::Name(name), .. }) => {
            format!("{name:?} is no address; names are not looked up to listen on")
        }
        Ok(HostMaybePort { host: Host::Address(_), .. }) => format!("{text:?} is no address"),
        Err(problem) => problem,
    })
}

fn reachable(host: HostMaybePort) -> Result<HostMaybePort, String> {
    if host.port == Some(0) {
        return Err("port 0 cannot be called".to_owned());
    }
    match host.host {
        Host::Address(address) if !super::resolve::is_somewhere(address) => {
            Err(format!("nobody answers from {address}"))
        }
        Host::Address(_) | Host::Name(_) => Ok(host),
    }
}
