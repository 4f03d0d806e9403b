//! What a host runs now, asked without touching it. It must never wait for a push that works on the host, and never take
//! half an answer for one. Called by the desk.

use super::{FEW, scripts};
use crate::remote::guard::ask;
use crate::remote::masters::Connection;
use crate::remote::{Ending, Task};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How long a host may take to say what it runs.
const LOOK_LIMIT: Duration = Duration::from_secs(10);

/// What a host runs below the directory of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// Where `current` points: `releases/BUILD` when a push put it there.
    pub link: String,
    /// The root hash that the release was verified with; empty when it was not.
    pub root: String,
    /// What its REVISION says; empty when there is none.
    pub sha: String,
}

/// Looks what a host runs below `dir`: changes nothing, and waits for no push that works there. `None` when there is no
/// `current`.
///
/// # Errors
/// Why the host gave no answer.
pub async fn look(on: &Connection, dir: &str) -> Result<Option<Live>, String> {
    let task = Task {
        script: scripts::LOOK.to_owned(),
        values: [("PUSH_DIR".to_owned(), dir.to_owned())].into(),
        timeout: LOOK_LIMIT,
        lease_s: 2 * LOOK_LIMIT.as_secs(),
        grace_s: 1,
        lock: None,
        // Without a lock there is nothing to fence.
        fence: "0.0".to_owned(),
        cancel: CancellationToken::new(),
    };
    // What it says on standard error helps nobody: the answer is whole, or none.
    let (lines, _) = mpsc::channel(1);
    let (ending, said) = ask(on, &task, &lines, FEW).await;
    match ending {
        Ending::Exited(0) => {
            read_live(&String::from_utf8_lossy(&said)).ok_or_else(|| format!("{} gave no clear answer", on.host))
        }
        ending => Err(format!("{} could not be asked what it runs: {ending:?}", on.host)),
    }
}

/// The answer of [`scripts::LOOK`]; `None` when it is none.
fn read_live(said: &str) -> Option<Option<Live>> {
    if said == "none\n" {
        return Some(None);
    }
    // The link may hold anything, also line ends; what follows it may not.
    let (rest, sha) = said.strip_suffix('\n')?.rsplit_once("\nsha ")?;
    let (link, root) = rest.rsplit_once("\nroot ")?;
    let live = Live { link: link.strip_prefix("link ")?.to_owned(), root: root.to_owned(), sha: sha.to_owned() };
    Some(Some(live))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_live_is_read_from_a_whole_answer_only() {
        let live = |link: &str, root: &str, sha: &str| {
            Some(Some(Live { link: link.to_owned(), root: root.to_owned(), sha: sha.to_owned() }))
        };
        let table = [
            ("none\n", Some(None)),
            ("link releases/3f2c1ab-12\nroot 9f\nsha 51\n", live("releases/3f2c1ab-12", "9f", "51")),
            ("link /srv/by hand\nroot \nsha \n", live("/srv/by hand", "", "")),
            ("link a\nroot b\nroot \nsha \n", live("a\nroot b", "", "")),
            ("link releases/a\nroot 9f\n", None),
            ("link releases/a\nroot 9f\nsha 51", None),
            ("hello\n", None),
            ("", None),
        ];
        for (said, answer) in table {
            assert_eq!(read_live(said), answer, "{said:?}");
        }
    }
}
