//! What a host runs now, and which releases it holds, asked without touching it. It must never take half an answer for one.
//! Called by the desk, which waits for no push that works on the host, and by the runner at the end of a push.

use super::{BuildOnDisk, scripts};
use crate::diagnostic::shown;
use crate::journal::Stream;
use crate::remote::guard::ask;
use crate::remote::masters::Connection;
use crate::remote::{Ending, Line, Lines, Task};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long a host may take to say what it runs.
const LOOK_LIMIT: Duration = Duration::from_secs(10);

/// The most bytes of an answer that are read: some 500 releases.
const LONGEST: usize = 64 * 1024;

/// What `current` is below the directory of a release, resolved by the host's file system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Current {
    /// There is none.
    #[default]
    Nothing,
    /// It leads to a release that we made, by whatever link: its name.
    Ours(String),
    /// It leads to what we did not make: where that is.
    Elsewhere(String),
    /// It is a directory itself, with so many entries.
    Directory(String),
    /// It is a file.
    File,
    /// It is a link that leads nowhere: what it says.
    Nowhere(String),
}

/// What a host runs below the directory of a release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// What `current` is.
    pub current: Current,
    /// The root hash that the release was verified with; empty when it was not.
    pub root: String,
    /// What its REVISION says; empty when there is none.
    pub sha: String,
}

/// A release of ours that could not be removed when its time had come.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnremovedRelease {
    /// Its name.
    pub build: String,
    /// What could not be removed in it; empty for the whole.
    pub path: String,
    /// Whose that is; without a path, why it was not removed.
    pub owner: String,
}

/// What lies below the directory of a release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReleaseFolder {
    /// What is live.
    pub live: Live,
    /// The releases that count as verified, with their root hashes.
    pub verified: BTreeMap<String, String>,
    /// The releases that could not be removed.
    pub left: Vec<UnremovedRelease>,
}

impl Current {
    /// What it is, as what a host runs: `nothing`, a build, a place.
    pub fn words(&self) -> String {
        match self {
            Self::Nothing => "nothing".to_owned(),
            Self::Ours(name) => name.clone(),
            Self::Elsewhere(path) => shown(path),
            Self::Directory(entries) => format!("a directory of {entries} entries (current is no link)"),
            Self::File => "nothing (current is a file)".to_owned(),
            Self::Nowhere(text) => format!("nothing (current leads nowhere: {})", shown(text)),
        }
    }

    /// What a host says of it: a kind, and what `LOCATE`'s `tell` adds.
    pub(in crate::remote) fn read(kind: &str, more: &str) -> Option<Self> {
        match (kind, more) {
            ("nothing", "") => Some(Self::Nothing),
            ("file", "") => Some(Self::File),
            ("ours", name) => Some(Self::Ours(name.to_owned())),
            ("elsewhere", path) => Some(Self::Elsewhere(path.to_owned())),
            ("directory", entries) => Some(Self::Directory(entries.to_owned())),
            ("nowhere", text) => Some(Self::Nowhere(text.to_owned())),
            _ => None,
        }
    }
}

/// Looks what lies below each of the directories: changes nothing, and waits for no push that works there.
///
/// # Errors
/// Why the host gave no answer.
pub async fn look(on: &Connection, dirs: &[String]) -> Result<Vec<ReleaseFolder>, String> {
    let task = Task::question("", BTreeMap::new(), LOOK_LIMIT);
    // What it says on standard error helps nobody: the answer is whole, or none.
    let (lines, _) = mpsc::channel(1);
    let (ending, seen) = survey(on, dirs, task, &lines).await;
    match (ending, seen) {
        (Ending::Exited(0), Some(seen)) => Ok(seen),
        (Ending::Exited(0), None) => Err(format!("{} gave no clear answer", on.host)),
        (ending, _) => {
            Err(format!("{} could not be asked what it runs: {}", on.host, super::obstacle::unable(&ending)))
        }
    }
}

