//! The house that the journeys walk through: a real fleet, a real repository, the real server as a process of its own,
//! spoken to over HTTP only. Everything lies in one temporary directory and ends with it.

pub mod browser;
pub mod chance;
pub mod files;
mod look;
pub mod network;
pub mod pages;
pub mod process;
mod wait;

pub use process::{freeze, kill};
use pushbutton::address::encoded;
use pushbutton::demo::fleet::Fleet;
use pushbutton::demo::http::{Client, Events, RequestBody};
use pushbutton::demo::irc::{CHANNEL, IrcServer};
use pushbutton::demo::mail::MailCatcher;
use pushbutton::demo::repo::Shop;
use pushbutton::process::Program;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tokio::process::Child;
pub use wait::{DEADLINE, in_time, until, until_so};

/// A whole working Pushbutton with hosts.
pub struct House {
    pub dir: tempfile::TempDir,
    pub fleet: Fleet,
    pub shop: Shop,
    pub url: String,
    /// The server's program: the one under test, or that of another version.
    pub binary: PathBuf,
    /// Where the server and its commands find programs first.
    tools: Option<PathBuf>,
    client: Client,
    server: Option<Child>,
}

/// A whole answer.
pub struct Got {
    pub status: u16,
    pub text: String,
}

/// How a house differs from the plain one.
#[derive(Default)]
pub struct Plans<'a> {
    /// Hosts of qa, princess and prod.
    pub qa: &'a [&'a str],
    pub princess: &'a [&'a str],
    pub prod: &'a [&'a str],
    /// The commands of each stage, as TOML; release and activate when empty.
    pub commands: &'a str,
    /// More lines of each stage.
    pub stage: &'a str,
    /// More lines of config.toml.
    pub config: String,
    /// The server's program, where it is not the one under test.
    pub binary: Option<PathBuf>,
}

const ROLL_OUT: &str = r#"
  { release = "/srv/web" },
  { activate = "/srv/web" },
"#;

impl House {
    /// Builds the house, starts the server and signs in as mary.
    pub async fn build(plans: Plans<'_>) -> Self {
        let dir = tempfile::Builder::new().prefix("pb").tempdir().unwrap();
        let names: Vec<&str> = [plans.qa, plans.princess, plans.prod].concat();
        let fleet = Fleet::start(&dir.path().join("fleet"), &names).await.unwrap();
        let shop = Shop::open_in(&dir.path().join("shop")).await.unwrap();
        let commands = if plans.commands.is_empty() { ROLL_OUT } else { plans.commands };
        let mut stack = format!(
            "title = \"Web\"\nsource = {{ git = {:?}, branch = \"main\" }}\nbuild = [\"./build.sh\"]\nship = \"dist\"\n\
             diff = \"https://git.example.com/web/compare/{{old_sha}}...{{sha}}\"\n[hosts]\n",
            shop.dir()
        );
        let stages = [("qa", plans.qa), ("princess", plans.princess), ("prod", plans.prod)];
        for (stage, hosts) in stages.iter().filter(|(_, hosts)| !hosts.is_empty()) {
            stack.push_str(&format!("{stage} = {hosts:?}\n"));
        }
        stack.push_str(&format!("[lists]\nroll-out = [{commands}]\n"));
        for (stage, _) in stages.iter().filter(|(_, hosts)| !hosts.is_empty()) {
            stack.push_str(&format!(
                "[[stage]]\nname = \"{stage}\"\nhosts = \"{stage}\"\ncommands = \"roll-out\"\n{}\n",
                plans.stage
            ));
        }
        let binary = plans.binary.unwrap_or_else(|| env!("CARGO_BIN_EXE_pushbutton").into());
        Self::raise_with(dir, fleet, shop, &stack, &plans.config, (binary, None)).await
    }

    /// Starts the server over a stack named web, and signs in as mary.
    pub async fn raise(
        dir: tempfile::TempDir,
        fleet: Fleet,
        shop: Shop,
        stack: &str,
        config: &str,
        tools: Option<PathBuf>,
    ) -> Self {
        let binary = env!("CARGO_BIN_EXE_pushbutton").into();
        Self::raise_with(dir, fleet, shop, stack, config, (binary, tools)).await
    }

