//! A chat: npm's Hubot with the script of `docs/hubot/`, spoken to by its shell, over a real server with real hosts. Somebody asks, and the last
//! build that a person has approved goes to production; what nobody has approved does not.

use crate::cli::pushbutton;
use crate::house::{DEADLINE, House, Plans, until};
use crate::sources::rewrite;
use pushbutton::process::Program;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout};

const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/hubot");
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/hubot/pushbutton.mjs");

/// A bot that runs, and all that it has said.
struct Bot {
    _child: Child,
    _dir: tempfile::TempDir,
    input: ChildStdin,
    output: ChildStdout,
    said: String,
}

impl Bot {
    async fn of(house: &House, token: &str) -> Self {
        let tools = Path::new(TOOLS);
        assert!(tools.join("node_modules/hubot").exists(), "`script/bootstrap test` brings hubot, with npm");
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("scripts")).unwrap();
        std::fs::copy(SCRIPT, dir.path().join("scripts/pushbutton.mjs")).unwrap();
        std::fs::write(dir.path().join("token"), token).unwrap();
        std::fs::set_permissions(dir.path().join("token"), std::fs::Permissions::from_mode(0o600)).unwrap();
        let program = Program::new("node").arg(tools.join("node_modules/hubot/bin/Hubot.mjs"));
        let program = program.args(["--adapter", "Shell", "--name", "hubot", "--disable-httpd"]).dir(dir.path());
        let program = program.env("HOME", dir.path()).env("HUBOT_SHELL_USER_NAME", "dot").with_input();
        let program =
            program.env("PUSHBUTTON_SERVER", &house.url).env("PUSHBUTTON_TOKEN_FILE", dir.path().join("token"));
        let mut child = program.start().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut bot = Self { _child: child, _dir: dir, input, output, said: String::new() };
        // It says this when the scripts before were read.
        bot.hears("No external-scripts.json found").await;
        bot
    }

    /// Reads on until the bot has said this, and gives back all that it said since the last time.
    async fn hears(&mut self, words: &str) -> String {
        let reads = async {
            while !self.said.contains(words) {
                let mut part = [0; 4096];
                let length = self.output.read(&mut part).await.unwrap();
                assert!(length > 0, "the bot has ended: {}", self.said);
                self.said += &String::from_utf8_lossy(&part[..length]);
            }
        };
        let heard = tokio::time::timeout(DEADLINE, reads).await;
        assert!(heard.is_ok(), "the bot does not say {words:?}: {}", self.said);
        std::mem::take(&mut self.said)
    }

    async fn says(&mut self, line: &str, answer: &str) -> String {
        self.input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        self.hears(answer).await
    }
}

#[tokio::test]
async fn a_chat_asks_and_the_last_approved_build_goes_to_production() {
    let house = House::build(Plans { qa: &["qa1"], prod: &["web1", "web2"], ..Plans::default() }).await;
    rewrite(&house, |line| match line {
        "name = \"prod\"" => Some("name = \"prod\"\nneeds = \"approved\"".to_owned()),
        line => Some(line.to_owned()),
    });
    until("the file is read", async || (house.stage("qa").await["marks_wanted"] == true).then_some(())).await;
    let build = house.push_well("qa").await["push"]["build"].as_str().unwrap().to_owned();
    let made = pushbutton(&house, &["token", "add", "chat", "--may", "see:web,push:web"]).await;
    let mut bot = Bot::of(&house, made.out.trim()).await;
    let said = bot.says("hubot what runs on web", "prod: nothing yet").await;
    assert!(said.contains(&format!("qa: {build} by mary")), "{said}");

    let said = bot.says("hubot push web to prod because the fair begins", "not done: ").await;
    assert!(said.contains("good") || bot.hears("good").await.contains("good"), "{said}");
    let marked = pushbutton(&house, &["mark", "good", "web", "qa", &build]).await;
    assert_eq!(marked.code, Some(0), "{marked:?}");
    bot.says("hubot push web to prod because the fair begins", "push 2 has started: ").await;
    bot.hears(&format!("push 2 succeeded, 2 of 2 hosts have {build}")).await;
    let row = house.push(2).await["push"].clone();
    assert_eq!(
        (row["who"].as_str(), row["reason"].as_str()),
        (Some("chat (token of olga)"), Some("dot: the fair begins"))
    );

    // A newer build that nobody has approved stays where it is.
    house.commit().await;
    house.push_well("qa").await;
    bot.says("hubot push web to prod", "not done: ").await;
    assert_eq!(house.stage("prod").await["current"]["build"], build.as_str());

    // The token has no right to anything else, whatever the room says.
    bot.says("hubot what runs on search", "not done: ").await;
    bot.says("hubot cancel push 2", "not done: ").await;
}
