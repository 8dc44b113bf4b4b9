//! `onering carrier`: the built-in far end.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::{Exit, Failure, Stdout};
use crate::base::rng::Rng;
use crate::carrier::fast::Fast;
use crate::carrier::report::{Report, offence_json};
use crate::carrier::serve::{self, Saw, Until};
use crate::carrier::{Behaviour, Carrier as FarEnd, Config, help};
use crate::config::value::{HostPort, duration};
use crate::io::net::udp::{BUFFER, UdpSocket};

/// Run a far end that rings, answers or refuses, and judges what it receives
///
/// Says "listening on ADDRESS:PORT" as soon as it is reachable, reports each offence of the caller as it
/// happens, and ends with a summary on SIGINT, SIGTERM or after --seconds. Exit status: 0 all was well,
/// 1 an offence or a phone left ringing, 2 wrong usage or a port that is taken.
///
/// Programs on this machine that ask for it, as load verifications does, are told who calls whom.
#[derive(Debug, Args)]
#[command(after_long_help = help())]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub(super) struct Carrier {
    /// Address and port to listen on; port 0 lets the system choose one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:5070")]
    listen: HostPort,
    /// Where callers reach it, for Contact; needed when it listens on every address
    #[arg(long, value_name = "HOST:PORT")]
    advertise: Option<HostPort>,
    /// Treat every call like this, whatever number is called; see the end of --help
    #[arg(long, value_name = "NAME", value_parser = behaviour)]
    behaviour: Option<Behaviour>,
    /// For load: ring and cancel, stateless and in batches, without judging
    #[arg(long, conflicts_with_all = [
        "behaviour", "loss", "seed", "ring_limit", "late", "repeats", "t1", "lossy_wire",
    ])]
    fast: bool,
    /// End by itself after so many seconds
    #[arg(long, value_name = "N", value_parser = seconds)]
    seconds: Option<Duration>,
    /// Lose this share of the packets each way, like 10%
    #[arg(long, value_name = "P", value_parser = permille, default_value = "0%")]
    loss: u16,
    /// Lose the same packets in every run with the same traffic
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// An open call without CANCEL for so long is a phone left ringing
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "70s")]
    ring_limit: Duration,
    /// How late rings-late rings
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "3s")]
    late: Duration,
    /// How often repeats-finals repeats
    #[arg(long, value_name = "N", default_value_t = 4)]
    repeats: u8,
    /// T1 of its timers; a missing ACK is noticed after 64 times this
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "500ms")]
    t1: Duration,
    /// The network between loses, doubles and reorders packets: excuse what that explains
    #[arg(long)]
    lossy_wire: bool,
    /// Print each call with the number that its phone shows: the last digits are the code of a verification
    #[arg(long, conflicts_with = "fast")]
    calls: bool,
    /// One JSON object a line, each with an "event": listening, call, offence, summary
    #[arg(long)]
    json: bool,
}

impl Carrier {
    pub(super) fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        let listen = self.listen.resolve().map_err(Failure::Usage)?;
        let advertise = self.advertise.as_ref().map(HostPort::resolve).transpose();
        let advertise = advertise.map_err(Failure::Usage)?;
        if listen.ip().is_unspecified() && advertise.is_none() {
            let text =
                "listening on every address: say where callers reach it with --advertise HOST:PORT";
            return Err(Failure::Usage(text.into()));
        }
        let socket =
            UdpSocket::bind(listen, BUFFER).map_err(|error| Failure::Usage(error.to_string()))?;
        let local = socket.local_addr();
        if self.json {
            writeln!(out, "{}", json!({ "event": "listening", "address": local.to_string() }))?;
        } else {
            writeln!(out, "listening on {local}")?;
        }
        out.flush()?;
        let contact = advertise.unwrap_or(local);
        let broken = |error: io::Error| Failure::Failed(format!("udp {local}: {error}"));
        let report = if self.fast {
            let mut far_end = Fast::new(contact, &mut Rng::from_os());
            let served =
                serve::fast(&mut far_end, socket, Until::Signal(self.seconds)).map_err(broken)?;
            Report::fast(&far_end, &served)
        } else {
            self.judge(contact, socket, out).map_err(broken)?
        };
        if self.json {
            writeln!(out, "{}", report.json)?;
        } else {
            out.write_all(report.text.as_bytes())?;
        }
        Ok(if report.clean { Exit::Done } else { Exit::Failed })
    }

    fn judge(
        &self,
        contact: SocketAddr,
        socket: Arc<UdpSocket>,
        out: &mut Stdout,
    ) -> io::Result<Report> {
        let mut config = Config::at(contact);
        config.behaviour = self.behaviour;
        config.timers.t1 = self.t1;
        config.ring_limit = self.ring_limit;
        config.late = self.late;
        config.repeats = self.repeats;
        config.loss_permille = self.loss;
        config.lossy_wire = self.lossy_wire;
        let rng = self.seed.map_or_else(Rng::from_os, Rng::from_seed);
        let mut far_end = FarEnd::new(config, rng);
        let tell = |saw: Saw<'_>| {
            match saw {
                Saw::Offence(offence) if self.json => writeln!(out, "{}", offence_json(offence))?,
                Saw::Offence(offence) => writeln!(out, "{offence}")?,
                Saw::Call(..) if !self.calls => return Ok(()),
                Saw::Call(call, call_id) => {
                    let (to, from) = (call.to.reveal(), call.from.reveal());
                    let (to, from) = (to.as_str(), from.as_str());
                    let call_id = call_id.escape_ascii();
                    if self.json {
                        let (to, from) = (format!("+{to}"), format!("+{from}"));
                        let call_id = call_id.to_string();
                        let call =
                            json!({ "event": "call", "to": to, "from": from, "call_id": call_id });
                        writeln!(out, "{call}")?;
                    } else {
                        writeln!(out, "phone +{to} shows +{from} call={call_id}")?;
                    }
                }
            }
            out.flush()
        };
        let served = serve::judging(&mut far_end, socket, Until::Signal(self.seconds), tell)?;
        Ok(Report::judged(&far_end, &served))
    }
}

fn behaviour(text: &str) -> Result<Behaviour, String> {
    Behaviour::named(text)
        .ok_or_else(|| "no such behaviour; `onering carrier --help` lists them".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "not a number of seconds above 0, like 10 or 2.5".to_owned())
}

/// `10%` or `0.5%`, in thousandths.
fn permille(text: &str) -> Result<u16, String> {
    let wrong = || "not a share of 0% to 100% in steps of 0.1, like 10%".to_owned();
    let number: f64 =
        text.strip_suffix('%').and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
    let permille = number * 10.0;
    let fits = (0.0..=1000.0).contains(&permille) && (permille - permille.round()).abs() < 1e-6;
    if fits { Ok(permille.round() as u16) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_in_thousandths() {
        assert_eq!(permille("10%"), Ok(100));
        assert_eq!(permille("0.5%"), Ok(5));
        assert_eq!(permille("100%"), Ok(1000));
        for wrong in ["10", "101%", "-1%", "0.05%", "%", "nan%", "inf%"] {
            assert!(permille(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn seconds_are_positive() {
        assert_eq!(seconds("2.5"), Ok(Duration::from_millis(2500)));
        for wrong in ["0", "-1", "x", "nan", "inf", "1e30"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
