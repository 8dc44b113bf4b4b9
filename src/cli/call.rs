//! `onering call`: one flash call now, with its ladder and outcome.

mod configured;

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::trunk::{Bound, EndWish, OursArgs, TrunkArgs, runtime};
use super::{Exit, Failure, Stdout};
use crate::base::clock::{Instant, Now};
use crate::base::number::{CallerId, Destination};
use crate::call::{AlertSource, HOLD_MAX, Pace, Trigger};
use crate::config::value::{HostMaybePort, HostPort, duration};
use crate::driver::{Client, Passing, Watch};
use crate::engine::{Answer, Command};
use crate::io::capture::ladder::{Direction, Ladder, Line, trace};
use crate::io::capture::pcap::Pcap;
use crate::io::net::clock::Clock;
use crate::io::net::media::Heard;
use crate::sip::message::digest::{Credentials, Secret};
use crate::sip::ua::{Plan, Rel100, Trunk, TrunkId, check_header};
use crate::verify::cdr::{Cdr, View};

/// Place one flash call and show what happened
///
/// Rings NUMBER and cancels as soon as it rings. Prints the messages with their times and what the call came to. Ctrl-C
/// cancels the call. Exit status 0 only if the phone was alerted.
///
/// The way of the call is given by --target and --from, or by a configuration: then the trunk is called as the service would
/// call it, from one of its numbers. A service that runs keeps its port, so the call goes out from any free one: a carrier
/// that takes calls from one port only will not take this one, unless --local says it and the service is stopped.
#[derive(Args, Debug)]
pub(super) struct Call {
    /// The number to ring: + and 4 to 15 digits
    #[arg(value_name = "NUMBER", value_parser = destination)]
    to: Destination,
    #[command(flatten)]
    way: WayArgs,
    /// The number to show: + and 4 to 15 digits; by a configuration it may be left out, and is then a random one of
    /// the first pool that the trunk's routes use
    #[arg(long, value_name = "NUMBER", value_parser = caller_id, required_unless_present = "config")]
    from: Option<CallerId>,
    #[command(flatten)]
    ours: OursArgs,
    /// How long to let it ring before the CANCEL, at most 5s [default: 600ms, or what the configuration says]
    #[arg(long, value_name = "TIME", value_parser = hold)]
    hold: Option<Duration>,
    /// What counts as ringing [default: 180, or what the configuration says]
    #[arg(long, value_enum)]
    trigger: Option<TriggerArg>,
    /// Cancel a call that has not rung by then [default: 20s, or what the configuration says]
    #[arg(long, value_name = "TIME", value_parser = no_alert)]
    no_alert: Option<Duration>,
    #[command(flatten)]
    plain: PlainArgs,
    /// Stay this long after the end, to acknowledge what the carrier repeats; longer while it does
    #[arg(long, value_name = "TIME", default_value = "1200ms", value_parser = duration)]
    linger: Duration,
    /// Write every datagram to a capture file for Wireshark
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Print whole messages as they pass
    #[arg(long)]
    trace: bool,
    /// Print the call's record, with its ladder, as JSON
    #[arg(long)]
    json: bool,
}

/// Which way the call goes.
#[derive(Args, Debug)]
struct WayArgs {
    /// The carrier's address; given again, or a name with several addresses: where to turn to when the first cannot
    /// be reached or says 503
    #[arg(long = "target", value_name = "HOST:PORT", required_unless_present = "config")]
    targets: Vec<HostPort>,
    /// Call as this configuration says, in place of --target and what goes with it
    #[arg(short = 'c', long, value_name = "FILE", conflicts_with_all = [
        "targets", "user", "password_env", "domain", "proxy", "pai", "headers", "advertise", "rel100",
    ])]
    config: Option<PathBuf>,
    /// Its trunk [default: the first that the number's route uses, or else the first of all]
    #[arg(long = "trunk", value_name = "NAME", requires = "config")]
    name: Option<String>,
}

