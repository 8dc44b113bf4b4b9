//! The configuration file: what is wrong with it is said all at once, and what is right is understood.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of a test may fail the test"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use onering::base::rng::Rng;
use onering::config::{self, Severity};
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn onering(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onering"));
    command.current_dir(folder).args(args).env("ONERING_WEST_PASSWORD", "sesame");
    command.env_remove("CREDENTIALS_DIRECTORY").output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A folder of this test's own with what `examples/config` has and what its full.toml wants besides.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("config-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    for entry in fs::read_dir(root().join("examples/config")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    fs::copy(folder.join("more-numbers.txt"), folder.join("numbers.txt")).unwrap();
    for (file, mode) in [("tls.crt", 0o644), ("tls.key", 0o600), ("secret", 0o600)] {
        write(&folder, file, "sesame\n", mode);
    }
    folder
}

fn write(folder: &Path, file: &str, text: &str, mode: u32) {
    let path = folder.join(file);
    fs::write(&path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The same as tests/config/NAME.txt; `ONERING_BLESS=1` writes the file instead.
fn same_as_kept(name: &str, text: &str) {
    let path = root().join("tests/config").join(format!("{name}.txt"));
    if std::env::var_os("ONERING_BLESS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "{name}:\n{text}\nIf this is meant, ONERING_BLESS=1 rewrites the file.");
}

fn reported(name: &str, exit: i32) -> String {
    let output = onering(&root().join("tests/config"), &["check", "-c", &format!("{name}.toml")]);
    let text = stdout(&output);
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(exit), &b""[..]), "{text}");
    same_as_kept(name, &text);
    text
}

#[test]
fn every_mistake_is_told_at_once_with_its_place() {
    for name in ["values", "names", "missing", "secrets", "syntax", "numbers"] {
        let text = reported(name, 2);
        assert!(!text.contains("sesame"), "{name} tells a secret");
    }
}

#[test]
fn warnings_do_not_keep_a_file_from_being_used() {
    for name in ["warnings", "unserved", "nobody"] {
        let text = reported(name, 0);
        assert!(text.contains("warning: ") && !text.contains("error: "), "{text}");
        assert!(!text.contains("sesame"), "{name} tells a secret");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = folder("unreadable");
    fs::write(folder.join("latin.toml"), b"[sip]\nlisten = \"\xfc\"\n").unwrap();
    let cases = [
        ("nowhere.toml", "cannot read nowhere.toml: No such file"),
        (".", "cannot read .: Is a directory"),
        ("latin.toml", "--> latin.toml:2:11"),
    ];
    for (file, said) in cases {
        let output = onering(&folder, &["check", "-c", file]);
        assert_eq!(output.status.code(), Some(2), "{file}");
        assert!(stdout(&output).contains(said), "{file}: {}", stdout(&output));
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_check_for_programs_is_one_object() {
    let output = onering(&root().join("tests/config"), &["check", "-c", "warnings.toml", "--json"]);
    let found = json(&output);
    assert_eq!((output.status.code(), &found["valid"]), (Some(0), &Value::Bool(true)));
    assert_eq!(found["errors"], Value::Array(Vec::new()));
    let first = &found["warnings"][0];
    assert_eq!((&first["line"], &first["column"]), (&5.into(), &40.into()), "{first}");
    let worth = &found["worth"][0];
    assert_eq!((&worth["numbers"], &worth["distinct"]), (&200.into(), &200.into()), "{worth}");
    assert_eq!((&worth["one_in"], &worth["meets_20_bits"]), (&67.into(), &false.into()));
    let output = onering(&root().join("tests/config"), &["check", "-c", "syntax.toml", "--json"]);
    let found = json(&output);
    assert_eq!((output.status.code(), &found["valid"]), (Some(2), &Value::Bool(false)));
    assert_eq!(found["errors"][0]["file"], "syntax.toml");
    assert_eq!(found["errors"][0]["line"], 3);
}

#[test]
fn every_example_is_right() {
    let folder = folder("examples");
    let mut seen = 0;
    for entry in fs::read_dir(root().join("examples/config")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        if file.ends_with(".toml") {
            let output = onering(&folder, &["check", "-c", &file]);
            assert_eq!(output.status.code(), Some(0), "{file}: {}", stdout(&output));
            assert!(stdout(&output).contains(": no mistakes\n"), "{}", stdout(&output));
            seen += 1;
        }
    }
    assert_eq!(seen, 3);
    let minimal = fs::read_to_string(folder.join("minimal.toml")).unwrap();
    assert!(minimal.lines().count() < 15);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_printed_example_is_right_with_and_without_what_may_be_left_out() {
    let folder = folder("printed");
    let example = stdout(&onering(&folder, &["config", "example"]));
    let taken = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => rest.to_owned(),
        _ => line.to_owned(),
    };
    let all: Vec<String> = example.lines().map(taken).collect();
    let all = all.join("\n").replace("CARRIER_PASSWORD", "ONERING_WEST_PASSWORD");
    for (file, text) in [("as-it-is.toml", &example), ("all.toml", &all)] {
        fs::write(folder.join(file), text).unwrap();
        let output = onering(&folder, &["check", "-c", file]);
        assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    }
    for (path, _) in keys(&schema(), "") {
        let name = path.rsplit('.').next().unwrap();
        let at = |line: &str| {
            line.starts_with(&format!("{name} = ")) || line.contains(&format!(" {name} = "))
        };
        assert!(all.lines().any(at), "the example has no {path}");
    }
    fs::remove_dir_all(folder).unwrap();
}

fn schema() -> Value {
    json(&onering(root(), &["config", "schema"]))
}

/// Every key of the schema with its path, `trunk.auth.username`, and its own schema.
fn keys(schema: &Value, path: &str) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (name, inner) in schema["properties"].as_object().unwrap() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let table = if inner["type"] == "array" { &inner["items"] } else { inner };
        if table.get("properties").is_some() {
            assert_eq!(table["additionalProperties"], false, "{path}");
            found.extend(keys(table, &path));
        } else {
            found.push((path, inner.clone()));
        }
    }
    found
}

/// The place of a key in a file, in the first of several tables that has it.
fn value_of<'a>(file: &'a mut toml::Value, path: &str) -> Option<&'a mut toml::Value> {
    let Some((first, rest)) = path.split_once('.') else { return file.get_mut(path) };
    let table = file.get_mut(first)?;
    if table.is_array() {
        return table.as_array_mut()?.iter_mut().find_map(|table| value_of(table, rest));
    }
    value_of(table, rest)
}

