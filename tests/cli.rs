//! The command line: through the server and by itself when there is none, with exit codes that a script can believe.

use crate::house::{DEADLINE, House, Plans, client_of, served, tree};
use pushbutton::demo::http::RequestBody;
use pushbutton::process::Program;
use serde_json::Value;
use std::path::Path;
use tokio::process::Child;

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    /// Both streams as one text.
    pub fn both(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

/// A command line on the configuration in this directory, typed by olga.
pub fn program(dir: &Path, args: &[&str]) -> Program {
    let config = dir.join("config.toml");
    let program = Program::new(env!("CARGO_BIN_EXE_pushbutton")).arg("--config").arg(config).args(args);
    program.env("HOME", dir).env("USER", "olga").dir(dir)
}

/// Runs a command line on this house's configuration.
pub async fn pushbutton(house: &House, args: &[&str]) -> Said {
    said(program(house.dir.path(), args).output(DEADLINE).await.unwrap())
}

/// What `pushbutton check` says of a stack file that lies alone in its directory.
pub async fn check_of(stack: &str) -> Said {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("web.toml");
    std::fs::write(&file, stack).unwrap();
    let program = Program::new(env!("CARGO_BIN_EXE_pushbutton")).arg("check").arg(&file).dir(dir.path());
    said(program.env("HOME", dir.path()).output(DEADLINE).await.unwrap())
}

/// Whatever a command says in a pipe is whole lines, with nothing that draws over them.
pub fn said(output: std::process::Output) -> Said {
    let text = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "the last line has its end: {text:?}");
        assert!(!text.contains(['\r', '\u{1b}']), "no progress, no colours: {text:?}");
        text
    };
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

pub async fn ended(child: Child) -> Said {
    said(tokio::time::timeout(DEADLINE, child.wait_with_output()).await.unwrap().unwrap())
}

async fn plan_hash(house: &House, stage: &str) -> String {
    let said = pushbutton(house, &["plan", "web", stage, "--json"]).await;
    let plan: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    plan["plan_hash"].as_str().unwrap().to_owned()
}

/// A command that waits forever on a host where `/srv/slow` is, and fails where `/srv/bad` is.
const TEMPER: &str = r#"
  { release = "/srv/web" },
  { activate = "/srv/web" },
  { run = "echo now $PUSH_SHA by-{who}; if [ -e /srv/slow ]; then echo slowly; sleep 1000; fi; test ! -e /srv/bad" },
"#;

