//! How far a push is with connecting to its hosts, before anything is touched: what the journal says of it, and the words for
//! people. Pure. It must never say more than the records do: a journal of an older runner says nothing of it.

use crate::time::duration_words;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Hosts that are named before "and N more".
const NAMED: usize = 3;
/// Hosts that a record names of those that are waited for: enough to act on, whatever the size of the fleet.
pub const WAITED_FOR: usize = 8;

/// How far the connections to a push's hosts are, or were when the push went on.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Connections {
    /// How many hosts there are to connect to.
    pub hosts: u32,
    /// How many are connected.
    pub connected: u32,
    /// Those that could not be reached, and after what time that was known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// Some of those that are neither yet, in the order of the plan; the push may go on without them, and they join it later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<String>,
    /// How long it has taken.
    pub duration_ms: u64,
}

/// A host that did not come.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Missing {
    /// Its name.
    pub host: String,
    /// How long it was tried.
    pub duration_ms: u64,
}

impl Connections {
    /// How many are neither connected nor known to be away.
    pub fn open(&self) -> usize {
        (self.hosts as usize).saturating_sub(self.connected as usize + self.missing.len())
    }

    /// `12 of 26 hosts`.
    pub fn count_words(&self) -> String {
        format!("{} of {}", self.connected, hosts(self.hosts))
    }

    /// `26 hosts`, or how many of them where not all are connected.
    pub fn connected_words(&self) -> String {
        if self.connected == self.hosts { hosts(self.hosts) } else { self.count_words() }
    }

    /// Who did not come, after what time, and who is late; empty when all are there.
    pub fn away_words(&self) -> String {
        let missing = self.missing.iter().map(|missing| format!("{} ({})", missing.host, length(missing.duration_ms)));
        let late = (self.open() > 0).then(|| format!("late: {}", some(self.waits_for.iter().cloned(), self.open())));
        let gone = match self.missing.len() {
            0 => None,
            count => Some(format!("not reached: {}", some(missing, count))),
        };
        gone.into_iter().chain(late).collect::<Vec<_>>().join("; ")
    }

    /// While it goes on: who is waited for, and who did not come.
    pub fn waiting_words(&self) -> String {
        let names = some(self.waits_for.iter().cloned(), self.open());
        let gone = some(self.missing.iter().map(|missing| missing.host.clone()), self.missing.len());
        let waiting = (self.open() > 0).then(|| format!("waiting for {names}"));
        let gone = (!self.missing.is_empty()).then(|| format!("not reached: {gone}"));
        waiting.into_iter().chain(gone).collect::<Vec<_>>().join("; ")
    }

    /// One line of text while it goes on.
    pub fn under_way(&self) -> String {
        if self.duration_ms == 0 {
            return format!("connecting to {}", hosts(self.hosts));
        }
        format!("connecting: {} after {}, {}", self.count_words(), length(self.duration_ms), self.waiting_words())
    }

    /// One line of text when the push goes on.
    pub fn done(&self) -> String {
        let away = self.away_words();
        let away = if away.is_empty() { away } else { format!("; {away}") };
        format!("connected to {} in {}{away}", self.connected_words(), length(self.duration_ms))
    }
}

fn hosts(count: u32) -> String {
    format!("{count} host{}", if count == 1 { "" } else { "s" })
}

fn length(ms: u64) -> String {
    duration_words(i64::try_from(ms).unwrap_or(i64::MAX))
}

/// The first few, and how many more of `count` there are.
fn some(names: impl Iterator<Item = String>, count: usize) -> String {
    let mut named: Vec<String> = names.take(NAMED).collect();
    let more = count.saturating_sub(named.len());
    if more > 0 {
        named.push(format!("{more} more"));
    }
    match named.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => named.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some_of_26(connected: u32, missing: &[(&str, u64)], waits_for: &[&str], duration_ms: u64) -> Connections {
        let missing =
            missing.iter().map(|(host, duration_ms)| Missing { host: (*host).to_owned(), duration_ms: *duration_ms });
        let waits_for = waits_for.iter().map(|host| (*host).to_owned()).collect();
        Connections { hosts: 26, connected, missing: missing.collect(), waits_for, duration_ms }
    }

    #[test]
    fn connecting_says_how_many_are_there_who_is_waited_for_and_who_did_not_come() {
        let under_way = some_of_26(0, &[], &["web001", "web002"], 0).under_way();
        assert_eq!(under_way, "connecting to 26 hosts");
        let five = ["web014", "web015", "web016", "web017", "web018"];
        assert_eq!(
            some_of_26(12, &[("web003", 1200)], &five, 3200).under_way(),
            "connecting: 12 of 26 hosts after 3.2 s, waiting for web014, web015, web016 and 10 more; not reached: web003"
        );
        assert_eq!(some_of_26(26, &[], &[], 3200).done(), "connected to 26 hosts in 3.2 s");
        assert_eq!(
            some_of_26(24, &[("web003", 30_800)], &["web014"], 31_000).done(),
            "connected to 24 of 26 hosts in 31 s; not reached: web003 (31 s); late: web014"
        );
        let one = Connections { hosts: 1, connected: 1, duration_ms: 84, ..Connections::default() };
        assert_eq!(one.done(), "connected to 1 host in 0.1 s");
    }
}
