//! What a command of a plan does, and all that other rooms ask of it: who adds one answers here, and is led to `make.rs`, `shell.rs` and
//! `show.rs` beside this file and to `run/step.rs`, which does it. It must never know a host, nor do anything.

use crate::stack::{Check, FanOut, Relay, Release, Rsync, Script};
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
    /// Asks every host what it runs, once all is done: success is read back, not assumed (TRUST section 1, promise 12).
    ReadBack {
        /// The directories that hold `current`.
        dirs: Vec<String>,
    },
}

impl PlannedForm {
    /// Whether it works on each host of the stage, rather than once on the push host, where it stands by itself.
    pub fn per_host(&self) -> bool {
        match self {
            Self::Checkout | Self::Build(_) | Self::Freeze | Self::Confirm(_) => false,
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
            | Self::Confirm(_) => None,
        }
    }

    /// The release that it brings, if it brings one.
    pub fn release(&self) -> Option<&Release> {
        if let Self::Release(release) = self { Some(release) } else { None }
    }

    /// The directory below which it flips `current`, if it flips.
    pub fn flips(&self) -> Option<&String> {
        if let Self::Activate { dir } = self { Some(dir) } else { None }
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
            | Self::ReadBack { .. } => None,
        }
    }

    /// Whether what it says when it fails comes from our own scripts and rsync, not from a command that a person wrote.
    pub fn says_our_words(&self) -> bool {
        match self {
            Self::Rsync(_) | Self::Release(_) | Self::Activate { .. } => true,
            Self::Checkout
            | Self::Build(_)
            | Self::Freeze
            | Self::Run(_)
            | Self::Local(_)
            | Self::Check(_)
            | Self::Confirm(_)
            | Self::ReadBack { .. } => false,
        }
    }

    /// Whether it needs a connection to the hosts.
    pub fn over_ssh(&self) -> bool {
        match self {
            Self::Checkout | Self::Build(_) | Self::Freeze | Self::Local(_) => false,
            Self::Check(Check::Http(_)) | Self::Confirm(_) => false,
            Self::Check(Check::Run(_)) | Self::Run(_) | Self::Rsync(_) | Self::Release(_) => true,
            Self::Activate { .. } | Self::ReadBack { .. } => true,
        }
    }
}
