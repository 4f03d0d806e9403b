//! Commands of a stage: how their forms are read, and what is asked of one. Who adds a form answers here for what depends on its command, and
//! in `kind.rs` for what its word alone says. Pure; it must never run anything.

pub(super) mod check;
pub(super) mod kind;
pub(super) mod read;
pub(super) mod release;
pub(super) mod rsync;
pub(super) mod runs_as;
pub(super) mod watch;

use self::check::Check;
use self::kind::FormKind;
use self::release::Release;
use self::rsync::Rsync;
use self::runs_as::RunsAs;
use self::watch::Watch;
use super::commands::fan_out::FanOut;
use super::policy::Policy;
use super::reader::Reader;
use super::script::Script;
use super::values;
use super::variables::Scope;
use std::ops::Range;
use std::time::Duration;
use toml::de::DeTable;

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
    /// Reads a value of Prometheus for a time, which must stay within a limit.
    Watch(Box<Watch>),
}

impl Form {
    /// Reads a command of this kind, which begins at `at`; `None` only after a mistake was noted. The list of a roll is read apart, since
    /// it may name lists of the stack file.
    pub(in crate::stack) fn read(
        kind: FormKind,
        reader: &mut Reader<'_>,
        scope: Scope<'_>,
        table: &DeTable<'_>,
        at: &Range<usize>,
    ) -> Option<Self> {
        let value = table.get(kind.word())?;
        match kind {
            FormKind::Local => read::script_of(reader, scope, value).map(Self::Local),
            FormKind::Run => read::script_of(reader, scope, value).map(Self::Run),
            FormKind::Rsync => Rsync::read(reader, scope, table, value, at).map(Self::Rsync),
            FormKind::Release => Release::read(reader, table, value).map(Self::Release),
            FormKind::Activate => reader.parsed(value, values::release_dir).map(|dir| Self::Activate { dir }),
            FormKind::Check => Check::read(reader, scope, value).map(Self::Check),
            FormKind::Roll => Some(Self::Roll(Vec::new())),
            FormKind::Confirm => reader.parsed(value, values::line).map(Self::Confirm),
            FormKind::Watch => Watch::read(reader, scope, table, value, at).map(Box::new).map(Self::Watch),
        }
    }

    /// Its word in the stack file, by which most of what holds of it is asked.
    pub(in crate::stack) fn kind(&self) -> FormKind {
        match self {
            Self::Local(_) => FormKind::Local,
            Self::Run(_) => FormKind::Run,
            Self::Rsync(_) => FormKind::Rsync,
            Self::Release(_) => FormKind::Release,
            Self::Activate { .. } => FormKind::Activate,
            Self::Check(_) => FormKind::Check,
            Self::Roll(_) => FormKind::Roll,
            Self::Confirm(_) => FormKind::Confirm,
            Self::Watch(_) => FormKind::Watch,
        }
    }

    /// Whether it works on each host, rather than once on the push host.
    pub fn is_per_host(&self) -> bool {
        match self {
            Self::Local(script) => script.names_host(),
            Self::Check(Check::Http(address)) => address.names_host(),
            Self::Confirm(_) | Self::Watch(_) => false,
            Self::Check(Check::Run(_))
            | Self::Run(_)
            | Self::Rsync(_)
            | Self::Release(_)
            | Self::Activate { .. }
            | Self::Roll(_) => true,
        }
    }