#[tokio::test]
async fn a_push_from_the_command_line_ends_with_the_code_of_its_end() {
    let house = House::build(Plans { qa: &["qa1", "qa2"], commands: TEMPER, ..Plans::default() }).await;
    house.button("qa").await;
    let plan = pushbutton(&house, &["plan", "web", "qa"]).await;
    assert_eq!(plan.code, Some(0), "{plan:?}");
    let hash = plan_hash(&house, "qa").await;
    assert!(plan.out.contains(&hash) && plan.out.contains("release /srv/web  (2 hosts, all at once)"), "{}", plan.out);
    assert!(plan.out.contains("not known: no push to it has succeeded yet"), "{}", plan.out);
    assert_eq!(plan_hash(&house, "qa").await, hash, "the same plan has the same hash");

    let pushed = pushbutton(&house, &["push", "web", "qa", "--follow", "--plan", &hash, "--reason", "first one"]).await;
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    let row = house.push(1).await["push"].clone();
    assert_eq!((row["who"].as_str(), row["reason"].as_str()), (Some("olga"), Some("first one")));
    assert_eq!(row["plan_hash"], hash.as_str(), "what was shown is what was pushed");
    let line = format!("│ now {} by-olga", row["sha"].as_str().unwrap());
    assert_eq!(pushed.out.matches(&line).count(), 2, "{}", pushed.out);
    assert!(pushed.out.contains("succeeded, 2 of 2 hosts"), "{}", pushed.out);
    let again = pushbutton(&house, &["follow", "1"]).await;
    assert_eq!(again.code, Some(0));
    assert!(pushed.out.ends_with(&again.out), "a late viewer sees the same");

    let moved = pushbutton(&house, &["push", "web", "qa", "--plan", &hash]).await;
    assert_eq!(moved.code, Some(1), "qa runs something now, so the plan is another: {moved:?}");
    assert!(moved.err.contains("nothing was pushed"), "{}", moved.err);

    std::fs::write(house.fleet.host("qa2").unwrap().srv_dir().join("bad"), "").unwrap();
    let failed = pushbutton(&house, &["push", "web", "qa", "--follow"]).await;
    assert_eq!(failed.code, Some(10), "{failed:?}");
    assert!(failed.out.contains("qa2 ✗ failed, exit 1"), "{}", failed.out);
    let unknown = pushbutton(&house, &["follow", "99"]).await;
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert!(unknown.err.contains("push 99 does not exist"), "{}", unknown.err);
    let status = pushbutton(&house, &["status"]).await;
    assert!(status.out.contains("push 2 failed: command 6"), "{}", status.out);

    // Whoever only reads needs no name: not under cron, not as DOM\user. Who changes something does.
    let nameless = async |environment: &[(&str, &str)], args: &[&str]| {
        let config = house.dir.path().join("config.toml");
        let program = Program::new(env!("CARGO_BIN_EXE_pushbutton")).arg("--config").arg(config).args(args);
        let program =
            environment.iter().fold(program.dir(house.dir.path()), |program, (name, value)| program.env(name, value));
        said(program.output(DEADLINE).await.unwrap())
    };
    for args in [
        &["status"][..],
        &["status", "web", "--json"],
        &["plan", "web", "qa"],
        &["plan", "web", "qa", "--shell"],
        &["check"],
        &["check", "--hosts"],
        &["verify"],
        &["follow", "1"],
    ] {
        let read = nameless(&[], args).await;
        assert_eq!(read.code, Some(0), "{args:?}: {read:?}");
    }
    // Whose reader has gone says nothing of history or of a push.
    let mut unread = program(house.dir.path(), &["verify"]).start().unwrap();
    drop(unread.stdout.take());
    assert_eq!(unread.wait().await.unwrap().code(), Some(141));
    for environment in [
        &[("USER", r"DOM\user")][..],
        &[("SUDO_USER", ""), ("USER", ""), ("PUSHBUTTON_WHO", "")],
        &[("PUSHBUTTON_WHO", r"DOM\user"), ("SUDO_USER", r"DOM\user"), ("USER", "-x")],
    ] {
        let read = nameless(environment, &["status"]).await;
        assert_eq!(read.code, Some(0), "{environment:?}: {read:?}");
        let push = nameless(environment, &["push", "web", "qa"]).await;
        let why = if environment[0].1.is_empty() {
            "your name is not known"
        } else {
            "cannot be used as a name in the history"
        };
        assert!(push.code == Some(1) && push.err.contains(why) && push.err.contains("--as NAME"), "{push:?}");
    }
    assert_eq!(house.get("/api/v1/pushes/3").await.status, 404, "nothing was pushed by nobody");
}

