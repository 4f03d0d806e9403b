//! Commands on real hosts: what they say and how they end is told as it is, and nothing of them is left (promise 6).

use crate::house::until_so;
use crate::site::{Site, host, task, texts};
use pushbutton::demo::trouble::How;
use pushbutton::journal::Stream;
use pushbutton::process::Program;
use pushbutton::remote::guard::far;
use pushbutton::remote::masters::Masters;
use pushbutton::remote::{Ending, Task};
use std::os::unix::fs::FileTypeExt as _;
use std::time::Duration;
use tokio::sync::mpsc;

#[tokio::test]
async fn the_exit_code_is_the_commands_own() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let table = [("true", 0), ("exit 7", 7), ("no-such-command", 127), ("exit 255", 255), ("kill -9 $$", 137)];
    for (script, code) in table {
        assert_eq!(site.far(&on, task(script)).await.0, Ending::Exited(code), "{script}");
    }
}

#[tokio::test]
async fn both_streams_arrive_whole_and_clean() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let (ending, lines) = site.far(&on, task("seq 1 20000; seq 1 20000 >&2; printf 'caf\\351 \\033[2J|'")).await;
    assert_eq!(ending, Ending::Exited(0));
    let numbers: Vec<String> = (1..=20000).map(|n| n.to_string()).collect();
    assert_eq!(texts(&lines, Stream::Err), numbers);
    assert_eq!(texts(&lines, Stream::Out)[..20000], numbers);
    assert_eq!(texts(&lines, Stream::Out)[20000..], ["caf\u{fffd} |"]);
    let (ending, lines) = site.far(&on, task("head -c 1000000 /dev/zero | tr '\\0' x")).await;
    assert_eq!(ending, Ending::Exited(0));
    assert_eq!(texts(&lines, Stream::Out).concat(), "x".repeat(1_000_000));
}

#[tokio::test]
async fn values_reach_the_host_as_they_are_and_are_never_code() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let nasty = "a'b\"c$(touch /tmp/pwned)`touch /tmp/pwned`\n\\0101 \\n ; & | * ~ %s é \t\u{1}end\n\n";
    let mut told = task("printf %s \"$PUSH_TEXT\" | od -An -v -tx1");
    told.values.insert("PUSH_TEXT".to_owned(), nasty.to_owned());
    let (ending, lines) = site.far(&on, told).await;
    assert_eq!(ending, Ending::Exited(0));
    let hex: String = nasty.bytes().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(texts(&lines, Stream::Out).concat().replace(' ', ""), hex);
    assert!(!site.machine("web1").tmp_dir().join("pwned").exists());
}

/// Commands that do not want to end (TRUST promise 6).
const TEMPERS: [(&str, &str); 6] = [
    ("traps TERM", "trap '' TERM; echo up; while :; do sleep 1; done"),
    ("double-forks", "( ( exec sleep 600 ) & ); sleep 600 & echo up; wait"),
    ("setsid", "setsid sh -c 'echo up; exec sleep 600' & wait"),
    ("silent", "echo up; exec sleep 600"),
    ("endless output", "echo up; exec yes"),
    ("stopped", "sh -c 'echo up; kill -STOP $$'; sleep 600"),
];

#[tokio::test]
async fn a_cancelled_command_leaves_nothing_running_on_the_host() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let cancel_each = TEMPERS.map(async |(temper, script)| {
        let told = task(script);
        let cancel = told.cancel.clone();
        let (ending, ()) = site.far_while_up(&on, told, async || cancel.cancel()).await;
        assert_eq!(ending, Ending::Cancelled { left: 0 }, "{temper}");
    });
    futures::future::join_all(cancel_each).await;
    site.nothing_runs_on("web1").await;
}

#[tokio::test]
async fn a_command_that_takes_too_long_leaves_nothing_running_on_the_host() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let let_each_run_out = TEMPERS.map(async |(temper, script)| {
        let told = Task { timeout: Duration::from_secs(5), ..task(script) };
        let (ending, lines) = site.far(&on, told).await;
        assert_eq!(ending, Ending::TimedOut { left: 0 }, "{temper}");
        assert_eq!(lines[0].text, "up", "{temper}");
    });
    futures::future::join_all(let_each_run_out).await;
    site.nothing_runs_on("web1").await;
}

#[tokio::test]
async fn a_daemon_that_keeps_the_output_open_does_not_keep_the_command() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let (ending, lines) = site.far(&on, task("setsid sleep 600 & echo started")).await;
    assert_eq!((ending, texts(&lines, Stream::Out)), (Ending::Exited(0), vec!["started"]));
    // Its next word would kill it: the person is told which, and what to do.
    let notes = texts(&lines, Stream::Note).concat();
    assert!(notes.starts_with("`sleep 600` (process ") && notes.contains(">/dev/null 2>&1"), "{notes}");
    // The guard's watcher goes in its own time.
    until_so("only the daemon is left", || site.machine("web1").processes() == ["sleep 600"]).await;
}

