//! Releases: brought beside what is live, verified against the manifest, then flipped. It must never change a release that
//! is live, and never call verified what was not hashed on the host (promise 5). Called by the runner.
//!
//! Below the release's directory on a host: `current` → `releases/BUILD`; `releases/`; `shared/`; `.verified/BUILD` holds
//! the root hash of a build that was verified; `.previous` holds where `current` pointed before the last flip.

mod bring;
mod live;
mod peer;
mod scripts;

pub use bring::{bring, bring_back, bring_from};
pub use live::{Live, Seen, instead, look, read_back};
pub use peer::{Fed, Peer, Source};

use super::guard::{ask, far};
use super::masters::Connection;
use super::transfer::note;
use super::{Ending, Lines, Task};
use crate::source::manifest::{Manifest, REVISION};
use crate::stack::{BuildId, Release, Root};
use std::path::Path;
use tokio::time::Instant;

/// The most bytes of a host's manifest that are read to tell what differs: some 400,000 paths.
const LARGEST_LIST: usize = 64 * 1024 * 1024;

/// The most bytes that the other scripts say.
const FEW: usize = 4096;

/// How many differences are told; the rest is counted.
const TOLD: usize = 20;

/// A build on the push host, as a release needs it.
#[derive(Clone, Debug)]
pub struct BuildOnDisk<'a> {
    /// Its id.
    pub id: &'a BuildId,
    /// The root hash of its manifest.
    pub root: &'a Root,
    /// The frozen tree.
    pub tree: &'a Path,
    /// Its manifest file.
    pub manifest: &'a Path,
    /// Its revision, for the REVISION file.
    pub sha: &'a str,
}

/// Hashes a release on its host again; anything but `Exited(0)` means that it does not count as verified any more, or
/// that nobody knows.
pub async fn verify(on: &Connection, build: &BuildOnDisk<'_>, release: &Release, task: Task, lines: &Lines) -> Ending {
    match Visit::new(on, build, &release.dir, Some(release), task, lines) {
        Ok(visit) => visit.verify("", Telling::Differences).await,
        Err(refused) => refused,
    }
}

/// Flips `dir/current` to the verified release and reads it back; anything but `Exited(0)` means that it was not flipped
/// or nobody knows.
pub async fn activate(on: &Connection, build: &BuildOnDisk<'_>, dir: &str, task: Task, lines: &Lines) -> Ending {
    let visit = match Visit::new(on, build, dir, None, task, lines) {
        Ok(visit) => visit,
        Err(refused) => return refused,
    };
    let flipped = format!("releases/{}\n{}\n", build.id, build.root);
    let (ending, said) = match visit.ask(scripts::FLIP, FEW).await {
        // The connection broke: the host knows whether it flipped before. If not, once more (TRUST section 4).
        (Ending::Unknown(why), _) => match visit.ask(scripts::READ_BACK, FEW).await {
            (Ending::Exited(_), said) if said == flipped => (Ending::Exited(0), said),
            (Ending::Exited(_), _) => visit.ask(scripts::FLIP, FEW).await,
            _ => return Ending::Unknown(why),
        },
        answer => answer,
    };
    match ending {
        Ending::Exited(0) if said == flipped => {
            note(lines, format!("current is releases/{}, root {}", build.id, build.root.short())).await;
            Ending::Exited(0)
        }
        Ending::Exited(0) => Ending::Unknown(format!("{} flipped, but reads back {said:?}", on.host)),
        ending => ending,
    }
}

/// Whether what differs is told, or healed first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Telling {
    Differences,
    Nothing,
}

/// The code of [`scripts::VERIFY`] for another root hash.
const MISMATCH: i32 = 3;

/// One build on one host, with the task that all scripts of the visit share.
struct Visit<'a> {
    on: &'a Connection,
    build: &'a BuildOnDisk<'a>,
    release: Option<&'a Release>,
    task: Task,
    until: Instant,
    lines: &'a Lines,
}

impl<'a> Visit<'a> {
    fn new(
        on: &'a Connection,
        build: &'a BuildOnDisk<'a>,
        dir: &str,
        release: Option<&'a Release>,
        mut task: Task,
        lines: &'a Lines,
    ) -> Result<Self, Ending> {
        if !dir.starts_with('/') || dir.split('/').any(|part| part == "..") {
            return Err(Ending::Refused(format!("a release needs an absolute directory, not {dir:?}")));
        }
        let shared = shared_links(release.map_or(&[], |release| release.shared.as_slice()))?;
        task.values.extend([
            ("PUSH_DIR".to_owned(), dir.to_owned()),
            ("PUSH_BUILD".to_owned(), build.id.to_string()),
            ("PUSH_ROOT".to_owned(), build.root.to_string()),
            ("PUSH_SHA".to_owned(), build.sha.to_owned()),
            ("PUSH_SHARED".to_owned(), shared),
            ("PUSH_KEEP".to_owned(), release.map_or(0, |release| release.keep).to_string()),
            ("PUSH_ID".to_owned(), task.fence.clone()),
        ]);
        let until = Instant::now() + task.timeout;
        Ok(Self { on, build, release, task, until, lines })
    }

