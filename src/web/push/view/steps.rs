//! The steps of a push, each a bar from its begin to its end, with the time that it usually takes. Pure; a bar never leaves its
//! place, however odd the times are.

use super::hosts::ran;
use crate::ledger::pushes::{CommandRow, ResultRow};
use crate::ledger::typical_duration::{TypicalStep, same_step};
use crate::time::{At, duration_words, exact_words};
use crate::web::push::shown::{PushPage, is_bad, title_of};
use crate::web::view::parts::{Mark, millis_between};
use crate::web::view::words;
use serde::Serialize;

/// A command, as a bar from its begin to its end; places are per cent of the whole push.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    number: usize,
    title: String,
    mark: Mark,
    hosts: String,
    took: String,
    /// `usually 4 s`, and where on the bar that would have ended; its milliseconds, for a running push.
    typical: Option<String>,
    typical_ms: i64,
    typical_at: Option<String>,
    left: String,
    width: String,
    /// It would have run only if something had gone wrong, and nothing did.
    pub(super) unused: bool,
}

/// The last place on a bar, in hundredths of it, where a mark is still seen.
const MARK_MOST: f64 = 99.6;

/// All commands of a push, begun or not.
pub(super) fn steps(page: &PushPage, live: bool, since: &str, took_ms: i64) -> Vec<Step> {
    let count = page.titles.len().max(page.commands.iter().map(|row| row.command as usize).max().unwrap_or(0));
    let step = |number: usize| {
        let title = title_of(page, number as i64);
        let same = |step: &&TypicalStep| step.command == number as i64 && same_step(&step.title, &title);
        let typical_ms = words::median(&page.typical_steps.iter().filter(same).map(|step| step.ms).collect::<Vec<_>>());
        match page.commands.iter().find(|row| row.command == number as i64 && row.started_at.is_some()) {
            Some(row) => begun(page, row, (number, title, typical_ms), (live, since, took_ms.max(1) as f64)),
            None => not_begun(page, (number, title, typical_ms), live),
        }
    };
    (1..=count).map(step).collect()
}

/// A command that was not begun: how long it usually takes, or that it did not run.
fn not_begun(page: &PushPage, (number, title, typical_ms): (usize, String, Option<i64>), live: bool) -> Step {
    Step {
        number,
        title,
        mark: Mark::new(if live { ("wait", "Waiting") } else { ("skip", "Not run") }),
        hosts: String::new(),
        took: match (live, typical_ms) {
            (true, Some(ms)) => format!("~{}", duration_words(ms)),
            (true, None) => String::new(),
            (false, _) => "not run".to_owned(),
        },
        typical: None,
        typical_ms: typical_ms.unwrap_or(0),
        typical_at: None,
        left: String::new(),
        width: String::new(),
        unused: u32::try_from(number).is_ok_and(|number| page.conditional.contains(&number)),
    }
}

/// Whether a command on hosts could begin on none of them: it took no time.
fn ran_nowhere(page: &PushPage, row: &CommandRow) -> bool {
    let mut results = page.results.iter().filter(|result| result.command == row.command).peekable();
    row.hosts > 0 && results.peek().is_some() && !results.any(ran)
}

/// A command that was begun, on a bar that is `whole` milliseconds long and begins at `since`.
fn begun(
    page: &PushPage,
    row: &CommandRow,
    (number, title, typical_ms): (usize, String, Option<i64>),
    (live, since, whole): (bool, &str, f64),
) -> Step {
    let at = row.started_at.as_deref().and_then(|at| at.parse::<At>().ok());
    let left = at.and_then(|at| millis_between(since, at)).unwrap_or(0) as f64 * 100.0 / whole;
    let width = row.duration_ms.map_or(100.0 - left, |ms| ms as f64 * 100.0 / whole);
    let (left, width) = on_the_bar(left, width);
    // Hosts that were never begun are not ok, but did not fail either.
    let failed = |result: &&ResultRow| result.command == row.command && is_bad(result.result);
    let bad = match page.results.iter().filter(failed).count() {
        0 => String::new(),
        bad => format!(", {bad} failed"),
    };
    Step {
        number,
        title,
        mark: Mark::new(words::result_mark(row.result, live)),
        hosts: match row.hosts {
            0 => String::new(),
            hosts => format!("{} of {}{bad}{}", row.ok, words::count(hosts, "host"), skew_words(row)),
        },
        took: match (row.duration_ms, live) {
            (Some(_), _) if ran_nowhere(page, row) => String::new(),
            (Some(ms), _) => duration_words(ms),
            (None, true) => String::new(),
            (None, false) => "?".to_owned(),
        },
        typical: typical_ms.map(|ms| format!("usually {}", duration_words(ms))),
        typical_ms: typical_ms.unwrap_or(0),
        typical_at: typical_ms.map(|ms| format!("{:.2}", (left + ms as f64 * 100.0 / whole).min(MARK_MOST))),
        left: format!("{left:.2}"),
        width: format!("{width:.2}"),
        unused: false,
    }
}

/// `, within 84 ms`: how far apart the hosts of a step flipped.
fn skew_words(row: &CommandRow) -> String {
    let skew = row.skew_ms.and_then(|ms| u64::try_from(ms).ok());
    skew.map(|ms| format!(", within {}", exact_words(ms))).unwrap_or_default()
}

/// Where a command lies on the bar, in hundredths of it: within it, and at least a sliver, so that a quick one is seen.
pub(super) fn on_the_bar(left: f64, width: f64) -> (f64, f64) {
    const SLIVER: f64 = 0.8;
    // `max` also turns what is no number into 0.
    let left = left.max(0.0).clamp(0.0, 100.0 - SLIVER);
    (left, width.max(SLIVER).min(100.0 - left))
}

#[cfg(test)]
mod tests {
    use super::on_the_bar;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_command_lies_on_the_bar_however_odd_its_times(left in prop::num::f64::ANY, width in prop::num::f64::ANY) {
            let (left, width) = on_the_bar(left, width);
            prop_assert!((0.0..=100.0).contains(&left) && width > 0.0 && left + width <= 100.0 + 1e-9);
        }
    }
}