    /// What it writes to on each host.
    pub fn writes(&self) -> Option<Writes<'_>> {
        match self {
            Self::Release(release) => Some(Writes::Releases(&release.dir)),
            Self::Activate { dir } => Some(Writes::Releases(dir)),
            Self::Rsync(rsync) => Some(Writes::Files { to: rsync.to.as_str(), delete: rsync.delete }),
            // What a person wrote into a script is not known; the commands of a roll are asked one by one.
            Self::Local(_) | Self::Run(_) | Self::Check(_) | Self::Roll(_) | Self::Confirm(_) | Self::Watch(_) => None,
        }
    }

    /// The script that it runs on the push host, if it runs one there.
    pub(in crate::stack) fn local_script(&self) -> Option<&Script> {
        match self {
            Self::Local(script) => Some(script),
            Self::Run(_)
            | Self::Rsync(_)
            | Self::Release(_)
            | Self::Activate { .. }
            | Self::Check(_)
            | Self::Roll(_)
            | Self::Confirm(_)
            | Self::Watch(_) => None,
        }
    }

    /// The release that it brings, if it brings one.
    pub fn release(&self) -> Option<&Release> {
        match self {
            Self::Release(release) => Some(release),
            Self::Local(_)
            | Self::Run(_)
            | Self::Rsync(_)
            | Self::Activate { .. }
            | Self::Check(_)
            | Self::Roll(_)
            | Self::Confirm(_)
            | Self::Watch(_) => None,
        }
    }

    /// The directory below which it flips `current`, if it flips.
    pub fn flips(&self) -> Option<&str> {
        match self {
            Self::Activate { dir } => Some(dir),
            Self::Local(_)
            | Self::Run(_)
            | Self::Rsync(_)
            | Self::Release(_)
            | Self::Check(_)
            | Self::Roll(_)
            | Self::Confirm(_)
            | Self::Watch(_) => None,
        }
    }

    /// The commands that each host walks through, if it is a list of them.
    pub fn list(&self) -> Option<&[Command]> {
        match self {
            Self::Roll(list) => Some(list),
            Self::Local(_)
            | Self::Run(_)
            | Self::Rsync(_)
            | Self::Release(_)
            | Self::Activate { .. }
            | Self::Check(_)
            | Self::Confirm(_)
            | Self::Watch(_) => None,
        }
    }

    /// The same with the settled commands of its list, where it is one.
    pub(in crate::stack) fn with_list(self, settled: impl FnOnce() -> Vec<Command>) -> Self {
        if self.list().is_some() { Self::Roll(settled()) } else { self }
    }

    /// Puts in how files reach the hosts, as its stage has settled it; `compress` is none where nobody says it.
    pub(in crate::stack) fn spread(&mut self, fan_out: FanOut, compress: Option<bool>) {
        match self {
            Self::Release(release) => {
                // Between hosts it costs the push host nothing, and the first copies leave sooner.
                release.compress = compress.unwrap_or(!fan_out.is_direct());
                release.fan_out = fan_out;
            }
            Self::Rsync(rsync) => rsync.compress = compress.unwrap_or(false),
            Self::Local(_)
            | Self::Run(_)
            | Self::Activate { .. }
            | Self::Check(_)
            | Self::Roll(_)
            | Self::Confirm(_)
            | Self::Watch(_) => {}
        }
    }

    /// On how many hosts at once it works.
    pub(in crate::stack) fn width(&self) -> Width {
        match self {
            // All hosts within about a second.
            Self::Activate { .. } => Width::All,
            // As wide as there are sources; what a stage says of its work would only hold them up.
            Self::Release(release) if !release.fan_out.is_direct() => Width::AllUnlessItSays,
            Self::Release(_)
            | Self::Local(_)
            | Self::Run(_)
            | Self::Rsync(_)
            | Self::Check(_)
            | Self::Roll(_)
            | Self::Confirm(_)
            | Self::Watch(_) => Width::Chunk,
        }
    }

    /// Whether it waits for a person.
    pub fn asks_a_person(&self) -> bool {
        match self {
            Self::Confirm(_) => true,
            Self::Local(_)
            | Self::Run(_)
            | Self::Rsync(_)
            | Self::Release(_)
            | Self::Activate { .. }
            | Self::Check(_)
            | Self::Roll(_)
            | Self::Watch(_) => false,
        }
    }

    /// The program that it starts on the push host, beside ssh and rsync, which every push needs: its name, what asks it for its
    /// version, and how to get it.
    pub fn program(&self) -> Option<(&'static str, &'static str, &'static str)> {
        match self {
            Self::Check(Check::Http(_)) => Some(("curl", "--version", "apt install curl")),
            Self::Check(Check::Run(_))
            | Self::Local(_)
            | Self::Run(_)
            | Self::Rsync(_)
            | Self::Release(_)
            | Self::Activate { .. }
            | Self::Roll(_)
            | Self::Confirm(_)
            | Self::Watch(_) => None,
        }
    }
}
/// What a command writes to on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes<'a> {
    /// The releases in this directory, and its `current`.
    Releases(&'a str),
    /// Files at this path, which may hold variables.
    Files {
        /// The path.
        to: &'a str,
        /// What the build does not have is removed there.
        delete: bool,
    },
}

/// On how many hosts at once a command works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stack) enum Width {
    /// On all, whatever anybody says.
    All,
    /// On all, unless the command itself has a chunk.
    AllUnlessItSays,
    /// On a chunk of them.
    Chunk,
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
    /// What is watched before its batches grow.
    pub watch: Option<Box<Watch>>,
    /// As whom it runs, where it runs on the push host.
    pub runs_as: RunsAs,
}

impl Command {
    /// The commands of a roll; of any other command itself.
    pub fn each(&self) -> &[Self] {
        self.form.list().unwrap_or_else(|| std::slice::from_ref(self))
    }
}

/// Something that a person is asked in the middle of a push; without a yes it ends there.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Question {
    /// The question.
    pub text: String,
    /// After so many seconds without an answer the push fails.
    pub timeout_s: u64,
    /// Who may answer.
    #[serde(default, skip_serializing_if = "AnswerBy::is_anyone")]
    pub by: AnswerBy,
}

/// Who may answer a question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerBy {
    /// Anyone who may push.
    #[default]
    Anyone,
    /// Anyone who may push, but not the person who started it.
    Another,
}

impl AnswerBy {
    /// Whether a plan says nothing of it.
    pub fn is_anyone(&self) -> bool {
        *self == Self::Anyone
    }
}