/// What a plain trunk may have; a configuration says it by itself.
#[derive(Args, Debug)]
struct PlainArgs {
    /// User name for a digest challenge
    #[arg(long, value_name = "USER", requires = "password_env")]
    user: Option<String>,
    /// Environment variable that holds the password
    #[arg(long, value_name = "NAME", requires = "user")]
    password_env: Option<String>,
    /// Host of the called and calling URIs, if it is not the target's
    #[arg(long, value_name = "HOST[:PORT]")]
    domain: Option<HostMaybePort>,
    /// Outbound proxy: datagrams go there, by a loose route
    #[arg(long, value_name = "HOST:PORT")]
    proxy: Option<HostPort>,
    /// Repeat the caller-ID in P-Asserted-Identity
    #[arg(long)]
    pai: bool,
    /// Another header for the INVITE; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<String>,
    /// Our address as the carrier must see it, in Via and Contact
    #[arg(long, value_name = "HOST[:PORT]")]
    advertise: Option<HostMaybePort>,
    /// Reliable provisional responses
    #[arg(long, value_enum, default_value_t)]
    rel100: Rel100Arg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TriggerArg {
    /// 180 Ringing
    #[value(name = "180")]
    Ringing,
    /// 183 Session Progress, or 180
    #[value(name = "183")]
    Progress,
    /// Any 18x that can mean ringing
    #[value(name = "any-18x")]
    Any,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Rel100Arg {
    /// Not offered
    #[default]
    Off,
    /// Offered
    Supported,
    /// Required
    Required,
}

pub(super) fn destination(text: &str) -> Result<Destination, String> {
    Destination::parse(text).map_err(|error| error.to_string())
}

pub(super) fn caller_id(text: &str) -> Result<CallerId, String> {
    CallerId::parse(text).map_err(|error| error.to_string())
}

fn hold(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|hold| {
        let fits = hold <= HOLD_MAX;
        fits.then_some(hold).ok_or_else(|| format!("at most {}s", HOLD_MAX.as_secs()))
    })
}

pub(super) fn no_alert(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|wait| {
        let fits = (Duration::from_millis(100)..=Duration::from_secs(180)).contains(&wait);
        fits.then_some(wait).ok_or_else(|| "from 100ms to 3m".to_owned())
    })
}

fn header(text: &str) -> Result<String, String> {
    check_header(text).map(|()| text.to_owned()).map_err(|error| error.to_string())
}

/// What passed, seen by the watch and read by the command.
#[derive(Default)]
struct Seen {
    ladder: Ladder,
    first: Option<Instant>,
    /// When the last datagram came in.
    heard_at: Option<Instant>,
    /// The gap before it.
    gap: Duration,
    /// What went wrong with the capture, first of all.
    pcap_error: Option<std::io::Error>,
}

/// The watch of one call.
struct Recorder {
    seen: Rc<RefCell<Seen>>,
    pcap: Option<Pcap<BufWriter<File>>>,
    trace: bool,
}

