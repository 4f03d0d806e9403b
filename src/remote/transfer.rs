//! rsync from the build to a host, over the host's master, under the near guard. It must never pull, never take an option
//! that a stack file may not have, and never open a connection of its own. Called by the runner, and by releases.

mod ends;
pub(super) mod names;

use super::guard::near;
use super::masters::{Connection, is_refusal_of_a_session};
use super::{Ending, Line, Lines, Task};
use crate::advice;
use crate::journal::Stream;
use crate::process::Program;
use crate::stack::Rsync;
use ends::SentKind;
use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::time::Duration;
use tokio::sync::{OnceCell, mpsc};
use tokio::time::Instant;

/// Runs rsync with the arguments of the environment: the text is constant, and no argument is ever read as text.
const RUN_RSYNC: &str = r#"i=1; set --
while [ "$i" -le "$PUSH_ARGUMENTS" ]; do eval "set -- \"\$@\" \"\$PUSH_ARGUMENT_$i\""; i=$((i + 1)); done
exec rsync "$@""#;

/// What every transfer has (TRUST section 6). Deleting comes last, so that what is live keeps its files until then.
const ALWAYS: [&str; 10] = [
    "-rlpt",
    "--no-owner",
    "--no-group",
    "--delay-updates",
    "-s",
    "--mkpath",
    // What it makes has the modes that we say, whatever the host's umask.
    "--rsync-path=umask 022; rsync",
    "--timeout=60",
    names::OUT_FORMAT,
    "--info=stats1",
];

/// The oldest rsync that knows `--mkpath`; TRUST section 6 recommends 3.5.0.
const OLDEST: (u32, u32, u32) = (3, 2, 3);

/// rsync's code when one end has no compression that the other has.
pub(super) const UNSUPPORTED: i32 = 4;

/// Whether what goes over the wire is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Plain,
    /// By zstd or lz4, whichever both ends have; zlib would cost more time than it saves.
    Compressed,
}

impl Compression {
    /// As a command says.
    pub(super) fn of(compress: bool) -> Self {
        if compress { Self::Compressed } else { Self::Plain }
    }

    /// What rsync is told.
    pub(super) fn options(self) -> Vec<String> {
        match self {
            Self::Plain => Vec::new(),
            Self::Compressed => vec!["-z".to_owned()],
        }
    }
}

/// How often a transfer whose session was refused is begun again, and the pause before the first time; it grows.
const REFUSALS: u32 = 5;
const BEHIND_REFUSAL: Duration = Duration::from_millis(100);

/// Exit codes of rsync that another try may heal: socket, file and protocol trouble, a partial transfer, files that
/// vanished, time-outs, and a connection that broke (255 is ssh's).
const PASSING: [i32; 8] = [10, 11, 12, 23, 24, 30, 35, 255];

/// Brings files from `tree` (the build's directory) to a host. Of `task` the values (for its paths), the
/// times, the fence and the cancel are used.
pub async fn rsync(on: &Connection, tree: &Path, what: &Rsync, task: Task, lines: &Lines) -> Ending {
    let (from, to) = match (what.from.filled(&task.values), what.to.filled(&task.values)) {
        (Ok(from), Ok(to)) => (from, to),
        (Err(bad), _) | (_, Err(bad)) => return Ending::Refused(bad.to_string()),
    };
    let inside = Path::new(&from).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !inside || !to.starts_with('/') {
        return Ending::Refused(format!(
            "rsync takes a path inside the build to an absolute one, not {from:?} to {to:?}"
        ));
    }
    match ends::source(tree, &from) {
        Ok(SentKind::Directory) => {}
        Ok(SentKind::One) => {
            if let Err(ending) = ends::target(on, &from, &to, &task, lines).await {
                return ending;
            }
        }
        Err(why) => return Ending::Refused(why),
    }
    let mut options: Vec<String> = Vec::new();
    if what.delete {
        options.push("--delete-delay".to_owned());
    }
    options.extend(what.exclude.iter().map(|pattern| format!("--exclude={pattern}")));
    options.extend(what.options.iter().cloned());
    copy(on, tree, (&from, &to), Compression::of(what.compress), &options, &task, lines).await
}

/// Brings `from`, below `tree`, to the path `to` of a host: once, and once more comparing contents when the first try
/// ended with trouble that passes.
pub(super) async fn copy(
    on: &Connection,
    tree: &Path,
    paths: (&str, &str),
    way: Compression,
    options: &[String],
    task: &Task,
    lines: &Lines,
) -> Ending {
    names::bounded(lines, async |lines| copy_telling(on, tree, paths, way, options, task, lines).await).await
}

/// The same, and every name is told.
async fn copy_telling(
    on: &Connection,
    tree: &Path,
    (from, to): (&str, &str),
    mut way: Compression,
    options: &[String],
    task: &Task,
    lines: &Lines,
) -> Ending {
    if let Err(words) = is_new_enough().await {
        return Ending::Refused(words);
    }
    let until = Instant::now() + task.timeout;
    let mut comparing: &[&str] = &[];
    let mut refused = 0;
    loop {
        let place = match on.place(lines).await {
            Ok(place) => place,
            Err(why) => return Ending::Unreachable(why.0),
        };
        let task = Task {
            script: RUN_RSYNC.to_owned(),
            values: values(
                &arguments(on.ssh_words(&place), on, tree, (from, to), &[options, &way.options()].concat(), comparing),
                way,
            ),
            timeout: until.saturating_duration_since(Instant::now()),
            ..task.clone()
        };
        let (ending, facts) = near_ssh(tree, task, lines).await;
        drop(place);
        match ending.code() {
            // Between the look and rsync's own session another one took the room: nothing was sent.
            Ok(_) if facts.refused && refused < REFUSALS => {
                refused += 1;
                on.was_refused(lines).await;
                tokio::time::sleep(BEHIND_REFUSAL * refused).await;
            }
            Ok(UNSUPPORTED) if way == Compression::Compressed => {
                note(lines, "the host's rsync has neither zstd nor lz4: without compression".to_owned()).await;
                way = Compression::Plain;
            }
            Ok(code) if comparing.is_empty() && PASSING.contains(&code) && !facts.lasting => {
                note(lines, format!("rsync exited with {code}: trying again, comparing contents")).await;
                comparing = &["--checksum"];
            }
            Ok(code) => return Ending::Exited(code),
            Err(ending) => return ending,
        }
    }
}

