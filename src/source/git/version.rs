//! Is the installed git one whose known holes are closed? A clone of a hostile repository by an older one may run code
//! (CVE-2025-48384 and its kin), though ours fetches submodules one by one and runs no hooks. Called by the server when it starts,
//! and by `pushbutton check`.

use crate::process::Program;
use std::time::Duration;

/// The first good release of each line (TRUST section 6); every later line is good.
const GOOD: [(u32, u32, u32); 8] =
    [(2, 43, 7), (2, 44, 4), (2, 45, 4), (2, 46, 4), (2, 47, 3), (2, 48, 2), (2, 49, 1), (2, 50, 1)];

/// What is wrong with the installed git, and what to do; none when it is good.
pub async fn complaint() -> Option<String> {
    match Program::new("git").arg("--version").output(Duration::from_secs(10)).await {
        Ok(output) => complaint_about(&String::from_utf8_lossy(&output.stdout)),
        Err(error) => Some(format!("git could not be run ({error}); stacks with a git source cannot be fetched")),
    }
}

fn complaint_about(said: &str) -> Option<String> {
    match parse(said) {
        None => Some(format!("git does not say its version: {:.80}", said.trim())),
        Some(version) if is_good(version) => None,
        Some((major, minor, patch)) => Some(format!(
            "git {major}.{minor}.{patch} has known vulnerabilities that a hostile repository could use, unless your \
             distribution has patched them; 2.47.3, 2.50.1 and later are safe"
        )),
    }
}

fn parse(said: &str) -> Option<(u32, u32, u32)> {
    let version = said.trim().strip_prefix("git version ")?.split_whitespace().next()?;
    let mut parts = version.split(['.', '-']).map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next().flatten().unwrap_or(0)))
}

fn is_good((major, minor, patch): (u32, u32, u32)) -> bool {
    let line = GOOD.iter().find(|(known, line, _)| (*known, *line) == (major, minor));
    match line {
        Some((_, _, first)) => patch >= *first,
        None => (major, minor) > (GOOD[GOOD.len() - 1].0, GOOD[GOOD.len() - 1].1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_git_with_known_holes_is_named() {
        for (said, good) in [
            ("git version 2.47.3\n", true),
            ("git version 2.47.2", false),
            ("git version 2.50.1 (Apple Git-155)", true),
            ("git version 2.50.0", false),
            ("git version 2.51.0.windows.1", true),
            ("git version 2.51-rc0", true),
            ("git version 3.0.0", true),
            ("git version 2.39.5", false),
            ("git version 1.99.9", false),
            ("hub version 2", false),
            ("", false),
        ] {
            assert_eq!(complaint_about(said).is_none(), good, "{said}");
        }
    }
}
