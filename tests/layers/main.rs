//! The house keeps its floors: who may name whom, what pure modules must not contain, and how long a file
//! may be. The table of ranks is read from `ARCHITECTURE.md`, so that what people read is what is checked.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test may fail the test"
)]

mod source;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use source::{Source, Use};
use table::{Row, Table};

/// Code longer than this is cut at its seam.
const FILE_LINES_MAX: usize = 600;

/// What pure modules must not name: the world, its clocks, locks, and what does IO for us.
const IMPURE: [&str; 31] = [
    "std::fs",
    "std::io",
    "std::thread",
    "std::process",
    "std::env",
    "std::os",
    "std::net::UdpSocket",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::ToSocketAddrs",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::time::UNIX_EPOCH",
    "std::sync::Mutex",
    "std::sync::RwLock",
    "std::sync::Condvar",
    "std::sync::Barrier",
    "std::sync::Once",
    "std::sync::OnceLock",
    "std::sync::LazyLock",
    "std::sync::mpsc",
    "std::sync::atomic",
    "tokio",
    "mio",
    "nix",
    "socket2",
    "libc",
    "clap",
    "hdrhistogram",
    "tracing_subscriber",
    "rand",
];
/// Writes into memory as well, and a pure module has nothing else to write into.
const PURE_AFTER_ALL: [&str; 1] = ["std::io::Write"];
const IMPURE_MACROS: [&str; 6] =
    ["println!", "print!", "eprintln!", "eprint!", "dbg!", "thread_local!"];
/// The one place that knows where chance comes from.
const CHANCE: &str = "base::rng";

/// Everything in `src` that breaks the table, one sentence each.
fn offences(src: &Path, table: &Table) -> Vec<String> {
    let mut found = Vec::new();
    for path in rust_files(src) {
        let shown = path.strip_prefix(src).unwrap().display().to_string();
        let module = module_of(path.strip_prefix(src).unwrap());
        let source = Source::read(&fs::read_to_string(&path).unwrap());
        match module.as_slice() {
            [] => found.extend(root_offences(&shown, &source)),
            // Tests that moved out of their file stay tests.
            module if module.iter().any(|part| part == "tests") => {}
            module => found.extend(module_offences(&shown, module, &source, table)),
        }
    }
    found
}

/// The crate's root is a map: it declares modules and imports nothing. `main` goes through the library.
fn root_offences(file: &str, source: &Source) -> Vec<String> {
    let mut uses = source.uses(&[]);
    uses.retain(|found| found.path.first().is_some_and(|root| root == "crate"));
    uses.iter().map(|found| format!("{file}:{}: the root names {found}", found.line)).collect()
}

fn module_offences(file: &str, module: &[String], source: &Source, table: &Table) -> Vec<String> {
    let mut found = Vec::new();
    let row = table.row_of(module);
    if row.is_none() && !table.is_face(module) {
        found.push(format!("{file}: {} is in no row of the table", module.join("::")));
    }
    for named in source.uses(module) {
        let sentence = match named.path.split_first() {
            Some((root, path)) if root == "crate" => misnamed(module, row, path, table),
            _ => None,
        };
        let sentence =
            sentence.or_else(|| row.filter(|row| row.pure).and_then(|_| impurity(module, &named)));
        if let Some(sentence) = sentence {
            found.push(format!("{file}:{}: {sentence}", named.line));
        }
    }
    if row.is_some_and(|row| row.pure) {
        for (line, text) in source.lines() {
            let word = IMPURE_MACROS.iter().find(|word| has_word(&text, word));
            if let Some(word) =
                word.or_else(|| text.contains("static mut ").then_some(&"static mut"))
            {
                found.push(format!("{file}:{line}: {word} in a pure module"));
            }
        }
    }
    found
}

/// What is wrong with `module` naming `crate::path`.
fn misnamed(
    module: &[String],
    row: Option<&Row>,
    path: &[String],
    table: &Table,
) -> Option<String> {
    let (from, to) = (module.join("::"), path.join("::"));
    if path.last().is_some_and(|last| last == "*") {
        return Some(format!("{from} imports all of {to}"));
    }
    let Some(target) = table.row_of(path) else {
        return Some(format!("{from} names {to}, which is in no row of the table"));
    };
    let Some(row) = row else {
        return (!path.starts_with(module))
            .then(|| format!("{from} only holds its folders together, but names {to}"));
    };
    (!row.may_name(target)).then(|| {
        format!(
            "{} (rank {}) names {to} ({}, rank {})",
            row.module, row.rank, target.module, target.rank
        )
    })
}

/// The part of the world that a pure module names.
fn impurity(module: &[String], named: &Use) -> Option<String> {
    let (module, path) = (module.join("::"), named.path.join("::"));
    let within = |outer: &str, inner: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let all = path.strip_suffix("::*");
    let found = IMPURE.iter().find(|word| {
        within(word, &path) || all.is_some_and(|all| within(all, word) || within(word, all))
    })?;
    (!PURE_AFTER_ALL.contains(&path.as_str()) && (module != CHANCE || *found != "rand"))
        .then(|| format!("{path} in the pure module {module}"))
}

/// Whether `word` stands in `text` with no letter before it.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

fn module_of(file: &Path) -> Vec<String> {
    let mut module: Vec<String> =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        module.pop();
    }
    module
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn architecture() -> Table {
    Table::parse(&fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap())
}

