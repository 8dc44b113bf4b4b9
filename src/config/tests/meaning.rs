//! Values, defaults, and trunks over addresses.

use std::net::SocketAddr;
use std::time::Duration;

use super::super::resolve::{Local, Unresolved, addresses};
use super::super::value::HostPort;
use super::super::{CdrFormat, CdrNumbers, CdrProfile, LogFormat};
use super::{MINIMAL, and, read, with};
use crate::base::flow::FlowId;
use crate::base::number::Country;
use crate::call::{Pace, Trigger};
use crate::sip::ua::{Rel100, Trunk};
use crate::verify::rules::{Duplicates, Rules};

#[test]
fn the_defaults_are_those_of_the_documents() {
    let config = read(MINIMAL);
    assert_eq!(config.sip.listen, "0.0.0.0:5060".parse().unwrap());
    assert_eq!(config.sip.t1, crate::sip::txn::Timers::default().t1);
    assert_eq!(config.api.listen, "127.0.0.1:8080".parse().unwrap());
    assert_eq!((config.api.limits.body_max, config.api.tls), (64 << 10, None));
    assert_eq!(config.store.retain_cdrs, Duration::from_secs(30 * 86_400));
    assert_eq!((config.log.format, config.log.level.as_str()), (LogFormat::Pretty, "info"));
    assert!(config.cdr_files.is_empty());
    let trunk = &config.trunks[0];
    assert_eq!((trunk.pace, trunk.rel100), (Pace::default(), Rel100::Off));
    assert!(trunk.credentials.is_none() && trunk.peers.is_empty() && trunk.headers.is_empty());
    let (rules, unset) = (config.rules, Rules::default());
    assert_eq!((rules.reuse_after, rules.open_max), (unset.reuse_after, unset.open_max));
    assert_eq!(rules.trunks[0].pace, Pace::default());
    let profile = &rules.profiles["default"];
    assert_eq!((profile.code_length, profile.tries, profile.redials), (4, 3, 2));
    assert_eq!(
        (profile.lifetime, profile.duplicates),
        (Duration::from_secs(180), Duplicates::Refuse)
    );
    assert!(!profile.allow_diverted);
    assert_eq!(&*rules.tenants["default"].profile, "default");
    assert_eq!(rules.countries.iter().map(Country::as_str).collect::<Vec<_>>(), ["US"]);
    assert_eq!((&*rules.routes[0].name, rules.routes[0].pool), ("route-1", 0));
    assert_eq!((rules.pools[0].len(), rules.pools[0].distinct(4)), (10_000, 10_000));
}

#[test]
fn pools_have_codes_of_every_length_that_a_profile_wants() {
    let config = and("[[profile]]\nname = \"long\"\ncode_length = 7");
    let pool = &config.rules.pools[0];
    assert_eq!((pool.distinct(4), pool.distinct(7), pool.distinct(5)), (10_000, 10_000, 0));
}

#[test]
fn a_profile_named_default_sets_the_default() {
    let config = and("[[profile]]\nname = \"default\"\ntries = 1");
    assert_eq!((config.rules.profiles.len(), config.rules.profiles["default"].tries), (1, 1));
}

#[test]
fn a_file_that_names_tenants_has_no_other() {
    let config = and("[[tenant]]\nname = \"shop\"");
    assert!(config.rules.tenants.keys().map(AsRef::as_ref).eq(["shop"]));
}

#[test]
fn routes_mean_trunks_and_pools_by_their_place() {
    let config = and(
        "[[trunk]]\nname = \"b\"\ntarget = \"127.0.0.1\"\n[[pool]]\nname = \"p\"\nnumbers = \"+12035550100\"\n\
         [[route]]\nprefix = \"+1203\"\ncountries = \"us\"\ntrunks = [\"b\", \"carrier\"]\npool = \"p\"",
    );
    let route = &config.rules.routes[1];
    assert_eq!((route.trunks.as_slice(), route.pool), (&[1, 0][..], 1));
    assert_eq!((&*route.prefixes[0], route.countries[0].as_str()), ("1203", "US"));
}

#[test]
fn files_for_records_are_read() {
    let config = and(
        "[[cdr.file]]\npath = \"a\"\nformat = \"csv\"\nprofile = \"cgrates\"\nnumbers = \"plain\"\n\
         rotate = { every = \"1h\" }",
    );
    let file = &config.cdr_files[0];
    let said = (file.format, file.profile, file.numbers);
    assert_eq!(said, (CdrFormat::Csv, CdrProfile::Cgrates, CdrNumbers::Plain));
    assert_eq!((file.rotate_size, file.rotate_every), (256 << 20, Some(Duration::from_secs(3600))));
}