    async fn raise_with(
        dir: tempfile::TempDir,
        fleet: Fleet,
        shop: Shop,
        stack: &str,
        config: &str,
        (binary, tools): (PathBuf, Option<PathBuf>),
    ) -> Self {
        std::fs::create_dir(dir.path().join("stacks")).unwrap();
        std::fs::write(dir.path().join("stacks/web.toml"), stack).unwrap();
        let address = own_address();
        let url = format!("http://{address}");
        let config = format!(
            "listen = \"{address}\"\nurl = \"{url}\"\n[auth]\nmode = \"open\"\n[ssh]\nconfig = {:?}\nlease_s = 6\ngrace_s = 1\n\
             [limits]\nfetch_every_s = 1\nfree_mib = 16\n{}",
            fleet.ssh_config(),
            config
        );
        std::fs::write(dir.path().join("config.toml"), config).unwrap();
        let client = client_of(&url);
        let mut house = Self { dir, fleet, shop, url, binary, tools, client, server: None };
        house.start().await;
        house.sign_in("mary").await;
        house
    }

    /// A house with one host per stage.
    pub async fn plain() -> Self {
        Self::build(Plans { qa: &["qa1"], princess: &["princess1"], prod: &["web001"], ..Plans::default() }).await
    }

    /// Speaks to the server as the person who is signed in.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The one data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Starts the server and waits until it is ready.
    pub async fn start(&mut self) {
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join("server.log")).unwrap();
        let program = Program::new(&self.binary)
            .args(["--config", self.dir.path().join("config.toml").to_str().unwrap(), "serve"])
            .env("HOME", self.dir.path());
        let program = match &self.tools {
            Some(tools) => program.env("PATH", format!("{}:{}", tools.display(), std::env::var("PATH").unwrap())),
            None => program,
        };
        let mut server = program.log_to(log).unwrap().start().unwrap();
        let client = &self.client;
        until("the server is ready", async || {
            assert_eq!(server.try_wait().unwrap(), None, "the server has ended");
            (get(client, "/readyz").await.ok()?.status == 200).then_some(())
        })
        .await;
        self.server = Some(server);
    }

    /// Ends the server the hard way.
    pub async fn kill_server(&mut self) {
        let mut server = self.server.take().unwrap();
        server.start_kill().unwrap();
        server.wait().await.unwrap();
    }

    /// The server's process.
    pub fn server_pid(&self) -> i32 {
        self.server.as_ref().and_then(Child::id).unwrap().cast_signed()
    }

    /// Stops the server's process as it is, or lets it go on.
    pub fn freeze_server(&self, frozen: bool) {
        freeze(self.server_pid(), frozen);
    }

    /// Signs in, in open mode.
    pub async fn sign_in(&mut self, name: &str) {
        let form = format!("name={}&next=%2F", encoded(name));
        let answer = self.client.send("POST", "/sign-in", RequestBody::Form(&form), &[]).await.unwrap();
        let answer = got(answer).await.unwrap();
        assert_eq!(answer.status, 303, "{}", answer.text);
    }

    /// Gets a page.
    pub async fn get(&self, path: &str) -> Got {
        get(&self.client, path).await.unwrap()
    }

    /// Sends JSON.
    pub async fn send(&self, method: &str, path: &str, body: &Value) -> Got {
        let mut client = self.client.clone();
        got(client.send(method, path, RequestBody::Json(&body.to_string()), &[]).await.unwrap()).await.unwrap()
    }

    /// Opens an event stream, from an offset on.
    pub async fn events(&self, path: &str, from: u64) -> Events {
        let mut client = self.client.clone();
        let from = from.to_string();
        let answer = client.send("GET", path, RequestBody::Nothing, &[("Last-Event-ID", &from)]).await.unwrap();
        answer.events()
    }

    /// Makes a commit, and waits until the first stage's button offers it.
    pub async fn commit(&self) -> String {
        let made = self.shop.commit(self.shop.commits().await.unwrap()).await.unwrap();
        until("the new commit is offered", async || {
            (self.stage("qa").await["next"]["sha"] == made.as_str()).then_some(())
        })
        .await;
        made
    }

    /// The stack's page as data.
    pub async fn stack_view(&self) -> Value {
        self.json("/api/v1/stacks/web").await
    }

    /// A stage of the street.
    pub async fn stage(&self, stage: &str) -> Value {
        let street = self.stack_view().await;
        street["stages"].as_array().unwrap().iter().find(|s| s["name"] == stage).unwrap().clone()
    }

    /// One push as data.
    pub async fn push(&self, id: i64) -> Value {
        self.json(&format!("/api/v1/pushes/{id}")).await
    }

    async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        serde_json::from_str(&answer.text).unwrap()
    }

    /// Waits until the stage can be pressed, and gives what a press must carry.
    pub async fn button(&self, stage: &str) -> Value {
        until(&format!("{stage} can be pressed"), async || {
            let stage = self.stage(stage).await;
            (stage["why_not"].is_null() && !stage["next"].is_null()).then(|| stage["next"].clone())
        })
        .await
    }

    /// Presses with what was seen; whatever the answer is.
    pub async fn press_with(&self, stage: &str, next: &Value) -> Got {
        let body = json!({ "seen": next["seen"], "plan_hash": next["plan_hash"] });
        self.send("POST", &format!("/api/v1/stacks/web/stages/{stage}/push"), &body).await
    }

    /// Presses, and gives the push's number.
    pub async fn press(&self, stage: &str) -> i64 {
        let next = self.button(stage).await;
        let answer = self.press_with(stage, &next).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let answer: Value = serde_json::from_str(&answer.text).unwrap();
        answer["id"].as_i64().unwrap()
    }

    /// Waits until a push has ended, and gives it.
    pub async fn ended(&self, id: i64) -> Value {
        until(&format!("push {id} has ended"), async || {
            let push = self.push(id).await;
            (push["push"]["state"] != "running").then_some(push)
        })
        .await
    }

    /// Presses and waits for a good end.
    pub async fn push_well(&self, stage: &str) -> Value {
        let id = self.press(stage).await;
        let push = self.ended(id).await;
        assert_eq!(push["push"]["state"], "succeeded", "{push:#}\n{}", self.log(id).await);
        push
    }

    /// The raw log.
    pub async fn log(&self, id: i64) -> String {
        self.get(&format!("/api/v1/pushes/{id}/log")).await.text
    }

    /// The journal's bytes on the disk; none before its runner has begun.
    pub fn journal(&self, id: i64) -> Vec<u8> {
        std::fs::read(self.push_dir(id).join("journal.jsonl")).unwrap_or_default()
    }

    /// The directory of a push.
    pub fn push_dir(&self, id: i64) -> PathBuf {
        self.data().join("pushes").join(id.to_string())
    }

    /// The runner's process id, from the journal's first record.
    pub async fn runner(&self, id: i64) -> i32 {
        let path = self.push_dir(id).join("journal.jsonl");
        until("the runner has begun", async || {
            let text = std::fs::read_to_string(&path).ok()?;
            let first: Value = serde_json::from_str(text.lines().next()?).ok()?;
            i32::try_from(first["pid"].as_i64()?).ok()
        })
        .await
    }

    /// Waits until the journal holds a piece of text.
    pub async fn journal_says(&self, id: i64, words: &str) {
        let path = self.push_dir(id).join("journal.jsonl");
        until(&format!("the journal of {id} says {words:?}"), async || {
            std::fs::read_to_string(&path).is_ok_and(|text| text.contains(words)).then_some(())
        })
        .await;
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.dir.path().join("server.log")).unwrap_or_default();
            eprintln!("--- the server's log\n{}", log.lines().rev().take(60).collect::<Vec<_>>().join("\n"));
        }
        // First the server: it would make masters anew.
        if let Some(server) = self.server.as_mut() {
            let _ = server.start_kill();
        }
        end_runners(&self.data());
        end_masters(&self.data());
    }
}

