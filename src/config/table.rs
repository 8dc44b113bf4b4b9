//! A table of the file, read key by key. What it may hold is described once ([`Section`]), and from that description come
//! reading, the schema, the example and `docs/CONFIG.md`.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::form::{Blank, Form, Many, Text, Wrong, nearest, type_name};
use super::report::{Mistake, Notes};

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) at: Range<usize>,
}

/// What holds where a key is left out.
pub(super) enum Unset {
    /// It must not be; an example.
    Needed(&'static str),
    /// This, as it would be written.
    Default(&'static str),
    /// What the text of the key says; an example.
    Nothing(&'static str),
    /// The same, but most files have it, and so has the example.
    Usual(&'static str),
}

/// A key of the configuration.
pub(super) struct Key<F> {
    pub(super) name: &'static str,
    pub(super) form: F,
    pub(super) unset: Unset,
    pub(super) doc: &'static str,
    /// Whether a change counts only after a restart.
    pub(super) restart: bool,
}

impl<F> Key<F> {
    pub(super) const fn new(name: &'static str, form: F, unset: Unset, doc: &'static str) -> Self {
        Self { name, form, unset, doc, restart: false }
    }

    /// One that counts only after a restart when it changes.
    pub(super) const fn fixed(
        name: &'static str,
        form: F,
        unset: Unset,
        doc: &'static str,
    ) -> Self {
        Self { name, form, unset, doc, restart: true }
    }
}

/// A key without its type, for whoever describes it.
pub(super) trait Described: Sync {
    fn name(&self) -> &'static str;
    fn doc(&self) -> &'static str;
    fn unset(&self) -> &Unset;
    fn restart(&self) -> bool;
    fn expects(&self) -> String;
    fn schema(&self) -> serde_json::Value;
}

impl<F: Form + Sync> Described for Key<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn doc(&self) -> &'static str {
        self.doc
    }

    fn unset(&self) -> &Unset {
        &self.unset
    }

    fn restart(&self) -> bool {
        self.restart
    }

    fn expects(&self) -> String {
        self.form.expects()
    }

    fn schema(&self) -> serde_json::Value {
        self.form.schema()
    }
}

/// How often a table may stand in another one, and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `[name]`.
    One,
    /// `[[name]]`, at least once.
    Needed,
    /// `[[name]]`.
    Any,
    /// `name = { … }`, an example of which this is.
    Inline(&'static str),
}

/// A table inside another one.
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) section: &'static Section,
}

/// What a table may hold.
pub(super) struct Section {
    pub(super) doc: &'static str,
    pub(super) keys: &'static [&'static dyn Described],
    pub(super) parts: &'static [&'static Part],
}

impl Section {
    /// All names that may stand in it.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        let keys = self.keys.iter().map(|key| key.name());
        keys.chain(self.parts.iter().map(|part| part.name))
    }
}

/// What reading needs besides the table.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) notes: &'a Notes,
    /// Relative paths begin here.
    pub(super) folder: &'a Path,
    /// The whole, to say where a misplaced key belongs.
    pub(super) root: &'static Section,
}

/// A table while it is read.
#[derive(Clone)]
pub(super) struct Table<'a> {
    pub(super) context: Context<'a>,
    section: &'static Section,
    /// How it is called in messages: `trunk.auth`.
    path: String,
    /// Nothing where the file has no such table: then every key has its default.
    values: Option<&'a DeTable<'a>>,
    /// Where it begins.
    pub(super) at: Range<usize>,
}

impl<'a> Table<'a> {
    /// The whole file.
    pub(super) fn root(context: Context<'a>, values: &'a DeTable<'a>, end: usize) -> Self {
        let table = Self {
            context,
            section: context.root,
            path: String::new(),
            values: Some(values),
            at: end..end,
        };
        table.refuse_unknown();
        table
    }

    /// Whether the file has it.
    pub(super) const fn is_there(&self) -> bool {
        self.values.is_some()
    }

    /// Whether a key is written in it, right or wrong.
    pub(super) fn has<F>(&self, key: &Key<F>) -> bool {
        self.values.is_some_and(|values| values.contains_key(key.name))
    }

    /// Where the value of a key stands, right or wrong.
    pub(super) fn place<F>(&self, key: &Key<F>) -> Option<Range<usize>> {
        Some(self.values?.get(key.name)?.span())
    }

    /// A table in it as if it were not there: all defaults.
    pub(super) fn absent(&self, part: &Part) -> Self {
        self.open(part, None, self.at.clone())
    }

    pub(super) fn note(&self, mistake: Mistake) {
        self.context.notes.add(mistake);
    }

    /// A key with the way to it.
    pub(super) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The value of a key if it is there and right.
    pub(super) fn find<F: Form>(&self, key: &Key<F>) -> Option<At<F::Value>> {
        let written = self.values?.get(key.name)?;
        let mut wrong = Vec::new();
        let read = key.form.read(written, &mut wrong);
        for Wrong { at, problem, expected } in wrong {
            let problem = format!("{}: {problem}", self.path_of(key.name));
            let expected = expected.unwrap_or_else(|| format!("expected {}", key.form.expects()));
            self.note(Mistake::error(at, problem).expected(expected));
        }
        read.map(|value| At { value, at: written.span() })
    }

    /// The value of a key or its default; nothing where it is wrong, or missing though it is needed, which is noted.
    pub(super) fn needed<F: Form>(&self, key: &Key<F>) -> Option<At<F::Value>> {
        if self.has(key) {
            return self.find(key);
        }
        match key.unset {
            Unset::Default(text) => {
                default(&key.form, text).map(|value| At { value, at: self.at.clone() })
            }
            Unset::Needed(example) => {
                let problem = format!("{} is missing", self.path_of(key.name));
                self.note(
                    Mistake::error(self.at.clone(), problem)
                        .expected(format!("expected {} = {example}", key.name))
                        .help(format!("it is {}", key.form.expects())),
                );
                None
            }
            Unset::Nothing(_) | Unset::Usual(_) => None,
        }
    }

