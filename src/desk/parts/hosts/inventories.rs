//! Commands that list hosts (`[hosts] web = { command = "./inventory prod" }`): what they said last, and how one is asked on the push
//! host. It must never make a page wait, never believe a bad answer, and never close more than the stages that need it. Asked by
//! `watch/inventory.rs` and by `pushbutton check`.
//! the background for the pages, and anew at each press, before there is a plan. It must never make a page wait, never
//! believe a bad answer, and never close more than the stages that need it. Called by the desk and by `pushbutton check`.

use crate::desk::cases::Case;
use crate::desk::refusal::Refusal;
use crate::journal::Stream;
use crate::remote::{Ending, Line, Task, guard};
use crate::stack::{Host, Inventory, PushNumber, Stack};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Commands that run at once in the background: an inventory is often one server that all of them ask.
const AT_ONCE: usize = 4;
/// The longest answer: ten thousand long names have room in it.
const LONGEST: usize = 1024 * 1024;
/// Lines of an answer that are read: some times the most hosts that anybody pushes to.
const MOST_LINES: usize = 100_000;
/// How much of standard error an error shows, in characters.
const SHOWN: usize = 300;
/// Between TERM and KILL of a command that does not end.
const GRACE_S: u64 = 2;

/// Which commands were asked when. A std mutex: held for a look, never across an await.
pub(crate) struct Inventories {
    every: Duration,
    asked: Mutex<BTreeMap<Inventory, LastRun>>,
}

struct LastRun {
    at: Instant,
    running: bool,
}

impl Inventories {
    /// Nothing was asked yet; `every` is the pause for stacks in use.
    pub fn new(every: Duration) -> Self {
        Self { every, asked: Mutex::default() }
    }

    fn asked(&self) -> MutexGuard<'_, BTreeMap<Inventory, LastRun>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the commands that are due out of all that there are (and whether their stack is in use): those never asked,
    /// and after a pause those in use. Forgets what no stack names any more.
    pub(crate) fn due(&self, all: &BTreeMap<Inventory, bool>) -> Vec<Inventory> {
        let mut asked = self.asked();
        asked.retain(|inventory, known| known.running || all.contains_key(inventory));
        let room = AT_ONCE.saturating_sub(asked.values().filter(|known| known.running).count());
        let is_due = |(inventory, used): &(&Inventory, &bool)| match asked.get(*inventory) {
            None => true,
            Some(known) => **used && !known.running && known.at.elapsed() >= self.every,
        };
        let due: Vec<Inventory> = all.iter().filter(is_due).map(|(one, _)| one.clone()).take(room).collect();
        for inventory in &due {
            asked.insert(inventory.clone(), LastRun { at: Instant::now(), running: true });
        }
        due
    }

    pub(crate) fn done(&self, inventory: &Inventory) {
        self.asked().insert(inventory.clone(), LastRun { at: Instant::now(), running: false });
    }
}

/// Asks a command in `dir`, under the near guard: its environment is PATH, LC_ALL and HOME, nothing of it is left running,
/// and what it says is bounded.
///
/// # Errors
/// Why there is no good answer, as a phrase that goes on from the command.
pub async fn ask(dir: &Path, inventory: &Inventory) -> Result<Vec<Host>, String> {
    let cancel = CancellationToken::new();
    let task = Task {
        script: inventory.command.clone(),
        values: BTreeMap::new(),
        timeout: inventory.timeout,
        lease_s: 30,
        grace_s: GRACE_S,
        lock: None,
        fence: "0.0".to_owned(),
        cancel: cancel.clone(),
        mask: Arc::default(),
    };
    let (tx, rx) = mpsc::channel(64);
    let asked = async move { guard::near(dir, task, &tx).await };
    let (ending, said) = tokio::join!(asked, hear(rx, cancel.drop_guard()));
    let problem = match ending {
        // What else it said is no reason then; on a busy machine the guard's own note, that it said too much, is among it.
        _ if said.too_long => return Err(format!("printed more than {LONGEST} bytes or {MOST_LINES} lines")),
        Ending::Exited(0) => match inventory.read(&said.out) {
            Ok(hosts) => return Ok(hosts),
            Err(problem) => problem,
        },
        Ending::Exited(code) => format!("exited with {code}"),
        Ending::TimedOut { .. } => format!("did not end within {} s", inventory.timeout.as_secs()),
        Ending::Cancelled { .. } => "was ended".to_owned(),
        Ending::Refused(why) | Ending::Stopped(why) | Ending::Unreachable(why) | Ending::Unknown(why) => {
            format!("did not run: {why}")
        }
    };
    match said.err.is_empty() {
        true => Err(problem),
        false => Err(format!("{problem}: {}", said.err)),
    }
}

/// What a command said.
#[derive(Default)]
struct CommandOutput {
    out: String,
    err: String,
    lines: usize,
    too_long: bool,
}

/// Listens to the end, keeping no more than is needed; ends a command that says too much.
async fn hear(mut lines: mpsc::Receiver<Line>, going_on: DropGuard) -> CommandOutput {
    let mut said = CommandOutput::default();
    let mut going_on = Some(going_on);
    while let Some(Line { stream, text }) = lines.recv().await {
        match stream {
            Stream::Out if said.out.len() + text.len() < LONGEST && said.lines < MOST_LINES => {
                said.lines += 1;
                said.out.push_str(&text);
                said.out.push('\n');
            }
            Stream::Out => {
                said.too_long = true;
                // Dropping it cancels.
                going_on = None;
            }
            Stream::Err | Stream::Note => {
                let text = text.trim();
                let room = SHOWN.saturating_sub(said.err.chars().count());
                // A shell says that its child was ended by us; we say so better.
                if !text.is_empty() && text != "Terminated" && room > 0 {
                    let between = if said.err.is_empty() { "" } else { " / " };
                    said.err.push_str(between);
                    said.err.extend(text.chars().take(room));
                }
            }
        }
    }
    if let Some(guard) = going_on {
        // It has ended by itself: there is nothing to cancel.
        guard.disarm();
    }
    said
}

