//! Values as they are typed, in arguments and in the configuration: durations and sizes with their unit, hosts with
//! their port.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;
use std::time::Duration;

/// Reads `600ms`, `20s`, `1.5s`, `2m`, `1h`, `30d`, `250us`. A bare number is refused: nobody should have to
/// remember which unit it would be.
///
/// # Errors
/// A sentence for the person who typed it.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits).unwrap_or((text, ""));
    let unit_us: u64 = match unit {
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        "" if !number.is_empty() => {
            return Err("a duration needs a unit, like 600ms, 20s or 2m".to_owned());
        }
        _ => {
            return Err(
                "not a duration; write a number and us, ms, s, m, h or d, like 600ms".to_owned()
            );
        }
    };
    times(number, unit_us)
        .map(Duration::from_micros)
        .ok_or_else(|| "not a duration; write it like 600ms, 1.5s or 2m".to_owned())
}

/// Writes a duration as [`duration`] reads it, in its largest whole unit.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let us = duration.as_micros();
    let units = [(86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s")];
    let whole = units
        .into_iter()
        .chain([(1_000, "ms")])
        .find(|(unit, _)| us > 0 && us.is_multiple_of(*unit));
    match whole {
        // A day is 24h to whoever reads it.
        Some((unit, "d")) if us == unit => "24h".to_owned(),
        Some((unit, name)) => format!("{}{name}", us / unit),
        None if us == 0 => "0s".to_owned(),
        None => format!("{us}us"),
    }
}

/// Reads `64KiB`, `256MiB`, `1GiB`, `512B`. A bare number is refused, as it is for a duration.
///
/// # Errors
/// A sentence for the person who typed it.
pub fn size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits).unwrap_or((text, ""));
    let wrong = || "not a size; write a number and B, KiB, MiB or GiB, like 64KiB".to_owned();
    let unit = match unit {
        "" if !number.is_empty() => {
            return Err("a size needs a unit, like 512B, 64KiB or 256MiB".to_owned());
        }
        _ => SIZES.iter().find(|(_, name)| *name == unit).map(|(bytes, _)| *bytes),
    };
    unit.and_then(|unit| times(number, unit)).ok_or_else(wrong)
}

/// Writes a number of bytes as [`size`] reads it, in its largest whole unit.
#[must_use]
pub fn show_size(bytes: u64) -> String {
    let whole = SIZES.iter().find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit));
    let (unit, name) = whole.copied().unwrap_or((1, "B"));
    format!("{}{name}", bytes / unit)
}

/// Units of sizes, largest first.
const SIZES: [(u64, &str); 4] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B")];

/// `number` (digits, perhaps with a fraction) times `unit`; `None` if malformed, too large, or no whole number.
fn times(number: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = match number.split_once('.') {
        None => (number, None),
        Some((whole, fraction)) => (whole, Some(fraction)),
    };
    let mut sum = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    if let Some(fraction) = fraction {
        let parts = fraction.parse::<u64>().ok()?.checked_mul(unit)?;
        let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        if parts % scale != 0 {
            return None;
        }
        sum = sum.checked_add(parts / scale)?;
    }
    Some(sum)
}

/// A host: an address, or a name that still has to be resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address; IPv6 is written in brackets where a port can follow.
    Address(IpAddr),
    /// A name.
    Name(String),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// `HOST:PORT`, as in `127.0.0.1:5060`, `[::1]:5060` or `sip.example.net:5060`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// The host.
    pub host: Host,
    /// The port; 0 only means something where we bind and let the system choose.
    pub port: u16,
}

/// `HOST` or `HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostMaybePort {
    /// The host.
    pub host: Host,
    /// The port, if one was given.
    pub port: Option<u16>,
}

impl HostPort {
    /// The addresses to use. Names are looked up.
    ///
    /// # Errors
    /// A sentence that names the host.
    pub fn resolve_all(&self) -> Result<Vec<SocketAddr>, String> {
        let name = match &self.host {
            Host::Address(address) => return Ok(vec![SocketAddr::new(*address, self.port)]),
            Host::Name(name) => name,
        };
        let found: Vec<SocketAddr> = (name.as_str(), self.port)
            .to_socket_addrs()
            .map_err(|error| format!("cannot resolve {name}: {error}"))?
            .collect();
        if found.is_empty() {
            return Err(format!("cannot resolve {name}: it has no address"));
        }
        Ok(found)
    }

    /// The address to use; of several the first.
    ///
    /// # Errors
    /// A sentence that names the host.
    pub fn resolve(&self) -> Result<SocketAddr, String> {
        let found = self.resolve_all()?;
        found.first().copied().ok_or_else(|| format!("cannot resolve {self}: it has no address"))
    }
}

impl fmt::Display for HostMaybePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => write!(f, "{}", self.host),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl FromStr for HostPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let HostMaybePort { host, port } = text.parse()?;
        let port = port.ok_or_else(|| format!("the port is missing; write it like {host}:5060"))?;
        Ok(Self { host, port })
    }
}

