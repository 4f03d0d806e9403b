//! The house that the journeys walk through: a real fleet, a real repository, the real server as a process of its own,
//! spoken to over HTTP only. Everything lies in one temporary directory and ends with it.

pub mod browser;
pub mod chance;
mod channels;
pub mod files;
mod http;
mod journal;
pub mod network;
pub mod pages;
mod press;
pub mod process;
pub mod prometheus;
mod trees;
mod wait;

pub use channels::Channels;
pub use http::{Got, client_of, get, got};
pub use network::own_address;
pub use press::{let_go, waits_for};
pub use process::{freeze, kill};
use pushbutton::address::encoded;
use pushbutton::demo::fleet::Fleet;
use pushbutton::demo::http::{Client, RequestBody};
use pushbutton::demo::repo::Shop;
use pushbutton::process::Program;
use std::path::PathBuf;
use tokio::process::Child;
pub use trees::{listing, served, tree};
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
        process::end_runners(&self.data());
        process::end_masters(&self.data());
    }
}
