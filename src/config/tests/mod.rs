//! What a file means, beyond what `tests/config.rs` sees from outside.

mod meaning;
mod pages;
mod secrets;

use super::{Config, Loaded, parse};
use std::path::Path;

/// The file that every other one is made from.
const MINIMAL: &str = include_str!("../../../examples/config/minimal.toml");

fn read(text: &str) -> Config {
    let Loaded { config, .. } = parse("test.toml", text, Path::new("")).expect("a right file");
    config
}

/// The minimal file with more keys in a table that it has.
fn with(table: &str, keys: &str) -> Config {
    read(&MINIMAL.replacen(&format!("{table}\n"), &format!("{table}\n{keys}\n"), 1))
}

/// The minimal file with more tables.
fn and(tables: &str) -> Config {
    read(&format!("{MINIMAL}\n{tables}"))
}
