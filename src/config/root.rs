//! The whole file: its parts, and what must hold between them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::de::DeTable;

use super::report::{Mistake, Notes, Report};
use super::table::{At, Context, Section, Table};
use super::worth;
use super::{
    Config, Loaded, Place, TrunkConfig, cdr, pool, profile, route, secret, service, sip, trunk,
};
use crate::numbers::pool::Pool;
use crate::numbers::route::Route;
use crate::verify::rules::{Profile, Rules, TrunkRules};

/// Most trunks.
const TRUNKS_MAX: usize = 1024;

pub(super) static ROOT: Section = Section {
    doc: "",
    keys: &[],
    parts: &[
        &trunk::PART,
        &pool::PART,
        &route::PART,
        &route::DESTINATIONS,
        &profile::PART,
        &profile::TENANTS,
        &sip::PART,
        &service::API,
        &service::STORE,
        &cdr::PART,
        &service::LOG,
        &service::LIMITS,
    ],
};

pub(super) fn parse(name: &str, text: &str, folder: &Path) -> Result<Loaded, Report> {
    let tree = tree(name, text)?;
    let notes = Notes::new(name, text.to_owned());
    secret::hide_all(tree.get_ref(), false, &notes);
    let context = Context { notes: &notes, folder, root: &ROOT };
    let end = text.trim_end().len();
    let config = read(&Table::root(context, tree.get_ref(), end));
    let report = notes.into_report();
    match config {
        Some(config) if report.errors() == 0 => {
            let config = Config { fingerprint: fingerprint(text), ..config };
            Ok(Loaded { config, warnings: report })
        }
        Some(_) | None => Err(report),
    }
}

/// Where the service is found; nothing else of the file is read, and only what is wrong with that is told.
pub(super) fn place(name: &str, text: &str, folder: &Path) -> Result<Place, Report> {
    let tree = tree(name, text)?;
    let (notes, elsewhere) = (Notes::new(name, text.to_owned()), Notes::new(name, text.to_owned()));
    secret::hide_all(tree.get_ref(), false, &notes);
    let context = Context { notes: &elsewhere, folder, root: &ROOT };
    let root = Table::root(context, tree.get_ref(), text.len());
    let (mut store, mut api) = (root.part(&service::STORE), root.part(&service::API));
    (store.context.notes, api.context.notes) = (&notes, &notes);
    let dir = service::read_dir(&store);
    let socket = service::read_socket(&api, &dir);
    let report = notes.into_report();
    if report.errors() == 0 { Ok(Place { dir, socket }) } else { Err(report) }
}

fn tree<'a>(name: &str, text: &'a str) -> Result<toml::Spanned<DeTable<'a>>, Report> {
    let (tree, broken) = DeTable::parse_recoverable(text);
    if broken.is_empty() {
        return Ok(tree);
    }
    let notes = Notes::new(name, secret::hide_what_looks_secret(text));
    for error in broken {
        let at = error.span().unwrap_or(text.len()..text.len());
        notes.add(Mistake::error(at, format!("no TOML: {}", error.message())));
    }
    Err(notes.into_report())
}

