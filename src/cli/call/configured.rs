//! A call by the configuration: which trunk, from which of its numbers, and how it is paced.

use std::net::SocketAddr;
use std::path::Path;

use super::Prepared;
use crate::base::flow::FlowId;
use crate::base::number::{CallerId, Destination};
use crate::base::rng::Rng;
use crate::cli::Failure;
use crate::cli::config::ConfigArg;
use crate::cli::trunk::{Bound, OursArgs, Transport, resolve};
use crate::config::resolve::Local;
use crate::config::value::HostMaybePort;
use crate::config::{Config, TrunkConfig};
use crate::io::net::media::MediaPort;
use crate::io::net::udp::{BUFFER, UdpSocket};
use crate::numbers::plan;
use crate::numbers::pool::Pool;
use crate::numbers::route::{Route, find};
use crate::verify::rules::Rules;

/// What was asked for.
pub(super) struct Wish<'a> {
    /// Whom to call.
    pub(super) to: Destination,
    /// Over which trunk, if that was said.
    pub(super) trunk: Option<&'a str>,
    /// From whom, if that was said.
    pub(super) from: Option<CallerId>,
    /// From where.
    pub(super) ours: &'a OursArgs,
}

/// The configured trunk over sockets of this call's own.
pub(super) fn prepare(file: &Path, wish: &Wish<'_>) -> Result<Prepared, Failure> {
    let config = ConfigArg { config: file.to_owned() }.load()?.config;
    let route = route(&config.rules, wish.to);
    let place = place(&config, wish.trunk, route)?;
    let (Some(trunk), Ok(id)) = (config.trunks.get(place), u16::try_from(place)) else {
        return Err(Failure::Failed("the configuration has no trunk".to_owned()));
    };
    let from = match wish.from {
        Some(from) => from,
        None => number(pool(&config.rules, id, route), trunk)?,
    };
    let bound = bind(&config, trunk, wish.ours)?;
    Ok(Prepared { bound, from, pace: trunk.pace })
}

/// The route that serves the number. One that the numbering plan does not know has routes that take every country.
fn route(rules: &Rules, to: Destination) -> Option<&Route> {
    let known = plan::read(&format!("+{}", to.reveal().as_str()), None);
    find(&rules.routes, to, known.ok().and_then(|subscriber| subscriber.country))
}

/// The place of the trunk in the configuration.
fn place(config: &Config, name: Option<&str>, route: Option<&Route>) -> Result<usize, Failure> {
    let Some(name) = name else {
        let first = route.and_then(|route| route.trunks.first());
        return Ok(first.map_or(0, |place| usize::from(*place)));
    };
    config.trunks.iter().position(|trunk| *trunk.name == *name).ok_or_else(|| {
        let names: Vec<&str> = config.trunks.iter().map(|trunk| &*trunk.name).collect();
        let names = names.join(", ");
        Failure::Usage(format!("--trunk: there is no trunk {name:?}; there are: {names}"))
    })
}

/// The pool of the number's route where that uses the trunk, or else of the first route that does.
fn pool<'a>(rules: &'a Rules, trunk: u16, route: Option<&'a Route>) -> Option<&'a Pool> {
    let uses = |route: &&Route| route.trunks.contains(&trunk);
    let route = route.filter(uses).or_else(|| rules.routes.iter().find(uses))?;
    rules.pools.get(route.pool).map(|pool| &**pool)
}

/// Any of its numbers, each as likely as any other.
fn number(pool: Option<&Pool>, trunk: &TrunkConfig) -> Result<CallerId, Failure> {
    let drawn = pool.and_then(|pool| {
        let drawn = Rng::from_os().secret_below(pool.len() as u64);
        pool.numbers().nth(usize::try_from(drawn).ok()?)
    });
    drawn.ok_or_else(|| {
        Failure::Usage(format!(
            "no route uses trunk {:?}, so it has no numbers: say --from",
            &*trunk.name
        ))
    })
}

/// The trunk as the service would have it, but from a port of this call's own.
fn bind(config: &Config, trunk: &TrunkConfig, ours: &OursArgs) -> Result<Bound, Failure> {
    let OursArgs { local, transport: Transport::Udp } = ours;
    let local = match local {
        Some(local) => resolve("--local", local)?,
        None => SocketAddr::new(config.sip.listen.ip(), 0),
    };
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(error.to_string());
    let socket = UdpSocket::bind(local, BUFFER).map_err(|error| failed(&error))?;
    let sip = socket.local_addr();
    let media = MediaPort::bind(sip.ip())
        .map_err(|error| failed(&format!("cannot bind a media port on {}: {error}", sip.ip())))?;
    let mut own = config.sip.clone();
    // The port of the service is not ours.
    own.advertise =
        own.advertise.map(|HostMaybePort { host, .. }| HostMaybePort { host, port: None });
    let local = Local { flow: FlowId(0), sip, media_port: media.local_addr().port() };
    let trunk = trunk
        .resolve(&own, local)
        .map_err(|problem| failed(&format!("trunk {:?}: {problem}", &*trunk.name)))?;
    Ok(Bound { socket, media, trunk })
}
