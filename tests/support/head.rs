//! The comment at the head of a scenario: lines `  key: value`.

use std::path::{Path, PathBuf};

/// The folder of all scenarios.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp-scenarios")
}

/// Every line `  key: value` of the comment at the head.
pub(crate) fn values<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    let head = text.split("-->").next().unwrap_or_default();
    head.lines().filter_map(move |line| {
        let value = line.strip_prefix("  ")?.strip_prefix(key)?.strip_prefix(':')?;
        Some(value.trim())
    })
}

/// `hold=300ms json` → `--hold 300ms --json`: a comment may not hold two hyphens.
pub(crate) fn arguments(line: &str) -> Vec<String> {
    line.split_whitespace()
        .flat_map(|word| match word.split_once('=') {
            Some((name, value)) => vec![format!("--{name}"), value.to_owned()],
            None => vec![format!("--{word}")],
        })
        .collect()
}
