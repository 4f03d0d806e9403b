//! The limits that a command may have: chunk, timeout, tries, and what its failures mean. Each is looked for at the command,
//! then its stage, then the stack, then here. It must never depend on what a command does, but where its form says so.
//! Called by `commands` and `parse`.

use super::fan_out::{self, Spread};
use super::reader::{Reader, Value, later};
use super::values::{self, Chunk, Share};
use super::{Command, Form, OnFailure, Policy};
use crate::diagnostic::{Mistake, shown};
use std::time::Duration;
use toml::de::{DeTable, DeValue};

/// How many hosts at once, when nobody says anything (DESIGN section 1).
const CHUNK: usize = 10;
/// After which time a command is ended, when nobody says anything (DESIGN section 3).
pub(super) const TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// How long it waits between two tries, when nobody says anything: a service that restarts takes seconds.
const EVERY: Duration = Duration::from_secs(1);
/// How often a check asks: with a second in between, that is long enough for an ordinary restart.
const CHECK_TRIES: u32 = 10;
/// How long one question of a check may take: a health page that needs longer is not healthy.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a question waits for its answer, when nobody says anything: long enough to look at a few graphs.
pub(super) const ANSWER: Duration = Duration::from_secs(30 * 60);
/// More tries than this are a loop, not patience.
const MOST_TRIES: usize = 1000;

/// What one table says of limits; what it leaves open comes from further out.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    pub chunk: Option<Chunk>,
    pub timeout: Option<Duration>,
    pub tries: Option<u32>,
    pub every: Option<Duration>,
    pub max_failed: Option<Share>,
    pub on_failure: Option<OnFailure>,
    pub spread: Spread,
}

impl Limits {
    /// What a table says.
    pub fn read(reader: &mut Reader<'_>, table: &DeTable<'_>) -> Self {
        Self {
            chunk: table.get("chunk").and_then(|value| read_chunk(reader, value)),
            timeout: table.get("timeout").and_then(|value| reader.parsed(value, values::timeout)),
            tries: table
                .get("tries")
                .and_then(|value| reader.number(value, 1..=MOST_TRIES))
                .and_then(|tries| u32::try_from(tries).ok()),
            every: table.get("every").and_then(|value| reader.parsed(value, values::every)),
            max_failed: table.get("max_failed").and_then(|value| read_max_failed(reader, value)),
            on_failure: table.get("on_failure").and_then(|value| read_on_failure(reader, value)),
            spread: Spread::read(reader, table),
        }
    }

    /// What is said here, and what is left open from `outer`.
    pub fn within(self, outer: &Self) -> Self {
        Self {
            chunk: self.chunk.or_else(|| outer.chunk.clone()),
            timeout: self.timeout.or(outer.timeout),
            tries: self.tries.or(outer.tries),
            every: self.every.or(outer.every),
            max_failed: self.max_failed.or(outer.max_failed),
            on_failure: self.on_failure.or(outer.on_failure),
            spread: self.spread.within(&outer.spread),
        }
    }

    /// What becomes of a push whose hosts fail, on a stage with `hosts` hosts.
    pub fn policy(&self, hosts: usize) -> Policy {
        Policy {
            max_failed: self.max_failed.map_or(0, |share| share.of(hosts)),
            on_failure: self.on_failure.unwrap_or_default(),
        }
    }

    /// The command of a form on a stage with `hosts` hosts, whose own limits are `stage`.
    pub fn settle(self, mut form: Form, name: Option<String>, quiet: bool, stage: &Self, hosts: usize) -> Command {
        // A check is asked again by nature, and its questions are short: what a stage says of its work does not fit it.
        let (tries, timeout) = match form {
            Form::Check(_) => (self.tries.unwrap_or(CHECK_TRIES), self.timeout.unwrap_or(CHECK_TIMEOUT)),
            // A person takes the time that a person takes; what a stage says of its work does not fit it.
            Form::Confirm(_) => (1, self.timeout.unwrap_or(ANSWER)),
            Form::Release(_) | Form::Activate { .. } => (1, self.timeout.or(stage.timeout).unwrap_or(TIMEOUT)),
            _ => (self.tries.or(stage.tries).unwrap_or(1), self.timeout.or(stage.timeout).unwrap_or(TIMEOUT)),
        };
        let own_chunk = self.chunk.is_some();
        let limits = self.within(stage);
        limits.spread.settle(&mut form);
        let (grow, chunk) = match (&form, &limits.chunk) {
            // A flip runs at full width: all hosts within about a second.
            (Form::Activate { .. }, _) => (Vec::new(), hosts.max(1)),
            // As wide as there are sources; what a stage says of its work would only hold them up.
            (Form::Release(release), _) if !own_chunk && !release.fan_out.is_direct() => (Vec::new(), hosts.max(1)),
            (_, None) => (Vec::new(), CHUNK),
            (_, Some(chunk)) => {
                (chunk.first.iter().map(|share| share.of(hosts).max(1)).collect(), chunk.rest.of(hosts).max(1))
            }
        };
        let every = limits.every.unwrap_or(EVERY);
        let policy = match &form {
            // What nobody has confirmed is never gone past.
            Form::Confirm(_) => Policy::default(),
            _ => limits.policy(hosts),
        };
        Command { form, name, grow, chunk, timeout, tries, every, policy, quiet, confirm: None }
    }
}

