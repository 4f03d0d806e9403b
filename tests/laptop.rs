//! A laptop: the program, a token and nothing else (an empty home directory, no configuration, no data). It pushes, follows, cancels and rolls
//! back on a server on another machine, over http on this machine and over https elsewhere, and its token goes nowhere else.
//!
//! - `way`: what breaks on the way: connections that are cut, a server that is restarted, a redirect, certificates.
//! - `screen`: what a terminal shows while a push is followed.

mod screen;
mod way;

use crate::cli::{Said, ended, pushbutton, said};
use crate::docs::page;
use crate::docs::runs::changed;
use crate::house::{DEADLINE, House, Plans, kill, until};
use pushbutton::process::Program;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// A command that waits on a host where `/srv/slow` is, and fails where `/srv/bad` is.
const TEMPER: &str = r#"
  { release = "/srv/web" },
  { activate = "/srv/web" },
  { run = "echo now $PUSH_SHA by-{who}; if [ -e /srv/slow ]; then echo slowly; while [ -e /srv/slow ]; do sleep 0.05; done; fi; test ! -e /srv/bad" },
"#;

/// What a token of these tests may do.
const MAY: &str = "see:web,push:web,rollback:web,hold:web,approve:web";

/// A machine with nothing on it.
pub struct Laptop {
    dir: tempfile::TempDir,
    token: String,
}

impl Laptop {
    /// A laptop with a token of this house in the file `token`.
    pub async fn of(house: &House) -> Self {
        Self::of_person(house, "olga").await
    }

