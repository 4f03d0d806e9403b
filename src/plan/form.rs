//! What a command of a plan does, and all that other rooms ask of it: who adds one answers here, and is led to `run/work/mod.rs`, where
//! it is done. It must never know a host, nor do anything.

use super::shell::forms::{self, Lines, ShellContext};
use crate::stack::{BadPart, Check, FanOut, Form, Relay, Release, Rsync, Script, Watch};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a resolved command does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannedForm {
    /// Fetches the revision and checks it out, on the push host.
    Checkout,
    /// A build command, on the push host, in the checkout.
    Build(Script),
    /// Freezes the checkout into the build: manifest and root hash.
    Freeze,
    /// A shell command on the push host, in the build's directory; once per host when it names `{host}`.
    Local(Script),
    /// A shell command on every host.
    Run(Script),
    /// Files from the build to every host.
    Rsync(Rsync),
    /// The build beside what is live on every host, verified.
    Release(Release),
    /// Flips `current` on every host.
    Activate {
        /// The directory that holds `current`.
        dir: String,
    },
    /// Asks until the answer is good.
    Check(Check),
    /// Waits for a person's yes.
    Confirm(String),
    /// Reads a value of Prometheus for a time, which must stay within a limit.
    Watch(Box<Watch>),
    /// Asks every host what it runs, once all is done: success is read back, not assumed (TRUST section 1, promise 12).
    ReadBack {
        /// The directories that hold `current`.
        dirs: Vec<String>,
    },
}

/// What may hold of a form, whatever its command says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Property {
    /// It is a step on the way to a build, rather than with one.
    MakesTheBuild,
    /// The runner does it itself, with no command that could be ended or refused before it ran.
    DoneByTheRunner,
    /// It needs a connection to the hosts.
    OverSsh,
    /// A host on which it began is no longer as it was: then a rollback has work there.
    ChangesAHost,
    /// A host on which it ended well has what the push brings, where nothing is flipped: see `proof.rs`.
    CountsAsProof,
    /// A rollback of its push does it again, for the build that was live.
    RepeatedByRollback,
    /// A host that says it runs something else has it no more, whatever was recorded: then a resume does it again.
    UndoneByReadBack,
    /// It asks a host whether it is well, so that it may be asked again.
    IsHealthCheck,
    /// Its last line says why it failed, instead of the code that it exited with.
    AnswersInWords,
    /// What it says when it fails comes from our own scripts and rsync, not from a command that a person wrote.
    SaysOurWords,
}

impl PlannedForm {
    /// Whether something holds of it.
    pub fn has(&self, property: Property) -> bool {
        self.properties().contains(&property)
    }

