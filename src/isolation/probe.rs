//! Whether this machine can keep committers' code apart, found by doing it once: asked by the server at its start and by each runner
//! before its first such command. It must never take one part of it for the whole.

use super::{Sandbox, Settings, build_user, place};
use crate::process::Program;
use std::io;
use std::path::Path;
use std::time::Duration;

/// It starts some small programs.
const LIMIT: Duration = Duration::from_secs(20);

/// What cannot be had, by what the programs say of it, and what to do. The first that fits counts.
const CURES: [(&str, &str); 6] = [
    ("bwrap: not found", "apt install bubblewrap"),
    ("No such file or directory (os error 2)", "apt install bubblewrap util-linux"),
    ("Unknown option", "bubblewrap 0.8 or later is needed"),
    ("unrecognized option", "util-linux 2.38 or later is needed"),
    (
        "mount proc",
        "take ProtectKernelTunables, ProtectProc and the like out of the server's unit; in a container, run it with its own /proc unmasked",
    ),
    (
        "",
        "users must be allowed namespaces: sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces and kernel.apparmor_restrict_unprivileged_userns (docs/operating.md)",
    ),
];

/// Starts a program that does nothing in namespaces like those of a build. `data` is the server's.
///
/// # Errors
/// Why this machine cannot, and what to do.
pub async fn ready(settings: &Settings, data: &Path) -> Result<(), String> {
    let failed = |error: io::Error| format!("{}: {error}", data.display());
    let room = tempfile::Builder::new().prefix("isolation.").tempdir_in(data).map_err(failed)?;
    let (etc, user) = (place::etc(data).map_err(failed)?, build_user("pushbutton"));
    let (dir, tmp) = (room.path().join("build"), room.path().join("tmp"));
    for dir in [&dir, &tmp] {
        place::scratch(dir, user).map_err(failed)?;
    }
    let sandbox = Sandbox {
        dir,
        writable: true,
        tmp,
        caches: Vec::new(),
        network: false,
        commits: None,
        etc,
        user,
        settings: settings.clone(),
    };
    let words = sandbox.words();
    let program = Program::new(&words[0]).args(&words[1..]).args(["/bin/sh", "-c", ": >/build/x && : >/tmp/x"]);
    let said = match program.output(LIMIT).await {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().lines().last().unwrap_or_default().to_owned(),
        Err(error) => format!("bwrap: {error}"),
    };
    Err(words_of(&said))
}

/// What was said, and the cure.
fn words_of(said: &str) -> String {
    let said = if said.is_empty() { "bwrap ended without a word" } else { said };
    let cure = CURES.iter().find(|(mark, _)| said.contains(mark)).map_or("", |(_, cure)| cure);
    format!("{said} ({cure})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn this_machine_keeps_builds_apart_and_leaves_nothing_of_the_try() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(ready(&Settings::default(), data.path()).await, Ok(()));
        let left: Vec<_> = std::fs::read_dir(data.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["isolation"]);
    }

    #[test]
    fn what_a_machine_refuses_comes_with_what_to_do() {
        for (said, cure) in [
            ("bwrap: No such file or directory (os error 2)", "apt install bubblewrap"),
            ("bwrap: Unknown option --disable-userns", "0.8"),
            ("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", "ProtectKernelTunables"),
            ("bwrap: setting up uid map: Permission denied", "apparmor_restrict_unprivileged_userns"),
            ("bwrap: No permissions to create new namespace", "unprivileged_userns_clone"),
        ] {
            assert!(words_of(said).contains(cure), "{said}: {}", words_of(said));
        }
    }
}