fn end_runners(data: &Path) {
    let Ok(pushes) = std::fs::read_dir(data.join("pushes")) else { return };
    for push in pushes.flatten() {
        let Ok(text) = std::fs::read_to_string(push.path().join("journal.jsonl")) else { continue };
        let first: Option<Value> = text.lines().next().and_then(|line| serde_json::from_str(line).ok());
        let pid = first.and_then(|record| record["pid"].as_i64()).and_then(|pid| i32::try_from(pid).ok());
        if let (Some(pid), false) = (pid, text.contains("\"push_ended\"")) {
            kill(pid);
        }
    }
}

/// The masters outlive everybody by design; in a test they end with the house.
fn end_masters(data: &Path) {
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Ok(line) = std::fs::read_to_string(process.path().join("cmdline")) else { continue };
        let ours = data.join("ssh").display().to_string();
        let is_ours = (line.starts_with("ssh\0") || line.starts_with("ssh:")) && line.contains(&ours);
        let pid = process.file_name().to_str().and_then(|name| name.parse().ok());
        if let (true, Some(pid)) = (is_ours, pid) {
            kill(pid);
        }
    }
}

/// A client of the server at this address.
pub fn client_of(url: &str) -> Client {
    Client::new(url.strip_prefix("http://").unwrap().parse().unwrap())
}

