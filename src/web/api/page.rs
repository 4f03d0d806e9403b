//! The document of the API, as JSON and as a page. It must never be made anew for a request: it is the same as long as the server
//! runs. Called by the routes.

use super::view::ApiPage;
use crate::web::app::App;
use crate::web::http::api::call::{Call, Chapter, Takes, json};
use crate::web::http::problem::Reply;
use crate::web::session::caller::Caller;
use crate::web::view::frame::Section;
use crate::web::view::page::{frame, page};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data};
use serde_json::{Map, Value};

/// `GET /api/v1/openapi.json`
pub static OPENAPI: Call = Call {
    handler: || web::to(openapi),
    name: "get_openapi",
    chapter: Chapter::Server,
    summary: "This document",
    query: None,
    takes: Takes::Nothing,
    gives: &[json::<Map<String, Value>>(200, "The OpenAPI 3.1 document")],
    refuses: &[],
};

async fn openapi(app: Data<App>, _: Caller) -> Reply {
    Ok(HttpResponse::Ok().json(&app.document))
}

/// `GET /docs/api`
pub async fn docs(app: Data<App>, caller: Caller) -> Reply {
    let frame = frame(&app, Some(&caller), Section::Nowhere).await;
    Ok(page(StatusCode::OK, app.pages.api(&frame, &ApiPage::of(&app.document))?))
}