#[tokio::test]
async fn a_killed_master_makes_its_commands_unknown_and_they_end_on_the_host_and_the_next_opens_anew() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let told = Task { lease_s: 2, ..task("trap '' TERM; echo up; while :; do sleep 1; done") };
    let (ending, _) = site.far_while_up(&on, told, async || site.signal_master("web1", "KILL").await).await;
    assert!(matches!(&ending, Ending::Unknown(why) if why.contains("web1")), "{ending:?}");
    site.nothing_runs_on("web1").await;
    assert_eq!(site.far(&on, task("true")).await.0, Ending::Exited(0));
}

#[tokio::test]
async fn a_command_that_hears_nothing_for_its_lease_ends_on_the_host() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let told = Task { lease_s: 2, ..task("echo up; exec sleep 600") };
    let in_silence = async || {
        let pid = site.signal_master("web1", "STOP").await;
        site.nothing_runs_on("web1").await;
        signal(pid, "KILL").await;
    };
    let (ending, ()) = site.far_while_up(&on, told, in_silence).await;
    assert!(matches!(ending, Ending::Unknown(_)), "{ending:?}");
}

#[tokio::test]
async fn an_older_push_is_refused_by_a_host_that_has_seen_a_newer_one() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let push =
        |fence: &str, script: &str| Task { lock: Some("web@web1".to_owned()), fence: fence.to_owned(), ..task(script) };
    assert_eq!(site.far(&on, push("12.345", "true")).await.0, Ending::Exited(0));
    assert_eq!(site.far(&on, push("12.345", "true")).await.0, Ending::Exited(0));
    for old in ["11.9", "12.6"] {
        let (ending, _) = site.far(&on, push(old, "touch /tmp/ran")).await;
        assert!(matches!(&ending, Ending::Refused(why) if why.contains("12.345")), "{ending:?}");
    }
    assert!(!site.machine("web1").tmp_dir().join("ran").exists());
    assert_eq!(site.far(&on, push("13.1", "true")).await.0, Ending::Exited(0));
}

#[tokio::test]
async fn many_commands_share_one_connection() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let runs = (0..20).map(|n| {
        let (site, on) = (&site, &on);
        async move {
            let (ending, lines) = site.far(on, task(&format!("seq {n} 1000; exit {n}"))).await;
            assert_eq!(ending, Ending::Exited(n));
            assert_eq!(texts(&lines, Stream::Out).len(), usize::try_from(1001 - n).unwrap());
        }
    });
    futures::future::join_all(runs).await;
    assert_eq!(site.sign_ins("web1"), 1);
}

#[tokio::test]
async fn server_and_runner_use_one_master_however_they_race() {
    let site = Site::with(&["web1"]).await;
    let other = site.other_masters();
    let web1 = host("web1");
    let races = (0..10).map(|n| if n % 2 == 0 { site.masters.connect(&web1) } else { other.connect(&web1) });
    for connection in futures::future::join_all(races).await {
        connection.unwrap();
    }
    assert_eq!(site.sign_ins("web1"), 1);
    // A socket without its master is no connection: it is removed, and another is opened.
    let pid = site.signal_master("web1", "KILL").await;
    until_so("the master is gone", || !std::path::Path::new(&format!("/proc/{pid}/fd")).exists() || is_zombie(&pid))
        .await;
    other.connect(&web1).await.unwrap();
    assert_eq!(site.sign_ins("web1"), 2);
}

fn is_zombie(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}

#[tokio::test]
async fn a_wrong_key_of_either_side_is_refused_in_words_and_never_tried_again() {
    let site = Site::with(&["web1", "web2", "web3"]).await;
    let known_hosts = site.room.path().join("fleet/known_hosts");
    let lines: Vec<String> = std::fs::read_to_string(&known_hosts).unwrap().lines().map(str::to_owned).collect();
    // web1 shows another key than the known one, web2 none that is known, web3 does not know us.
    let foreign = lines[1].split_once(' ').unwrap().1;
    let swapped = format!("{} {foreign}\n{}\n", lines[0].split_once(' ').unwrap().0, lines[2]);
    std::fs::write(&known_hosts, swapped).unwrap();
    std::fs::write(site.room.path().join("fleet/web3/etc/authorized_keys"), "").unwrap();
    // An hour between the tries: a second one would never end.
    let masters = site.masters_with(vec![Duration::from_secs(3600)]);
    for (name, words) in
        [("web1", "has changed"), ("web2", "is not known on the push host"), ("web3", "refuses our key")]
    {
        let name_as_host = host(name);
        let trying = tokio::time::timeout(Duration::from_secs(60), masters.connect(&name_as_host));
        let Err(why) = trying.await.expect("no second try") else { panic!("{name} was let in") };
        assert!(why.0.contains(words) && why.0.contains(name), "{why}");
        assert_eq!(site.sign_ins(name), 0);
    }
}

#[tokio::test]
async fn a_host_that_is_not_there_is_told_in_words_after_some_tries() {
    let site = Site::with(&["web1"]).await;
    site.machine("web1").break_(How::Dead).await.unwrap();
    let Err(why) = site.masters.connect(&host("web1")).await else { panic!("a dead host answered") };
    assert!(why.0.contains("web1 refuses connections"), "{why}");
    let Err(why) = site.masters.connect(&host("no-such-host.invalid")).await else { panic!("nobody has this name") };
    assert!(why.0.contains("the name of no-such-host.invalid is not known"), "{why}");
}

