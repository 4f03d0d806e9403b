//! Host keys that are not known yet: looked at through ssh itself, so that jump hosts, aliases and the operator's files
//! count as they do for a push, and kept in the file that ssh reads. It must never keep a key that nobody has agreed to,
//! and never replace one. Called by `pushbutton hosts trust`.

use super::failure::{Failure, is_of_the_way};
use super::settings;
use super::ssh::{ssh, words};
use super::way::way;
use crate::process::Program;
use crate::reading;
use crate::stack::Host;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a look at one host may take: two handshakes of at most 10 s where there is a jump host, and some.
const LOOK_LIMIT: Duration = Duration::from_secs(40);
/// How long a program that only reads files may take.
const READ_LIMIT: Duration = Duration::from_secs(20);

/// Looks at host keys under our ssh configuration.
#[derive(Debug)]
pub struct Enrolment {
    dir: PathBuf,
    config: PathBuf,
}

/// What a look at a host found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// ssh knows its key.
    Known,
    /// ssh has never seen it.
    New(NewKey),
    /// It presents another key than the known one.
    Changed(ChangedKey),
}

/// A key that is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// Its fingerprints, as `ED25519 SHA256:…`; one unless the host shows several.
    pub fingerprints: Vec<String>,
    /// The file that it would be kept in: the first `UserKnownHostsFile` of ssh.
    pub file: PathBuf,
    /// What would be written there.
    lines: String,
}

/// A key that is not the one that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedKey {
    /// The fingerprint that the host shows now.
    pub now: String,
    /// The one that is known.
    pub known: String,
    /// Where that one stands: `/home/push/.ssh/known_hosts:17`.
    pub place: String,
}

/// Why a host could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotSeen(pub String);

fn not_seen(what: &str) -> impl Fn(std::io::Error) -> NotSeen {
    move |error| NotSeen(format!("{what}: {error}"))
}

impl Enrolment {
    /// Prepares our ssh configuration under `dir`, as for masters.
    ///
    /// # Errors
    /// When the directory cannot be used.
    pub fn new(dir: &Path, operator: Option<&Path>) -> std::io::Result<Self> {
        let (dir, config) = settings::prepare(dir, operator)?;
        Ok(Self { dir, config })
    }

    /// Looks at a host's key without signing in. Its jump host is signed in to, and must be known already.
    ///
    /// # Errors
    /// Why it could not be seen.
    pub async fn look(&self, host: &Host) -> Result<KeyState, NotSeen> {
        let files = self.known_hosts(host).await?;
        let shown = Scratch::new(&self.dir)?;
        // ssh writes what it has never seen into the first file, and reads all of them.
        let list: Vec<String> = [&shown.0].into_iter().chain(&files).map(|file| file.display().to_string()).collect();
        let look = ssh(&self.config)
            .args(["-T", "-o", "ControlPath=none", "-o", "ControlMaster=no", "-o", "StrictHostKeyChecking=accept-new"])
            .args(["-o", "PreferredAuthentications=none", "-o", &format!("UserKnownHostsFile={}", list.join(" "))])
            .args(way(host))
            .args(words(host))
            .args(["--", host.address(), "true"]);
        let looked = look.output(LOOK_LIMIT).await.map_err(not_seen("ssh"))?;
        let complaint = String::from_utf8_lossy(&looked.stderr).into_owned();
        let lines = reading::text(&shown.0, reading::NOTE).map_err(not_seen("what ssh wrote cannot be read"))?;
        if !lines.trim().is_empty() {
            let fingerprints = fingerprints(&shown.0).await?;
            let file = files.into_iter().next().ok_or_else(|| NotSeen("ssh has no known_hosts file".to_owned()))?;
            return Ok(KeyState::New(NewKey { fingerprints, file, lines }));
        }
        let failure = Failure::from_ssh(host, &complaint);
        let on_the_way = host.jump().is_some() && is_of_the_way(&complaint);
        if !on_the_way && complaint.contains("HOST IDENTIFICATION HAS CHANGED") {
            return self.changed(&complaint).await.map(KeyState::Changed);
        }
        // It has shown a key that is known, and then refused to let nobody in.
        let was_seen = looked.status.success() || (!on_the_way && complaint.contains("Permission denied"));
        if was_seen { Ok(KeyState::Known) } else { Err(NotSeen(failure.words)) }
    }