/// The first 64 bits of its SHA-256.
fn fingerprint(text: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// A file that is not even text. `text` has stand-ins for what is none.
pub(super) fn not_utf8(name: &str, text: &str, at: usize) -> Report {
    let notes = Notes::new(name, secret::hide_what_looks_secret(text));
    notes.add(
        Mistake::error(at..at + 1, "the file is not UTF-8").expected("here it ends to be text"),
    );
    notes.into_report()
}

/// Reads all parts; nothing comes of it only where pools cannot be built. What else is wrong is noted.
fn read(root: &Table<'_>) -> Option<Config> {
    let sip = sip::read(&root.part(&sip::PART));
    let ipv4 = sip.listen.is_ipv4();
    let trunks: Vec<At<TrunkConfig>> =
        root.parts(&trunk::PART).iter().map(|table| trunk::read(table, ipv4)).collect();
    if let Some(trunk) = trunks.get(TRUNKS_MAX) {
        let problem = format!("there are {} trunks", trunks.len());
        root.note(
            Mistake::error(trunk.at.clone(), problem).expected(format!("at most {TRUNKS_MAX}")),
        );
    }
    let pools: Vec<pool::Named> = root.parts(&pool::PART).iter().map(pool::read).collect();
    let known = route::Known {
        trunks: trunks.iter().map(|trunk| Arc::clone(&trunk.value.name)).collect(),
        pools: pools.iter().map(|pool| Arc::clone(&pool.name.value)).collect(),
    };
    let routes = root.parts(&route::PART);
    let routes: Vec<_> =
        routes.iter().enumerate().map(|(n, table)| route::read(table, n, &known)).collect();
    let (countries, reuse_after) = route::read_destinations(&root.part(&route::DESTINATIONS));
    let profiles: Vec<_> = root.parts(&profile::PART).iter().map(profile::read).collect();
    refuse_doubles(root, "profile", profiles.iter().map(|at| (&at.value.name, at)));
    let profiles = profile::all(root, profiles);
    let names: Vec<Arc<str>> = profiles.keys().cloned().collect();
    let tenants = root.parts(&profile::TENANTS);
    let tenants: Vec<_> = tenants.iter().map(|table| profile::read_tenant(table, &names)).collect();
    refuse_doubles(root, "tenant", tenants.iter().map(|at| (&at.value.name, at)));
    refuse_doubles(root, "trunk", trunks.iter().map(|at| (&at.value.name, at)));
    refuse_doubles(root, "pool", pools.iter().map(|pool| (&pool.name.value, &pool.name)));
    refuse_doubles(root, "route", routes.iter().map(|at| (&at.value.name, at)));
    let store = service::read_store(&root.part(&service::STORE));
    let api = service::read_api(&root.part(&service::API), &store.dir);
    let cdr_files = cdr::read(&root.part(&cdr::PART));
    let log = service::read_log(&root.part(&service::LOG));
    let limits = service::read_limits(&root.part(&service::LIMITS));

    let built = build(root, &pools, &profiles)?;
    if !root.context.notes.has_errors() {
        // With mistakes in what is referred to, these would only be noise.
        for (pool, named) in built.iter().zip(&pools) {
            doubt(root, pool, named, &profiles);
        }
        note_unused(root, &trunks, &pools, &routes);
        route::check(root, &routes, &countries);
    }
    let countries = countries.into_iter().map(|at| at.value).collect();
    let rules = Rules {
        tenants: profile::all_tenants(tenants),
        profiles,
        trunks: trunks.iter().map(|at| rules_of(&at.value)).collect(),
        pools: built,
        routes: routes.into_iter().map(|route| route.value).collect(),
        countries,
        reuse_after,
        open_max: limits.verifications,
    };
    let trunks = trunks.into_iter().map(|trunk| trunk.value).collect();
    Some(Config {
        fingerprint: String::new(),
        sip,
        trunks,
        rules,
        api,
        store,
        cdr_files,
        log,
        limits,
    })
}

fn rules_of(trunk: &TrunkConfig) -> TrunkRules {
    TrunkRules { name: Arc::clone(&trunk.name), pace: trunk.pace }
}

/// The pools, with a table for each length of code that a profile has.
fn build(
    root: &Table<'_>,
    pools: &[pool::Named],
    profiles: &BTreeMap<Arc<str>, Arc<Profile>>,
) -> Option<Vec<Arc<Pool>>> {
    let mut lengths: Vec<u8> = profiles.values().map(|profile| profile.code_length).collect();
    lengths.sort_unstable();
    lengths.dedup();
    pools.iter().map(|pool| pool.build(root, &lengths)).collect()
}

/// Notes where the codes of a pool are easily guessed.
fn doubt(
    root: &Table<'_>,
    pool: &Pool,
    named: &pool::Named,
    profiles: &BTreeMap<Arc<str>, Arc<Profile>>,
) {
    for profile in profiles.values() {
        if let Some((problem, expected)) = worth::doubt(pool, profile) {
            root.note(Mistake::warning(named.at.clone(), problem).expected(expected));
        }
    }
}

fn note_unused(
    root: &Table<'_>,
    trunks: &[At<TrunkConfig>],
    pools: &[pool::Named],
    routes: &[At<Route>],
) {
    for (place, pool) in pools.iter().enumerate() {
        if !routes.iter().any(|route| route.value.pool == place) {
            unused(root, "pool", &pool.name.value, &pool.name.at);
        }
    }
    for (place, trunk) in trunks.iter().enumerate() {
        let uses = |route: &At<Route>| route.value.trunks.iter().any(|n| usize::from(*n) == place);
        if !routes.iter().any(uses) {
            unused(root, "trunk", &trunk.value.name, &trunk.at);
        }
    }
}

fn unused(root: &Table<'_>, kind: &str, name: &str, at: &Range<usize>) {
    root.note(
        Mistake::warning(at.clone(), format!("no route uses {kind} {name:?}"))
            .expected("it does nothing"),
    );
}

/// Notes each name that stands there twice.
fn refuse_doubles<'a, T: 'a>(
    root: &Table<'_>,
    kind: &str,
    named: impl Iterator<Item = (&'a Arc<str>, &'a At<T>)>,
) {
    let mut first: BTreeMap<&str, &At<T>> = BTreeMap::new();
    for (name, at) in named.filter(|(name, _)| !name.is_empty()) {
        if let Some(first) = first.get(&**name) {
            root.note(
                Mistake::error(at.at.clone(), format!("there are two {kind}s {name:?}"))
                    .expected("expected a name of its own")
                    .also(first.at.clone(), "the other one"),
            );
        } else {
            first.insert(name, at);
        }
    }
}
