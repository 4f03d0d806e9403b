//! Which push of a stack a host has seen last: the number that its guard compares, so that no older push runs there (TRUST
//! section 4). It must never write it: only a push that begins does. Called by the desk, before anybody pushes.

use super::guard::ask;
use super::masters::Connection;
use super::{Ending, Task};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc;

/// Says what the guard wrote down; `0.0` where it never did.
const SEEN: &str =
    r#"seen=; { read -r seen <"$HOME/.pushbutton/$PUSH_LOCK"; } 2>/dev/null; printf '%s\n' "${seen:-0.0}""#;
/// How long a host may take to answer.
const LIMIT: Duration = Duration::from_secs(10);
/// Bytes of an answer; the longest number has 19.
const LONGEST: usize = 64;

/// The number of the newest push of a stack that a host has seen, 0 where it saw none; none when it gave no clear answer.
/// `lock` is the name of the stack's lock there.
pub async fn newest_push(on: &Connection, lock: &str) -> Option<i64> {
    let values = BTreeMap::from([("PUSH_LOCK".to_owned(), lock.to_owned())]);
    let task = Task::question(SEEN, values, LIMIT);
    let (lines, _) = mpsc::channel(1);
    match ask(on, &task, &lines, LONGEST).await {
        (Ending::Exited(0), said) => number(&String::from_utf8_lossy(&said)),
        _ => None,
    }
}

/// The push of a fence, `PUSH.RUN`.
fn number(said: &str) -> Option<i64> {
    let (push, _) = said.strip_suffix('\n')?.split_once('.')?;
    push.parse().ok().filter(|push| *push >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Program;

    #[test]
    fn a_number_is_read_from_a_whole_fence_only() {
        for (said, push) in [
            ("214.1\n", Some(214)),
            ("0.0\n", Some(0)),
            ("214.1", None),
            ("214\n", None),
            ("-3.1\n", None),
            ("\n", None),
            ("x.y\n", None),
            ("", None),
        ] {
            assert_eq!(number(said), push, "{said:?}");
        }
    }

    #[tokio::test]
    async fn every_shell_says_what_the_guard_wrote_and_zero_where_it_never_did() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".pushbutton")).unwrap();
        std::fs::write(home.path().join(".pushbutton/web@qa1"), "214.1\n").unwrap();
        std::fs::write(home.path().join(".pushbutton/web@empty"), "").unwrap();
        for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
            for (lock, answer) in [("web@qa1", "214.1\n"), ("web@qa2", "0.0\n"), ("web@empty", "0.0\n")] {
                let program = Program::new(shell[0]).args(&shell[1..]).args(["-c", SEEN]);
                let program = program.env("HOME", home.path()).env("PUSH_LOCK", lock);
                let output = program.output(Duration::from_secs(20)).await.unwrap();
                assert_eq!(String::from_utf8_lossy(&output.stdout), answer, "{shell:?} {lock}");
                assert!(output.status.success() && output.stderr.is_empty(), "{shell:?} {lock}: {output:?}");
            }
        }
    }
}
