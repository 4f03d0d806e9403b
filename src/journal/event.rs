//! Everything that can happen to a push, with its wire form, which is its disk form (DESIGN section 4).

use super::answer::Answer;
use super::connections::Connections;
use crate::plan::{Proof, Sign};
use crate::stack::{BuildId, PushNumber, Revision, Root, StackName, StageName, Who};
use crate::time::At;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// One line of `journal.jsonl`.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Record {
    /// Consecutive from 1.
    pub n: u64,
    /// When it was written.
    pub at: At,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened. A command is named by its place in the plan, from 1; a missing host is the push host.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// The runner took the push up. Always the first record.
    PushStarted {
        /// The push.
        push: PushNumber,
        /// The stack.
        stack: StackName,
        /// The stage.
        stage: StageName,
        /// Who pressed.
        who: Who,
        /// The build that is made or used.
        build: BuildId,
        /// The revision.
        sha: Revision,
        /// The runner's process id.
        pid: u32,
        /// The runner's start time, in clock ticks since boot (`/proc/PID/stat`, field 22).
        pid_start: u64,
        /// The kernel's boot id.
        boot: String,
        /// The plan's hash.
        plan_hash: String,
        /// The frozen host list, by name.
        hosts: Vec<String>,
        /// The titles of the commands, in order.
        commands: Vec<String>,
        /// The commands that run only when something goes wrong.
        #[serde(rename = "spare", default, skip_serializing_if = "Vec::is_empty")]
        conditional: Vec<u32>,
        /// The commands that make the build live.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        flips: Vec<u32>,
        /// The commands that say whether a host holds the build; none in journals of older runners.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        proof: Option<Box<Proof>>,
    },
    /// Hosts are connected to, before anything is touched: how far this is. Again and again, as more are connected; none in
    /// journals of older runners, and where no command needs a connection.
    Connecting(Connections),
    /// The push goes on with the hosts that are connected.
    Connected(Connections),
    /// A command begins. One that takes hosts out begins again when more hosts leave.
    CommandStarted {
        /// Which.
        command: u32,
        /// As a reader expects it: its name, or the command with its values.
        title: String,
        /// How many hosts it will work on, those before counted; 0 for the push host alone.
        hosts: u32,
    },
    /// A command begins on a host: written, and on the disk, before the host is touched.
    HostStarted {
        /// The command.
        command: u32,
        /// The host's name; none for the push host.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<String>,
    },
    /// One line of output, cleaned (TRUST section 3).
    Line {
        /// The command.
        command: u32,
        /// The host's name; none for the push host.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<String>,
        /// Which stream.
        stream: Stream,
        /// The line's own number, consecutive from 1 over the whole push: what pages and links show.
        line: u64,
        /// The text, without its line end.
        text: String,
    },
    /// A command ended on a host.
    HostEnded {
        /// The command.
        command: u32,
        /// The host's name; none for the push host.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<String>,
        /// How.
        result: HostResult,
        /// The exit code, when it exited by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<i32>,
        /// Why it did not end well, for the person who presses. Of a flip that put back what was live and ended well: what the host
        /// has instead, where that is not the build that was live.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
        /// Processes of it on the host that would not end: nobody knows then what they still do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left: Option<NonZeroU32>,
        /// How long it took.
        duration_ms: u64,
    },
    /// The build was made and frozen.
    BuildMade {
        /// The command that froze it.
        command: u32,
        /// Its id.
        build: BuildId,
        /// The root hash of its manifest.
        root: Root,
        /// How many files it has.
        files: u64,
        /// How many bytes they have.
        bytes: u64,
    },
    /// A person is asked, and the push waits.
    Asked {
        /// The command that asks.
        command: u32,
        /// Which question of the push, from 1.
        ask: u32,
        /// The question.
        question: String,
        /// When nobody can answer any more, and the push fails.
        ends_at: At,
        /// Whether someone else must answer than who started the push.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        another: bool,
    },
    /// A question is over. Each that was asked is, before its command ends.
    Answered {
        /// The command that asked.
        command: u32,
        /// Which question.
        ask: u32,
        /// How.
        answer: Answer,
        /// Who answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        who: Option<Who>,
        /// Why, when they said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A value that a command watches was read.
    Measured {
        /// The command that watches it, or before whose larger batch it is watched.
        command: u32,
        /// The value; none when there was no data, or nobody answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<f64>,
        /// At most this is allowed, if anything is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<f64>,
        /// At least this is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<f64>,
        /// Whether it is the mean before the push, with which the others are compared.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        before: bool,
    },
    /// A command gave a link: a ticket, a graph.
    Link {
        /// The command.
        command: u32,
        /// What it is called, cleaned.
        title: String,
        /// Its address: http or https.
        url: String,
        /// The host that it ran on; none: the push host.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<String>,
    },
    /// A command ended on all its hosts.
    CommandEnded {
        /// The command.
        command: u32,
        /// `ok` when every host ended well.
        result: HostResult,
        /// How many hosts ended well.
        ok: u32,
        /// How many did not, or were never begun.
        not_ok: u32,
        /// How long it took.
        duration_ms: u64,
        /// From the first flip of `current` to the last, where it flipped more than one host.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        skew_ms: Option<u64>,
    },
    /// A host has left the push: it failed a command, and its `drop` list took it out.
    HostDropped {
        /// The command that it failed.
        command: u32,
        /// The host's name.
        host: String,
    },
    /// The push goes back: what was live before is put onto the hosts that it had touched.
    UndoStarted {
        /// The build that goes back.
        build: BuildId,
        /// Its revision.
        sha: Revision,
        /// The hosts that were touched, by name.
        hosts: Vec<String>,
        /// Why, for the person who presses.
        why: String,
    },
    /// No new host starts until `resumed`.
    Paused {
        /// Who asked.
        who: Who,
        /// Why, when they said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The push goes on.
    Resumed {
        /// Who asked.
        who: Who,
    },
    /// The end. Always the last record.
    PushEnded {
        /// How.
        state: Ended,
        /// Why, in one sentence for the person who presses; none when it succeeded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
        /// Who cancelled it, when someone did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        who: Option<Who>,
        /// How many hosts hold the build, as far as is known ([`Proof`]). Runners before this was defined counted the hosts
        /// that came to the end of the list of a push that succeeded or was degraded, and none of any other.
        hosts_ok: u32,
        /// How many hosts the frozen list has.
        hosts_total: u32,
        /// The hosts whose state nobody knows, by name.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unknown: Vec<String>,
        /// How long the push took.
        duration_ms: u64,
        /// SHA-256 of all bytes of the journal before this record.
        sha256: String,
    },
}

/// A stream of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
    /// Pushbutton's own words: the command as it is run, what it noticed.
    Note,
}

