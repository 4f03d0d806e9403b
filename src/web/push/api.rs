//! The JSON API of one push (DESIGN section 4). It must never know more than the page does.

use super::body::{AnnouncementBody, CommandBody, LeftWithBody, LinkBody, MeasurementBody, ResultBody, bodies};
use super::records::connecting;
use crate::desk::view::{CommitBody, PushBody, QuestionBody, Remaining};
use crate::journal::{Connecting, PushState};
use crate::stack::PushNumber;
use crate::web::app::App;
use crate::web::http::api::call::{Call, Chapter, Takes, json};
use crate::web::http::path::named;
use crate::web::http::problem::Reply;
use crate::web::push::known::PushDetails;
use crate::web::session::caller::Caller;
use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::{self, Data, Path};
use schemars::JsonSchema;
use serde::Serialize;

/// A push that was started.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct PushMade {
    /// Its number.
    id: PushNumber,
    /// The address of its page.
    url: String,
    /// How it is.
    state: PushState,
}

/// The push that an order was given to.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct OrderTaken {
    /// Its number.
    pub id: PushNumber,
}

/// Everything about one push.
#[derive(Debug, JsonSchema, Serialize)]
struct WholePush<'a> {
    /// Its row.
    push: PushBody<'a>,
    /// Its hosts, by name.
    hosts: &'a [String],
    /// Of a push that did not succeed: what each host has.
    left_with: Vec<LeftWithBody<'a>>,
    /// The largest time between the first and the last host of a flip, in milliseconds.
    skew_ms: Option<i64>,
    /// How the connections to its hosts were made.
    connecting: Option<Connecting>,
    /// Each step.
    commands: Vec<CommandBody<'a>>,
    /// Each command on each host.
    results: Vec<ResultBody<'a>>,
    /// Its commits, at most 50.
    commits: Vec<CommitBody<'a>>,
    /// How many there are.
    commit_count: i64,
    /// What was announced where, and what was not, and why.
    announcements: Vec<AnnouncementBody<'a>>,
    /// What `link:` lines gave.
    links: Vec<LinkBody<'a>>,
    /// What it has measured: values of the graphs that it watches.
    measurements: Vec<MeasurementBody<'a>>,
    /// What it asked, and the answers.
    questions: Vec<QuestionBody<'a>>,
    /// What a resume would do.
    rest: Option<Remaining>,
    /// How far its journal is.
    journal: JournalBody,
}

/// How far a journal is.
#[derive(Debug, JsonSchema, Serialize)]
struct JournalBody {
    /// In bytes.
    length: u64,
    /// Whether its last record is written.
    ended: bool,
}

/// The answer to a press: the push that it made.
///
/// # Errors
/// When the ledger does not answer.
pub(crate) async fn made(app: &App, id: PushNumber) -> Reply {
    let state = PushDetails::of(app.desk.ledger(), id).await?.row.state;
    let url = format!("{}/pushes/{id}", app.desk.config().url);
    let made = PushMade { id, url, state };
    Ok(HttpResponse::Created().insert_header((LOCATION, format!("/api/v1/pushes/{id}"))).json(made))
}

/// `GET /api/v1/pushes/{id}`
pub static PUSH: Call = Call {
    handler: || web::to(one_push),
    name: "get_push",
    chapter: Chapter::Pushes,
    summary: "Everything about one push",
    query: None,
    takes: Takes::Nothing,
    gives: &[json::<WholePush>(200, "The push")],
    refuses: &[],
};

async fn one_push(app: Data<App>, _: Caller, id: Path<String>) -> Reply {
    let id: PushNumber = named("push", &id)?;
    let known = PushDetails::of(app.desk.ledger(), id).await?;
    let end = app.desk.journal_end(id).await.map(|end| *end.borrow()).unwrap_or_default();
    Ok(HttpResponse::Ok().json(WholePush {
        push: PushBody::from(&known.row),
        hosts: &known.hosts,
        left_with: bodies(&known.left_with),
        skew_ms: known.commands.iter().filter_map(|command| command.skew_ms).max(),
        connecting: connecting(&app, id).await?,
        commands: bodies(&known.commands),
        results: bodies(&known.results),
        commits: bodies(&known.commits),
        commit_count: known.row.commit_count,
        announcements: bodies(&known.announcements),
        links: bodies(&known.links),
        measurements: bodies(&known.measurements),
        questions: bodies(&known.questions),
        rest: app.desk.remaining(id).await?,
        journal: JournalBody { length: end.len, ended: end.ended },
    }))
}
