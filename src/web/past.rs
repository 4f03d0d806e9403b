//! The pages about what was: stats and announcements. They must never change anything, nor read without a bound: a span
//! of time, or a page of rows. Called by the routes; what they gather is drawn by `pages`.

use super::App;
use super::asking::Caller;
use super::frame::{frame, page};
use super::pages::{AnnouncementsPage, Section, Span, StatsPage, ToldFilter};
use super::paging::{Page, edge};
use super::problem::{Problem, Reply};
use crate::ledger::{stats, told};
use crate::time::At;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use serde::Deserialize;

/// Announcements on one page.
const ANNOUNCEMENTS: usize = 50;

/// What the stats page is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct StatsQuery {
    stage: Option<String>,
    weeks: Option<String>,
}

/// `GET /stats`
pub async fn stats(app: Data<App>, caller: Caller, query: Query<StatsQuery>) -> Reply {
    let StatsQuery { stage, weeks } = query.into_inner();
    let span = match weeks.as_deref().filter(|weeks| !weeks.is_empty()) {
        None => Span::default(),
        Some(weeks) => Span::named(weeks).ok_or_else(|| {
            Problem::bad_request(format!("{weeks:?} is no span of time that is drawn: ask for 2, 8 or 52 weeks"))
        })?,
    };
    // The last stage of a street is where it counts.
    let usual = app.desk.shelf().stacks.iter().find_map(|shelved| {
        let stage = shelved.stack.as_ref()?.stages.last()?;
        Some(stage.name.to_string())
    });
    let (from, to) = span.bounds(At::now());
    let earlier = At::from_millis(2 * from.millis() - to.millis());
    let found = app.desk.ledger().read(move |connection| {
        let stages = stats::stages(connection)?;
        let known = |stage: &String| stages.contains(stage);
        let stage = stage.filter(known).or(usual.filter(known)).or_else(|| stages.first().cloned());
        let asked = stage.clone().unwrap_or_default();
        let (from, to, earlier) = (from.to_string(), to.to_string(), earlier.to_string());
        let pushes = stats::pushes(connection, &asked, &from, &to)?;
        let mut who: Vec<String> = pushes.iter().map(|push| push.who.clone()).collect();
        who.sort_unstable();
        who.dedup();
        Ok(StatsPage {
            span,
            before: stats::pushes(connection, &asked, &earlier, &from)?,
            waits: stats::waits(connection, &asked, &from, &to)?,
            first_timers: stats::first_timers(connection, &asked, &from, &who)?,
            stage,
            stages,
            pushes,
        })
    });
    let found = found.await?;
    let frame = frame(&app, Some(&caller), Section::Stats).await;
    Ok(page(StatusCode::OK, app.pages.stats(&frame, &found)?))
}

/// What the announcements are asked for; what is empty is not asked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ToldQuery {
    channel: Option<String>,
    state: Option<String>,
    before: Option<String>,
    after: Option<String>,
}

/// `GET /announcements`
pub async fn announcements(app: Data<App>, caller: Caller, query: Query<ToldQuery>) -> Reply {
    let ToldQuery { channel, state, before, after } = query.into_inner();
    let said = |text: Option<String>| text.filter(|text| !text.is_empty());
    let from = edge(before.as_deref(), after.as_deref())?;
    let filter = ToldFilter { channel: said(channel), state: said(state) };
    let asked = filter.clone();
    let read = app.desk.ledger().read(move |connection| {
        let rows = told::list(connection, asked.channel.as_deref(), asked.state.as_deref(), from, ANNOUNCEMENTS + 1)?;
        Ok((told::channels(connection)?, rows))
    });
    let (channels, rows) = read.await?;
    let Page { rows, older, newer } = Page::of(rows, from, ANNOUNCEMENTS, |listed| listed.row.id);
    let frame = frame(&app, Some(&caller), Section::Pushes).await;
    let shown = AnnouncementsPage { channels, rows, filter, older, newer };
    Ok(page(StatusCode::OK, app.pages.announcements(&frame, &shown)?))
}
