//! A whole Pushbutton with hosts, in a directory that goes with it: the fleet, a repository, the server on a lifeline, and
//! pushes pressed through the server's own socket, as the command line presses them.

use super::Size;
use anyhow::{Context, bail, ensure};
use pushbutton::demo::fleet::Fleet;
use pushbutton::demo::http::{Client, Events, RequestBody};
use pushbutton::demo::lifeline::Lifeline;
use pushbutton::demo::machine::Machine;
use pushbutton::process::Program;
use pushbutton::web::push_host::{WHO_NAME, socket_in};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// File transfers go to so many hosts: as many as work at once.
pub const TEN: usize = 10;
/// Hosts that are ill at the end: one hung, one dead, one with a full disk.
pub const ILL: usize = 3;
/// Files of the three-step push.
const SMALL: usize = 200;
/// What does not happen within this is broken.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a journal is looked at: a few stats a millisecond would take the processor that is measured.
const LOOK_EVERY: Duration = Duration::from_millis(2);
const A_PROGRAM: Duration = Duration::from_secs(60);

/// Everything that is measured. In the order in which it must go: the directories last.
pub struct Place {
    server: Mutex<Option<Lifeline>>,
    /// The hosts.
    pub fleet: Fleet,
    /// Their names.
    pub names: Vec<String>,
    dir: tempfile::TempDir,
    _fleet_dir: tempfile::TempDir,
}

/// One push that has ended.
pub struct Pushed {
    /// From the press until the ledger has its end.
    pub took: Duration,
    /// Its records.
    pub journal: Vec<Value>,
    /// Its directory.
    pub dir: PathBuf,
}

/// One push that was pressed.
pub struct Pressed {
    id: i64,
    /// When its button went down.
    pub at: Instant,
}

