//! What can be wrong with a host, made real with the kernel's own means, and undone.
//! It must never touch anything outside of the host's namespaces.

use super::key::make_key;
use super::machine::Machine;
use super::{DemoError, tried};
use nix::unistd::Pid;
use rustix::process::Signal;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What is wrong with a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Every command and every rsync waits three seconds before it begins (its login shell is slow).
    Slow,
    /// All its processes are stopped, `sshd` too: connections are taken by the kernel, and nobody answers.
    Hung,
    /// No byte can be written below `/srv`: a small file system with a copy of what was there, filled up.
    Full,
    /// `/srv` cannot be written at all.
    Readonly,
    /// The plug is pulled: all its processes are killed at once, and connections are refused.
    Dead,
    /// Its rsync dies after the first bytes of each transfer.
    Torn,
    /// It was set up anew: it shows another host key, and all connections to it are gone.
    Rekeyed,
}

impl How {
    /// All of them, with the words that the command line takes.
    pub const ALL: [(Self, &str); 7] = [
        (Self::Slow, "slow"),
        (Self::Hung, "hung"),
        (Self::Full, "full"),
        (Self::Readonly, "readonly"),
        (Self::Dead, "dead"),
        (Self::Torn, "torn"),
        (Self::Rekeyed, "rekeyed"),
    ];
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::ALL.iter().find(|(how, _)| how == self).map_or("", |(_, word)| word);
        f.write_str(word)
    }
}

impl std::str::FromStr for How {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words = || Self::ALL.map(|(_, word)| word).join(", ");
        let found = Self::ALL.iter().find(|(_, word)| *word == text);
        found.map(|(how, _)| *how).ok_or_else(|| format!("{text:?} is not a way to break a host: {}", words()))
    }
}

/// The login shell is hidden behind a script that waits, then goes on with the real one.
const SLOW: &str = r#"set -eu
[ ! -e /run/bash ] || exit 0
touch /run/bash
mount --bind /bin/bash /run/bash
printf '#!/bin/sh\nsleep 3\nexec /run/bash "$@"\n' >/run/slow-shell
chmod 755 /run/slow-shell
mount --bind /run/slow-shell /bin/bash"#;

/// The size is what is there, rounded up generously (a small file takes a page), and then filled to the last byte.
const FULL: &str = r#"set -eu
[ ! -e /run/full ] || exit 0
size=$(( $(du -sk --apparent-size /srv | cut -f1) + $(find /srv | wc -l) * 8 + 64 ))
mkdir /run/full
mount -t tmpfs -o "size=${size}k,mode=755" full /run/full
cp -a /srv/. /run/full/
cat /dev/zero >/run/full/.filled 2>/dev/null || true
mount --bind /run/full /srv"#;

const READONLY: &str = r#"set -eu
[ ! -e /run/readonly ] || exit 0
touch /run/readonly
mount --bind /srv /srv
mount -o remount,bind,ro /srv"#;

/// The host's side of a transfer hears the first bytes, and then that the line has gone; `dd` keeps none back.
const TORN: &str = r#"set -eu
[ ! -e /run/rsync ] || exit 0
touch /run/rsync
mount --bind /usr/bin/rsync /run/rsync
printf '#!/bin/sh\ndd bs=1 count=600 status=none | /run/rsync "$@"\n' >/run/torn-rsync
chmod 755 /run/torn-rsync
mount --bind /run/torn-rsync /usr/bin/rsync"#;

/// Undoes what the scripts above did; lazily, since a process may still stand in `/srv`.
const MEND: &str = r#"set -eu
if [ -e /run/bash ]; then umount -l /bin/bash; umount -l /run/bash; rm /run/bash /run/slow-shell; fi
if [ -e /run/rsync ]; then umount -l /usr/bin/rsync; umount -l /run/rsync; rm /run/rsync /run/torn-rsync; fi
if [ -e /run/readonly ]; then umount -l /srv; rm /run/readonly; fi
if [ -e /run/full ]; then umount -l /srv; umount -l /run/full; rmdir /run/full; fi"#;

