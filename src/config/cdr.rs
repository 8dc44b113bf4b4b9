//! `[[cdr.file]]`: files that records of calls are written to.

use std::path::PathBuf;
use std::time::Duration;

use super::form::{Size, Text, Time, Word};
use super::report::Mistake;
use super::table::{At, Key, Part, Section, Shape, Table, Unset};
use super::text;

/// A file that records are appended to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CdrFileConfig {
    /// Where it is.
    pub path: PathBuf,
    /// How a record is written; default JSON lines.
    pub format: CdrFormat,
    /// The columns of CSV; default our own.
    pub profile: CdrProfile,
    /// Whether numbers are masked; default yes.
    pub numbers: CdrNumbers,
    /// Begins a new file before one grows larger, 64 KiB to 64 GiB; default 256 MiB.
    pub rotate_size: u64,
    /// Begins a new file at each multiple of this time since 1970 UTC, 1 min to 31 days; default not by time.
    pub rotate_every: Option<Duration>,
}

/// How a record is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CdrFormat {
    /// One JSON object a line.
    #[default]
    Jsonl,
    /// Comma-separated values.
    Csv,
}

/// Which columns CSV has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CdrProfile {
    /// Our own.
    #[default]
    Default,
    /// Those of Asterisk's `Master.csv`.
    Asterisk,
    /// Those of FreeSWITCH's `mod_cdr_csv`.
    Freeswitch,
    /// Those of CGRateS.
    Cgrates,
}

/// How numbers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CdrNumbers {
    /// Called ones without their middle, calling ones without their tail.
    #[default]
    Masked,
    /// In plain; calling ones only when their verification has ended.
    Plain,
}

const PATH: Key<Text<PathBuf>> = Key::fixed(
    "path",
    text::PATH,
    Unset::Needed("\"cdr.jsonl\""),
    "The file; records are appended. Its folder must be there.",
);
const FORMAT: Key<Word<CdrFormat>> = Key::fixed(
    "format",
    Word(&[("jsonl", CdrFormat::Jsonl), ("csv", CdrFormat::Csv)]),
    Unset::Default("\"jsonl\""),
    "One JSON object a line, or comma-separated values.",
);
const PROFILE: Key<Word<CdrProfile>> = Key::fixed(
    "profile",
    Word(&[
        ("default", CdrProfile::Default),
        ("asterisk", CdrProfile::Asterisk),
        ("freeswitch", CdrProfile::Freeswitch),
        ("cgrates", CdrProfile::Cgrates),
    ]),
    Unset::Default("\"default\""),
    "Columns of CSV: our own, or those that other software writes.",
);
const NUMBERS: Key<Word<CdrNumbers>> = Key::fixed(
    "numbers",
    Word(&[("masked", CdrNumbers::Masked), ("plain", CdrNumbers::Plain)]),
    Unset::Default("\"masked\""),
    "Whether numbers are masked. In plain, the calling one still waits for the end of its verification.",
);
const SIZE: Key<Size> = Key::fixed(
    "size",
    Size(64 << 10..=64 << 30),
    Unset::Default("\"256MiB\""),
    "A new file begins before one grows larger.",
);
const EVERY: Key<Time> = Key::fixed(
    "every",
    Time(Duration::from_secs(60)..=Duration::from_secs(31 * 86_400)),
    Unset::Nothing("\"1h\""),
    "A new file begins at each multiple of this time in UTC: 1h is each full hour. By default only for size, and on SIGHUP.",
);

const ROTATE: Part = Part {
    name: "rotate",
    shape: Shape::Inline(r#"{ size = "256MiB", every = "1h" }"#),
    section: &ROTATE_SECTION,
};

static ROTATE_SECTION: Section =
    Section { doc: "When a new file begins", keys: &[&SIZE, &EVERY], parts: &[] };

const FILE: Part = Part { name: "file", shape: Shape::Any, section: &FILE_SECTION };

static FILE_SECTION: Section = Section {
    doc: "A file that records of calls are appended to",
    keys: &[&PATH, &FORMAT, &PROFILE, &NUMBERS],
    parts: &[&ROTATE],
};

pub(super) const PART: Part = Part { name: "cdr", shape: Shape::One, section: &SECTION };

static SECTION: Section =
    Section { doc: "Where records of calls go, besides the store", keys: &[], parts: &[&FILE] };

pub(super) fn read(table: &Table<'_>) -> Vec<CdrFileConfig> {
    let files: Vec<_> = table.parts(&FILE).iter().map(read_file).collect();
    for (place, (path, _)) in files.iter().enumerate() {
        let same = |(other, _): &&(At<PathBuf>, _)| other.value == path.value;
        let first = files.iter().take(place).find(same);
        if let Some((first, _)) = first.filter(|_| !path.value.as_os_str().is_empty()) {
            table.note(
                Mistake::error(path.at.clone(), "two of the files are the same")
                    .expected("expected a path of its own")
                    .also(first.at.clone(), "the other one"),
            );
        }
    }
    files.into_iter().map(|(_, file)| file).collect()
}

fn read_file(table: &Table<'_>) -> (At<PathBuf>, CdrFileConfig) {
    let path = table.placed(&PATH);
    let rotate = table.part(&ROTATE);
    let file = CdrFileConfig {
        path: table.context.folder.join(&path.value),
        format: table.get(&FORMAT),
        profile: table.get(&PROFILE),
        numbers: table.get(&NUMBERS),
        rotate_size: rotate.get(&SIZE),
        rotate_every: rotate.find(&EVERY).map(|at| at.value),
    };
    if file.format == CdrFormat::Jsonl
        && file.profile != CdrProfile::Default
        && let Some(at) = table.place(&PROFILE)
    {
        table.note(
            Mistake::error(at, "a profile is a choice of columns, and JSON lines have none")
                .expected("leave it out, or set format = \"csv\""),
        );
    }
    (path, file)
}
