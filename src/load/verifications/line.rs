//! One connection to the service, opened when it is needed, one request at a time.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::Request;
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::service::{Answer, Fault};

/// A connection, if there is one.
#[derive(Default)]
pub(super) struct Line {
    open: Option<Open>,
}

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of an answer that are read; metrics are the longest.
const BODY_MAX: usize = 4 * 1024 * 1024;

impl Line {
    /// Asks, over a new connection where the old one has ended meanwhile.
    pub(super) async fn ask(
        &mut self,
        address: SocketAddr,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, Fault> {
        let asked = tokio::time::timeout(PATIENCE, self.try_ask(address, request)).await;
        let answer = asked.unwrap_or(Err(Fault::Silent));
        if answer.is_err() {
            self.open = None;
        }
        answer
    }

    async fn try_ask(
        &mut self,
        address: SocketAddr,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, Fault> {
        let mut request = request;
        if let Some(open) = &mut self.open {
            match open.ask(request).await {
                Ok(answer) => return Ok(answer),
                Err(Failed::Broken(error)) => return Err(Fault::Broken(error)),
                // The service ends connections that nobody used for a while.
                Err(Failed::Unsent(again)) => request = *again,
            }
        }
        let open = self.open.insert(Open::to(address).await.map_err(Fault::Unreachable)?);
        match open.ask(request).await {
            Ok(answer) => Ok(answer),
            Err(Failed::Broken(error)) => Err(Fault::Broken(error)),
            Err(Failed::Unsent(_)) => {
                Err(Fault::Broken("the connection was closed at once".into()))
            }
        }
    }
}

/// An open connection. It moves only while somebody asks.
struct Open {
    sender: SendRequest<Full<Bytes>>,
    /// None once it has ended.
    wire: Option<Connection<TokioIo<TcpStream>, Full<Bytes>>>,
}

enum Failed {
    /// Nothing of it left.
    Unsent(Box<Request<Full<Bytes>>>),
    Broken(String),
}

impl Open {
    async fn to(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, wire) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        Ok(Self { sender, wire: Some(wire) })
    }

    async fn ask(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Failed> {
        let Self { sender, wire } = self;
        let mut talk = pin!(talk(sender, request));
        poll_fn(|context| {
            // Before the wire, so that it has something to write; after it, so that what it read is taken at once.
            if let Poll::Ready(answer) = talk.as_mut().poll(context) {
                return Poll::Ready(answer);
            }
            if wire.as_mut().is_some_and(|wire| Pin::new(wire).poll(context).is_ready()) {
                *wire = None;
            }
            talk.as_mut().poll(context)
        })
        .await
    }
}

async fn talk(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<Answer, Failed> {
    if sender.ready().await.is_err() {
        return Err(Failed::Unsent(Box::new(request)));
    }
    let response = match sender.try_send_request(request).await {
        Ok(response) => response,
        Err(mut error) => {
            return Err(match error.take_message() {
                Some(request) => Failed::Unsent(Box::new(request)),
                None => Failed::Broken(error.into_error().to_string()),
            });
        }
    };
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), BODY_MAX).collect().await;
    let body = body.map_err(|error| Failed::Broken(error.to_string()))?;
    Ok(Answer { status, body: body.to_bytes() })
}