/// Asks a host whether it runs this build in each of the directories; says what else it runs on standard error. Anything
/// but `Exited(0)` means that it does not, or that it was cancelled, or that nobody knows.
pub async fn read_back(on: &Connection, build: &BuildOnDisk<'_>, dirs: &[String], task: Task, lines: &Lines) -> Ending {
    let (ending, seen) = survey(on, dirs, task, lines).await;
    let silent = |why: &str| Ending::Unknown(format!("it did not say what it runs: {why}"));
    let seen = match (ending, seen) {
        (Ending::Exited(0), Some(seen)) => seen,
        (Ending::Exited(_) | Ending::Stopped(_), _) => return silent("its answer is not clear"),
        (Ending::Cancelled { left }, _) => return Ending::Cancelled { left },
        (Ending::TimedOut { .. }, _) => return silent("no answer in time"),
        (Ending::Refused(why) | Ending::Unreachable(why) | Ending::Unknown(why), _) => return silent(&why),
    };
    let mut divergent = Vec::new();
    for (dir, seen) in dirs.iter().zip(&seen) {
        if let Some(runs) = instead(&seen.live, build.id.as_str(), build.root.as_str(), build.sha) {
            let place = if dirs.len() > 1 { format!(" in {dir}") } else { String::new() };
            divergent.push(format!("runs {runs}{place} after the push, not {}", build.id));
        }
    }
    if divergent.is_empty() {
        return Ending::Exited(0);
    }
    // The last line is the reason. Nobody listens only when the push is over.
    let _ = lines.send(Line { stream: Stream::Err, text: divergent.join("; ") }).await;
    Ending::Exited(1)
}

/// What a host runs instead of a build; none when it runs just that, verified.
pub fn instead(live: &Live, build: &str, root: &str, sha: &str) -> Option<String> {
    match &live.current {
        Current::Ours(name) if name != build => Some(name.clone()),
        Current::Ours(name) if live.root != root => Some(format!("{name} (not verified any more)")),
        Current::Ours(name) if live.sha != sha => Some(format!("{name} (with another REVISION)")),
        Current::Ours(_) => None,
        Current::Nothing | Current::Elsewhere(_) | Current::Directory(_) | Current::File | Current::Nowhere(_) => {
            Some(live.current.words())
        }
    }
}

/// What a host says of its directories; none when its answer is not whole.
async fn survey(
    on: &Connection,
    dirs: &[String],
    mut task: Task,
    lines: &Lines,
) -> (Ending, Option<Vec<ReleaseFolder>>) {
    task.script = scripts::located(scripts::LOOK);
    task.values.insert("PUSH_DIRS".to_owned(), dirs.join("\n"));
    let (ending, said) = ask(on, &task, lines, LONGEST).await;
    let seen = read_all(&String::from_utf8_lossy(&said)).filter(|seen| seen.len() == dirs.len());
    (ending, seen)
}

/// The answer of [`scripts::LOOK`]; none when it is none.
fn read_all(said: &str) -> Option<Vec<ReleaseFolder>> {
    said.strip_suffix('\0')?.split('\0').map(read_one).collect()
}