#[test]
fn every_import_runs_downward_and_pure_modules_are_pure() {
    let found = offences(&root().join("src"), &architecture());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_table_itself_has_no_way_up() {
    let table = architecture();
    assert!(table.rows.len() > 8, "the table of ranks was not found");
    for row in &table.rows {
        for lower in &row.may_name {
            let target = table.rows.iter().find(|row| row.module == *lower);
            let target = target.unwrap_or_else(|| panic!("{} names {lower}, no row", row.module));
            assert!(target.rank < row.rank, "{} may not name {lower}", row.module);
            assert!(!row.pure || target.pure, "{} is pure, {lower} is not", row.module);
        }
    }
}

#[test]
fn the_table_names_nothing_that_is_not_there() {
    for row in architecture().rows {
        let path = root().join("src").join(row.module.replace("::", "/"));
        assert!(
            path.is_dir() || path.with_extension("rs").is_file(),
            "{} has no files",
            row.module
        );
    }
}

#[test]
fn no_file_is_too_long() {
    let folders = ["src", "tests", "examples", "benches"];
    for path in folders.iter().flat_map(|folder| rust_files(&root().join(folder))) {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= FILE_LINES_MAX, "{} has {lines} lines", path.display());
    }
}

/// A house of three floors in a folder of its own, with one file changed.
fn planted(name: &str, file: &str, text: &str) -> Vec<String> {
    let src = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("layers-{}-{name}", std::process::id()));
    let table = Table::parse(
        "| Rank | Module | What | May name | Pure |\n| --- | --- | --- | --- | --- |\n\
         | 0 | `base` | ground | – | yes |\n| 1 | `sip::txn` | first | `base` | yes |\n\
         | 1 | `call` | first | `base` | yes |\n| 2 | `io` | top | `sip::txn`, `base` | no |\n",
    );
    let house = [
        ("lib.rs", "pub mod base;"),
        ("base/mod.rs", "pub mod rng;\nuse std::time::Duration;"),
        ("base/rng.rs", "use rand::Rng;"),
        ("sip/mod.rs", "pub mod txn;"),
        (
            "sip/txn/mod.rs",
            "use crate::base::rng; // crate::io is above\nuse std::net::SocketAddr;",
        ),
        ("call.rs", "use std::collections::BTreeMap;"),
        ("io/mod.rs", "use crate::{base, sip::txn};\nuse std::fs;"),
    ];
    for (path, usual) in house {
        let to = src.join(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, if path == file { text } else { usual }).unwrap();
    }
    if !house.iter().any(|(path, _)| *path == file) {
        fs::write(src.join(file), text).unwrap();
    }
    let found = offences(&src, &table);
    fs::remove_dir_all(src).unwrap();
    found
}

#[test]
fn a_sound_house_has_no_offences() {
    assert_eq!(planted("sound", "call.rs", ""), [""; 0]);
}

#[test]
fn planted_offences_are_found() {
    let cases = [
        ("base/mod.rs", "use crate::sip::txn::Key;", "names sip::txn::Key"),
        ("call.rs", "use crate::sip::txn;", "call (rank 1) names sip::txn"),
        ("call.rs", "fn f() {\n    crate::io::send();\n}", "call.rs:2: "),
        ("sip/txn/mod.rs", "use crate::{base::{self, rng}, io::net};", "names io::net"),
        ("sip/txn/mod.rs", "use super::super::io;", "names io"),
        ("sip/txn/mod.rs", "use crate::base::*;", "imports all of base"),
        ("sip/mod.rs", "pub mod txn;\nuse crate::base;", "only holds its folders together"),
        ("lib.rs", "pub use crate::base::rng;", "the root names crate::base::rng"),
        ("attic.rs", "", "attic is in no row"),
        ("call.rs", "use crate::attic::Box;", "attic::Box, which is in no row"),
        ("call.rs", "use std::time::{Duration, Instant};", "std::time::Instant in the pure"),
        ("call.rs", "use std::time::*;", "std::time::* in the pure"),
        ("call.rs", "fn f() -> std::io::Result<()> { Ok(()) }", "std::io::Result in the pure"),
        ("call.rs", "async fn f() { tokio::task::yield_now().await }", "tokio::task"),
        ("call.rs", "use std::net::{IpAddr, UdpSocket};", "std::net::UdpSocket in the pure"),
        ("call.rs", "fn f() { println!(\"x\") }", "println! in a pure"),
        ("call.rs", "use rand::Rng as _;", "rand::Rng in the pure"),
        (
            "call.rs",
            "#[cfg(test)]\nmod tests { fn f() { \"}\" } }\nuse std::fs;",
            "call.rs:3: std::fs",
        ),
    ];
    for (n, (file, text, said)) in cases.into_iter().enumerate() {
        let found = planted(&n.to_string(), file, text);
        assert!(found.len() == 1 && found[0].contains(said), "{file}: {text}: {found:?}");
    }
}

#[test]
fn what_only_looks_like_an_offence_is_none() {
    let text = "/* crate::io /* nested */ std::fs */\n\
                /// Like [`crate::io`].\n\
                const A: &str = \"crate::io \\\" std::fs\";\n\
                const B: &str = r#\"use \"std::fs\";\"#;\n\
                const C: [char; 2] = ['\"', '\\''];\n\
                fn lifetime<'a>(x: &'a str) -> &'a str { x }\n\
                #[cfg(test)]\nmod tests {\n    use super::*;\n    use std::fs;\n    fn f() { println!(\"}\"); }\n}\n";
    assert_eq!(planted("looks", "call.rs", text), [""; 0]);
}
