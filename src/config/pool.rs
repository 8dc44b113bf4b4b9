//! `[[pool]]`: the numbers that we call from.

use std::fs::File;
use std::io::Read as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::form::{Many, Text};
use super::report::{Mistake, Place};
use super::table::{At, Key, Part, Section, Shape, Table, Unset};
use super::text;
use crate::base::number::Span;
use crate::numbers::pool::{NUMBERS_MAX, Pool};

/// Most bytes of a file of numbers: each number on a line of its own, with room for a remark.
const FILE_MAX: u64 = NUMBERS_MAX * 32;

const NAME: Key<Text<Arc<str>>> =
    Key::new("name", text::NAME, Unset::Needed("\"numbers\""), "Its name in routes and metrics.");
const NUMBERS: Key<Many<Text<Span>>> = Key::new(
    "numbers",
    Many(SPAN),
    Unset::Usual("[\"+12025550000-+12025559999\"]"),
    "Numbers that we may call from: ranges, or single ones. The last digits of the one that is drawn are the code.",
);
const FILE: Key<Text<PathBuf>> = Key::new(
    "file",
    text::PATH,
    Unset::Nothing("\"numbers.txt\""),
    "A file of further numbers: a range or a single one on each line; # begins a remark.",
);

/// Numbers from one to another.
pub(super) const SPAN: Text<Span> = Text {
    expects: "+NUMBER or +FIRST-+LAST",
    read: |text| Span::parse(text).map_err(|error| error.to_string()),
};

pub(super) const PART: Part = Part { name: "pool", shape: Shape::Needed, section: &SECTION };

static SECTION: Section = Section {
    doc: "A pool is the numbers that we own and may call from",
    keys: &[&NAME, &NUMBERS, &FILE],
    parts: &[],
};

/// A pool before its numbers are counted.
pub(super) struct Named {
    pub(super) name: At<Arc<str>>,
    spans: Vec<Span>,
    /// Where its numbers stand.
    pub(super) at: Range<usize>,
}

pub(super) fn read(table: &Table<'_>) -> Named {
    let name = table.placed(&NAME);
    let listed = table.find(&NUMBERS);
    let file = table.find(&FILE);
    let at = listed.as_ref().map(|list| list.at.clone());
    let at = at.or_else(|| file.as_ref().map(|file| file.at.clone()));
    let at = at.unwrap_or_else(|| table.at.clone());
    if !table.has(&NUMBERS) && !table.has(&FILE) {
        table.note(
            Mistake::error(table.at.clone(), "the pool has no numbers")
                .expected(r#"expected numbers = ["+FIRST-+LAST"] or file = "numbers.txt""#),
        );
    }
    let mut spans: Vec<Span> =
        listed.into_iter().flat_map(|at| at.value).map(|at| at.value).collect();
    if let Some(file) = file {
        spans.extend(read_file(table, &file));
    }
    let all: u64 = spans.iter().map(Span::count).sum();
    let distinct: u64 = Span::union(&spans).iter().map(Span::count).sum();
    if distinct < all {
        let twice = format!("{} of the numbers stand here more than once", all - distinct);
        table.note(Mistake::warning(at.clone(), twice).expected("each of them counts once"));
    }
    Named { name, spans, at }
}

impl Named {
    /// The pool with a table for each length of code; what keeps it from being one is noted.
    pub(super) fn build(&self, table: &Table<'_>, code_lengths: &[u8]) -> Option<Arc<Pool>> {
        if self.spans.is_empty() {
            return None;
        }
        match Pool::new(Arc::clone(&self.name.value), &self.spans, code_lengths) {
            Ok(pool) => Some(Arc::new(pool)),
            Err(error) => {
                table.note(Mistake::error(self.at.clone(), error.to_string()));
                None
            }
        }
    }
}

fn read_file(table: &Table<'_>, path: &At<PathBuf>) -> Vec<Span> {
    let full = table.context.folder.join(&path.value);
    let text = match read_text(&full) {
        Ok(text) => text,
        Err(problem) => {
            let problem = format!("cannot read {}: {problem}", full.display());
            table.note(Mistake::error(path.at.clone(), problem));
            return Vec::new();
        }
    };
    let (mut spans, mut wrong, mut begin) = (Vec::new(), Vec::new(), 0);
    for line in text.split_inclusive('\n') {
        let said = line.split('#').next().unwrap_or_default();
        let number = said.trim();
        if !number.is_empty() {
            let indent = said.len() - said.trim_start().len();
            let at = begin + indent..begin + indent + number.len();
            match Span::parse(number) {
                Ok(span) => spans.push(span),
                Err(error) => wrong.push((at, error)),
            }
        }
        begin += line.len();
    }
    if spans.is_empty() && wrong.is_empty() {
        table.note(Mistake::error(path.at.clone(), format!("{} has no numbers", full.display())));
    }
    if !wrong.is_empty() {
        let source = table.context.notes.add_source(full.display().to_string(), text);
        for (at, error) in wrong {
            table.note(
                Mistake::error_in(Place { source, at }, error.to_string())
                    .expected(format!("expected {}", SPAN.expects)),
            );
        }
    }
    spans
}

fn read_text(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut text = String::new();
    file.take(FILE_MAX + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 > FILE_MAX {
        return Err(format!("it is longer than {} MiB", FILE_MAX >> 20));
    }
    Ok(text)
}
