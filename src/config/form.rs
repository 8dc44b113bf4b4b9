//! What a value may be: read, described and put into the schema by the same words.

use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use serde_json::json;
use toml::Spanned;
use toml::de::DeValue;

use super::table::At;
use super::value::{duration, show_duration, show_size, size};

/// What is wrong with a value, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) at: Range<usize>,
    pub(super) problem: String,
    /// What would be right there, if it is not what the whole value should be.
    pub(super) expected: Option<String>,
}

impl Wrong {
    pub(super) fn new(at: Range<usize>, problem: impl Into<String>) -> Self {
        Self { at, problem: problem.into(), expected: None }
    }

    /// A value of a wrong type.
    pub(super) fn typed(value: &Spanned<DeValue<'_>>) -> Self {
        Self::new(value.span(), format!("found {}", type_name(value.get_ref())))
    }
}

/// A kind of value.
pub(super) trait Form {
    /// What it is read to.
    type Value;

    /// What may be written, behind the word *expected*.
    fn expects(&self) -> String;

    /// The same as JSON schema.
    fn schema(&self) -> serde_json::Value;

    /// Reads it; where it cannot, says why.
    fn read(&self, value: &Spanned<DeValue<'_>>, wrong: &mut Vec<Wrong>) -> Option<Self::Value>;
}

/// A kind of value with a stand-in for what could not be read, so that the rest of the file is read too. A file with
/// mistakes never becomes a configuration.
pub(super) trait Blank: Form {
    /// The stand-in.
    fn blank(&self) -> Self::Value;
}

/// `true` or `false`.
pub(super) struct Flag;

/// A whole number in a range.
pub(super) struct Whole(pub(super) RangeInclusive<u64>);

/// A duration in a range, written with its unit.
pub(super) struct Time(pub(super) RangeInclusive<Duration>);

/// A number of bytes in a range, written with its unit.
pub(super) struct Size(pub(super) RangeInclusive<u64>);

/// One of these words.
pub(super) struct Word<T: 'static>(pub(super) &'static [(&'static str, T)]);

/// Text that is read by a function.
pub(super) struct Text<T> {
    /// What it is, behind the word *expected*.
    pub(super) expects: &'static str,
    pub(super) read: fn(&str) -> Result<T, String>,
}

/// A list, or a single one without brackets.
pub(super) struct Many<F>(pub(super) F);

impl Form for Flag {
    type Value = bool;

    fn expects(&self) -> String {
        "true or false".to_owned()
    }

    fn schema(&self) -> serde_json::Value {
        json!({ "type": "boolean" })
    }

    fn read(&self, value: &Spanned<DeValue<'_>>, wrong: &mut Vec<Wrong>) -> Option<bool> {
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            wrong.push(Wrong::typed(value));
        }
        flag
    }
}

impl Blank for Flag {
    fn blank(&self) -> bool {
        false
    }
}

impl Form for Whole {
    type Value = u64;

    fn expects(&self) -> String {
        format!("a whole number from {} to {}", self.0.start(), self.0.end())
    }

    fn schema(&self) -> serde_json::Value {
        json!({ "type": "integer", "minimum": self.0.start(), "maximum": self.0.end() })
    }

    fn read(&self, value: &Spanned<DeValue<'_>>, wrong: &mut Vec<Wrong>) -> Option<u64> {
        let DeValue::Integer(number) = value.get_ref() else {
            wrong.push(Wrong::typed(value));
            return None;
        };
        let read = i128::from_str_radix(number.as_str(), number.radix()).ok();
        let found = read.and_then(|number| u64::try_from(number).ok());
        let fits = found.filter(|number| self.0.contains(number));
        if fits.is_none() {
            let problem = match read {
                Some(number) => format!("{number} is out of range"),
                None => "the number is out of range".to_owned(),
            };
            wrong.push(Wrong::new(value.span(), problem));
        }
        fits
    }
}

impl Blank for Whole {
    fn blank(&self) -> u64 {
        *self.0.start()
    }
}

impl Form for Time {
    type Value = Duration;

    fn expects(&self) -> String {
        let (least, most) = (show_duration(*self.0.start()), show_duration(*self.0.end()));
        format!("a duration from {least} to {most}")
    }

    fn schema(&self) -> serde_json::Value {
        let pattern = r"^[0-9]+(\.[0-9]+)?(us|ms|s|m|h|d)$";
        json!({ "type": "string", "pattern": pattern, "description": self.expects() })
    }

    fn read(&self, value: &Spanned<DeValue<'_>>, wrong: &mut Vec<Wrong>) -> Option<Duration> {
        with_unit(value, wrong, duration, |time| {
            self.0.contains(time).then_some(()).ok_or_else(|| show_duration(*time))
        })
    }
}

impl Blank for Time {
    fn blank(&self) -> Duration {
        *self.0.start()
    }
}

impl Form for Size {
    type Value = u64;

    fn expects(&self) -> String {
        format!("a size from {} to {}", show_size(*self.0.start()), show_size(*self.0.end()))
    }

    fn schema(&self) -> serde_json::Value {
        let pattern = r"^[0-9]+(\.[0-9]+)?(B|KiB|MiB|GiB)$";
        json!({ "type": "string", "pattern": pattern, "description": self.expects() })
    }

    fn read(&self, value: &Spanned<DeValue<'_>>, wrong: &mut Vec<Wrong>) -> Option<u64> {
        with_unit(value, wrong, size, |bytes| {
            self.0.contains(bytes).then_some(()).ok_or_else(|| show_size(*bytes))
        })
    }
}

impl Blank for Size {
    fn blank(&self) -> u64 {
        *self.0.start()
    }
}

/// Reads a number with its unit. A bare number gets the same answer with and without quotes: that its unit is missing.
fn with_unit<T>(
    value: &Spanned<DeValue<'_>>,
    wrong: &mut Vec<Wrong>,
    read: fn(&str) -> Result<T, String>,
    fits: impl FnOnce(&T) -> Result<(), String>,
) -> Option<T> {
    let text = match value.get_ref() {
        DeValue::String(text) => text.as_ref(),
        DeValue::Integer(number) => number.as_str().trim_start_matches('+'),
        DeValue::Float(number) => number.as_str().trim_start_matches('+'),
        DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            wrong.push(Wrong::typed(value));
            return None;
        }
    };
    let read = read(text).and_then(|found| {
        let fits = fits(&found).map_err(|shown| format!("{shown} is out of range"));
        fits.map(|()| found)
    });
    read.map_err(|problem| wrong.push(Wrong::new(value.span(), problem))).ok()
}

impl<T: Copy> Form for Word<T> {
    type Value = T;