#[test]
fn every_key_is_in_the_full_example_and_is_read() {
    let text = fs::read_to_string(root().join("examples/config/full.toml")).unwrap();
    let keys = keys(&schema(), "");
    assert!(keys.len() > 50, "{}", keys.len());
    let wrong: toml::Value = "1979-05-27".parse().unwrap();
    for (path, _) in keys {
        let mut file: toml::Value = toml::from_str(&text).unwrap();
        let value = value_of(&mut file, &path);
        let value = value.unwrap_or_else(|| panic!("examples/config/full.toml has no {path}"));
        *value = wrong.clone();
        let text = toml::to_string(&file).unwrap();
        let report = config::parse("full.toml", &text, Path::new("")).unwrap_err();
        let said = format!("{path}: found a date");
        assert!(report.findings().any(|found| found.problem == said), "{path}: {report}");
    }
}

#[test]
fn the_schema_gives_each_default_as_the_key_may_be_written() {
    for (path, schema) in keys(&schema(), "") {
        let shown = schema.get("default").or_else(|| schema["examples"].get(0));
        let shown = shown.unwrap_or_else(|| panic!("{path} has neither default nor example"));
        if let Some(words) = schema.get("enum") {
            assert!(words.as_array().unwrap().contains(shown), "{path}");
        }
        let fits = match schema["type"].as_str() {
            Some("string") => shown.is_string(),
            Some("boolean") => shown.is_boolean(),
            Some("integer") => {
                let range = schema["minimum"].as_u64()..=schema["maximum"].as_u64();
                range.contains(&shown.as_u64())
            }
            Some(other) => panic!("{path} is {other}"),
            None => schema.get("anyOf").is_some() || schema.get("enum").is_some(),
        };
        assert!(fits && !schema["description"].as_str().unwrap().is_empty(), "{path}: {schema}");
    }
}

