//! Secrets: where they are kept, and that nobody who reads about the configuration sees one.

use std::env;
use std::fs::File;
use std::io::Read as _;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::form::{Form, Wrong, nearest};
use super::report::{Mistake, Notes};
use super::table::At;

/// Most bytes of a secret.
const LEN_MAX: usize = 64 * 1024;

/// `{ env = "NAME" }`, `{ file = "PATH" }` or `{ credential = "NAME" }`; a literal is accepted, with a warning.
pub(super) struct Secret;

/// Where a secret is kept.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Kept {
    /// In the configuration itself.
    Here(String),
    /// In an environment variable.
    Env(String),
    /// In a file.
    File(String),
    /// In a file that systemd gives to the service.
    Credential(String),
}

const PLACES: [&str; 3] = ["env", "file", "credential"];

impl Form for Secret {
    type Value = Kept;

    fn expects(&self) -> String {
        r#"a secret: { env = "NAME" }, { file = "PATH" } or { credential = "NAME" }"#.to_owned()
    }

    fn schema(&self) -> serde_json::Value {
        let place = |name: &str| {
            json!({
                "type": "object", "properties": { name: { "type": "string" } },
                "required": [name], "additionalProperties": false
            })
        };
        let mut kinds: Vec<_> = PLACES.iter().map(|name| place(name)).collect();
        kinds.push(json!({ "type": "string" }));
        json!({ "anyOf": kinds })
    }

    fn read(&self, value: &Spanned<DeValue<'_>>, wrong: &mut Vec<Wrong>) -> Option<Kept> {
        match value.get_ref() {
            DeValue::String(text) => Some(Kept::Here(text.clone().into_owned())),
            DeValue::Table(table) => kept(table, value.span(), wrong),
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_) => {
                wrong.push(Wrong::typed(value));
                None
            }
        }
    }
}

fn kept(table: &DeTable<'_>, at: Range<usize>, wrong: &mut Vec<Wrong>) -> Option<Kept> {
    let mut entries = table.iter();
    let (Some((key, value)), None) = (entries.next(), entries.next()) else {
        wrong.push(Wrong::new(at, "a secret is kept in exactly one place"));
        return None;
    };
    let DeValue::String(text) = value.get_ref() else {
        wrong.push(Wrong::typed(value));
        return None;
    };
    let text = text.clone().into_owned();
    match key.get_ref().as_ref() {
        "env" => Some(Kept::Env(text)),
        "file" => Some(Kept::File(text)),
        "credential" => Some(Kept::Credential(text)),
        other => {
            let near = nearest(other, PLACES).map(|near| format!("; did you mean {near}?"));
            let near = near.unwrap_or_default();
            wrong.push(Wrong::new(key.span(), format!("secrets are not kept in {other:?}{near}")));
            None
        }
    }
}

impl Kept {
    /// Fetches the secret; what keeps us from it is noted under `name`.
    pub(super) fn fetch(kept: &At<Self>, name: &str, folder: &Path, notes: &Notes) -> Vec<u8> {
        let fetched = match &kept.value {
            Self::Here(text) if text.is_empty() => Ok(Vec::new()),
            Self::Here(text) => {
                notes.add(
                    Mistake::warning(kept.at.clone(), format!("{name} stands in the file"))
                        .expected("whoever can read the file knows it")
                        .help(format!("keep it elsewhere, as {}", Secret.expects())),
                );
                Ok(text.clone().into_bytes())
            }
            Self::Env(variable) => from_env(variable),
            Self::File(path) => from_file(&folder.join(path)),
            Self::Credential(credential) => from_credential(credential),
        };
        fetched.and_then(checked).unwrap_or_else(|problem| {
            notes.add(Mistake::error(kept.at.clone(), format!("{name}: {problem}")));
            Vec::new()
        })
    }
}

fn checked(secret: Vec<u8>) -> Result<Vec<u8>, String> {
    if secret.is_empty() {
        return Err("the secret is empty".to_owned());
    }
    Ok(secret)
}

fn from_env(name: &str) -> Result<Vec<u8>, String> {
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(format!("{name:?} cannot be the name of an environment variable"));
    }
    let value = env::var(name).map_err(|error| match error {
        env::VarError::NotPresent => format!("there is no environment variable {name}"),
        env::VarError::NotUnicode(_) => format!("the environment variable {name} is not UTF-8"),
    })?;
    Ok(value.into_bytes())
}