#[tokio::test]
async fn a_host_whose_login_shell_talks_is_refused_with_a_hint() {
    let site = Site::with(&["web1"]).await;
    std::fs::write(site.machine("web1").home_dir().join(".bashrc"), "echo Welcome to web1\n").unwrap();
    let Err(why) = site.masters.connect(&host("web1")).await else { panic!("noise was taken for an answer") };
    assert!(why.0.contains("Welcome to web1") && why.0.contains(".bashrc"), "{why}");
}

#[tokio::test]
async fn a_host_that_was_heard_lately_is_asked_without_its_login_shell_and_only_over_the_same_master() {
    let site = Site::with(&["web1"]).await;
    let shells = site.machine("web1").home_dir().join("shells");
    std::fs::write(site.machine("web1").home_dir().join(".bashrc"), "echo >>~/shells\n").unwrap();
    let count = || std::fs::read_to_string(&shells).map_or(0, |text| text.lines().count());
    site.connect("web1").await;
    assert_eq!(count(), 1, "a new master is asked for its login shell");
    for _ in 0..5 {
        site.connect("web1").await;
    }
    assert_eq!(count(), 1, "then the host is asked, and its login shell is not started");
    site.masters.try_connect(&host("web1")).await.map(drop).unwrap();
    assert_eq!(count(), 2, "who keeps hosts warm asks the login shell each time");
    site.signal_master("web1", "KILL").await;
    site.connect("web1").await;
    assert_eq!(count(), 3, "another master has not been heard");
}

#[tokio::test]
async fn a_command_starts_five_processes_on_its_host_beside_the_login_shell() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let mut pids = Vec::new();
    for _ in 0..12 {
        let told = Task { lock: Some("web@web1".to_owned()), ..task("echo $$") };
        let (ending, lines) = site.far(&on, told).await;
        assert_eq!(ending, Ending::Exited(0));
        pids.push(lines[0].text.parse::<i64>().unwrap());
    }
    // The host counts its processes by itself, and nothing else runs there. The first command also makes the lock's
    // directory. The watch of a command may start its two processes before or after the command itself, so one command's
    // may be counted with the next one's: the sum is what counts.
    let (first, last) = (pids[1], pids[pids.len() - 1]);
    let commands = pids.len() as i64 - 2;
    assert!(
        (commands..=6 * commands + 2).contains(&(last - first)),
        "login shell, flock, watch, sleep, reader, command: {pids:?}"
    );
}

#[tokio::test]
async fn whoever_goes_while_it_asks_a_host_leaves_the_connection_to_the_others() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let told = task("echo up; until [ -e /tmp/go ]; do sleep 0.05; done");
    let asking_and_going = async || {
        for micros in (0..200).map(|n| n * 40) {
            let _ = tokio::time::timeout(Duration::from_micros(micros), site.masters.connect(&host("web1"))).await;
        }
        std::fs::write(site.machine("web1").tmp_dir().join("go"), "").unwrap();
    };
    assert_eq!(site.far_while_up(&on, told, asking_and_going).await.0, Ending::Exited(0));
}

#[tokio::test]
async fn a_cancel_goes_through_although_nobody_takes_the_lines() {
    let site = Site::with(&["web1"]).await;
    let on = site.connect("web1").await;
    let (sender, receiver) = mpsc::channel(1);
    let told = task("touch /tmp/up; exec yes");
    let cancel = told.cancel.clone();
    let up = site.machine("web1").tmp_dir().join("up");
    let watch = async {
        until_so("the command runs", || up.exists()).await;
        cancel.cancel();
    };
    let (ending, ()) = tokio::join!(far(&on, told, &sender), watch);
    assert_eq!(ending, Ending::Cancelled { left: 0 });
    site.nothing_runs_on("web1").await;
    drop(receiver);
}

impl Site {
    fn other_masters(&self) -> Masters {
        self.masters_with(vec![Duration::from_millis(10); 3])
    }

    /// Sends a signal to the master of the only host; returns its process id.
    async fn signal_master(&self, name: &str, signal_name: &str) -> String {
        let entries = std::fs::read_dir(self.room.path().join("ssh")).unwrap().flatten();
        let socket = entries.into_iter().find(|entry| entry.file_type().unwrap().is_socket()).unwrap().path();
        let check = Program::new("ssh").args(["-F", "none", "-O", "check", "-S"]).arg(socket).arg(name);
        let said = String::from_utf8(check.output(Duration::from_secs(20)).await.unwrap().stderr).unwrap();
        let pid: String = said.chars().filter(char::is_ascii_digit).collect();
        assert!(!pid.is_empty(), "{said}");
        signal(pid.clone(), signal_name).await;
        pid
    }
}

async fn signal(pid: String, name: &str) {
    let kill = Program::new("kill").args(["-s", name, &pid]).output(Duration::from_secs(20)).await.unwrap();
    assert!(kill.status.success(), "{kill:?}");
}