#[tokio::test]
async fn a_second_terminal_cancels_holds_and_releases_and_the_network_names_nobody() {
    let house = House::build(Plans { qa: &["qa1"], commands: TEMPER, ..Plans::default() }).await;
    house.button("qa").await;
    std::fs::write(house.fleet.host("qa1").unwrap().srv_dir().join("slow"), "").unwrap();
    let first = program(house.dir.path(), &["push", "web", "qa", "--follow"]).start().unwrap();
    house.journal_says(1, "slowly\"").await;
    let locked = pushbutton(&house, &["push", "web", "qa", "--as", "kate"]).await;
    assert_eq!(locked.code, Some(1));
    assert!(locked.err.contains("olga is pushing web to qa right now (push 1)"), "{}", locked.err);
    assert!(locked.err.contains("hint: pushbutton follow 1"), "{}", locked.err);
    let cancel = pushbutton(&house, &["cancel", "1", "--reason", "wrong branch", "--as", "kate"]).await;
    assert_eq!(cancel.code, Some(0), "{cancel:?}");
    let first = ended(first).await;
    assert_eq!(first.code, Some(130), "{first:?}");
    assert!(first.out.contains("cancelled: kate cancelled it"), "{}", first.out);
    assert_eq!(pushbutton(&house, &["cancel", "1"]).await.code, Some(1), "it has ended");

    for end in [["--for", "soon"], ["--for", "2026-11-22T16:00Z"], ["--until", "2h"]] {
        let bad = pushbutton(&house, &[&["hold", "web/qa", "--reason", "the fair is on"], &end[..]].concat()).await;
        assert_eq!(bad.code, Some(2), "{bad:?}");
    }
    let held = pushbutton(&house, &["hold", "web/qa", "--reason", "the fair is on", "--for", "2h"]).await;
    assert_eq!((held.code, held.out.as_str()), (Some(0), "web/qa is held for 2h\n"), "{held:?}");
    let refused = pushbutton(&house, &["push", "web", "qa"]).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("web/qa is held by olga until "), "{}", refused.err);
    assert!(pushbutton(&house, &["status", "web"]).await.out.contains("web/qa is held by olga"), "status says it too");
    assert_eq!(pushbutton(&house, &["release-hold", "web/qa"]).await.code, Some(0));
    assert_eq!(pushbutton(&house, &["release-hold", "web/qa"]).await.code, Some(1), "nothing is held");

    let audit = rusqlite::Connection::open(house.data().join("pushbutton.db")).unwrap();
    let by_socket: i64 = audit
        .query_row("SELECT count(*) FROM audit WHERE what = 'command line' AND detail LIKE '% by user %'", [], |r| {
            r.get(0)
        })
        .unwrap();
    assert_eq!(by_socket, 8, "each change is in the audit with the user of the machine, the refused ones too");
    for header in ["X-Pushbutton-Who", "X_Pushbutton_Who"] {
        let mut client = client_of(&house.url);
        let answer = client.send("GET", "/api/v1/stacks", RequestBody::Nothing, &[(header, "mary")]).await.unwrap();
        assert_eq!(answer.status, 400, "{header} on the network");
    }
    let socket = std::fs::metadata(house.data().join("admin.sock")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&socket.permissions()) & 0o777, 0o600);
}

#[tokio::test]
async fn with_the_server_down_one_can_push_roll_back_resume_cancel_and_read() {
    let mut house = House::build(Plans { qa: &["qa1"], princess: &["p1"], commands: TEMPER, ..Plans::default() }).await;
    house.button("qa").await;
    house.kill_server().await;
    let newest = house.shop.commit(house.shop.commits().await.unwrap()).await.unwrap();
    let pushed = pushbutton(&house, &["push", "web", "qa", "--follow"]).await;
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    assert!(pushed.out.contains(newest.as_str()), "the newest commit was fetched: {}", pushed.out);
    house.shop.commit(house.shop.commits().await.unwrap()).await.unwrap();
    assert_eq!(pushbutton(&house, &["push", "web", "qa"]).await.code, Some(0));
    let current = || std::fs::read_link(house.fleet.host("qa1").unwrap().srv_dir().join("web/current")).unwrap();
    assert!(current().to_str().unwrap().ends_with("-2"), "{:?}", current());
    let back = pushbutton(&house, &["rollback", "web", "qa", "--reason", "the fair is on"]).await;
    assert_eq!(back.code, Some(0), "{back:?}");
    assert!(current().to_str().unwrap().ends_with("-1"), "{:?}", current());
    assert!(pushbutton(&house, &["status"]).await.out.contains("since"), "status knows");

    std::fs::write(house.fleet.host("p1").unwrap().srv_dir().join("slow"), "").unwrap();
    let first = program(house.dir.path(), &["push", "web", "princess"]).start().unwrap();
    house.journal_says(4, "slowly\"").await;
    let cancel = pushbutton(&house, &["cancel", "4", "--as", "kate"]).await;
    assert_eq!(cancel.code, Some(0), "{cancel:?}");
    let first = ended(first).await;
    assert_eq!(first.code, Some(130), "without a server a push is always followed: {first:?}");
    assert!(first.out.contains("kate cancelled it"), "{}", first.out);

    // A viewer that dies does not take the push with it, and whoever comes next books its end.
    let mut second = program(house.dir.path(), &["resume", "4"]).start().unwrap();
    house.journal_says(5, "slowly\"").await;
    second.start_kill().unwrap();
    second.wait().await.unwrap();
    let cancel = pushbutton(&house, &["cancel", "5"]).await;
    assert_eq!(cancel.code, Some(0), "{cancel:?}");
    assert!(cancel.out.contains("cancelled"), "{}", cancel.out);
    house.start().await;
    house.sign_in("mary").await;
    for (push, state) in [(1, "succeeded"), (3, "succeeded"), (4, "cancelled"), (5, "cancelled")] {
        assert_eq!(house.push(push).await["push"]["state"], state, "push {push}");
    }
    assert_eq!(pushbutton(&house, &["follow", "1"]).await.code, Some(0));
}

