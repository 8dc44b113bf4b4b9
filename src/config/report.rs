//! What is wrong with a configuration: every mistake at once, each with its file, line, column, a caret under the very
//! value, what is wrong and what would be right.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

/// Most mistakes of one kind that are shown; a list of a million wrong lines is wrong in the same way everywhere.
const SHOWN_MAX: usize = 100;

/// Whether a mistake keeps the file from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It does.
    Error,
    /// It does not, but somebody should look.
    Warning,
}

/// Where something stands: bytes of one of the files that were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Which file; 0 is the configuration itself.
    pub(super) source: usize,
    pub(super) at: Range<usize>,
}

/// One mistake, as it is made.
#[derive(Clone, Debug)]
pub(super) struct Mistake {
    severity: Severity,
    place: Option<Place>,
    problem: String,
    /// Under the caret: what was expected there.
    expected: String,
    help: Option<String>,
    /// Another place that has to do with it, and how.
    also: Option<(Place, String)>,
}

impl Mistake {
    /// An error in the configuration itself.
    pub(super) fn error(at: Range<usize>, problem: impl Into<String>) -> Self {
        Self::new(Severity::Error, Some(Place { source: 0, at }), problem.into())
    }

    /// A warning about the configuration itself.
    pub(super) fn warning(at: Range<usize>, problem: impl Into<String>) -> Self {
        Self::new(Severity::Warning, Some(Place { source: 0, at }), problem.into())
    }

    /// An error in any of the files.
    pub(super) fn error_in(place: Place, problem: impl Into<String>) -> Self {
        Self::new(Severity::Error, Some(place), problem.into())
    }

    const fn new(severity: Severity, place: Option<Place>, problem: String) -> Self {
        Self { severity, place, problem, expected: String::new(), help: None, also: None }
    }

    pub(super) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn also(mut self, at: Range<usize>, what: impl Into<String>) -> Self {
        self.also = Some((Place { source: 0, at }, what.into()));
        self
    }
}

/// A file as it may be shown: secrets that stand in it are hidden.
#[derive(Clone, Debug)]
struct Source {
    name: String,
    text: String,
}

/// Mistakes while they are found.
#[derive(Debug)]
pub(super) struct Notes {
    report: RefCell<Report>,
}

impl Notes {
    /// For a configuration; `text` as it may be shown.
    pub(super) fn new(name: &str, text: String) -> Self {
        let source = Source { name: name.to_owned(), text };
        let report = Report { sources: vec![source], mistakes: Vec::new(), more: [0; 2] };
        Self { report: RefCell::new(report) }
    }

    /// Another file that mistakes may be in.
    pub(super) fn add_source(&self, name: String, text: String) -> usize {
        let sources = &mut self.report.borrow_mut().sources;
        sources.push(Source { name, text });
        sources.len() - 1
    }

    /// Hides bytes of the configuration from whoever reads the report.
    pub(super) fn hide(&self, at: Range<usize>) {
        if let Some(source) = self.report.borrow_mut().sources.first_mut() {
            super::secret::hide(&mut source.text, at);
        }
    }

    pub(super) fn add(&self, mistake: Mistake) {
        let mut report = self.report.borrow_mut();
        let alike = report.mistakes.iter().filter(|m| m.severity == mistake.severity).count();
        if alike < SHOWN_MAX {
            report.mistakes.push(mistake);
        } else {
            let [errors, warnings] = &mut report.more;
            let more = if mistake.severity == Severity::Error { errors } else { warnings };
            *more += 1;
        }
    }

    /// Whether an error was found so far.
    pub(super) fn has_errors(&self) -> bool {
        self.report.borrow().errors() > 0
    }

    /// What was found, in the order of the file, errors first.
    pub(super) fn into_report(self) -> Report {
        let mut report = self.report.into_inner();
        let order = |mistake: &Mistake| {
            let place = mistake.place.as_ref();
            (mistake.severity, place.map(|place| (place.source, place.at.start, place.at.end)))
        };
        report.mistakes.sort_by_key(order);
        report
    }
}

/// Mistakes of a configuration, errors before warnings, each in the order of the file.
#[derive(Clone, Debug)]
pub struct Report {
    sources: Vec<Source>,
    mistakes: Vec<Mistake>,
    /// Errors and warnings beyond those that are shown.
    more: [usize; 2],
}

