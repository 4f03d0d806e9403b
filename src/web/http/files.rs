//! The static files, with what lets browsers keep them. It must never list them, nor serve anything else.
//! Called by the routes.

use super::problem::{Problem, Reply};
use crate::web::app::App;
use crate::web::view::assets::asset;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETag, Header, IfNoneMatch};
use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

/// The version that a page asks for.
#[derive(Deserialize)]
pub struct Version {
    v: Option<String>,
}

/// `GET /static/{name:.+}?v=VERSION`
pub async fn file(app: Data<App>, request: HttpRequest, name: Path<String>, version: Query<Version>) -> Reply {
    let Some(asset) = asset(&name) else { return Err(Problem::unknown("this file")) };
    // Only of the version that a page was drawn with do the bytes belong to this address forever.
    let keep = if version.v.as_ref() == Some(&app.assets) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let has_it = match IfNoneMatch::parse(&request) {
        Ok(IfNoneMatch::Any) => true,
        // Weakly: who packs it on the way makes the tag a weak one.
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&asset.etag)),
        Err(_) => false,
    };
    let mut answer = if has_it { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((CACHE_CONTROL, keep)).insert_header(ETag(asset.etag));
    match has_it {
        true => Ok(answer.finish()),
        false => Ok(answer.insert_header((CONTENT_TYPE, asset.content_type)).body(asset.bytes)),
    }
}
