//! The one table of what states are called on the page of a push: made from the journal's own types and from `words`, and given
//! to the scripts with the page (`static/live/states.js`), so that they have no names of their own. Pure.

use super::words::{connecting_mark, end_words, push_mark, result_mark};
use crate::journal::{Ended, HostResult, PushState};
use crate::plan::Sign;
use serde::Serialize;
use std::collections::BTreeMap;

/// The names of all states. Written as the wire form of the journal names them.
#[derive(Debug, Serialize)]
pub(crate) struct States {
    /// How a command ends, on a host or everywhere.
    results: BTreeMap<String, HowResult>,
    /// How a push ends.
    ends: BTreeMap<String, HowEnd>,
    /// A command on a host that has no result.
    open: Open,
    /// A push that has not ended.
    push: Running,
    /// Connecting to its hosts.
    connecting: Connecting,
}

/// A shape, and the word beside it.
#[derive(Clone, Copy, Debug, Serialize)]
struct StateWord {
    shape: &'static str,
    word: &'static str,
}

#[derive(Debug, Serialize)]
struct HowResult {
    #[serde(flatten)]
    named: StateWord,
    /// What it says of the build on the host.
    sign: &'static str,
}

#[derive(Debug, Serialize)]
struct HowEnd {
    #[serde(flatten)]
    named: StateWord,
    /// The words before how long it took.
    took: &'static str,
    /// What the title of a tab begins with.
    sign: &'static str,
    /// The icon of a tab: `favicon-ICON.svg`.
    icon: &'static str,
}

#[derive(Debug, Serialize)]
struct Open {
    waits: StateWord,
    runs: StateWord,
    slow: StateWord,
    left: StateWord,
}

#[derive(Debug, Serialize)]
struct Running {
    runs: StateWord,
    paused: StateWord,
    asks: StateWord,
}

#[derive(Debug, Serialize)]
struct Connecting {
    runs: StateWord,
    done: StateWord,
    partly: StateWord,
}

impl From<(&'static str, &'static str)> for StateWord {
    fn from((shape, word): (&'static str, &'static str)) -> Self {
        Self { shape, word }
    }
}

/// The table as JSON, for an attribute of the page.
pub(crate) fn states() -> String {
    let results = HostResult::ALL.map(|result| {
        let named = result_mark(Some(result), false).into();
        (wire(result), HowResult { named, sign: sign(result.sign()) })
    });
    let ends = Ended::ALL.map(|end| {
        let named: StateWord = push_mark(end.into()).into();
        let (sign, icon) = tab(end);
        (wire(end), HowEnd { named, took: end_words(end), sign, icon })
    });
    let states = States {
        results: results.into(),
        ends: ends.into(),
        open: Open {
            waits: ("wait", "waiting").into(),
            runs: result_mark(None, true).into(),
            slow: ("slow", "slow").into(),
            left: result_mark(Some(HostResult::Skipped), false).into(),
        },
        push: Running {
            runs: push_mark(PushState::Running).into(),
            paused: ("pause", "Paused").into(),
            asks: ("hold", "Waits for an answer").into(),
        },
        connecting: Connecting {
            runs: connecting_mark(None).into(),
            done: connecting_mark(Some(true)).into(),
            partly: connecting_mark(Some(false)).into(),
        },
    };
    serde_json::to_string(&states).unwrap_or_default()
}

/// A state as the journal writes it.
fn wire(state: impl Serialize) -> String {
    serde_json::to_value(state).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

fn sign(sign: Sign) -> &'static str {
    match sign {
        Sign::Well => "well",
        Sign::Badly => "badly",
        Sign::Nothing => "nothing",
        Sign::Unknown => "unknown",
    }
}

/// What a tab says of the end when it is not in front: the sign before its title, and its icon.
fn tab(end: Ended) -> (&'static str, &'static str) {
    match end {
        Ended::Succeeded => ("✓", "ok"),
        Ended::Degraded | Ended::Failed | Ended::Cancelled | Ended::RolledBack => ("✕", "fail"),
        Ended::Interrupted => ("?", "lost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_of_the_journal_has_its_name_shape_and_icon() {
        let table: serde_json::Value = serde_json::from_str(&states()).unwrap();
        for result in HostResult::ALL {
            let row = &table["results"][wire(result)];
            assert_eq!((row["shape"].as_str(), row["word"].as_str()).0.map(str::is_empty), Some(false), "{result:?}");
            let (shape, word) = result_mark(Some(result), false);
            assert_eq!((row["shape"].as_str(), row["word"].as_str()), (Some(shape), Some(word)));
        }
        for end in Ended::ALL {
            let row = &table["ends"][wire(end)];
            let icon = format!("favicon-{}.svg", row["icon"].as_str().unwrap());
            assert!(super::super::assets::asset(&icon).is_some(), "{icon}");
            assert_eq!(
                (row["shape"].as_str(), row["word"].as_str()),
                (Some(push_mark(end.into()).0), Some(push_mark(end.into()).1))
            );
        }
        let sprite =
            String::from_utf8(super::super::templates::Templates::get("sprite.html").unwrap().data.into_owned())
                .unwrap();
        for row in table["results"].as_object().unwrap().values().chain(table["ends"].as_object().unwrap().values()) {
            let shape = format!("id=\"s-{}\"", row["shape"].as_str().unwrap());
            assert!(sprite.contains(&shape), "{shape}");
        }
    }
}
