//! What the application, the operator and strangers do in a run.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use onering::base::clock::Instant;
use onering::base::flow::FlowId;
use onering::base::id::Ticket;
use onering::base::number::{CallerId, Destination};
use onering::call::{Pace, Trigger};
use onering::carrier::{REFUSALS, TABLE};
use onering::engine::Command;
use onering::sip::txn::Timers;
use onering::sip::ua::{Plan, Rel100, Trunk, TrunkId};

use super::chance::Chance;
use super::glance::Glance;
use super::params::{Calls, Params};
use super::world::{ENGINE, Event, Forgery, STRANGER, World, carrier_at};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// Puts everything that is planned into the queue.
pub(crate) fn write(world: &mut World) {
    let params = world.params.clone();
    let mut chance = Chance::new(params.seed, 5);
    let when = |chance: &mut Chance| Instant::START + chance.within(params.spread);
    for number in 0..params.calls {
        let at = when(&mut chance);
        let plan = plan(&mut chance, &params, number as u64);
        let patience =
            MS(if params.kind == Calls::Any && chance.hits(100) { 40 } else { 1_000_000 });
        let command = Command::Place { plan, not_after: at + patience };
        world.at(at, Event::Command(Ticket(number as u64), command));
    }
    for _ in 0..params.reconfigurations {
        let (at, variant) = (when(&mut chance), chance.below(1000));
        world.at(at, Event::Configure(variant));
    }
    for _ in 0..params.freezes {
        let at = when(&mut chance) + chance.within(MS(20_000));
        let duration = chance.within(MS(5_000));
        world.at(at, Event::Freeze(duration));
    }
    for _ in 0..params.closings {
        let (at, carrier) = (when(&mut chance), chance.below(params.carriers));
        let duration = chance.within(MS(40_000));
        world.at(at, Event::Close(carrier, duration));
    }
    for _ in 0..params.noise {
        let (at, event) = (when(&mut chance), noise(&mut chance));
        world.at(at, event);
    }
    if params.drains {
        let at = when(&mut chance) + chance.within(MS(5_000));
        world.at(at, Event::Command(Ticket(1 << 40), Command::Drain));
    }
    if chance.hits(200) {
        let at = when(&mut chance);
        world.at(at, Event::SetClock(chance.pick(&[-90_000_000_000, 7_200_000_000])));
    }
}

fn plan(chance: &mut Chance, params: &Params, number: u64) -> Plan {
    let from = CallerId::fictional(number);
    let plain = params.kind == Calls::Plain;
    let tail = if plain || chance.hits(250) {
        "142".to_owned()
    } else if chance.hits(200) {
        chance.pick(REFUSALS).0.to_string()
    } else {
        TABLE[chance.below(TABLE.len())].digits.unwrap_or("142").to_owned()
    };
    let to = format!("+1555{:04}{tail}", chance.below(10_000));
    let to = Destination::parse(&to).expect("eleven digits are a number");
    let pace = if plain || chance.hits(300) {
        Pace::default()
    } else {
        Pace {
            trigger: chance.pick(&[Trigger::Ringing, Trigger::Progress, Trigger::Any18x]),
            hold: MS(chance.pick(&[0, 0, 1, 249, 300, 600, 1_000, 5_000])),
            no_alert: MS(chance.pick(&[1, 100, 2_000, 8_000, 20_000, 40_000])),
        }
    };
    let trunk = TrunkId(if params.carriers > 1 && chance.hits(300) { 1 } else { 0 });
    Plan { to, from, trunk, pace }
}

/// The trunks of one configuration; 0 is the first.
pub(crate) fn trunks(params: &Params, variant: usize) -> Vec<Trunk> {
    let mut chance = Chance::new(params.seed, 6 + variant as u64);
    if variant > 0 && chance.hits(100) {
        return Vec::new();
    }
    (0..params.carriers)
        .map(|index| {
            let target = carrier_at((index + variant) % params.carriers);
            let mut trunk = Trunk {
                name: format!("trunk {index} of {variant}").into(),
                flow: FlowId(0),
                targets: vec![target],
                peers: Vec::new(),
                domain: target.to_string(),
                from_domain: ENGINE.to_string(),
                advertised: ENGINE.to_string().into(),
                media: SocketAddr::new(ENGINE.ip(), 20_000),
                route: None,
                asserted_identity: chance.hits(300),
                credentials: None,
                rel100: Rel100::Off,
                headers: Vec::new(),
                timers: Timers { t1: params.t1, ..Timers::default() },
            };
            if params.kind == Calls::Plain {
                return trunk;
            }
            if chance.hits(300) {
                trunk.advertised = format!("sbc{variant}.example:5080").into();
            }
            if chance.hits(300) {
                trunk.route = Some(format!("edge{variant}.example"));
            }
            if chance.hits(300) {
                trunk.rel100 = Rel100::Supported;
            }
            if chance.hits(500) {
                trunk.peers = (0..params.carriers).map(|index| carrier_at(index).ip()).collect();
            }
            trunk
        })
        .collect()
}

