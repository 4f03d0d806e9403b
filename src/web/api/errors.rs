//! The page of all errors, to which the `type` of each leads: what it is, why, and what to do. It must never know a case by name.
//! Called by the routes.

use crate::desk::{Case, Row};
use crate::web::app::App;
use crate::web::http::faults::Fault;
use crate::web::http::problem::Reply;
use crate::web::session::caller::Caller;
use crate::web::view::frame::{Frame, Section};
use crate::web::view::page::{frame, page};
use crate::web::view::pages::Pages;
use crate::web::view::templates::PageError;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use serde::Serialize;

/// What the page shows.
#[derive(Debug, Serialize)]
struct ErrorsPage {
    cases: Vec<ErrorCase>,
}

/// One case.
#[derive(Debug, Serialize)]
struct ErrorCase {
    name: &'static str,
    title: &'static str,
    cause: &'static str,
    cure: &'static str,
}

impl From<&Row> for ErrorCase {
    fn from(row: &Row) -> Self {
        Self { name: row.name, title: row.title, cause: row.cause, cure: row.cure }
    }
}

/// The rows of all cases, each name once: what the desk and the web say by the same name has one anchor.
fn cases() -> Vec<ErrorCase> {
    let all = Case::ALL.iter().map(|case| case.row()).chain(Fault::ALL.iter().map(|fault| fault.row()));
    let mut cases: Vec<ErrorCase> = Vec::new();
    for row in all {
        if cases.iter().all(|case| case.name != row.name) {
            cases.push(ErrorCase::from(row));
        }
    }
    cases
}

/// `GET /docs/errors`
pub async fn errors(app: Data<App>, caller: Caller) -> Reply {
    let frame = frame(&app, Some(&caller), Section::Nowhere).await;
    Ok(page(StatusCode::OK, app.pages.errors(&frame)?))
}

impl Pages {
    fn errors(&self, frame: &Frame) -> Result<String, PageError> {
        self.draw(frame, "errors.html", &ErrorsPage { cases: cases() })
    }
}