/// A mistake as it is read by programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Whether the file can be used all the same.
    pub severity: Severity,
    /// The file.
    pub file: String,
    /// Its line, from 1; nothing where the file cannot be read at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The character in the line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// What is wrong.
    pub problem: String,
    /// What would be right there.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub expected: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Report {
    /// Of a file that cannot be read at all.
    pub(super) fn unreadable(name: &str, problem: String) -> Self {
        let source = Source { name: name.to_owned(), text: String::new() };
        let mistake = Mistake::new(Severity::Error, None, problem);
        Self { sources: vec![source], mistakes: vec![mistake], more: [0; 2] }
    }

    /// How many errors there are.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    /// How many warnings there are.
    #[must_use]
    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    fn count(&self, severity: Severity) -> usize {
        let [errors, warnings] = self.more;
        let more = if severity == Severity::Error { errors } else { warnings };
        self.mistakes.iter().filter(|mistake| mistake.severity == severity).count() + more
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.mistakes.is_empty()
    }

    /// The mistakes, one by one.
    pub fn findings(&self) -> impl Iterator<Item = Finding> {
        self.mistakes.iter().map(|mistake| {
            let source = mistake.place.as_ref().map_or(0, |place| place.source);
            let source = self.sources.get(source);
            let place = mistake.place.as_ref().zip(source);
            let (line, column) = place
                .map(|(place, source)| position(&source.text, place.at.start))
                .map_or((None, None), |(line, column)| (Some(line), Some(column)));
            Finding {
                severity: mistake.severity,
                file: source.map(|source| source.name.clone()).unwrap_or_default(),
                line,
                column,
                problem: mistake.problem.clone(),
                expected: mistake.expected.clone(),
                help: mistake.help.clone(),
            }
        })
    }

    /// The whole as text for people; `colours` only for a terminal.
    #[must_use]
    pub fn render(&self, colours: bool) -> String {
        let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for mistake in &self.mistakes {
            let level = match mistake.severity {
                Severity::Error => Level::ERROR,
                Severity::Warning => Level::WARNING,
            };
            let mut group = level
                .primary_title(mistake.problem.as_str())
                .elements(mistake.place.as_ref().and_then(|place| self.snippet(mistake, place)));
            if let Some(help) = &mistake.help {
                group = group.element(Level::HELP.message(help.as_str()));
            }
            text.push_str(&renderer.render(&[group as Group<'_>]));
            text.push_str("\n\n");
        }
        let [errors, warnings] = self.more;
        if errors + warnings > 0 {
            text.push_str(&format!("and {} more like these\n\n", errors + warnings));
        }
        text
    }

    /// The lines that a mistake is about, with its carets.
    fn snippet<'a>(
        &'a self,
        mistake: &'a Mistake,
        place: &Place,
    ) -> Option<Snippet<'a, annotate_snippets::Annotation<'a>>> {
        let source = self.sources.get(place.source)?;
        let at = within(&source.text, &place.at);
        let also = mistake.also.as_ref().filter(|(also, _)| also.source == place.source);
        let also = also.map(|(also, what)| (within(&source.text, &also.at), what));
        let first = also.as_ref().map_or(at.start, |(also, _)| also.start.min(at.start));
        let last = also.as_ref().map_or(at.end, |(also, _)| also.end.max(at.end));
        let begin = source.text.get(..first)?.rfind('\n').map_or(0, |end| end + 1);
        let rest = source.text.get(last..)?;
        let end = last + rest.find('\n').unwrap_or(rest.len());
        let moved = |at: Range<usize>| at.start - begin..at.end - begin;
        let mut caret = AnnotationKind::Primary.span(moved(at));
        if !mistake.expected.is_empty() {
            caret = caret.label(mistake.expected.as_str());
        }
        let mut snippet = Snippet::source(source.text.get(begin..end)?)
            .path(source.name.as_str())
            .line_start(position(&source.text, begin).0)
            .annotation(caret);
        if let Some((also, what)) = also {
            snippet =
                snippet.annotation(AnnotationKind::Context.span(moved(also)).label(what.as_str()));
        }
        Some(snippet)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(false).trim_end())
    }
}

impl std::error::Error for Report {}

/// The range between whole characters of the text.
fn within(text: &str, at: &Range<usize>) -> Range<usize> {
    let floor = |byte: usize| {
        let byte = byte.min(text.len());
        (0..=byte).rev().find(|byte| text.is_char_boundary(*byte)).unwrap_or(0)
    };
    let start = floor(at.start);
    start..floor(at.end).max(start)
}

/// Line and character in the line, both from 1.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..within(text, &(byte..byte)).start).unwrap_or_default();
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    (line, column)
}
