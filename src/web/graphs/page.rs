//! The pages with the graphs of a push and of a stack, from which the other pages take them, and the pictures that other servers draw. They must
//! never change anything.

use super::fetch::{FRESH, Fetched};
use super::view::GraphsPage;
use crate::graph::{Series, number_words};
use crate::ledger::history::{self, Filter};
use crate::ledger::pushes::{self, PushRow};
use crate::stack::{Graph, GraphSource, PushNumber, Stack, StackName};
use crate::time::At;
use crate::web::app::App;
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use crate::web::view::frame::Section;
use crate::web::view::graph::chart::{Chart, Plot};
use crate::web::view::graph::{Drawing, measured};
use crate::web::view::page::{frame, page};
use crate::web::view::words::stage_words;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_SECURITY_POLICY;
use actix_web::web::{Data, Path};
use futures::future::join_all;
use std::sync::Arc;

/// What is shown of the time before a push, and at most after it, in milliseconds.
const AROUND_MS: i64 = 10 * 60 * 1000;
/// What is shown of a stack without a push, in milliseconds.
const HOUR_MS: i64 = 60 * 60 * 1000;
/// So many pushes of an hour are marked.
const MOST_MARKS: usize = 20;

/// `GET /pushes/{id}/graphs`
pub async fn of_push(app: Data<App>, caller: Caller, id: Path<String>) -> Reply {
    let id: PushNumber = named("push", &id)?;
    let read = app.desk.ledger().read(move |connection| {
        let row = pushes::get(connection, id)?;
        Ok((row, pushes::measurements(connection, id)?, pushes::commands(connection, id)?))
    });
    let (row, measurements, commands) = read.await?;
    let Some(row) = row else { return Err(Problem::unknown(format_args!("push {id}"))) };
    let title = |number: i64| {
        let begun = commands.iter().find(|command| command.command == number);
        begun.map_or_else(|| format!("Command {number}"), |command| format!("{number}. {}", command.title))
    };
    let (from, to) = around(&row);
    let graphs = match stack_of(&app, &row.stack) {
        Some(stack) => drawings(&app, &stack, (from, to), &marks(std::slice::from_ref(&row))).await,
        None => Vec::new(),
    };
    let shown = GraphsPage {
        name: format!("{} to {}, push {id}", row.stack, stage_words(row.stage.as_str())),
        stack: row.stack.to_string(),
        push: Some(id.get()),
        measured: measured::drawings(&measurements, title),
        graphs,
    };
    let frame = frame(&app, Some(&caller), Section::Pushes).await;
    Ok(page(StatusCode::OK, app.pages.graphs(&frame, &shown)?))
}

/// `GET /stacks/{stack}/graphs`
pub async fn of_stack(app: Data<App>, caller: Caller, stack: Path<String>) -> Reply {
    let name: StackName = named("stack", &stack)?;
    let Some(stack) = stack_of(&app, &name) else { return Err(Problem::unknown(format_args!("stack {name}"))) };
    let to = whole(At::now());
    let from = At::from_millis(to.millis() - HOUR_MS);
    let filter = Filter { stack: Some(name.clone()), reader: Some(caller.access.clone()), ..Filter::default() };
    let recent = app.desk.ledger().read(move |connection| history::list(connection, &filter, MOST_MARKS)).await?;
    let shown = GraphsPage {
        name: name.to_string(),
        stack: name.to_string(),
        push: None,
        measured: Vec::new(),
        graphs: drawings(&app, &stack, (from, to), &marks(&recent)).await,
    };
    let frame = frame(&app, Some(&caller), Section::Stacks).await;
    Ok(page(StatusCode::OK, app.pages.graphs(&frame, &shown)?))
}