/// Refuses limits that a form cannot have.
pub(super) fn check_form(reader: &mut Reader<'_>, table: &DeTable<'_>, form: &str) {
    fan_out::check_form(reader, table, form);
    let refused: &[(&str, &str)] = match form {
        "activate" => &[
            ("chunk", "it flips all hosts within about a second"),
            ("tries", "it reads back what it did, and does by itself what can be done again"),
            ("every", "it is done once"),
        ],
        "release" => &[
            ("tries", "it compares with the manifest, and brings by itself once more what differs"),
            ("every", "it is done once"),
        ],
        "roll" => &[
            ("timeout", "each command inside has its own"),
            ("tries", "a host that fails inside stays out"),
            ("every", "it is done once"),
            ("quiet", "each command inside has its own"),
        ],
        "confirm" => &[
            ("chunk", "it is asked once"),
            ("tries", "it is asked once"),
            ("every", "it is asked once"),
            ("max_failed", "without a yes nothing goes on"),
            ("on_failure", "without a yes nothing goes on"),
            ("quiet", "it has no output"),
        ],
        _ => &[],
    };
    for (key, why) in refused {
        if let Some((key, _)) = table.get_key_value(*key) {
            let title = format!("`{form}` has no `{}`: {why}", key.get_ref());
            reader.refuse(Mistake::new(key.span(), title).cure("take it out"));
        }
    }
}

/// `chunk`: a number of hosts, a percentage, or a list of both that grows.
fn read_chunk(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Chunk> {
    let DeValue::Array(array) = value.get_ref() else {
        return Some(Chunk { first: Vec::new(), rest: read_share(reader, value)? });
    };
    let shares: Vec<Share> = array.iter().filter_map(|value| read_share(reader, value)).collect();
    match shares.split_last() {
        Some((rest, first)) if shares.len() == array.len() => Some(Chunk { first: first.to_vec(), rest: *rest }),
        Some(_) => None,
        None => {
            let cure = "write the sizes one after the other; the last one goes on to the end: chunk = [1, 10, \"25%\"]";
            if array.is_empty() {
                reader.refuse(Mistake::new(value.span(), "this chunk has no size").cure(cure));
            }
            None
        }
    }
}

fn read_share(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Share> {
    match value.get_ref() {
        DeValue::Integer(_) => reader.number(value, 1..=super::ranges::MOST).map(Share::Hosts),
        DeValue::String(_) => reader.parsed(value, values::percent),
        other => reader.wrong(value, "a number of hosts, or a percentage like \"25%\"", other),
    }
}

/// `max_failed`: a number of hosts, or a percentage of the frozen list, rounded down.
fn read_max_failed(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<Share> {
    match value.get_ref() {
        DeValue::Integer(_) => reader.number(value, 0..=super::ranges::MOST).map(Share::Hosts),
        DeValue::String(_) => reader.parsed(value, values::max_failed),
        other => reader.wrong(value, "a number of hosts, or a percentage like \"5%\"", other),
    }
}

fn read_on_failure(reader: &mut Reader<'_>, value: &Value<'_>) -> Option<OnFailure> {
    let text = reader.text(value)?;
    match text.value.as_str() {
        "stop" => Some(OnFailure::Stop),
        "continue" => Some(OnFailure::Continue),
        known @ ("rollback" | "drop") => {
            reader.refuse(later(text.at, &format!("on_failure = \"{known}\"")));
            None
        }
        other => {
            let mistake = Mistake::new(text.at, format!("`{}` is not what can happen on a failure", shown(other)));
            let mistake = mistake.nearest(other, ["stop", "continue"]);
            reader.refuse(match mistake.cures.is_empty() {
                true => {
                    mistake.cure("write \"stop\" (no later command) or \"continue\" (with the hosts that are well)")
                }
                false => mistake,
            });
            None
        }
    }
}