impl Place {
    /// Builds it all, starts the server, and pushes the build through the first stage.
    pub async fn build(size: Size) -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new().prefix("pb").tempdir()?;
        // The hosts' files in memory, where there is such a place: what all these hosts write on one disk would be what is
        // measured. The data directory stays on the disk, with every fdatasync.
        let fleet_dir =
            tempfile::Builder::new().prefix("pb").tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?;
        let names: Vec<String> = (1..=size.hosts).map(|n| format!("web{n:03}")).collect();
        let refs: Vec<&str> = names.iter().map(String::as_str).collect();
        let fleet = Fleet::start(&fleet_dir.path().join("fleet"), &refs).await?;
        repository(&dir.path().join("repo"), size.files).await?;
        std::fs::create_dir(dir.path().join("stacks"))?;
        std::fs::write(dir.path().join("stacks/bench.toml"), stack(&dir.path().join("repo"), &names))?;
        // Nothing in the background: no fetches, and no connection that was not made by a push, so that cold is cold.
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = format!(
            "listen = \"127.0.0.1:{port}\"\nurl = \"http://127.0.0.1\"\n[auth]\nmode = \"open\"\n[ssh]\nconfig = {:?}\n\
             [limits]\nfetch_every_s = 3600\nwarm_hosts = 0\nfree_mib = 16\n",
            fleet.ssh_config()
        );
        std::fs::write(dir.path().join("config.toml"), config)?;
        let place = Self { server: Mutex::new(None), fleet, names, dir, _fleet_dir: fleet_dir };
        place.serve(None).await?;
        place.push("make").await?;
        Ok(place)
    }

    /// Where everything is.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.dir().join("data")
    }

    /// Starts the server, or ends it with all its connections and starts it anew, looking for programs in `first` first.
    pub async fn serve(&self, first: Option<&Path>) -> anyhow::Result<()> {
        let path = std::env::var("PATH")?;
        let path = first.map_or(path.clone(), |first| format!("{}:{path}", first.display()));
        let (path, home) = (format!("PATH={path}"), format!("HOME={}", self.dir().display()));
        let config = self.dir().join("config.toml").display().to_string();
        let argv = ["/usr/bin/env", &path, &home, env!("CARGO_BIN_EXE_pushbutton"), "--config", &config, "serve"];
        *self.server.lock().expect("nothing panics while it holds the server") = None;
        let server = Lifeline::keep_running(&argv, &self.dir().join("server.log")).await?;
        *self.server.lock().expect("nothing panics while it holds the server") = Some(server);
        let began = Instant::now();
        while self.ask("GET", "/api/v1/stacks", None).await.is_err() {
            let said = std::fs::read_to_string(self.dir().join("server.log")).unwrap_or_default();
            ensure!(began.elapsed() < PATIENCE, "the server does not answer: {said}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    fn client(&self) -> Client {
        // A name of its own for each press: one person may press ten times a minute only.
        static PRESSES: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = PRESSES.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Client::on_socket(&socket_in(&self.data()), (WHO_NAME, &format!("bench-{number}")))
    }

    async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let text = body.map(Value::to_string);
        let sent = text.as_deref().map_or(RequestBody::Nothing, RequestBody::Json);
        let answer = self.client().send(method, path, sent, &[]).await?;
        let (status, text) = (answer.status, answer.text().await?);
        ensure!((200..300).contains(&status), "{method} {path} was answered {status}: {text}");
        Ok(serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Presses a stage's button, once it can be pressed.
    pub async fn press(&self, stage: &str) -> anyhow::Result<Pressed> {
        let began = Instant::now();
        let next = loop {
            let street = self.ask("GET", "/api/v1/stacks/bench", None).await?;
            let stages = street["stages"].as_array().map_or(&[][..], Vec::as_slice);
            let found = stages.iter().find(|found| found["name"] == stage).context("no such stage")?;
            if found["why_not"].is_null() && !found["next"].is_null() {
                break found["next"].clone();
            }
            ensure!(began.elapsed() < PATIENCE, "{stage} cannot be pushed to: {found}");
            tokio::time::sleep(LOOK_EVERY).await;
        };
        let body = json!({ "seen": next["seen"], "plan_hash": next["plan_hash"] });
        let at = Instant::now();
        let made = self.ask("POST", &format!("/api/v1/stacks/bench/stages/{stage}/push"), Some(&body)).await?;
        Ok(Pressed { id: made["id"].as_i64().context("a push without a number")?, at })
    }

    /// Waits until a push has ended and the ledger says so.
    pub async fn ended(&self, pressed: &Pressed) -> anyhow::Result<Pushed> {
        let dir = self.data().join("pushes").join(pressed.id.to_string());
        let path = dir.join("journal.jsonl");
        let mut seen = 0;
        loop {
            let length = std::fs::metadata(&path).map_or(0, |meta| meta.len());
            if length > seen && last_line(&path)?.contains("\"push_ended\"") {
                break;
            }
            seen = length;
            ensure!(pressed.at.elapsed() < PATIENCE, "push {} does not end", pressed.id);
            tokio::time::sleep(LOOK_EVERY).await;
        }
        while self.ask("GET", &format!("/api/v1/pushes/{}", pressed.id), None).await?["push"]["state"] == "running" {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let took = pressed.at.elapsed();
        let journal = self.journal(pressed)?;
        Ok(Pushed { took, journal, dir })
    }

    /// The records of a push so far.
    pub fn journal(&self, pressed: &Pressed) -> anyhow::Result<Vec<Value>> {
        let path = self.data().join("pushes").join(pressed.id.to_string()).join("journal.jsonl");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        // The last line may not be whole yet.
        Ok(text.lines().map_while(|line| serde_json::from_str(line).ok()).collect())
    }

    /// Waits until a command has ended well on so many hosts.
    pub async fn well_on(&self, pressed: &Pressed, hosts: usize) -> anyhow::Result<()> {
        let well = |record: &&Value| record["kind"] == "host_ended" && record["result"] == "ok";
        while self.journal(pressed)?.iter().filter(well).count() < hosts {
            ensure!(pressed.at.elapsed() < PATIENCE, "push {} does not end on {hosts} hosts", pressed.id);
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Cancels a push and waits for its end.
    pub async fn cancel(&self, pressed: &Pressed) -> anyhow::Result<()> {
        self.ask("POST", &format!("/api/v1/pushes/{}/cancel", pressed.id), Some(&json!({}))).await?;
        self.ended(pressed).await.map(drop)
    }

    /// Presses and waits for a good end.
    pub async fn push(&self, stage: &str) -> anyhow::Result<Pushed> {
        let pressed = self.press(stage).await?;
        let pushed = self.ended(&pressed).await?;
        let end = pushed.journal.last().context("a journal without a record")?;
        if end["state"] != "succeeded" {
            bail!("the push to {stage} ended badly: {end}");
        }
        Ok(pushed)
    }

    /// What a browser gets of a push.
    pub async fn watch(&self, pressed: &Pressed) -> anyhow::Result<Events> {
        let path = format!("/api/v1/pushes/{}/events", pressed.id);
        Ok(self.client().send("GET", &path, RequestBody::Nothing, &[]).await?.events())
    }

    /// The first so many hosts.
    pub fn hosts(&self, most: usize) -> &[Machine] {
        &self.fleet.hosts()[..most.min(self.names.len())]
    }

    /// Takes the same path away below every host's `/srv`.
    pub fn remove(&self, path: &str) {
        for host in self.fleet.hosts() {
            // It may not be there.
            let _ = std::fs::remove_dir_all(host.srv_dir().join(path));
        }
    }

    /// Makes every hundredth file of a tree on the hosts another one, so that as much is to be sent.
    pub fn change(&self, path: &str, files: usize) -> std::io::Result<()> {
        for host in self.hosts(TEN) {
            for number in (0..files).step_by(100) {
                std::fs::write(host.srv_dir().join(path).join(file_name(number)), "something else")?;
            }
        }
        Ok(())
    }

    /// Ends every connection of the server and its runners.
    pub async fn cool_down(&self) -> anyhow::Result<()> {
        for entry in std::fs::read_dir(self.data().join("ssh"))?.flatten() {
            use std::os::unix::fs::FileTypeExt as _;
            if entry.file_type()?.is_socket() {
                let exit = Program::new("ssh").args(["-F", "none", "-O", "exit", "-S"]).arg(entry.path()).arg("any");
                exit.output(A_PROGRAM).await?;
            }
        }
        Ok(())
    }

    /// How often someone signed in on all hosts together, as their `sshd`s tell it.
    pub fn handshakes(&self) -> usize {
        let log = |host: &Machine| std::fs::read_to_string(host.sshd_log()).unwrap_or_default();
        self.fleet.hosts().iter().map(|host| log(host).matches("Accepted publickey").count()).sum()
    }

    /// The tree of the build that all stages get.
    pub fn tree(&self) -> anyhow::Result<PathBuf> {
        let builds = std::fs::read_dir(self.data().join("builds/bench"))?;
        let build = builds.flatten().find(|entry| entry.path().join("tree").is_dir());
        Ok(build.context("no build was made")?.path().join("tree"))
    }
}

/// The last line of a file, when it is whole and not longer than what is read.
fn last_line(path: &Path) -> std::io::Result<String> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(4096)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let text = String::from_utf8_lossy(&tail).into_owned();
    Ok(text.strip_suffix('\n').map_or(String::new(), |text| text.rsplit('\n').next().unwrap_or_default().to_owned()))
}

fn file_name(number: usize) -> String {
    format!("dir-{}/file-{number}", number % 20)
}

async fn repository(dir: &Path, files: usize) -> anyhow::Result<()> {
    for (name, count) in [("small", SMALL.min(files)), ("many", files)] {
        for number in 0..count {
            let path = dir.join(name).join(file_name(number));
            std::fs::create_dir_all(path.parent().context("a file without a directory")?)?;
            // Some 4 kB of text that no two files share.
            let line = |line: usize| format!("{name} {number} {}\n", line * 7919 + number);
            std::fs::write(path, (0..200).map(line).collect::<String>())?;
        }
    }
    for words in [
        &["init", "--quiet", "--initial-branch=main"][..],
        &["add", "--all"],
        &["-c", "user.name=bench", "-c", "user.email=bench@example.com", "commit", "--quiet", "-m", "Everything"],
    ] {
        let git = Program::new("git").args(words).dir(dir).env("GIT_CONFIG_GLOBAL", "/dev/null");
        let output = git.output(A_PROGRAM).await?;
        ensure!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

/// One stage for each measurement, in the order in which they are measured: each takes the build of the one before.
fn stack(repository: &Path, names: &[String]) -> String {
    let groups = [("one", 1), ("ten", TEN), ("all", names.len())];
    let mut text = format!("title = \"Bench\"\nsource = {{ git = {repository:?}, branch = \"main\" }}\n[hosts]\n");
    for (group, most) in groups {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{group} = {:?}", &names[..most.min(names.len())]);
    }
    for (stage, hosts, commands) in [
        ("make", "one", r#""true""#),
        ("true", "all", r#"{ run = "true" }"#),
        (
            "three",
            "all",
            r#"{ run = "mkdir -p /srv/ours/new" }, { rsync = "small/", to = "/srv/ours/new/" },
               { run = "ln -sfn new /srv/ours/next && mv -T /srv/ours/next /srv/ours/current" }"#,
        ),
        ("many", "ten", r#"{ rsync = "many/", to = "/srv/ours-many/" }"#),
        ("release", "ten", r#"{ release = "/srv/web" }, { activate = "/srv/web" }"#),
        ("slow", "all", r#"{ run = "if [ -e /srv/slow ]; then sleep 2; else sleep 0.1; fi" }"#),
        ("talk", "ten", r#"{ run = "i=0; while [ $i -lt 20 ]; do date +%s%N; sleep 0.1; i=$((i + 1)); done" }"#),
        ("ill", "all", r#"{ run = "echo well >/srv/ill && sleep 0.2" }"#),
    ] {
        let _ = writeln!(text, "[[stage]]\nname = {stage:?}\nhosts = {hosts:?}\ncommands = [{commands}]");
    }
    // Of the last stage's hosts so many may be lost.
    let _ = writeln!(text, "max_failed = {ILL}");
    text
}
