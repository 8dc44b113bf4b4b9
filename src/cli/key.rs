//! `onering key`: who may use the API. Over the socket of the service while it runs, on its store while it does not.

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use axum::http::{Method, StatusCode};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::config::DirArg;
use super::{Exit, Failure, Stdout};
use crate::api::client::{ClientError, Service};
use crate::api::{NewKey, Scope, Scopes, is_name, key_json};
use crate::config::Place;
use crate::io::net::clock::Clock;
use crate::io::store::sqlite::{Admin, DataDir, Options, Reader, Sqlite, WriteError};

/// Make, list and revoke API keys
#[derive(Debug, Args)]
pub(super) struct Key {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a key and print it; it is not shown again
    Create(Create),
    /// List the keys, without their secrets
    List(Where),
    /// Revoke a key: from then on it is worth nothing
    Revoke(Revoke),
}

#[derive(Debug, Args)]
struct Create {
    #[command(flatten)]
    at: Where,
    /// Whose verifications it will make and see
    #[arg(long, value_parser = name, default_value = "default")]
    tenant: String,
    /// What it may do: start, check, read, reveal, admin
    #[arg(
        long,
        value_name = "SCOPES",
        value_delimiter = ',',
        value_parser = scope,
        default_value = "start,check,read"
    )]
    scopes: Vec<Scope>,
    /// What it is for
    #[arg(long, value_parser = name)]
    name: Option<String>,
}

#[derive(Debug, Args)]
struct Revoke {
    #[command(flatten)]
    at: Where,
    /// The key: the part between its two underscores
    id: String,
}

#[derive(Debug, Args)]
struct Where {
    #[command(flatten)]
    place: DirArg,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::named(text)
        .ok_or_else(|| "no such scope; there are start, check, read, reveal and admin".to_owned())
}

fn name(text: &str) -> Result<String, String> {
    if is_name(text) {
        return Ok(text.to_owned());
    }
    Err("at most 100 characters that can be seen".to_owned())
}

