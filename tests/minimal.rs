//! The smallest configuration verifies somebody: `examples/config/minimal.toml`, with other ports because its own may be
//! taken, and its data directory in the test's folder.

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
use std::path::Path;
use std::process::Command;

use serde_json::json;

use support::far_end::FarEnd;
use support::running::{folder, serve};

#[test]
fn fourteen_lines_verify_somebody() {
    let far_end = FarEnd::start(Ipv4Addr::LOCALHOST);
    let folder = folder("minimal");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/config/minimal.toml");
    let text = fs::read_to_string(example).unwrap();
    assert!(text.lines().count() < 15, "{text}");
    assert!(text.contains("\"127.0.0.1:5070\""), "{text}");
    let ports = text.replace("127.0.0.1:5070", &far_end.address.to_string())
        + "\n[sip]\nlisten = \"127.0.0.1:0\"\n\n[api]\nlisten = \"127.0.0.1:0\"\n";
    let file = folder.join("onering.toml");
    fs::write(&file, ports).unwrap();
    // The data directory begins where the file is.
    let served = serve(&file);
    let key = served.key(&["start", "check"]);
    let (status, made) = served.post(&key, "/v1/verifications", &json!({"to": "+12025550142"}));
    assert_eq!(status, 201, "{made}");
    let code = far_end.code("+12025550142");
    let check = format!("/v1/verifications/{}/check", made["id"].as_str().unwrap());
    let (status, judged) = served.post(&key, &check, &json!({"code": code}));
    assert_eq!((status, &judged["result"]), (200, &json!("approved")), "{judged}");
    assert_eq!(judged["verification"]["status"], "approved");
    assert!(served.program.stop().0.success());
    let mut export = Command::new(env!("CARGO_BIN_EXE_onering"));
    let records = export.args(["cdr", "export", "-c"]).arg(&file).output().unwrap();
    let records = String::from_utf8(records.stdout).unwrap();
    let record: serde_json::Value = serde_json::from_str(&records).unwrap();
    assert_eq!(record["call_id"], far_end.calls()[0].call_id, "{record}");
    let report = far_end.end();
    assert!(report.clean, "{}", report.text);
}
