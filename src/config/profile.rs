//! `[[profile]]`: rules for one purpose; `[[tenant]]`: who may call the API.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::form::{Flag, Many, Text, Time, Whole, Word};
use super::pool::SPAN;
use super::table::{At, Key, Part, Section, Shape, Table, Unset};
use super::{route, text};
use crate::base::number::Span;
use crate::verify::rules::{Duplicates, Profile, Tenant};

/// The name of the profile and of the tenant that there always are.
pub(super) const DEFAULT: &str = "default";

const NAME: Key<Text<Arc<str>>> = Key::new(
    "name",
    text::NAME,
    Unset::Needed("\"default\""),
    "Its name. There always is a profile default, whose values can be set here.",
);
const CODE_LENGTH: Key<Whole> =
    Key::new("code_length", Whole(4..=8), Unset::Default("4"), "Digits of the code.");
const LIFETIME: Key<Time> = Key::new(
    "lifetime",
    Time(Duration::from_secs(1)..=Duration::from_secs(600)),
    Unset::Default("\"3m\""),
    "How long a verification lives.",
);
const TRIES: Key<Whole> = Key::new(
    "tries",
    Whole(1..=10),
    Unset::Default("3"),
    "Wrong codes that may be given before a verification fails.",
);
const REDIALS: Key<Whole> =
    Key::new("redials", Whole(0..=5), Unset::Default("2"), "Further calls that may be asked for.");
const ALLOW_DIVERTED: Key<Flag> = Key::new(
    "allow_diverted",
    Flag,
    Unset::Default("false"),
    "Whether the code counts where the call was diverted to another phone, or a machine took it.",
);
const DUPLICATES: Key<Word<Duplicates>> = Key::new(
    "duplicates",
    Word(&[
        ("refuse", Duplicates::Refuse),
        ("return", Duplicates::Return),
        ("allow", Duplicates::Allow),
    ]),
    Unset::Default("\"refuse\""),
    "What a start gets while the same number is being verified: 409, the pending verification, or one of its own.",
);

pub(super) const PART: Part = Part { name: "profile", shape: Shape::Any, section: &SECTION };

static SECTION: Section = Section {
    doc: "A profile is the rules for one purpose",
    keys: &[&NAME, &CODE_LENGTH, &LIFETIME, &TRIES, &REDIALS, &ALLOW_DIVERTED, &DUPLICATES],
    parts: &[],
};

const TENANT: Key<Text<Arc<str>>> = Key::new(
    "name",
    text::NAME,
    Unset::Needed("\"default\""),
    "Its name, which its keys belong to. Where the file names none, there is a tenant default.",
);
const PROFILE: Key<Text<Arc<str>>> = Key::new(
    "profile",
    text::NAME,
    Unset::Default("\"default\""),
    "The profile of a verification that names none.",
);
const TEST_NUMBERS: Key<Many<Text<Span>>> = Key::new(
    "test_numbers",
    Many(SPAN),
    Unset::Nothing("[\"+12025550100-+12025550199\"]"),
    "Numbers that need not exist, for tests against a carrier that rings nobody.",
);

pub(super) const TENANTS: Part =
    Part { name: "tenant", shape: Shape::Any, section: &TENANT_SECTION };

static TENANT_SECTION: Section = Section {
    doc: "A tenant is who may call the API",
    keys: &[&TENANT, &PROFILE, &TEST_NUMBERS],
    parts: &[],
};

pub(super) fn read(table: &Table<'_>) -> At<Profile> {
    let name = table.placed(&NAME);
    At { value: rules(table, Arc::clone(&name.value)), at: name.at }
}

/// What a table says about a profile besides its name.
fn rules(table: &Table<'_>, name: Arc<str>) -> Profile {
    let small = |key| u8::try_from(table.get(key)).unwrap_or(u8::MAX);
    Profile {
        name,
        code_length: small(&CODE_LENGTH),
        lifetime: table.get(&LIFETIME),
        tries: small(&TRIES),
        redials: small(&REDIALS),
        allow_diverted: table.get(&ALLOW_DIVERTED),
        duplicates: table.get(&DUPLICATES),
    }
}

/// All profiles by their name, with the default one.
pub(super) fn all(root: &Table<'_>, read: Vec<At<Profile>>) -> BTreeMap<Arc<str>, Arc<Profile>> {
    let mut profiles = BTreeMap::new();
    for profile in read {
        profiles.entry(Arc::clone(&profile.value.name)).or_insert_with(|| Arc::new(profile.value));
    }
    let unset = || Arc::new(rules(&root.absent(&PART), DEFAULT.into()));
    profiles.entry(DEFAULT.into()).or_insert_with(unset);
    profiles
}

pub(super) fn read_tenant(table: &Table<'_>, profiles: &[Arc<str>]) -> At<Tenant> {
    let name = table.placed(&TENANT);
    let profile = table.placed(&PROFILE);
    if !profile.value.is_empty() {
        route::find(table, "profile", &profile, profiles);
    }
    let tenant = Tenant {
        name: Arc::clone(&name.value),
        profile: profile.value,
        test_numbers: table.list(&TEST_NUMBERS),
    };
    At { value: tenant, at: name.at }
}

/// All tenants by their name, or the default one.
pub(super) fn all_tenants(read: Vec<At<Tenant>>) -> BTreeMap<Arc<str>, Tenant> {
    let mut tenants = BTreeMap::new();
    for tenant in read {
        tenants.entry(Arc::clone(&tenant.value.name)).or_insert(tenant.value);
    }
    if tenants.is_empty() {
        let name: Arc<str> = DEFAULT.into();
        let profile = Arc::clone(&name);
        tenants.insert(Arc::clone(&name), Tenant { name, profile, test_numbers: Vec::new() });
    }
    tenants
}
