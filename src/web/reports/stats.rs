//! The page of stats. It must never change anything, nor read more than a span of time.

use super::stats_view::{Span, StatsPage};
use crate::ledger::stats;
use crate::ledger::visible::Visible;
use crate::time::At;
use crate::web::app::App;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use crate::web::view::frame::Section;
use crate::web::view::page::{frame, page};
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use serde::Deserialize;

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
            Problem::bad_request(format!("{weeks:?} is not a supported time span: use 2, 8 or 52 weeks"))
        })?,
    };
    let access = caller.access.clone();
    // The last stage of a street is where it counts.
    let last_stage = app.desk.stack_files().stacks.iter().find_map(|loaded| {
        let stage = loaded.stack.as_ref()?.stages.last()?;
        Some(stage.name.to_string())
    });
    let (from, to) = span.bounds(At::now());
    let earlier = At::from_millis(2 * from.millis() - to.millis());
    let found = app.desk.ledger().read(move |connection| {
        let visible = Visible::to(connection, &access)?;
        let mut stages = stats::stages(connection)?;
        stages.retain(|stage| visible.has_stage(stage));
        let known = |stage: &String| stages.contains(stage);
        let stage = stage.filter(known).or(last_stage.filter(known)).or_else(|| stages.first().cloned());
        let asked = stage.clone().unwrap_or_default();
        let (from, to, earlier) = (from.to_string(), to.to_string(), earlier.to_string());
        let mut pushes = stats::pushes(connection, &asked, &from, &to)?;
        let mut before = stats::pushes(connection, &asked, &earlier, &from)?;
        let mut waits = stats::waits(connection, &asked, &from, &to)?;
        pushes.retain(|push| visible.has(&push.stack, &asked));
        before.retain(|push| visible.has(&push.stack, &asked));
        waits.retain(|wait| visible.has(&wait.stack, &asked));
        let mut who: Vec<String> = pushes.iter().map(|push| push.who.clone()).collect();
        who.sort_unstable();
        who.dedup();
        Ok(StatsPage {
            span,
            before,
            waits,
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
