//! The stack file: what is pushed, where, by which commands. `parse` is the only door from TOML to a [`Stack`];
//! behind it a stack cannot be wrong. Pure: it must never touch a file, the clock, the network or the environment.
//! Called by the desk (loading), the plan (deciding) and `pushbutton check`.

mod parse;
mod reader;

pub mod access;
mod commands;
mod conditions;
mod draft;
mod form;
pub mod hosts;
mod limits;
mod paths;
mod policy;
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
pub use access::caller::{Access, NoRight};
pub use access::grantee::{BadGrantee, Group, Member};
pub use access::rights::{BadRight, Rights};
pub use access::scope::{BadScope, Scopes, Target, Verb};
pub use access::who::{Who, person_of};
pub use commands::fan_out::{FanOut, Relay};
pub use conditions::approval::ApprovalRule;
pub use conditions::auto::AutoRule;
pub use conditions::auto::window::Window;
pub use conditions::needs::{self, Needs};
pub use form::check::Check;
pub use form::release::{Release, SharedName};
pub use form::rsync::Rsync;
pub use form::runs_as::RunsAs;
pub use form::watch::Watch;
pub use form::{AnswerBy, Command, Form, Question, Writes};
pub use hosts::host::Host;
pub use hosts::inventory::{Answers, Inventory, InventoryAnswer};
pub use name::{BadName, BuildId, ChannelName, PushNumber, Revision, Root, StackName, StageName};
pub use parse::graphs::{Graph, GraphSource};
pub use parse::{parse, parse_with};
pub use paths::{BadPart, VariablePath};
pub use policy::{OnFailure, Policy};
pub use script::{Address, Script};
pub use secrets::SecretSource;
pub use shell::quoted;
pub use source::tickets::{Ticket, Tickets};
pub use source::{Refs, Source, SourceKind, SourceLogin, is_insecure, is_path_for_ssh};
pub use values::destination::{BadDestination, Destination, Tell, places_of_tell};

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
    /// Whether build commands have the network.
    pub network: bool,
    /// Directories of the checkout that its builds keep from one to the next.
    pub cache: Vec<String>,
    /// After this long a build command is ended.
    pub build_timeout: Duration,
    /// The part of the checkout that goes out, as a relative path; `None` is all of it.
    pub ship: Option<String>,
    /// The address of the difference between two revisions, with `{old_sha}` and `{sha}`.
    pub diff: Option<String>,
    /// How the tickets that commits name begin, and where they are found.
    pub tickets: Tickets,
    /// What is shown beside its pushes.
    pub graphs: Vec<Graph>,
    /// Which channels of announcements are told besides those that the server's file chooses.
    pub tell: Vec<Tell>,
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
    /// Whether others must approve a push to it.
    pub approval: Option<ApprovalRule>,
    /// What must be so of a version before it may go there.
    pub needs: Needs,
    /// How it is pushed without anyone pressing its button; none where only people do.
    pub auto: Option<AutoRule>,
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
                dirs.extend(command.form.flips().map(str::to_owned));
            }
        }
        dirs.into_iter().collect()
    }
}