    /// The same of someone else.
    pub async fn of_person(house: &House, owner: &str) -> Self {
        let made = pushbutton(house, &["token", "add", "ci", "--may", MAY, "--owner", owner]).await;
        assert_eq!(made.code, Some(0), "{made:?}");
        let laptop = Self { dir: tempfile::tempdir().unwrap(), token: made.out.trim().to_owned() };
        laptop.write("token", &laptop.token, 0o600);
        laptop
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Says where the server is, in the file that the page on the command line shows.
    pub fn knows(&self, server: &str) {
        let shown = page("docs/cli.md").block("# ~/.config/pushbutton/client.toml");
        let text = changed(&shown, &[("https://push.example.com", server)]);
        self.write(".config/pushbutton/client.toml", &text, 0o644);
        self.write(".config/pushbutton/token", &self.token, 0o600);
    }

    /// The same with the certificates of a company.
    pub fn knows_by(&self, server: &str, certificates: &str) {
        self.knows(server);
        let file = self.path(".config/pushbutton/client.toml");
        let text = changed(&std::fs::read_to_string(&file).unwrap(), &[("# ca_file ", "ca_file ")]);
        std::fs::write(file, text).unwrap();
        std::fs::copy(certificates, self.path(".config/pushbutton/ca.pem")).unwrap();
    }

    pub fn program(&self, args: &[&str]) -> Program {
        let program = Program::new(env!("CARGO_BIN_EXE_pushbutton")).args(args).dir(self.dir.path());
        program.env("HOME", self.dir.path())
    }

    /// Runs a command line; whatever it says, it never says the token.
    pub async fn run(&self, args: &[&str]) -> Said {
        self.run_in(&[], args).await
    }

    /// The same with more in the environment.
    pub async fn run_in(&self, environment: &[(&str, &str)], args: &[&str]) -> Said {
        let program = environment.iter().fold(self.program(args), |program, (name, value)| program.env(name, value));
        let said = said(program.output(DEADLINE).await.unwrap());
        let secret = self.token.rsplit('_').next().unwrap();
        assert!(!said.both().contains(secret), "{args:?} shows the token: {said:?}");
        said
    }
}

fn host_file(house: &House, host: &str, name: &str) -> PathBuf {
    house.fleet.host(host).unwrap().srv_dir().join(name)
}

#[tokio::test]
async fn a_laptop_with_a_token_pushes_follows_cancels_and_rolls_back() {
    let house = House::build(Plans { qa: &["qa1", "qa2"], commands: TEMPER, ..Plans::default() }).await;
    house.button("qa").await;
    let laptop = Laptop::of(&house).await;
    let token = laptop.path("token").display().to_string();
    let first =
        ["--server", &house.url, "--token-file", &token, "push", "web", "qa", "--follow", "--reason", "a train"];
    let pushed = laptop.run(&first).await;
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    let row = house.push(1).await["push"].clone();
    assert_eq!((row["who"].as_str(), row["reason"].as_str()), (Some("ci (token of olga)"), Some("a train")));

    // From here on the file in the home directory says where.
    laptop.knows(&house.url);
    let again = laptop.run(&["follow", "1"]).await;
    assert!(again.code == Some(0) && pushed.out.ends_with(&again.out), "{again:?}");
    let status = laptop.run(&["status"]).await;
    assert!(status.out.contains("by ci (token of olga) (push 1, 2 of 2 hosts"), "{status:?}");

    std::fs::write(host_file(&house, "qa1", "slow"), "").unwrap();
    let slow = laptop.program(&["push", "web", "qa", "--follow"]).start().unwrap();
    house.journal_says(2, "slowly\"").await;
    let left = laptop.program(&["follow", "2"]).start().unwrap();
    let cancel = laptop.run(&["cancel", "2", "--reason", "wrong one"]).await;
    assert_eq!(cancel.code, Some(0), "{cancel:?}");
    let (slow, other) = (ended(slow).await, ended(left).await);
    assert_eq!((slow.code, other.code), (Some(130), Some(130)), "{slow:?} {other:?}");
    std::fs::remove_file(host_file(&house, "qa1", "slow")).unwrap();
    let resumed = laptop.run(&["resume", "2", "--follow"]).await;
    assert!(resumed.code == Some(0) && resumed.out.contains("push 3: resumes push 2"), "{resumed:?}");

    std::fs::write(host_file(&house, "qa2", "bad"), "").unwrap();
    let failed = laptop.run(&["push", "web", "qa", "--follow", "--json"]).await;
    assert_eq!(failed.code, Some(10), "{failed:?}");
    let records: Vec<Value> = failed.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records[0]["id"], 4, "first what was pushed: {}", records[0]);
    let journal = std::fs::read_to_string(house.push_dir(4).join("journal.jsonl")).unwrap();
    let wanted: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records[1..], wanted, "then each record as the server has it");
    std::fs::remove_file(host_file(&house, "qa2", "bad")).unwrap();

    let back = laptop.run(&["rollback", "web", "qa", "--reason", "it is slow", "--follow"]).await;
    assert_eq!(back.code, Some(0), "{back:?}");
    let current = house.stage("qa").await["current"].clone();
    assert_eq!(current["push"], 5, "it went back: {current}");
    let build = current["build"].as_str().unwrap();

    let log = laptop.run(&["log", "1", "--host", "qa2"]).await;
    let line = format!("now {} by-ci (token of olga)", row["sha"].as_str().unwrap());
    assert!(log.code == Some(0) && log.out.contains(&line) && !log.out.contains("qa1"), "{log:?}");
    let records = laptop.run(&["log", "1", "--json"]).await;
    assert_eq!(records.out.lines().last().map(|line| line.contains("push_ended")), Some(true), "{records:?}");

    assert_eq!(laptop.run(&["hold", "web/qa", "--reason", "the fair is on"]).await.code, Some(0));
    let held = laptop.run(&["push", "web", "qa", "--follow", "--json"]).await;
    let problem: Value = serde_json::from_str(&held.out).unwrap_or_else(|_| panic!("one object: {held:?}"));
    assert_eq!((held.code, problem["code"].as_str()), (Some(1), Some("held")), "{held:?}");
    assert!(held.err.contains("web/qa is held by ci (token of olga)"), "{held:?}");
    assert_eq!(laptop.run(&["release-hold", "web/qa"]).await.code, Some(0));
    for (args, words) in [
        (&["hold", "web/qa", "--reason", "the fair is on"][..], "web/qa is held\n"),
        (&["release-hold", "web/qa"], "web/qa is no longer held\n"),
        (&["mark", "good", "web", "qa", build], "is marked as good on qa\n"),
        (&["unmark", "good", "web", "qa", build, "--reason", "a mistake"], "is no longer marked as good on qa\n"),
        (&["mark", "bad", "web", build, "--reason", "it loses orders"], "is marked as bad\n"),
        (&["unmark", "bad", "web", build, "--reason", "it was the database"], "is no longer marked as bad\n"),
        (&["plan", "web", "qa"], "activate /srv/web"),
        (&["hosts", "check", "web"], "2 of 2 hosts ready"),
    ] {
        let said = laptop.run(args).await;
        assert!(said.code == Some(0) && said.out.contains(words), "{args:?}: {said:?}");
    }
}

