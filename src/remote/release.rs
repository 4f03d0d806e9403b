//! Releases: brought beside what is live, verified against the manifest, then flipped. It must never change a release that
//! is live, and never call verified what was not hashed on the host (promise 5). Called by the runner.
//!
//! Below the release's directory on a host: `current` → `releases/BUILD`; `releases/`; `shared/`; `.verified/BUILD` holds
//! the root hash of a build that was verified; `.made/BUILD` says that we brought it, before the first byte of it came; `.previous`
//! holds where `current` pointed before the last flip, `.before` what it was before the last push, word for word.

mod bring;
mod flip;
mod live;
mod obstacle;
mod peer;
mod scripts;

pub use bring::{bring, bring_back, bring_from};
pub use flip::{PutBack, activate, had, put_back, ready};
pub use live::{Current, Live, ReleaseFolder, UnremovedRelease, instead, look, read_back};
pub use peer::{CopyFault, Peer, Source};

use super::guard::{ask, far};
use super::masters::Connection;
use super::transfer::note;
use super::{Ending, Lines, Task};
use crate::reading;
use crate::source::manifest::{Manifest, REVISION};
use crate::stack::{BuildId, Release, Root};
use std::collections::BTreeSet;
use std::path::Path;
use tokio::time::Instant;

/// The most bytes of a host's manifest that are read to tell what differs: some 400,000 paths.
const LARGEST_LIST: usize = 64 * 1024 * 1024;

/// The most bytes that a host says of what it made and found: a line for each shared name.
const MANY: usize = 64 * 1024;

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
    match Visit::new(on, build, &release.dir, Some(release), task, lines).await {
        Ok(visit) => visit.verify("", Telling::Differences).await,
        Err(refused) => refused,
    }
}

