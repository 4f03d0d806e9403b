//! The addresses of what flows: the journal as events, what changes as events, the raw log as text. They must never
//! outlive the reader's right to see them, nor hold up the server's stop. Called by the routes.

use super::App;
use super::asking::{self, Caller};
use super::cursor::ends_a_record;
use super::events::JournalStream;
use super::log::{LogForm, LogPart, raw_log};
use super::problem::{Problem, Reply};
use super::screens::named;
use super::together;
use crate::desk::JournalEnd;
use crate::ledger::pushes;
use crate::stack::PushNumber;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_SECURITY_POLICY};
use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use futures::{Stream, StreamExt};
use serde::Deserialize;
use std::io;
use std::time::Duration;
use tokio::sync::watch;

/// How often the rights of a viewer are looked at again (TRUST section 7: each minute).
const RECHECK: Duration = Duration::from_secs(3);
/// A cursor that no journal has, for one that is no number.
const NOWHERE: u64 = 1 << 53;

/// Where a viewer that has no `Last-Event-ID` begins.
#[derive(Deserialize)]
pub struct After {
    after: Option<String>,
}

/// `GET /api/v1/pushes/{id}/events`
pub async fn push_events(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    id: Path<String>,
    query: Query<After>,
) -> Reply {
    let id: PushNumber = named("push", &id)?;
    let end = end_of(&app, id).await?;
    let given = last_event_id(&request).or(query.into_inner().after);
    let given = given.filter(|text| !text.is_empty()).map(|text| cursor(&text));
    let now = *end.borrow();
    if now.ended && now.len > 0 && given == Some(now.len) {
        // An EventSource comes back after `end`; this is what tells it to stay away (design S4).
        return Ok(HttpResponse::NoContent().finish());
    }
    let path = app.desk.journal_path(id);
    let viewer = JournalStream::new(path, given.unwrap_or(0), end, app.batches.clone());
    Ok(event_stream(app, caller, viewer.into_stream()))
}

/// Which pushes a browser watches.
#[derive(Deserialize)]
pub struct Watched {
    push: Option<String>,
}

/// `GET /api/v1/events`
pub async fn events(app: Data<App>, caller: Caller, request: HttpRequest, query: Query<Watched>) -> Reply {
    let named = query.into_inner().push.unwrap_or_default();
    let wanted = together::wanted(&named, last_event_id(&request).as_deref())
        .map_err(|bad| Problem::bad_request(bad.to_string()))?;
    let mut viewers = Vec::with_capacity(wanted.cursors.len());
    for (push, cursor) in &wanted.cursors {
        let end = end_of(&app, *push).await?;
        let path = app.desk.journal_path(*push);
        viewers.push((*push, JournalStream::new(path, *cursor, end, app.batches.clone())));
    }
    let told = together::together(app.desk.changes(), viewers, wanted, &app.life);
    Ok(event_stream(app, caller, told))
}

fn event_stream(
    app: Data<App>,
    caller: Caller,
    events: impl Stream<Item = io::Result<Bytes>> + 'static,
) -> HttpResponse {
    let viewing = (app.viewers.one_more(), app.desk.looking());
    let events = events.take_until(Box::pin(let_go(app, caller))).inspect(move |_| {
        // Lives as long as the stream does.
        let _ = &viewing;
    });
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header(("X-Accel-Buffering", "no"))
        // Said, so that nobody on the way compresses: it would hold lines back.
        .insert_header((CONTENT_ENCODING, "identity"))
        .streaming(Box::pin(events))
}

/// Ends when the server stops, or the viewer's session does.
async fn let_go(app: Data<App>, caller: Caller) {
    loop {
        tokio::select! {
            () = app.closing.cancelled() => return,
            () = tokio::time::sleep(RECHECK) => {}
        }
        match asking::still_holds(&app, &caller).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(%error, "the rights of a viewer could not be looked at"),
        }
    }
}

async fn end_of(app: &App, id: PushNumber) -> Result<watch::Receiver<JournalEnd>, Problem> {
    app.desk.journal_end(id).await.ok_or_else(|| Problem::unknown(format_args!("push {id}")))
}

fn last_event_id(request: &HttpRequest) -> Option<String> {
    Some(request.headers().get("Last-Event-ID")?.to_str().unwrap_or("-").to_owned())
}

fn cursor(text: &str) -> u64 {
    text.parse().ok().filter(|cursor| *cursor < NOWHERE).unwrap_or(NOWHERE)
}

/// Which part of a log is asked for, and how it is written.
#[derive(Deserialize)]
pub struct LogQuery {
    host: Option<String>,
    command: Option<String>,
    format: Option<String>,
    after: Option<String>,
}

/// `GET /api/v1/pushes/{id}/log`
pub async fn log(app: Data<App>, _: Caller, id: Path<String>, query: Query<LogQuery>) -> Reply {
    let id: PushNumber = named("push", &id)?;
    let LogQuery { host, command, format, after } = query.into_inner();
    let said = |text: Option<String>| text.filter(|text| !text.is_empty());
    let command = said(command).map(|text| text.parse().map_err(|_| bad("command", &text))).transpose()?;
    let (form, kind, suffix) = match said(format).as_deref() {
        None | Some("text") => (LogForm::Text, "text/plain; charset=utf-8", "log"),
        Some("journal") => (LogForm::Journal, "application/x-ndjson", "jsonl"),
        Some(other) => return Err(bad("format", other)),
    };
    let from = match said(after) {
        None => 0,
        Some(text) => start_of(&app, id, &text).await?,
    };
    let number = id.get();
    let row = app.desk.ledger().read(move |connection| pushes::get(connection, number)).await?;
    let Some(row) = row else { return Err(Problem::unknown(format_args!("push {id}"))) };
    let end = end_of(&app, id).await?.borrow().len;
    // Stack and stage are plain names, so the file's name is one too.
    let name = format!("attachment; filename=\"{}-{}-{id}.{suffix}\"", row.stack, row.stage);
    let part = LogPart { host: said(host), command };
    Ok(HttpResponse::build(StatusCode::OK)
        .content_type(kind)
        .insert_header((CONTENT_DISPOSITION, name))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox"))
        .streaming(Box::pin(raw_log(app.desk.journal_path(id), from, end, part, form))))
}

/// A cursor from which a log may be read: behind a whole record.
async fn start_of(app: &App, id: PushNumber, text: &str) -> Result<u64, Problem> {
    let from = cursor(text);
    let path = app.desk.journal_path(id);
    let holds = tokio::task::spawn_blocking(move || ends_a_record(&path, from)).await.map_err(Problem::broken)?;
    match holds.map_err(Problem::broken)? {
        true => Ok(from),
        false => Err(bad("after", text)),
    }
}

fn bad(what: &str, text: &str) -> Problem {
    let text: String = text.chars().take(80).collect();
    Problem::bad_request(format!("{what} {text:?} is not one"))
}
