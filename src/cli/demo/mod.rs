//! `onering demo`: the whole product on one machine. Two carriers, the service with its store, an application that asks over
//! REST, and people who read a number off their phones.
//!
//! Nothing is played here but the people: what they see comes from the carriers, everything else goes over HTTP and UDP.

mod application;
mod ladders;
mod phones;
mod scenes;

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::trunk::EndWish;
use super::{Exit, Failure, Stdout};
use crate::app::{App, StartError};
use crate::carrier::Behaviour;
use crate::config::{self, Config};
use crate::io::net::clock::Clock;
use application::Application;
use ladders::Ladders;
use phones::{Carriers, Phones};

/// Show everything on this machine: carriers, service, and some verifications
///
/// Starts two carriers and the service on loopback, with its store in a directory of its own, verifies some numbers over
/// REST, and prints what happened on the wire. Then the service stays until Ctrl-C, for a try of one's own; --once ends
/// instead. Exit status 0 if everything went as it should.
#[derive(Args, Debug)]
pub(super) struct Demo {
    /// End after the last scene
    #[arg(long)]
    once: bool,
}

/// Where the service is reached while it stays; any port where this one is taken.
const PORT: u16 = 8080;

impl Demo {
    pub(super) fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| Failure::Failed(format!("cannot start the event loop: {error}")))?;
        runtime.block_on(self.show(out))
    }

    async fn show(&self, out: &mut Stdout) -> Result<Exit, Failure> {
        let clock = Clock::start();
        let mut end = EndWish::listen()?;
        let home = Home::make()?;
        let (carriers, phones) =
            Carriers::start(&[("east", None), ("west", Some(Behaviour::RINGS))])?;
        let ladders = Ladders::default();
        let app = start(&home, &carriers, &ladders, clock).await?;
        let address =
            app.api_addr().ok_or_else(|| Failure::Failed("the API has no address".into()))?;
        let application = Application::new(address, &app.config().api.socket).await?;
        introduce(out, &app, &carriers)?;
        let all = scenes::all(&application, &phones, &ladders, clock, out);
        let played = tokio::select! {
            played = all => played,
            () = end.heard() => Err(Failure::Failed("interrupted".to_owned())),
        };
        let shown = match played {
            Ok(()) => compare(&application, &phones, out).await,
            Err(failure) => Err(failure),
        };
        if shown.is_ok() && !self.once {
            stay(&application, &phones, &mut end, out).await?;
        }
        let stopped = app.stop(end.heard()).await.map_err(Failure::Failed);
        let judged = carriers.end(out)?;
        shown?;
        stopped?;
        Ok(if judged { Exit::Done } else { Exit::Failed })
    }
}

/// The directory of this run; gone when it ends.
struct Home(PathBuf);

impl Home {
    fn make() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("onering-demo-{}", std::process::id()));
        std::fs::create_dir(&path)
            .map_err(|error| Failure::Failed(format!("cannot make {}: {error}", path.display())))?;
        Ok(Self(path))
    }

    fn data(&self) -> PathBuf {
        self.0.join("data")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // What remains is in the way of nobody.
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// The configuration of the demo, as anybody would write it.
fn configuration(data: &Path, carriers: &Carriers, api: SocketAddr) -> String {
    let mut text = format!(
        "[sip]\nlisten = \"127.0.0.1:0\"\n\n[api]\nlisten = \"{api}\"\n\n[store]\ndir = \"{}\"\n\n",
        data.display()
    );
    for (name, target) in carriers.addresses() {
        // A 180 that gets lost is waited for no longer than somebody watches.
        text +=
            &format!("[[trunk]]\nname = \"{name}\"\ntarget = \"{target}\"\nno_alert = \"4s\"\n\n");
    }
    text + "[[pool]]\nname = \"demo\"\nnumbers = [\"+12025550000-+12025559999\"]\n\n\
           [[route]]\ntrunks = [\"east\", \"west\"]\npool = \"demo\"\n\n\
           [destinations]\ncountries = [\"US\"]\n\n\
           [[profile]]\nname = \"brief\"\nlifetime = \"2s\"\n"
}

async fn start(
    home: &Home,
    carriers: &Carriers,
    ladders: &Ladders,
    clock: Clock,
) -> Result<App, Failure> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut taken = false;
    loop {
        let api = if taken { any } else { SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)) };
        let config = read(&configuration(&home.data(), carriers, api))?;
        let watch = ladders.clone();
        match App::start(config, clock, Some(Box::new(move || Box::new(watch)))).await {
            Ok(app) => return Ok(app),
            Err(StartError::Api(_)) if !taken => taken = true,
            Err(error) => return Err(Failure::Failed(error.to_string())),
        }
    }
}

fn read(text: &str) -> Result<Config, Failure> {
    let loaded = config::parse("demo.toml", text, Path::new("."));
    loaded.map(|loaded| loaded.config).map_err(|report| Failure::Failed(report.render(false)))
}

fn introduce(out: &mut Stdout, app: &App, carriers: &Carriers) -> Result<(), Failure> {
    let api = app.api_addr().map(|address| address.to_string()).unwrap_or_default();
    writeln!(out, "service   http://{api}, calling from udp {}", app.sip_addr())?;
    for (name, address) in carriers.addresses() {
        writeln!(out, "carrier   {name}, udp {address}")?;
    }
    writeln!(out, "pool      +12025550000 to +12025559999: the last four digits are the code")?;
    out.flush()?;
    Ok(())
}

/// Every call that a carrier saw has exactly one record.
async fn compare(
    application: &Application,
    phones: &Arc<Phones>,
    out: &mut Stdout,
) -> Result<(), Failure> {
    let mut seen = phones.call_ids();
    let mut recorded = application.call_ids().await?;
    let calls = seen.len();
    seen.sort_unstable();
    recorded.sort_unstable();
    if seen != recorded {
        let missing = seen.iter().filter(|call| !recorded.contains(call)).count();
        return Err(Failure::Failed(format!(
            "the carriers saw {calls} calls, the store has {} records; {missing} calls have none",
            recorded.len()
        )));
    }
    writeln!(out, "\n{calls} calls at the carriers, {calls} records, each Call-ID exactly once")?;
    out.flush()?;
    Ok(())
}

/// The service stays for whoever wants to try it.
async fn stay(
    application: &Application,
    phones: &Arc<Phones>,
    end: &mut EndWish,
    out: &mut Stdout,
) -> Result<(), Failure> {
    let (url, key) = (application.url(), application.key());
    writeln!(
        out,
        "\nThe service stays until Ctrl-C. Try it in another terminal:\n\n\
         \x20 curl -s {url}/v1/verifications -H 'Authorization: Bearer {key}' -d '{{\"to\":\"+12025550177\"}}'\n\
         \x20 curl -s {url}/v1/verifications/ID/check -H 'Authorization: Bearer {key}' -d '{{\"code\":\"CODE\"}}'\n\n\
         ID is in the first answer; the code is what the phone shows, which is printed here. Numbers ending in 486 are\n\
         busy, in 201 are answered in the race; `onering carrier --help` lists them all. The API: {url}/openapi.json\n"
    )?;
    out.flush()?;
    let mut told = phones.count();
    loop {
        tokio::select! {
            () = end.heard() => return Ok(()),
            () = phones.more_than(told) => {}
        }
        for line in phones.lines_from(told) {
            writeln!(out, "{line}")?;
            told += 1;
        }
        out.flush()?;
    }
}
