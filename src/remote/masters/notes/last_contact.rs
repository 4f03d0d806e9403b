//! When the login shell of a host was heard last, over which master: a line in a file beside the socket, so that server and
//! runners know it of each other. It must never count for another master, after a restart of this machine, or for longer than
//! *ready* means; what cannot be read or understood counts as never heard. Called by the masters.

use crate::reading;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

/// *Ready* is a round trip not longer ago than this (TRUST section 4).
const LATELY: Duration = Duration::from_secs(15);

/// Writes down that a login shell has answered over the master behind `socket`, just now.
pub fn note(socket: &Path) {
    let Some((master, now)) = master(socket).zip(uptime()) else { return };
    // Half a line is no line: whoever reads it asks for itself.
    let _ = std::fs::write(file(socket), format!("{master} {}\n", now.as_millis()));
}

/// Whether one has answered lately, over the very master that is there now.
pub fn lately(socket: &Path) -> bool {
    let Ok(text) = reading::text(file(socket), reading::NOTE) else { return false };
    let Some((master, now)) = master(socket).zip(uptime()) else { return false };
    let heard = text.strip_suffix('\n').and_then(|line| line.rsplit_once(' '));
    let Some((whose, at)) = heard.and_then(|(whose, at)| Some((whose, at.parse().ok()?))) else { return false };
    let ago = now.checked_sub(Duration::from_millis(at));
    whose == master && ago.is_some_and(|ago| ago <= LATELY)
}

fn file(socket: &Path) -> PathBuf {
    socket.with_extension("heard")
}

/// A master by its socket: which file it is, since when, and since which start of this machine.
fn master(socket: &Path) -> Option<String> {
    let boot = boot();
    let meta = std::fs::metadata(socket).ok()?;
    (!boot.is_empty()).then(|| format!("{boot} {} {} {}.{}", meta.dev(), meta.ino(), meta.ctime(), meta.ctime_nsec()))
}

/// This start of this machine; empty when it cannot be read.
pub fn boot() -> &'static str {
    static BOOT: OnceLock<String> = OnceLock::new();
    BOOT.get_or_init(|| {
        reading::text("/proc/sys/kernel/random/boot_id", reading::NOTE).unwrap_or_default().trim().to_owned()
    })
}

/// How long this machine has run: a clock that nobody sets, and the same one for all our processes.
pub fn uptime() -> Option<Duration> {
    let text = reading::text("/proc/uptime", reading::NOTE).ok()?;
    Duration::try_from_secs_f64(text.split(' ').next()?.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn what_was_heard_counts_for_this_master_and_for_a_while_only() {
        let room = tempfile::tempdir().unwrap();
        let socket = room.path().join("abc");
        note(&socket);
        assert!(!lately(&socket), "without a master nobody was heard");
        let first = UnixListener::bind(&socket).unwrap();
        assert!(!lately(&socket));
        note(&socket);
        assert!(lately(&socket));
        let line = std::fs::read_to_string(file(&socket)).unwrap();
        let (whose, at) = line.trim_end().rsplit_once(' ').unwrap();
        let at: u64 = at.parse().unwrap();
        let long = u64::try_from(LATELY.as_millis()).unwrap() + 1000;
        for (text, why) in [
            (format!("{whose} {}\n", at.saturating_sub(long)), "too long ago"),
            (format!("{whose} {}\n", at + 1_000_000), "not yet: another count of time"),
            (format!("x{whose} {at}\n"), "another start of this machine"),
            (line.trim_end().to_owned(), "half a line"),
            (String::new(), "nothing"),
        ] {
            std::fs::write(file(&socket), text).unwrap();
            assert!(!lately(&socket), "{why}");
        }
        std::fs::write(file(&socket), &line).unwrap();
        assert!(lately(&socket));
        // Beside each other, so that the second is not the same file again.
        let second = UnixListener::bind(room.path().join("new")).unwrap();
        std::fs::rename(room.path().join("new"), &socket).unwrap();
        assert!(!lately(&socket), "another master");
        drop((first, second));
    }
}
