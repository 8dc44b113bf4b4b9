//! What the configuration says about verifications.

use crate::base::number::{Country, Destination, Span};
use crate::call::Pace;
use crate::numbers::pool::Pool;
use crate::numbers::route::Route;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Everything that verifications are judged by. Replaced as a whole; open verifications keep the profile they began with.
#[derive(Clone, Debug)]
pub struct Rules {
    /// By name.
    pub tenants: BTreeMap<Arc<str>, Tenant>,
    /// By name.
    pub profiles: BTreeMap<Arc<str>, Arc<Profile>>,
    /// In the order of the user agent's trunks.
    pub trunks: Vec<TrunkRules>,
    /// In the order of configuration.
    pub pools: Vec<Arc<Pool>>,
    /// In the order of configuration.
    pub routes: Vec<Route>,
    /// Countries that may be called. None by default: whoever forgets to say so calls nobody.
    pub countries: BTreeSet<Country>,
    /// How long a caller-ID is not drawn again for the same destination; default 24 h.
    pub reuse_after: Duration,
    /// Verifications that may be open at a time; default 200,000.
    pub open_max: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            tenants: BTreeMap::new(),
            profiles: BTreeMap::new(),
            trunks: Vec::new(),
            pools: Vec::new(),
            routes: Vec::new(),
            countries: BTreeSet::new(),
            reuse_after: Duration::from_secs(24 * 3600),
            open_max: 200_000,
        }
    }
}

/// Who may call the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its name.
    pub name: Arc<str>,
    /// The profile of a start that names none.
    pub profile: Arc<str>,
    /// Numbers that need not exist: for tests against a carrier that rings nobody.
    pub test_numbers: Vec<Span>,
}

impl Tenant {
    /// Whether the number is one of its test numbers.
    #[must_use]
    pub fn tests(&self, number: Destination) -> bool {
        self.test_numbers.iter().any(|span| span.has(number))
    }
}

/// Rules for one purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: Arc<str>,
    /// Digits of the code, 4 to 8; default 4.
    pub code_length: u8,
    /// How long a verification lives, 1 s to 10 min; default 3 min.
    pub lifetime: Duration,
    /// Wrong codes that may be given before it fails, 1 to 10; default 3.
    pub tries: u8,
    /// Further calls that may be asked for, 0 to 5; default 2.
    pub redials: u8,
    /// Whether a phone that the call was diverted to, or a machine that took it, may give the code; default no.
    pub allow_diverted: bool,
    /// What a start for a number with a pending verification gets.
    pub duplicates: Duplicates,
}

/// What a start gets where the tenant has a pending verification of the same number and profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Duplicates {
    /// 409, with the id of the pending one.
    #[default]
    Refuse,
    /// The pending one.
    Return,
    /// One of its own. Their calls are made one after the other, and their codes differ.
    Allow,
}

/// What verifications must know of a trunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkRules {
    /// Its name.
    pub name: Arc<str>,
    /// How long its calls ring, and wait for that.
    pub pace: Pace,
}
