//! The raw log of a push as text or as its journal. It must never read past what is durable.

use super::cursor::ends_a_record;
use super::log::{LogForm, LogPart, raw_log};
use crate::desk::JournalEnd;
use crate::ledger::pushes;
use crate::stack::PushNumber;
use crate::web::app::App;
use crate::web::http::api::call::{Call, Chapter, Takes, media, query};
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY};
use actix_web::web::{self, Data, Path, Query};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::watch;

/// Which part of a log is asked for, and how it is written.
#[derive(JsonSchema, Deserialize)]
pub struct LogQuery {
    /// Of this host; `-` is the push host.
    host: Option<String>,
    /// Of the command at this place of the plan.
    command: Option<String>,
    /// `text` or `journal`.
    format: Option<String>,
    /// From this byte of the journal on, which must be the end of a record.
    after: Option<String>,
}

/// `GET /api/v1/pushes/{id}/log`
pub static LOG: Call = Call {
    handler: || web::to(log),
    name: "get_log",
    chapter: Chapter::Pushes,
    summary: "The raw log of a push, as text or as its journal",
    query: query::<LogQuery>(),
    takes: Takes::Nothing,
    gives: &[media(200, "The log", &["text/plain", "application/x-ndjson"])],
    refuses: &[],
};

/// Sends the log, for programs and browsers alike.
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
    let row = app.desk.ledger().read(move |connection| pushes::get(connection, id)).await?;
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
    Problem::bad_request(format!("{what} {text:?} is not valid"))
}

/// A cursor that no journal has, for one that is no number.
const NOWHERE: u64 = 1 << 53;

pub(crate) fn cursor(text: &str) -> u64 {
    text.parse().ok().filter(|cursor| *cursor < NOWHERE).unwrap_or(NOWHERE)
}

pub(crate) async fn end_of(app: &App, id: PushNumber) -> Result<watch::Receiver<JournalEnd>, Problem> {
    app.desk.journal_end(id).await.ok_or_else(|| Problem::unknown(format_args!("push {id}")))
}