impl Recorder {
    fn pass(&mut self, datagram: &Passing<'_>, dir: Direction, now: Now) {
        let mut seen = self.seen.borrow_mut();
        let first = *seen.first.get_or_insert(datagram.at);
        let at_us = datagram.at.as_micros().saturating_sub(first.as_micros());
        if dir == Direction::In {
            let before = seen.heard_at.replace(datagram.at).unwrap_or(first);
            seen.gap = datagram.at.since(before);
        }
        seen.ladder.push(at_us, dir, Bytes::copy_from_slice(datagram.bytes));
        if self.trace {
            let text = trace(at_us, dir, &datagram.peer.to_string(), datagram.bytes);
            writeln!(std::io::stderr(), "{text}").ok();
        }
        let unix_us = now.unix_us.saturating_sub(micros(now.instant.since(datagram.at)));
        let (from, to) = match dir {
            Direction::Out => (datagram.local, datagram.peer),
            Direction::In => (datagram.peer, datagram.local),
        };
        if let Some(pcap) = &mut self.pcap
            && let Err(error) = pcap.datagram(unix_us, from, to, datagram.bytes)
        {
            seen.pcap_error.get_or_insert(error);
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl Watch for Recorder {
    fn received(&mut self, datagram: &Passing<'_>, now: Now) {
        self.pass(datagram, Direction::In, now);
    }

    fn sent(&mut self, datagram: &Passing<'_>, _: Option<Instant>, now: Now) {
        self.pass(datagram, Direction::Out, now);
    }

    fn end(&mut self) {
        if let Some(pcap) = &mut self.pcap
            && let Err(error) = pcap.flush()
        {
            self.seen.borrow_mut().pcap_error.get_or_insert(error);
        }
    }
}

/// The record and its ladder, as one object.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    cdr: View,
    #[serde(skip_serializing_if = "Option::is_none")]
    early_media_packets: Option<u32>,
    ladder: Vec<Line>,
}

impl Call {
    pub(super) fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        let Prepared { bound, from, pace } = self.prepare()?;
        let plan = Plan { to: self.to, from, trunk: TrunkId(0), pace: self.pace(pace) };
        let seen = Rc::new(RefCell::new(Seen::default()));
        let recorder =
            Recorder { seen: Rc::clone(&seen), pcap: self.open_pcap()?, trace: self.trace };
        let clock = Clock::start();
        // Whoever named a configuration did not say it.
        let chosen = format!("over trunk {}, from +{}", bound.trunk.name, from.reveal().as_str());
        let wired = bound.wire(16, Some(Box::new(recorder)), clock)?;
        let mut driver = wired.driver;
        let mut client = driver.client(1);
        let linger = self.linger;
        let watched = Rc::clone(&seen);
        let (ended, cdr) = runtime()?.block_on(async {
            tokio::join!(driver.run(), async move {
                let cdr = conduct(&mut client, plan).await;
                if cdr.is_ok() {
                    stay(&watched, linger).await;
                }
                drop(client);
                cdr
            })
        });
        ended.map_err(|error| Failure::Failed(error.to_string()))?;
        let cdr = cdr?;
        let heard = wired.media.heard();
        let seen = seen.borrow();
        if self.json {
            let shown = Shown {
                cdr: cdr.reveal(),
                early_media_packets: (heard.packets > 0).then_some(heard.packets),
                ladder: seen.ladder.lines(self.trace).collect(),
            };
            serde_json::to_writer_pretty(&mut *out, &shown).map_err(std::io::Error::from)?;
            writeln!(out)?;
        } else {
            if self.way.config.is_some() {
                writeln!(out, "{chosen}\n")?;
            }
            out.write_all(seen.ladder.text(alert_status(&cdr)).as_bytes())?;
            writeln!(out, "\n{}", summary(&cdr, heard))?;
        }
        if let Some(error) = &seen.pcap_error {
            let name = self.pcap.as_deref().unwrap_or_else(|| Path::new("")).display();
            return Err(Failure::Failed(format!("cannot write {name}: {error}")));
        }
        Ok(if cdr.outcome.alerted() { Exit::Done } else { Exit::Failed })
    }

    /// The trunk with its sockets, who calls over it, and how it is paced.
    fn prepare(&self) -> Result<Prepared, Failure> {
        if let Some(file) = &self.way.config {
            let wish = configured::Wish {
                to: self.to,
                trunk: self.way.name.as_deref(),
                from: self.from,
                ours: &self.ours,
            };
            return configured::prepare(file, &wish);
        }
        let credentials = self.plain.credentials()?;
        let trunk = TrunkArgs { targets: self.way.targets.clone(), ours: self.ours.clone() };
        let mut bound = trunk.bind(self.plain.proxy.as_ref())?;
        self.plain.adorn(&mut bound.trunk);
        bound.trunk.credentials = credentials;
        let from = self.from.ok_or_else(|| Failure::Usage("--from is missing".to_owned()))?;
        Ok(Prepared { bound, from, pace: Pace::default() })
    }

    /// What was asked for, and for the rest what the trunk has.
    fn pace(&self, pace: Pace) -> Pace {
        let trigger = self.trigger.map(|trigger| match trigger {
            TriggerArg::Ringing => Trigger::Ringing,
            TriggerArg::Progress => Trigger::Progress,
            TriggerArg::Any => Trigger::Any18x,
        });
        Pace {
            trigger: trigger.unwrap_or(pace.trigger),
            hold: self.hold.unwrap_or(pace.hold),
            no_alert: self.no_alert.unwrap_or(pace.no_alert),
        }
    }

    fn open_pcap(&self) -> Result<Option<Pcap<BufWriter<File>>>, Failure> {
        let Some(path) = &self.pcap else { return Ok(None) };
        let name = path.display();
        File::create(path)
            .and_then(|file| Pcap::new(BufWriter::new(file)))
            .map(Some)
            .map_err(|error| Failure::Failed(format!("cannot write {name}: {error}")))
    }
}

/// A call that can be placed.
struct Prepared {
    bound: Bound,
    from: CallerId,
    pace: Pace,
}

impl PlainArgs {
    /// Puts the options of this call on a plain trunk.
    fn adorn(&self, trunk: &mut Trunk) {
        if let Some(advertise) = &self.advertise {
            let port = advertise.port.or_else(|| {
                trunk.advertised.rsplit_once(':').and_then(|(_, port)| port.parse().ok())
            });
            let host = &advertise.host;
            let text = port.map_or_else(|| host.to_string(), |port| format!("{host}:{port}"));
            trunk.from_domain.clone_from(&text);
            trunk.advertised = text.into();
        }
        if let Some(HostMaybePort { host, port }) = &self.domain {
            let text = port.map_or_else(|| host.to_string(), |port| format!("{host}:{port}"));
            trunk.from_domain.clone_from(&text);
            trunk.domain = text;
        }
        trunk.route = self.proxy.as_ref().map(ToString::to_string);
        trunk.asserted_identity = self.pai;
        trunk.rel100 = match self.rel100 {
            Rel100Arg::Off => Rel100::Off,
            Rel100Arg::Supported => Rel100::Supported,
            Rel100Arg::Required => Rel100::Required,
        };
        trunk.headers.clone_from(&self.headers);
    }

