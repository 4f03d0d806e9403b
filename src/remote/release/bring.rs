//! Bringing a build to a host: looked for first, then brought from the push host or from another host, then verified. It
//! must never call a release good for where it came from. Called by the runner.

use super::peer::{CopyFault, Source};
use super::{BuildOnDisk, MANY, MISMATCH, Telling, Visit, obstacle, scripts};
use crate::diagnostic::shown;
use crate::remote::masters::Connection;
use crate::remote::transfer::{Compression, copy, note};
use crate::remote::{Ending, Lines, Task};
use crate::stack::{BuildId, Release};

/// Brings a build to a host and verifies every byte of it there; does nothing where it is already verified, and stops where a flip
/// would have to stop. What differs is told as notes, and then the code is not 0.
pub async fn bring(on: &Connection, build: &BuildOnDisk<'_>, release: &Release, task: Task, lines: &Lines) -> Ending {
    bring_from(on, build, release, async |_| Some(Source::PushHost), task, lines).await
}

/// As [`bring`], from where `next` says: it is asked when bytes are needed, and again, with what came of it, when a host
/// could not give them. The push host is the last one; none is a cancel.
pub async fn bring_from(
    on: &Connection,
    build: &BuildOnDisk<'_>,
    release: &Release,
    next: impl AsyncFnMut(Option<CopyFault>) -> Option<Source>,
    task: Task,
    lines: &Lines,
) -> Ending {
    match Visit::new(on, build, &release.dir, Some(release), task, lines).await {
        Ok(visit) => {
            let prepared = visit.prepare().await;
            visit.bring(prepared, next).await
        }
        Err(refused) => refused,
    }
}

/// As [`bring_from`], but a release that counts as verified is hashed again first, and brought anew when it is not what it
/// was (promise 14): hard links share their bytes with what others may have written to since.
pub async fn bring_back(
    on: &Connection,
    build: &BuildOnDisk<'_>,
    release: &Release,
    next: impl AsyncFnMut(Option<CopyFault>) -> Option<Source>,
    task: Task,
    lines: &Lines,
) -> Ending {
    let visit = match Visit::new(on, build, &release.dir, Some(release), task, lines).await {
        Ok(visit) => visit,
        Err(refused) => return refused,
    };
    match visit.prepare().await {
        Ok(answer) if answer == "verified" => {}
        prepared => return visit.bring(prepared, next).await,
    }
    match visit.verify("", Telling::Nothing).await.code() {
        Ok(0) => {
            note(lines, format!("{} is already there, verified again: content hash {}", build.id, build.root.short()))
                .await;
            Ending::Exited(0)
        }
        Ok(_) => {
            note(lines, format!("{} was verified before, but has changed: uploading it again", build.id)).await;
            let prepared = visit.prepare().await;
            visit.bring(prepared, next).await
        }
        Err(ending) => ending,
    }
}

/// How a transfer finds out what is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparing {
    /// By size and time.
    Times,
    /// By hash: someone else put it there, or it is not what it seemed to be.
    Contents,
}

impl Comparing {
    fn options(self) -> &'static [&'static str] {
        match self {
            Self::Times => &[],
            Self::Contents => &["--checksum"],
        }
    }
}

