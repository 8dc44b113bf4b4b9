//! Records for people.

use std::io::{self, Write};

use serde_json::Value;

use crate::base::calendar::{Civil, parse_rfc3339};
use crate::cli::table;
use crate::verify::cdr::View;

/// Records as rows.
pub(super) fn table(out: &mut impl Write, records: &[View]) -> io::Result<()> {
    let row = |view: &View| {
        let start = parse_rfc3339(&view.start_at).map(|us| Civil::of(us).seconds());
        let number = |value: Option<u32>| value.map(|value| value.to_string()).unwrap_or_default();
        [
            start.unwrap_or_default(),
            plain(view.to.as_deref().unwrap_or_default()),
            plain(view.from.as_deref().unwrap_or_default()),
            plain(&view.trunk),
            plain(&view.outcome),
            number(view.pdd_ms),
            number(view.last.as_ref().map(|last| u32::from(last.status))),
            plain(&view.cdr_id),
        ]
    };
    let rows: Vec<_> = records.iter().map(row).collect();
    let headings = ["start (UTC)", "to", "from", "trunk", "outcome", "pdd ms", "final", "cdr_id"];
    table::write(out, headings, &rows)
}

/// One record, a field a line.
pub(super) fn fields(out: &mut impl Write, view: &View) -> io::Result<()> {
    let mut lines = Vec::new();
    flatten(&serde_json::to_value(view)?, String::new(), &mut lines);
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    lines.iter().try_for_each(|(name, value)| writeln!(out, "{name:<width$}  {value}"))
}

/// `at_us.cancel`, `provisionals.0.status` and the like, each with its value. What is empty is left out.
fn flatten(value: &Value, name: String, lines: &mut Vec<(String, String)>) {
    let inner = |part: &str| {
        if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") }
    };
    match value {
        Value::Object(fields) => {
            for (part, value) in fields {
                flatten(value, inner(part), lines);
            }
        }
        Value::Array(values) => {
            for (place, value) in values.iter().enumerate() {
                flatten(value, inner(&place.to_string()), lines);
            }
        }
        Value::String(text) => lines.push((name, plain(text))),
        Value::Null | Value::Bool(_) | Value::Number(_) => lines.push((name, value.to_string())),
    }
}

/// A text that may be a network's: nothing in it moves the cursor.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