/// minimal.toml with a password.
fn with_password(folder: &Path, password: &str) -> Output {
    let minimal = fs::read_to_string(folder.join("minimal.toml")).unwrap();
    let auth = format!("\nauth = {{ username = \"acme\", password = {password} }}\n\n[[pool]]");
    fs::write(folder.join("secret.toml"), minimal.replacen("\n[[pool]]", &auth, 1)).unwrap();
    onering(folder, &["check", "-c", "secret.toml"])
}

#[test]
fn secrets_come_from_where_they_are_kept_and_are_never_shown() {
    let folder = folder("secrets");
    for password in ["{ env = \"ONERING_WEST_PASSWORD\" }", "{ file = \"secret\" }"] {
        let output = with_password(&folder, password);
        assert_eq!(output.status.code(), Some(0), "{password}: {}", stdout(&output));
        assert!(stdout(&output).contains("no mistakes"), "{}", stdout(&output));
    }
    let output = with_password(&folder, "\"sesame\"");
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("warning: trunk.auth.password stands in the file"));
    assert!(!stdout(&output).contains("sesame"), "{}", stdout(&output));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_secret_that_everybody_may_read_is_refused() {
    let folder = folder("modes");
    for (mode, refused) in [(0o600, false), (0o640, false), (0o604, true), (0o666, true)] {
        write(&folder, "secret", "sesame", mode);
        let output = with_password(&folder, "{ file = \"secret\" }");
        assert_eq!(stdout(&output).contains("everybody may read secret"), refused, "{mode:o}");
        assert_eq!(output.status.code(), Some(if refused { 2 } else { 0 }));
    }
    write(&folder, "tls.key", "sesame", 0o644);
    let text = stdout(&onering(&folder, &["check", "-c", "full.toml"]));
    assert!(text.contains("everybody may read tls.key (mode 0644); chmod 600 tls.key"), "{text}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn credentials_of_systemd_are_files_in_its_folder() {
    let folder = folder("credentials");
    let output = with_password(&folder, "{ credential = \"secret\" }");
    assert_eq!(output.status.code(), Some(2));
    assert!(stdout(&output).contains("LoadCredential="), "{}", stdout(&output));
    let mut command = Command::new(env!("CARGO_BIN_EXE_onering"));
    command.current_dir(&folder).args(["check", "-c", "secret.toml"]);
    let output = command.env("CREDENTIALS_DIRECTORY", &folder).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn paths_begin_in_the_folder_of_the_file() {
    let folder = folder("paths");
    let output = onering(root(), &["check", "-c", folder.join("full.toml").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let minimal = config::load(&folder.join("minimal.toml")).unwrap();
    assert_eq!(minimal.config.store.dir, folder.join("data"));
    assert_eq!(minimal.config.api.socket, folder.join("data/onering.sock"));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_route_is_explained() {
    let folder = root().join("examples/config");
    let explain = |args: &[&str]| {
        let args: Vec<&str> = ["route", "explain"].iter().chain(args).copied().collect();
        let output = onering(&folder, &[&args[..], &["-c", "two-trunks.toml", "--json"]].concat());
        (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
    };
    let (exit, said) = explain(&["+442079460123"]);
    assert_eq!(
        (exit, &said["route"], &said["pool"]),
        (Some(0), &"britain".into(), &"british".into())
    );
    assert_eq!(said["trunks"], serde_json::json!(["east", "west"]));
    let (exit, said) = explain(&["020 7946 0123", "--region", "gb"]);
    assert_eq!((exit, &said["to"]), (Some(0), &"+442079460123".into()));
    let (exit, said) = explain(&["+4930901820"]);
    assert_eq!((exit, &said["route"]), (Some(1), &"elsewhere".into()));
    assert_eq!((&said["allowed"], &said["country"]), (&false.into(), &"DE".into()));
    let (exit, said) = explain(&["+12025550150"]);
    assert_eq!((exit, &said["test_number_of"][0]), (Some(0), &"shop".into()));
    assert_eq!(explain(&["12"]), (Some(2), Value::Null));
    let output = onering(&folder, &["route", "explain", "+442079460123", "-c", "two-trunks.toml"]);
    assert!(stdout(&output).contains("route britain: over east, then west, from pool british"));
}

#[test]
fn a_command_that_needs_a_right_file_says_what_is_wrong_with_this_one() {
    let folder = root().join("tests/config");
    let output = onering(&folder, &["pool", "list", "-c", "syntax.toml"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]));
    assert!(said.contains("--> syntax.toml:3:10"), "{said}");
    assert!(said.ends_with("error: syntax.toml has 4 errors\n"), "{said}");
}

#[test]
fn pools_are_listed() {
    let output =
        onering(&root().join("tests/config"), &["pool", "list", "-c", "warnings.toml", "--json"]);
    let said = json(&output);
    let pools = said.as_array().unwrap();
    assert_eq!(pools.len(), 4, "two pools, two lengths of codes: {said}");
    assert_eq!((&pools[0]["pool"], &pools[0]["distinct"]), (&"small".into(), &200.into()));
    assert_eq!((&pools[2]["pool"], &pools[2]["bits"]), (&"idle".into(), &13.3.into()));
    assert_eq!(pools[2]["routes"], serde_json::json!([]));
}

#[test]
fn a_pool_is_planned() {
    let args = ["pool", "plan", "--code-length", "4", "--tries", "3"];
    let said = json(&onering(root(), &[&args[..], &["--json"]].concat()));
    let sizes = said["sizes"].as_array().unwrap();
    let size = |codes: u32| sizes.iter().find(|size| size["codes"] == codes).unwrap();
    assert_eq!((&size(3000)["one_in"], &size(3000)["possible"]), (&1000.into(), &true.into()));
    assert_eq!((&size(10_000)["one_in"], &size(10_000)["bits"]), (&3333.into(), &13.3.into()));
    let twenty = size(1 << 20);
    assert_eq!((&twenty["meets_20_bits"], &twenty["possible"]), (&true.into(), &false.into()));
    let busy = [&args[..], &["--per-hour", "1200", "--lifetime", "3m", "--json"]].concat();
    let said = json(&onering(root(), &busy));
    assert_eq!(said["open_at_a_time"], 60.0);
    let size = said["sizes"].as_array().unwrap().iter().find(|size| size["codes"] == 3000).unwrap();
    assert_eq!(size["calls_per_number_and_hour"], 0.4);
    assert_eq!(size["hours_between_lucky_guesses"].as_f64().unwrap().round(), 1.0);
    for args in [["--code-length", "3"], ["--tries", "0"], ["--per-hour", "0"], ["--lifetime", "3"]]
    {
        let output = onering(root(), &[&["pool", "plan"][..], &args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
    }
}

/// Files with some bytes taken out, put in or changed, or lines exchanged.
fn mutated(text: &str, rng: &mut Rng) -> String {
    const BITS: [&str; 16] = [
        "\"", "\n", "[", "]", "{", "}", "=", "#", "'''", "\"\"\"", "é", "\0", "-", "9", ".", "auth",
    ];
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=rng.secret_below(3) {
        let at = rng.secret_below(bytes.len() as u64) as usize;
        let end = (at + rng.secret_below(12) as usize).min(bytes.len());
        match rng.secret_below(3) {
            0 => drop(bytes.drain(at..end)),
            1 => bytes[at] = (rng.secret_below(256)) as u8,
            _ => {
                let bit = BITS[rng.secret_below(BITS.len() as u64) as usize];
                drop(bytes.splice(at..at, bit.bytes()));
            }
        }
        if bytes.is_empty() {
            bytes.push(b'#');
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn no_file_causes_a_panic_and_every_error_has_its_place() {
    let mut rng = Rng::from_seed(7);
    let folder = root().join("examples/config");
    let mut wrong = 0;
    for file in ["examples/config/two-trunks.toml", "examples/config/full.toml"] {
        // Small pools, so that many files can be read.
        let text = fs::read_to_string(root().join(file)).unwrap();
        let text = text.replace("0000-", "0090-").replace("9999\"", "0099\"");
        for _ in 0..1000 {
            let text = mutated(&text, &mut rng);
            let Err(report) = config::parse("file.toml", &text, &folder) else { continue };
            wrong += 1;
            assert!(report.errors() > 0 && !report.render(true).is_empty(), "{text}");
            for found in report.findings().filter(|found| found.severity == Severity::Error) {
                let lines = text.split('\n').count();
                let (line, column) = (found.line.unwrap(), found.column.unwrap());
                let within = text.split('\n').nth(line - 1).map(|line| line.chars().count() + 1);
                assert!(line <= lines && column <= within.unwrap(), "{found:?}\n{text}");
            }
        }
    }
    assert!(wrong > 800, "{wrong}");
}
