//! `[[route]]`: which trunks and which pool serve which destinations; `[destinations]`: which may be called at all.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::form::{Many, Text, Time};
use super::report::Mistake;
use super::table::{At, Key, Part, Section, Shape, Table, Unset};
use super::text;
use crate::base::number::Country;
use crate::numbers::plan;
use crate::numbers::route::Route;

const NAME: Key<Text<Arc<str>>> = Key::new(
    "name",
    text::NAME,
    Unset::Nothing("\"everywhere\""),
    "Its name. By default its place: route-1, route-2 and so on.",
);
const PREFIX: Key<Many<Text<Arc<str>>>> = Key::new(
    "prefix",
    Many(Text { expects: "the first digits of numbers, like +1 or +4479", read: prefix }),
    Unset::Nothing("[\"+1\"]"),
    "First digits of the numbers that it serves. By default all. The longest prefix of any route wins.",
);
const COUNTRIES: Key<Many<Text<Option<Country>>>> = Key::new(
    "countries",
    Many(COUNTRY),
    Unset::Nothing("[\"US\"]"),
    "Countries whose numbers it serves. By default all. Of equal prefixes the route that names the country wins.",
);
const TRUNKS: Key<Many<Text<Arc<str>>>> = Key::new(
    "trunks",
    Many(text::NAME),
    Unset::Needed("[\"carrier\"]"),
    "Names of its trunks, in the order they are tried.",
);
const POOL: Key<Text<Arc<str>>> =
    Key::new("pool", text::NAME, Unset::Needed("\"numbers\""), "Name of the pool it calls from.");

pub(super) const PART: Part = Part { name: "route", shape: Shape::Needed, section: &SECTION };

static SECTION: Section = Section {
    doc: "A route says which trunks and which pool serve which numbers",
    keys: &[&NAME, &PREFIX, &COUNTRIES, &TRUNKS, &POOL],
    parts: &[],
};

const ALLOWED: Key<Many<Text<Option<Country>>>> = Key::new(
    "countries",
    Many(COUNTRY),
    Unset::Usual("[\"US\"]"),
    "Countries that may be called. By default none.",
);
const REUSE_AFTER: Key<Time> = Key::new(
    "reuse_after",
    Time(Duration::ZERO..=Duration::from_secs(30 * 86_400)),
    Unset::Default("\"24h\""),
    "How long a caller-ID is not drawn again for the same number, as far as the pool has others.",
);

pub(super) const DESTINATIONS: Part =
    Part { name: "destinations", shape: Shape::One, section: &DESTINATIONS_SECTION };

static DESTINATIONS_SECTION: Section =
    Section { doc: "Which numbers may be called", keys: &[&ALLOWED, &REUSE_AFTER], parts: &[] };

/// A country of the numbering plan.
const COUNTRY: Text<Option<Country>> =
    Text { expects: "two letters of a country or territory, like US or GB", read: country };

/// What a route may refer to, in the order of the file.
pub(super) struct Known {
    pub(super) trunks: Vec<Arc<str>>,
    pub(super) pools: Vec<Arc<str>>,
}

/// A route and where its name, or else it itself, stands.
pub(super) fn read(table: &Table<'_>, place: usize, known: &Known) -> At<Route> {
    let name = table.find(&NAME);
    let at = name.as_ref().map_or_else(|| table.at.clone(), |name| name.at.clone());
    let trunks = table.get(&TRUNKS);
    let find = |name: &At<Arc<str>>| find(table, "trunk", name, &known.trunks);
    let pool = table.needed(&POOL);
    let prefixes = table.list(&PREFIX);
    let countries = table.get(&COUNTRIES);
    for country in &countries {
        check_prefixes(table, country, &prefixes);
    }
    let route = Route {
        name: name.map_or_else(|| format!("route-{}", place + 1).into(), |name| name.value),
        prefixes,
        countries: countries.into_iter().filter_map(|at| at.value).collect(),
        trunks: trunks
            .iter()
            .filter_map(|name| find(name).and_then(|n| n.try_into().ok()))
            .collect(),
        pool: pool.and_then(|name| self::find(table, "pool", &name, &known.pools)).unwrap_or(0),
    };
    At { value: route, at }
}

/// Notes a country whose numbers begin with none of the prefixes.
fn check_prefixes(table: &Table<'_>, country: &At<Option<Country>>, prefixes: &[Arc<str>]) {
    if let Some(known) = country.value
        && !prefixes.is_empty()
        && !prefixes.iter().any(|prefix| may_begin(known, prefix))
    {
        let code = plan::calling_code(known).unwrap_or_default();
        let problem = format!("no number of {known} begins with a prefix of the route");
        table.note(
            Mistake::warning(country.at.clone(), problem)
                .expected(format!("they begin with +{code}")),
        );
    }
}

