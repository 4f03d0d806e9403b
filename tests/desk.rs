//! The desk over a real git repository and a real ledger. The runner is played: a program that holds its push's lock as a
//! runner does and does nothing, while the test writes the journal.

mod closed;
mod ends;
mod gates;
mod many;
mod presses;

use crate::house::{DEADLINE, until};
use crate::played::{Home, RUNNER};
use pushbutton::config::Config;
use pushbutton::desk::{Case, Decision, Desk, DeskError, JournalEnd, NeedsReason, Press, Reason, Refusal, StackView};
use pushbutton::journal::{Ended, Event, HostResult, PushDir, Stream, Writer};
use pushbutton::ledger::pushes::PushRow;
use pushbutton::ledger::{LedgerError, audit, holds, outbox, pushes};
use pushbutton::plan::Assignment;
use pushbutton::process::Program;
use pushbutton::stack::{PushNumber, StackName, StageName, Who};
use pushbutton::time::At;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const STACK: &str = r#"
source = { git = "REPOSITORY", branch = "main" }
diff = "https://example.com/compare/{old_sha}...{sha}"
[hosts]
qa = ["qa1.example.com"]
prod = ["web[1-2].example.com"]
[[stage]]
name = "qa"
hosts = "qa"
commands = ["true"]
[[stage]]
name = "prod"
button = "PROD!!!"
hosts = "prod"
commands = ["true"]
"#;

struct Bench {
    temp: Home,
    desk: Arc<Desk>,
    stop: CancellationToken,
    background: JoinHandle<()>,
}

fn web() -> StackName {
    "web".parse().unwrap()
}

fn who(name: &str) -> Who {
    name.parse().unwrap()
}

fn said_why(text: &str) -> Option<Reason> {
    Reason::parse(Some(text)).unwrap()
}

fn press_of(stage: &str, seen: &str) -> Press {
    Press {
        stack: web(),
        stage: stage.parse().unwrap(),
        who: who("mary"),
        seen: seen.to_owned(),
        plan_hash: None,
        reason: None,
        nonce: None,
    }
}

