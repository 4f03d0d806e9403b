//! The pages that show: all stacks, one stack, a plan, one push. They must never change anything. Called by the
//! routes; what they gather is drawn by `pages`.

use super::App;
use super::actions;
use super::asking::Caller;
use super::cursor::{first_records, last_records};
use super::frame::{frame, page};
use super::pages::{PushPage, Section};
use super::problem::{Problem, Reply};
use crate::desk::JournalEnd;
use crate::desk::view::BackTo;
use crate::journal::{Connecting, Event, Record};
use crate::ledger::holding::{self, LeftWith};
use crate::ledger::pushes::{self, PushRow};
use crate::ledger::{Ledger, LedgerError, outbox, questions, usual};
use crate::plan::Assignment;
use crate::stack::{PushNumber, StackName, StageName};
use crate::time::At;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Query};
use serde::Deserialize;
use std::fmt::Display;
use std::str::FromStr;

/// Lines of a push that its page holds for readers without JavaScript.
const TAIL_LINES: usize = 200;
/// Bytes of the journal that are read for them.
const TAIL_BYTES: u64 = 256 * 1024;
/// Bytes of the journal before its first command, at most: the plan's hosts and commands by name, and how they were connected to.
const HEAD_BYTES: u64 = 1 << 20;

/// `GET /`
pub async fn dashboard(app: Data<App>, caller: Caller) -> Reply {
    app.desk.all_in_use();
    let frame = frame(&app, Some(&caller), Section::Stacks).await;
    let board = app.desk.board().await?;
    Ok(page(StatusCode::OK, app.pages.dashboard(&frame, &board)?))
}

/// `GET /stacks/{stack}`
pub async fn stack(app: Data<App>, caller: Caller, stack: Path<String>) -> Reply {
    let stack: StackName = named("stack", &stack)?;
    let street = app.desk.street(&stack).await?;
    app.desk.in_use(&stack);
    let frame = frame(&app, Some(&caller), Section::Stacks).await;
    Ok(page(StatusCode::OK, app.pages.stack(&frame, &street)?))
}

/// Which version a plan is about; the newest when it is not named.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct VersionQuery {
    sha: Option<String>,
}

/// `GET /stacks/{stack}/stages/{stage}/plan`, with `?sha=` of another version
pub async fn plan(app: Data<App>, caller: Caller, place: Path<(String, String)>, query: Query<VersionQuery>) -> Reply {
    let (stack, stage): (StackName, StageName) = (named("stack", &place.0)?, named("stage", &place.1)?);
    let version = actions::version(&app, &stack, query.sha.as_deref()).await?;
    let plan = app.desk.plan(&stack, &stage, version.as_ref()).await?;
    app.desk.in_use(&stack);
    let frame = frame(&app, Some(&caller), Section::Stacks).await;
    Ok(page(StatusCode::OK, app.pages.plan(&frame, &plan)?))
}

/// `GET /pushes/{id}`
pub async fn push(app: Data<App>, caller: Caller, id: Path<String>) -> Reply {
    let id: PushNumber = named("push", &id)?;
    let shown = push_page(&app, id).await?;
    let frame = frame(&app, Some(&caller), Section::Pushes).await;
    Ok(page(StatusCode::OK, app.pages.push(&frame, &shown)?))
}

/// `GET /pushes/{id}/cancel`: asks whether, on a page that stays.
pub async fn cancel(app: Data<App>, caller: Caller, id: Path<String>) -> Reply {
    let id: PushNumber = named("push", &id)?;
    let shown = push_page(&app, id).await?;
    if shown.row.state != "running" {
        return Ok(actions::see(format!("/pushes/{id}")));
    }
    let frame = frame(&app, Some(&caller), Section::Pushes).await;
    Ok(page(StatusCode::OK, app.pages.cancel(&frame, &shown)?))
}

async fn push_page(app: &App, id: PushNumber) -> Result<PushPage, Problem> {
    let known = Known::of(app.desk.ledger(), id).await?;
    let (head, tail) = journal_of(app, id, TAIL_LINES).await?;
    let connecting = connecting_of(&head);
    let (titles, spare, flips, hosts) = match head.into_iter().next().map(|record| record.event) {
        Some(Event::PushStarted { commands, spare, flips, hosts, .. }) => (commands, spare, flips, hosts),
        // The runner has not begun yet: the plan says what it will do.
        _ => (Vec::new(), Vec::new(), Vec::new(), known.hosts),
    };
    let stack = known.row.stack.parse::<StackName>().map_err(Problem::broken)?;
    // A stack that is gone since keeps its pushes; they are shown without what only the stack knows.
    let street = app.desk.street(&stack).await.ok();
    let stage = street.as_ref().and_then(|street| street.stages.iter().find(|stage| stage.name == known.row.stage));
    let rest = app.desk.rest(id).await?;
    let newest = stage.and_then(|stage| stage.last.as_ref()).is_some_and(|last| last.id == known.row.id);
    let row = known.row.clone();
    let usual_steps = app.desk.ledger().read(move |connection| usual::steps(connection, &row)).await;
    let usual_steps = usual_steps.map_err(Problem::broken)?;
    let went_badly = newest && !matches!(known.row.state.as_str(), "running" | "succeeded" | "rolled back");
    let not_well = !matches!(known.row.state.as_str(), "running" | "succeeded");
    // Undoing this push is what its page offers, not going back further than it did.
    let undoes = |back: &BackTo| known.row.old_build.as_ref().is_none_or(|old| *old == back.build);
    Ok(PushPage {
        rest,
        back: stage.filter(|_| went_badly).and_then(|stage| stage.back.clone()).filter(undoes),
        now: stage.filter(|_| not_well).and_then(|stage| stage.current.clone()),
        newest: stage.filter(|_| not_well).and_then(|stage| stage.last.clone()),
        button: stage.map_or_else(|| known.row.stage.clone(), |stage| stage.button.clone()),
        usual_steps,
        usual_ms: stage.map(|stage| stage.usual_ms.clone()).unwrap_or_default(),
        hold: stage.and_then(|stage| stage.hold.clone()).or(street.as_ref().and_then(|street| street.hold.clone())),
        row: known.row,
        commands: known.commands,
        results: known.results,
        commits: known.commits,
        announcements: known.announcements,
        links: known.links,
        questions: known.questions,
        titles,
        spare,
        flips,
        hosts,
        connecting,
        left_with: if not_well { known.left_with } else { Vec::new() },
        tail,
    })
}

