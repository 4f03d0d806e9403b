//! The addresses of what flows: the journal as events, what changes as events, the raw log as text. They must never
//! outlive the reader's right to see them, nor hold up the server's stop. Called by the routes.

use super::event_mux;
use super::events::JournalStream;
use crate::desk::JournalEnd;
use crate::ledger::pushes;
use crate::stack::PushNumber;
use crate::web::app::App;
use crate::web::http::api::call::{self, Call, Chapter, Takes, nothing, query};
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::output::download::{cursor, end_of};
use crate::web::session::caller;
use crate::web::session::caller::Caller;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING};
use actix_web::web::{self, Bytes, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use futures::{Stream, StreamExt};
use schemars::JsonSchema;
use serde::Deserialize;
use std::io;
use std::time::Duration;
use tokio::sync::watch;

/// How often the rights of a viewer are looked at again (TRUST section 7: each minute).
const RECHECK: Duration = Duration::from_secs(3);

/// Where a viewer that has no `Last-Event-ID` begins.
#[derive(JsonSchema, Deserialize)]
pub struct After {
    /// The byte of the journal behind the last record that was seen.
    after: Option<String>,
}

/// `GET /api/v1/pushes/{id}/events`
pub static PUSH_EVENTS: Call = Call {
    handler: || web::to(push_events),
    name: "follow_push",
    chapter: Chapter::Pushes,
    summary: "The journal of a push as Server-Sent Events, from its start or a cursor, to its end",
    query: query::<After>(),
    takes: Takes::Nothing,
    gives: &[
        call::events("Events `records`, and `end` after the last one"),
        nothing(204, "The reader has seen the end already"),
    ],
    refuses: &[],
};

async fn push_events(
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
#[derive(JsonSchema, Deserialize)]
pub struct Watched {
    /// The pushes whose records are wanted, with commas between.
    push: Option<String>,
}

/// `GET /api/v1/events`
pub static EVENTS: Call = Call {
    handler: || web::to(events),
    name: "follow_all",
    chapter: Chapter::Pushes,
    summary: "Whenever a page changes, and the journals of several pushes, as Server-Sent Events",
    query: query::<Watched>(),
    takes: Takes::Nothing,
    gives: &[call::events("Events `changed` and `push`")],
    refuses: &[404],
};

async fn events(app: Data<App>, caller: Caller, request: HttpRequest, query: Query<Watched>) -> Reply {
    let named = query.into_inner().push.unwrap_or_default();
    let wanted = event_mux::wanted(&named, last_event_id(&request).as_deref())
        .map_err(|bad| Problem::bad_request(bad.to_string()))?;
    let mut viewers = Vec::with_capacity(wanted.cursors.len());
    for (push, cursor) in &wanted.cursors {
        let end = visible_end_of(&app, &caller, *push).await?;
        let path = app.desk.journal_path(*push);
        viewers.push((*push, JournalStream::new(path, *cursor, end, app.batches.clone())));
    }
    let told = event_mux::together(app.desk.changes(), viewers, wanted, &app.life);
    Ok(event_stream(app, caller, told))
}

/// The end of the journal of a push that the caller may see; another one is not there.
async fn visible_end_of(app: &App, caller: &Caller, push: PushNumber) -> Result<watch::Receiver<JournalEnd>, Problem> {
    if !caller.access.sees_all() {
        let row = app.desk.ledger().read(move |connection| pushes::get(connection, push)).await?;
        if row.is_none_or(|row| !caller.access.sees(&row.stack, &row.stage)) {
            return Err(Problem::unknown(format_args!("push {push}")));
        }
    }
    end_of(app, push).await
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

/// Ends when the server stops, when the viewer's session does, or when rights change: who comes back is judged by those of then.
async fn let_go(app: Data<App>, caller: Caller) {
    loop {
        tokio::select! {
            () = app.closing.cancelled() => return,
            () = tokio::time::sleep(RECHECK) => {}
        }
        if !caller.access.is_of(&app.desk.rights()) {
            return;
        }
        match caller::still_holds(&app, &caller).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(%error, "the rights of a viewer could not be looked at"),
        }
    }
}

fn last_event_id(request: &HttpRequest) -> Option<String> {
    Some(request.headers().get("Last-Event-ID")?.to_str().unwrap_or("-").to_owned())
}