/// Whether a number of the country may begin with this prefix, by the country's code.
fn may_begin(country: Country, prefix: &str) -> bool {
    let code = plan::calling_code(country).map(|code| code.to_string()).unwrap_or_default();
    prefix.starts_with(&code) || code.starts_with(prefix)
}

/// The place of what a name means.
pub(super) fn find(
    table: &Table<'_>,
    kind: &str,
    name: &At<Arc<str>>,
    known: &[Arc<str>],
) -> Option<usize> {
    let found = known.iter().position(|known| *known == name.value);
    if found.is_none() {
        let near = super::form::nearest(&name.value, known.iter().map(AsRef::as_ref));
        let names: BTreeSet<&str> = known.iter().map(AsRef::as_ref).collect();
        let listed = || names.iter().copied().collect::<Vec<_>>().join(", ");
        let expected = match near {
            Some(near) => format!("did you mean {near:?}?"),
            None if known.is_empty() => format!("the file has no [[{kind}]]"),
            None => format!("expected one of: {}", listed()),
        };
        let problem = format!("there is no {kind} {:?}", name.value);
        table.note(Mistake::error(name.at.clone(), problem).expected(expected));
    }
    found
}

/// Notes routes that never serve a number, since for each one that they would another one fits as well and stands before;
/// and countries that no route serves.
pub(super) fn check(table: &Table<'_>, routes: &[At<Route>], allowed: &[At<Country>]) {
    for (place, route) in routes.iter().enumerate() {
        let before = routes.get(..place).unwrap_or_default();
        if let Some(other) = before.iter().find(|other| covers(&other.value, &route.value)) {
            let problem = format!("route {:?} never serves a number", &*route.value.name);
            let before = format!("{:?} stands before and takes them all", &*other.value.name);
            table.note(
                Mistake::warning(route.at.clone(), problem)
                    .expected("leave it out, move it up, or give it other numbers")
                    .also(other.at.clone(), before),
            );
        }
        let countries = &route.value.countries;
        let is_allowed = |country: &Country| allowed.iter().any(|at| at.value == *country);
        if !countries.is_empty() && !countries.iter().any(is_allowed) {
            let problem = format!("route {:?} serves test numbers only", &*route.value.name);
            table.note(
                Mistake::warning(route.at.clone(), problem)
                    .expected("none of its countries is in destinations.countries"),
            );
        }
    }
    for country in allowed {
        let serves = |route: &At<Route>| {
            let Route { countries, prefixes, .. } = &route.value;
            let begins = |prefix: &Arc<str>| may_begin(country.value, prefix);
            (countries.is_empty() || countries.contains(&country.value))
                && (prefixes.is_empty() || prefixes.iter().any(begins))
        };
        if !routes.iter().any(serves) {
            let problem = format!("no route serves {}", country.value);
            table.note(
                Mistake::warning(country.at.clone(), problem)
                    .expected("its numbers are allowed, but cannot be called"),
            );
        }
    }
}

/// Whether a route that stands first leaves nothing to another one: it has each of its prefixes and countries.
fn covers(first: &Route, other: &Route) -> bool {
    let prefixes = if other.prefixes.is_empty() {
        first.prefixes.is_empty()
    } else {
        other.prefixes.iter().all(|prefix| first.prefixes.contains(prefix))
    };
    let countries = if other.countries.is_empty() {
        first.countries.is_empty()
    } else {
        other.countries.iter().all(|country| first.countries.contains(country))
    };
    prefixes && countries
}

/// The countries that may be called, and how long a caller-ID rests.
pub(super) fn read_destinations(table: &Table<'_>) -> (Vec<At<Country>>, Duration) {
    let known = |at: At<Option<Country>>| at.value.map(|value| At { value, at: at.at });
    let countries = table.get(&ALLOWED).into_iter().filter_map(known).collect();
    if !table.has(&ALLOWED) {
        table.note(
            Mistake::warning(table.at.clone(), "no country may be called")
                .expected(r#"expected countries = ["US"] in [destinations]"#)
                .help("only test numbers of a tenant can be called so"),
        );
    }
    (countries, table.get(&REUSE_AFTER))
}

fn prefix(text: &str) -> Result<Arc<str>, String> {
    let digits = text.strip_prefix('+').ok_or_else(|| {
        format!("{text:?} is no prefix; it begins with + and the code of a country")
    })?;
    if digits.is_empty() || digits.len() > 15 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("{text:?} is no prefix; behind + stand 1 to 15 digits"));
    }
    Ok(digits.into())
}

fn country(text: &str) -> Result<Option<Country>, String> {
    let country = Country::parse(text).filter(|country| plan::known_country(*country));
    country.map(Some).ok_or_else(|| {
        let hint = if text.eq_ignore_ascii_case("uk") { "; did you mean GB?" } else { "" };
        format!("the numbering plan has no country {text:?}{hint}")
    })
}