/// Gets a page with someone's cookies.
pub async fn get(client: &Client, path: &str) -> std::io::Result<Got> {
    got(client.clone().get(path).await?).await
}

/// Reads a whole answer.
pub async fn got(answer: pushbutton::demo::http::Response) -> std::io::Result<Got> {
    Ok(Got { status: answer.status, text: answer.text().await? })
}

/// The tables of `config.toml` that tell this IRC server and this mail server.
pub fn tells(irc: &IrcServer, mail: &MailCatcher) -> String {
    format!(
        "[irc]\nserver = \"127.0.0.1\"\nport = {}\ntls = false\nchannel = \"{CHANNEL}\"\n\
         [email]\nserver = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"push@example.com\"\nto = [\"team@example.com\"]\n",
        irc.address().port(),
        mail.address().port()
    )
}

/// A command that waits on each host for the file `/tmp/NAME`, so that a test decides how long it runs.
pub fn waits_for(name: &str) -> String {
    format!("while [ ! -e /tmp/{name} ]; do sleep 0.05; done")
}

/// Lets the command that waits for `name` go on, on these hosts.
pub fn let_go(house: &House, name: &str, hosts: &[&str]) {
    for host in hosts {
        std::fs::write(house.fleet.host(host).unwrap().tmp_dir().join(name), "").unwrap();
    }
}

/// A loopback address of this process's own, so that tests in parallel never meet.
pub fn own_address() -> String {
    let pid = std::process::id();
    let [_, high, middle, low] = pid.to_be_bytes();
    format!("127.{}.{middle}.{low}:8090", 64 + high % 64)
}

/// SHA-256 of every file below a directory, by path: what a tree is.
pub fn tree(dir: &Path) -> std::collections::BTreeMap<String, String> {
    use sha2::Digest;
    let mut found = std::collections::BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(here) = open.pop() {
        for entry in std::fs::read_dir(&here).unwrap().flatten() {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().display().to_string();
                let hash = sha2::Sha256::digest(std::fs::read(&path).unwrap_or_default());
                found.insert(name, pushbutton::journal::write::hex(&hash));
            }
        }
    }
    found
}

/// Everything below a directory as an outsider lists it: kind, mode, content or target of each path, the directory's own too.
pub fn listing(dir: &Path) -> std::collections::BTreeMap<String, String> {
    use sha2::Digest;
    use std::os::unix::fs::PermissionsExt;
    let mut found = std::collections::BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(path) = open.pop() {
        let meta = std::fs::symlink_metadata(&path).unwrap();
        let mode = meta.permissions().mode() & 0o7777;
        let name = path.strip_prefix(dir).unwrap().display().to_string();
        let what = if meta.is_symlink() {
            format!("link to {}", std::fs::read_link(&path).unwrap().display())
        } else if meta.is_dir() {
            open.extend(std::fs::read_dir(&path).unwrap().flatten().map(|entry| entry.path()));
            format!("directory {mode:o}")
        } else {
            let hash = sha2::Sha256::digest(std::fs::read(&path).unwrap());
            format!("file {mode:o} {}", pushbutton::journal::write::hex(&hash))
        };
        found.insert(name, what);
    }
    found
}

/// What a host serves: the tree behind `current`, without the REVISION that names it.
pub fn served(fleet: &Fleet, host: &str) -> std::collections::BTreeMap<String, String> {
    let web = fleet.host(host).unwrap().srv_dir().join("web");
    let current = std::fs::read_link(web.join("current")).unwrap();
    let mut tree = tree(&web.join(current));
    tree.remove("REVISION");
    tree
}