/// What is to be done about keys, wherever they are.
enum Wish<'a> {
    Create(&'a Create),
    List,
    Revoke(&'a str),
}

impl Key {
    pub(super) fn run(self, out: &mut Stdout) -> Result<Exit, Failure> {
        let (at, wish) = match &self.verb {
            Verb::Create(create) => (&create.at, Wish::Create(create)),
            Verb::List(at) => (at, Wish::List),
            Verb::Revoke(revoke) => (&revoke.at, Wish::Revoke(&revoke.id)),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::Failed(format!("cannot begin: {error}")))?;
        let said = runtime.block_on(done(&at.place.place()?, &wish))?;
        if at.json {
            writeln!(out, "{said:#}")?;
        } else {
            show(&wish, &said, out)?;
        }
        Ok(Exit::Done)
    }
}

/// Asks the service, or does it itself where there is none.
async fn done(place: &Place, wish: &Wish<'_>) -> Result<Value, Failure> {
    let dir = &place.dir;
    match asked(&place.socket, wish).await {
        Err(Asked::NobodyThere) => {
            let said = itself(dir, wish).await;
            said.map_err(|error| Failure::Failed(format!("{}: {error}", dir.display())))
        }
        Err(Asked::Failed(text)) => Err(Failure::Failed(text)),
        Ok(said) => Ok(said),
    }
}

enum Asked {
    NobodyThere,
    Failed(String),
}

async fn asked(socket: &Path, wish: &Wish<'_>) -> Result<Value, Asked> {
    let (method, path, body) = match wish {
        Wish::Create(create) => {
            let scopes: Vec<&str> = create.scopes.iter().map(|scope| scope.name()).collect();
            let body = json!({"tenant": create.tenant, "scopes": scopes, "name": create.name});
            (Method::POST, "/v1/keys".to_owned(), Some(body.to_string().into_bytes()))
        }
        Wish::List => (Method::GET, "/v1/keys".to_owned(), None),
        Wish::Revoke(id) => (Method::DELETE, format!("/v1/keys/{id}"), None),
    };
    let service = Service::Socket(socket.to_owned());
    let (status, text) = match service.request(method, &path, body).await {
        Ok(answer) => answer,
        Err(ClientError::Connect(error)) if nobody(&error) => return Err(Asked::NobodyThere),
        Err(error) => return Err(Asked::Failed(error.to_string())),
    };
    let said: Value = serde_json::from_slice(&text).unwrap_or_default();
    match (status, wish) {
        (StatusCode::NOT_FOUND, Wish::Revoke(id)) => Err(Asked::Failed(no_such(id))),
        (status, _) if status.is_success() => Ok(said),
        (status, _) => {
            let detail = said.get("detail").and_then(Value::as_str);
            let detail =
                detail.map_or_else(|| format!("the service answered {status}"), str::to_owned);
            Err(Asked::Failed(detail))
        }
    }
}

/// No service: it never ran here, or its socket has outlived it.
fn nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

fn no_such(id: &str) -> String {
    format!("there is no key {id}; onering key list shows all")
}

/// Does it on the store. Only a key may be the first thing that there is in a directory.
async fn itself(dir: &Path, wish: &Wish<'_>) -> Result<Value, String> {
    if !dir.join("onering.db").exists() && !matches!(wish, Wish::Create(_)) {
        return Err("there is no store there, and so no key".to_owned());
    }
    let clock = Clock::start();
    let now = clock.now().unix_us;
    let data = DataDir::open(dir, now).map_err(|error| error.to_string())?;
    let reader = Reader::open(&data).map_err(|error| error.to_string())?;
    let options = Options::new(Arc::new(move || clock.now().unix_us));
    let store = Sqlite::start(data, options).map_err(|error| error.to_string())?;
    let said = of_store(&store.admin(), &reader, wish, now).await;
    drop(reader);
    store.close().map_err(|error| error.to_string())?;
    said
}

async fn of_store(
    admin: &Admin,
    reader: &Reader,
    wish: &Wish<'_>,
    now: u64,
) -> Result<Value, String> {
    let unwritten = |error: WriteError| error.to_string();
    match wish {
        Wish::Create(create) => {
            let scopes = create.scopes.iter().fold(Scopes::default(), |all, one| all.with(*one));
            let name = create.name.as_deref().unwrap_or_default();
            let made = NewKey::make(&create.tenant, scopes, name, now);
            admin.create_key(made.row.clone()).await.map_err(unwritten)?;
            Ok(key_json(&made.row, Some(&made.text)))
        }
        Wish::List => {
            let rows = reader.keys().map_err(|error| error.to_string())?;
            let data: Vec<Value> = rows.iter().map(|row| key_json(row, None)).collect();
            Ok(json!({"data": data}))
        }
        Wish::Revoke(id) => {
            let rows = reader.keys().map_err(|error| error.to_string())?;
            if !rows.iter().any(|row| *row.id == **id) {
                return Err(no_such(id));
            }
            admin.revoke_key((*id).into(), now).await.map_err(unwritten)?;
            Ok(Value::Null)
        }
    }
}

fn show(wish: &Wish<'_>, said: &Value, out: &mut Stdout) -> io::Result<()> {
    let text = |value: &Value, name: &str| {
        value.get(name).and_then(Value::as_str).unwrap_or("-").to_owned()
    };
    match wish {
        Wish::Create(_) => writeln!(out, "{}", text(said, "key")),
        Wish::Revoke(id) => writeln!(out, "revoked {id}"),
        Wish::List => {
            writeln!(
                out,
                "{:<16}  {:<12}  {:<30}  {:<27}  {:<27}  NAME",
                "ID", "TENANT", "SCOPES", "CREATED", "REVOKED"
            )?;
            for key in said.get("data").and_then(Value::as_array).into_iter().flatten() {
                let scopes: Vec<&str> = key
                    .get("scopes")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                writeln!(
                    out,
                    "{:<16}  {:<12}  {:<30}  {:<27}  {:<27}  {}",
                    text(key, "id"),
                    text(key, "tenant"),
                    scopes.join(","),
                    text(key, "created_at"),
                    text(key, "revoked_at"),
                    text(key, "name"),
                )?;
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
