//! `[limits]`: the numbers that bound things, each with a value that fits most houses. It must never hold one that nothing obeys.
//! And `[retention]`: what becomes of old things. It must never make history shorter: journals are kept, in less space.

use super::broken_rules::Rules;
use super::key::{Key, Kind, key};
use crate::diagnostic::shown;
use crate::size::Most;
use serde::Deserialize;
use std::time::Duration;

/// `[limits]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// How often the branches are fetched for the pages, in seconds.
    pub fetch_every_s: u64,
    /// Free space that a press needs under `data`, in MiB.
    pub free_mib: u64,
    /// Open connections in all; who comes when they are taken waits until one ends.
    pub connections: usize,
    /// Open connections of one address.
    pub connections_per_address: usize,
    /// How many hosts are kept connected; 0 connects only when a push needs it.
    pub warm_hosts: usize,
    /// How often a connection that is kept is checked, in seconds; at most 10, since *ready* means an answer within 15 s.
    pub check_every_s: u64,
    /// How often hosts are asked what they run, in seconds.
    pub probe_every_s: u64,
    /// How much a stack's source may hold, in MiB: a git mirror, a directory, a published build.
    pub source_mib: u64,
    /// How many paths a directory or a published build may have.
    pub source_entries: usize,
    /// How long the tar of a published build may be, in MiB.
    pub upload_mib: u64,
    /// How many published builds of a stack are kept that nobody has pushed.
    pub published_kept: usize,
    /// How many builds of a stack are kept that pushes made, beside those that someone may still need; 0: all of them.
    pub builds_kept: usize,
    /// How often the commands that list hosts are asked for the pages, in seconds.
    pub inventory_every_s: u64,
}

impl Limits {
    /// How much a source may hold.
    pub fn source(&self) -> Most {
        Most { mib: self.source_mib, entries: self.source_entries }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fetch_every_s: 15,
            free_mib: 512,
            connections: 8192,
            connections_per_address: 64,
            warm_hosts: 500,
            check_every_s: 10,
            probe_every_s: 30,
            source_mib: Most::default().mib,
            source_entries: Most::default().entries,
            upload_mib: 2048,
            published_kept: 50,
            builds_kept: 0,
            inventory_every_s: 60,
        }
    }
}

/// The keys of `[retention]`.
pub(super) const RETENTION_KEYS: &[Key] = &[key("compress_after", Kind::Text)];

/// The word for what is not done at all.
const NEVER: &str = "never";
const DAY_S: u64 = 24 * 60 * 60;
/// A hundred years: more is no time that anybody meant.
const MOST_S: u64 = 36_500 * DAY_S;

/// `[retention]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// How long after the end of a push its journal is compressed, as it is written.
    pub compress_after: String,
}

impl Default for Retention {
    fn default() -> Self {
        Self { compress_after: "7d".to_owned() }
    }
}

impl Retention {
    /// How long after the end of a push its journal is compressed; never, without.
    pub fn compress_after(&self) -> Option<Duration> {
        after(&self.compress_after).flatten()
    }
}

/// `7d`, `12h`, `30m`, `0s`, or `never`; none of what is neither.
fn after(text: &str) -> Option<Option<Duration>> {
    if text == NEVER {
        return Some(None);
    }
    let unit = match text.as_bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 60 * 60,
        b'd' => DAY_S,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    let number: u64 = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()?;
    let seconds = number.checked_mul(unit).filter(|seconds| *seconds <= MOST_S)?;
    Some(Some(Duration::from_secs(seconds)))
}

impl Rules<'_> {
    pub(super) fn retention(&mut self, retention: &Retention) {
        let text = &retention.compress_after;
        if after(text).is_none() {
            let title = format!("`{}` is not a time after the end of a push", shown(text));
            let cure = "write a whole number with s, m, h or d, or \"never\": compress_after = \"7d\"";
            self.refuse(&["retention", "compress_after"], title, cure);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_with_its_unit_or_never() {
        let seconds = |text| after(text).map(|after| after.map(|after| after.as_secs()));
        for (text, read) in [("0s", 0), ("90m", 5400), ("36h", 129_600), ("7d", 604_800), ("36500d", MOST_S)] {
            assert_eq!(seconds(text), Some(Some(read)), "{text}");
        }
        assert_eq!(seconds("never"), Some(None));
        for text in ["", "d", "7", "7 d", "-7d", "+7d", "1.5d", "7w", "36501d", "99999999999999999999d", "é", "Never"]
        {
            assert_eq!(seconds(text), None, "{text}");
        }
        assert_eq!(Retention::default().compress_after(), Some(Duration::from_secs(604_800)));
    }
}
