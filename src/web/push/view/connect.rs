//! Connecting to the hosts, as the first of the steps of a push, with its own time. Pure; `static/live/connecting.js` says the same
//! while a push runs. Called by the push page.

use super::steps::on_the_bar;
use crate::journal::{Connecting, Ended, HostResult, PushState};
use crate::time::duration_words;
use crate::web::push::shown::PushPage;
use crate::web::view::parts::{Mark, millis_between};
use crate::web::view::words::{connecting_mark, result_mark};
use serde::Serialize;

/// How far the connections are, or were when the push went on.
#[derive(Debug, Serialize)]
pub(super) struct Connect {
    mark: Mark,
    /// `Connected`, and how many hosts.
    title: &'static str,
    count: String,
    /// Who did not come, and who is waited for.
    away: String,
    took: String,
    /// Where its bar lies, in hundredths of the whole push.
    left: String,
    width: String,
}

/// None where the journal says nothing of it.
pub(super) fn connect(page: &PushPage, live: bool, since: &str, whole_ms: i64) -> Option<Connect> {
    let (at, connecting) = page.connecting.as_ref()?;
    let connections = connecting.connections();
    let whole = whole_ms.max(1) as f64;
    let took = connections.duration_ms as f64;
    let left = (millis_between(since, *at).unwrap_or(0) as f64 - took) * 100.0 / whole;
    let (left, width) = on_the_bar(left, took * 100.0 / whole);
    Some(Connect {
        mark: Mark::new(match connecting {
            Connecting::UnderWay(_) if live => connecting_mark(None),
            Connecting::UnderWay(_) => match page.row.state {
                // What had not ended says how the push did.
                PushState::Ended(Ended::Cancelled) => result_mark(Some(HostResult::Cancelled), live),
                PushState::Ended(Ended::Failed) => result_mark(Some(HostResult::Failed), live),
                PushState::Running
                | PushState::Ended(Ended::Succeeded | Ended::Degraded | Ended::RolledBack | Ended::Interrupted) => {
                    result_mark(Some(HostResult::Unknown), live)
                }
            },
            Connecting::Done(_) => connecting_mark(Some(connections.connected == connections.hosts)),
        }),
        title: match connecting {
            Connecting::UnderWay(_) => "Connecting",
            Connecting::Done(_) => "Connected",
        },
        count: match connecting {
            Connecting::UnderWay(_) => connections.count_words(),
            Connecting::Done(_) => connections.connected_words(),
        },
        away: match connecting {
            Connecting::UnderWay(_) => connections.waiting_words(),
            Connecting::Done(_) => connections.away_words(),
        },
        took: duration_words(i64::try_from(connections.duration_ms).unwrap_or(i64::MAX)),
        left: format!("{left:.2}"),
        width: format!("{width:.2}"),
    })
}