/// What the ledger knows of one push.
pub struct Known {
    /// The push.
    pub row: PushRow,
    /// Its commands as far as they were begun.
    pub commands: Vec<pushes::CommandRow>,
    /// What became of each on each host.
    pub results: Vec<pushes::ResultRow>,
    /// What it brings.
    pub commits: Vec<pushes::Commit>,
    /// How many commits there are in all.
    pub commit_count: i64,
    /// What was told where.
    pub announcements: Vec<outbox::OutboxRow>,
    /// What it linked to.
    pub links: Vec<pushes::Link>,
    /// What it asked.
    pub questions: Vec<questions::Question>,
    /// The frozen host list of its plan, by name.
    pub hosts: Vec<String>,
    /// What it left each of them with, by its records.
    pub left_with: Vec<LeftWith>,
}

impl Known {
    /// Asks the ledger, all in one reading.
    ///
    /// # Errors
    /// When there is no such push, or the ledger does not answer.
    pub async fn of(ledger: &Ledger, id: PushNumber) -> Result<Self, Problem> {
        let number = id.get();
        let known = ledger.read(move |connection| {
            let Some(row) = pushes::get(connection, number)? else { return Ok(None) };
            let plan = pushes::plan_text(connection, number)?.unwrap_or_default();
            let assignment: Assignment = serde_json::from_str(&plan)
                .map_err(|bad| LedgerError::Corrupt(format!("plan of push {number}: {bad}")))?;
            Ok(Some(Self {
                row,
                commands: pushes::commands(connection, number)?,
                results: pushes::results(connection, number)?,
                commits: pushes::commits(connection, number)?,
                commit_count: pushes::commit_count(connection, number)?.unwrap_or_default(),
                announcements: outbox::of_push(connection, number)?,
                links: pushes::links(connection, number)?,
                questions: questions::of_push(connection, number)?,
                hosts: assignment.plan.hosts.iter().map(|host| host.name().to_owned()).collect(),
                left_with: holding::left_with(connection, number)?,
            }))
        });
        known.await?.ok_or_else(|| Problem::unknown(format_args!("push {id}")))
    }
}

/// How far the connections to the hosts of a push are, and when that was said: none in journals of older runners.
fn connecting_of(head: &[Record]) -> Option<(At, Connecting)> {
    head.iter().rev().find_map(|record| Some((record.at, Connecting::of(&record.event)?)))
}

/// How far the connections to the hosts of a push are, as its journal says.
///
/// # Errors
/// When the journal cannot be read.
pub(super) async fn connecting(app: &App, id: PushNumber) -> Result<Option<Connecting>, Problem> {
    let (head, _) = journal_of(app, id, 0).await?;
    Ok(connecting_of(&head).map(|(_, connecting)| connecting))
}

/// The records of a push's journal before its first command, and the last ones.
async fn journal_of(app: &App, id: PushNumber, lines: usize) -> Result<(Vec<Record>, Vec<Record>), Problem> {
    let end = app.desk.journal_end(id).await.map_or(JournalEnd::default(), |end| *end.borrow());
    if end.len == 0 {
        return Ok((Vec::new(), Vec::new()));
    }
    let path = app.desk.journal_path(id);
    let read = tokio::task::spawn_blocking(move || {
        let begins = |record: &Record| matches!(record.event, Event::CommandStarted { .. });
        let head = first_records(&path, end.len, HEAD_BYTES, begins)?;
        let tail = if lines > 0 { last_records(&path, end.len, lines, TAIL_BYTES)? } else { Vec::new() };
        Ok::<_, std::io::Error>((head, tail))
    });
    read.await.map_err(Problem::broken)?.map_err(Problem::broken)
}

/// A name or number of an address; what is not even one does not exist.
///
/// # Errors
/// When it is not a name of its kind.
pub fn named<T: FromStr>(what: &str, text: &str) -> Result<T, Problem>
where
    T::Err: Display,
{
    text.parse().map_err(|_| Problem::unknown(format_args!("{what} {text:?}")))
}