/// Removes old releases at the end of a push that went well. What cannot be removed is told, and harms nobody.
pub async fn prune(on: &Connection, build: &BuildOnDisk<'_>, release: &Release, task: Task, lines: &Lines) {
    let visit = match Visit::new(on, build, &release.dir, Some(release), task, lines).await {
        Ok(visit) => visit,
        Err(ending) => {
            return note(lines, format!("old releases were not removed: {}", obstacle::unable(&ending))).await;
        }
    };
    let ending = far(on, visit.task(&scripts::located(scripts::PRUNE)), lines).await;
    if ending != Ending::Exited(0) {
        note(lines, format!("old releases may not have been removed: {}", obstacle::unable(&ending))).await;
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
    async fn new(
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
        let shared = shared_links(release)?;
        let parents = parents(build, release).await?;
        task.values.extend([
            ("PUSH_DIR".to_owned(), dir.to_owned()),
            ("PUSH_BUILD".to_owned(), build.id.to_string()),
            ("PUSH_ROOT".to_owned(), build.root.to_string()),
            ("PUSH_SHA".to_owned(), build.sha.to_owned()),
            ("PUSH_SHARED".to_owned(), shared),
            ("PUSH_PARENTS".to_owned(), parents),
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
        match ending.code() {
            Ok(MISMATCH) if telling == Telling::Differences => {
                let (root, list) = said.split_once('\n').unwrap_or((&said, ""));
                let root = root.trim_start_matches("root ");
                note(self.lines, format!("not verified: the host has content hash {root}, not {}", self.build.root))
                    .await;
                for words in self.differences(list).await {
                    note(self.lines, words).await;
                }
                Ending::Exited(1)
            }
            Ok(0) if said != format!("root {}\n", self.build.root) => {
                Ending::Unknown(format!("{} gave no clear answer to the verification", self.on.host))
            }
            Ok(code) => Ending::Exited(code),
            Err(ending) => ending,
        }
    }

    /// How the host's list differs from the manifest, in words.
    async fn differences(&self, list: &str) -> Vec<String> {
        let wanted = match reading::text_beside(self.build.manifest, reading::MANIFEST).await {
            Ok(text) => Manifest::parse(&text),
            Err(error) => return vec![format!("cannot read the manifest of {}: {error}", self.build.id)],
        };
        let (wanted, found) = match (wanted, Manifest::parse(list)) {
            (Ok(wanted), Ok(found)) => (wanted, found),
            (Err(bad), _) => return vec![format!("the manifest of {} here is damaged: {bad}", self.build.id)],
            (_, Err(bad)) => return vec![format!("the host has something that cannot be part of a build: {bad}")],
        };
        let mut words = wanted.differences(&found);
        let more = words.len().saturating_sub(TOLD);
        words.truncate(TOLD);
        words.extend((more > 0).then(|| format!("and {more} more")));
        words
    }
}

/// What releases share, as lines `NAME TAB TARGET TAB KIND`, where the kind is `directory` or `any`.
fn shared_links(release: Option<&Release>) -> Result<String, Ending> {
    let mut lines = String::new();
    for shared in release.into_iter().flat_map(Release::shared_names) {
        let name = shared.name;
        // `find -path` reads patterns: a name that is one would hide more than itself from the verification.
        let plain = |c: char| !c.is_control() && !"*?[]\\".contains(c);
        let part_ok =
            |part: &str| !matches!(part, "" | "." | "..") && !part.starts_with('-') && part.chars().all(plain);
        if !name.split('/').all(part_ok) || name == REVISION || name.trim() != name {
            return Err(Ending::Refused(format!("{name:?} cannot be shared between releases")));
        }
        let kind = if shared.made { "directory" } else { "any" };
        lines.push_str(&format!("{name}\t{}\t{kind}\n", shared.target()));
    }
    Ok(lines)
}

/// The directories that lead to what releases share and that the build does not hold, a line each: the release makes them.
async fn parents(build: &BuildOnDisk<'_>, release: Option<&Release>) -> Result<String, Ending> {
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    for shared in release.into_iter().flat_map(Release::shared_names) {
        wanted.extend(shared.parents().map(str::to_owned));
    }
    if wanted.is_empty() {
        return Ok(String::new());
    }
    let text = reading::text_beside(build.manifest, reading::MANIFEST).await;
    let text = text.map_err(|error| Ending::Refused(format!("cannot read the manifest of {}: {error}", build.id)))?;
    for line in text.lines().filter(|line| line.starts_with("d\t")) {
        if let Some((_, path)) = line.rsplit_once('\t') {
            wanted.remove(path);
        }
    }
    Ok(wanted.into_iter().map(|path| path + "\n").collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::FanOut;

    fn sharing(names: &[&str]) -> Release {
        let shared = names.iter().map(|name| (*name).to_owned()).collect();
        Release { dir: "/srv/web".to_owned(), keep: 5, shared, fan_out: FanOut::Direct, compress: false }
    }

    #[test]
    fn shared_names_become_relative_links_and_patterns_are_refused() {
        let links = shared_links(Some(&sharing(&["log/", "var/my cache"])));
        let lines = "log\t../../shared/log\tdirectory\nvar/my cache\t../../../shared/var/my cache\tany\n";
        assert_eq!(links, Ok(lines.to_owned()));
        for name in ["", "*", "a/../b", "/a", "a//", "-a", "a\tb", "a\nb", "REVISION", " a", "[a]", "a\\b"] {
            assert!(matches!(shared_links(Some(&sharing(&[name]))), Err(Ending::Refused(_))), "{name:?}");
        }
    }

    #[tokio::test]
    async fn the_directories_that_lead_to_what_is_shared_are_made_where_the_build_has_none() {
        let room = tempfile::tempdir().unwrap();
        let manifest = room.path().join("manifest");
        std::fs::write(&manifest, "d\t755\t-\tvar\nf\t644\t00\tvar/x\tl\t777\td\tdeep\n").unwrap();
        let (id, root) = ("aaaaaaa-1".parse().unwrap(), "9f".repeat(32).parse().unwrap());
        let build = BuildOnDisk { id: &id, root: &root, tree: room.path(), manifest: &manifest, sha: "aa" };
        let made = parents(&build, Some(&sharing(&["log/", "var/a/b.env", "deep/x"]))).await;
        assert_eq!(made, Ok("deep\nvar/a\n".to_owned()));
    }
}