#[tokio::test]
async fn one_laptop_asks_and_another_approves() {
    let stage = "approval = 1";
    let house = House::build(Plans { qa: &["qa1"], stage, ..Plans::default() }).await;
    until("a commit waits", async || (!house.stage("qa").await["next"].is_null()).then_some(())).await;
    let (asks, approves) = (Laptop::of(&house).await, Laptop::of_person(&house, "joe").await);
    asks.knows(&house.url);
    approves.knows(&house.url);
    let early = asks.run(&["push", "web", "qa", "--follow"]).await;
    assert!(early.code == Some(1) && early.out.is_empty(), "{early:?}");
    let asked = asks.run(&["ask-approval", "web", "qa", "--reason", "the fair begins"]).await;
    assert!(asked.code == Some(0) && asked.out.starts_with("waits for approval: web to qa: "), "{asked:?}");
    assert_eq!(asks.run(&["approve", "web", "qa"]).await.code, Some(1), "nobody approves their own");
    let approved = approves.run(&["approve", "web", "qa"]).await;
    assert!(approved.code == Some(0) && approved.out.starts_with("approved: web to qa: "), "{approved:?}");
    let pushed = asks.run(&["push", "web", "qa", "--follow"]).await;
    assert_eq!(pushed.code, Some(0), "{pushed:?}");
    assert_eq!(house.push(1).await["push"]["approved_by"], "ci (token of joe)");
}

#[tokio::test]
async fn what_names_the_server_and_the_token_is_said_and_a_token_is_for_its_server_alone() {
    let house = House::build(Plans { qa: &["qa1"], ..Plans::default() }).await;
    let laptop = Laptop::of(&house).await;
    let url = house.url.as_str();
    let refused = async |environment: &[(&str, &str)], args: &[&str], words: &[&str]| {
        let said = laptop.run_in(environment, args).await;
        assert_eq!(said.code, Some(1), "{args:?} {said:?}");
        words.iter().for_each(|words| assert!(said.err.contains(words), "{words:?} in {said:?}"));
    };
    refused(&[], &["status"], &["there is no config.toml", "--server URL"]).await;
    refused(&[], &["status", "--server", url], &["there is no token for", "--token-file FILE"]).await;
    refused(&[], &["status", "--server", "push.example.com"], &["--server", "hint: https://"]).await;
    let by_file = ["status", "--server", url, "--token-file", "token"];
    for mode in [0o644, 0o640, 0o602] {
        laptop.write("token", &laptop.token, mode);
        refused(&[], &by_file, &["can be read or changed by others", "hint: chmod 600 token"]).await;
    }
    laptop.write("token", &laptop.token[..laptop.token.len() - 1], 0o600);
    refused(&[], &by_file, &["token is not a token, or not all of one"]).await;
    laptop.write("token", &format!("{}\n", laptop.token), 0o400);
    assert_eq!(laptop.run(&by_file).await.code, Some(0));

    // Flag, then environment, then file.
    laptop.knows("http://127.0.0.1:9");
    assert_eq!(laptop.run(&by_file).await.code, Some(0));
    let environment = [("PUSHBUTTON_SERVER", url), ("PUSHBUTTON_TOKEN", laptop.token.as_str())];
    assert_eq!(laptop.run_in(&environment, &["status"]).await.code, Some(0));
    let by_variable = [("PUSHBUTTON_SERVER", url), ("PUSHBUTTON_TOKEN_FILE", "token")];
    assert_eq!(laptop.run_in(&by_variable, &["status"]).await.code, Some(0));
    refused(&[("PUSHBUTTON_SERVER", url)], &["status"], &["there is no token for"]).await;
    refused(&[], &["status"], &["cannot reach http://127.0.0.1:9 (of ", "client.toml)"]).await;
    let both = [environment[0], environment[1], by_variable[1]];
    refused(&both, &["status"], &["both $PUSHBUTTON_TOKEN and $PUSHBUTTON_TOKEN_FILE"]).await;
    let elsewhere = [("PUSHBUTTON_SERVER", "http://192.0.2.1:9"), environment[1]];
    refused(&elsewhere, &["status"], &["(of $PUSHBUTTON_SERVER)", "everyone on the way", "--plain-http"]).await;

    // The server of this machine is meant by whoever names its configuration.
    let config = house.dir.path().join("config.toml");
    let by_config = [("PUSHBUTTON_CONFIG", config.to_str().unwrap())];
    assert_eq!(laptop.run_in(&by_config, &["status"]).await.code, Some(0));
    laptop.write(".config/pushbutton/client.toml", "server = \"https://push.example.com\"\ntoken = \"pb_1\"\n", 0o644);
    refused(&[], &["status"], &["client.toml, line 2: unknown field", "token_file"]).await;
    laptop.write(".config/pushbutton/client.toml", "server = \"https://evil.example.com\"\n", 0o664);
    refused(&[], &["status"], &["can be changed by others", "chmod 644"]).await;
    laptop.write(".config/pushbutton/client.toml", "token = \"pb_1\"\n", 0o644);
    let said = laptop.run_in(&by_config, &["status"]).await;
    assert!(said.code == Some(1) && !said.err.contains("pb_1"), "{said:?}");
    std::fs::remove_dir_all(laptop.path(".config")).unwrap();

    refused(&environment, &["status", "--as", "eve"], &["--as is for the push host"]).await;
    refused(&environment, &["verify", "--server", url], &["works on the push host alone"]).await;
    let id = laptop.token.split('_').nth(1).unwrap();
    assert_eq!(pushbutton(&house, &["token", "revoke", id]).await.code, Some(0));
    refused(&environment, &["status"], &["(the token of $PUSHBUTTON_TOKEN)"]).await;
    refused(&environment, &["follow", "1"], &["answered 401"]).await;
}

