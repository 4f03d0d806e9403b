//! What the demo and the journeys have besides hosts: a shop to push, a channel to read, a mailbox.

use crate::house::until_so;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pushbutton::demo::irc::{CHANNEL, IrcServer, IrcWitness};
use pushbutton::demo::mail::MailCatcher;
use pushbutton::demo::proof;
use pushbutton::demo::repo::Shop;
use pushbutton::demo::scene::{DemoOptions, Scene, runs_in};
use pushbutton::process::Program;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn the_witness_hears_what_is_said_in_the_channel_of_a_real_irc_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = IrcServer::start(dir.path()).await.unwrap();
    let log = dir.path().join("irc.log");
    let witness = IrcWitness::join(server.address(), "witness", Some(log.clone())).await.unwrap();
    let mut speaker = TcpStream::connect(server.address()).await.unwrap();
    let words =
        format!("NICK pushbutton\r\nUSER p 0 * :p\r\nJOIN {CHANNEL}\r\nPRIVMSG {CHANNEL} :pushed ünder 1 s\r\n");
    speaker.write_all(words.as_bytes()).await.unwrap();
    witness.wait_for(LIMIT, |line| line.contains("ünder")).await.expect("the words arrive");
    assert_eq!(witness.said(), [("pushbutton".to_owned(), "pushed ünder 1 s".to_owned())]);
    assert!(std::fs::read_to_string(log).unwrap().contains("pushed ünder 1 s"));
    let address = server.address();
    drop(server);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn the_mail_catcher_keeps_the_very_bytes_of_a_mail_and_shows_it_decoded() {
    let dir = tempfile::tempdir().unwrap();
    let catcher = MailCatcher::start(dir.path()).await.unwrap();
    let mail = "From: Push <push@example.com>\r\nTo: all@example.com\r\nSubject: =?utf-8?B?w4ZzaXI=?=\r\n\
                Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
                4 commits =E2=86=92 prod\r\n";
    let mut smtp = BufReader::new(TcpStream::connect(catcher.address()).await.unwrap());
    let script =
        ["", "HELO me\r\n", "MAIL FROM:<push@example.com>\r\n", "RCPT TO:<all@example.com>\r\n", "DATA\r\n", mail];
    for (step, code) in script.into_iter().zip(["220", "250", "250", "250", "354", ""]) {
        smtp.write_all(step.as_bytes()).await.unwrap();
        let mut answer = String::new();
        if !code.is_empty() {
            smtp.read_line(&mut answer).await.unwrap();
        }
        assert!(answer.starts_with(code), "{step:?} was answered {answer:?}");
    }
    smtp.write_all(b".\r\nQUIT\r\n").await.unwrap();
    let readable = catcher.wait_for(1, LIMIT).await;
    let envelope = "X-Mail-From: push@example.com\r\nX-Rcpt-To: all@example.com\r\n";
    assert_eq!(catcher.mails(), [format!("{envelope}{mail}")]);
    assert!(readable[0].contains("Subject: Æsir") && readable[0].contains("4 commits → prod"), "{readable:?}");
}

#[tokio::test]
async fn every_commit_of_the_shop_builds_and_the_same_commit_builds_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let shop = Shop::open_in(&dir.path().join("shop")).await.unwrap();
    for n in 0..13 {
        let revision = shop.commit(n).await.unwrap();
        assert_eq!(revision.len(), 40);
        let twice = [0, 1].map(|time| dir.path().join(format!("built-{n}-{time}")));
        let first = shop.build_by_hand(&revision, &twice[0]).await.unwrap();
        let second = shop.build_by_hand(&revision, &twice[1]).await.unwrap();
        let (first, second) = (files(&first), files(&second));
        assert!(first.len() > 20, "{} files", first.len());
        assert_eq!(first, second);
    }
    assert_eq!(shop.commits().await.unwrap(), 13);
    assert!(shop.newest().await.unwrap().ends_with(": Sell mittens for snails"));
}

fn files(dir: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            all.extend(files(&entry.path()).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
        } else {
            all.push((name, std::fs::read(entry.path()).unwrap()));
        }
    }
    all.sort();
    all
}

