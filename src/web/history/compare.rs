//! What is different between two versions of a stack, as a page, for programs, and as release notes. It must never change anything. Called by the
//! routes.

use super::compare_view::ComparePage;
use super::notes;
use crate::desk::RangeEnd;
use crate::desk::view::Comparison;
use crate::stack::StackName;
use crate::time::At;
use crate::web::app::App;
use crate::web::http::api::call::{Call, Chapter, Takes, json, query};
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use crate::web::view::frame::Section;
use crate::web::view::page;
use crate::web::view::page::frame;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_SECURITY_POLICY;
use actix_web::web::{self, Data, Path, Query};
use schemars::JsonSchema;
use serde::Deserialize;

/// Which two versions, and how they are written.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct CompareQuery {
    /// A stage (what it runs now), a stage with a time (`prod@Friday 17:00`, `prod@2026-11-27 17:00`), a push, a build or a revision: required.
    from: Option<String>,
    /// The same: required.
    to: Option<String>,
    /// `json`, `markdown` or `text`; `json` otherwise.
    format: Option<String>,
}

/// `GET /stacks/{stack}/compare`
pub async fn page(app: Data<App>, caller: Caller, place: Path<String>, query: Query<CompareQuery>) -> Reply {
    let stack: StackName = named("stack", &place)?;
    let query = query.into_inner();
    let asked = query.from.as_ref().or(query.to.as_ref()).is_some_and(|text| !text.trim().is_empty());
    let compared = if asked { Some(compare(&app, &caller, &stack, &query).await?) } else { None };
    let stages = app.desk.stages_of(&stack).into_iter().filter(|stage| caller.access.sees(&stack, stage)).collect();
    let frame = frame(&app, Some(&caller), Section::Stacks).await;
    Ok(page::page(StatusCode::OK, app.pages.compare(&frame, &ComparePage { stack, stages, compared })?))
}

/// `GET /api/v1/stacks/{stack}/compare?from=prod@Friday&to=prod`
pub static COMPARED: Call = Call {
    handler: || web::to(compared),
    name: "compare",
    chapter: Chapter::Stacks,
    summary: "What is different between two versions of a stack: commits both ways, and the pushes in between",
    query: query::<CompareQuery>(),
    takes: Takes::Nothing,
    gives: &[json::<Comparison>(200, "The difference, or release notes").or(&["text/markdown", "text/plain"])],
    refuses: &[409],
};

async fn compared(app: Data<App>, caller: Caller, place: Path<String>, query: Query<CompareQuery>) -> Reply {
    let stack: StackName = named("stack", &place)?;
    let query = query.into_inner();
    let kind = match query.format.as_deref() {
        None | Some("" | "json") => None,
        Some("markdown") => Some("text/markdown; charset=utf-8"),
        Some("text") => Some("text/plain; charset=utf-8"),
        Some(other) => {
            let other: String = other.chars().take(40).collect();
            return Err(Problem::bad_request(format!("`format` must be one of json, markdown, text, not {other:?}")));
        }
    };
    let compared = compare(&app, &caller, &stack, &query).await?;
    let Some(kind) = kind else { return Ok(HttpResponse::Ok().json(compared)) };
    let notes = if kind.starts_with("text/markdown") { notes::markdown(&compared) } else { notes::text(&compared) };
    Ok(HttpResponse::Ok()
        .content_type(kind)
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox"))
        .body(notes))
}

async fn compare(app: &App, caller: &Caller, stack: &StackName, query: &CompareQuery) -> Result<Comparison, Problem> {
    let (stages, now) = (app.desk.stages_of(stack), At::now());
    let stages: Vec<_> = stages.into_iter().filter(|stage| caller.access.sees(stack, stage)).collect();
    let end = |name: &str, text: &Option<String>| {
        let Some(text) = text.as_deref().map(str::trim).filter(|text| !text.is_empty()) else {
            return Err(Problem::missing(format!(
                "`{name}` is missing in the query: a stage, a stage with a time (prod@Friday 17:00), a push, a build or a revision"
            )));
        };
        let end = RangeEnd::parse(text, &stages, now).map_err(|bad| Problem::bad_request(bad.to_string()))?;
        Ok((end, text.chars().take(100).collect::<String>()))
    };
    let (from, to) = (end("from", &query.from)?, end("to", &query.to)?);
    Ok(app.desk.compare_versions(stack, (from.0, &from.1), (to.0, &to.1), &caller.access).await?)
}
