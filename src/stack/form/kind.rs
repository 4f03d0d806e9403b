//! The forms of command by their words, and what holds of a form whatever its command says: its keys, what it refuses, where it may
//! stand, how long it may take. The one list of them: the reader takes a form only from here. It must never know what one command says.

use std::time::Duration;

/// How often a check asks: with a second in between, that is long enough for an ordinary restart.
const CHECK_TRIES: u32 = 10;
/// How long one question of a check may take: a health page that needs longer is not healthy.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a question waits for its answer, when nobody says anything: long enough to look at a few graphs.
pub(in crate::stack) const ANSWER: Duration = Duration::from_secs(30 * 60);

/// A form of command, as the stack file names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stack) enum FormKind {
    Local,
    Run,
    Rsync,
    Release,
    Activate,
    Check,
    Roll,
    Confirm,
    Watch,
}

/// A list of a stage around its commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stack) enum Around {
    Before,
    Finally,
    Drop,
}

impl Around {
    /// Its key in the stack file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Finally => "finally",
            Self::Drop => "drop",
        }
    }
}

/// How often a command is tried and after which time it is ended, where its form says so instead of its stage.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::stack) struct Patience {
    pub tries: Option<u32>,
    pub timeout: Option<Duration>,
}

/// Keys, each with why a form cannot have it.
type Refused = &'static [(&'static str, &'static str)];

impl FormKind {
    /// All of them, in the order in which error messages and the documentation name them.
    pub const ALL: [Self; 9] = [
        Self::Local,
        Self::Run,
        Self::Rsync,
        Self::Release,
        Self::Activate,
        Self::Check,
        Self::Roll,
        Self::Confirm,
        Self::Watch,
    ];

    /// Its key in the table of a command.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Run => "run",
            Self::Rsync => "rsync",
            Self::Release => "release",
            Self::Activate => "activate",
            Self::Check => "check",
            Self::Roll => "roll",
            Self::Confirm => "confirm",
            Self::Watch => "watch",
        }
    }

    /// The keys that belong to it alone.
    pub const fn own_keys(self) -> &'static [&'static str] {
        match self {
            Self::Rsync => &["to", "delete", "exclude", "options"],
            Self::Release => &["keep", "shared"],
            Self::Local => &["as"],
            Self::Watch => &["query", "max", "min", "of", "for"],
            Self::Run | Self::Activate | Self::Check | Self::Roll | Self::Confirm => &[],
        }
    }

    /// What it cannot say of how files reach the hosts, though its stage may.
    pub const fn refused_fan_out(self) -> Refused {
        match self {
            Self::Release => &[],
            Self::Rsync => &[("fan_out", "only a release is verified on the hosts, so only a release is passed on")],
            Self::Local | Self::Run | Self::Activate | Self::Check | Self::Roll | Self::Confirm | Self::Watch => {
                &[("fan_out", "it copies nothing that hosts could pass on"), ("compress", "it brings no files")]
            }
        }
    }

    /// Whether it may stand beside another form: then it is done before that one's batches grow.
    pub const fn may_stand_beside(self) -> bool {
        match self {
            Self::Confirm | Self::Watch => true,
            Self::Local | Self::Run | Self::Rsync | Self::Release | Self::Activate | Self::Check | Self::Roll => false,
        }
    }

    /// The limits that it cannot have.
    pub const fn refused_limits(self) -> Refused {
        match self {
            Self::Activate => &[
                ("chunk", "it flips all hosts within about a second"),
                ("tries", "it verifies its result, and retries automatically what can be retried"),
                ("every", "it is done once"),
            ],
            Self::Release => &[
                ("tries", "it compares with the manifest, and uploads what differs again automatically"),
                ("every", "it is done once"),
            ],
            Self::Roll => &[
                ("timeout", "each command inside has its own"),
                ("tries", "a host that fails inside stays out"),
                ("every", "it is done once"),
                ("quiet", "each command inside has its own"),
            ],
            Self::Confirm => &[
                ("chunk", "it is asked once"),
                ("tries", "it is asked once"),
                ("every", "it is asked once"),
                ("max_failed", "without a yes nothing continues"),
                ("on_failure", "without a yes nothing continues"),
                ("quiet", "it has no output"),
            ],
            Self::Watch => &[
                ("chunk", "it is asked once, for all hosts"),
                ("tries", "it is read until its time is over"),
                ("max_failed", "it is no command of a host"),
                ("quiet", "its readings are its output"),
            ],
            Self::Local | Self::Run | Self::Rsync | Self::Check => &[],
        }
    }

    /// Its own tries and time, where what a stage says of its work does not fit it.
    pub const fn patience(self) -> Patience {
        match self {
            // A check is asked again by nature, and its questions are short.
            Self::Check => Patience { tries: Some(CHECK_TRIES), timeout: Some(CHECK_TIMEOUT) },
            // A person takes the time that a person takes.
            Self::Confirm | Self::Watch => Patience { tries: Some(1), timeout: Some(ANSWER) },
            Self::Release | Self::Activate => Patience { tries: Some(1), timeout: None },
            Self::Local | Self::Run | Self::Rsync | Self::Roll => Patience { tries: None, timeout: None },
        }
    }

    /// Whether it may stand in a list around the commands: those bring nothing to the hosts.
    pub const fn may_stand_in(self, list: Around) -> bool {
        match self {
            Self::Local | Self::Run | Self::Check => true,
            Self::Confirm | Self::Watch => matches!(list, Around::Before),
            Self::Rsync | Self::Release | Self::Activate | Self::Roll => false,
        }
    }

    /// Why a roll cannot hold it, and what to write instead; nothing when it can.
    pub const fn refused_in_a_roll(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Roll => Some(("a roll cannot hold a roll", "write one list: each host walks through all of it")),
            Self::Confirm => Some((
                "a roll cannot hold a `confirm`: each host would wait on its own",
                "put it at the roll, and let its batches grow: { roll = […], chunk = [1, 10], confirm = \"Canary fine?\" }",
            )),
            Self::Watch => Some((
                "a roll cannot hold a `watch`: each host would wait on its own",
                "put it at the roll, and let its batches grow: { roll = […], chunk = [1, 10], watch = { url = \"…\", query = \"…\", max = 1.3, of = \"before\" } }",
            )),
            Self::Release => Some((
                "a roll cannot hold a `release`: every host has the verified build before the first one changes",
                "put it before the roll",
            )),
            Self::Local | Self::Run | Self::Rsync | Self::Activate | Self::Check => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_forms_share_a_key() {
        let keys = || FormKind::ALL.into_iter().flat_map(|kind| [&[kind.word()], kind.own_keys()].concat());
        for key in keys() {
            assert_eq!(keys().filter(|other| *other == key).count(), 1, "{key}");
        }
    }
}
