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
use tokio_util::sync::CancellationToken;

/// How long a host may take to say what it runs.
const LOOK_LIMIT: Duration = Duration::from_secs(10);

/// The most bytes of an answer that are read: some 500 releases.
const LONGEST: usize = 64 * 1024;

/// What a host runs below the directory of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// Where `current` points: `releases/BUILD` when a push put it there.
    pub link: String,
    /// The root hash that the release was verified with; empty when it was not.
    pub root: String,
    /// What its REVISION says; empty when there is none.
    pub sha: String,
}

/// What lies below the directory of a release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// What is live; nothing when there is no `current`.
    pub live: Option<Live>,
    /// The releases that count as verified, with their root hashes.
    pub verified: BTreeMap<String, String>,
}

/// Looks what lies below each of the directories: changes nothing, and waits for no push that works there.
///
/// # Errors
/// Why the host gave no answer.
pub async fn look(on: &Connection, dirs: &[String]) -> Result<Vec<Seen>, String> {
    let task = Task {
        script: String::new(),
        values: BTreeMap::new(),
        timeout: LOOK_LIMIT,
        lease_s: 2 * LOOK_LIMIT.as_secs(),
        grace_s: 1,
        lock: None,
        // Without a lock there is nothing to fence.
        fence: "0.0".to_owned(),
        cancel: CancellationToken::new(),
        mask: std::sync::Arc::default(),
    };
    // What it says on standard error helps nobody: the answer is whole, or none.
    let (lines, _) = mpsc::channel(1);
    let (ending, seen) = survey(on, dirs, task, &lines).await;
    match (ending, seen) {
        (Ending::Exited(0), Some(seen)) => Ok(seen),
        (Ending::Exited(0), None) => Err(format!("{} gave no clear answer", on.host)),
        (ending, _) => Err(format!("{} could not be asked what it runs: {ending:?}", on.host)),
    }
}

/// Asks a host whether it runs this build in each of the directories; says what else it runs on standard error. Anything
/// but `Exited(0)` means that it does not, or that it was cancelled, or that nobody knows.
pub async fn read_back(on: &Connection, build: &BuildOnDisk<'_>, dirs: &[String], task: Task, lines: &Lines) -> Ending {
    let (ending, seen) = survey(on, dirs, task, lines).await;
    let silent = |why: &str| Ending::Unknown(format!("it did not say what it runs: {why}"));
    let seen = match (ending, seen) {
        (Ending::Exited(0), Some(seen)) => seen,
        (Ending::Exited(_), _) => return silent("its answer is not clear"),
        (Ending::Cancelled { left }, _) => return Ending::Cancelled { left },
        (Ending::TimedOut { .. }, _) => return silent("no answer in time"),
        (Ending::Refused(why) | Ending::Unreachable(why) | Ending::Unknown(why), _) => return silent(&why),
    };
    let mut odd = Vec::new();
    for (dir, seen) in dirs.iter().zip(&seen) {
        if let Some(runs) = instead(seen.live.as_ref(), build.id.as_str(), build.root.as_str(), build.sha) {
            let place = if dirs.len() > 1 { format!(" in {dir}") } else { String::new() };
            odd.push(format!("runs {runs}{place} after the push, not {}", build.id));
        }
    }
    if odd.is_empty() {
        return Ending::Exited(0);
    }
    // The last line is the reason. Nobody listens only when the push is over.
    let _ = lines.send(Line { stream: Stream::Err, text: odd.join("; ") }).await;
    Ending::Exited(1)
}

/// What a host runs instead of a build; none when it runs just that, verified.
pub fn instead(live: Option<&Live>, build: &str, root: &str, sha: &str) -> Option<String> {
    let Some(live) = live else { return Some("nothing".to_owned()) };
    match live.link.strip_prefix("releases/").unwrap_or(&live.link) {
        name if name != build => Some(shown(name)),
        name if live.root != root => Some(format!("{name} (not verified any more)")),
        name if live.sha != sha => Some(format!("{name} (with another REVISION)")),
        _ => None,
    }
}

/// What a host says of its directories; none when its answer is not whole.
async fn survey(on: &Connection, dirs: &[String], mut task: Task, lines: &Lines) -> (Ending, Option<Vec<Seen>>) {
    task.script = scripts::LOOK.to_owned();
    task.values.insert("PUSH_DIRS".to_owned(), dirs.join("\n"));
    let (ending, said) = ask(on, &task, lines, LONGEST).await;
    let seen = read_all(&String::from_utf8_lossy(&said)).filter(|seen| seen.len() == dirs.len());
    (ending, seen)
}

/// The answer of [`scripts::LOOK`]; none when it is none.
fn read_all(said: &str) -> Option<Vec<Seen>> {
    said.strip_suffix('\0')?.split('\0').map(read_one).collect()
}

