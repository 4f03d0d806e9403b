//! A push of a stage, by page and by API. It must never decide whether it may happen, nor push twice for one click.

use crate::desk::{Press, Reason};
use crate::stack::{PushNumber, StackName, StageName};
use crate::web::app::App;
use crate::web::approval::requests::override_why;
use crate::web::http::action::{key, see, version, within_budget};
use crate::web::http::api::call::{Call, Chapter, json, takes};
use crate::web::http::body::{Body, Fields, Kind};
use crate::web::http::limits::body_timeout::InTime;
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::push::api::{PushMade, made};
use crate::web::session::caller::Caller;
use actix_web::web::{self, Data, Form, Path};
use schemars::JsonSchema;
use serde::Deserialize;

/// What a press carries.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct Pressed {
    /// What was seen on the button.
    #[serde(default)]
    pub seen: String,
    /// The version that is to go out instead of the newest one, when one was chosen.
    pub sha: Option<String>,
    /// The hash of the plan that was seen.
    pub plan_hash: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Why an admin pushes without the approval that the stage needs.
    pub without_approval: Option<String>,
    /// The press's idempotency key.
    pub nonce: Option<String>,
}

impl Fields for Pressed {
    const FIELDS: &'static [(&'static str, Kind)] = &[
        ("seen", Kind::Text),
        ("sha", Kind::Text),
        ("plan_hash", Kind::Text),
        ("reason", Kind::Text),
        ("without_approval", Kind::Text),
        ("nonce", Kind::Text),
    ];
    const NEEDED: Option<(&'static [&'static str], &'static str)> = Some((
        &["seen", "sha"],
        "a push needs the version to deploy: `seen` as GET …/plan shows it, or `sha` for another version than the newest",
    ));
    const EXAMPLE: &'static str = r#"{"seen": "51d0c3e04f9b7a2f6c8d1e3a5b7c9d0e1f2a3b4c"}"#;
}

/// `POST /stacks/{stack}/stages/{stage}/push`
pub async fn push(app: Data<App>, caller: Caller, place: Path<(String, String)>, form: InTime<Form<Pressed>>) -> Reply {
    let push = press(&app, &caller, &place, form.0.into_inner()).await?;
    Ok(see(format!("/pushes/{push}")))
}

/// Presses a button for the caller.
///
/// # Errors
/// Why nothing was pushed.
pub async fn press(
    app: &Data<App>,
    caller: &Caller,
    (stack, stage): &(String, String),
    pressed: Pressed,
) -> Result<PushNumber, Problem> {
    let (stack, stage): (StackName, StageName) = (named("stack", stack)?, named("stage", stage)?);
    let version = version(app, &stack, pressed.sha.as_deref()).await?;
    // By the API it was refused already, with an example.
    if version.is_none() && pressed.seen.trim().is_empty() {
        return Err(Problem::missing(
            "the form does not have the version that the button showed: reload its page, and push there",
        ));
    }
    let nonce = key(pressed.nonce, format_args!("{}/{stack}/{stage}", caller.who));
    let press = Press {
        stack,
        stage,
        who: caller.who.clone(),
        seen: pressed.seen.trim().to_owned(),
        plan_hash: pressed.plan_hash.filter(|hash| !hash.is_empty()),
        reason: Reason::parse(pressed.reason.as_deref())?,
        override_why: override_why(caller, pressed.without_approval.as_deref())?,
        marks_bad: false,
        nonce,
    };
    let pushed = async {
        Ok(match version {
            None => app.desk.press(press).await?,
            Some(version) => app.desk.press_version(press, &version).await?,
        })
    };
    within_budget(app, caller, pushed).await
}

/// `POST /api/v1/stacks/{stack}/stages/{stage}/push`
pub static PUSH: Call = Call {
    handler: || web::to(push_by_api),
    name: "push",
    chapter: Chapter::Stacks,
    summary: "Start a push",
    query: None,
    takes: takes::<Pressed>(),
    gives: &[json::<PushMade>(201, "The push that was started")],
    refuses: &[429],
};

async fn push_by_api(
    app: Data<App>,
    caller: Caller,
    place: Path<(String, String)>,
    Body(pressed): Body<Pressed>,
) -> Reply {
    let id = press(&app, &caller, &place, pressed).await?;
    made(&app, id).await
}