/// What rsync said, as far as it decides whether it is tried once more.
#[derive(Clone, Copy, Debug, Default)]
struct RetryFacts {
    /// The host let it open no session.
    refused: bool,
    /// Something is in its way that another try does not move.
    lasting: bool,
}

/// Runs a program that speaks to a host over a master; with it what decides whether another try helps. What it says where the host
/// let it open no session is about a connection that nobody gave it, so it is not told.
async fn near_ssh(tree: &Path, task: Task, lines: &Lines) -> (Ending, RetryFacts) {
    let (told, mut from) = mpsc::channel::<Line>(1);
    let running = async move { near(tree, task, &told).await };
    let telling = async {
        let mut facts = RetryFacts::default();
        while let Some(line) = from.recv().await {
            facts.refused |= line.stream == Stream::Err && is_refusal_of_a_session(&line.text);
            facts.lasting |= line.stream == Stream::Err && advice::rsync::is_lasting(&line.text);
            if !facts.refused {
                let _ = lines.send(line).await;
            }
        }
        facts
    };
    tokio::join!(running, telling)
}

/// Says something of our own.
pub(super) async fn note(lines: &Lines, text: String) {
    // Nobody receives lines any more: then nobody misses this one.
    let _ = lines.send(Line { stream: Stream::Note, text }).await;
}

fn arguments(
    ssh: Vec<String>,
    on: &Connection,
    tree: &Path,
    (from, to): (&str, &str),
    options: &[String],
    more: &[&str],
) -> Vec<String> {
    let mut all: Vec<String> = ALWAYS.iter().chain(more).map(|word| (*word).to_owned()).collect();
    all.extend(options.iter().cloned());
    // rsync splits this at spaces; no word holds one (see the sockets' directory).
    all.extend(["-e".to_owned(), ssh.join(" "), "--".to_owned()]);
    all.push(format!("{}/{from}", tree.display()));
    all.push(format!("{}:{to}", on.host.bracketed()));
    all
}

/// The environment of [`RUN_RSYNC`], and of what runs rsync on a host.
pub(super) fn values(arguments: &[String], way: Compression) -> BTreeMap<String, String> {
    let numbered = arguments.iter().zip(1..).map(|(word, n)| (format!("PUSH_ARGUMENT_{n}"), word.clone()));
    let count = [("PUSH_ARGUMENTS".to_owned(), arguments.len().to_string())];
    let list = (way == Compression::Compressed).then(|| ("RSYNC_COMPRESS_LIST".to_owned(), "zstd lz4".to_owned()));
    numbered.chain(count).chain(list).collect()
}

/// Whether this machine's rsync is new enough; asked once a process.
///
/// # Errors
/// What is wrong with it.
#[expect(clippy::wildcard_enum_match_arm, reason = "the system's kinds of errors are not ours")]
pub async fn is_new_enough() -> Result<(), String> {
    static ANSWER: OnceCell<Result<(), String>> = OnceCell::const_new();
    let ask = || async {
        let output = Program::new("rsync").arg("--version").output(Duration::from_secs(20)).await;
        let output = output.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                "rsync is not installed on the push host, or not on the server's PATH: apt install rsync".to_owned()
            }
            _ => format!("cannot start rsync on the push host: {error}"),
        })?;
        judge_version(&String::from_utf8_lossy(&output.stdout))
    };
    ANSWER.get_or_init(ask).await.clone()
}

fn judge_version(said: &str) -> Result<(), String> {
    // `rsync  version 3.2.7  protocol version 31`; other programs of this name say less.
    let mut words = said.split_whitespace().skip(1).skip_while(|word| *word != "version").skip(1);
    let word = if said.starts_with("rsync ") { words.next().unwrap_or_default() } else { "(unknown)" };
    let digits = |part: &str| part.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u32>().ok();
    let mut parts = word.trim_start_matches('v').split('.').map(digits);
    let mut next = || parts.next().flatten().unwrap_or(0);
    let found = (next(), next(), next());
    match found >= OLDEST {
        true => Ok(()),
        false => Err(format!(
            "the push host's rsync {word:?} is too old: 3.2.3 is needed, 3.5.0 recommended; update it there"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rsync_without_mkpath_is_refused() {
        for (said, ok) in [
            ("rsync  version 3.2.7  protocol version 31\n", true),
            ("rsync  version 3.2.3  protocol version 31\n", true),
            ("rsync  version v3.5.0  protocol version 32\n", true),
            ("rsync  version 3.10.0pre1  protocol version 32\n", true),
            ("rsync  version 3.2.2  protocol version 31\n", false),
            ("rsync  version 3.1.3  protocol version 31\n", false),
            ("openrsync: protocol version 29\n", false),
            ("", false),
        ] {
            assert_eq!(judge_version(said).is_ok(), ok, "{said}");
        }
    }
}
