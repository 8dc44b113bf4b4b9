//! `onering load verifications`: how many whole verifications a running service can do.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use clap::Args;
use hyper::Uri;
use serde::Serialize;

use super::super::trunk::{EndWish, resolve, runtime};
use super::super::{Exit, Failure, Stdout};
use super::{Progress, cpu, print_times, rate};
use crate::base::number::Span;
use crate::base::rng::Rng;
use crate::config::value::{HostMaybePort, HostPort, duration};
use crate::io::net::clock::Clock;
use crate::load::Percentiles;
use crate::load::verifications::{self, Cdrs, Ear, GoOn, Numbers, Service, Tally, Wish};

/// Whole verifications against a running service
///
/// The service must be one whose trunk is a onering carrier on this machine, which tells the codes: the generator plays
/// the users. Each verification is started, called, and checked with the code; numbers are +1202 and seven digits, none
/// twice in a run. At the end the service's metrics say whether every call has its CDR on disk, so nobody else should use
/// it meanwhile. A first Ctrl-C ends what is under way, a second one ends at once. Exit status 0 if every verification was
/// approved and recorded.
#[derive(Args, Debug)]
pub(super) struct Verifications {
    /// Where the service is, like http://127.0.0.1:8080
    #[arg(long, value_name = "URL", value_parser = url)]
    url: Url,
    /// A key with the scopes start and check
    #[arg(long, value_name = "KEY", required_unless_present = "key_env")]
    key: Option<String>,
    /// Environment variable that holds the key; other users of the machine cannot read it
    #[arg(long, value_name = "NAME", conflicts_with = "key")]
    key_env: Option<String>,
    /// How many verifications in all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    count: u64,
    /// How many under way at a time
    #[arg(long, value_name = "C", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    concurrency: u32,
    /// At most so many starts a second
    #[arg(long, value_name = "R", value_parser = rate)]
    rate: Option<f64>,
    /// Connections to the service [default: as many as are under way, at most 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: Option<u32>,
    /// Where the carrier is that tells the codes
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:5070")]
    carrier: HostPort,
    /// The numbers to verify; those that a carrier does something special with are left out
    #[arg(long, value_name = "+A-+B", value_parser = span, default_value = "+12022000000-+12029999999")]
    numbers: Span,
    /// A verification whose code was not told by then is counted as untold
    #[arg(long, value_name = "TIME", value_parser = untold_after, default_value = "10s")]
    untold_after: Duration,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

/// `http://HOST[:PORT][/PATH]`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Url {
    host: HostMaybePort,
    /// Host and port as they were typed.
    authority: String,
    path: String,
}

fn url(text: &str) -> Result<Url, String> {
    let uri: Uri = text.parse().map_err(|error| format!("{error}; write it like {EXAMPLE}"))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => {
            return Err(format!("https is not for load; give the plain port, like {EXAMPLE}"));
        }
        Some(_) | None => return Err(format!("it begins with http://, like {EXAMPLE}")),
    }
    if uri.query().is_some() {
        return Err("there is no place for what follows the ?".to_owned());
    }
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    let host = authority.parse()?;
    Ok(Url { host, authority, path: uri.path().to_owned() })
}

const EXAMPLE: &str = "http://127.0.0.1:8080";

fn span(text: &str) -> Result<Span, String> {
    Span::parse(text).map_err(|error| error.to_string())
}

fn untold_after(text: &str) -> Result<Duration, String> {
    let fits = Duration::from_millis(100)..=Duration::from_secs(600);
    let time = duration(text)?;
    fits.contains(&time).then_some(time).ok_or_else(|| "from 100ms to 10m".to_owned())
}

/// The figures, by the names of the JSON object.
#[derive(Serialize)]
struct Figures {
    verifications: u64,
    approved: u64,
    results: BTreeMap<String, u64>,
    errors: BTreeMap<String, u64>,
    wall_s: f64,
    /// Approved verifications a second.
    per_s: f64,
    post_us: Percentiles,
    post_to_invite_us: Percentiles,
    check_us: Percentiles,
    whole_us: Percentiles,
    /// Verifications that the service took on.
    started: u64,
    /// CDRs that the service stored meanwhile; none where it did not say at the end.
    cdrs: Option<u64>,
    cpu_us_per_verification: f64,
    untold: u64,
}

/// How long the last CDRs are waited for.
const CDRS_WITHIN: Duration = Duration::from_secs(10);
/// Connections, unless told otherwise.
const CONNECTIONS: u32 = 64;