impl Visit<'_> {
    /// Looks at the host and makes room; tells what is worth telling of it, and returns the last line of the answer.
    async fn prepare(&self) -> Result<String, Ending> {
        let dir = self.release.map_or("", |release| release.dir.as_str());
        let (ending, said) = self.ask(&scripts::located(&scripts::prepare()), MANY).await;
        let ending = obstacle::judged(ending, &said, self.on.host.name(), dir);
        if ending != Ending::Exited(0) {
            return Err(ending);
        }
        let mut lines: Vec<&str> = said.lines().collect();
        let last = lines.pop().unwrap_or_default().trim_end().to_owned();
        for line in lines {
            let words = match line.split_once(' ') {
                Some(("made", part)) => format!("created {dir}/{part}, which was missing: it is empty"),
                Some(("over", path)) => {
                    format!(
                        "{dir}/current points to {}, which Pushbutton did not create: it is left unchanged",
                        shown(path)
                    )
                }
                _ => return Err(Ending::Unknown(format!("{} gave no clear answer: {said:?}", self.on.host))),
            };
            note(self.lines, words).await;
        }
        Ok(last)
    }

    async fn bring(
        &self,
        prepared: Result<String, Ending>,
        next: impl AsyncFnMut(Option<CopyFault>) -> Option<Source>,
    ) -> Ending {
        let said = match prepared {
            Ok(said) => said,
            Err(ending) => return ending,
        };
        let (word, live) = said.split_once(' ').unwrap_or((&said, ""));
        let live = live.parse::<BuildId>().ok();
        let ending = match word {
            "verified" => {
                note(self.lines, format!("{} is already there, verified", self.build.id)).await;
                return Ending::Exited(0);
            }
            // What is live is not repaired under the feet of those who use it; it is only looked at.
            _ if live.as_ref() == Some(self.build.id) => self.verify("", Telling::Differences).await,
            "live" => self.fill(live.as_ref(), Comparing::Times, next).await,
            "there" => self.complete(live.as_ref(), next).await,
            _ => return Ending::Unknown(format!("{} gave no clear answer: {said:?}", self.on.host)),
        };
        if ending == Ending::Exited(0) {
            note(self.lines, format!("verified: content hash {}", self.build.root.short())).await;
        }
        ending
    }

    /// Something is there that nobody verified: unpacked by a command before, or left by a push that broke off. When it is
    /// the build, nothing is brought; otherwise only what differs.
    async fn complete(
        &self,
        live: Option<&BuildId>,
        next: impl AsyncFnMut(Option<CopyFault>) -> Option<Source>,
    ) -> Ending {
        match self.verify(scripts::FINISH, Telling::Nothing).await.code() {
            Ok(0) => {
                note(self.lines, format!("{} was already there, not yet verified: nothing to upload", self.build.id))
                    .await;
                Ending::Exited(0)
            }
            // Not only a mismatch: what was left may not even let itself be listed.
            Ok(_) => {
                note(self.lines, format!("{} is partly there: uploading what differs", self.build.id)).await;
                self.fill(live, Comparing::Contents, next).await
            }
            Err(ending) => ending,
        }
    }

    /// Brings the bytes, from other hosts while they can, and verifies them.
    async fn fill(
        &self,
        live: Option<&BuildId>,
        mut comparing: Comparing,
        mut next: impl AsyncFnMut(Option<CopyFault>) -> Option<Source>,
    ) -> Ending {
        let mut fault = None;
        loop {
            let peer = match next(fault).await {
                Some(Source::Peer(peer)) => peer,
                Some(Source::PushHost) => break,
                None => return Ending::Cancelled { left: 0 },
            };
            fault = match self.fetch(&peer, live, comparing.options()).await.code() {
                Ok(0) => {
                    let ending = self.verify(scripts::FINISH, Telling::Nothing).await;
                    if ending != Ending::Exited(MISMATCH) {
                        return ending;
                    }
                    let words = format!("the copy from {} does not match the build: trying another source", peer.name);
                    note(self.lines, words).await;
                    comparing = Comparing::Contents;
                    Some(CopyFault::Mismatch)
                }
                Ok(code) => {
                    let words =
                        format!("copying from {} failed (rsync exit code {code}): trying another source", peer.name);
                    note(self.lines, words).await;
                    Some(CopyFault::Failed(code))
                }
                Err(ending) => return ending,
            };
        }
        let ending = self.transfer(live, comparing).await;
        if ending != Ending::Exited(0) {
            return ending;
        }
        let ending = self.verify(scripts::FINISH, Telling::Nothing).await;
        if ending != Ending::Exited(MISMATCH) {
            return ending;
        }
        // A file of the same size and time, but other bytes: in the live release, or left by a broken transfer.
        note(self.lines, "some bytes differ: trying again, comparing contents".to_owned()).await;
        let ending = self.transfer(live, Comparing::Contents).await;
        if ending != Ending::Exited(0) {
            return ending;
        }
        self.verify(scripts::FINISH, Telling::Differences).await
    }

    /// Brings the build from the push host.
    async fn transfer(&self, live: Option<&BuildId>, comparing: Comparing) -> Ending {
        let Some(release) = self.release else { return Ending::Refused("no release to upload".to_owned()) };
        let mut options = self.options(live);
        options.extend(comparing.options().iter().map(|option| (*option).to_owned()));
        let to = format!("{}/releases/{}/", release.dir, self.build.id);
        let way = Compression::of(release.compress);
        copy(self.on, self.build.tree, ("", &to), way, &options, &self.task(""), self.lines).await
    }
}