    /// All that holds of it; what is not named here does not.
    fn properties(&self) -> &'static [Property] {
        use Property::{
            AnswersInWords, ChangesAHost, CountsAsProof, DoneByTheRunner, IsHealthCheck, MakesTheBuild, OverSsh,
            RepeatedByRollback, SaysOurWords, UndoneByReadBack,
        };
        match self {
            Self::Checkout | Self::Freeze => &[MakesTheBuild, DoneByTheRunner],
            Self::Build(_) => &[MakesTheBuild],
            Self::Local(_) => &[ChangesAHost, CountsAsProof, RepeatedByRollback],
            Self::Run(_) => &[OverSsh, ChangesAHost, CountsAsProof, RepeatedByRollback],
            Self::Rsync(_) => &[OverSsh, ChangesAHost, CountsAsProof, RepeatedByRollback, SaysOurWords],
            Self::Release(_) => &[OverSsh, CountsAsProof, RepeatedByRollback, UndoneByReadBack, SaysOurWords],
            Self::Activate { .. } => {
                &[OverSsh, ChangesAHost, CountsAsProof, RepeatedByRollback, UndoneByReadBack, SaysOurWords]
            }
            Self::Check(Check::Http(_)) => &[CountsAsProof, RepeatedByRollback, IsHealthCheck, AnswersInWords],
            Self::Check(Check::Run(_)) => &[OverSsh, CountsAsProof, RepeatedByRollback, IsHealthCheck],
            Self::Confirm(_) => &[],
            Self::Watch(_) => &[AnswersInWords],
            Self::ReadBack { .. } => &[OverSsh, CountsAsProof, RepeatedByRollback, AnswersInWords],
        }
    }

    /// What a command of the stack file is in a plan; none for a list of commands, each of which is planned by itself.
    pub fn of(form: &Form) -> Option<Self> {
        match form.clone() {
            Form::Local(script) => Some(Self::Local(script)),
            Form::Run(script) => Some(Self::Run(script)),
            Form::Rsync(rsync) => Some(Self::Rsync(rsync)),
            Form::Release(release) => Some(Self::Release(release)),
            Form::Activate { dir } => Some(Self::Activate { dir }),
            Form::Check(check) => Some(Self::Check(check)),
            Form::Confirm(question) => Some(Self::Confirm(question)),
            Form::Watch(watch) => Some(Self::Watch(watch)),
            Form::Roll(_) => None,
        }
    }

    /// What it does, as pages and terminals say it, with its values in place.
    pub fn title(&self, values: &BTreeMap<String, String>) -> String {
        let value = |name: &str| values.get(name).map_or("…", String::as_str);
        match self {
            Self::Checkout => {
                format!("check out {} of {}", crate::stack::name::short(value("PUSH_SHA")), value("PUSH_REF"))
            }
            Self::Build(script) => format!("build: {}", shown(script, values)),
            Self::Freeze => "pack and hash the build".to_owned(),
            Self::Local(script) | Self::Run(script) => shown(script, values),
            Self::Rsync(rsync) => format!("rsync {} → {}", rsync.from.show(values), rsync.to.show(values)),
            Self::Release(release) => {
                let way = if release.fan_out.is_direct() { "" } else { ", from host to host" };
                format!("release {}{way}", release.dir)
            }
            Self::Activate { dir } => format!("activate {dir}"),
            Self::Check(Check::Http(address)) => {
                format!("check {}", for_hosts(values, |values| address.show(values)))
            }
            Self::Check(Check::Run(script)) => format!("check: {}", shown(script, values)),
            Self::Confirm(question) => format!("confirm: {question}"),
            Self::Watch(watch) => format!("watch: {}", watch.words(values)),
            Self::ReadBack { dirs } => format!("ask what runs in {}", dirs.join(", ")),
        }
    }

    /// Whether it works on each host of the stage, rather than once on the push host, where it stands by itself.
    pub fn per_host(&self) -> bool {
        match self {
            Self::Checkout | Self::Build(_) | Self::Freeze | Self::Confirm(_) | Self::Watch(_) => false,
            Self::Local(script) => script.names_host(),
            Self::Check(Check::Http(address)) => address.names_host(),
            Self::Check(Check::Run(_)) | Self::Run(_) | Self::Rsync(_) | Self::Release(_) => true,
            Self::Activate { .. } | Self::ReadBack { .. } => true,
        }
    }

    /// The shell text that it runs, if any.
    pub fn script(&self) -> Option<&Script> {
        match self {
            Self::Build(script) | Self::Local(script) | Self::Run(script) | Self::Check(Check::Run(script)) => {
                Some(script)
            }
            Self::Checkout
            | Self::Freeze
            | Self::Check(Check::Http(_))
            | Self::Rsync(_)
            | Self::Release(_)
            | Self::Activate { .. }
            | Self::ReadBack { .. }
            | Self::Confirm(_)
            | Self::Watch(_) => None,
        }
    }

    /// The release that it brings, if it brings one.
    pub fn release(&self) -> Option<&Release> {
        match self {
            Self::Release(release) => Some(release),
            Self::Checkout
            | Self::Build(_)
            | Self::Freeze
            | Self::Local(_)
            | Self::Run(_)
            | Self::Rsync(_)
            | Self::Activate { .. }
            | Self::Check(_)
            | Self::Confirm(_)
            | Self::Watch(_)
            | Self::ReadBack { .. } => None,
        }
    }

    /// The directory below which it flips `current`, if it flips.
    pub fn flips(&self) -> Option<&str> {
        match self {
            Self::Activate { dir } => Some(dir),
            Self::Checkout
            | Self::Build(_)
            | Self::Freeze
            | Self::Local(_)
            | Self::Run(_)
            | Self::Rsync(_)
            | Self::Release(_)
            | Self::Check(_)
            | Self::Confirm(_)
            | Self::Watch(_)
            | Self::ReadBack { .. } => None,
        }
    }

    /// The directories that it asks about in the end, if it asks each host what it runs.
    pub fn reads_back(&self) -> Option<&[String]> {
        match self {
            Self::ReadBack { dirs } => Some(dirs),
            Self::Checkout
            | Self::Build(_)
            | Self::Freeze
            | Self::Local(_)
            | Self::Run(_)
            | Self::Rsync(_)
            | Self::Release(_)
            | Self::Activate { .. }
            | Self::Check(_)
            | Self::Confirm(_)
            | Self::Watch(_) => None,
        }
    }

    /// What it asks a person, if it waits for one.
    pub fn question(&self) -> Option<&String> {
        match self {
            Self::Confirm(question) => Some(question),
            Self::Checkout
            | Self::Build(_)
            | Self::Freeze
            | Self::Local(_)
            | Self::Run(_)
            | Self::Rsync(_)
            | Self::Release(_)
            | Self::Activate { .. }
            | Self::Check(_)
            | Self::Watch(_)
            | Self::ReadBack { .. } => None,
        }
    }

    /// What it watches, if it watches a value.
    pub fn watch(&self) -> Option<&Watch> {
        match self {
            Self::Watch(watch) => Some(watch),
            Self::Checkout
            | Self::Build(_)
            | Self::Freeze
            | Self::Local(_)
            | Self::Run(_)
            | Self::Rsync(_)
            | Self::Release(_)
            | Self::Activate { .. }
            | Self::Check(_)
            | Self::Confirm(_)
            | Self::ReadBack { .. } => None,
        }
    }

    /// Whether its values make the paths that it copies from and to.
    ///
    /// # Errors
    /// Which value cannot stand in which path.
    pub fn look_at_paths(&self, values: &BTreeMap<String, String>) -> Result<(), BadPart> {
        match self {
            Self::Rsync(rsync) => rsync.from.check(values).and_then(|()| rsync.to.check(values)),
            Self::Checkout
            | Self::Build(_)
            | Self::Freeze
            | Self::Local(_)
            | Self::Run(_)
            | Self::Release(_)
            | Self::Activate { .. }
            | Self::Check(_)
            | Self::Confirm(_)
            | Self::Watch(_)
            | Self::ReadBack { .. } => Ok(()),
        }
    }

    /// How hosts pass on to each other what it brings, when they do.
    pub fn relay(&self) -> Option<&Relay> {
        match &self.release()?.fan_out {
            FanOut::Relay(relay) => Some(relay),
            FanOut::Direct => None,
        }
    }

    /// What it brings to each host, as a prefix of paths of the build: all of it is the empty one; none when it brings nothing.
    pub fn brings(&self, values: &BTreeMap<String, String>) -> Option<String> {
        match self {
            Self::Release(_) => Some(String::new()),
            Self::Rsync(rsync) => {
                // What a variable of one host makes of the path is not known here: then it is all of the build at most.
                let from = rsync.from.filled(values).unwrap_or_default();
                Some(from.trim_matches(|c| c == '/' || c == '.').to_owned())
            }
            Self::Checkout
            | Self::Build(_)
            | Self::Freeze
            | Self::Local(_)
            | Self::Run(_)
            | Self::Activate { .. }
            | Self::Check(_)
            | Self::Confirm(_)
            | Self::Watch(_)
            | Self::ReadBack { .. } => None,
        }
    }

    /// What `plan --shell` writes for it.
    pub(super) fn by_hand(&self, context: &ShellContext<'_>) -> Lines {
        match self {
            Self::Checkout => Lines::Once(forms::check_out(context)),
            Self::Build(script) => Lines::Once(forms::here("$work/checkout", script)),
            Self::Freeze => Lines::Once(forms::freeze(context)),
            Self::Confirm(question) => Lines::Once(forms::asked(question)),
            Self::Watch(watch) => Lines::Once(forms::watched(watch, context.values)),
            Self::Local(script) if !context.per_host => Lines::Once(forms::near(script, context)),
            Self::Local(script) => Lines::OnHosts(forms::near_for_host(script, context)),
            Self::Run(script) => Lines::OnHosts(format!("  {}\n", forms::far(script, context))),
            Self::Check(Check::Run(script)) => Lines::OnHosts(forms::until(&forms::far(script, context), context)),
            Self::Check(Check::Http(address)) if !context.per_host => Lines::Once(forms::checked(address, context)),
            Self::Check(Check::Http(address)) => {
                Lines::OnHosts(format!("  parts \"$1\"\n{}", forms::checked(address, context)))
            }
            Self::Rsync(what) => Lines::OnHosts(forms::rsync(what, context.values)),
            Self::Release(what) => Lines::OnHosts(forms::release(what, context)),
            Self::Activate { dir } => Lines::OnHosts(forms::flip(dir, context)),
            Self::ReadBack { dirs } => Lines::OnHosts(dirs.iter().map(|dir| forms::read_back(dir, context)).collect()),
        }
    }
}

/// A script with its values in place.
fn shown(script: &Script, values: &BTreeMap<String, String>) -> String {
    for_hosts(values, |values| script.show(values))
}

/// `{host}` stays, where the title speaks of all hosts.
fn for_hosts(values: &BTreeMap<String, String>, show: impl Fn(&BTreeMap<String, String>) -> String) -> String {
    match values.contains_key("PUSH_HOST") {
        true => show(values),
        false => {
            let mut values = values.clone();
            values.insert("PUSH_HOST".to_owned(), "{host}".to_owned());
            show(&values)
        }
    }
}
