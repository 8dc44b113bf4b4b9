//! Commands that know from the configuration what they need: `call -c`, `trunk list -c`, and the records of `cdr -c`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test may fail the test"
)]

mod support {
    #[expect(dead_code, reason = "a part of it is enough here")]
    pub(crate) mod far_end;
    #[expect(dead_code, reason = "a part of it is enough here")]
    pub(crate) mod running;
}

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use support::far_end::FarEnd;
use support::running::{folder, serve};

fn onering(args: &[&str], file: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onering"));
    command.args(args).arg("-c").arg(file).output().unwrap()
}

fn json(args: &[&str], file: &Path) -> Value {
    let output = onering(&[args, &["--json"]].concat(), file);
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"))
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Two trunks with a pool each; the second rings short, says more headers, and serves Britain. A third has no route.
fn file(name: &str, first: &FarEnd, second: &FarEnd) -> PathBuf {
    let folder = folder(name);
    let text = format!(
        "[sip]\nlisten = \"127.0.0.1:0\"\n\n[api]\nlisten = \"127.0.0.1:0\"\nsocket = \"elsewhere.sock\"\n\n\
         [[trunk]]\nname = \"west\"\ntarget = \"{}\"\n\n\
         [[trunk]]\nname = \"east\"\ntarget = [\"{}\", \"127.0.0.1:9\"]\ndomain = \"sip.east.example\"\n\
         asserted_identity = true\nheaders = [\"X-Account: 17\"]\nring_hold = \"20ms\"\nno_alert = \"15s\"\n\n\
         [[trunk]]\nname = \"spare\"\ntarget = \"127.0.0.1:9\"\n\n\
         [[pool]]\nname = \"american\"\nnumbers = [\"+12025550000-+12025550099\"]\n\n\
         [[pool]]\nname = \"british\"\nnumbers = [\"+442079460000-+442079460099\"]\n\n\
         [[route]]\nname = \"britain\"\nprefix = \"+44\"\ntrunks = [\"east\"]\npool = \"british\"\n\n\
         [[route]]\nname = \"rest\"\ntrunks = [\"west\"]\npool = \"american\"\n\n\
         [destinations]\ncountries = [\"US\", \"GB\"]\n",
        first.address, second.address
    );
    let file = folder.join("onering.toml");
    fs::write(&file, text).unwrap();
    file
}

fn far_ends() -> (FarEnd, FarEnd) {
    (FarEnd::start(Ipv4Addr::LOCALHOST), FarEnd::start(Ipv4Addr::LOCALHOST))
}

#[test]
fn a_call_goes_by_the_route_of_its_number_or_by_the_trunk_that_is_named() {
    let (west, east) = far_ends();
    let file = file("call-by-configuration", &west, &east);
    let call = |args: &[&str]| json(&[&["call"], args].concat(), &file);
    let american = call(&["+12025550142"]);
    assert_eq!((&american["trunk"], &american["outcome"]), (&json!("west"), &json!("rang")));
    assert!(american["from"].as_str().unwrap().starts_with("+120255500"), "{american}");
    let british = call(&["+442079460142", "--trace"]);
    assert_eq!((&british["trunk"], &british["outcome"]), (&json!("east"), &json!("rang")));
    assert!(british["from"].as_str().unwrap().starts_with("+4420794600"), "{british}");
    let invite = british["ladder"][0]["raw"].as_str().unwrap();
    for part in ["sip:+442079460142@sip.east.example", "X-Account: 17", "P-Asserted-Identity:"] {
        assert!(invite.contains(part), "no {part} in {invite}");
    }
    assert!(british["hold_us"].as_u64().is_some_and(|us| us < 600_000), "{british}");
    // A named trunk has the numbers of its own routes; what is said goes before what is configured.
    let named = call(&["+12025550143", "--trunk", "east", "--hold", "0ms"]);
    assert_eq!(named["trunk"], "east");
    assert!(named["from"].as_str().unwrap().starts_with("+4420794600"), "{named}");
    let from = call(&["+12025550144", "--from", "+12025559999"]);
    assert_eq!((&from["trunk"], &from["from"]), (&json!("west"), &json!("+12025559999")));
    assert_eq!((west.calls().len(), east.calls().len()), (2, 2));
    // Somebody who looks on is told over which trunk, and from which number.
    let shown = onering(&["call", "+12025550145"], &file);
    let shown = String::from_utf8(shown.stdout).unwrap();
    let told = format!("over trunk west, from {}\n", west.display("+12025550145"));
    assert!(shown.starts_with(&told), "{shown}");
    for far_end in [west, east] {
        let report = far_end.end();
        assert!(report.clean, "{}", report.text);
    }
}

#[test]
fn what_cannot_be_called_is_said() {
    let (west, east) = far_ends();
    let file = file("no-call", &west, &east);
    let refused = |args: &[&str], said: &str| {
        let output = onering(&[&["call", "+12025550142"], args].concat(), &file);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(said), "{args:?}: {}", stderr(&output));
    };
    refused(&["--trunk", "north"], "there is no trunk \"north\"; there are: west, east, spare");
    refused(
        &["--trunk", "spare"],
        "no route uses trunk \"spare\", so it has no numbers: say --from",
    );
    refused(&["--target", "127.0.0.1:9"], "cannot be used with");
    refused(&["--header", "X-A: 1"], "cannot be used with");
    fs::write(&file, "[[trunk]]\n").unwrap();
    refused(&[], "onering.toml has ");
    assert!(west.calls().is_empty() && east.calls().is_empty());
}