const LOCAL: Local = Local {
    flow: FlowId(3),
    sip: SocketAddr::V4(std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 5062)),
    media_port: 4000,
};

/// The trunk of the minimal file with more keys.
fn trunk(keys: &str, sip: &str) -> Trunk {
    let text = MINIMAL.replacen("[[trunk]]\n", &format!("[[trunk]]\n{keys}\n"), 1);
    let config = read(&format!("{text}\n[sip]\n{sip}"));
    config.trunks[0].resolve(&config.sip, LOCAL).unwrap()
}

#[test]
fn a_trunk_without_anything_speaks_from_our_address() {
    let trunk = trunk("", "");
    assert_eq!((&*trunk.name, trunk.flow), ("carrier", FlowId(3)));
    assert_eq!(trunk.targets, ["127.0.0.1:5070".parse().unwrap()]);
    assert_eq!(
        (trunk.domain.as_str(), trunk.from_domain.as_str()),
        ("127.0.0.1:5070", "127.0.0.1:5062")
    );
    assert_eq!(
        (&*trunk.advertised, trunk.media),
        ("127.0.0.1:5062", "127.0.0.1:4000".parse().unwrap())
    );
    assert_eq!((trunk.route, trunk.timers), (None, crate::sip::txn::Timers::default()));
}

#[test]
fn a_trunk_has_what_its_keys_say() {
    let keys = "peers = \"127.0.0.9\"\ndomain = \"carrier.example\"\nproxy = \"127.0.0.2\"\nasserted_identity = true\n\
                rel100 = \"required\"\nheaders = \"X-A: b\"\ntrigger = \"183\"";
    let trunk = trunk(keys, "advertise = \"192.0.2.7\"\nt1 = \"100ms\"");
    assert_eq!(trunk.targets, ["127.0.0.2:5060".parse().unwrap()]);
    assert_eq!(trunk.route.as_deref(), Some("127.0.0.2:5060"));
    assert_eq!(
        (trunk.domain.as_str(), trunk.from_domain.as_str()),
        ("carrier.example", "carrier.example")
    );
    assert_eq!(
        (&*trunk.advertised, trunk.media),
        ("192.0.2.7:5062", "192.0.2.7:4000".parse().unwrap())
    );
    assert_eq!((trunk.rel100, trunk.asserted_identity), (Rel100::Required, true));
    assert_eq!(trunk.headers, ["X-A: b"]);
    assert_eq!(trunk.peers, ["127.0.0.9".parse::<std::net::IpAddr>().unwrap()]);
    assert_eq!(trunk.timers.t1, Duration::from_millis(100));
    let config = with("[[trunk]]", keys);
    assert_eq!(config.rules.trunks[0].pace.trigger, Trigger::Progress);
}

#[test]
fn a_port_that_was_not_written_does_not_stand_in_the_uri() {
    let text = MINIMAL.replace("127.0.0.1:5070", "127.0.0.1");
    let config = read(&text);
    let trunk = config.trunks[0].resolve(&config.sip, LOCAL).unwrap();
    assert_eq!((trunk.domain.as_str(), trunk.targets[0].port()), ("127.0.0.1", 5060));
}

#[test]
fn a_wildcard_address_does_not_stand_in_a_via() {
    let config = read(MINIMAL);
    let local = Local { sip: "0.0.0.0:5062".parse().unwrap(), ..LOCAL };
    let trunk = config.trunks[0].resolve(&config.sip, local).unwrap();
    assert_eq!(&*trunk.advertised, "127.0.0.1:5062");
}

#[test]
fn addresses_are_of_one_family_and_each_there_once() {
    let names = |texts: &[&str]| -> Vec<HostPort> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    };
    let found = addresses(&names(&["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:1"]), None).unwrap();
    assert_eq!(found, ["127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap()]);
    let mixed = names(&["127.0.0.1:1", "[::1]:1"]);
    assert!(matches!(addresses(&mixed, None), Err(Unresolved::OtherFamily(_))));
    assert!(matches!(addresses(&mixed[..1], Some(false)), Err(Unresolved::OtherFamily(_))));
    let nowhere = names(&["0.0.0.0:5060"]);
    assert!(matches!(addresses(&nowhere, None), Err(Unresolved::Nowhere(_))));
}

#[test]
fn credentials_are_hidden_in_debug() {
    let text = MINIMAL.replacen(
        "[[trunk]]\n",
        "[[trunk]]\nauth = { username = \"acme\", password = \"sesame\" }\n",
        1,
    );
    let loaded = super::parse("test.toml", &text, std::path::Path::new("")).unwrap();
    assert!(loaded.config.trunks[0].credentials.is_some());
    assert!(!format!("{loaded:?}").contains("sesame"));
}
