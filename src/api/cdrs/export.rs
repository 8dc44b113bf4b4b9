//! All records as a stream.

#![expect(unused_qualifications, reason = "the macro that describes parameters writes them")]

use super::{moment, show};
use crate::api::Service;
use crate::api::auth::{By, READ};
use crate::api::problem::{Code, Document, Problem};
use crate::api::read::Asked;
use crate::io::store::sqlite::{CdrQuery, Direction, Reader};
use crate::verify::cdr::csv::Profile;
use crate::verify::cdr::{Kept, Show, Unreadable};
use axum::body::Body;
use axum::extract::State;
use axum::http::Response;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::Frame;
use serde::Deserialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use utoipa::IntoParams;

/// What to export.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct Export {
    /// `jsonl`: one JSON object a line, by default; or `csv`.
    #[param(nullable = false, pattern = "^(jsonl|csv)$")]
    format: Option<String>,
    /// Columns of CSV.
    #[param(nullable = false, pattern = "^(default|asterisk|freeswitch|cgrates)$")]
    profile: Option<String>,
    /// Of calls from then on: RFC 3339, or a day.
    #[param(nullable = false)]
    since: Option<String>,
    /// Of calls before then.
    #[param(nullable = false)]
    until: Option<String>,
}

/// Export records of calls
///
/// As a stream, in the order in which they were kept.
#[utoipa::path(get, path = "/v1/cdrs/export", tag = "records", operation_id = "export", security(("key" = ["read"])), params(Export),
    responses(
        (status = 200, description = "One record a line", content(
            (String = "application/x-ndjson"),
            (String = "text/csv"))),
        (status = "4XX", description = "Not understood, or not allowed", body = Document<'static>, content_type = "application/problem+json")))]
pub(in crate::api) async fn export(
    State(service): State<Arc<Service>>,
    By(caller): By<READ>,
    Asked(export): Asked<Export>,
) -> Result<Response<Body>, Problem> {
    let form = form(&export)?;
    let query = CdrQuery {
        tenant: caller.tenant.clone(),
        since_unix_us: export.since.as_deref().map(|text| moment("since", text)).transpose()?,
        until_unix_us: export.until.as_deref().map(|text| moment("until", text)).transpose()?,
        direction: Direction::OldestFirst,
        limit: EXPORT_PAGE,
        ..CdrQuery::default()
    };
    let permit = Arc::clone(&service.streams).try_acquire_owned().map_err(|_| {
        Problem::new(Code::CapacityExceeded, "as many streams as are allowed are open")
    })?;
    let (give, lines) = mpsc::channel(EXPORT_PAGES);
    let (reader, show) = (service.reader.clone(), show(&caller));
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let pages = Pages { reader, form, show, give };
        pages.all(query);
    });
    let mut response = Response::new(Body::new(StreamBody::new(Lines(lines))));
    let kind = match form {
        Form::Lines => "application/x-ndjson",
        Form::Csv(_) => "text/csv; charset=utf-8",
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

/// How records are written.
#[derive(Clone, Copy)]
enum Form {
    Lines,
    Csv(Profile),
}

fn form(export: &Export) -> Result<Form, Problem> {
    let wrong = |detail: String| Problem::new(Code::InvalidRequest, detail);
    let profile = export.profile.as_deref().map(str::parse::<Profile>).transpose();
    let profile = profile.map_err(|error| wrong(format!("profile: {error}")))?;
    match (export.format.as_deref(), profile) {
        (None | Some("jsonl"), None) => Ok(Form::Lines),
        (Some("csv"), profile) => Ok(Form::Csv(profile.unwrap_or_default())),
        (None | Some("jsonl"), Some(_)) => Err(wrong("profile: only CSV has one".to_owned())),
        (Some(_), _) => Err(wrong("format is jsonl or csv".to_owned())),
    }
}

/// Records read at a time, and pages that wait for a slow reader.
const EXPORT_PAGE: usize = 500;
const EXPORT_PAGES: usize = 2;

/// An export under way.
struct Pages {
    reader: Reader,
    form: Form,
    show: Show,
    give: mpsc::Sender<Bytes>,
}

impl Pages {
    /// Reads page after page, until there are no more or nobody takes them.
    fn all(&self, mut query: CdrQuery) {
        if let Form::Csv(profile) = self.form
            && let Some(header) = profile.header()
            && self.give.blocking_send(header.into()).is_err()
        {
            return;
        }
        loop {
            let Ok(found) = self.reader.cdrs(&query) else {
                tracing::error!("an export ended early: the store cannot be read");
                return;
            };
            let Some(last) = found.last() else { return };
            query.after = Some(last.row);
            let mut page = Vec::with_capacity(found.len() * 512);
            for kept in &found {
                match self.line(kept) {
                    Ok(line) => page.extend(line),
                    Err(error) => tracing::error!(%error, "left out of an export"),
                }
            }
            if self.give.blocking_send(page.into()).is_err() || found.len() < EXPORT_PAGE {
                return;
            }
        }
    }

    fn line(&self, kept: &Kept) -> Result<Vec<u8>, Unreadable> {
        match self.form {
            Form::Lines => kept.json(self.show).map(|mut line| {
                line.push('\n');
                line.into_bytes()
            }),
            Form::Csv(profile) => kept.view(self.show).map(|view| profile.write(&view)),
        }
    }
}

/// Pages on their way.
struct Lines(mpsc::Receiver<Bytes>);

impl futures_core::Stream for Lines {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|page| page.map(|page| Ok(Frame::data(page))))
    }
}