async fn git(repository: &Path, args: &[&str]) -> String {
    let identity = ["AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL"];
    let git = identity.iter().fold(Program::new("git"), |git, name| git.env(format!("GIT_{name}"), "mary@example.com"));
    let output = git.args(args).env("HOME", repository).dir(repository).output(DEADLINE).await.unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn config(at: &Path) -> Arc<Config> {
    let file = at.join("config.toml");
    let text = "url = \"http://push.example.com\"\n[irc]\nserver = \"127.0.0.1\"\nchannel = \"#push\"\n\
                [limits]\nfetch_every_s = 1\nfree_mib = 1\n";
    std::fs::write(&file, text).unwrap();
    Arc::new(Config::load(&file).unwrap())
}

impl Bench {
    /// A repository with one commit, a stack of two stages, and an open desk that has fetched.
    async fn new() -> Self {
        let temp = Home(tempfile::tempdir().unwrap());
        let at = temp.0.path();
        let repository = at.join("repository");
        std::fs::create_dir(&repository).unwrap();
        git(&repository, &["init", "-q", "-b", "main"]).await;
        std::fs::create_dir(at.join("stacks")).unwrap();
        std::fs::write(at.join("stacks/web.toml"), STACK.replace("REPOSITORY", repository.to_str().unwrap())).unwrap();
        let program = at.join("runner");
        std::fs::write(&program, RUNNER).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        let (desk, stop, background) = open(at, program).await;
        let bench = Self { temp, desk, stop, background };
        bench.commit("first").await;
        bench
    }

    fn at(&self) -> &Path {
        self.temp.0.path()
    }

    /// Commits a file, waits until the page shows it, and answers its revision.
    async fn commit(&self, text: &str) -> String {
        let repository = self.at().join("repository");
        std::fs::write(repository.join("page.html"), text).unwrap();
        git(&repository, &["add", "."]).await;
        git(&repository, &["commit", "-q", "-m", text]).await;
        let sha = git(&repository, &["rev-parse", "HEAD"]).await;
        until("the fetch", async || self.stack_view().await.trunk.filter(|trunk| trunk.sha == sha).map(|_| ())).await;
        sha
    }

    async fn stack_view(&self) -> StackView {
        self.desk.stack_view(&web()).await.unwrap()
    }

    /// What the page offers for a stage.
    async fn seen(&self, stage: &str) -> String {
        let street = self.stack_view().await;
        let stage = street.stages.iter().find(|found| found.name == stage).unwrap();
        stage.next.as_ref().unwrap().seen.clone()
    }

    /// Changes the ledger behind the server's back, as damage does.
    fn spoil(&self, sql: &str, push: PushNumber) {
        let ledger = rusqlite::Connection::open(self.at().join("data/pushbutton.db")).unwrap();
        ledger.busy_timeout(DEADLINE).unwrap();
        ledger.execute(sql, [push.get()]).unwrap();
    }

    async fn press(&self, stage: &str) -> PushNumber {
        self.desk.press(press_of(stage, &self.seen(stage).await)).await.unwrap()
    }

    async fn row(&self, push: PushNumber) -> PushRow {
        let ask = move |connection: &rusqlite::Connection| pushes::get(connection, push.get());
        self.desk.ledger().read(ask).await.unwrap().unwrap()
    }

    async fn ended(&self, push: PushNumber) -> PushRow {
        until("the end", async || Some(self.row(push).await).filter(|row| row.ended_at.is_some())).await
    }

    fn dir(&self, push: PushNumber) -> PushDir {
        PushDir::of(&self.at().join("data"), push)
    }

    /// Waits until the played runner holds its lock.
    async fn runner_is_up(&self, push: PushNumber) {
        let go = self.dir(push).dir().join("go");
        until("the runner's start", async || go.exists().then_some(())).await;
    }

    /// Ends the played runner.
    async fn let_go(&self, push: PushNumber) {
        self.runner_is_up(push).await;
        tokio::fs::write(self.dir(push).dir().join("go"), "\n").await.unwrap();
    }

    /// Plays a push that goes well, to its end.
    async fn play_well(&self, push: PushNumber) -> PushRow {
        let mut journal = self.journal(push).await;
        for event in good_push(&self.assignment(push)) {
            journal.add(At::now(), event).unwrap();
        }
        journal.flush().unwrap();
        self.let_go(push).await;
        self.ended(push).await
    }

    async fn journal(&self, push: PushNumber) -> Writer {
        self.runner_is_up(push).await;
        Writer::create(&self.dir(push)).unwrap()
    }

    fn assignment(&self, push: PushNumber) -> Assignment {
        serde_json::from_slice(&std::fs::read(self.dir(push).plan()).unwrap()).unwrap()
    }

    async fn journal_end(&self, push: PushNumber) -> JournalEnd {
        *self.desk.journal_end(push).await.unwrap().borrow()
    }

    /// Stops the server, as far as it is one, and starts it again; runners stay.
    async fn restart(self) -> Self {
        let temp = self.close().await;
        let (desk, stop, background) = open(temp.0.path(), temp.0.path().join("runner")).await;
        Self { temp, desk, stop, background }
    }

    async fn close(self) -> Home {
        self.stop.cancel();
        self.background.await.unwrap();
        drop(self.desk);
        self.temp
    }
}

async fn open(at: &Path, program: PathBuf) -> (Arc<Desk>, CancellationToken, JoinHandle<()>) {
    let desk = Desk::open_with(config(at), program).await.unwrap();
    let stop = CancellationToken::new();
    let background = desk.background(stop.clone());
    (desk, stop, background)
}

fn started(assignment: &Assignment) -> Event {
    Event::PushStarted {
        push: assignment.push,
        stack: assignment.plan.stack.clone(),
        stage: assignment.plan.stage.clone(),
        who: assignment.who.clone(),
        build: assignment.build.clone(),
        sha: assignment.plan.sha.clone(),
        pid: 0,
        pid_start: 0,
        boot: String::new(),
        plan_hash: assignment.plan_hash.clone(),
        hosts: assignment.plan.hosts.iter().map(|host| host.name().to_owned()).collect(),
        commands: vec!["all of it".to_owned()],
        conditional: Vec::new(),
        flips: Vec::new(),
        proof: None,
    }
}

fn line(text: &str) -> Event {
    Event::Line { command: 1, host: None, stream: Stream::Out, line: 0, text: text.to_owned() }
}

fn good_push(assignment: &Assignment) -> Vec<Event> {
    let hosts: Vec<String> = assignment.plan.hosts.iter().map(|host| host.name().to_owned()).collect();
    let count = u32::try_from(hosts.len()).unwrap();
    let mut events = vec![started(assignment)];
    events.push(Event::CommandStarted { command: 1, title: "all of it".to_owned(), hosts: count });
    if assignment.plan.stage.as_str() == "qa" {
        events.push(Event::BuildMade {
            command: 1,
            build: assignment.build.clone(),
            root: format!("{:064x}", assignment.push.get()).parse().unwrap(),
            files: 3,
            bytes: 99,
        });
    }
    for host in hosts {
        let host = Some(host);
        events.push(Event::HostStarted { command: 1, host: host.clone() });
        let ended = Event::HostEnded {
            command: 1,
            host,
            result: HostResult::Ok,
            code: Some(0),
            why: None,
            left: None,
            duration_ms: 5,
        };
        events.extend([line("done"), ended]);
    }
    events.push(Event::CommandEnded {
        command: 1,
        result: HostResult::Ok,
        ok: count,
        not_ok: 0,
        duration_ms: 9,
        skew_ms: None,
    });
    events.push(Event::PushEnded {
        state: Ended::Succeeded,
        why: None,
        who: None,
        hosts_ok: count,
        hosts_total: count,
        unknown: Vec::new(),
        duration_ms: 10,
        sha256: String::new(),
    });
    events
}