/// All commands of a stack, each once.
pub fn of(stack: &Stack) -> BTreeSet<&Inventory> {
    stack.stages.iter().flat_map(|stage| &stage.inventories).collect()
}

/// Why a stage cannot be pushed because of its hosts. `last` is its last push and how many hosts that had.
pub(crate) fn unlisted(stack: &Stack, stage: &crate::stack::Stage, last: Option<(PushNumber, i64)>) -> Option<Refusal> {
    let refuse = |case, why| {
        let (stack, stage) = (stack.name.to_string(), stage.name.to_string());
        Refusal::NoHosts { case, stack, stage, why }
    };
    if let Some(why) = &stage.unlisted {
        return Some(refuse(Case::NoHosts, why.clone()));
    }
    let allowed = stage.inventories.iter().map(|inventory| inventory.shrink).max()?;
    let (push, before) = last?;
    let (now, before) = (stage.hosts.len(), usize::try_from(before).ok()?);
    let commands: Vec<String> = stage.inventories.iter().map(|one| format!("`{}`", one.command)).collect();
    (now * 100 < before * (100 - allowed)).then(|| {
        let why = format!(
            "{} leaves it {now} of the {before} hosts that push {push} had. If that is right, write shrink = \"{}%\" \
             next to the command, and remove it after the push",
            commands.join(" with "),
            (100 - now * 100 / before.max(1)).min(100),
        );
        refuse(Case::FewerHosts, why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::{Answers, InventoryAnswer, parse_with};

    fn inventory(command: &str, min: usize, timeout_s: u64) -> Inventory {
        let timeout = Duration::from_secs(timeout_s);
        Inventory { command: command.to_owned(), min, timeout, shrink: 50, jump: None }
    }

    #[tokio::test]
    async fn a_good_answer_is_hosts_and_a_bad_one_says_why() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("hosts"), "web1\nweb[2-3]\n").unwrap();
        let hosts = ask(dir.path(), &inventory("cat hosts; echo careful >&2", 3, 30)).await.unwrap();
        assert_eq!(hosts.iter().map(Host::name).collect::<Vec<_>>(), ["web1", "web2", "web3"]);
        for (command, why) in [
            ("cat no-hosts || exit 3", "exited with 3: cat: no-hosts: No such file or directory"),
            ("echo one; echo two >&2; echo three >&2", "named 1 host, fewer than its min = 2: two / three"),
            ("true", "named no host"),
            ("sleep 600", "did not end within 1 s"),
            ("yes web1", "printed more than 1048576 bytes or 100000 lines"),
            (
                "env | grep -vE '^(PATH|HOME|LC_ALL|PWD|PUSH_MARK|_|SHLVL)='; printf 'no more'",
                "named `no more`, which is not a host",
            ),
        ] {
            let asked = ask(dir.path(), &inventory(command, 2, if why.contains("1 s") { 1 } else { 30 })).await;
            assert_eq!(asked, Err(why.to_owned()), "{command}");
        }
    }

    #[test]
    fn what_was_never_asked_and_what_is_in_use_is_due_a_few_at_a_time() {
        let known = Inventories::new(Duration::ZERO);
        let all: BTreeMap<Inventory, bool> = (0..6).map(|n| (inventory(&format!("./i {n}"), 1, 5), n == 0)).collect();
        let first = known.due(&all);
        assert_eq!(first.len(), AT_ONCE);
        assert!(known.due(&all).is_empty(), "there is no room");
        first.iter().for_each(|one| known.done(one));
        let commands = |due: Vec<Inventory>| due.into_iter().map(|one| one.command).collect::<Vec<_>>();
        assert_eq!(commands(known.due(&all)), ["./i 0", "./i 4", "./i 5"], "in use, or never asked");
    }

    #[test]
    fn a_stage_that_would_lose_too_many_hosts_at_once_is_closed() {
        let text = "source = { git = \"/srv/git/web\", branch = \"main\" }\n[[stage]]\nname = \"prod\"\n\
                    hosts = { command = \"./inventory\", shrink = \"50%\" }\ncommands = [\"x\"]\n";
        let asked = parse_with("web".parse().unwrap(), "web.toml", text, &Answers::new()).unwrap();
        assert!(unlisted(&asked, &asked.stages[0], None).unwrap().to_string().contains("has not been asked yet"));
        let hosts = (1..=3).map(|n| format!("web{n}").parse().unwrap()).collect();
        let answer = InventoryAnswer { hosts, problem: None };
        let answers = Answers::from([(asked.stages[0].inventories[0].clone(), answer)]);
        let stack = parse_with("web".parse().unwrap(), "web.toml", text, &answers).unwrap();
        let last = |push, hosts| PushNumber::new(push).ok().zip(Some(hosts));
        for (last, closed) in [(None, false), (last(1, 2), false), (last(1, 6), false), (last(214, 7), true)] {
            assert_eq!(unlisted(&stack, &stack.stages[0], last).is_some(), closed, "{last:?}");
        }
        assert_eq!(
            unlisted(&stack, &stack.stages[0], last(214, 40)).unwrap().to_string(),
            "web cannot be pushed to prod: `./inventory` leaves it 3 of the 40 hosts that push 214 had. If that is right, \
             write shrink = \"93%\" next to the command, and remove it after the push"
        );
    }
}