impl Machine {
    /// Breaks the host. Troubles add up until it is mended.
    ///
    /// # Errors
    /// When the host is switched off, or the kernel does not allow it.
    pub async fn break_(&self, how: How) -> Result<(), DemoError> {
        match how {
            How::Slow => self.change(SLOW, "making it slow").await,
            How::Full => self.change(FULL, "filling its disk").await,
            How::Readonly => self.change(READONLY, "making /srv read-only").await,
            How::Torn => self.change(TORN, "tearing its transfers").await,
            How::Rekeyed => self.rekey().await,
            How::Hung => self.stop_all().await,
            How::Dead => {
                self.switch_off();
                Ok(())
            }
        }
    }

    /// Makes the host well again, whatever was wrong with it; one that is well stays so. What was written below `/srv`
    /// while it was full is gone.
    ///
    /// # Errors
    /// When the host does not come up again, or the kernel does not allow it.
    pub async fn mend(&self) -> Result<(), DemoError> {
        if self.takes_old_key_back()? || self.init().is_none() {
            self.switch_off();
            return self.switch_on().await;
        }
        for pid in self.pids() {
            let _ = self.signal(pid, Signal::CONT);
        }
        self.change(MEND, "mending it").await
    }

    /// Gives it another key, and keeps the old one aside.
    async fn rekey(&self) -> Result<(), DemoError> {
        let [key, aside] = self.keys();
        if !aside.exists() {
            for end in ["", "pub"] {
                let (from, to) = (key.with_extension(end), aside.with_extension(end));
                std::fs::rename(&from, &to).map_err(tried(format!("moving {}", from.display())))?;
            }
            make_key(&key, self.name()).await?;
        }
        self.switch_off();
        self.switch_on().await
    }

    /// Puts the key that it was known by back, if it has another one; says whether it had.
    fn takes_old_key_back(&self) -> Result<bool, DemoError> {
        let [key, aside] = self.keys();
        if !aside.exists() {
            return Ok(false);
        }
        for end in ["pub", ""] {
            let (from, to) = (aside.with_extension(end), key.with_extension(end));
            std::fs::rename(&from, &to).map_err(tried(format!("moving {}", from.display())))?;
        }
        Ok(true)
    }

    fn keys(&self) -> [PathBuf; 2] {
        ["host_key", "known_key"].map(|name| self.etc_dir().join(name))
    }

    async fn change(&self, script: &str, what: &str) -> Result<(), DemoError> {
        let output = self.in_it(["/bin/sh", "-c", script]).await?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(DemoError::Refused { what: format!("{}: {what}", self.name()), said });
        }
        Ok(())
    }

    /// Stops every process, again and again until none was born in between.
    async fn stop_all(&self) -> Result<(), DemoError> {
        if self.init().is_none() {
            return Err(DemoError::Off(self.name().to_owned()));
        }
        let deadline = Instant::now() + STOP_LIMIT;
        // One that waits in the kernel stops when it wakes; the parent of a stopped child after vfork never wakes.
        let mut told = std::collections::BTreeSet::new();
        loop {
            let still = |pid: &Pid| match state(*pid) {
                None | Some('T' | 't' | 'Z' | 'X') => false,
                Some('D') => !told.contains(&pid.as_raw()),
                Some(_) => true,
            };
            let running: Vec<Pid> = self.pids().into_iter().filter(still).collect();
            if running.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                let said = format!("{} processes still run after {} s", running.len(), STOP_LIMIT.as_secs());
                return Err(DemoError::Refused { what: format!("stopping {}", self.name()), said });
            }
            for pid in running {
                told.insert(pid.as_raw());
                self.signal(pid, Signal::STOP).map_err(tried(format!("stopping process {pid} of {}", self.name())))?;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// A signal takes a moment to arrive, and new processes may be born faster than they are stopped.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// The state of a process, as one letter; none when there is no such process.
fn state(pid: Pid) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The state follows the name, which is in parentheses and may hold anything.
    stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next())
}