impl Verifications {
    pub(super) fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        let ringing = Numbers::of(self.numbers);
        if ringing < self.count {
            return Err(Failure::Usage(format!(
                "--numbers: {ringing} of them ring, and --count wants {}; give a longer range",
                self.count
            )));
        }
        let service = self.service()?;
        let carrier = resolve("--carrier", &self.carrier)?;
        let figures = runtime()?.block_on(self.measure(&service, carrier))?;
        if self.json {
            serde_json::to_writer(&mut *out, &figures).map_err(std::io::Error::from)?;
            writeln!(out)?;
        } else {
            figures.print(out)?;
        }
        let whole = figures.approved == self.count && figures.is_recorded();
        Ok(if whole { Exit::Done } else { Exit::Failed })
    }

    fn service(&self) -> Result<Service, Failure> {
        let Url { host: HostMaybePort { host, port }, authority, path } = &self.url;
        let address = HostPort { host: host.clone(), port: port.unwrap_or(80) };
        let address = resolve("--url", &address)?;
        let key = match (&self.key, &self.key_env) {
            (None, Some(name)) => std::env::var(name).map_err(|_| {
                Failure::Usage(format!("--key-env: there is no environment variable {name}"))
            })?,
            (key, _) => key.clone().unwrap_or_default(),
        };
        let unfit = |_| Failure::Usage("--key: it has a character that no key has".to_owned());
        Service::new(address, authority, path, &key).map_err(unfit)
    }

    async fn measure(
        &self,
        service: &Service,
        carrier: std::net::SocketAddr,
    ) -> Result<Figures, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::Failed(format!("the service at {}: {error}", self.url.authority))
        };
        let mut end_wish = EndWish::listen()?;
        let mut cdrs = Cdrs::from_now(service).await.map_err(|fault| failed(&fault))?;
        let ear = Ear::open(carrier).await.map_err(|deaf| Failure::Failed(deaf.to_string()))?;
        let clock = Clock::start();
        let numbers = Numbers::new(self.numbers, &mut Rng::from_os());
        let mut progress = Progress::new(self.count, clock);
        let go_on = Cell::new(GoOn::AsWished);
        let tick = |tally: &Tally| {
            progress.show(tally.verifications);
            go_on.get()
        };
        let listen = async {
            end_wish.heard().await;
            go_on.set(GoOn::ToTheEnd);
            end_wish.heard().await;
            go_on.set(GoOn::NoMore);
            std::future::pending().await
        };
        let before = cpu();
        let wish = self.wish();
        let tally = tokio::select! {
            tally = verifications::run(service, &ear, &wish, numbers, clock, tick) => tally,
            never = listen => never,
        };
        let (wall, used) = (clock.instant(), cpu().saturating_sub(before));
        progress.clear();
        let until = wall + CDRS_WITHIN;
        let stored = tokio::select! {
            stored = cdrs.more(tally.started, until, clock) => stored.ok(),
            () = end_wish.heard() => None,
        };
        let wall = wall.since(crate::base::clock::Instant::START);
        Ok(Figures::of(tally, wall, used, stored))
    }

    fn wish(&self) -> Wish {
        let connections = self.connections.unwrap_or_else(|| self.concurrency.min(CONNECTIONS));
        Wish {
            count: self.count,
            concurrency: self.concurrency as usize,
            connections: connections as usize,
            rate: self.rate,
            untold_after: self.untold_after,
        }
    }
}

impl Figures {
    fn of(tally: Tally, wall: Duration, used: Duration, cdrs: Option<u64>) -> Self {
        Self {
            verifications: tally.verifications,
            approved: tally.approved,
            wall_s: wall.as_secs_f64(),
            per_s: tally.approved as f64 / wall.as_secs_f64().max(1e-6),
            post_us: Percentiles::from(&tally.post_us),
            post_to_invite_us: Percentiles::from(&tally.post_to_invite_us),
            check_us: Percentiles::from(&tally.check_us),
            whole_us: Percentiles::from(&tally.whole_us),
            started: tally.started,
            cdrs,
            cpu_us_per_verification: used.as_secs_f64() * 1e6 / tally.verifications.max(1) as f64,
            untold: tally.untold,
            results: tally.results,
            errors: tally.errors,
        }
    }

    /// Whether every call has its CDR on disk.
    fn is_recorded(&self) -> bool {
        self.cdrs.is_some_and(|cdrs| cdrs >= self.started)
    }

    fn print(&self, out: &mut Stdout) -> std::io::Result<()> {
        writeln!(out, "verifications    {:>12}", self.verifications)?;
        for (result, count) in &self.results {
            writeln!(out, "  {result:<22} {count:>5}")?;
        }
        if !self.errors.is_empty() {
            writeln!(out, "errors           {:>12}", self.errors.values().sum::<u64>())?;
        }
        for (error, count) in &self.errors {
            writeln!(out, "  {error:<22} {count:>5}")?;
        }
        writeln!(out, "wall             {:>12.2} s", self.wall_s)?;
        writeln!(out, "rate             {:>12.0} approved/s", self.per_s)?;
        writeln!(out, "CPU              {:>12.1} us each, here", self.cpu_us_per_verification)?;
        match self.cdrs {
            Some(cdrs) => {
                writeln!(out, "CDRs             {cdrs:>12} for {} started", self.started)?
            }
            None => writeln!(out, "CDRs                  unknown: the service did not say")?,
        }
        let rows = [
            ("POST", &self.post_us),
            ("POST to INVITE", &self.post_to_invite_us),
            ("check", &self.check_us),
            ("whole", &self.whole_us),
        ];
        print_times(out, &rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_host_a_port_and_perhaps_a_path() {
        let read = url("http://127.0.0.1:8080/onering/").unwrap();
        assert_eq!(read.authority, "127.0.0.1:8080");
        assert_eq!((read.host.port, read.path.as_str()), (Some(8080), "/onering/"));
        assert_eq!(url("http://[::1]:80").unwrap().host.port, Some(80));
        assert_eq!(url("http://localhost").unwrap().host.port, None);
        for (text, says) in [
            ("https://127.0.0.1", "https is not for load"),
            ("127.0.0.1:8080", "like http://127.0.0.1:8080"),
            ("/v1", "begins with http://"),
            ("ftp://127.0.0.1", "begins with http://"),
            ("http://127.0.0.1/?a=b", "follows the ?"),
            ("http://user@127.0.0.1/", "neither an address nor a host name"),
        ] {
            let error = url(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn recorded_is_what_has_a_cdr_for_every_start() {
        let figures = |started, cdrs| {
            let tally = Tally { started, ..Tally::default() };
            Figures::of(tally, Duration::ZERO, Duration::ZERO, cdrs)
        };
        assert!(figures(2, Some(2)).is_recorded() && figures(2, Some(3)).is_recorded());
        assert!(!figures(2, Some(1)).is_recorded() && !figures(0, None).is_recorded());
    }
}