fn read_one(mut said: &str) -> Option<ReleaseFolder> {
    let (mut verified, mut left) = (BTreeMap::new(), Vec::new());
    while let Some((first, rest)) = said.split_once('\n') {
        if let Some(has) = first.strip_prefix("has ") {
            let (name, root) = has.split_once(' ')?;
            verified.insert(name.to_owned(), root.to_owned());
        } else if let Some(stays) = first.strip_prefix("left ") {
            let mut fields = stays.splitn(3, '\t').map(str::to_owned);
            let (build, path, owner) = (fields.next()?, fields.next()?, fields.next()?);
            // Without an owner it is being removed at this moment, or that was interrupted.
            left.extend((owner != "-").then_some(UnremovedRelease { build, path, owner }));
        } else {
            break;
        }
        said = rest;
    }
    // The place may hold anything but a NUL, also line ends; what follows it may not.
    let (rest, sha) = said.strip_suffix('\n')?.rsplit_once("\nsha ")?;
    let (current, root) = rest.rsplit_once("\nroot ")?;
    let current = {
        let (kind, more) = current.strip_prefix("is ")?.split_once(' ')?;
        Current::read(kind, more)?
    };
    Some(ReleaseFolder { live: Live { current, root: root.to_owned(), sha: sha.to_owned() }, verified, left })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Program;

    fn live(current: Current, root: &str, sha: &str) -> Live {
        Live { current, root: root.to_owned(), sha: sha.to_owned() }
    }

    fn ours(name: &str) -> Current {
        Current::Ours(name.to_owned())
    }

    #[test]
    fn what_is_live_is_read_from_a_whole_answer_only() {
        let runs = |current: Current, root: &str, sha: &str| {
            Some(vec![ReleaseFolder { live: live(current, root, sha), ..ReleaseFolder::default() }])
        };
        let elsewhere = |path: &str| Current::Elsewhere(path.to_owned());
        let nothing = "is nothing \nroot \nsha \n\0";
        let table = [
            (nothing.to_owned(), Some(vec![ReleaseFolder::default()])),
            (nothing.repeat(2), Some(vec![ReleaseFolder::default(), ReleaseFolder::default()])),
            ("is ours 3f2c1ab-12\nroot 9f\nsha 51\n\0".to_owned(), runs(ours("3f2c1ab-12"), "9f", "51")),
            ("is elsewhere /srv/by hand\nroot \nsha \n\0".to_owned(), runs(elsewhere("/srv/by hand"), "", "")),
            ("is elsewhere a\nroot b\nroot \nsha \n\0".to_owned(), runs(elsewhere("a\nroot b"), "", "")),
            ("is directory 12\nroot \nsha \n\0".to_owned(), runs(Current::Directory("12".to_owned()), "", "")),
            ("is file \nroot \nsha \n\0".to_owned(), runs(Current::File, "", "")),
            ("is nowhere has a b\nroot \nsha \n\0".to_owned(), runs(Current::Nowhere("has a b".to_owned()), "", "")),
            ("is ours a-1\nroot 9f\n\0".to_owned(), None),
            ("is ours a-1\nroot 9f\nsha 51\n".to_owned(), None),
            ("is weather \nroot \nsha \n\0".to_owned(), None),
            (format!("has a\n{nothing}"), None),
            (format!("left a-1\tcache/\n{nothing}"), None),
            ("hello\n\0".to_owned(), None),
            (String::new(), None),
        ];
        for (said, answer) in table {
            assert_eq!(read_all(&said), answer, "{said:?}");
        }
        let held = read_all(
            "has a-1 9f\nhas b-2 8e\nleft c-3\tcache/\twww-data\nleft d-4\t.\t-\nis ours a-1\nroot 9f\nsha 51\n\0",
        );
        let held = held.unwrap();
        assert_eq!(held[0].live, live(ours("a-1"), "9f", "51"));
        let roots: Vec<_> = held[0].verified.iter().map(|(name, root)| (name.as_str(), root.as_str())).collect();
        assert_eq!(roots, [("a-1", "9f"), ("b-2", "8e")]);
        let left =
            UnremovedRelease { build: "c-3".to_owned(), path: "cache/".to_owned(), owner: "www-data".to_owned() };
        assert_eq!(held[0].left, [left], "what is being removed is not stuck");
    }

    #[test]
    fn a_host_runs_the_build_only_with_its_link_root_and_revision() {
        let table = [
            (live(ours("51d0c3e-14"), "9f", "51d0c3e"), None),
            (live(ours("51d0c3e-14"), "", "51d0c3e"), Some("51d0c3e-14 (not verified any more)")),
            (live(ours("51d0c3e-14"), "9f", "8f31c2e"), Some("51d0c3e-14 (with another REVISION)")),
            (live(ours("8f31c2e-12"), "9f", "51d0c3e"), Some("8f31c2e-12")),
            (live(Current::Elsewhere("/home/bob/web\u{202e}\n".to_owned()), "", ""), Some("/home/bob/web\\u{202e}\\n")),
            (live(Current::Directory("3".to_owned()), "", ""), Some("a directory of 3 entries (current is no link)")),
            (live(Current::File, "", ""), Some("nothing (current is a file)")),
            (live(Current::Nowhere("/gone".to_owned()), "", ""), Some("nothing (current leads nowhere: /gone)")),
            (Live::default(), Some("nothing")),
        ];
        for (live, runs) in table {
            assert_eq!(instead(&live, "51d0c3e-14", "9f", "51d0c3e").as_deref(), runs, "{live:?}");
        }
    }

    #[tokio::test]
    async fn each_shell_says_the_same_of_what_lies_there() {
        let room = tempfile::tempdir().unwrap();
        let web = room.path().join("web");
        for dir in ["releases/aaaaaaa-1", "releases/bbbbbbb-2", ".verified/.list.x"] {
            std::fs::create_dir_all(web.join(dir)).unwrap();
        }
        std::fs::create_dir_all(web.join(".made")).unwrap();
        for (file, text) in [
            (".verified/aaaaaaa-1", "9f\n"),
            (".verified/gone-3", "7d\n"),
            (".made/bbbbbbb-2", "cache/\twww-data\n"),
            (".made/gone-4", "cache/\twww-data\n"),
            ("releases/aaaaaaa-1/REVISION", "51\n"),
        ] {
            std::fs::write(web.join(file), text).unwrap();
        }
        std::fs::create_dir_all(room.path().join("far/20240101")).unwrap();
        let at = |path: &str| room.path().join(path).display().to_string();
        let dirs = format!("{}\n{}", web.display(), at("other"));
        let verified = BTreeMap::from([("aaaaaaa-1".to_owned(), "9f".to_owned())]);
        let left = vec![UnremovedRelease {
            build: "bbbbbbb-2".to_owned(),
            path: "cache/".to_owned(),
            owner: "www-data".to_owned(),
        }];
        let release = || live(ours("aaaaaaa-1"), "9f", "51");
        let other = |current: Current| live(current, "", "");
        std::os::unix::fs::symlink(web.join("releases/aaaaaaa-1"), web.join("hop")).unwrap();
        std::os::unix::fs::symlink(&web, room.path().join("door")).unwrap();
        let links = [
            ("releases/aaaaaaa-1".to_owned(), release()),
            ("./releases//aaaaaaa-1/".to_owned(), release()),
            (at("web/releases/aaaaaaa-1/"), release()),
            (at("door/releases/aaaaaaa-1"), release()),
            ("hop".to_owned(), release()),
            ("hop/".to_owned(), release()),
            (at("far/20240101"), other(Current::Elsewhere(at("far/20240101")))),
            ("releases/by-hand".to_owned(), other(Current::Nowhere("releases/by-hand".to_owned()))),
            ("releases/bbbbbbb-2".to_owned(), other(ours("bbbbbbb-2"))),
        ];
        for (link, live) in links {
            let _ = std::fs::remove_file(web.join("current"));
            std::os::unix::fs::symlink(&link, web.join("current")).unwrap();
            let seen =
                vec![ReleaseFolder { live, verified: verified.clone(), left: left.clone() }, ReleaseFolder::default()];
            for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
                let script = scripts::located(scripts::LOOK);
                let program = Program::new(shell[0]).args(&shell[1..]).args(["-c", &script]).env("PUSH_DIRS", &dirs);
                let output = program.output(Duration::from_secs(20)).await.unwrap();
                let said = String::from_utf8_lossy(&output.stdout);
                assert_eq!(read_all(&said).as_ref(), Some(&seen), "{link} {shell:?}: {said}");
            }
        }
    }
}