#[tokio::test]
async fn a_demo_takes_no_directory_that_is_somebody_elses() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("thesis.txt"), "years of work").unwrap();
    let binary = env!("CARGO_BIN_EXE_pushbutton").into();
    let wanted = DemoOptions { dir: dir.path().to_owned(), hosts: 3, port: None, binary, keep: false };
    let refused = Scene::start(&wanted).await.unwrap_err().to_string();
    assert!(refused.contains("is not empty, and no demo's"), "{refused}");
    assert_eq!(std::fs::read_to_string(dir.path().join("thesis.txt")).unwrap(), "years of work");
    assert!(!runs_in(dir.path()));
}

#[test]
fn an_order_to_a_demo_that_does_not_run_says_how_to_start_one() {
    let dir = tempfile::tempdir().unwrap();
    for order in [&["commit"] as &[&str], &["break", "web001", "full"], &["mend", "web001"], &["irc"], &["mail"]] {
        let mut pushbutton = assert_cmd::Command::new(env!("CARGO_BIN_EXE_pushbutton"));
        let output = pushbutton.args(["demo", "--dir"]).arg(dir.path()).args(order).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{order:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("no demo is running in") && said.contains("script/demo"), "{order:?}: {said}");
    }
}

fn wanted(dir: &tempfile::TempDir, hosts: usize) -> DemoOptions {
    let binary = env!("CARGO_BIN_EXE_pushbutton").into();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    DemoOptions { dir: dir.path().join("demo"), hosts, port: Some(port), binary, keep: false }
}

#[tokio::test]
async fn every_button_brings_the_first_stages_bytes_to_every_host_and_everybody_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let scene = Scene::start(&wanted(&dir, 5)).await.unwrap();
    let told = std::sync::Mutex::new(Vec::new());
    let proved = proof::press_and_prove(&scene, "ann", &|line| told.lock().unwrap().push(line.to_owned())).await;
    assert_eq!(proved, Ok(()), "{}\n{}", told.lock().unwrap().join("\n"), scene.server_said());
    assert!(runs_in(scene.dir()));
    drop(scene);
    assert!(!dir.path().join("demo").exists(), "the directory goes with the demo");
}

#[tokio::test]
async fn the_proof_fails_and_names_the_host_when_a_single_byte_is_other() {
    let dir = tempfile::tempdir().unwrap();
    let scene = Scene::start(&wanted(&dir, 3)).await.unwrap();
    proof::press_and_prove(&scene, "ann", &|_| {}).await.unwrap();
    let page = scene.fleet.host("web001").unwrap().srv_dir().join("web/current/index.html");
    let mut text = std::fs::read(&page).unwrap();
    text[20] ^= 1;
    std::fs::write(&page, text).unwrap();
    let problems = proof::ask_around(&scene, "ann", &|_| {}).await.unwrap_err();
    assert_eq!(problems, ["web001: other bytes than a build by hand"]);
}

/// Processes of this machine that have the directory's path in their command line or stand in it.
fn processes_about(dir: &std::path::Path) -> Vec<String> {
    let dir = dir.to_string_lossy().into_owned();
    let all = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let line = String::from_utf8_lossy(&std::fs::read(entry.path().join("cmdline")).ok()?).replace('\0', " ");
        let cwd = std::fs::read_link(entry.path().join("cwd")).unwrap_or_default();
        (line.contains(&dir) || cwd.starts_with(&dir)).then_some(line)
    });
    all.collect()
}

#[tokio::test]
async fn a_demo_that_is_interrupted_or_killed_leaves_nothing_running() {
    for (signal, code, stays) in [(Signal::SIGINT, Some(0), false), (Signal::SIGKILL, None, true)] {
        let dir = tempfile::tempdir().unwrap();
        let demo = dir.path().join("demo");
        let program = Program::new(env!("CARGO_BIN_EXE_pushbutton")).args(["demo", "--hosts", "3", "--dir"]).arg(&demo);
        let mut child = program.start().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        while let Some(line) = tokio::time::timeout(LIMIT * 2, said.next_line()).await.unwrap().unwrap() {
            if line.starts_with("Ctrl-C") {
                break;
            }
        }
        assert!(processes_about(&demo).len() > 5, "{:?}", processes_about(&demo));
        kill(Pid::from_raw(child.id().unwrap().cast_signed()), signal).unwrap();
        assert_eq!(child.wait().await.unwrap().code(), code);
        until_so(&format!("{signal}: nothing is left"), || processes_about(&demo).is_empty()).await;
        assert_eq!(demo.exists(), stays, "{signal}");
    }
}