impl FromStr for HostMaybePort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, rest) = host(text)?;
        let port = match rest.strip_prefix(':') {
            None if rest.is_empty() => None,
            None => return Err(format!("{rest:?} after the host; expected : and a port")),
            Some(port) => Some(self::port(port)?),
        };
        Ok(Self { host, port })
    }
}

/// The host at the beginning of `text`, and what follows it.
fn host(text: &str) -> Result<(Host, &str), String> {
    if let Some(inside) = text.strip_prefix('[') {
        let (address, rest) = inside.split_once(']').ok_or("the bracket [ is not closed")?;
        let address = address
            .parse::<Ipv6Addr>()
            .map_err(|_| format!("{address:?} in brackets is no IPv6 address"))?;
        return Ok((Host::Address(address.into()), rest));
    }
    if text.bytes().filter(|&b| b == b':').count() > 1 {
        return Err("an IPv6 address goes in brackets, like [::1]:5060".to_owned());
    }
    let end = text.find(':').unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    if let Ok(address) = name.parse::<Ipv4Addr>() {
        return Ok((Host::Address(address.into()), rest));
    }
    if is_name(name) {
        return Ok((Host::Name(name.to_owned()), rest));
    }
    Err(if name.is_empty() {
        "the host is missing; write it like 127.0.0.1:5060".to_owned()
    } else {
        format!("{name:?} is neither an address nor a host name")
    })
}

/// A host name by its letters (RFC 3261 §25.1 `hostname`, with `_` since some networks use it). One whose
/// last label is all digits is a mistyped address.
fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253 && name.split('.').all(label) && last.bytes().any(|b| !b.is_ascii_digit())
}

fn port(text: &str) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| {
        if digits {
            format!("port {text} is out of range; ports are 0 to 65535")
        } else {
            format!("{text:?} is no port; ports are 0 to 65535")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_their_unit() {
        for (text, us) in [
            ("0ms", 0),
            ("250us", 250),
            ("600ms", 600_000),
            ("1.5s", 1_500_000),
            ("0.25ms", 250),
            ("20s", 20_000_000),
            ("2m", 120_000_000),
            ("1h", 3_600_000_000),
            ("30d", 30 * 86_400_000_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_micros(us)), "{text}");
        }
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        for text in ["0s", "250us", "600ms", "1500ms", "20s", "90s", "2m", "24h", "30d"] {
            assert_eq!(show_duration(duration(text).unwrap()), text);
        }
        for text in ["0B", "512B", "1500B", "64KiB", "256MiB", "1GiB", "1536MiB"] {
            assert_eq!(show_size(size(text).unwrap()), text);
        }
    }

    #[test]
    fn sizes_carry_their_unit() {
        assert_eq!(size("1.5KiB"), Ok(1536));
        assert!(size("65536").unwrap_err().contains("needs a unit"));
        for text in ["", "B", "-1B", "1KB", "1kib", "64 KiB", "0.3B", "99999999999GiB"] {
            assert!(size(text).unwrap_err().contains("not a size"), "{text}");
        }
    }

    #[test]
    fn a_bare_number_is_refused_and_told_why() {
        assert!(duration("600").unwrap_err().contains("needs a unit"));
        assert!(duration("0").unwrap_err().contains("needs a unit"));
        let too_large = "99999999999999999999s";
        let odd = ["", "ms", "-1s", "1.s", ".5s", "1..5s", "1 s", "1w", "1e3s", "1S", "0.5us"];
        for text in odd.into_iter().chain([too_large]) {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn hosts_with_ports() {
        for text in ["127.0.0.1:5060", "[::1]:5060", "sip.example.net:5060", "localhost:0", "a_b:1"]
        {
            assert_eq!(text.parse::<HostPort>().unwrap().to_string(), text);
        }
        let address = "[2001:db8::1]:5070".parse::<HostPort>().unwrap().resolve();
        assert_eq!(address, Ok("[2001:db8::1]:5070".parse().unwrap()));
    }

    #[test]
    fn a_wrong_host_or_port_is_named() {
        for (text, said) in [
            ("127.0.0.1", "the port is missing; write it like 127.0.0.1:5060"),
            ("::1:5060", "in brackets"),
            ("[::1:5060", "not closed"),
            ("[nonsense]:1", "no IPv6 address"),
            ("[::1]5060", "expected : and a port"),
            ("127.0.0.1:65536", "65536 is out of range"),
            ("127.0.0.1:", "no port"),
            ("127.0.0.1:+5", "no port"),
            ("256.0.0.1:5060", "neither an address nor a host name"),
            (":5060", "host is missing"),
            ("a b:5060", "neither an address nor a host name"),
            ("a..b:5060", "neither an address nor a host name"),
        ] {
            let error = text.parse::<HostPort>().unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn a_port_can_be_left_out_where_it_may() {
        let advertised = "203.0.113.9".parse::<HostMaybePort>().unwrap();
        assert_eq!((advertised.host.to_string().as_str(), advertised.port), ("203.0.113.9", None));
        let advertised = "[2001:db8::9]:5062".parse::<HostMaybePort>().unwrap();
        assert_eq!(advertised.port, Some(5062));
    }
}
