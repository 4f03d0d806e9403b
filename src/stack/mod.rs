//! The stack file: what is pushed, where, by which commands. `parse` is the only door from TOML to a [`Stack`];
//! behind it a stack cannot be wrong. Pure: it must never touch a file, the clock, the network or the environment.
//! Called by the desk (loading), the plan (deciding) and `pushbutton check`.

mod parse;
mod reader;

mod commands;
mod draft;
pub mod hosts;
mod limits;
mod paths;
mod secrets;
mod shell;
pub mod source;
mod urls;
mod values;
pub mod variables;

pub mod keys;
pub mod name;
pub mod overlaps;
pub mod script;

pub use crate::diagnostic::Diagnostic;
pub use commands::fan_out::{FanOut, Relay};
pub use hosts::host::Host;
pub use hosts::inventory::{Answers, Inventory, InventoryAnswer};
pub use name::{BadName, BuildId, PushNumber, Revision, Root, StackName, StageName, Who};
pub use parse::{parse, parse_with};
pub use paths::{BadPart, VariablePath};
pub use script::{Address, Script};
pub use secrets::SecretSource;
pub use source::tickets::{Ticket, Tickets};
pub use source::{Refs, Source, SourceLogin, is_insecure, is_path_for_ssh};

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One thing that is pushed: a whole, checked stack file.
#[derive(Clone, Debug, PartialEq)]
pub struct Stack {
    /// The file's name without `.toml`.
    pub name: StackName,
    /// What people call it; the name when the file says nothing.
    pub title: String,
    /// Where its revisions come from.
    pub source: Source,
    /// By so many percent fewer files than the build before has a build is still believed without asking.
    pub shrink: usize,
    /// Shell commands that make the build, on the push host, in a clean checkout.
    pub build: Vec<Script>,
    /// After this long a build command is ended.
    pub build_timeout: Duration,
    /// The part of the checkout that goes out, as a relative path; `None` is all of it.
    pub ship: Option<String>,
    /// The address of the difference between two revisions, with `{old_sha}` and `{sha}`.
    pub diff: Option<String>,
    /// How the tickets that commits name begin, and where they are found.
    pub tickets: Tickets,
    /// The stack's own variables.
    pub vars: BTreeMap<String, String>,
    /// Where its secrets are found, by the names that commands use.
    pub secrets: BTreeMap<String, SecretSource>,
    /// The stops of the one-way street, in the file's order; never empty.
    pub stages: Vec<Stage>,
    /// SHA-256 of the file's text, as 64 hexadecimal digits.
    pub text_hash: String,
}

impl Stack {
    /// The stage of this name.
    pub fn stage(&self, name: &StageName) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.name == *name)
    }

    /// The stage whose build the stage of this name takes; `None` for the first one.
    pub fn stage_before(&self, name: &StageName) -> Option<&Stage> {
        self.stages.windows(2).find(|pair| pair[1].name == *name).map(|pair| &pair[0])
    }
}

/// One stop on the one-way street.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Its name, unique in the stack.
    pub name: StageName,
    /// The words on its button; `Push to NAME` when the file says nothing.
    pub button: String,
    /// The branches that it may push, as the stage or the stack says; see [`Stack::refs_of`].
    pub refs: Option<Refs>,
    /// Its hosts in the file's order, no host twice; empty only when `unlisted` says why.
    pub hosts: Vec<Host>,
    /// The commands that list some of its hosts.
    pub inventories: Vec<Inventory>,
    /// Why its hosts are not known well enough to push to them; those of the last good answer are in `hosts`.
    pub unlisted: Option<String>,
    /// What runs before any host is touched; each may veto.
    pub before: Vec<Command>,
    /// Its commands, shared lists already put in; never empty.
    pub commands: Vec<Command>,
    /// What runs at the end, whatever the end is.
    pub finally: Vec<Command>,
    /// How a host leaves that failed a command whose policy is [`OnFailure::Drop`]; empty when none is.
    pub drop: Vec<Command>,
    /// What becomes of a push when some hosts cannot be reached.
    pub policy: Policy,
}

impl Stage {
    /// The directories whose `current` its commands flip, sorted, each once.
    pub fn activates(&self) -> Vec<String> {
        let mut dirs = BTreeSet::new();
        for command in &self.commands {
            for command in command.each() {
                if let Form::Activate { dir } = &command.form {
                    dirs.insert(dir.clone());
                }
            }
        }
        dirs.into_iter().collect()
    }
}

/// One entry of a stage's command list.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// What it does.
    pub form: Form,
    /// What people call it; `None` shows the command itself.
    pub name: Option<String>,
    /// The sizes of the first batches, each of which waits for the one before; empty when the chunk does not grow.
    pub grow: Vec<usize>,
    /// At most so many hosts at once.
    pub chunk: usize,
    /// After this long it is ended, on the far side too; each try anew.
    pub timeout: Duration,
    /// How often it is tried in all; at least 1.
    pub tries: u32,
    /// How long it waits between two tries.
    pub every: Duration,
    /// What becomes of the push when it fails.
    pub policy: Policy,
    /// Its output is kept out of the journal unless it fails.
    pub quiet: bool,
    /// What is asked before its batches grow.
    pub confirm: Option<Question>,
}