#[tokio::test]
async fn a_plan_as_shell_brings_the_same_tree_to_the_hosts() {
    let commands = r#"
      { rsync = "./", to = "/srv/copies/{sha}-{stage}/of-{host}/", exclude = ["*.map"] },
      { release = "/srv/web", shared = ["log/"], fan_out = "relay" },
      { activate = "/srv/web" },
      { run = "echo {stage} $PUSH_BUILD {host} \"it's\" >/srv/said", chunk = [1, 5] },
      "echo {host} {sha}",
    "#;
    // No key between the hosts: whoever is fed by another is fed by the push host after all.
    let stage = "relay = { seeds = 1 }";
    let plans = Plans { qa: &["qa1"], princess: &["p1", "p2"], commands, stage, ..Plans::default() };
    let house = House::build(plans).await;
    let srv = |host: &str| house.fleet.host(host).unwrap().srv_dir();
    let by_hand = async |stage: &str| {
        let script = pushbutton(&house, &["plan", "web", stage, "--shell"]).await;
        assert_eq!(script.code, Some(0), "{script:?}");
        let mut shell = Program::new("sh").with_input().env("HOME", house.dir.path()).start().unwrap();
        let mut input = shell.stdin.take().unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut input, script.out.as_bytes()).await.unwrap();
        drop(input);
        // The shell's ssh and rsync say what they like.
        let ran = tokio::time::timeout(DEADLINE, shell.wait_with_output()).await.unwrap().unwrap();
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let ran = Said { code: ran.status.code(), out: said(&ran.stdout), err: said(&ran.stderr) };
        assert_eq!(ran.code, Some(0), "{ran:?}\n{}", script.out);
    };
    let sha = house.button("qa").await["sha"].as_str().unwrap().to_owned();
    let to = format!("/srv/copies/{sha}-qa");
    let page = house.get("/stacks/web/stages/qa/plan").await.text;
    assert!(page.contains(&format!("rsync ./ → {to}/of-{{host}}/")), "the plan shows the values: {page}");
    by_hand("qa").await;
    let copied = || tree(&srv("qa1").join(format!("copies/{sha}-qa/of-qa1")));
    let (web, copy) = (served(&house.fleet, "qa1"), copied());
    assert!(web.len() > 3 && copy.len() > 3, "{web:#?} {copy:#?}");
    let push = house.push_well("qa").await;
    let log = house.log(push["push"]["id"].as_i64().unwrap()).await;
    assert!(log.contains(&format!("$ rsync ./ → {to}/of-qa1/")), "{log}");
    let pushed = served(&house.fleet, "qa1");
    assert_eq!(web, pushed, "the very files that a push brings, built by hand");
    assert_eq!(copy, copied());
    by_hand("princess").await;
    for host in ["p1", "p2"] {
        assert_eq!(served(&house.fleet, host), pushed, "{host}");
        let said = std::fs::read_to_string(srv(host).join("said")).unwrap();
        let build = house.stage("qa").await["current"]["build"].as_str().unwrap().to_owned();
        assert_eq!(said, format!("princess {build} {host} it's\n"));
        let log = std::fs::read_link(srv(host).join("web/current/log")).unwrap();
        assert_eq!(log, Path::new("../../shared/log"));
    }
    // What was verified by hand counts: the push that follows brings nothing again, and succeeds.
    let push = house.push_well("princess").await;
    let log = house.log(push["push"]["id"].as_i64().unwrap()).await;
    assert_eq!(log.matches("is already there, verified").count(), 2, "{log}");
}

