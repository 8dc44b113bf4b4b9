//! The sockets themselves: who gets them, who may open them, TLS, and the end.

use super::support::{Bench, Dir, Running, ask_over, get};
use crate::api::{BindError, Config, Limits, Scope, TlsError, TlsFiles, bind};
use crate::verify::command::Refusal;
use axum::http::{Method, StatusCode};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

fn anywhere() -> Option<SocketAddr> {
    Some("127.0.0.1:0".parse().unwrap())
}

fn on(socket: PathBuf) -> Config {
    Config { listen: None, socket: Some(socket), ..Config::default() }
}

#[tokio::test]
async fn a_port_in_use_is_found_out_before_anything_begins() {
    let first = bind(Config { listen: anywhere(), ..Config::default() }).unwrap();
    let address = first.local_addr().unwrap();
    let error = bind(Config { listen: Some(address), ..Config::default() }).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot listen on {address}: another process has this port")
    );
    let dir = Dir::new();
    let both = Config { listen: Some(address), ..on(dir.0.join("s")) };
    assert!(matches!(bind(both), Err(BindError::Tcp(..))));
    assert!(!dir.0.join("s").exists());
    assert!(matches!(bind(Config { listen: None, ..Config::default() }), Err(BindError::Nowhere)));
}

#[tokio::test]
async fn the_socket_is_its_owners_and_needs_no_key() {
    let running = Running::idle();
    let mode = fs::metadata(&running.socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (status, _) = running.local().request(Method::GET, "/v1/keys", None).await.unwrap();
    assert_eq!(status, StatusCode::OK);
    let socket = running.socket.clone();
    running.stop().await;
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_socket_whose_process_is_gone_is_taken_over_and_no_other() {
    let dir = Dir::new();
    let path = dir.0.join("api.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "nobody removed it");
    let bound = bind(on(path.clone())).unwrap();
    assert!(matches!(bind(on(path.clone())), Err(BindError::SocketInUse(_))));
    // Somebody took the name: it stays his.
    fs::remove_file(&path).unwrap();
    fs::write(&path, "mine").unwrap();
    drop(bound);
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    assert!(matches!(bind(on(path)), Err(BindError::NoSocket(_))));
    let long = dir.0.join("x".repeat(120));
    assert!(matches!(bind(on(long)), Err(BindError::Socket(..))));
}

/// A certificate for `localhost`, in files.
fn certificate(dir: &Dir) -> (TlsFiles, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles { certificates: dir.0.join("cert.pem"), key: dir.0.join("key.pem") };
    fs::write(&files.certificates, made.cert.pem()).unwrap();
    fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let certificate = CertificateDer::from_pem_file(&files.certificates).unwrap();
    (files, certificate)
}

/// Whether a client that trusts this certificate gets an answer.
async fn answers(address: SocketAddr, trusted: CertificateDer<'static>) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(trusted).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let Ok(stream) = TlsConnector::from(Arc::new(config)).connect(name, stream).await else {
        return false;
    };
    ask_over(stream, get("/healthz")).await.status == StatusCode::OK
}

#[tokio::test]
async fn tls_is_spoken_with_the_certificate_that_is_in_the_files_now() {
    let dir = Dir::new();
    let (files, first) = certificate(&dir);
    let bench = Bench::new(&Limits::default(), |_| Err(Refusal::NotOpen));
    let bound =
        bind(Config { listen: anywhere(), tls: Some(files.clone()), ..Config::default() }).unwrap();
    let certificates = bound.certificates().unwrap();
    let running = Running::on(bench, bound, PathBuf::new());
    assert!(answers(running.address, first.clone()).await);
    fs::write(&files.key, "no key").unwrap();
    assert!(matches!(certificates.reload(), Err(TlsError::File(path, _)) if path == files.key));
    assert!(answers(running.address, first.clone()).await, "a bad file changes nothing");
    let (_, second) = certificate(&dir);
    certificates.reload().unwrap();
    assert!(!answers(running.address, first).await);
    assert!(answers(running.address, second).await);
    running.stop().await;
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_named() {
    let dir = Dir::new();
    let (files, _) = certificate(&dir);
    let with = |files: TlsFiles| {
        bind(Config { listen: anywhere(), tls: Some(files), ..Config::default() })
    };
    let missing = TlsFiles { certificates: dir.0.join("none.pem"), ..files.clone() };
    assert!(with(missing).unwrap_err().to_string().contains("none.pem"));
    let other = Dir::new();
    let (another, _) = certificate(&other);
    let mixed = TlsFiles { key: another.key, ..files.clone() };
    assert!(matches!(with(mixed), Err(BindError::Tls(TlsError::Unusable(..)))));
    fs::write(&files.certificates, "").unwrap();
    assert!(matches!(with(files), Err(BindError::Tls(TlsError::NoCertificate(_)))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_is_finished_when_the_service_stops() {
    let (asked, waits) = std::sync::mpsc::sync_channel(1);
    let (go, going) = std::sync::mpsc::sync_channel(1);
    let mut running = Running::with(move |_| {
        asked.send(()).unwrap();
        tokio::task::block_in_place(|| going.recv().unwrap());
        Err(Refusal::Capacity)
    });
    let key = running.bench.key("shop", &[Scope::Start]);
    let stream = UnixStream::connect(&running.socket).await.unwrap();
    let path = format!("/v1/verifications/{}/cancel", super::support::session(1));
    let asking = tokio::spawn(async move {
        let asking = super::support::post(&path, "");
        ask_over(stream, asking.by(&key)).await.status
    });
    tokio::task::spawn_blocking(move || waits.recv().unwrap()).await.unwrap();
    running.stop.take().unwrap().send(()).unwrap();
    go.send(()).unwrap();
    assert_eq!(asking.await.unwrap(), StatusCode::TOO_MANY_REQUESTS);
    running.served.await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn what_takes_too_long_to_end_is_cut_off() {
    let limits = Limits { stop_within: std::time::Duration::ZERO, ..Limits::default() };
    let running =
        Running::within(Config { limits, ..Config::default() }, |_| Err(Refusal::NotOpen));
    let key = running.bench.key("shop", &[Scope::Start]);
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let head = format!(
        "POST /v1/verifications HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut buffer = [0; 12];
    stream.read_exact(&mut buffer).await.unwrap();
    assert_eq!(&buffer, b"HTTP/1.1 100", "its body is awaited");
    running.stop().await;
}
