//! What all pages show around themselves, gathered for each page anew. It must never fail: a page of an error is drawn
//! with what can be had. Called by every handler that draws a page.

use super::frame::{Frame, Section};
use crate::journal::PushState;
use crate::journal::write::hex;
use crate::ledger::history::{self, Filter};
use crate::ledger::{Trouble, pushes};
use crate::stack::{Access, Verb};
use crate::time::At;
use crate::web::app::App;
use crate::web::http::problem::hide_places;
use crate::web::session::caller::Caller;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;

/// Pushes that the frame shows as running; each stack has one at most.
const MOST_RUNNING: usize = 50;

/// The frame for the caller's page. Who is not signed in sees nothing of what goes on.
pub async fn frame(app: &App, caller: Option<&Caller>, section: Section) -> Frame {
    let now = At::now();
    let (running, notices, channels) = match caller {
        Some(caller) => {
            (running(app, &caller.access).await, notices(app, &caller.access, now), app.desk.channels().shown(now))
        }
        None => (Vec::new(), Vec::new(), Vec::new()),
    };
    let (ledger, disk) = match caller {
        Some(_) => {
            let hidden = |found: Trouble| Trouble { why: hide_places(&found.why, app.desk.config()), ..found };
            (app.desk.ledger_trouble().map(hidden), app.desk.disk_trouble().map(hidden))
        }
        None => (None, None),
    };
    Frame {
        who: caller.map(|caller| caller.who.to_string()),
        full_name: caller.and_then(|caller| caller.full_name.clone()),
        now,
        running,
        nonce: nonce(),
        channels,
        kinds: app.desk.config().channel_kinds(),
        ledger,
        disk,
        copied: caller.and_then(|_| app.desk.copied_from()),
        admin: caller.is_some_and(|caller| caller.access.admin()),
        no_take_over: caller.and_then(|caller| caller.access.must_on_server(Verb::Hold).err()).map(|no| no.to_string()),
        notices,
        section,
        open_mode: app.desk.config().auth.mode.believes_names(),
    }
}

/// A page as an answer.
pub fn page(status: StatusCode, html: String) -> HttpResponse {
    HttpResponse::build(status).insert_header(ContentType::html()).body(html)
}

async fn running(app: &App, reader: &Access) -> Vec<pushes::PushRow> {
    let filter = Filter { state: Some(PushState::Running), reader: Some(reader.clone()), ..Filter::default() };
    let found = app.desk.ledger().read(move |connection| history::list(connection, &filter, MOST_RUNNING)).await;
    found.unwrap_or_else(|error| {
        tracing::error!(%error, "a page is drawn without the running pushes");
        Vec::new()
    })
}

fn notices(app: &App, access: &Access, now: At) -> Vec<String> {
    let stack_files = app.desk.stack_files();
    let broken = stack_files.stacks.iter().filter_map(|loaded| {
        let problem = loaded.problem.as_deref()?.lines().next()?;
        access.stack(Verb::See, &loaded.name, &loaded.stages()).then_some(())?;
        Some(format!("stacks/{}.toml has errors, so {} cannot be pushed: {problem}", loaded.name, loaded.name))
    });
    let of_file = app
        .desk
        .rights_problem()
        .map(|problem| format!("The server's configuration has errors, so the rights stay as they were: {problem}"));
    let behind = app.desk.channels().audit_shown(now).into_iter().map(|(target, since, why)| {
        let why = hide_places(&why, app.desk.config());
        let place = if target == "file" { "its file" } else { target };
        format!(
            "The audit has not reached {place} since {since}: {why}. Nothing is lost: the rest is sent when it works again"
        )
    });
    let isolation = app.desk.isolation_trouble().map(|words| hide_places(&words, app.desk.config()));
    broken.chain(of_file).chain(behind).chain(isolation).collect()
}

/// 128 random bits. Without them, which no Linux refuses, the forms carry an empty nonce, and each press counts.
fn nonce() -> String {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_or(String::new(), |()| hex(&bits))
}
