//! A runner that is played: a program that holds its push's lock as a runner does and does nothing, while the test writes
//! the journal. For journeys about desk and web that need no host.

use std::os::unix::fs::OpenOptionsExt;

/// Takes the lock, says so, and lives until it is let go, but never longer than its test.
pub const RUNNER: &str = r#"#!/bin/sh
exec 9>>"$2/runner.lock"
flock -n 9 || exit 0
echo $$ >"$2/pid"
mkfifo "$2/go.new" && mv "$2/go.new" "$2/go"
exec timeout 60 cat "$2/go"
"#;

/// A directory in which no played runner outlives its test.
pub struct Home(pub tempfile::TempDir);

impl Drop for Home {
    fn drop(&mut self) {
        let Ok(pushes) = std::fs::read_dir(self.0.path().join("data/pushes")) else { return };
        for push in pushes.flatten() {
            // Opening fails when nobody waits there, which is all that is wanted.
            let mut go = std::fs::OpenOptions::new();
            let _ = go.write(true).custom_flags(nix::libc::O_NONBLOCK).open(push.path().join("go"));
        }
    }
}
