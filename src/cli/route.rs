//! `onering route`: which route serves a number, and why.

use std::io::Write as _;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::config::ConfigArg;
use super::{Exit, Failure, Stdout};
use crate::base::number::{Country, Destination};
use crate::numbers::plan;
use crate::numbers::route::{Why, explain};
use crate::verify::rules::Rules;

/// Look at routes
#[derive(Debug, Args)]
pub(super) struct Route {
    #[command(subcommand)]
    command: RouteCommand,
}

#[derive(Debug, Subcommand)]
enum RouteCommand {
    Explain(Explain),
}

/// Say which route serves a number, with which trunks and pool, and why
///
/// Exit status: 0 the number would be called, 1 it would not, 2 wrong usage or configuration.
#[derive(Args, Debug)]
struct Explain {
    /// The number: with + and its country's code, or as it is dialled in --region
    number: String,
    #[command(flatten)]
    file: ConfigArg,
    /// Two letters of the country in which the number is dialled
    #[arg(long, value_name = "REGION", value_parser = region)]
    region: Option<Country>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn region(text: &str) -> Result<Country, String> {
    let known = Country::parse(text).filter(|country| plan::known_country(*country));
    known.ok_or_else(|| "not a region of the numbering plan; write two letters, like US".to_owned())
}

/// What the configuration says of a number.
#[derive(Serialize)]
struct Explained {
    to: String,
    country: Option<String>,
    /// Whether its country is allowed, or it is a test number.
    allowed: bool,
    /// Tenants that have it among their test numbers.
    test_number_of: Vec<String>,
    route: Option<String>,
    trunks: Vec<String>,
    pool: Option<String>,
    routes: Vec<Considered>,
}

#[derive(Serialize)]
struct Considered {
    name: String,
    chosen: bool,
    why: String,
}

impl Route {
    pub(super) fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        match self.command {
            RouteCommand::Explain(command) => command.run(out),
        }
    }
}

impl Explain {
    fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        let rules = self.file.load()?.config.rules;
        let (to, country) = self.destination(&rules)?;
        let explained = explained(&rules, to, country);
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &explained).map_err(std::io::Error::from)?;
            writeln!(out)?;
        } else {
            print(out, &explained)?;
        }
        let called = explained.allowed && explained.route.is_some();
        Ok(if called { Exit::Done } else { Exit::Failed })
    }

    /// The number and its country. A test number need not exist.
    fn destination(&self, rules: &Rules) -> Result<(Destination, Option<Country>), Failure> {
        match plan::read(&self.number, self.region) {
            Ok(subscriber) => Ok((subscriber.to, subscriber.country)),
            Err(error) => {
                let test = Destination::parse(&self.number).ok();
                let test = test.filter(|to| rules.tenants.values().any(|tenant| tenant.tests(*to)));
                let test = test.map(|to| (to, None));
                test.ok_or_else(|| Failure::Usage(format!("{}: {error}", self.number)))
            }
        }
    }
}

fn explained(rules: &Rules, to: Destination, country: Option<Country>) -> Explained {
    let tests = rules.tenants.values().filter(|tenant| tenant.tests(to));
    let test_number_of: Vec<String> = tests.map(|tenant| tenant.name.to_string()).collect();
    let considered = explain(&rules.routes, to, country);
    let chosen = considered.iter().find(|(_, why)| matches!(why, Why::Chosen(_)));
    let chosen = chosen.map(|(route, _)| *route);
    let trunk = |place: &u16| rules.trunks.get(usize::from(*place)).map(|t| t.name.to_string());
    Explained {
        to: format!("+{}", to.reveal().as_str()),
        country: country.map(|country| country.to_string()),
        allowed: !test_number_of.is_empty()
            || country.is_some_and(|country| rules.countries.contains(&country)),
        test_number_of,
        route: chosen.map(|route| route.name.to_string()),
        trunks: chosen.into_iter().flat_map(|route| &route.trunks).filter_map(trunk).collect(),
        pool: chosen
            .and_then(|route| rules.pools.get(route.pool))
            .map(|pool| pool.name.to_string()),
        routes: considered
            .iter()
            .map(|(route, why)| Considered {
                name: route.name.to_string(),
                chosen: matches!(why, Why::Chosen(_)),
                why: why.to_string(),
            })
            .collect(),
    }
}

fn print(out: &mut Stdout, explained: &Explained) -> Result<(), Failure> {
    let country = explained.country.as_deref().unwrap_or("no country that the plan knows");
    writeln!(out, "{} is a number of {country}", explained.to)?;
    if !explained.test_number_of.is_empty() {
        writeln!(out, "it is a test number of {}", explained.test_number_of.join(", "))?;
    } else if explained.allowed {
        writeln!(out, "destinations.countries allows it")?;
    } else {
        writeln!(out, "destinations.countries does not allow it: it is not called")?;
    }
    match &explained.route {
        Some(route) => {
            let trunks = explained.trunks.join(", then ");
            let pool = explained.pool.as_deref().unwrap_or_default();
            writeln!(out, "route {route}: over {trunks}, from pool {pool}\n")?;
        }
        None => writeln!(out, "no route serves it\n")?,
    }
    for route in &explained.routes {
        writeln!(out, "{} {}: {}", if route.chosen { "*" } else { " " }, route.name, route.why)?;
    }
    Ok(())
}
