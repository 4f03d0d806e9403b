//! The blocks of `docs/` that are run: over real hosts and a real server, in the order in which a reader would, each as it is shown but
//! for numbers and places.

use super::names::{commands_in, misunderstood};
use super::page;
use super::scene::{house, house_over, house_with};
use crate::cli::pushbutton;
use crate::house::{DEADLINE, House, until};
use pushbutton::process::Program;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tokio::io::AsyncWriteExt;

/// A directory of programs in which `pushbutton` is the one under test.
pub fn programs(dir: &Path) -> PathBuf {
    let bin = dir.join("bin");
    if !bin.exists() {
        std::fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_pushbutton"), bin.join("pushbutton")).unwrap();
    }
    bin
}

/// Runs a text as its reader would, in a directory with `config.toml`; it must end well. Gives back what it said.
pub async fn shell(dir: &Path, text: &str, input: &str) -> String {
    let path = format!("{}:{}", programs(dir).display(), std::env::var("PATH").unwrap());
    let program = Program::new("sh").args(["-euc", text]).dir(dir).with_input();
    let mut child = program.env("PATH", path).env("HOME", dir).env("USER", "mary").start().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes()).await;
    let said = tokio::time::timeout(DEADLINE, child.wait_with_output()).await.unwrap().unwrap();
    let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(said.status.success(), "{text}\n{:?}\n{out}\n{err}", said.status.code());
    out.into_owned()
}

/// The text with what every reader must change; each of it must be there.
pub fn changed(text: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} in {text}");
        text.replace(from, to)
    })
}

/// A reader in that house.
struct Reader {
    house: House,
}

impl Reader {
    /// Runs the block of a page that begins so.
    async fn run(&self, path: &str, begins: &str, changes: &[(&str, &str)]) -> String {
        shell(self.house.dir.path(), &changed(&page(path).block(begins), changes), "").await
    }

    /// Waits until a push asks.
    async fn asks(&self, id: i64) {
        until("the push asks", async || (!self.house.push(id).await["push"]["question"].is_null()).then_some(())).await;
    }

    async fn ended_as(&self, id: i64, state: &str) {
        let push = self.house.ended(id).await;
        assert_eq!(push["push"]["state"], state, "{push:#}\n{}", self.house.log(id).await);
    }

    /// The newest push of the stack.
    async fn newest(&self) -> i64 {
        self.house.stack_view().await["recent"][0]["id"].as_i64().unwrap()
    }
}

