//! `onering serve`: the service.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::config::ConfigArg;
use super::trunk::EndWish;
use super::{Exit, Failure, Stdout, log};
use crate::app::App;
use crate::config::{self, Config, Finding, LogFormat, Report};
use crate::io::net::clock::Clock;

/// Run the service
///
/// Verifies phone numbers for whoever asks over REST. SIGHUP reads the configuration again: one with mistakes changes
/// nothing and says why; record files are begun anew. SIGTERM or Ctrl-C ends it: nothing new is taken, calls end, everything
/// is written; a second one does not wait for calls. Exit status: 0 ended in order, 1 it could not, 2 the configuration has
/// mistakes.
#[derive(Args, Debug)]
pub(super) struct Serve {
    #[command(flatten)]
    file: ConfigArg,
}

/// How often names are looked up again that could not be.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

impl Serve {
    pub(super) fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        let loaded = self.file.load()?;
        log::configured(&loaded.config.log)?;
        match loaded.config.log.format {
            LogFormat::Pretty => show(&loaded.warnings),
            // Whoever reads the lines reads objects.
            LogFormat::Json => tell(&loaded.warnings),
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| Failure::Failed(format!("cannot start the event loop: {error}")))?;
        runtime.block_on(serve(&self.file.config, loaded.config, out))
    }
}

/// Warnings of the configuration, for whoever started it.
fn show(warnings: &Report) {
    let mut stderr = std::io::stderr();
    let text = warnings.render(stderr.is_terminal());
    // Nobody is left to tell that standard error cannot be written.
    stderr.write_all(text.as_bytes()).ok();
}

/// The same as log lines.
fn tell(warnings: &Report) {
    for finding in warnings.findings() {
        let Finding { file, line, column, problem, expected, .. } = finding;
        tracing::warn!(file, line, column, problem, expected, "configuration");
    }
}

async fn serve(path: &Path, config: Config, out: &mut Stdout) -> Result<Exit, Failure> {
    let clock = Clock::start();
    // Listened for from before anything is begun: a signal that comes early is not lost.
    let (mut end, mut hang_up) = (EndWish::listen_but_hang_up()?, listen_to_hang_up()?);
    let app = App::start(config, clock, None).await;
    let mut app = app.map_err(|error| Failure::Failed(error.to_string()))?;
    if let Some(address) = app.api_addr() {
        writeln!(
            out,
            "listening on http{}://{address}",
            if app.config().api.tls.is_some() { "s" } else { "" }
        )?;
    }
    writeln!(out, "calling from udp {}", app.sip_addr())?;
    out.flush()?;
    tracing::info!(sip = %app.sip_addr(), "ready");
    let never = std::future::pending::<()>;
    loop {
        tokio::select! {
            () = end.heard() => break,
            _ = hang_up.recv() => reload(&mut app, path, clock).await,
            _ = tokio::time::timeout(LOOK_AGAIN, never()) => app.look_again().await,
        }
    }
    tracing::info!("ending");
    app.stop(end.heard()).await.map_err(Failure::Failed)?;
    tracing::info!("ended");
    Ok(Exit::Done)
}

fn listen_to_hang_up() -> Result<Signal, Failure> {
    signal(SignalKind::hangup())
        .map_err(|error| Failure::Failed(format!("cannot listen for signals: {error}")))
}

/// Reads the configuration again, and takes it if it has no mistake.
async fn reload(app: &mut App, path: &Path, clock: Clock) {
    app.reopen();
    let file = path.to_owned();
    // The file, and those it names, may be on a slow disk.
    let loaded = tokio::task::spawn_blocking(move || config::load(&file)).await;
    match loaded {
        Ok(Ok(loaded)) => {
            tell(&loaded.warnings);
            let Some(reloaded) = app.reload(loaded.config, clock).await else {
                tracing::error!("the engine has ended; the configuration is not taken");
                return;
            };
            for setting in reloaded.needs_restart {
                tracing::warn!(setting, "counts only after a restart");
            }
            tracing::info!(file = %path.display(), "configuration read again");
        }
        Ok(Err(report)) => {
            app.refused(clock);
            for finding in report.findings() {
                let Finding { file, line, column, problem, expected, .. } = finding;
                tracing::error!(file, line, column, problem, expected, "configuration");
            }
            tracing::error!(file = %path.display(), "the configuration has mistakes; the old one stays in force");
        }
        Err(_) => {
            app.refused(clock);
            tracing::error!(file = %path.display(), "reading the configuration ended in a panic");
        }
    }
}
