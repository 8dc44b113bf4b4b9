//! A service with verifications in every phase, and the applications that drive it.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::echo::Echo;
use crate::search::Secrets;
use crate::support::http::{Answer, Events, ask};
use crate::support::phones::{Phones, Ring};
use crate::support::running::{Served, folder, serve};

/// Files that records go to: name, format, profile, numbers.
pub(crate) const FILES: &[(&str, &str, &str, &str)] = &[
    ("masked.jsonl", "jsonl", "default", "masked"),
    ("plain.jsonl", "jsonl", "default", "plain"),
    ("masked.csv", "csv", "default", "masked"),
    ("plain.csv", "csv", "default", "plain"),
    ("plain-asterisk.csv", "csv", "asterisk", "plain"),
    ("plain-freeswitch.csv", "csv", "freeswitch", "plain"),
    ("plain-cgrates.csv", "csv", "cgrates", "plain"),
    ("masked-asterisk.csv", "csv", "asterisk", "masked"),
];

/// A verification, and whom it calls.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub(crate) id: String,
    pub(crate) to: String,
}

pub(crate) struct Stage {
    _echo: Option<Echo>,
    pub(crate) phones: Phones,
    pub(crate) served: Served,
    pub(crate) folder: PathBuf,
    /// May start and check.
    app: String,
    pub(crate) reads: String,
    pub(crate) reveals: String,
    /// What the application was answered.
    pub(crate) answered: RefCell<Vec<Answer>>,
    /// Claims that were wrong, and that nothing may repeat.
    pub(crate) claims: RefCell<Vec<String>>,
}

/// All numbers whose last eight digits are `0ab00cd0`: 6,561 of them, one on each line.
fn numbers() -> String {
    let pairs = || (11..=99).filter(|pair| pair % 10 != 0);
    pairs().flat_map(|ab| pairs().map(move |cd| format!("+1200{ab}00{cd}0\n"))).collect()
}

fn configuration(folder: &Path, target: SocketAddr, format: &str) -> PathBuf {
    let mut text = format!(
        "[sip]\nlisten = \"127.0.0.1:0\"\n\n[api]\nlisten = \"127.0.0.1:0\"\n\n[store]\ndir = \"{}\"\n\n\
         [log]\nlevel = \"trace\"\nformat = \"{format}\"\n\n\
         [[pool]]\nname = \"numbers\"\nfile = \"numbers.txt\"\n\n[destinations]\ncountries = [\"US\"]\n\n\
         [[profile]]\nname = \"default\"\ncode_length = 8\nlifetime = \"10m\"\nduplicates = \"allow\"\nredials = 5\n\n",
        folder.join("data").display()
    );
    fs::write(folder.join("numbers.txt"), numbers()).unwrap();
    // Calls to 202 555 ring for as long as they may, those to 202 556 not at all.
    for (name, hold, prefix) in [("slow", "5s", "+1202555"), ("quick", "0ms", "+1202556")] {
        write!(
            text,
            "[[trunk]]\nname = \"{name}\"\ntarget = \"{target}\"\nring_hold = \"{hold}\"\nno_alert = \"180s\"\n\n\
             [[route]]\nprefix = [\"{prefix}\"]\ntrunks = [\"{name}\"]\npool = \"numbers\"\n\n"
        )
        .unwrap();
    }
    for (name, format, profile, numbers) in FILES {
        let profile =
            if *format == "csv" { format!("profile = \"{profile}\"\n") } else { String::new() };
        let path = folder.join(name);
        write!(
            text,
            "[[cdr.file]]\npath = \"{}\"\nformat = \"{format}\"\n{profile}numbers = \"{numbers}\"\n\n",
            path.display()
        )
        .unwrap();
    }
    let file = folder.join("onering.toml");
    fs::write(&file, text).unwrap();
    file
}

impl Stage {
    /// With a log in this form, and perhaps a network that repeats whatever number it hears.
    pub(crate) fn open(name: &str, format: &str, repeats: bool) -> Self {
        let phones = Phones::start(|_| {});
        let echo = repeats.then(|| Echo::start(phones.address));
        let target = echo.as_ref().map_or(phones.address, |echo| echo.address);
        let folder = folder(&format!("secrecy-{name}"));
        let served = serve(&configuration(&folder, target, format));
        let (app, reads) = (served.key(&["start", "check"]), served.key(&["read"]));
        let reveals = served.key(&["read", "reveal"]);
        let (answered, claims) = (RefCell::default(), RefCell::default());
        Self { _echo: echo, phones, served, folder, app, reads, reveals, answered, claims }
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        let answer = ask(self.served.api, "POST", path, &self.app, &body.to_string());
        self.answered.borrow_mut().push(answer.clone());
        answer
    }

    fn start(&self, to: &str) -> Open {
        let answer = self.post("/v1/verifications", &json!({ "to": to }));
        assert_eq!(answer.status, 201, "{}", answer.text());
        Open { id: answer.json()["id"].as_str().unwrap().to_owned(), to: to.to_owned() }
    }