    /// As [`needed`](Self::needed), with a stand-in for nothing.
    pub(super) fn placed<F: Blank>(&self, key: &Key<F>) -> At<F::Value> {
        let blank = || At { value: key.form.blank(), at: self.at.clone() };
        self.needed(key).unwrap_or_else(blank)
    }

    /// An address to listen on; loopback stands in for one that cannot be read.
    pub(super) fn address(&self, key: &Key<Text<SocketAddr>>) -> At<SocketAddr> {
        let blank = || At { value: ([127, 0, 0, 1], 0).into(), at: self.at.clone() };
        self.needed(key).unwrap_or_else(blank)
    }

    /// The values of a list that may be left out.
    pub(super) fn list<F: Form>(&self, key: &Key<Many<F>>) -> Vec<F::Value> {
        self.get(key).into_iter().map(|at| at.value).collect()
    }

    /// As [`placed`](Self::placed), without the place.
    pub(super) fn get<F: Blank>(&self, key: &Key<F>) -> F::Value {
        self.placed(key).value
    }

    /// A table in it, also where it is not there.
    pub(super) fn part(&self, part: &Part) -> Self {
        let written = self.values.and_then(|values| values.get(part.name));
        match written.map(|value| (value, value.get_ref())) {
            Some((value, DeValue::Table(table))) => self.open(part, Some(table), value.span()),
            Some((value, other)) => {
                self.not_a_table(part, value.span(), other);
                self.open(part, None, value.span())
            }
            None => self.open(part, None, self.at.clone()),
        }
    }

    /// The tables of this name in it. Where one is needed and there is none, that is noted.
    pub(super) fn parts(&self, part: &Part) -> Vec<Self> {
        let written = self.values.and_then(|values| values.get(part.name));
        let found = match written.map(|value| (value, value.get_ref())) {
            Some((_, DeValue::Array(array))) => {
                let open = |item: &'a Spanned<DeValue<'a>>| {
                    let table = item.get_ref().as_table();
                    if table.is_none() {
                        self.not_a_table(part, item.span(), item.get_ref());
                    }
                    table.map(|table| self.open(part, Some(table), item.span()))
                };
                array.iter().filter_map(open).collect()
            }
            Some((value, other)) => {
                let path = self.path_of(part.name);
                let problem = format!("{path}: found {}", type_name(other));
                let double = "expected double brackets: there may be several";
                self.note(
                    Mistake::error(value.span(), problem)
                        .expected(double)
                        .help(format!("write [[{path}]]")),
                );
                return Vec::new();
            }
            None => Vec::new(),
        };
        if found.is_empty() && part.shape == Shape::Needed {
            let path = self.path_of(part.name);
            self.note(
                Mistake::error(self.at.clone(), format!("there is no [[{path}]]"))
                    .help(format!("{}; `onering config example` shows one", part.section.doc)),
            );
        }
        found
    }

    fn not_a_table(&self, part: &Part, at: Range<usize>, found: &DeValue<'_>) {
        let path = self.path_of(part.name);
        let expected = match part.shape {
            Shape::Inline(example) => format!("expected {} = {example}", part.name),
            Shape::One => format!("expected a table: [{path}]"),
            Shape::Needed | Shape::Any => format!("expected tables: [[{path}]]"),
        };
        let problem = format!("{path}: found {}", type_name(found));
        self.note(Mistake::error(at, problem).expected(expected));
    }

    fn open(&self, part: &Part, values: Option<&'a DeTable<'a>>, at: Range<usize>) -> Self {
        let path = self.path_of(part.name);
        let table = Self { context: self.context, section: part.section, path, values, at };
        table.refuse_unknown();
        table
    }

    fn refuse_unknown(&self) {
        for (key, _) in self.values.into_iter().flatten() {
            let name = key.get_ref().as_ref();
            if self.section.names().any(|known| known == name) {
                continue;
            }
            let problem =
                format!("there is no key {}", self.path_of(&name.escape_debug().to_string()));
            let mut mistake = Mistake::error(key.span(), problem);
            if let Some(near) = nearest(name, self.section.names()) {
                mistake = mistake.expected(format!("did you mean {near}?"));
            } else if let Some(home) = home_of(name, self.context.root, "") {
                mistake = mistake.expected(format!("{name} belongs into {home}"));
            } else {
                let known: Vec<_> = self.section.names().collect();
                mistake = mistake.help(format!("known here: {}", known.join(", ")));
            }
            self.note(mistake);
        }
    }
}

/// The table that has a key of this name.
fn home_of(name: &str, section: &Section, path: &str) -> Option<String> {
    section.parts.iter().find_map(|part| {
        let inner =
            if path.is_empty() { part.name.to_owned() } else { format!("{path}.{}", part.name) };
        if part.section.names().any(|known| known == name) {
            return Some(match part.shape {
                Shape::One => format!("[{inner}]"),
                Shape::Needed | Shape::Any => format!("[[{inner}]]"),
                Shape::Inline(_) => inner,
            });
        }
        home_of(name, part.section, &inner)
    })
}

/// A default, read as if it stood in the file.
pub(super) fn default<F: Form>(form: &F, text: &str) -> Option<F::Value> {
    let value = DeValue::parse(text).ok()?;
    form.read(&value, &mut Vec::new())
}
