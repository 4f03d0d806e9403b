//! The tries to reach a host that failed in a row, in a file beside its socket, so that server and runners know them of each
//! other: who was not heard twice gets one short try from a push, not four long ones. It must never count after a restart of
//! this machine, or when the last is long ago. Called by the masters.

use super::last_contact::{boot, uptime};
use crate::reading;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A failure longer ago says nothing about now.
const COUNTS_FOR: Duration = Duration::from_secs(10 * 60);

/// What failed.
#[derive(Debug, PartialEq, Eq)]
pub struct Missed {
    /// Tries in a row.
    pub times: u32,
    /// When the last one ended, since this machine's start.
    pub at: Duration,
    /// Why it failed.
    pub words: String,
}

/// Counts one more.
pub fn note(socket: &Path, words: &str) {
    let Some(now) = uptime() else { return };
    let times = of(socket).map_or(0, |missed| missed.times).saturating_add(1);
    let _ = std::fs::write(file(socket), format!("{} {} {times} {words}\n", boot(), now.as_millis()));
}

/// What failed since the host was heard last.
pub fn of(socket: &Path) -> Option<Missed> {
    let text = reading::text(file(socket), reading::NOTE).ok()?;
    let mut parts = text.strip_suffix('\n')?.splitn(4, ' ');
    let same_boot = parts.next()? == boot();
    let at = Duration::from_millis(parts.next()?.parse().ok()?);
    let (times, words) = (parts.next()?.parse().ok()?, parts.next()?.to_owned());
    let ago = uptime()?.checked_sub(at)?;
    (same_boot && ago <= COUNTS_FOR).then_some(Missed { times, at, words })
}

/// It was heard.
pub fn forget(socket: &Path) {
    let _ = std::fs::remove_file(file(socket));
}

fn file(socket: &Path) -> PathBuf {
    socket.with_extension("missed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_are_counted_until_the_host_is_heard_or_they_are_long_ago() {
        let room = tempfile::tempdir().unwrap();
        let socket = room.path().join("abc");
        assert_eq!(of(&socket), None);
        note(&socket, "web1 does not answer: is it up?");
        note(&socket, "web1 refuses connections");
        let missed = of(&socket).unwrap();
        assert_eq!((missed.times, missed.words.as_str()), (2, "web1 refuses connections"));
        let text = std::fs::read_to_string(file(&socket)).unwrap();
        let long_ago = missed.at.as_millis().saturating_sub(COUNTS_FOR.as_millis() + 1000);
        for (text, why) in [
            (text.replace(&missed.at.as_millis().to_string(), &long_ago.to_string()), "long ago"),
            (format!("x{text}"), "another start of this machine"),
            (text.trim_end().to_owned(), "half a line"),
            (String::new(), "nothing"),
        ] {
            // On a machine that has just started nothing is long ago.
            if why != "long ago" || long_ago > 0 {
                std::fs::write(file(&socket), text).unwrap();
                assert_eq!(of(&socket), None, "{why}");
            }
        }
        std::fs::write(file(&socket), &text).unwrap();
        forget(&socket);
        assert_eq!(of(&socket), None);
    }
}
