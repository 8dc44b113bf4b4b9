//! Text compared with the one kept in `tests/golden/`, so that what changed shows as changed lines.

use std::fmt::Write as _;
use std::path::PathBuf;

/// Compares the text with `tests/golden/FILE`; `ONERING_BLESS=1` writes the file instead.
pub(crate) fn same_as_kept(file: &str, text: &str) {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "golden", file].iter().collect();
    if std::env::var_os("ONERING_BLESS").is_some() {
        std::fs::write(&path, text).expect("the golden file can be written");
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == text,
        "{} differs:\n{}\nIf this is meant, `ONERING_BLESS=1 cargo test` rewrites it.",
        path.display(),
        difference(&kept, text)
    );
}

/// Lines only kept (`-`) and lines only there now (`+`), each with the heading it stands under.
fn difference(kept: &str, now: &str) -> String {
    let (kept, now) = (paragraphs(kept), paragraphs(now));
    let mut text = String::new();
    for (sign, these, others) in [('-', &kept, &now), ('+', &now, &kept)] {
        for line in these.iter().filter(|line| !others.contains(line)) {
            writeln!(text, "{sign} [{}] {}", line.0, line.1.trim())
                .expect("a string takes everything");
        }
    }
    text
}

/// Each line with the heading above it.
fn paragraphs(text: &str) -> Vec<(&str, &str)> {
    let mut heading = "";
    text.lines()
        .map(|line| {
            if !line.starts_with(' ') {
                heading = line.split(':').next().unwrap_or_default();
            }
            (heading, line)
        })
        .collect()
}
