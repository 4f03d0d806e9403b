//! The page of one stack. It must never change anything.

use crate::stack::StackName;
use crate::web::app::App;
use crate::web::http::path::named;
use crate::web::http::problem::Reply;
use crate::web::session::caller::Caller;
use crate::web::view::frame::Section;
use crate::web::view::page::{frame, page};
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};

/// `GET /stacks/{stack}`
pub async fn stack(app: Data<App>, caller: Caller, stack: Path<String>) -> Reply {
    let stack: StackName = named("stack", &stack)?;
    let view = app.desk.stack_view(&stack).await?.limited_to(&caller.access);
    app.desk.in_use(&stack);
    let frame = frame(&app, Some(&caller), Section::Stacks).await;
    Ok(page(StatusCode::OK, app.pages.stack(&frame, &view)?))
}