    /// The files that ssh reads for a host.
    async fn known_hosts(&self, host: &Host) -> Result<Vec<PathBuf>, NotSeen> {
        let ask = ssh(&self.config).arg("-G").args(words(host)).args(["--", host.address()]);
        let said = ask.output(READ_LIMIT).await.map_err(not_seen("ssh"))?;
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix("userknownhostsfile "));
        let files: Vec<PathBuf> = line.unwrap_or_default().split_whitespace().map(at_home).collect();
        match files.first() {
            Some(first) if first.is_absolute() => Ok(files),
            _ => {
                let said = String::from_utf8_lossy(&said.stderr).trim().to_owned();
                Err(NotSeen(format!("ssh names no known_hosts file for {host} (UserKnownHostsFile): {said}")))
            }
        }
    }

    async fn changed(&self, complaint: &str) -> Result<ChangedKey, NotSeen> {
        let mut lines = complaint.lines().map(str::trim);
        let now = lines.clone().find(|line| line.starts_with("SHA256:")).unwrap_or("one that ssh does not show");
        let place =
            lines.find_map(|line| line.strip_prefix("Offending ")?.split_once(" key in ")).map(|(_, place)| place);
        let place = place.unwrap_or_default();
        let known = match place.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse::<usize>().ok()?))) {
            Some((file, line)) => self.fingerprint_of_line(Path::new(file), line).await?,
            None => "unknown".to_owned(),
        };
        Ok(ChangedKey { now: now.trim_end_matches('.').to_owned(), known, place: place.to_owned() })
    }

    async fn fingerprint_of_line(&self, file: &Path, number: usize) -> Result<String, NotSeen> {
        let text = reading::text(file, reading::LIST).map_err(not_seen("known_hosts cannot be read"))?;
        let line = text.lines().nth(number.saturating_sub(1)).unwrap_or_default();
        let copy = Scratch::new(&self.dir)?;
        std::fs::write(&copy.0, format!("{line}\n")).map_err(not_seen("a line of known_hosts cannot be copied"))?;
        Ok(fingerprints(&copy.0).await?.join(", "))
    }
}

impl NewKey {
    /// Whether one of its fingerprints is this: `SHA256:…`, with or without the kind of key before it.
    pub fn is(&self, fingerprint: &str) -> bool {
        let given = fingerprint.rsplit(' ').next().unwrap_or_default();
        given.starts_with("SHA256:") && self.fingerprints.iter().any(|own| own.rsplit(' ').next() == Some(given))
    }

    /// Adds it to the file.
    ///
    /// # Errors
    /// What the system said.
    pub fn keep(&self) -> std::io::Result<()> {
        if let Some(dir) = self.file.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        let mut file = std::fs::File::options().create(true).read(true).append(true).mode(0o600).open(&self.file)?;
        let mut text = String::new();
        // A last line without its end would swallow what comes behind it.
        if file.metadata()?.len() > 0 {
            let mut last = [b'\n'];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                text.push('\n');
            }
        }
        text.push_str(self.lines.trim_end());
        text.push('\n');
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }
}

/// The fingerprints of a known_hosts file, as `ED25519 SHA256:…`.
async fn fingerprints(file: &Path) -> Result<Vec<String>, NotSeen> {
    let said =
        Program::new("ssh-keygen").arg("-lf").arg(file).output(READ_LIMIT).await.map_err(not_seen("ssh-keygen"))?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    // 256 SHA256:XYZ [127.0.0.1]:2222 (ED25519)
    let one = |line: &str| {
        let fingerprint = line.split_whitespace().nth(1)?.to_owned();
        let kind = line.rsplit_once('(')?.1.trim_end_matches(')').to_owned();
        Some(format!("{kind} {fingerprint}"))
    };
    let found: Vec<String> = text.lines().filter_map(one).collect();
    match found.is_empty() {
        true => {
            Err(NotSeen(format!("ssh-keygen cannot read the key: {}", String::from_utf8_lossy(&said.stderr).trim())))
        }
        false => Ok(found),
    }
}

fn at_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(path),
    }
}

/// A file of ours beside the sockets, whose path ssh takes as one word; gone when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(dir: &Path) -> Result<Self, NotSeen> {
        let cannot = not_seen("no disk space for ssh's files");
        let mut word = [0; 8];
        getrandom::fill(&mut word).map_err(|error| cannot(std::io::Error::other(error.to_string())))?;
        let path = dir.join(format!("enrol.{:016x}", u64::from_be_bytes(word)));
        std::fs::File::options().write(true).create_new(true).mode(0o600).open(&path).map_err(&cannot)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
        let _ = std::fs::remove_file(self.0.with_extension("old"));
    }
}