#[test]
fn a_call_beside_the_service_leaves_its_port_alone() {
    let (west, east) = far_ends();
    let file = file("call-beside", &west, &east);
    let served = serve(&file);
    let call = json(&["call", "+12025550142"], &file);
    assert_eq!(call["outcome"], "rang", "{call}");
    assert!(served.program.stop().0.success());
}

#[test]
fn trunks_are_listed_by_the_file_and_by_the_service_while_it_runs() {
    let (west, east) = far_ends();
    let file = file("trunk-list", &west, &east);
    let listed = json(&["trunk", "list"], &file);
    assert_eq!(listed["running"], false);
    let names: Vec<&str> =
        listed["trunks"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["west", "east", "spare"]);
    let second = &listed["trunks"][1];
    assert_eq!(second["targets"], json!([east.address.to_string(), "127.0.0.1:9"]));
    assert_eq!((&second["ring_hold_ms"], &second["no_alert_ms"]), (&json!(20), &json!(15_000)));
    let table = onering(&["trunk", "list"], &file);
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("west   ") && table.contains("The service does not run"), "{table}");

    let served = serve(&file);
    // What the file says by now does not count; where the socket is is read all the same.
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"west\"", "\"wild\"").replace("20ms", "6s")).unwrap();
    let listed = json(&["trunk", "list"], &file);
    assert_eq!((&listed["running"], &listed["trunks"][0]["name"]), (&json!(true), &json!("west")));
    assert_eq!(listed["trunks"][1]["ring_hold_ms"], 20);
    assert_eq!(listed["trunks"][1]["targets"], json!([east.address.to_string(), "127.0.0.1:9"]));
    assert_eq!(listed["trunks"][1]["callable"], true);
    assert_eq!(listed["trunks"][1]["calls_active"], 0);
    assert!(served.program.stop().0.success());
    let broken = onering(&["trunk", "list"], &file);
    assert_eq!(broken.status.code(), Some(2));
    assert!(stderr(&broken).contains("trunk.ring_hold"), "{}", stderr(&broken));
}

#[test]
fn records_are_found_by_the_configuration() {
    let (west, east) = far_ends();
    let file = file("records-by-configuration", &west, &east);
    let none = onering(&["cdr", "list"], &file);
    assert_eq!(none.status.code(), Some(1));
    assert!(stderr(&none).contains("no service answers there, and there is no store"));
    let served = serve(&file);
    assert!(!served.socket.exists(), "the socket is elsewhere");
    // A secret that only the service has is in nobody's way.
    let text = fs::read_to_string(&file).unwrap();
    let auth = "auth = { username = \"a\", password = { env = \"ONERING_NOT_THERE\" } }\n";
    fs::write(&file, text.replacen("asserted_identity", &format!("{auth}asserted_identity"), 1))
        .unwrap();
    assert_eq!(json(&["cdr", "list"], &file), json!([]));
    assert!(served.program.stop().0.success());
    assert_eq!(json(&["cdr", "list"], &file), json!([]));
    fs::write(&file, "[store]\ndir = 7\n").unwrap();
    let wrong = onering(&["cdr", "list"], &file);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(stderr(&wrong).contains("store.dir"), "{}", stderr(&wrong));
}
