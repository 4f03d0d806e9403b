//! The desk over a real git repository and a real ledger. The runner is played: a program that holds its push's lock as a
//! runner does and does nothing, while the test writes the journal.

mod approval;
mod auto;
mod closed;
mod ends;
mod gates;
mod many;
mod marks;
mod presses;

use crate::house::{DEADLINE, until};
use crate::played::{self, Home, STACK, git, line};
use pushbutton::config::Config;
use pushbutton::desk::{Case, Decision, Desk, DeskError, JournalEnd, NeedsReason, Press, Reason, Refusal, StackView};
use pushbutton::journal::{Ended, Event, HostResult, PushDir, Writer};
use pushbutton::ledger::pushes::PushRow;
use pushbutton::ledger::{LedgerError, audit, holds, outbox, pushes};
use pushbutton::plan::Assignment;
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
        override_why: None,
        marks_bad: false,
        nonce: None,
    }
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
        let temp = Home::lay_out().await;
        let (desk, stop, background) = open(temp.0.path(), temp.runner()).await;
        let bench = Self { temp, desk, stop, background };
        bench.commit("first").await;
        bench
    }

    fn at(&self) -> &Path {
        self.temp.0.path()
    }

    /// Commits a file, waits until the page shows it, and answers its revision.
    async fn commit(&self, text: &str) -> String {
        let repository = self.temp.repository();
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
        let ask = move |connection: &rusqlite::Connection| pushes::get(connection, push);
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
        let (desk, stop, background) = open(temp.0.path(), temp.runner()).await;
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
    played::started(assignment, "all of it")
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
