//! An application that verifies a number: it starts a verification over HTTP, asks for the code, and has it checked.
//!
//! ```text
//! cargo run --example verify_over_http -- http://127.0.0.1:8080 +12025550142
//! ```
//!
//! The key is in the environment variable `ONERING_KEY`; it needs the scopes start and check. The code is what whoever
//! has the phone types. With `--carrier 127.0.0.1:5070` nobody types: a onering carrier there tells whom it rang from where.
//!
//! The application's side of it is plain HTTP and JSON, here over a socket of the standard library.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example prints")]

use std::env;
use std::error::Error;
use std::io::{self, BufRead as _, Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::process::ExitCode;
use std::time::Duration;

use onering::base::number::Destination;
use onering::carrier::tell;
use serde_json::{Value, json};

/// How long the service, or the carrier, may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (url, to, carrier) = match arguments.as_slice() {
        [url, to] => (url, to, None),
        [url, to, "--carrier", address] => (url, to, Some(*address)),
        _ => {
            eprintln!("usage: verify_over_http http://HOST:PORT +NUMBER [--carrier HOST:PORT]");
            return ExitCode::from(2);
        }
    };
    match verify(url, to, carrier) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(1)
        }
    }
}

/// Whether whoever gave the code has the phone of this number.
fn verify(url: &str, to: &str, carrier: Option<&str>) -> Result<bool, Box<dyn Error>> {
    let service = Service::new(url)?;
    // Whoever wants to hear the call listens before it is made.
    let ear = carrier.map(Ear::open).transpose()?;
    let started = service.post("/v1/verifications", &json!({"to": to}))?;
    println!(
        "calling   {}: the call comes from {}…, and its last {} digits are the code",
        text(&started, "/to"),
        text(&started, "/display_prefix"),
        number(&started, "/code_length")
    );
    let code = match ear {
        Some(ear) => ear.code(to, number(&started, "/code_length"))?,
        None => typed()?,
    };
    let checked = service.post(text(&started, "/links/check"), &json!({"code": code}))?;
    let result = text(&checked, "/result");
    println!("checked   {result}, {} tries left", number(&checked, "/attempts_remaining"));
    println!("verdict   {}", text(&checked, "/verification/status"));
    Ok(result == "approved")
}

/// What the person types who was called.
fn typed() -> io::Result<String> {
    print!("code      ");
    io::stdout().flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}

/// The service, and the key to it.
struct Service {
    host: String,
    key: String,
}

impl Service {
    fn new(url: &str) -> Result<Self, Box<dyn Error>> {
        let host = url.strip_prefix("http://").ok_or("the URL begins with http://")?;
        let key = env::var("ONERING_KEY").map_err(|_| "ONERING_KEY holds no key")?;
        Ok(Self { host: host.trim_end_matches('/').to_owned(), key })
    }

    /// Asks; what is refused is an error, in the service's own words.
    fn post(&self, path: &str, body: &Value) -> Result<Value, Box<dyn Error>> {
        let Self { host, key } = self;
        let body = body.to_string();
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("the service answers no HTTP")?;
        let answer: Value = serde_json::from_str(body)?;
        if head.split(' ').nth(1).is_some_and(|status| status.starts_with('2')) {
            return Ok(answer);
        }
        Err(format!("{}: {}", text(&answer, "/code"), text(&answer, "/detail")).into())
    }
}

/// Hears from a onering carrier on this machine whom it rang.
struct Ear(UdpSocket);

impl Ear {
    /// Asks to be told; the answer to that comes at once.
    fn open(carrier: &str) -> io::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(carrier)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.send(tell::ASK)?;
        socket.recv(&mut [0; 2048])?;
        Ok(Self(socket))
    }

    /// The last digits of the number that this phone shows.
    fn code(&self, to: &str, length: u64) -> Result<String, Box<dyn Error>> {
        let phone = Destination::parse(to)?;
        let length = usize::try_from(length)?;
        loop {
            let mut buffer = [0; 2048];
            let size = self.0.recv(&mut buffer)?;
            let told = tell::read(buffer.get(..size).unwrap_or_default());
            let call = told.and_then(|(_, mut calls)| calls.find(|call| call.to == phone));
            if let Some(call) = call {
                let shown = call.from.reveal();
                let digits = shown.as_str();
                return Ok(digits
                    .get(digits.len().saturating_sub(length)..)
                    .unwrap_or_default()
                    .to_owned());
            }
        }
    }
}
