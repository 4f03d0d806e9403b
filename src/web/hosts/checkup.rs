//! Hosts looked over, by page and by API: the page begins a look and shows the last one with its age; the API waits for it. It
//! must never hold a page up, nor change anything on a host. Called by the routes.

use crate::desk::checkup::{Checkup, CheckupView};
use crate::stack::{StackName, Verb};
use crate::web::app::App;
use crate::web::http::action::see;
use crate::web::http::api::call::{Call, Chapter, Takes, json};
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use crate::web::view::frame::Section;
use crate::web::view::page;
use crate::web::view::page::frame;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path};
use std::time::Instant;

/// `GET /stacks/{stack}/hosts`
pub async fn page(app: Data<App>, caller: Caller, stack: Path<String>) -> Reply {
    let stack: StackName = named("stack", &stack)?;
    let view = checkup(&app, &caller, &stack)?;
    let frame = frame(&app, Some(&caller), Section::Stacks).await;
    Ok(page::page(StatusCode::OK, app.pages.checkup(&frame, &view)?))
}

/// What the last look found, for one caller.
fn checkup(app: &App, caller: &Caller, stack: &StackName) -> Result<CheckupView, Problem> {
    let no_right = caller.access.must_on_stack(Verb::Push, stack, &app.desk.stages_of(stack)).err();
    Ok(CheckupView { no_right: no_right.map(|no| no.to_string()), ..app.desk.checkup(stack)? })
}

/// `POST /stacks/{stack}/hosts/look`: begins a look, and shows the page.
pub async fn begin(app: Data<App>, caller: Caller, stack: Path<String>) -> Reply {
    let stack: StackName = named("stack", &stack)?;
    let too_often = |wait| Problem::too_often("you looked", wait);
    app.budgets.looks.take(caller.who.as_str(), Instant::now()).map_err(too_often)?;
    app.desk.begin_checkup(&stack)?;
    Ok(see(format!("/stacks/{stack}/hosts")))
}

/// `GET /api/v1/stacks/{stack}/hosts`: what the last look found, and whether one is on its way.
pub static KNOWN: Call = Call {
    handler: || web::to(known),
    name: "get_hosts",
    chapter: Chapter::Hosts,
    summary: "What the last check of the hosts found",
    query: None,
    takes: Takes::Nothing,
    gives: &[json::<CheckupView>(200, "What it found, and whether one is running")],
    refuses: &[409],
};

async fn known(app: Data<App>, caller: Caller, stack: Path<String>) -> Reply {
    let stack: StackName = named("stack", &stack)?;
    Ok(HttpResponse::Ok().json(checkup(&app, &caller, &stack)?))
}

/// `POST /api/v1/stacks/{stack}/hosts/look`: looks now, or joins a look that is on its way, and answers with what it found.
pub static LOOK: Call = Call {
    handler: || web::to(now),
    name: "look_at_hosts",
    chapter: Chapter::Hosts,
    summary: "Check every host and the push host now",
    query: None,
    takes: Takes::Nothing,
    gives: &[json::<Checkup>(200, "What was found")],
    refuses: &[429],
};

async fn now(app: Data<App>, caller: Caller, stack: Path<String>) -> Reply {
    let stack: StackName = named("stack", &stack)?;
    let too_often = |wait| Problem::too_often("you looked", wait);
    app.budgets.looks.take(caller.who.as_str(), Instant::now()).map_err(too_often)?;
    Ok(HttpResponse::Ok().json(app.desk.checkup_now(&stack).await?))
}
