//! Routes: which trunks and which pool serve which destinations.

use crate::base::number::Country;
use std::sync::Arc;

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its name.
    pub name: Arc<str>,
    /// Digits, without `+`, that its destinations begin with; every destination where there are none.
    pub prefixes: Vec<Arc<str>>,
    /// Countries whose destinations it takes; any where there are none.
    pub countries: Vec<Country>,
    /// Places of its trunks in the configuration, in the order they are tried.
    pub trunks: Vec<u16>,
    /// Place of its pool in the configuration.
    pub pool: usize,
}