/// systemd puts credentials into a folder of the service's own (`LoadCredential=`).
fn from_credential(name: &str) -> Result<Vec<u8>, String> {
    if name.is_empty() || name.contains(['/', '\0']) || name.starts_with('.') {
        return Err(format!("{name:?} cannot be the name of a credential"));
    }
    let folder = env::var_os("CREDENTIALS_DIRECTORY").ok_or(
        "there is no CREDENTIALS_DIRECTORY; systemd sets it for a unit with LoadCredential=",
    )?;
    from_file(&PathBuf::from(folder).join(name))
}

fn from_file(path: &Path) -> Result<Vec<u8>, String> {
    let name = path.display();
    let unreadable = |error: std::io::Error| format!("cannot read {name}: {error}");
    let file = File::open(path).map_err(unreadable)?;
    let meta = file.metadata().map_err(unreadable)?;
    if !meta.is_file() {
        return Err(format!("{name} is no file"));
    }
    keep_to_owner(path, meta.permissions().mode())?;
    let mut secret = Vec::new();
    file.take(LEN_MAX as u64 + 1).read_to_end(&mut secret).map_err(unreadable)?;
    if secret.len() > LEN_MAX {
        return Err(format!("{name} is longer than {} KiB", LEN_MAX / 1024));
    }
    // Editors end the last line.
    if secret.last() == Some(&b'\n') {
        secret.pop();
        if secret.last() == Some(&b'\r') {
            secret.pop();
        }
    }
    Ok(secret)
}

/// A secret that everybody on the machine can read is none.
pub(super) fn keep_to_owner(path: &Path, mode: u32) -> Result<(), String> {
    if mode & 0o007 != 0 {
        let (name, mode) = (path.display(), mode & 0o777);
        return Err(format!("everybody may read {name} (mode {mode:04o}); chmod 600 {name}"));
    }
    Ok(())
}

/// Puts stars over these bytes. Positions stay what they were.
pub(super) fn hide(text: &mut String, at: Range<usize>) {
    let hidden: Option<String> = text.get(at.clone()).map(|secret| {
        let star = |b: u8| if b == b'\n' || b == b'\r' { char::from(b) } else { '*' };
        secret.bytes().map(star).collect()
    });
    if let Some(hidden) = hidden {
        text.replace_range(at, &hidden);
    }
}

/// Hides every secret of the configuration that stands in it, also where its key is mistyped or its place is wrong.
pub(super) fn hide_all(table: &DeTable<'_>, inside_auth: bool, notes: &Notes) {
    for (key, value) in table {
        let key = key.get_ref().to_ascii_lowercase();
        let place = inside_auth && key == "username" || PLACES.contains(&key.as_str());
        let secret = key.starts_with("pas") || inside_auth && !place || key == "auth";
        hide_value(value, secret, notes);
    }
}

fn hide_value(value: &Spanned<DeValue<'_>>, secret: bool, notes: &Notes) {
    match value.get_ref() {
        DeValue::Table(table) => hide_all(table, secret, notes),
        DeValue::Array(array) => {
            array.iter().for_each(|value| hide_value(value, secret, notes));
        }
        DeValue::String(_) if secret => {
            // The quotes stay.
            let at = value.span();
            notes.hide(at.start + 1..at.end.max(at.start + 2) - 1);
        }
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Datetime(_) if secret => {
            notes.hide(value.span());
        }
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => {}
    }
}

/// The text with what looks like a password hidden, for a file that is no TOML: the rest of a line from the quote on
/// behind a key that begins with `pas`, and all of the text where three quotes begin it.
pub(super) fn hide_what_looks_secret(text: &str) -> String {
    let mut shown = text.to_owned();
    for (key, _) in text.to_ascii_lowercase().match_indices("pas") {
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        let blank = |c: char| matches!(c, '"' | '\'' | ' ' | '\t' | '=');
        let rest = text.get(key..).unwrap_or_default();
        let value = rest.trim_start_matches(word).trim_start_matches(blank);
        let start = text.len() - value.len();
        let between = text.get(key..start).unwrap_or_default();
        if !between.contains('=') || value.starts_with('{') {
            continue;
        }
        let many = between.ends_with("\"\"\"") || between.ends_with("'''");
        let end = if many { None } else { value.find('\n') };
        hide(&mut shown, start..end.map_or(text.len(), |end| start + end));
    }
    shown
}
