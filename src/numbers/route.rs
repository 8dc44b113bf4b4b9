//! Routes: which trunks and which pool serve which destinations.
//!
//! The longest prefix wins, wherever it stands; of equal ones the route that names the country; of those the first.

use crate::base::number::{Country, Destination};
use std::fmt;
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

/// How well a route fits a destination. The greater fits better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fit {
    /// Digits of its longest prefix that the destination begins with; 0 where it has no prefixes.
    pub prefix: usize,
    /// Whether it names the destination's country.
    pub country: bool,
}

/// Why a route does or does not serve a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It serves it.
    Chosen(Fit),
    /// It would, but another fits better or stands before it.
    Outdone(Fit),
    /// The destination begins with none of its prefixes.
    OtherPrefix,
    /// The destination is in none of its countries.
    OtherCountry,
    /// It takes certain countries only, and the plan knows none for the destination.
    UnknownCountry,
}

impl Route {
    /// How well it fits, or why it does not. Never [`Why::Chosen`]: that needs the other routes.
    fn fit(&self, digits: &str, country: Option<Country>) -> Result<Fit, Why> {
        let prefix = if self.prefixes.is_empty() {
            0
        } else {
            let fitting = self.prefixes.iter().filter(|prefix| digits.starts_with(&***prefix));
            fitting.map(|prefix| prefix.len()).max().ok_or(Why::OtherPrefix)?
        };
        match country {
            _ if self.countries.is_empty() => Ok(Fit { prefix, country: false }),
            None => Err(Why::UnknownCountry),
            Some(country) if self.countries.contains(&country) => Ok(Fit { prefix, country: true }),
            Some(_) => Err(Why::OtherCountry),
        }
    }
}

/// The route that serves a destination.
#[must_use]
pub fn find(routes: &[Route], to: Destination, country: Option<Country>) -> Option<&Route> {
    let digits = to.reveal();
    let mut best: Option<(Fit, &Route)> = None;
    for route in routes {
        if let Ok(fit) = route.fit(digits.as_str(), country)
            && best.is_none_or(|(best, _)| fit > best)
        {
            best = Some((fit, route));
        }
    }
    best.map(|(_, route)| route)
}

/// What is to be said of each route, in the order of the routes.
#[must_use]
pub fn explain(routes: &[Route], to: Destination, country: Option<Country>) -> Vec<(&Route, Why)> {
    let digits = to.reveal();
    let chosen = find(routes, to, country);
    let why = |route| match Route::fit(route, digits.as_str(), country) {
        Ok(fit) if chosen.is_some_and(|chosen| std::ptr::eq(chosen, route)) => Why::Chosen(fit),
        Ok(fit) => Why::Outdone(fit),
        Err(why) => why,
    };
    routes.iter().map(|route| (route, why(route))).collect()
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.prefix, self.country) {
            (0, false) => f.write_str("takes every number"),
            (0, true) => f.write_str("takes the country"),
            (digits, false) => write!(f, "takes a prefix of {digits} digits"),
            (digits, true) => write!(f, "takes a prefix of {digits} digits and the country"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chosen(fit) => write!(f, "serves it: {fit}"),
            Self::Outdone(fit) => write!(f, "{fit}, but another one fits better or stands before"),
            Self::OtherPrefix => f.write_str("has only other prefixes"),
            Self::OtherCountry => f.write_str("has only other countries"),
            Self::UnknownCountry => {
                f.write_str("has certain countries only, and the number's is not known")
            }
        }
    }
}

#[cfg(test)]
mod tests;