#[tokio::test]
async fn a_flipped_byte_a_missing_row_and_a_cut_tail_are_found_and_a_backup_restores() {
    let mut house = House::build(Plans { qa: &["qa1"], princess: &["p1"], ..Plans::default() }).await;
    house.push_well("qa").await;
    let good = pushbutton(&house, &["verify"]).await;
    assert_eq!(good.code, Some(0), "{good:?}");
    let lines: Vec<&str> = good.out.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(lines, ["audit:", "ledger:", "journals:", "builds:", "everything"], "a line for each: {}", good.out);
    let tar = house.dir.path().join("backup.tar");
    let backup = pushbutton(&house, &["backup", tar.to_str().unwrap()]).await;
    assert_eq!(backup.code, Some(0), "{backup:?}");
    assert!(backup.out.contains("1 push with plan and journal, 1 build that stages run now"), "{}", backup.out);
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&tar).unwrap().permissions()) & 0o777, 0o600);
    assert_eq!(pushbutton(&house, &["backup", tar.to_str().unwrap()]).await.code, Some(1), "never over another file");
    house.push_well("princess").await;
    house.kill_server().await;

    let journal = house.push_dir(1).join("journal.jsonl");
    let whole = std::fs::read(&journal).unwrap();
    let end = whole.len() - 30;
    for place in [whole.len() / 2, end] {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        std::fs::write(&journal, &bytes).unwrap();
        let found = pushbutton(&house, &["verify"]).await;
        assert_eq!(found.code, Some(1), "byte {place}: {found:?}");
        assert!(found.out.contains("wrong: push 1:"), "{}", found.out);
    }
    std::fs::write(&journal, &whole).unwrap();
    assert_eq!(pushbutton(&house, &["verify"]).await.code, Some(0), "fixed");
    let ledger = house.data().join("pushbutton.db");
    let spoil = async |deed: &str, words: &str| {
        let kept = house.dir.path().join("kept.db");
        rusqlite::Connection::open(&ledger).unwrap().execute("VACUUM INTO ?1", [kept.to_str().unwrap()]).unwrap();
        rusqlite::Connection::open(&ledger).unwrap().execute_batch(deed).unwrap();
        let found = pushbutton(&house, &["verify"]).await;
        assert_eq!(found.code, Some(1), "{deed}: {found:?}");
        assert!(found.out.contains(words), "{deed}: {}", found.out);
        for beside in ["pushbutton.db-wal", "pushbutton.db-shm"] {
            let _ = std::fs::remove_file(house.data().join(beside));
        }
        std::fs::rename(&kept, &ledger).unwrap();
    };
    let free =
        "DROP TRIGGER audit_never_goes; DROP TRIGGER audit_never_changes; DROP TRIGGER pushes_ended_never_change;";
    spoil(&format!("{free} DELETE FROM audit WHERE id = 2"), "row 3 of the audit").await;
    spoil(&format!("{free} UPDATE audit SET who = 'eve' WHERE id = 2"), "row 2 of the audit").await;
    spoil(
        &format!("{free} DELETE FROM audit WHERE id >= (SELECT max(id) FROM audit WHERE what = 'push ended')"),
        "the audit does not say",
    )
    .await;
    spoil(&format!("{free} UPDATE pushes SET why = 'x' WHERE id = 1"), "is not the one in the ledger").await;

    std::fs::rename(house.data(), house.dir.path().join("lost")).unwrap();
    std::fs::create_dir(house.data()).unwrap();
    let untar = Program::new("tar").arg("-xpf").arg(&tar).arg("-C").arg(house.data()).output(DEADLINE).await.unwrap();
    assert!(untar.status.success());
    assert_eq!(pushbutton(&house, &["verify"]).await.code, Some(0));
    house.start().await;
    house.sign_in("mary").await;
    assert_eq!(house.push(1).await["push"]["state"], "succeeded", "the history is there");
    let push = house.push_well("princess").await;
    assert_eq!(push["push"]["id"], 1002, "numbers go on above every number that a host may have seen");
    assert_eq!(served(&house.fleet, "p1"), served(&house.fleet, "qa1"), "the build is there");
}