impl Command {
    /// The commands of a roll; of any other command itself.
    pub fn each(&self) -> &[Self] {
        if let Form::Roll(list) = &self.form { list } else { std::slice::from_ref(self) }
    }
}

/// Something that a person is asked in the middle of a push; without a yes it ends there.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Question {
    /// The question.
    pub text: String,
    /// After so many seconds without an answer the push fails.
    pub timeout_s: u64,
}

/// What becomes of a push when hosts fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Policy {
    /// So many hosts of the frozen list may be given up before `on_failure` counts.
    pub max_failed: usize,
    /// What happens past that.
    pub on_failure: OnFailure,
    /// With [`OnFailure::Drop`]: so many hosts may leave, never all of them; otherwise 0.
    #[serde(default, skip_serializing_if = "is_none")]
    pub max_dropped: usize,
}

/// Whether a plan says nothing of it.
fn is_none(number: &usize) -> bool {
    *number == 0
}

/// What happens when more hosts have failed than may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// No new host, no later command: the push ends *failed*.
    #[default]
    Stop,
    /// All hosts are tried; the push ends *degraded*.
    Continue,
    /// What was live before goes back onto the hosts that were touched: the push ends *rolled back*.
    Rollback,
    /// A host that fails leaves through the stage's `drop` list; the rest go on, and the push ends *degraded*.
    Drop,
}

/// What a command does.
#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    /// A shell command on the push host, in the build's directory; once per host when it names `{host}`.
    Local(Script),
    /// A shell command on every host.
    Run(Script),
    /// Files from the build to every host: only what changed.
    Rsync(Rsync),
    /// Brings the build beside what is live and verifies it there.
    Release(Release),
    /// Flips `current` to the verified release.
    Activate {
        /// The directory that holds `current` and `releases/`.
        dir: String,
    },
    /// Asks until the answer is good.
    Check(Check),
    /// A list that each host walks through as a whole, in whole batches; never empty, and never a roll again.
    Roll(Vec<Command>),
    /// Waits for a person's yes.
    Confirm(String),
}

impl Form {
    /// Whether it works on each host, rather than once on the push host.
    pub fn is_per_host(&self) -> bool {
        match self {
            Self::Local(script) => script.names_host(),
            Self::Check(Check::Http(address)) => address.names_host(),
            Self::Confirm(_) => false,
            Self::Check(Check::Run(_))
            | Self::Run(_)
            | Self::Rsync(_)
            | Self::Release(_)
            | Self::Activate { .. }
            | Self::Roll(_) => true,
        }
    }
}

/// What a check asks.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// An address, from the push host, until it answers 2xx; once per host when it names `{host}`.
    Http(Address),
    /// A shell command on every host, until it exits with 0.
    Run(Script),
}

/// Files from the build to every host.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rsync {
    /// A path inside the build; a trailing `/` means its contents, as rsync reads it.
    pub from: VariablePath,
    /// An absolute path on the host.
    pub to: VariablePath,
    /// Removes on the host what the build does not have.
    pub delete: bool,
    /// Patterns left out.
    pub exclude: Vec<String>,
    /// Further options, each from the allow-list.
    pub options: Vec<String>,
    /// Compressed on the way, where both ends can.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub compress: bool,
}

/// What releases share under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedName<'a> {
    /// The name below `shared/` and below the release.
    pub name: &'a str,
    /// A directory that is made when it is missing; anything else must be there.
    pub made: bool,
}

impl SharedName<'_> {
    /// What its link in a release says: relative, so that the directory of the release may move.
    pub fn target(&self) -> String {
        format!("{}shared/{}", "../".repeat(2 + self.name.matches('/').count()), self.name)
    }

    /// The directories of a release that lead to it, the outermost first.
    pub fn parents(&self) -> impl Iterator<Item = &str> {
        self.name.match_indices('/').map(|(at, _)| &self.name[..at])
    }
}

impl Release {
    /// What is linked into the release.
    pub fn shared_names(&self) -> impl Iterator<Item = SharedName<'_>> {
        self.shared.iter().map(|text| match text.strip_suffix('/') {
            Some(name) => SharedName { name, made: true },
            None => SharedName { name: text, made: false },
        })
    }
}

/// A release directory on every host.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Release {
    /// The directory that holds `current` and `releases/`; absolute.
    pub dir: String,
    /// How many releases stay, the live one counted.
    pub keep: usize,
    /// Names under `dir/shared` that are linked into the release: with a `/` at the end a directory, which is made when missing;
    /// without one something that must be there.
    pub shared: Vec<String>,
    /// How it reaches the hosts.
    #[serde(default, skip_serializing_if = "FanOut::is_direct")]
    pub fan_out: FanOut,
    /// Compressed on the way, where both ends can.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub compress: bool,
}
