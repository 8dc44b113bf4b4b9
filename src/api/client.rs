//! A small client of this API, for the verbs of our own command line: over the Unix socket of a service on this machine,
//! or over TCP with a key.

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use axum::http::{Method, Request, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// Bytes of an answer that are taken.
const ANSWER_MAX: usize = 16 * 1024 * 1024;
/// How long an answer may take, or each piece of a long one.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Service {
    /// Its Unix socket.
    Socket(PathBuf),
    /// `host:port`, and the key.
    Network(String, String),
}

/// Why there is no answer.
#[derive(Debug)]
pub enum ClientError {
    /// Nobody listens there.
    Connect(io::Error),
    /// The connection broke, or what came is no HTTP.
    Http(hyper::Error),
    /// What was to be sent is no request.
    Request(axum::http::Error),
    /// The answer is longer than any that is taken.
    TooLong,
    /// It took too long.
    TooSlow,
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "cannot connect to the service: {error}"),
            Self::Http(error) => write!(f, "the service does not answer: {error}"),
            Self::Request(error) => write!(f, "this cannot be asked: {error}"),
            Self::TooLong => f.write_str("the answer of the service is too long"),
            Self::TooSlow => write!(f, "no answer of the service within {} s", PATIENCE.as_secs()),
        }
    }
}

impl std::error::Error for ClientError {}

impl Service {
    /// Asks once, over a connection of its own.
    ///
    /// # Errors
    /// There is no answer. A refusal is one, and comes back with its status.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        let mut collected = Vec::new();
        let collect = |_, piece: &[u8]| {
            collected.extend_from_slice(piece);
            collected.len() <= ANSWER_MAX
        };
        let asked = self.converse(method, path, body, collect);
        let status = tokio::time::timeout(PATIENCE, asked).await;
        let status = status.map_err(|_| ClientError::TooSlow)??;
        if collected.len() > ANSWER_MAX {
            return Err(ClientError::TooLong);
        }
        Ok((status, collected.into()))
    }

    /// Asks for something that may be long, and gives it piece by piece as it comes, until it ends or `each` says that it
    /// wants no more. What comes with a refusal is given back as a whole.
    ///
    /// # Errors
    /// There is no answer, or it broke off.
    pub async fn stream(
        &self,
        path: &str,
        mut each: impl FnMut(&[u8]) -> bool,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        let mut refusal = Vec::new();
        let take = |status: StatusCode, piece: &[u8]| {
            if status.is_success() {
                return each(piece);
            }
            refusal.extend_from_slice(piece);
            refusal.len() <= ANSWER_MAX
        };
        let status = self.converse(Method::GET, path, None, take).await?;
        Ok((status, refusal.into()))
    }

    async fn converse(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        each: impl FnMut(StatusCode, &[u8]) -> bool,
    ) -> Result<StatusCode, ClientError> {
        let (host, key) = match self {
            Self::Socket(_) => ("localhost", None),
            Self::Network(host, key) => (host.as_str(), Some(key)),
        };
        let mut request = Request::builder().method(method).uri(path).header(HOST, host);
        if let Some(key) = key {
            request = request.header(AUTHORIZATION, format!("Bearer {key}"));
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = Body::new(Full::from(body.unwrap_or_default()));
        let request = request.body(body).map_err(ClientError::Request)?;
        match self {
            Self::Socket(path) => {
                let stream = UnixStream::connect(path).await.map_err(ClientError::Connect)?;
                ask(stream, request, each).await
            }
            Self::Network(host, _) => {
                let stream = TcpStream::connect(host).await.map_err(ClientError::Connect)?;
                ask(stream, request, each).await
            }
        }
    }
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    request: Request<Body>,
    mut each: impl FnMut(StatusCode, &[u8]) -> bool,
) -> Result<StatusCode, ClientError> {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(ClientError::Http)?;
    let answer = async {
        let response = soon(sender.send_request(request)).await?.map_err(ClientError::Http)?;
        let status = response.status();
        let mut body = response.into_body();
        while let Some(frame) = soon(body.frame()).await? {
            let frame = frame.map_err(ClientError::Http)?;
            if frame.data_ref().is_some_and(|piece| !each(status, piece)) {
                break;
            }
        }
        Ok(status)
    };
    let mut answer = std::pin::pin!(answer);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        answer = &mut answer => answer,
        ended = &mut connection => match ended {
            // What had come before the end may be all that was to come.
            Ok(()) => answer.await,
            Err(error) => Err(ClientError::Http(error)),
        },
    }
}

/// Something that a service in good health does at once.
async fn soon<T>(what: impl Future<Output = T>) -> Result<T, ClientError> {
    tokio::time::timeout(PATIENCE, what).await.map_err(|_| ClientError::TooSlow)
}