    fn expects(&self) -> String {
        let words: Vec<_> = self.0.iter().map(|(word, _)| format!("{word:?}")).collect();
        match words.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => words.concat(),
        }
    }

    fn schema(&self) -> serde_json::Value {
        json!({ "enum": self.0.iter().map(|(word, _)| *word).collect::<Vec<_>>() })
    }

    fn read(&self, value: &Spanned<DeValue<'_>>, wrong: &mut Vec<Wrong>) -> Option<T> {
        let DeValue::String(text) = value.get_ref() else {
            wrong.push(Wrong::typed(value));
            return None;
        };
        let found = self.0.iter().find(|(word, _)| word == text).map(|(_, meant)| *meant);
        if found.is_none() {
            let near = nearest(text, self.0.iter().map(|(word, _)| *word));
            let near = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
            wrong.push(Wrong::new(value.span(), format!("{text:?} is not known{near}")));
        }
        found
    }
}

impl<T: Copy> Blank for Word<T> {
    #[expect(clippy::indexing_slicing, reason = "a word has something to choose from")]
    fn blank(&self) -> T {
        self.0[0].1
    }
}

impl<T> Form for Text<T> {
    type Value = T;

    fn expects(&self) -> String {
        self.expects.to_owned()
    }

    fn schema(&self) -> serde_json::Value {
        json!({ "type": "string", "description": self.expects })
    }

    fn read(&self, value: &Spanned<DeValue<'_>>, wrong: &mut Vec<Wrong>) -> Option<T> {
        let DeValue::String(text) = value.get_ref() else {
            wrong.push(Wrong::typed(value));
            return None;
        };
        let read = (self.read)(text);
        read.map_err(|problem| wrong.push(Wrong::new(value.span(), problem))).ok()
    }
}

impl<T: Default> Blank for Text<T> {
    fn blank(&self) -> T {
        T::default()
    }
}

impl<F: Form> Form for Many<F> {
    type Value = Vec<At<F::Value>>;

    fn expects(&self) -> String {
        format!("a list of: {}", self.0.expects())
    }

    fn schema(&self) -> serde_json::Value {
        let one = self.0.schema();
        json!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1, "uniqueItems": true }] })
    }

    fn read(&self, value: &Spanned<DeValue<'_>>, wrong: &mut Vec<Wrong>) -> Option<Self::Value> {
        let DeValue::Array(array) = value.get_ref() else {
            let one = self.0.read(value, wrong)?;
            return Some(vec![At { value: one, at: value.span() }]);
        };
        let expected = |of: Wrong, expected: String| Wrong { expected: Some(expected), ..of };
        if array.is_empty() {
            let empty = Wrong::new(value.span(), "the list is empty");
            wrong.push(expected(empty, "fill it, or leave the key out".to_owned()));
            return None;
        }
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        for item in array {
            if let DeValue::String(text) = item.get_ref()
                && !seen.insert(text)
            {
                let twice = Wrong::new(item.span(), format!("{text:?} stands there twice"));
                wrong.push(expected(twice, "leave it out".to_owned()));
            }
            let mut inner = Vec::new();
            if let Some(one) = self.0.read(item, &mut inner) {
                found.push(At { value: one, at: item.span() });
            }
            wrong.extend(inner.into_iter().map(|of| {
                let one =
                    of.expected.clone().unwrap_or_else(|| format!("expected {}", self.0.expects()));
                expected(of, one)
            }));
        }
        Some(found)
    }
}

impl<F: Form> Blank for Many<F> {
    fn blank(&self) -> Self::Value {
        Vec::new()
    }
}

/// What a value of a wrong type is.
pub(super) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The known word that was probably meant.
pub(super) fn nearest<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let distance =
        |word: &str| strsim::damerau_levenshtein(&typed.to_lowercase(), &word.to_lowercase());
    let near = known.into_iter().map(|word| (distance(word), word)).min_by_key(|(far, _)| *far);
    near.filter(|(far, word)| *far <= (word.len().max(typed.len()) / 3).max(1))
        .map(|(_, word)| word)
}