    /// Verifications in every phase, each of which stays there for as long as somebody looks.
    pub(crate) fn every_phase(&mut self) -> Vec<Open> {
        let numbers = [
            // Never answered: dialing; the second one waits behind it.
            "+12025552000",
            "+12025552000",
            // Nothing but 100.
            "+12025552100",
            // Rings for five seconds.
            "+12025552180",
            // The CANCEL is out, and no final comes.
            "+12025562187",
            "+12025562194",
            // Over, and the code is awaited.
            "+12025562180",
            "+12025562486",
            "+12025562201",
            "+12025562205",
        ];
        let open: Vec<_> = numbers.iter().map(|to| self.start(to)).collect();
        for to in numbers {
            self.phones.call(to, 1);
        }
        for one in open.iter().skip(4) {
            let over = if matches!(&one.to[9..], "187" | "194") {
                "verification.flashed"
            } else {
                "call.completed"
            };
            let mut events = Events::follow(self.served.api, &self.reads, &one.id, None);
            assert!(events.any(|event| event.name == over), "{one:?}");
        }
        open
    }

    /// Another phone rings while somebody looks.
    pub(crate) fn ring_once_more(&self, round: usize) {
        let to = format!("+12025553{}", 700 + round % 300);
        self.start(&to);
        self.phones.call(&to, 1);
    }

    /// The service dies without a last word, and is started again.
    pub(crate) fn die_and_rise(&mut self) {
        let next = || serve(&self.folder.join("onering.toml"));
        self.served.program.signal(nix::sys::signal::Signal::SIGKILL);
        // Its sockets and its data directory are free when it has ended.
        while fs::read(format!("/proc/{}/cmdline", self.served.program.id()))
            .is_ok_and(|line| !line.is_empty())
        {
            std::thread::yield_now();
        }
        self.served = next();
    }

    pub(crate) fn phases(&self, open: &[Open]) -> Vec<String> {
        let phase = |one: &Open| {
            let path = format!("/v1/verifications/{}", one.id);
            let said = ask(self.served.api, "GET", &path, &self.reads, "").json();
            said["phase"].as_str().unwrap().to_owned()
        };
        open.iter().map(phase).collect()
    }

    /// Follows every one, until it ends; what was told.
    pub(crate) fn follow_all(&self, open: &[Open]) -> Vec<JoinHandle<String>> {
        let keys = [&self.reads, &self.reveals];
        let both = open.iter().flat_map(|one| keys.map(|key| (one.id.clone(), key.clone())));
        let api = self.served.api;
        both.map(|(id, key)| {
            std::thread::spawn(move || {
                let events = Events::follow(api, &key, &id, None);
                events.map(|event| event.text + "\n").collect()
            })
        })
        .collect()
    }

    /// Claims that are nearly right, and claims that are none but hold the code.
    pub(crate) fn claim_wrongly(&self, open: &[Open]) {
        for one in open.iter().skip(3) {
            let ring = self.phones.call(&one.to, 1);
            let code = ring.code(8);
            let last = (code.as_bytes()[7] - b'0' + 1) % 10;
            let near = format!("{}{last}", &code[..7]);
            let path = format!("/v1/verifications/{}/check", one.id);
            let said = self.post(&path, &json!({ "code": near })).json();
            assert_eq!(said["result"], "invalid", "{said}");
            self.claims.borrow_mut().push(near);
            for body in [
                json!({ "code": format!("{code}x") }),
                json!({ "code": format!("{code}{code}{code}{code}1") }),
                json!({ "code": code, "caller_id": ring.from }),
                json!({ "code": [code] }),
                json!({ "code": code.parse::<u64>().unwrap() }),
            ] {
                let refused = self.post(&path, &body);
                assert!((400..500).contains(&refused.status), "{body}: {}", refused.text());
            }
        }
    }

    /// Ends each in another way: approved, out of tries, cancelled. Those whose record is there by then.
    pub(crate) fn end_all(&self, open: &[Open]) -> Vec<(Open, Ring)> {
        let mut ended = Vec::new();
        for (place, one) in open.iter().enumerate().skip(6) {
            let ring = self.phones.call(&one.to, 1);
            let path = format!("/v1/verifications/{}", one.id);
            let last = match place {
                6 | 9 => self.post(&format!("{path}/check"), &json!({ "code": ring.code(8) })),
                7 => {
                    let wrong =
                        || self.post(&format!("{path}/check"), &json!({ "code": "11111111" }));
                    wrong();
                    wrong()
                }
                _ => self.post(&format!("{path}/cancel"), &json!({})),
            };
            assert_eq!(last.status, 200, "{}", last.text());
            ended.push((one.clone(), ring));
        }
        for one in &open[..6] {
            let path = format!("/v1/verifications/{}/cancel", one.id);
            assert_eq!(self.post(&path, &json!({})).status, 200);
        }
        ended
    }

    /// Every call that came so far.
    pub(crate) fn secrets(&self) -> Secrets {
        let mut secrets = Secrets::default();
        for ring in self.phones.rings() {
            secrets.add(&ring.to, &ring.from);
        }
        secrets
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("serve.log")).unwrap()
    }
}
