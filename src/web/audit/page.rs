//! The audit as a page and as JSON, with the same filters and cursors; and all of it as the file of `pushbutton audit export`. It must never
//! hold more than a page of rows at once. Called by the routes, which let in administrators alone.

use super::view::{AuditFilter, AuditPage};
use crate::ledger::audit::export::Export;
use crate::ledger::audit::list::{self, Filter};
use crate::ledger::audit::rows::AuditRow;
use crate::ledger::history::Edge;
use crate::ledger::{Ledger, LedgerError};
use crate::time;
use crate::web::app::App;
use crate::web::http::api::call::{Call, Chapter, Takes, json, query};
use crate::web::http::api::links;
use crate::web::http::paging::{Page, edge, limit, moment};
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use crate::web::view::frame::Section;
use crate::web::view::page::{frame, page};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{self, Bytes, Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use futures::{Stream, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::io;

/// Rows on one page.
const ROWS: usize = 100;
/// The most that a program may ask for at once.
const MOST_ROWS: usize = 500;

/// What the audit is asked for; what is empty is not asked for.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct AuditQuery {
    /// By this person or program.
    who: Option<String>,
    /// What was done.
    action: Option<String>,
    /// With this text in it.
    text: Option<String>,
    /// From this day or time on.
    since: Option<String>,
    /// Up to this day or time.
    until: Option<String>,
    /// Older than this number.
    before: Option<String>,
    /// Newer than this number.
    after: Option<String>,
    /// How many rows: 1 to 500, 100 otherwise.
    limit: Option<String>,
}

/// What `GET /api/v1/audit` answers.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct AuditBody<'a> {
    /// Newest first.
    rows: &'a [AuditRow],
    /// Older ones are before this number, if there are any.
    next_before: Option<i64>,
    /// Newer ones are after this number, if there may be any.
    next_after: Option<i64>,
}

impl AuditQuery {
    fn shown(&self) -> AuditFilter {
        let said = |text: &Option<String>| {
            let text = text.as_deref().unwrap_or_default().trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        AuditFilter {
            who: said(&self.who),
            action: said(&self.action),
            text: said(&self.text),
            since: said(&self.since),
            until: said(&self.until),
        }
    }

    fn edge(&self) -> Result<Option<Edge>, Problem> {
        edge(self.before.as_deref(), self.after.as_deref())
    }

    fn filter(&self) -> Result<Filter, Problem> {
        let AuditFilter { who, action, text, since, until } = self.shown();
        let since = since.map(|text| moment("since", &text, false)).transpose()?;
        let until = until.map(|text| moment("until", &text, true)).transpose()?;
        Ok(Filter { who, action, text, since, until, from: self.edge()? })
    }

    async fn ask(&self, ledger: &Ledger) -> Result<(Page<AuditRow>, Vec<String>), Problem> {
        let (filter, rows) = (self.filter()?, limit(self.limit.as_deref(), ROWS, MOST_ROWS)?);
        let read = move |connection: &rusqlite::Connection| {
            Ok((list::list(connection, &filter, rows + 1)?, list::actions(connection)?))
        };
        let (found, actions) = ledger.read(read).await?;
        Ok((Page::of(found, self.edge()?, rows, |row| row.number), actions))
    }
}

/// `GET /audit`
pub async fn show(app: Data<App>, caller: Caller, query: Query<AuditQuery>) -> Reply {
    let (Page { rows, older, newer }, actions) = query.ask(app.desk.ledger()).await?;
    let frame = frame(&app, Some(&caller), Section::Nowhere).await;
    let shown = AuditPage { rows, filter: query.shown(), actions, older, newer };
    Ok(page(StatusCode::OK, app.pages.audit(&frame, &shown)?))
}

/// `GET /api/v1/audit`
pub static LISTED: Call = Call {
    handler: || web::to(listed),
    name: "list_audit",
    chapter: Chapter::Server,
    summary: "The audit, newest first",
    query: query::<AuditQuery>(),
    takes: Takes::Nothing,
    gives: &[json::<AuditBody>(200, "A page of rows")],
    refuses: &[],
};

async fn listed(app: Data<App>, _: Caller, request: HttpRequest, query: Query<AuditQuery>) -> Reply {
    let (found, _) = query.ask(app.desk.ledger()).await?;
    let body = AuditBody { rows: &found.rows, next_before: found.older, next_after: found.newer };
    let mut answer = HttpResponse::Ok();
    if let Some(link) = links::next(&request, "before", found.older) {
        answer.insert_header(link);
    }
    Ok(answer.json(body))
}

/// `GET /audit.jsonl`: the export, with seals, of a time or of all; of the filters the times alone count, since a chain has no gaps.
pub async fn export(app: Data<App>, _: Caller, query: Query<AuditQuery>) -> Reply {
    let filter = query.shown();
    // A word that is no time is refused here, with what to write.
    query.filter()?;
    let since = filter.since.and_then(|text| time::moment(&text, false));
    let until = filter.until.and_then(|text| time::moment(&text, true));
    let ledger = app.desk.ledger().clone();
    let export = Export::begin(&ledger, since, until).await?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/jsonl; charset=utf-8"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"audit.jsonl\""))
        .streaming(Box::pin(lines(ledger, export))))
}

fn lines(ledger: Ledger, export: Export) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold(export, move |mut export| {
        let ledger = ledger.clone();
        async move {
            let lines = export.next(&ledger).await;
            let lines = lines.map_err(|error: LedgerError| io::Error::other(error.to_string()))?;
            Ok(lines.map(|lines| (Bytes::from(lines), export)))
        }
    })
}