/// A copy of a response that somebody has changed, or sent in somebody's name; it must have no effect.
pub(crate) fn forge(chance: &mut Chance, from: SocketAddr, bytes: &Bytes) -> (Event, Duration) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let glance = Glance::of(bytes);
    let other = |part: &str| {
        let last = if part.ends_with('7') { "6" } else { "7" };
        format!("{}{last}", &part[..part.len() - 1])
    };
    let mut from = from;
    let mut forgery = Forgery::WhileLive;
    let forged = match chance.below(6) {
        0 => {
            (from, forgery) = (STRANGER, Forgery::Always);
            text
        }
        1 => {
            forgery = Forgery::Always;
            text.replacen(glance.branch, &other(glance.branch), 1)
        }
        2 => text.replacen(glance.call_id, &other(glance.call_id), 1),
        3 => {
            let tag = text.split(";tag=").nth(1).and_then(|rest| rest.split("\r\n").next());
            let tag = tag.unwrap_or_default().to_owned();
            text.replacen(&tag, &other(&tag), 1)
        }
        4 => {
            forgery = Forgery::Always;
            // Behind ours, as if it had still some way to go.
            text.replacen("From: ", "Via: SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKx\r\nFrom: ", 1)
        }
        _ => text.replacen("Via: SIP/2.0/UDP ", "Via: SIP/2.0/UDP x", 1),
    };
    let delay = chance.within(MS(200));
    (Event::Back { from, bytes: forged.into(), forgery: Some(forgery) }, delay)
}

/// What the to-tag of a fork begins with that no far end here knows.
pub(crate) const GHOST: &str = "ghost";

/// Behind a refusal another fork answers, at once or when the call is long forgotten.
pub(crate) fn ghost(
    chance: &mut Chance,
    from: SocketAddr,
    bytes: &Bytes,
) -> Option<(Event, Duration)> {
    let glance = Glance::of(bytes);
    if glance.cseq_method != "INVITE" || glance.status < 300 {
        return None;
    }
    let tag = format!("{GHOST}{}", chance.below(1000));
    let (head, _) = std::str::from_utf8(bytes).ok()?.split_once("\r\n\r\n")?;
    let text = head.replacen(glance.start, "SIP/2.0 200 OK", 1).replacen(glance.to_tag, &tag, 1);
    let text = format!("{text}\r\nContact: <sip:{tag}@{from}>\r\n\r\n");
    let longest = chance.pick(&[100, 5_000, 60_000]);
    let back = Event::Back { from, bytes: text.into(), forgery: None };
    Some((back, chance.within(MS(longest))))
}

/// The answer to the BYE that ends such a fork; none to its ACK.
pub(crate) fn end_ghost(from: SocketAddr, request: &Bytes) -> Option<Event> {
    let text = std::str::from_utf8(request).ok()?;
    if !text.starts_with("BYE ") {
        return None;
    }
    let answered = ["Via: ", "From: ", "To: ", "Call-ID: ", "CSeq: "];
    let lines =
        text.split("\r\n").filter(|line| answered.iter().any(|name| line.starts_with(name)));
    let text: String = std::iter::once("SIP/2.0 200 OK")
        .chain(lines)
        .chain(["Content-Length: 0", ""])
        .map(|line| format!("{line}\r\n"))
        .collect();
    Some(Event::Back { from, bytes: text.into(), forgery: None })
}

/// A request that nobody asked for, or rubbish; from a far end's address or from a stranger's.
fn noise(chance: &mut Chance) -> Event {
    let number = chance.below(1000);
    let method = chance.pick(&["OPTIONS", "INVITE", "BYE", "ACK", "NONSENSE", "REGISTER"]);
    let from = chance.pick(&[STRANGER, carrier_at(0)]);
    let request = format!(
        "{method} sip:+15550000001@{ENGINE} SIP/2.0\r\nVia: SIP/2.0/UDP {from};rport;branch=z9hG4bKnoise{number}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:noise@{from}>;tag=n{number}\r\nTo: <sip:+15550000001@{ENGINE}>\r\n\
         Call-ID: noise{number}\r\nCSeq: 1 {method}\r\nContact: <sip:noise@{from}>\r\nContent-Length: 0\r\n\r\n"
    );
    let bytes = if chance.hits(300) {
        Bytes::from_static(b"\x00\xff junk\r\n\r\n")
    } else {
        request.into()
    };
    Event::Back { from, bytes, forgery: None }
}
