//! The page of one push, and the one that asks whether it is really to be cancelled. They must never change anything.

use super::known::PushDetails;
use super::records::{connecting_of, journal_of};
use super::shown::PushPage;
use crate::desk::view::{NoRights, Remaining, RollbackTarget};
use crate::journal::{Ended, Event};
use crate::ledger::typical_duration;
use crate::stack::PushNumber;
use crate::web::app::App;
use crate::web::http::action;
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use crate::web::view::frame::Section;
use crate::web::view::page::{frame, page};
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};

/// Lines of a push that its page holds for readers without JavaScript.
const TAIL_LINES: usize = 200;

/// `GET /pushes/{id}`
pub async fn push(app: Data<App>, caller: Caller, id: Path<String>) -> Reply {
    let id: PushNumber = named("push", &id)?;
    let shown = push_page(&app, &caller, id).await?;
    let frame = frame(&app, Some(&caller), Section::Pushes).await;
    Ok(page(StatusCode::OK, app.pages.push(&frame, &shown)?))
}

/// `GET /pushes/{id}/cancel`: asks whether, on a page that stays.
pub async fn cancel(app: Data<App>, caller: Caller, id: Path<String>) -> Reply {
    let id: PushNumber = named("push", &id)?;
    let shown = push_page(&app, &caller, id).await?;
    if !shown.row.state.is_running() {
        return Ok(action::see(format!("/pushes/{id}")));
    }
    let frame = frame(&app, Some(&caller), Section::Pushes).await;
    Ok(page(StatusCode::OK, app.pages.cancel(&frame, &shown)?))
}

async fn push_page(app: &App, caller: &Caller, id: PushNumber) -> Result<PushPage, Problem> {
    let known = PushDetails::of(app.desk.ledger(), id).await?;
    let (head, tail) = journal_of(app, id, TAIL_LINES).await?;
    let connecting = connecting_of(&head);
    let (titles, conditional, hosts) = match head.into_iter().next().map(|record| record.event) {
        Some(Event::PushStarted { commands, conditional, hosts, .. }) => (commands, conditional, hosts),
        // The runner has not begun yet: the plan says what it will do.
        _ => (Vec::new(), Vec::new(), known.hosts),
    };
    // A stack that is gone since keeps its pushes; they are shown without what only the stack knows.
    let stack_view = app.desk.stack_view(&known.row.stack).await.ok().map(|view| view.limited_to(&caller.access));
    let no_right = NoRights::on_stage(&caller.access, &known.row.stack, &known.row.stage);
    let stage = stack_view
        .as_ref()
        .and_then(|street| street.stages.iter().find(|stage| stage.name == known.row.stage.as_str()));
    let rest = remaining(app, id, &no_right).await?;
    let newest = stage.and_then(|stage| stage.last.as_ref()).is_some_and(|last| last.id == known.row.id);
    let row = known.row.clone();
    let typical = app.desk.ledger().read(move |connection| {
        Ok((typical_duration::steps(connection, &row)?, typical_duration::of_others(connection, &row)?))
    });
    let (typical_steps, typical_ms) = typical.await.map_err(Problem::broken)?;
    let graphs = app.desk.loaded_stack(&known.row.stack).is_some_and(|stack| !stack.graphs.is_empty());
    let not_well = known.row.state.ended().is_some_and(|ended| ended != Ended::Succeeded);
    let went_badly = newest && not_well && known.row.state != Ended::RolledBack;
    // Undoing this push is what its page offers, not going back further than it did.
    let replaces = |back: &RollbackTarget| known.row.old_build.as_ref().is_none_or(|old| *old == back.build);
    Ok(PushPage {
        rest,
        back: stage
            .filter(|_| went_badly && no_right.rollback.is_none())
            .and_then(|stage| stage.back.clone())
            .filter(replaces),
        now: stage.filter(|_| not_well).and_then(|stage| stage.current.clone()),
        newest: stage.filter(|_| not_well).and_then(|stage| stage.last.clone()),
        button: stage.map_or_else(|| known.row.stage.to_string(), |stage| stage.button.clone()),
        typical_steps,
        typical_ms,
        hold: stage.and_then(|stage| stage.hold.clone()).or(stack_view.as_ref().and_then(|street| street.hold.clone())),
        row: known.row,
        commands: known.commands,
        results: known.results,
        commits: known.commits,
        announcements: known.announcements,
        links: known.links,
        measurements: known.measurements,
        graphs,
        questions: known.questions,
        titles,
        conditional,
        hosts,
        connecting,
        marks: known.marks,
        left_with: if not_well { known.left_with } else { Vec::new() },
        tail,
        no_right,
    })
}

/// What is left of a push, for one caller.
async fn remaining(app: &App, id: PushNumber, no_right: &NoRights) -> Result<Option<Remaining>, Problem> {
    let rest = app.desk.remaining(id).await?;
    Ok(rest.map(|rest| Remaining { why_not: no_right.push.clone().or(rest.why_not), ..rest }))
}