fn read_one(mut said: &str) -> Option<Seen> {
    let mut verified = BTreeMap::new();
    while let Some((first, rest)) = said.split_once('\n').filter(|(first, _)| first.starts_with("has ")) {
        let (name, root) = first.strip_prefix("has ")?.split_once(' ')?;
        verified.insert(name.to_owned(), root.to_owned());
        said = rest;
    }
    if said == "none\n" {
        return Some(Seen { live: None, verified });
    }
    // The link may hold anything but a NUL, also line ends; what follows it may not.
    let (rest, sha) = said.strip_suffix('\n')?.rsplit_once("\nsha ")?;
    let (link, root) = rest.rsplit_once("\nroot ")?;
    let live = Live { link: link.strip_prefix("link ")?.to_owned(), root: root.to_owned(), sha: sha.to_owned() };
    Some(Seen { live: Some(live), verified })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Program;

    fn live(link: &str, root: &str, sha: &str) -> Option<Live> {
        Some(Live { link: link.to_owned(), root: root.to_owned(), sha: sha.to_owned() })
    }

    #[test]
    fn what_is_live_is_read_from_a_whole_answer_only() {
        let runs = |link: &str, root: &str, sha: &str| {
            Some(vec![Seen { live: live(link, root, sha), verified: BTreeMap::new() }])
        };
        let table = [
            ("none\n\0", Some(vec![Seen::default()])),
            ("none\n\0none\n\0", Some(vec![Seen::default(), Seen::default()])),
            ("link releases/3f2c1ab-12\nroot 9f\nsha 51\n\0", runs("releases/3f2c1ab-12", "9f", "51")),
            ("link /srv/by hand\nroot \nsha \n\0", runs("/srv/by hand", "", "")),
            ("link a\nroot b\nroot \nsha \n\0", runs("a\nroot b", "", "")),
            ("link has a b\nroot \nsha \n\0", runs("has a b", "", "")),
            ("link releases/a\nroot 9f\n\0", None),
            ("link releases/a\nroot 9f\nsha 51\n", None),
            ("none\n", None),
            ("has a\nnone\n\0", None),
            ("hello\n\0", None),
            ("", None),
        ];
        for (said, answer) in table {
            assert_eq!(read_all(said), answer, "{said:?}");
        }
        let held = read_all("has a-1 9f\nhas b-2 8e\nlink releases/a-1\nroot 9f\nsha 51\n\0").unwrap();
        assert_eq!(held[0].live, live("releases/a-1", "9f", "51"));
        let roots: Vec<_> = held[0].verified.iter().map(|(name, root)| (name.as_str(), root.as_str())).collect();
        assert_eq!(roots, [("a-1", "9f"), ("b-2", "8e")]);
    }

    #[test]
    fn a_host_runs_the_build_only_with_its_link_root_and_revision() {
        let table = [
            (live("releases/51d0c3e-14", "9f", "51d0c3e"), None),
            (live("releases/51d0c3e-14", "", "51d0c3e"), Some("51d0c3e-14 (not verified any more)")),
            (live("releases/51d0c3e-14", "9f", "8f31c2e"), Some("51d0c3e-14 (with another REVISION)")),
            (live("releases/8f31c2e-12", "9f", "51d0c3e"), Some("8f31c2e-12")),
            (live("/home/bob/web\u{202e}\n", "", ""), Some("/home/bob/web\\u{202e}\\n")),
            (None, Some("nothing")),
        ];
        for (live, runs) in table {
            assert_eq!(instead(live.as_ref(), "51d0c3e-14", "9f", "51d0c3e").as_deref(), runs, "{live:?}");
        }
    }

    #[tokio::test]
    async fn each_shell_says_the_same_of_what_lies_there() {
        let room = tempfile::tempdir().unwrap();
        let web = room.path().join("web");
        for dir in ["releases/aaaaaaa-1", "releases/bbbbbbb-2", ".verified/.list.x"] {
            std::fs::create_dir_all(web.join(dir)).unwrap();
        }
        for (file, text) in
            [(".verified/aaaaaaa-1", "9f\n"), (".verified/gone-3", "7d\n"), ("releases/aaaaaaa-1/REVISION", "51\n")]
        {
            std::fs::write(web.join(file), text).unwrap();
        }
        std::os::unix::fs::symlink("releases/aaaaaaa-1", web.join("current")).unwrap();
        let dirs = format!("{}\n{}", web.display(), room.path().join("other").display());
        let verified = BTreeMap::from([("aaaaaaa-1".to_owned(), "9f".to_owned())]);
        let seen = vec![Seen { live: live("releases/aaaaaaa-1", "9f", "51"), verified }, Seen::default()];
        for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
            let program = Program::new(shell[0]).args(&shell[1..]).args(["-c", scripts::LOOK]).env("PUSH_DIRS", &dirs);
            let output = program.output(Duration::from_secs(20)).await.unwrap();
            assert_eq!(read_all(&String::from_utf8_lossy(&output.stdout)).as_ref(), Some(&seen), "{shell:?}");
        }
    }
}
