//! The desk over a real git repository and a real ledger. The runner is played: a program that holds its push's lock as a
//! runner does and does nothing, while the test writes the journal.

use crate::played::{Home, RUNNER};
use pushbutton::config::Config;
use pushbutton::desk::{Decision, Desk, DeskError, JournalEnd, Press, Refusal, Street};
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

/// Nothing here takes a second; what takes this long has gone wrong.
const DEADLINE: Duration = Duration::from_secs(30);

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

/// Asks until the answer is there.
async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let asked = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, asked).await.unwrap_or_else(|_| panic!("{what} did not happen in {DEADLINE:?}"))
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
        until("the fetch", async || self.street().await.trunk.filter(|trunk| trunk.sha == sha).map(|_| ())).await;
        sha
    }

    async fn street(&self) -> Street {
        self.desk.street(&web()).await.unwrap()
    }

    /// What the page offers for a stage.
    async fn seen(&self, stage: &str) -> String {
        let street = self.street().await;
        let stage = street.stages.iter().find(|found| found.name == stage).unwrap();
        stage.next.as_ref().unwrap().seen.clone()
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
        spare: Vec::new(),
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
        let ended =
            Event::HostEnded { command: 1, host, result: HostResult::Ok, code: Some(0), why: None, duration_ms: 5 };
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

#[tokio::test(flavor = "multi_thread")]
async fn of_64_simultaneous_presses_one_is_accepted_and_63_are_told_who_holds_the_lock() {
    let bench = Bench::new().await;
    let seen = bench.seen("qa").await;
    let mut presses = tokio::task::JoinSet::new();
    for number in 0..64 {
        let (desk, mut press) = (Arc::clone(&bench.desk), press_of("qa", &seen));
        press.who = who(&format!("person{number}"));
        presses.spawn(async move { (press.who.clone(), desk.press(press).await) });
    }
    let (mut winners, mut holders) = (Vec::new(), Vec::new());
    for (who, decision) in presses.join_all().await {
        match decision {
            Ok(push) => winners.push((who.to_string(), push.get())),
            Err(Refusal::Locked { who, stack, stage, push, .. }) => {
                assert_eq!((stack.as_str(), stage.as_str()), ("web", "qa"));
                holders.push((who, push));
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(holders.len(), 63);
    assert!(holders.iter().all(|holder| *holder == winners[0]));
    assert_eq!(bench.row(PushNumber::new(1).unwrap()).await.who, winners[0].0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_that_is_sent_many_times_is_one_push() {
    let bench = Bench::new().await;
    let mut press = press_of("qa", &bench.seen("qa").await);
    press.nonce = Some("a form's own".to_owned());
    let mut presses = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (desk, press) = (Arc::clone(&bench.desk), press.clone());
        presses.spawn(async move { desk.press(press).await.unwrap() });
    }
    let pushes = presses.join_all().await;
    assert!(pushes.iter().all(|push| push.get() == 1), "{pushes:?}");
    bench.play_well(pushes[0]).await;
    assert_eq!(bench.desk.press(press.clone()).await.unwrap().get(), 1, "also long after it has ended");
    press.who = who("joe");
    assert!(matches!(bench.desk.press(press).await, Err(Refusal::BadRequest { .. })), "a nonce is one person's");
}

#[tokio::test]
async fn what_moved_since_the_page_was_drawn_is_not_pushed() {
    let bench = Bench::new().await;
    let old = bench.seen("qa").await;
    let new = bench.commit("second").await;
    let refused = bench.desk.press(press_of("qa", &old)).await.unwrap_err();
    let what = format!("main is now at {} instead of {}", &new[..7], &old[..7]);
    assert_eq!(refused, Refusal::Moved { what, now: Some(new.clone()) });

    let street = bench.street().await;
    let mut press = press_of("qa", &new);
    press.plan_hash = Some(street.stages[0].next.as_ref().unwrap().plan_hash.clone());
    let file = bench.at().join("stacks/web.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("qa1.example.com", "qa2.example.com")).unwrap();
    let refused = bench.desk.press(press).await.unwrap_err();
    let what = "qa2.example.com was added to the hosts of qa, and qa1.example.com was taken from the hosts of qa";
    assert_eq!(refused, Refusal::Moved { what: what.to_owned(), now: Some(new) });
    assert!(bench.street().await.recent.is_empty());
}

#[tokio::test]
async fn a_later_stage_takes_exactly_the_build_that_the_stage_before_runs() {
    let bench = Bench::new().await;
    let street = bench.street().await;
    assert!(street.stages[1].next.is_none());
    let why_not = street.stages[1].why_not.clone().unwrap();
    assert_eq!(why_not, "qa has never been pushed, so prod has nothing to take");
    let refused = bench.desk.press(press_of("prod", "anything")).await.unwrap_err();
    assert_eq!(refused, Refusal::Nothing { why: why_not });

    let first = bench.press("qa").await;
    let first_build = bench.assignment(first).build.to_string();
    assert_eq!(bench.play_well(first).await.state, "succeeded");
    bench.commit("second").await;
    assert_eq!(bench.seen("prod").await, first_build, "commits made since do not exist");
    let second = bench.press("qa").await;
    let row = bench.play_well(second).await;
    assert_eq!(row.old_build.as_deref(), Some(first_build.as_str()));
    let second_build = row.build;

    let refused = bench.desk.press(press_of("prod", &first_build)).await.unwrap_err();
    let what = format!("qa now runs {second_build} instead of {first_build}");
    assert_eq!(refused, Refusal::Moved { what, now: Some(second_build.clone()) });
    let third = bench.press("prod").await;
    let row = bench.play_well(third).await;
    assert_eq!((row.build.as_str(), row.state.as_str(), row.hosts_ok), (second_build.as_str(), "succeeded", 2));

    let street = bench.street().await;
    let (qa, prod) = (street.stages[0].current.as_ref().unwrap(), street.stages[1].current.as_ref().unwrap());
    assert_eq!((&qa.build, &qa.root), (&prod.build, &prod.root));
    assert_eq!(prod.subject, "second");
    assert_eq!(street.recent.iter().map(|row| row.id).collect::<Vec<_>>(), [3, 2, 1]);
    assert_eq!(street.stages[0].usual_ms.len(), 2);
    assert!(street.stages[0].next.as_ref().unwrap().again);
}

#[tokio::test]
async fn what_would_go_out_is_listed_with_its_diff_link() {
    let bench = Bench::new().await;
    let first = bench.press("qa").await;
    bench.play_well(first).await;
    let old = bench.row(first).await.sha;
    bench.commit("second").await;
    let new = bench.commit("third").await;
    let street = bench.street().await;
    let next = street.stages[0].next.as_ref().unwrap();
    let subjects: Vec<_> = next.commits.iter().map(|commit| commit.subject.as_str()).collect();
    assert_eq!((subjects, next.commit_count, next.again), (vec!["third", "second"], 2, false));
    assert_eq!(next.diff, Some(format!("https://example.com/compare/{old}...{new}")));

    let push = bench.press("qa").await;
    let listed = bench.desk.ledger().read(move |connection| pushes::commits(connection, push.get())).await.unwrap();
    assert_eq!(listed, next.commits, "the push brings what was shown");
}

#[tokio::test]
async fn an_end_is_shown_only_when_the_ledger_has_it() {
    let bench = Bench::new().await;
    let push = bench.press("qa").await;
    let mut journal = bench.journal(push).await;
    let mut watch = bench.desk.journal_end(push).await.unwrap();
    let mut events = good_push(&bench.assignment(push));
    let end = events.pop().unwrap();
    for event in events {
        journal.add(At::now(), event).unwrap();
    }
    journal.flush().unwrap();
    let before_end = journal.cursor().offset;
    tokio::time::timeout(DEADLINE, watch.wait_for(|end| end.len == before_end)).await.unwrap().unwrap();
    journal.add(At::now(), end).unwrap();
    journal.flush().unwrap();
    let whole = journal.cursor().offset;
    let mut last = *watch.borrow_and_update();
    while !last.ended {
        assert_eq!(last.len, before_end);
        tokio::time::timeout(DEADLINE, watch.changed()).await.unwrap().unwrap();
        last = *watch.borrow_and_update();
    }
    assert_eq!(last.len, whole);
    assert!(bench.row(push).await.ended_at.is_some());
    assert_eq!(bench.journal_end(push).await, JournalEnd { len: whole, ended: true }, "for who comes later, too");
    assert!(bench.desk.journal_end(PushNumber::new(99).unwrap()).await.is_none());
    bench.let_go(push).await;
}

#[tokio::test]
async fn a_runner_that_dies_leaves_its_push_interrupted_and_its_stack_held() {
    let bench = Bench::new().await;
    let push = bench.press("qa").await;
    let mut journal = bench.journal(push).await;
    let command = Event::CommandStarted { command: 1, title: "all of it".to_owned(), hosts: 1 };
    let host = Event::HostStarted { command: 1, host: Some("qa1.example.com".to_owned()) };
    for event in [started(&bench.assignment(push)), command, host, line("half way")] {
        journal.add(At::now(), event).unwrap();
    }
    journal.flush().unwrap();
    let torn = br#"{"n":5,"at":"2026-11-"#;
    let mut file = std::fs::OpenOptions::new().append(true).open(bench.dir(push).journal()).unwrap();
    file.write_all(torn).unwrap();
    bench.let_go(push).await;

    let row = bench.ended(push).await;
    assert_eq!((row.state.as_str(), row.lines), ("interrupted", 1));
    let why = "the runner ended in the middle of the push; nobody knows the state of qa1.example.com";
    assert_eq!(row.why.as_deref(), Some(why));
    assert_eq!(std::fs::read(bench.dir(push).torn()).unwrap(), torn);
    let last = std::fs::read_to_string(bench.dir(push).journal()).unwrap();
    assert!(last.lines().last().unwrap().contains(r#""kind":"push_ended","state":"interrupted""#), "{last}");

    let refused = bench.desk.press(press_of("qa", &bench.seen("qa").await)).await.unwrap_err();
    let Refusal::Held { scope, who: by, reason, .. } = refused else { panic!("{refused}") };
    assert_eq!((scope.as_str(), by.as_str()), ("web", "pushbutton"));
    assert!(reason.contains("nobody knows the state of qa1.example.com"), "{reason}");
    let silent = bench.desk.release_hold(&web(), None, &who("joe"), None).await.unwrap_err();
    assert!(matches!(&silent, Refusal::BadRequest { why } if why.contains("say why the hold may go")), "{silent}");
    bench.desk.release_hold(&web(), None, &who("joe"), Some("looked at it".to_owned())).await.unwrap();
    bench.press("qa").await;
    let told = bench.desk.ledger().read(move |connection| outbox::of_push(connection, push.get())).await.unwrap();
    assert_eq!(told.iter().map(|row| row.event.as_str()).collect::<Vec<_>>(), ["started", "ended"]);
    assert_eq!(bench.desk.ledger().read(audit::verify).await.unwrap(), None);
}

#[tokio::test]
async fn a_push_whose_runner_cannot_be_started_is_interrupted_and_nothing_ran() {
    let bench = Bench::new().await;
    std::fs::remove_file(bench.at().join("runner")).unwrap();
    let push = bench.press("qa").await;
    let row = bench.ended(push).await;
    assert_eq!((row.state.as_str(), row.started_at), ("interrupted", None));
    assert!(row.why.unwrap().starts_with("the runner could not be started, so nothing ran"));
    let hold = bench.street().await.hold.unwrap();
    assert!(hold.reason.contains("before anything ran"), "{}", hold.reason);
}

#[tokio::test]
async fn a_server_that_comes_back_follows_the_running_push_to_its_end() {
    let bench = Bench::new().await;
    let push = bench.press("qa").await;
    let mut journal = bench.journal(push).await;
    let mut events = good_push(&bench.assignment(push));
    let rest = events.split_off(3);
    for event in events {
        journal.add(At::now(), event).unwrap();
    }
    journal.flush().unwrap();
    let temp = bench.close().await;
    journal.add(At::now(), line("nobody is there")).unwrap();
    journal.flush().unwrap();
    let (desk, stop, background) = open(temp.0.path(), temp.0.path().join("runner")).await;
    let bench = Bench { temp, desk, stop, background };
    assert_eq!(bench.row(push).await.state, "running");
    assert_eq!(bench.journal_end(push).await, JournalEnd { len: journal.cursor().offset, ended: false });
    let refused = bench.desk.press(press_of("qa", &"a".repeat(40))).await.unwrap_err();
    assert!(matches!(refused, Refusal::Locked { push: 1, .. } | Refusal::Nothing { .. }), "{refused}");
    for event in rest {
        journal.add(At::now(), event).unwrap();
    }
    journal.flush().unwrap();
    let row = bench.ended(push).await;
    assert_eq!((row.state.as_str(), row.lines), ("succeeded", 2));
    bench.let_go(push).await;
}

#[tokio::test]
async fn a_runner_that_died_while_no_server_was_there_is_found_dead() {
    let bench = Bench::new().await;
    let dead = bench.press("qa").await;
    let mut journal = bench.journal(dead).await;
    journal.add(At::now(), started(&bench.assignment(dead))).unwrap();
    journal.flush().unwrap();
    let dir = bench.dir(dead);
    let temp = bench.close().await;
    tokio::fs::write(dir.dir().join("go"), "\n").await.unwrap();
    let lock = std::fs::OpenOptions::new().write(true).open(dir.lock()).unwrap();
    until("the runner's end", async || lock.try_lock().ok()).await;
    drop(lock);
    let (desk, stop, background) = open(temp.0.path(), temp.0.path().join("runner")).await;
    let bench = Bench { temp, desk, stop, background };
    let row = bench.row(dead).await;
    assert_eq!(row.state, "interrupted", "it is settled before the desk is open");
    assert_eq!(row.why.as_deref(), Some("the runner ended before it began, so nothing ran"));
    assert!(bench.journal_end(dead).await.ended);
}

#[tokio::test]
async fn a_push_that_a_restored_ledger_does_not_know_is_taken_in_from_its_directory() {
    let bench = Bench::new().await;
    let push = bench.press("qa").await;
    let whole = bench.play_well(push).await;
    let temp = bench.close().await;
    for name in ["pushbutton.db", "pushbutton.db-wal", "pushbutton.db-shm"] {
        let _ = std::fs::remove_file(temp.0.path().join("data").join(name));
    }
    let (desk, stop, background) = open(temp.0.path(), temp.0.path().join("runner")).await;
    let bench = Bench { temp, desk, stop, background };
    let row = bench.row(push).await;
    assert_eq!((&row.build, &row.state, row.lines), (&whole.build, &whole.state, whole.lines));
    assert_eq!(bench.street().await.stages[0].current.as_ref().unwrap().build, whole.build);
    let bench = bench.restart().await;
    until("the fetch", async || bench.street().await.trunk).await;
    assert_eq!(bench.press("qa").await.get(), 2);
}

#[tokio::test]
async fn a_second_desk_on_the_same_data_is_refused_and_told_who_has_it() {
    let bench = Bench::new().await;
    let refused = Desk::open_with(config(bench.at()), PathBuf::from("/bin/true")).await.err().unwrap();
    let DeskError::Taken { who, .. } = &refused else { panic!("{refused}") };
    assert!(who.starts_with(&format!("pid {} since ", std::process::id())), "{who}");
    let bench = bench.restart().await;
    assert_eq!(std::fs::metadata(bench.at().join("data")).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_broken_stack_file_closes_its_stack_and_keeps_the_last_good_one_on_the_page() {
    let bench = Bench::new().await;
    let file = bench.at().join("stacks/web.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(bench.at().join("stacks/api.toml"), &good).unwrap();
    for (broken, problem) in
        [(format!("{good}\nbutto = 1\n"), "butto"), (good[..good.len() / 2].to_owned(), "web.toml")]
    {
        let seen = bench.seen("qa").await;
        std::fs::write(&file, broken).unwrap();
        let refused = bench.desk.press(press_of("qa", &seen)).await.unwrap_err();
        assert!(matches!(&refused, Refusal::BadStack { stack, .. } if stack == "web"), "{refused}");
        let street = bench.street().await;
        assert!(street.problem.as_ref().unwrap().contains(problem), "{street:?}");
        assert_eq!(street.stages.len(), 2);
        assert!(street.stages[0].why_not.as_ref().unwrap().contains("stacks/web.toml has errors"));
        let api = bench.desk.street(&"api".parse().unwrap()).await.unwrap();
        assert_eq!(api.problem, None, "other stacks are not closed");
    }
    std::fs::remove_file(&file).unwrap();
    until("the file to be missed", async || {
        bench.street().await.problem.filter(|problem| problem.contains("is gone")).map(|_| ())
    })
    .await;
    std::fs::write(&file, good).unwrap();
    until("the good file", async || bench.street().await.problem.is_none().then_some(())).await;
    bench.press("qa").await;
}

#[tokio::test]
async fn a_hold_closes_the_button_with_its_reason_and_only_a_person_lifts_it() {
    let bench = Bench::new().await;
    let (mary, qa): (Who, StageName) = (who("mary"), "qa".parse().unwrap());
    let hold = async |stage: Option<&StageName>, reason: &str| -> Decision<()> {
        bench.desk.hold(&web(), stage, &mary, reason.to_owned(), None).await
    };
    assert!(matches!(hold(None, "  ").await, Err(Refusal::BadRequest { .. })));
    assert!(matches!(hold(None, "two\nlines").await, Err(Refusal::BadRequest { .. })));
    assert!(matches!(hold(Some(&"qaa".parse().unwrap()), "x").await, Err(Refusal::Unknown { .. })));
    hold(Some(&qa), "demo at noon").await.unwrap();
    assert!(matches!(hold(Some(&qa), "again").await, Err(Refusal::Held { .. })));
    let refused = bench.desk.press(press_of("qa", &bench.seen("qa").await)).await.unwrap_err();
    assert_eq!(refused.to_string(), "web/qa is held by mary: demo at noon");
    let street = bench.street().await;
    assert_eq!(street.stages[0].why_not.as_deref(), Some("web/qa is held by mary: demo at noon"));
    assert!(street.hold.is_none() && street.stages[1].hold.is_none());
    let bench = bench.restart().await;
    let kept = bench.desk.ledger().read(|connection| holds::get(connection, "web/qa", At::now())).await.unwrap();
    assert_eq!(kept.unwrap().reason, "demo at noon");
    bench.desk.release_hold(&web(), Some(&qa), &who("joe"), None).await.unwrap();
    assert!(matches!(bench.desk.release_hold(&web(), Some(&qa), &mary, None).await, Err(Refusal::Nothing { .. })));
}

#[tokio::test]
async fn a_hold_is_over_at_its_end_for_every_press_and_that_is_written_down_once() {
    let mut bench = Bench::new().await;
    let (kate, qa): (Who, StageName) = (who("kate"), "qa".parse().unwrap());
    let hold = async |bench: &Bench, stage: Option<&StageName>, length: &str| -> Decision<At> {
        let (why, length) = ("the database is being moved".to_owned(), length.parse().unwrap());
        bench.desk.hold(&web(), stage, &kate, why, Some(length)).await?;
        let street = bench.street().await;
        let hold = if stage.is_some() { street.stages[0].hold.clone() } else { street.hold };
        Ok(hold.unwrap().until.unwrap().parse().unwrap())
    };
    let told = async |bench: &Bench| -> Vec<String> {
        let told = bench.desk.ledger().read(|connection| {
            let mut ask = connection.prepare("SELECT who || ': ' || detail FROM audit WHERE what = 'hold ended'")?;
            let rows = ask.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        });
        told.await.unwrap()
    };
    for bad in ["0s", "31d", "2026-01-01T00:00Z"] {
        assert!(matches!(hold(&bench, None, bad).await, Err(Refusal::BadRequest { .. })), "{bad}");
    }

    // It ends while the server is away.
    let end = hold(&bench, None, "1s").await.unwrap();
    let temp = bench.close().await;
    until("the end", async || (At::now() >= end).then_some(())).await;
    let (desk, stop, background) = open(temp.0.path(), temp.0.path().join("runner")).await;
    bench = Bench { temp, desk, stop, background };
    assert!(bench.street().await.hold.is_none());
    bench = bench.restart().await;
    let first = told(&bench).await;
    assert_eq!(first.len(), 1, "{first:?}");
    assert!(first[0].starts_with("pushbutton: web, held by kate since "), "{first:?}");
    assert!(first[0].ends_with(&format!(" until {end}: the database is being moved")), "{first:?}");

    // It ends while somebody presses, again and again.
    let seen = until("the fetch", async || Some(bench.street().await.stages[0].next.clone()?.seen)).await;
    let end = hold(&bench, Some(&qa), "1s").await.unwrap();
    let push = loop {
        let before = At::now();
        match bench.desk.press(press_of("qa", &seen)).await {
            Ok(push) => break push,
            Err(Refusal::Held { until, .. }) => {
                assert!(before < end, "refused at its end");
                assert_eq!(until.as_deref(), Some(end.to_string().as_str()));
            }
            Err(other) => panic!("{other}"),
        }
    };
    assert!(bench.row(push).await.pressed_at >= end.to_string(), "pressed before the end");
    until("the end is written down", async || Some(told(&bench).await).filter(|told| told.len() == 2)).await;
    bench.play_well(push).await;
    assert_eq!(told(&bench).await.len(), 2);
}

#[tokio::test]
async fn a_cancel_is_told_to_the_runner_and_stays_in_the_audit() {
    let bench = Bench::new().await;
    let push = bench.press("qa").await;
    bench.runner_is_up(push).await;
    let socket = tokio::net::UnixListener::bind(bench.dir(push).control()).unwrap();
    let runner = tokio::spawn(async move {
        let (stream, _) = socket.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut order = String::new();
        stream.read_line(&mut order).await.unwrap();
        stream.write_all(b"ok\n").await.unwrap();
        order
    });
    bench.desk.cancel(push, &who("joe"), Some("wrong branch".to_owned())).await.unwrap();
    assert_eq!(runner.await.unwrap(), "{\"what\":\"cancel\",\"who\":\"joe\",\"reason\":\"wrong branch\"}\n");
    let noted = bench.desk.ledger().read(|connection| {
        let sql = "SELECT who || ': ' || detail FROM audit WHERE what = 'cancel'";
        connection.query_row(sql, [], |row| row.get::<_, String>(0)).map_err(LedgerError::from)
    });
    assert_eq!(noted.await.unwrap(), "joe: push 1: wrong branch");

    bench.let_go(push).await;
    bench.ended(push).await;
    let late = bench.desk.cancel(push, &who("joe"), None).await.unwrap_err();
    assert_eq!(late, Refusal::Nothing { why: "push 1 has ended already: interrupted".to_owned() });
    let never = bench.desk.cancel(PushNumber::new(9).unwrap(), &who("joe"), None).await.unwrap_err();
    assert_eq!(never, Refusal::Unknown { what: "push 9".to_owned() });
}

#[tokio::test]
async fn a_runner_that_does_not_answer_a_cancel_is_told_by_a_signal() {
    let bench = Bench::new().await;
    let push = bench.press("qa").await;
    let mut journal = bench.journal(push).await;
    let process = std::fs::read_to_string(bench.dir(push).dir().join("pid")).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.trim())).unwrap();
    let mut first = started(&bench.assignment(push));
    if let Event::PushStarted { pid, pid_start, boot, .. } = &mut first {
        *pid = process.trim().parse().unwrap();
        *pid_start = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().parse().unwrap();
        *boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().trim().to_owned();
    }
    journal.add(At::now(), first).unwrap();
    journal.flush().unwrap();
    bench.desk.cancel(push, &who("joe"), None).await.unwrap();
    assert_eq!(bench.ended(push).await.state, "interrupted", "the played runner knows no TERM");
}

#[tokio::test]
async fn a_branch_that_cannot_be_fetched_is_shown_with_its_age_and_can_still_be_pushed_on() {
    let bench = Bench::new().await;
    let push = bench.press("qa").await;
    bench.play_well(push).await;
    std::fs::rename(bench.at().join("repository"), bench.at().join("moved")).unwrap();
    let street =
        until("the failed fetch", async || Some(bench.street().await).filter(|street| street.trunk_problem.is_some()))
            .await;
    assert!(!street.trunk.unwrap().fetched_at.is_empty());
    bench.press("prod").await;
}