#[tokio::test]
async fn who_stops_watching_leaves_the_push_running_and_is_told_how_to_cancel_it() {
    let house = House::build(Plans { qa: &["qa1"], commands: TEMPER, ..Plans::default() }).await;
    house.button("qa").await;
    let laptop = Laptop::of(&house).await;
    laptop.knows(&house.url);
    std::fs::write(host_file(&house, "qa1", "slow"), "").unwrap();
    let watched = laptop.program(&["push", "web", "qa", "--follow"]).start().unwrap();
    house.journal_says(1, "slowly\"").await;
    let pid = watched.id().unwrap().cast_signed();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGINT).unwrap();
    let left = ended(watched).await;
    assert_eq!(left.code, Some(130), "{left:?}");
    assert!(left.err.contains("the push continues") && left.err.contains("pushbutton cancel 1"), "{left:?}");
    assert_eq!(house.push(1).await["push"]["state"], "running");
    // Killed, it takes nothing along either.
    let killed = laptop.program(&["follow", "1"]).start().unwrap();
    kill(killed.id().unwrap().cast_signed());
    std::fs::remove_file(host_file(&house, "qa1", "slow")).unwrap();
    assert_eq!(house.ended(1).await["push"]["state"], "succeeded");
}

#[tokio::test]
async fn the_real_shells_complete_words_by_the_scripts_that_are_printed() {
    let dir = tempfile::tempdir().unwrap();
    let script = async |shell: &str| {
        let program = Program::new(env!("CARGO_BIN_EXE_pushbutton")).args(["completions", shell]);
        let said = said(program.env("HOME", dir.path()).dir(dir.path()).output(DEADLINE).await.unwrap());
        assert_eq!(said.code, Some(0), "{said:?}");
        let hidden = ["Runs one push", "subcmd__runner"];
        assert!(hidden.iter().all(|words| !said.out.contains(words)), "{shell} offers what people never type");
        let file = dir.path().join(shell);
        std::fs::write(&file, said.out).unwrap();
        file.display().to_string()
    };
    let bash = "source \"$FILE\"; COMP_WORDS=(pushbutton rel); COMP_CWORD=1; _pushbutton pushbutton rel pushbutton; \
                echo \"${COMPREPLY[@]}\"; COMP_WORDS=(pushbutton push --fo); COMP_CWORD=2; \
                _pushbutton pushbutton --fo push; echo \"${COMPREPLY[@]}\"";
    let fish = "source $FILE; complete -C 'pushbutton rel'; complete -C 'pushbutton push --fo'";
    // zsh completes only where someone types: that its script is read and names its function has to do.
    let zsh = "autoload -U compinit; compinit -u -d \"$FILE.dump\"; source \"$FILE\"; \
               echo $_comps[pushbutton]; functions _pushbutton | grep -e release-hold -e --follow";
    for (shell, text) in [("bash", bash), ("zsh", zsh), ("fish", fish)] {
        let file = script(shell).await;
        let path = format!("/usr/bin/{shell}");
        if !std::path::Path::new(&path).exists() {
            eprintln!("{shell} is not here, so its completions were made and not read");
            continue;
        }
        let ran = Program::new(&path).args(["-c", text]).env("FILE", file).env("HOME", dir.path()).dir(dir.path());
        let ran = ran.output(DEADLINE).await.unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        let err = String::from_utf8_lossy(&ran.stderr).into_owned();
        for word in ["release-hold", "--follow"] {
            assert!(said.contains(word), "{shell} completes {word}: {said} {err}");
        }
        assert_eq!(err, "", "{shell}");
    }
}
