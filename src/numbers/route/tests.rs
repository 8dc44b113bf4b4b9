//! Which route serves which number, and what is said of the others.

use super::*;

fn route(name: &str, prefixes: &[&str], countries: &[&str]) -> Route {
    Route {
        name: name.into(),
        prefixes: prefixes.iter().map(|prefix| Arc::from(*prefix)).collect(),
        countries: countries.iter().map(|text| Country::parse(text).unwrap()).collect(),
        trunks: vec![0],
        pool: 0,
    }
}

fn name_of(routes: &[Route], to: &str, country: &str) -> Option<String> {
    let to = Destination::parse(to).unwrap();
    find(routes, to, Country::parse(country)).map(|route| route.name.to_string())
}

#[test]
fn the_longest_prefix_wins_wherever_it_stands() {
    let routes = [
        route("all", &[], &[]),
        route("mobile", &["4915", "4917"], &[]),
        route("germany", &["49"], &[]),
        route("north", &["1", "49151"], &[]),
    ];
    for (to, name) in [
        ("+4915212345678", "mobile"),
        ("+4915112345678", "north"),
        ("+4930123456", "germany"),
        ("+12025550142", "north"),
        ("+442079460018", "all"),
    ] {
        assert_eq!(name_of(&routes, to, "DE").as_deref(), Some(name), "{to}");
    }
}

#[test]
fn a_route_with_both_needs_both() {
    let routes = [route("both", &["1"], &["US", "CA"])];
    assert!(name_of(&routes, "+12025550142", "US").is_some());
    assert!(name_of(&routes, "+14165550142", "CA").is_some());
    assert!(name_of(&routes, "+12423591234", "BS").is_none());
    assert!(name_of(&routes, "+442079460018", "US").is_none());
    assert!(name_of(&routes, "+12025550142", "").is_none());
}

#[test]
fn of_equal_prefixes_the_one_that_names_the_country_wins_and_then_the_first() {
    let routes = [
        route("any", &["44"], &[]),
        route("first", &["44", "49"], &["GB"]),
        route("second", &["44"], &["GB", "GG"]),
        route("world", &[], &["GB"]),
    ];
    assert_eq!(name_of(&routes, "+442079460018", "GB").as_deref(), Some("first"));
    assert_eq!(name_of(&routes, "+447781123456", "GG").as_deref(), Some("second"));
    assert_eq!(name_of(&routes, "+447624123456", "IM").as_deref(), Some("any"));
    assert_eq!(name_of(&routes, "+442079460018", "").as_deref(), Some("any"));
    assert_eq!(name_of(&routes, "+12025550142", "US"), None);
    // A longer prefix beats a country.
    let routes = [route("country", &["44"], &["GB"]), route("longer", &["442"], &[])];
    assert_eq!(name_of(&routes, "+442079460018", "GB").as_deref(), Some("longer"));
}

#[test]
fn nothing_serves_where_nothing_fits() {
    assert_eq!(name_of(&[], "+12025550142", "US"), None);
    assert_eq!(name_of(&[route("longer", &["120255501421"], &[])], "+12025550142", "US"), None);
}

#[test]
fn each_route_says_why() {
    let routes = [
        route("all", &[], &[]),
        route("germany", &["49"], &[]),
        route("country", &["1"], &["US"]),
        route("again", &["1"], &["US"]),
        route("canada", &[], &["CA"]),
    ];
    let to = Destination::parse("+12025550142").unwrap();
    let said = |country| {
        explain(&routes, to, country)
            .into_iter()
            .map(|(route, why)| format!("{}: {why}", route.name))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        said(Country::parse("US")),
        [
            "all: takes every number, but another one fits better or stands before",
            "germany: has only other prefixes",
            "country: serves it: takes a prefix of 1 digits and the country",
            "again: takes a prefix of 1 digits and the country, but another one fits better or stands before",
            "canada: has only other countries",
        ]
    );
    assert_eq!(
        said(None),
        [
            "all: serves it: takes every number",
            "germany: has only other prefixes",
            "country: has certain countries only, and the number's is not known",
            "again: has certain countries only, and the number's is not known",
            "canada: has certain countries only, and the number's is not known",
        ]
    );
}