    fn credentials(&self) -> Result<Option<Credentials>, Failure> {
        let (Some(user), Some(name)) = (&self.user, &self.password_env) else { return Ok(None) };
        let password = std::env::var(name).map_err(|_| {
            Failure::Usage(format!("--password-env: there is no environment variable {name}"))
        })?;
        Ok(Some(Credentials { username: user.clone(), secret: Secret::new(password) }))
    }
}

/// Places the call and waits for its record. SIGINT (Ctrl-C) or SIGTERM cancels it; a second one gives up waiting.
///
/// A signal may come before the call is known to have started, even in the same turn as that news: it is listened
/// for from before the call is placed, and the wish is kept until there is a call to cancel.
async fn conduct(client: &mut Client, plan: Plan) -> Result<std::sync::Arc<Cdr>, Failure> {
    const NUMBER: u64 = 1;
    let mut end_wish = EndWish::listen()?;
    client.try_ask(NUMBER, Command::Place { plan, not_after: Instant::NEVER });
    let mut answers = Vec::new();
    let mut started = None;
    let mut unwanted = false;
    loop {
        answers.clear();
        let count = tokio::select! {
            count = client.answers(&mut answers, 4) => Some(count),
            () = end_wish.heard() => None,
        };
        if count == Some(0) {
            return Err(Failure::Failed("the call ended without a record".to_owned()));
        }
        if count.is_none() {
            if std::mem::replace(&mut unwanted, true) {
                return Err(Failure::Failed("given up while the call was ending".to_owned()));
            }
            if let Some(id) = started {
                client.try_ask(NUMBER, Command::Cancel(id));
            }
        }
        for (_, answer) in answers.drain(..) {
            match answer {
                Answer::Started(id) => {
                    started = Some(id);
                    if unwanted {
                        client.try_ask(NUMBER, Command::Cancel(id));
                    }
                }
                Answer::Ended(cdr) => return Ok(cdr),
                Answer::Refused(refusal) => return Err(Failure::Failed(refusal.to_string())),
                Answer::Drained | Answer::Verify(_) => {}
            }
        }
    }
}

/// Stays while the carrier repeats its final, which wants an ACK each time: its copies come at T1 and then at twice
/// the gap before (timer G, RFC 3261 §17.2.1).
async fn stay(seen: &Rc<RefCell<Seen>>, linger: Duration) {
    const GAP_MAX: Duration = Duration::from_secs(4);
    let mut wait = linger;
    while !wait.is_zero() {
        let before = seen.borrow().heard_at;
        tokio::time::timeout(wait, std::future::pending::<()>()).await.ok();
        let seen = seen.borrow();
        if seen.heard_at == before {
            return;
        }
        wait = linger + (seen.gap * 2).min(GAP_MAX);
    }
}

const fn alert_status(cdr: &Cdr) -> Option<u16> {
    match cdr.facts.alert {
        Some(AlertSource::Ringing) => Some(180),
        Some(AlertSource::Progress) => Some(183),
        None => None,
    }
}

/// One line for a person: what it came to, and why.
fn summary(cdr: &Cdr, heard: Heard) -> String {
    let mut parts = Vec::new();
    let ms = |us: u32| format!("{}.{} ms", us / 1000, us % 1000 / 100);
    if let Some(pdd) = cdr.pdd_us() {
        parts.push(format!("ringing after {}", ms(pdd)));
    }
    if let Some(hold) = cdr.hold_us() {
        parts.push(format!("cancelled {} later", ms(hold)));
    }
    if let Some(said) = &cdr.facts.said {
        parts.push(format!("final {} {}", said.status, said.phrase).trim_end().to_owned());
    }
    if cdr.facts.retransmissions > 0 {
        parts.push(format!("{} sent again", cdr.facts.retransmissions));
    }
    if heard.packets > 0 {
        parts.push(format!("{} RTP packets of early media", heard.packets));
    }
    let outcome = cdr.outcome.name();
    if parts.is_empty() { outcome.to_owned() } else { format!("{outcome}: {}", parts.join(", ")) }
}
