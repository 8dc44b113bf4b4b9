//! What the configuration may hold, for people and for editors; all of it from the descriptions that the file is read by.

use serde_json::{Map, Value, json};

use super::root::ROOT;
use super::table::{Described, Part, Section, Shape, Unset};

/// Width of the example's comments.
const WIDTH: usize = 100;

/// A configuration with every key and what it means. It can be used as it is; keys that may be left out stand behind `#`.
#[must_use]
pub fn example() -> String {
    let mut text = comment(
        "Configuration of onering: every key and what it means. A key behind # shows its default, or an example where it \
         has none; take the # away to set it.",
    );
    for part in ROOT.parts {
        example_of(part, part.name, &mut text);
    }
    text
}

fn example_of(part: &Part, path: &str, text: &mut String) {
    let Section { doc, keys, parts } = part.section;
    let (heading, hidden) = match part.shape {
        Shape::One => (format!("[{path}]"), false),
        Shape::Needed => (format!("[[{path}]]"), false),
        Shape::Any => (format!("[[{path}]]"), true),
        Shape::Inline(example) => {
            text.push_str(&comment(&format!("{doc}.")));
            text.push_str(&format!("#{} = {example}\n", part.name));
            return;
        }
    };
    let hash = |hidden| if hidden { "#" } else { "" };
    let inline = |part: &&&Part| matches!(part.shape, Shape::Inline(_));
    if !keys.is_empty() {
        text.push('\n');
        text.push_str(&comment(&format!("{doc}.")));
        text.push_str(&format!("{}{heading}\n", hash(hidden)));
    }
    for key in *keys {
        let (value, unset) = match key.unset() {
            Unset::Needed(value) | Unset::Usual(value) => (value, false),
            Unset::Default(value) | Unset::Nothing(value) => (value, true),
        };
        text.push_str(&comment(&format!("{} {}.", key.doc(), capital(&key.expects()))));
        text.push_str(&format!("{}{} = {value}\n", hash(hidden || unset), key.name()));
    }
    for part in parts.iter().filter(inline) {
        example_of(part, &format!("{path}.{}", part.name), text);
    }
    for part in parts.iter().filter(|part| !inline(part)) {
        example_of(part, &format!("{path}.{}", part.name), text);
    }
}

/// Lines behind `# `, broken between words.
fn comment(text: &str) -> String {
    let (mut lines, mut line) = (String::new(), String::from("#"));
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            lines.push_str(&line);
            lines.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    lines + &line + "\n"
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A JSON schema (draft 2020-12), by which editors complete and check the file.
#[must_use]
pub fn schema() -> Value {
    let mut schema = schema_of(&ROOT);
    set(&mut schema, "$schema", json!("https://json-schema.org/draft/2020-12/schema"));
    set(&mut schema, "title", json!("Configuration of onering"));
    schema
}

fn set(schema: &mut Value, field: &str, value: Value) {
    if let Some(fields) = schema.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
}

fn schema_of(section: &Section) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in section.keys {
        properties.insert(key.name().into(), schema_of_key(*key));
        if matches!(key.unset(), Unset::Needed(_)) {
            required.push(key.name());
        }
    }
    for part in section.parts {
        let mut inner = schema_of(part.section);
        set(&mut inner, "description", json!(format!("{}.", part.section.doc)));
        let schema = match part.shape {
            Shape::One | Shape::Inline(_) => inner,
            Shape::Any => json!({ "type": "array", "items": inner }),
            Shape::Needed => {
                required.push(part.name);
                json!({ "type": "array", "items": inner, "minItems": 1 })
            }
        };
        properties.insert(part.name.into(), schema);
    }
    json!({
        "type": "object", "properties": properties, "required": required,
        "additionalProperties": false
    })
}

fn schema_of_key(key: &dyn Described) -> Value {
    let mut schema = key.schema();
    let doc = format!("{} {}.", key.doc(), capital(&key.expects()));
    set(&mut schema, "description", json!(doc));
    match key.unset() {
        Unset::Default(text) => {
            if let Some(default) = as_json(text) {
                set(&mut schema, "default", default);
            }
        }
        Unset::Needed(text) | Unset::Nothing(text) | Unset::Usual(text) => {
            if let Some(example) = as_json(text) {
                set(&mut schema, "examples", json!([example]));
            }
        }
    }
    schema
}

/// A TOML value as JSON.
fn as_json(text: &str) -> Option<Value> {
    let value: toml::Value = text.parse().ok()?;
    serde_json::to_value(value).ok()
}

/// `docs/CONFIG.md`.
#[must_use]
pub fn page() -> String {
    let minimal = include_str!("../../examples/config/minimal.toml");
    let mut page = format!("{HEAD}```toml\n{minimal}```\n{RULES}");
    for part in ROOT.parts {
        page_of(part, part.name, &mut page);
    }
    page
}

fn page_of(part: &Part, path: &str, page: &mut String) {
    let Section { doc, keys, parts } = part.section;
    let (heading, often) = match part.shape {
        Shape::One => (format!("[{path}]"), ""),
        Shape::Needed => (format!("[[{path}]]"), " At least one."),
        Shape::Any => (format!("[[{path}]]"), " Any number of them."),
        Shape::Inline(_) => (path.to_owned(), ""),
    };
    if !keys.is_empty() {
        page.push_str(&format!("\n## `{heading}`\n\n{doc}.{often}"));
        if let Shape::Inline(example) = part.shape {
            page.push_str(&format!(" Written as `{} = {example}`.", part.name));
        }
        page.push_str("\n\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n");
    }
    for key in *keys {
        let default = match key.unset() {
            Unset::Default(value) => format!("`{value}`"),
            Unset::Needed(_) => "needed".to_owned(),
            Unset::Nothing(_) | Unset::Usual(_) => "–".to_owned(),
        };
        let restart = if key.restart() { " *" } else { "" };
        let (name, value, doc) = (key.name(), key.expects(), key.doc());
        page.push_str(&format!("| `{name}`{restart} | {value} | {default} | {doc} |\n"));
    }
    for part in *parts {
        page_of(part, &format!("{path}.{}", part.name), page);
    }
}

const HEAD: &str = "# Configuration

One TOML file. `onering check -c FILE` says everything that is wrong with it at once, and what its pools are worth;
`onering config example` prints one with every key, `onering config schema` a JSON schema for editors. This page is made
from the same descriptions as these, and as what reads the file.

The smallest useful file:

";

const RULES: &str = "
- A key that is not known is an error, and so is a value out of its range: nothing is guessed.
- Durations and sizes carry their unit: `\"600ms\"`, `\"20s\"`, `\"2m\"`, `\"1h\"`, `\"30d\"`; `\"64KiB\"`, `\"256MiB\"`. A bare number is
  refused.
- Where a list may stand, a single value may stand without brackets.
- Relative paths begin in the folder of the file.
- Secrets are kept elsewhere: `{ env = \"NAME\" }` is an environment variable; `{ file = \"PATH\" }` a file that not everybody may
  read; `{ credential = \"NAME\" }` a file of that name in `$CREDENTIALS_DIRECTORY`, where systemd puts credentials
  (`LoadCredential=`). Text in the file itself is accepted, with a warning. No secret is ever printed.
- SIGHUP reads the file again. One with mistakes changes nothing. Keys with a star count only after a restart. Open verifications
  keep what they began with, but nobody is called any more in a country, for a tenant or over a trunk that is gone.
";