#[tokio::test]
async fn what_the_page_on_pushing_shows_is_done() {
    const PAGE: &str = "docs/pushing.md";
    let reader = Reader { house: house().await };
    let house = &reader.house;
    house.button("qa").await;
    let said = reader.run(PAGE, "pushbutton push web qa --follow", &[]).await;
    assert!(said.contains("succeeded, 1 of 1 host"), "{said}");
    let plan = reader.run(PAGE, "pushbutton plan web prod", &[]).await;
    let script = std::fs::read_to_string(house.dir.path().join("prod.sh")).unwrap();
    assert!(plan.contains("activate /srv/web") && script.starts_with("#!"), "{plan}\n{script}");
    let sha = house.stage("qa").await["current"]["sha"].as_str().unwrap()[..10].to_owned();
    reader.run(PAGE, "pushbutton push web qa --sha", &[("51d0c3e", &sha)]).await;
    reader.ended_as(2, "succeeded").await;

    // Paused, continued, answered.
    let id = house.press("prod").await;
    let number = id.to_string();
    let it = [("214", number.as_str())];
    reader.asks(id).await;
    reader.run(PAGE, "pushbutton pause 214 ", &it).await;
    assert!(!house.push(id).await["push"]["paused"].is_null());
    reader.run(PAGE, "pushbutton resume 214", &it).await;
    assert!(house.push(id).await["push"]["paused"].is_null());
    reader.run(PAGE, "pushbutton confirm 214", &it).await;
    reader.ended_as(id, "succeeded").await;

    // Cancelled, and resumed to the end.
    house.commit().await;
    house.push_well("qa").await;
    let id = house.press("prod").await;
    let number = id.to_string();
    let it = [("214", number.as_str())];
    reader.asks(id).await;
    reader.run(PAGE, "pushbutton cancel 214 ", &it).await;
    reader.ended_as(id, "cancelled").await;
    reader.run(PAGE, "pushbutton resume 214", &it).await;
    let resumed = reader.newest().await;
    assert!(resumed > id);
    reader.asks(resumed).await;
    reader.run(PAGE, "pushbutton confirm 214", &[("214", &resumed.to_string())]).await;
    reader.ended_as(resumed, "succeeded").await;

    reader.run(PAGE, "pushbutton rollback web prod ", &[]).await;
    let back = reader.newest().await;
    reader.ended_as(back, "succeeded").await;
    assert_eq!(house.stage("prod").await["current"]["sha"].as_str().map(|it| it[..10].to_owned()), Some(sha));
    reader.run(PAGE, "pushbutton catch-up web prod ", &[]).await;
    let caught_up = reader.newest().await;
    assert!(caught_up > back);
    reader.ended_as(caught_up, "succeeded").await;
    let said = reader.run(PAGE, "pushbutton hold web/prod ", &[]).await;
    assert!(said.contains("is held for 2h") && said.contains("is no longer held"), "{said}");

    // A second pair of eyes.
    let file = house.dir.path().join("stacks/web.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("name = \"prod\"\n", "name = \"prod\"\napproval = 1\n")).unwrap();
    until("the file", async || (!house.stage("prod").await["approval"].is_null()).then_some(())).await;
    let said = reader.run(PAGE, "pushbutton ask-approval web prod ", &[]).await;
    assert!(said.contains("waits for approval: web to prod") && said.contains("approved: web to prod"), "{said}");
    let approved = reader.newest().await;
    assert_eq!(house.push(approved).await["push"]["approved_by"], "joe");
    reader.asks(approved).await;
    reader.run(PAGE, "pushbutton confirm 214", &[("214", &approved.to_string())]).await;
    reader.ended_as(approved, "succeeded").await;

    // What a build server says of a commit, and a stage that is pushed automatically.
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("name = \"qa\"\n", "name = \"qa\"\nneeds = \"ci/test\"\nauto = true\n"))
        .unwrap();
    until("the file", async || (!house.stage("qa").await["auto"].is_null()).then_some(())).await;
    let new = house.commit().await;
    assert_eq!(house.stage("qa").await["why_not"], "waiting for ci/test (0 of 1 green)");
    let said = reader.run(PAGE, "sha=51d0c3e", &[("51d0c3e04f9b7a2f6c8d1e3a5b7c9d0e1f2a3b4c", &new)]).await;
    assert!(said.contains(r#""state":"success","new":true"#), "{said}");
    let own = until("the push", async || Some(reader.newest().await).filter(|id| *id > approved)).await;
    assert_eq!(house.push(own).await["push"]["who"], "auto (stack web)");
    reader.ended_as(own, "succeeded").await;
    let said = reader.run(PAGE, "pushbutton auto on ", &[]).await;
    assert_eq!(said, "web/qa is pushed automatically\nweb/qa is pushed by people alone\n");
    let status = pushbutton(house, &["status"]).await;
    assert!(status.out.contains("auto off: off since "), "{status:?}");

    // Who is at the push host is an admin, and says why.
    let bare = pushbutton(house, &["push", "web", "prod", "--without-approval", " "]).await;
    assert!(bare.code == Some(1) && bare.err.contains("a push without approval needs a reason"), "{bare:?}");
    let said = pushbutton(house, &["push", "web", "prod", "--without-approval", "the site is down"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    let overridden = reader.newest().await;
    assert_eq!(house.push(overridden).await["push"]["override_why"], "the site is down");
    reader.asks(overridden).await;
    reader.run(PAGE, "pushbutton confirm 214", &[("214", &overridden.to_string())]).await;
    reader.ended_as(overridden, "succeeded").await;
}

#[tokio::test]
async fn what_the_pages_on_hosts_the_command_line_and_the_api_show_is_done() {
    let reader = Reader { house: house().await };
    let house = &reader.house;
    house.button("qa").await;
    let said = reader.run("docs/hosts.md", "pushbutton check --hosts", &[]).await;
    assert!(said.contains("web1.example.com"), "{said}");
    reader.run("docs/hosts.md", "pushbutton hosts trust", &[]).await;
    let said = reader.run("docs/hosts.md", "pushbutton hosts check web", &[]).await;
    assert!(said.contains("3 of 3 hosts ready") && said.contains("1 of 1 host"), "{said}");

    reader.run("docs/api.md", "curl -fsS --unix-socket", &[]).await;
    let said = reader.run("docs/api.md", "api() {", &[]).await;
    assert!(said.contains("push_ended") && said.ends_with("succeeded\n"), "{said}");
    assert_eq!(house.push(1).await["push"]["reason"], "nightly");
    assert_eq!(house.push(1).await["push"]["who"], "nightly");

    house.commit().await;
    let current = house.stage("qa").await["current"].clone();
    let (sha, build) = (current["sha"].as_str().unwrap(), current["build"].as_str().unwrap());
    let said = until("the new commit is known", async || {
        let said = reader.run("docs/api.md", "qa() {", &[]).await;
        (said.lines().count() == 2).then_some(said)
    });
    let said = said.await;
    assert!(said.starts_with(&format!("QA runs {sha}, as build {build}\n")), "{said}");

    let said = reader.run("docs/cli.md", "pushbutton status", &[("214", "2")]).await;
    assert_eq!(said.matches("succeeded, 1 of 1 host").count(), 2, "pushed, and followed again: {said}");
    reader.run("docs/install.md", "pushbutton check", &[]).await;
}

#[tokio::test]
async fn what_the_page_on_operating_shows_is_done() {
    const PAGE: &str = "docs/operating.md";
    let mut reader = Reader { house: house().await };
    reader.house.push_well("qa").await;
    let safe = reader.house.dir.path().join("safe.tar").display().to_string();
    let safe = [("/safe/place/2026-11-21.tar", safe.as_str())];
    let said = reader.run(PAGE, "pushbutton doctor", &[]).await;
    assert!(said.contains("0 wrong") && said.contains("places ok"), "{said}");
    reader.run(PAGE, "du -sh ", &[]).await;
    reader.run(PAGE, "pushbutton backup ", &safe).await;
    let said = reader.run(PAGE, "pushbutton verify", &[]).await;
    assert!(said.contains("everything is as it was written"), "{said}");

    // A push after the backup, and then the ledger is lost.
    let later = reader.house.push_well("qa").await["push"].clone();
    reader.house.kill_server().await;
    std::fs::rename(reader.house.data(), reader.house.dir.path().join("data.damaged")).unwrap();
    let said = reader.run(PAGE, "mkdir -m 700 data", &safe).await;
    assert!(said.contains("everything is as it was written"), "{said}");
    let (number, build) = (later["id"].to_string(), later["build"].as_str().unwrap());
    reader
        .run(PAGE, "cp -a data.damaged/pushes/215 ", &[("51d0c3e-215", build), ("/215 ", &format!("/{number} "))])
        .await;
    reader.house.start().await;
    reader.house.sign_in("mary").await;
    let known = reader.house.push(later["id"].as_i64().unwrap()).await["push"].clone();
    assert_eq!((&known["state"], &known["build"]), (&later["state"], &later["build"]), "{known:#}");
    reader.run(PAGE, "pushbutton verify", &[]).await;
    assert!(reader.house.get("/").await.text.contains("Two servers must not push"));
    reader.run(PAGE, "pushbutton take-over ", &[]).await;
    assert!(!reader.house.get("/").await.text.contains("Two servers must not push"));
    let push = reader.house.push_well("qa").await["push"]["id"].as_i64().unwrap();
    assert!(push > 1000, "numbers go on 1,000 higher: {push}");

    reader.house.kill_server().await;
    std::fs::remove_dir_all(reader.house.data()).unwrap();
    reader.house.start().await;
    reader.house.sign_in("mary").await;
    until("the page says what the hosts have seen", async || {
        (!reader.house.stack_view().await["newer"].is_null()).then_some(())
    })
    .await;
    let said = reader.run(PAGE, "pushbutton number-above ", &[]).await;
    assert!(said.contains(&format!("is number {}", push + 1)), "{said}");
}

/// Approves what a program asks to push to production, as a person does who was told.
async fn approves(house: &House) {
    const STAGE: &str = "/api/v1/stacks/web/stages/prod";
    let plan = until("the request", async || {
        let plan = house.get(&format!("{STAGE}/plan")).await;
        let plan: Value = serde_json::from_str(&plan.text).ok()?;
        (plan["approval"]["state"] == "waiting").then_some(plan)
    })
    .await;
    let yes = serde_json::json!({ "plan_hash": plan["plan_hash"] });
    let answer = house.send("POST", &format!("{STAGE}/approval/approve"), &yes).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
}

#[tokio::test]
async fn what_the_page_on_sources_shows_is_done() {
    const PAGE: &str = "docs/sources.md";
    let reader = Reader { house: house_over(|_| "{ published = true }".to_owned()).await };
    let dir = reader.house.dir.path();
    std::fs::create_dir(dir.join("out")).unwrap();
    std::fs::write(dir.join("out/index.html"), "hello\n").unwrap();
    reader.run(PAGE, "pushbutton build publish ", &[(" search ", " web ")]).await;
    let listed: Value = serde_json::from_str(&reader.house.get("/api/v1/stacks/web/builds").await.text).unwrap();
    assert_eq!(listed["builds"].as_array().map(Vec::len), Some(1), "{listed:#}");
    reader.run(PAGE, "pushbutton build withdraw ", &[(" search ", " web ")]).await;
    let key = dir.join("deploy-key").display().to_string();
    reader.run(PAGE, "ssh-keygen ", &[("/etc/pushbutton/deploy-key", &key)]).await;
    let source = changed(&page(PAGE).block("source = { git = \"git@"), &[("/etc/pushbutton/deploy-key", &key)]);
    let stages = "[[stage]]\nname = \"qa\"\nhosts = [\"qa1.example.com\"]\ncommands = [{ run = \"true\" }]\n";
    std::fs::write(dir.join("keyed.toml"), format!("{source}{stages}")).unwrap();
    shell(dir, "pushbutton check keyed.toml", "").await;
}

#[tokio::test]
async fn a_program_with_curl_alone_releases_as_the_page_on_ci_shows() {
    const PAGE: &str = "docs/ci.md";
    let mut reader = Reader { house: house_with(|_| "{ published = true }".to_owned(), "approval = 1\n").await };
    // The token is mary's: someone else approves.
    reader.house.sign_in("joe").await;
    let reader = reader;
    let (house, dir) = (&reader.house, reader.house.dir.path());
    let shop = house.shop.dir().display().to_string();
    let build = |text: &str| {
        std::fs::create_dir_all(dir.join("out")).unwrap();
        std::fs::write(dir.join("out/index.html"), text).unwrap();
    };
    let api = format!("{}/api/v1", house.url);
    let at = ("https://push.example.com/api/v1", api.as_str());
    let in_shop = format!("git -C {shop} rev-parse");
    let git = ("git rev-parse", in_shop.as_str());
    reader.run(PAGE, "pushbutton token add ci ", &[]).await;
    for text in ["one", "two"] {
        build(text);
        house.shop.commit(house.shop.commits().await.unwrap()).await.unwrap();
        let changes = [at, git];
        let script = reader.run(PAGE, "push=https://push.example.com/api/v1\napi() ", &changes);
        let (said, ()) = tokio::join!(script, approves(house));
        assert_eq!(said.matches("\"state\":\"succeeded\"").count(), 2, "{said}");
    }
    let newest = house.push(reader.newest().await).await;
    assert_eq!(newest["push"]["who"], "ci (token of mary)");
    reader.run(PAGE, "push=https://push.example.com/api/v1\ncurl ", &[at]).await;
    let back = reader.newest().await;
    reader.ended_as(back, "succeeded").await;
    let live = house.fleet.host("web1.example.com").unwrap().srv_dir().join("web/current/index.html");
    assert_eq!(std::fs::read_to_string(live).unwrap(), "one");

    let token = std::fs::read_to_string(dir.join("ci.token")).unwrap();
    let id = ("0123456789ab", token.split('_').nth(1).unwrap());
    let said = reader.run(PAGE, "pushbutton token list\n", &[id]).await;
    assert!(said.contains("ci (token of mary)") && said.contains("is revoked"), "{said}");
    let new = std::fs::read_to_string(dir.join("ci.new.token")).unwrap();
    let ask = |token: &str| {
        format!(
            "curl -s -o out/answer -w '%{{http_code}}' -H 'Authorization: Bearer {}' {api}/stacks/web",
            token.trim()
        )
    };
    assert_eq!(
        (shell(dir, &ask(&token), "").await, shell(dir, &ask(&new), "").await),
        ("401".to_owned(), "200".to_owned())
    );
}

#[tokio::test]
async fn people_come_and_go_as_the_page_on_installing_shows() {
    const PAGE: &str = "docs/install.md";
    let dir = tempfile::Builder::new().prefix("pb").tempdir().unwrap();
    let config = changed(
        &page(PAGE).block("# /etc/pushbutton/config.toml"),
        &[("/var/lib/pushbutton/data", "data"), ("/etc/pushbutton/stacks", "stacks")],
    );
    std::fs::write(dir.path().join("config.toml"), config).unwrap();
    std::fs::create_dir(dir.path().join("stacks")).unwrap();
    let run = async |begins: &str, input: &str| shell(dir.path(), &page(PAGE).block(begins), input).await;
    run("pushbutton user add mary", "correct horse battery\n").await;
    run("pushbutton user password mary", "another horse battery\n").await;
    let said = run("pushbutton user list", "").await;
    assert!(said.contains("Mary Example"), "{said}");
    let left = shell(dir.path(), "pushbutton user list", "").await;
    assert!(!left.contains("Mary Example"), "{left}");

    // The unit starts the server by a command that it takes, where the page puts the program.
    let units = dir.path().join("units");
    std::fs::create_dir(&units).unwrap();
    let root = env!("CARGO_MANIFEST_DIR");
    let to = units.join("pushbutton.service").display().to_string();
    let package = format!("{root}/package/pushbutton.service");
    let places = [
        ("package/pushbutton.service", package.as_str()),
        ("sudo ", ""),
        ("/etc/systemd/system/pushbutton.service", &to),
    ];
    shell(dir.path(), &changed(&page(PAGE).block("sed 's|^ExecStart="), &places), "").await;
    let unit = std::fs::read_to_string(&to).unwrap();
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/")).unwrap();
    assert_eq!(commands_in(start).await.iter().find_map(|words| misunderstood(words)), None);
}
