//! Turning on and off that a stage is pushed automatically, by page and by API. It must never decide whether that may be: the desk does.

use crate::desk::Reason;
use crate::stack::{StackName, StageName};
use crate::web::app::App;
use crate::web::http::action::{Why, see};
use crate::web::http::api::call::{Call, Chapter, nothing, takes};
use crate::web::http::body::Body;
use crate::web::http::limits::body_timeout::InTime;
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use actix_web::HttpResponse;
use actix_web::web::{self, Data, Form, Path};

/// `PUT /api/v1/stacks/{stack}/stages/{stage}/auto`
pub static ON: Call = Call {
    handler: || web::to(on_by_api),
    name: "auto_on",
    chapter: Chapter::Stacks,
    summary: "Let a stage be pushed automatically again, whose file says `auto = true`",
    query: None,
    takes: takes::<Why>(),
    gives: &[nothing(204, "It is on")],
    refuses: &[],
};

async fn on_by_api(app: Data<App>, caller: Caller, place: Path<(String, String)>, Body(why): Body<Why>) -> Reply {
    switch(&app, &caller, &place, true, why).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `DELETE /api/v1/stacks/{stack}/stages/{stage}/auto`
pub static OFF: Call = Call {
    handler: || web::to(off_by_api),
    name: "auto_off",
    chapter: Chapter::Stacks,
    summary: "Have a stage pushed by people alone, until someone turns it on again",
    query: None,
    takes: takes::<Why>(),
    gives: &[nothing(204, "It is off")],
    refuses: &[],
};

async fn off_by_api(app: Data<App>, caller: Caller, place: Path<(String, String)>, Body(why): Body<Why>) -> Reply {
    switch(&app, &caller, &place, false, why).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /stacks/{stack}/stages/{stage}/auto-on`
pub async fn on_by_form(
    app: Data<App>,
    caller: Caller,
    place: Path<(String, String)>,
    form: InTime<Form<Why>>,
) -> Reply {
    switch(&app, &caller, &place, true, form.0.into_inner()).await?;
    Ok(see(format!("/stacks/{}", place.0)))
}

/// `POST /stacks/{stack}/stages/{stage}/auto-off`
pub async fn off_by_form(
    app: Data<App>,
    caller: Caller,
    place: Path<(String, String)>,
    form: InTime<Form<Why>>,
) -> Reply {
    switch(&app, &caller, &place, false, form.0.into_inner()).await?;
    Ok(see(format!("/stacks/{}", place.0)))
}

async fn switch(
    app: &Data<App>,
    caller: &Caller,
    (stack, stage): &(String, String),
    on: bool,
    why: Why,
) -> Result<(), Problem> {
    let (stack, stage): (StackName, StageName) = (named("stack", stack)?, named("stage", stage)?);
    let reason = Reason::parse(why.reason.as_deref())?;
    Ok(app.desk.switch_auto(&stack, &stage, on, &caller.who, reason).await?)
}