/// How a command ended on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostResult {
    /// It ended well.
    Ok,
    /// It exited with a code other than 0, or what it should have made is not there.
    Failed,
    /// It was ended after its time.
    TimedOut,
    /// Nothing ran: the host could not be reached, or refused.
    Unreachable,
    /// It was ended because someone cancelled.
    Cancelled,
    /// It was never begun.
    Skipped,
    /// It failed, and left the push.
    Dropped,
    /// Nobody knows: the connection or the runner died in the middle.
    Unknown,
}

/// A word that is no result of a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no result of a command")]
pub struct NoResult(String);

/// How a push ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Every host runs the build.
    Succeeded,
    /// It went on past failures.
    Degraded,
    /// A failure stopped it.
    Failed,
    /// A person stopped it.
    Cancelled,
    /// What was live was put back.
    RolledBack,
    /// Its runner died.
    Interrupted,
}

impl HostResult {
    /// What it says of the build that the host holds.
    pub fn sign(self) -> Sign {
        match self {
            Self::Ok => Sign::Well,
            Self::Failed | Self::TimedOut | Self::Dropped => Sign::Badly,
            Self::Unreachable | Self::Skipped => Sign::Nothing,
            Self::Cancelled | Self::Unknown => Sign::Unknown,
        }
    }

    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Ok,
        Self::Failed,
        Self::TimedOut,
        Self::Unreachable,
        Self::Cancelled,
        Self::Skipped,
        Self::Dropped,
        Self::Unknown,
    ];

    /// The result of this word, as [`HostResult::word`] writes it.
    ///
    /// # Errors
    /// When there is none.
    pub fn parse(word: &str) -> Result<Self, NoResult> {
        // What is no result may be long, and is shown.
        let unknown = || NoResult(word.chars().take(40).collect());
        Self::ALL.into_iter().find(|result| result.word() == word).ok_or_else(unknown)
    }

    /// The word for people and the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::TimedOut => "timed out",
            Self::Unreachable => "unreachable",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::Dropped => "dropped",
            Self::Unknown => "unknown",
        }
    }
}

impl Ended {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Succeeded, Self::Degraded, Self::Failed, Self::Cancelled, Self::RolledBack, Self::Interrupted];

    /// The word for people and the ledger.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::RolledBack => "rolled back",
            Self::Interrupted => "interrupted",
        }
    }
}

impl Event {
    /// Whether this is a state record: durable before it is acted on or told (TRUST section 2).
    pub fn is_state(&self) -> bool {
        !matches!(self, Self::Line { .. })
    }
}
