//! Where the hosts of a stage come from, and the ways to them: commands that list them, jump hosts, and host keys that
//! someone has looked at.

use crate::cli::{Said, program, pushbutton};
use crate::house::{DEADLINE, House, Plans, until};
use crate::site::{Site, host};
use pushbutton::demo::fleet::Fleet;
use pushbutton::demo::trouble::How;
use pushbutton::process::Program;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

impl House {
    /// Runs a command line with something to read: its code, and both streams as one text.
    async fn cli_with(&self, args: &[&str], input: &str) -> (Option<i32>, String) {
        run_with(program(self.dir.path(), args), input).await
    }

    /// The file in which ssh looks for host keys.
    fn known_hosts(&self) -> PathBuf {
        self.dir.path().join("fleet/known_hosts")
    }

    /// Changes the stack file.
    fn edit_stack(&self, from: &str, to: &str) {
        let path = self.dir.path().join("stacks/web.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    fn list(&self, hosts: &str) {
        std::fs::write(self.dir.path().join("stacks/hosts"), hosts).unwrap();
    }

    /// Presses with what was seen, and takes the refusal.
    async fn refused(&self, stage: &str, next: &Value) -> (String, String) {
        let answer = self.press_with(stage, next).await;
        assert_eq!(answer.status, 409, "{}", answer.text);
        let answer: Value = serde_json::from_str(&answer.text).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&answer["error"]["code"]), text(&answer["error"]["message"]))
    }

    /// Waits until a stage's page says why it cannot be pressed.
    async fn closed(&self, stage: &str, words: &str) {
        until(&format!("{stage} is closed with {words:?}"), async || {
            let why = self.stage(stage).await["why_not"].as_str()?.to_owned();
            why.contains(words).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_command_lists_the_hosts_and_what_it_says_at_the_press_is_what_is_pushed_to() {
    let plans = Plans {
        qa: &["qa1", "qa2", "qa3"],
        princess: &["p1"],
        commands: "{ run = \"echo on {host}\" },",
        config: "inventory_every_s = 1\n".to_owned(),
        ..Plans::default()
    };
    let mut house = House::build(plans).await;
    house.list("# the fleet\nqa[1-2]\n");
    let command = "cat hosts && test ! -e hang || sleep 600";
    house
        .edit_stack("qa = [\"qa1\", \"qa2\", \"qa3\"]", &format!("qa = {{ command = {command:?}, timeout = \"2s\" }}"));
    until("the command is asked", async || (house.stage("qa").await["hosts"] == json!(["qa1", "qa2"])).then_some(()))
        .await;
    let pushed = house.push_well("qa").await;
    assert_eq!(pushed["hosts"], json!(["qa1", "qa2"]));

    // What was added between the look and the press is named; the second press has seen it.
    house.commit().await;
    let seen = house.button("qa").await;
    house.list("qa[1-3]\n");
    let (code, words) = house.refused("qa", &seen).await;
    assert_eq!(code, "moved");
    assert!(words.contains("qa3 was added to the hosts of qa"), "{words}");
    let pushed = house.push_well("qa").await;
    assert_eq!(pushed["hosts"], json!(["qa1", "qa2", "qa3"]));
    let id = pushed["push"]["id"].as_i64().unwrap();
    let plan: Value = serde_json::from_slice(&std::fs::read(house.push_dir(id).join("plan.json")).unwrap()).unwrap();
    assert_eq!(plan["plan"]["hosts"], json!(["qa1", "qa2", "qa3"]), "frozen");

    // Bad answers close this stage and no other, at the press, on the page, in the API and in `check`.
    let seen = house.button("qa").await;
    for (listed, words) in [
        ("", "`cat hosts && test ! -e hang || sleep 600` named no host"),
        ("qa1\n", "leaves it 1 of the 3 hosts that push 2 had"),
        ("qa1\nqa2\nqa1\n", "named qa1 twice"),
    ] {
        house.list(listed);
        let (code, why) = house.refused("qa", &seen).await;
        assert_eq!(code, "no_hosts");
        assert!(why.starts_with("web cannot be pushed to qa: ") && why.contains(words), "{why}");
        house.closed("qa", words).await;
        assert!(house.stage("princess").await["why_not"].is_null(), "the other stage stays open");
    }
    let page = house.get("/stacks/web").await.text;
    assert!(page.contains("named qa1 twice"), "{page}");
    let Said { code, err, .. } = pushbutton(&house, &["check"]).await;
    assert_eq!(code, Some(1));
    assert!(
        err.contains("stage qa: the hosts of group qa are not known: ") && err.contains("named qa1 twice"),
        "{err}"
    );
    assert_eq!(pushbutton(&house, &["check", "--offline"]).await.code, Some(0));

    // One that hangs is ended with all that it started, and a page never waits for it.
    std::fs::write(house.dir.path().join("stacks/hang"), "").unwrap();
    house.list("qa[1-3]\n");
    house.closed("qa", "did not end within 2 s").await;
    let (_, why) = house.refused("qa", &seen).await;
    assert!(why.contains("did not end within 2 s"), "{why}");
    std::fs::remove_file(house.dir.path().join("stacks/hang")).unwrap();
    house.button("qa").await;

    // Without a server, too.
    house.kill_server().await;
    house.list("qa[2-3]\n");
    let Said { code, out, err } = pushbutton(&house, &["plan", "web", "qa"]).await;
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("hosts      qa2 qa3"), "{out}");
}

async fn run_with(program: Program, input: &str) -> (Option<i32>, String) {
    let mut child = program.with_input().start().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let (mut out, mut err) = (String::new(), String::new());
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (read_out, read_err) = tokio::join!(stdout.read_to_string(&mut out), stderr.read_to_string(&mut err));
    read_out.and(read_err).unwrap();
    (child.wait().await.unwrap().code(), format!("{out}{err}"))
}

/// How often someone signed in to a host, as its sshd tells it.
fn sign_ins(fleet: &Fleet, name: &str) -> usize {
    let log = std::fs::read_to_string(fleet.host(name).unwrap().sshd_log()).unwrap();
    log.matches("Accepted publickey").count()
}

/// Swaps the keys of two lines of a known_hosts file.
fn swap_keys(path: &Path, one: usize, other: usize) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines: Vec<(String, String)> =
        text.lines().map(|line| line.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap()).collect();
    let key = lines[one].1.clone();
    lines[one].1 = std::mem::replace(&mut lines[other].1, key);
    let text: String = lines.iter().map(|(at, key)| format!("{at} {key}\n")).collect();
    std::fs::write(path, text).unwrap();
}

/// A house whose hosts are reached through another one, its server not started.
async fn house_behind_a_bastion() -> House {
    let config = "warm_hosts = 0\n".to_owned();
    let plans = Plans { qa: &["qa1", "qa2"], princess: &["bastion"], config, ..Plans::default() };
    let mut house = House::build(plans).await;
    house.kill_server().await;
    house.edit_stack("[hosts]", "jump = \"bastion\"\n[hosts]");
    house
}

#[tokio::test]
async fn a_push_goes_through_the_bastion_and_never_past_a_key_of_it_that_changed() {
    let mut house = house_behind_a_bastion().await;
    swap_keys(&house.known_hosts(), 0, 2);
    house.start().await;
    let id = house.press("qa").await;
    let ended = house.ended(id).await;
    assert_eq!(ended["push"]["state"], "failed", "{ended:#}");
    let results: Vec<&Value> = ended["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["host"].as_str().is_some_and(|host| !host.is_empty()))
        .collect();
    assert_eq!(results.len(), 2, "{ended:#}");
    for row in results {
        assert_eq!(row["result"], "unreachable", "{row}");
        let why = row["why"].as_str().unwrap();
        let words = "through its jump host: the host key of bastion has changed";
        assert!(why.starts_with("cannot connect to qa") && why.contains(words), "{why}");
    }
    let log = std::fs::read_to_string(house.fleet.host("bastion").unwrap().sshd_log()).unwrap();
    let tries = log.matches("[preauth]").count();
    assert!((2..=3).contains(&tries), "one try for each host, and one to hear why:\n{log}");
    assert_eq!([sign_ins(&house.fleet, "qa1"), sign_ins(&house.fleet, "qa2")], [0, 0]);

    // With the right key every byte comes by way of the bastion: commands, rsync, the plan's own script.
    swap_keys(&house.known_hosts(), 0, 2);
    house.push_well("qa").await;
    assert_eq!([sign_ins(&house.fleet, "bastion"), sign_ins(&house.fleet, "qa1")], [2, 1]);
    let plan = house.get("/api/v1/stacks/web/stages/qa/plan").await.text;
    assert!(plan.contains("qa1 via bastion"), "{plan}");
    house.commit().await;
    let Said { code, out: script, err } = pushbutton(&house, &["plan", "web", "qa", "--shell"]).await;
    assert_eq!(code, Some(0), "{err}");
    let (code, said) = run_with(Program::new("sh").env("HOME", house.dir.path()), &script).await;
    assert_eq!(code, Some(0), "{said}\n{script}");
    assert!(sign_ins(&house.fleet, "bastion") >= 4, "the script goes the same way");
    assert_eq!(sign_ins(&house.fleet, "bastion") - 2, 2 * (sign_ins(&house.fleet, "qa1") - 1), "and no other");

    // The warm fleet finds the connections of the push, and makes them the same way.
    house.kill_server().await;
    let config = house.dir.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap().replace("warm_hosts = 0\n", "");
    std::fs::write(&config, text).unwrap();
    house.start().await;
    until("both hosts are ready", async || {
        let ready = house.stage("qa").await["ready"].clone();
        (ready["ready"] == 2 && ready["total"] == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_on_the_way_to_a_host_is_told_apart_from_what_is_wrong_there() {
    let site = Site::with(&["bastion", "web1", "web2", "web3"]).await;
    let by_bastion = |name: &str| host(&format!("{name} via bastion"));
    site.masters.connect(&by_bastion("web1")).await.unwrap();
    assert_eq!([site.sign_ins("bastion"), site.sign_ins("web1")], [1, 1]);
    site.machine("web3").break_(How::Dead).await.unwrap();
    swap_keys(&site.room.path().join("fleet/known_hosts"), 1, 2);
    // An hour between the tries: a second one would never end.
    let once = site.masters_with(vec![Duration::from_secs(3600)]);
    let refused = async |masters: &pushbutton::remote::masters::Masters, name: &str| {
        let way = by_bastion(name);
        let trying = tokio::time::timeout(Duration::from_secs(60), masters.connect(&way));
        match trying.await.expect("no second try") {
            Ok(_) => panic!("{name} was let in"),
            Err(why) => why.0,
        }
    };
    let why = refused(&once, "web2").await;
    assert!(why.starts_with("the host key of web2 via bastion has changed"), "{why}");
    let why = refused(&site.masters, "web3").await;
    assert!(why.starts_with("the jump host bastion cannot reach web3: "), "{why}");
    std::fs::write(site.room.path().join("fleet/bastion/etc/authorized_keys"), "").unwrap();
    let why = refused(&once, "web2").await;
    assert!(why.starts_with("cannot connect to web2 through its jump host: bastion refuses our key"), "{why}");
    site.machine("bastion").break_(How::Dead).await.unwrap();
    let why = refused(&site.masters, "web2").await;
    assert!(why.starts_with("cannot connect to web2 through its jump host: bastion refuses connections"), "{why}");
}

#[tokio::test]
async fn host_keys_are_kept_only_when_somebody_knows_their_fingerprints_and_never_replaced() {
    let mut house = house_behind_a_bastion().await;
    let known = house.known_hosts();
    let before = std::fs::read_to_string(&known).unwrap();
    std::fs::write(&known, "# kept").unwrap();
    let fingerprint = async |name: &str| {
        let key = house.dir.path().join("fleet").join(name).join("etc/host_key.pub");
        let said = Program::new("ssh-keygen").arg("-lf").arg(key).output(Duration::from_secs(20)).await.unwrap();
        String::from_utf8(said.stdout).unwrap().split(' ').nth(1).unwrap().to_owned()
    };
    let (bastion, qa1, qa2) = (fingerprint("bastion").await, fingerprint("qa1").await, fingerprint("qa2").await);

    // A pipe that says yes to everything has looked at nothing.
    let (code, said) = house.cli_with(&["hosts", "trust", "web"], "yes\nyes\nyes\n").await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("bastion presents a key that is not known here:") && said.contains(&bastion), "{said}");
    assert!(
        said.contains(
            "cannot connect to qa1 through its jump host: the host key of bastion is not known on the push host"
        ),
        "{said}"
    );
    assert_eq!(std::fs::read_to_string(&known).unwrap(), "# kept");

    // The bastion comes first, and its hosts are seen through it.
    let (code, said) = house.cli_with(&["hosts", "trust", "web"], &format!("{bastion}\n{qa1}\n{qa1}\n")).await;
    assert_eq!(code, Some(1), "another host's fingerprint is no answer: {said}");
    assert!(
        said.contains(&qa2) && said.contains("0 known before, 2 kept in ") && said.contains("1 not known"),
        "{said}"
    );
    let (code, said) = house.cli_with(&["hosts", "trust", "web", "--expect", &qa2], "").await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("2 known before, 1 kept in ") && said.contains("0 not known"), "{said}");
    let mut lines: Vec<String> = std::fs::read_to_string(&known).unwrap().lines().map(key_of).collect();
    assert_eq!(lines.remove(0), "# kept", "what was there is there");
    let mut wanted: Vec<String> = before.lines().map(key_of).collect();
    lines.sort();
    wanted.sort();
    assert_eq!(lines, wanted);
    house.start().await;
    house.push_well("qa").await;

    // A key that changed is told with both fingerprints, and left as it is.
    let qa1_place = std::fs::read_to_string(&known)
        .unwrap()
        .lines()
        .position(|line| line.contains(&place_of(&house, "qa1")))
        .unwrap();
    let bastion_place = std::fs::read_to_string(&known)
        .unwrap()
        .lines()
        .position(|line| line.contains(&place_of(&house, "qa2")))
        .unwrap();
    let text = std::fs::read_to_string(&known).unwrap().replace("# kept\n", "");
    std::fs::write(&known, text).unwrap();
    swap_keys(&known, qa1_place - 1, bastion_place - 1);
    let swapped = std::fs::read_to_string(&known).unwrap();
    // By the name that the command had before.
    let (code, said) = house.cli_with(&["hosts", "enrol", "web"], "").await;
    assert_eq!(code, Some(1), "{said}");
    for words in [
        "qa1 via bastion presents another key than the known one".to_owned(),
        format!("known  ED25519 {qa2}"),
        format!("shown  {qa1}"),
        format!("sed -i '{qa1_place}d' '{}'", known.display()),
    ] {
        assert!(said.contains(&words), "{words:?} is missing: {said}");
    }
    assert_eq!(std::fs::read_to_string(&known).unwrap(), swapped);
    assert!(
        house
            .data()
            .join("ssh")
            .read_dir()
            .unwrap()
            .flatten()
            .all(|entry| !entry.file_name().to_string_lossy().starts_with("enrol."))
    );
}

/// A line of known_hosts without its comment.
fn key_of(line: &str) -> String {
    line.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// Where a host listens, as known_hosts has it.
fn place_of(house: &House, name: &str) -> String {
    let at = house.fleet.host(name).unwrap().address();
    format!("[{}]:{}", at.ip(), at.port())
}

#[tokio::test]
async fn check_hosts_says_once_that_git_lfs_is_missing_and_looks_at_the_hosts_all_the_same() {
    let mut house = House::build(Plans { qa: &["qa1"], ..Plans::default() }).await;
    house.kill_server().await;
    house.edit_stack("branch = \"main\"", "branch = \"main\", lfs = true");
    // A machine with all that a push needs but git-lfs.
    let tools = house.dir.path().join("tools");
    std::fs::create_dir(&tools).unwrap();
    let path = std::env::var("PATH").unwrap();
    for name in ["ssh", "ssh-keygen", "rsync", "git", "curl", "sh", "env"] {
        let found = path.split(':').map(|dir| Path::new(dir).join(name)).find(|file| file.exists()).unwrap();
        std::os::unix::fs::symlink(found, tools.join(name)).unwrap();
    }
    let check = async |args: &[&str]| {
        let output = program(house.dir.path(), args).env("PATH", &tools).output(DEADLINE).await.unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let (code, said) = check(&["check", "--hosts"]).await;
    assert_eq!((code, said.matches("git-lfs is not installed").count()), (Some(1), 1), "{said}");
    let cure = "    FIX  git-lfs is not installed here, or not on the server's PATH: apt install git-lfs, or remove lfs = true from the \
                stack file\n";
    assert!(said.contains(cure) && said.contains("  qa1: ok ("), "{said}");
    let (code, said) = check(&["check"]).await;
    assert!(code == Some(1) && said.contains("source: git-lfs is not installed on the push host"), "{said}");
}