/// `GET /stacks/{stack}/graphs/{graph}/image`
pub async fn image(app: Data<App>, _: Caller, place: Path<(String, usize)>) -> Reply {
    let (stack, number) = place.into_inner();
    let name: StackName = named("stack", &stack)?;
    let unknown = || Problem::unknown(format_args!("graph {number} of {name}"));
    let stack = stack_of(&app, &name).ok_or_else(unknown)?;
    let graph = number.checked_sub(1).and_then(|place| Some((place, stack.graphs.get(place)?))).ok_or_else(unknown)?;
    let fetched = fetched(&app, &name, graph, (At::from_millis(0), whole(At::now()))).await;
    match fetched.get() {
        Some(Fetched::Picture(picture)) => Ok(HttpResponse::Ok()
            .content_type(picture.kind)
            .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox"))
            .body(picture.bytes.clone())),
        Some(Fetched::Series(_) | Fetched::Nothing(_)) | None => Err(unknown()),
    }
}

/// The stack as its file says it, if that was ever right.
fn stack_of(app: &App, name: &StackName) -> Option<Arc<Stack>> {
    app.desk.loaded_stack(name)
}

/// From when to when graphs are shown beside a push.
fn around(row: &PushRow) -> (At, At) {
    let at = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<At>().ok());
    let now = At::now();
    let began = at(&row.started_at).or_else(|| row.pressed_at.parse().ok()).unwrap_or(now);
    let end = at(&row.ended_at).map_or(now, |end| At::from_millis((end.millis() + AROUND_MS).min(now.millis())));
    (At::from_millis(began.millis() - AROUND_MS), whole(end))
}

/// A moment that all viewers of the next seconds share, so that the graph is fetched once for all.
fn whole(at: At) -> At {
    let fresh = i64::try_from(FRESH.as_millis()).unwrap_or(i64::MAX);
    At::from_millis(at.millis() - at.millis().rem_euclid(fresh))
}

/// The begin and the end of pushes, as marks.
fn marks(rows: &[PushRow]) -> Vec<(i64, String)> {
    let mut marks = Vec::new();
    for row in rows {
        let at = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<At>().ok()).map(At::millis);
        let stage = stage_words(row.stage.as_str());
        marks.extend(at(&row.started_at).map(|at| (at, format!("{stage}, push {}", row.id))));
        marks.extend(at(&row.ended_at).map(|at| (at, row.state.to_string())));
    }
    marks
}

async fn drawings(app: &App, stack: &Stack, (from, to): (At, At), marks: &[(i64, String)]) -> Vec<Drawing> {
    let draw = stack.graphs.iter().enumerate().map(async |(place, graph)| {
        let title = graph.title.clone();
        let span = if matches!(graph.source, GraphSource::Image(_)) { (At::from_millis(0), to) } else { (from, to) };
        match fetched(app, &stack.name, (place, graph), span).await.get() {
            Some(Fetched::Series(series)) => {
                let plot = Plot {
                    series: series.clone(),
                    from: from.millis(),
                    to: to.millis(),
                    limits: Vec::new(),
                    levels: Vec::new(),
                    marks: marks.to_vec(),
                };
                Drawing::of_chart(title, now_words(series), Chart::of(&plot))
            }
            Some(Fetched::Picture(_)) => {
                let image = format!("/stacks/{}/graphs/{}/image?at={}", stack.name, place + 1, to.millis());
                Drawing::of_image(title, image)
            }
            Some(Fetched::Nothing(why)) => Drawing::missing(title, why.clone()),
            None => Drawing::missing(title, "it is not known yet".to_owned()),
        }
    });
    join_all(draw).await
}

async fn fetched(
    app: &App,
    stack: &StackName,
    graph: (usize, &Graph),
    (from, to): (At, At),
) -> Arc<tokio::sync::OnceCell<Fetched>> {
    app.graphs.of(stack, graph, from, to).await
}

/// The last value, where there is one line.
fn now_words(series: &[Series]) -> String {
    match series {
        [one] => one.points.last().map(|(_, value)| number_words(*value)).unwrap_or_default(),
        [] => String::new(),
        more => format!("{} lines", more.len()),
    }
}
