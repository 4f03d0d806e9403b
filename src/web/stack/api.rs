//! The JSON API of stacks (DESIGN section 4): the same questions as the pages. It must never know more than they do.

use crate::desk::Refusal;
use crate::desk::view::{CurrentBody, PlanView, StackView};
use crate::stack::{StackName, StageName, Verb};
use crate::web::app::App;
use crate::web::http::action;
use crate::web::http::api::call::{Call, Chapter, Takes, json, query};
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use actix_web::HttpResponse;
use actix_web::web::{self, Data, Path, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a program waits until a source that nobody has looked at lately is fetched; what is here is shown after that.
const FETCHED_WITHIN: Duration = Duration::from_secs(3);

/// All stacks.
#[derive(Debug, JsonSchema, Serialize)]
struct StacksBody {
    /// Those that can be shown, by name.
    stacks: Vec<StackView>,
    /// Those that cannot.
    broken: Vec<BrokenStack>,
}

/// A stack that cannot be shown.
#[derive(Debug, JsonSchema, Serialize)]
struct BrokenStack {
    /// Its name.
    stack: StackName,
    /// Why not.
    problem: String,
}

/// `GET /api/v1/stacks`
pub static STACKS: Call = Call {
    handler: || web::to(stacks),
    name: "list_stacks",
    chapter: Chapter::Stacks,
    summary: "All stacks that the caller may see",
    query: None,
    takes: Takes::Nothing,
    gives: &[json::<StacksBody>(200, "The stacks")],
    refuses: &[],
};

async fn stacks(app: Data<App>, caller: Caller) -> Reply {
    app.desk.all_in_use();
    let mut stacks = Vec::new();
    let mut broken = Vec::new();
    for loaded in &app.desk.stack_files().stacks {
        if !caller.access.stack(Verb::See, &loaded.name, &loaded.stages()) {
            continue;
        }
        match app.desk.stack_view(&loaded.name).await {
            Ok(street) => stacks.push(street.limited_to(&caller.access)),
            Err(Refusal::Unknown { .. }) => {}
            Err(refusal) => broken.push(BrokenStack { stack: loaded.name.clone(), problem: refusal.to_string() }),
        }
    }
    Ok(HttpResponse::Ok().json(StacksBody { stacks, broken }))
}

/// `GET /api/v1/stacks/{stack}`
pub static STACK: Call = Call {
    handler: || web::to(stack),
    name: "get_stack",
    chapter: Chapter::Stacks,
    summary: "One stack: its stages, what they run, what would go out, who is pushing, holds, hosts",
    query: None,
    takes: Takes::Nothing,
    gives: &[json::<StackView>(200, "The stack")],
    refuses: &[409],
};

async fn stack(app: Data<App>, caller: Caller, stack: Path<String>) -> Reply {
    let stack: StackName = named("stack", &stack)?;
    app.desk.in_use(&stack);
    app.desk.freshly_fetched(&stack, FETCHED_WITHIN).await;
    Ok(HttpResponse::Ok().json(app.desk.stack_view(&stack).await?.limited_to(&caller.access)))
}

/// `GET /api/v1/stacks/{stack}/stages/{stage}/current`
pub static CURRENT: Call = Call {
    handler: || web::to(current),
    name: "get_current",
    chapter: Chapter::Stacks,
    summary: "What a stage runs",
    query: None,
    takes: Takes::Nothing,
    gives: &[json::<CurrentBody>(200, "What it runs")],
    refuses: &[409],
};

async fn current(app: Data<App>, _: Caller, place: Path<(String, String)>) -> Reply {
    let (stack, stage): (StackName, StageName) = (named("stack", &place.0)?, named("stage", &place.1)?);
    let view = app.desk.stack_view(&stack).await?;
    let found = view.stages.into_iter().find(|view| view.name == stage.as_str());
    let Some(view) = found else { return Err(Problem::unknown(format_args!("stage {stack}/{stage}"))) };
    match &view.current {
        Some(current) => Ok(HttpResponse::Ok().json(CurrentBody::from(current))),
        None => Err(Problem::unknown(format_args!("a build on {stack}/{stage}"))),
    }
}

/// How a plan is written.
#[derive(JsonSchema, Deserialize)]
pub struct PlanForm {
    /// `shell`: as a script to be run by hand.
    form: Option<String>,
    /// Another version than the newest.
    sha: Option<String>,
}

/// `GET /api/v1/stacks/{stack}/stages/{stage}/plan`; with `?form=shell` as a script to be run by hand.
pub static PLAN: Call = Call {
    handler: || web::to(plan),
    name: "show_plan",
    chapter: Chapter::Stacks,
    summary: "What a push would do",
    query: query::<PlanForm>(),
    takes: Takes::Nothing,
    gives: &[json::<PlanView>(200, "The plan").or(&["text/plain"])],
    refuses: &[409],
};

async fn plan(app: Data<App>, caller: Caller, place: Path<(String, String)>, query: Query<PlanForm>) -> Reply {
    let (stack, stage): (StackName, StageName) = (named("stack", &place.0)?, named("stage", &place.1)?);
    app.desk.in_use(&stack);
    app.desk.freshly_fetched(&stack, FETCHED_WITHIN).await;
    let version = action::version(&app, &stack, query.sha.as_deref()).await?;
    match query.form.as_deref() {
        None => {
            let plan = app.desk.plan(&stack, &stage, version.as_ref()).await?;
            Ok(HttpResponse::Ok().json(plan.limited_to(&caller.access, &stack, &stage)))
        }
        Some("shell") => {
            let script = app.desk.plan_as_shell(&stack, &stage, version.as_ref(), &caller.who).await?;
            Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(script))
        }
        Some(_) => Err(Problem::bad_request("a plan is written as JSON, or with form=shell")),
    }
}