    /// The task of one script: all of a visit have one time-out together.
    fn task(&self, script: &str) -> Task {
        let timeout = self.until.saturating_duration_since(Instant::now());
        Task { script: script.to_owned(), timeout, ..self.task.clone() }
    }

    async fn ask(&self, script: &str, most: usize) -> (Ending, String) {
        let (ending, said) = ask(self.on, &self.task(script), self.lines, most).await;
        (ending, String::from_utf8_lossy(&said).into_owned())
    }

    /// Lists the release on the host, after `first`; it is verified when its hash is the root.
    async fn verify(&self, first: &str, telling: Telling) -> Ending {
        let (ending, said) = self.ask(&format!("{first}{}", scripts::VERIFY), LARGEST_LIST).await;
        match ending {
            Ending::Exited(MISMATCH) if telling == Telling::Differences => {
                let (root, list) = said.split_once('\n').unwrap_or((&said, ""));
                let root = root.trim_start_matches("root ");
                note(self.lines, format!("not verified: the host has root {root}, not {}", self.build.root)).await;
                for words in self.differences(list).await {
                    note(self.lines, words).await;
                }
                Ending::Exited(1)
            }
            Ending::Exited(0) if said != format!("root {}\n", self.build.root) => {
                Ending::Unknown(format!("{} gave no clear answer to the verification", self.on.host))
            }
            ending => ending,
        }
    }

    /// How the host's list differs from the manifest, in words.
    async fn differences(&self, list: &str) -> Vec<String> {
        let wanted = match tokio::fs::read_to_string(self.build.manifest).await {
            Ok(text) => Manifest::parse(&text),
            Err(error) => return vec![format!("cannot read the manifest of {}: {error}", self.build.id)],
        };
        let (wanted, found) = match (wanted, Manifest::parse(list)) {
            (Ok(wanted), Ok(found)) => (wanted, found),
            (Err(bad), _) => return vec![format!("the manifest of {} here is damaged: {bad}", self.build.id)],
            (_, Err(bad)) => return vec![format!("the host has something that no build holds: {bad}")],
        };
        let mut words = wanted.differences(&found);
        let more = words.len().saturating_sub(TOLD);
        words.truncate(TOLD);
        words.extend((more > 0).then(|| format!("and {more} more")));
        words
    }

    /// Removes old releases. What cannot be removed is told, and harms nobody.
    async fn prune(&self) {
        let ending = far(self.on, self.task(scripts::PRUNE), self.lines).await;
        if ending != Ending::Exited(0) {
            note(self.lines, format!("old releases could not be removed: {ending:?}")).await;
        }
    }
}

/// The links to what releases share, as lines `NAME TAB TARGET`; targets are relative, so that the directory may move.
fn shared_links(shared: &[String]) -> Result<String, Ending> {
    let mut lines = String::new();
    for name in shared {
        // `find -path` reads patterns: a name that is one would hide more than itself from the verification.
        let plain = |c: char| !c.is_control() && !"*?[]\\".contains(c);
        let part_ok =
            |part: &str| !matches!(part, "" | "." | "..") && !part.starts_with('-') && part.chars().all(plain);
        if !name.split('/').all(part_ok) || name == REVISION || name.trim() != name {
            return Err(Ending::Refused(format!("{name:?} cannot be shared between releases")));
        }
        let up = "../".repeat(2 + name.matches('/').count());
        lines.push_str(&format!("{name}\t{up}shared/{name}\n"));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_names_become_relative_links_and_patterns_are_refused() {
        let links = shared_links(&["log".to_owned(), "var/my cache".to_owned()]);
        assert_eq!(links, Ok("log\t../../shared/log\nvar/my cache\t../../../shared/var/my cache\n".to_owned()));
        for name in ["", "*", "a/../b", "/a", "a/", "-a", "a\tb", "a\nb", "REVISION", " a", "[a]", "a\\b"] {
            assert!(matches!(shared_links(&[name.to_owned()]), Err(Ending::Refused(_))), "{name:?}");
        }
    }
}
