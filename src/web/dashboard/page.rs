//! `GET /`: all stacks. It must never change anything.

use crate::web::app::App;
use crate::web::http::problem::Reply;
use crate::web::session::caller::Caller;
use crate::web::view::frame::Section;
use crate::web::view::page::{frame, page};
use actix_web::http::StatusCode;
use actix_web::web::Data;

/// `GET /`
pub async fn dashboard(app: Data<App>, caller: Caller) -> Reply {
    app.desk.all_in_use();
    let frame = frame(&app, Some(&caller), Section::Stacks).await;
    let board = app.desk.board().await?;
    let board = board.limited_to(&caller.access);
    Ok(page(StatusCode::OK, app.pages.dashboard(&frame, &board)?))
}
