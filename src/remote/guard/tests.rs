use super::*;
use crate::journal::Stream;
use crate::remote::Line;
use std::collections::BTreeMap;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A task with a script, no values, and times that fit a test.
pub(in crate::remote) fn task(script: &str) -> Task {
    Task {
        script: script.to_owned(),
        values: BTreeMap::new(),
        timeout: Duration::from_secs(60),
        lease_s: 30,
        grace_s: 1,
        lock: None,
        fence: "1.1".to_owned(),
        cancel: CancellationToken::new(),
        mask: std::sync::Arc::default(),
    }
}

/// What `/bin/sh` may be on a host.
const SHELLS: [&[&str]; 3] = [&["dash"], &["bash", "--posix"], &["busybox", "sh"]];

/// Runs a task here to its end; its lines come back in order.
async fn run(task: Task) -> (Ending, Vec<Line>) {
    run_in(&["/bin/sh"], task).await
}

async fn run_in(shell: &[&str], task: Task) -> (Ending, Vec<Line>) {
    let room = tempfile::tempdir().unwrap();
    let (sender, mut receiver) = mpsc::channel(8);
    let collect = async {
        let mut lines = Vec::new();
        while let Some(line) = receiver.recv().await {
            lines.push(line);
        }
        lines
    };
    let run = async move { near_in(shell, room.path(), task, &sender).await };
    tokio::join!(run, collect)
}

fn texts(lines: &[Line], stream: Stream) -> Vec<&str> {
    lines.iter().filter(|line| line.stream == stream).map(|line| line.text.as_str()).collect()
}

#[tokio::test]
async fn the_exit_code_is_the_scripts_own() {
    for (script, code) in
        [("true", 0), ("exit 7", 7), ("no-such-command-at-all", 127), ("exit 255", 255), ("kill -9 $$", 137)]
    {
        for shell in SHELLS {
            assert_eq!(run_in(shell, task(script)).await.0, Ending::Exited(code), "{shell:?}: {script}");
        }
    }
}

#[tokio::test]
async fn both_streams_arrive_whole_and_apart() {
    let (ending, lines) = run(task("seq 1 20000; seq 1 20000 >&2; printf 'no end'; echo >&2")).await;
    assert_eq!(ending, Ending::Exited(0));
    let numbers: Vec<String> = (1..=20000).map(|n| n.to_string()).collect();
    let out = texts(&lines, Stream::Out);
    assert_eq!(out[..20000], numbers);
    assert_eq!(out[20000..], ["no end"]);
    let err = texts(&lines, Stream::Err);
    assert_eq!(err[..20000], numbers);
    assert_eq!(err[20000..], [""]);
}

#[tokio::test]
async fn a_megabyte_without_a_line_end_arrives_whole() {
    let (ending, lines) = run(task("head -c 1000000 /dev/zero | tr '\\0' x")).await;
    assert_eq!(ending, Ending::Exited(0));
    assert_eq!(texts(&lines, Stream::Out).concat(), "x".repeat(1_000_000));
}

#[tokio::test]
async fn values_arrive_as_they_are_and_are_never_code() {
    let nasty = "a'b\"c$(touch pwned)`touch pwned`\n\\0101 \\n ; & | * ~ %s é \t\u{1}end\n\n";
    let plain = " a'b\"c$(touch pwned)`touch pwned`\\\\n +x %s\n+y\n%z=\n\n  a=b \\\n";
    for (shell, text) in SHELLS.into_iter().flat_map(|shell| [(shell, nasty), (shell, plain)]) {
        let mut told = task("printf %s \"$PUSH_TEXT\" |\n  od -An -v -tx1 # é\nls");
        told.values.insert("PUSH_NONE".to_owned(), String::new());
        told.values.insert("PUSH_TEXT".to_owned(), text.to_owned());
        let (ending, lines) = run_in(shell, told).await;
        assert_eq!(ending, Ending::Exited(0));
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(texts(&lines, Stream::Out).concat().replace(' ', ""), hex, "{shell:?}: {text:?}");
    }
}

#[tokio::test]
async fn output_without_end_holds_up_neither_heartbeats_nor_the_deadline_of_its_task() {
    let told = Task { lease_s: 1, timeout: Duration::from_secs(2), ..task("yes") };
    let opening = opening(&told).unwrap();
    let (ours, mut guards) = tokio::io::duplex(64);
    let endless = tokio::io::BufReader::with_capacity(32 * 1024, tokio::io::repeat(b'y'));
    let wire = Wire { place: "here", input: ours, out: endless, err: tokio::io::repeat(b'y') };
    let lines = mpsc::channel(8).0;
    let until = Instant::now() + told.timeout;
    let holding = lease::hold(wire, &opening, &told, &lines, Output::Lines, until);
    let hear_it_close = async {
        let mut heard = String::new();
        guards.read_to_string(&mut heard).await.unwrap();
        heard
    };
    // One task, as the hosts of a batch are.
    let heard = tokio::select! { _ = holding => panic!("it gave up before its lifeline was closed"), heard = hear_it_close => heard };
    let beats = heard.strip_prefix(&opening.input).unwrap();
    // How many come in this time depends on what else the machine does.
    assert!(!beats.is_empty() && beats.bytes().all(|byte| byte == b'\n'), "{beats:?}");
}

#[tokio::test]
async fn the_environment_holds_what_was_given_and_nothing_of_ours() {
    let mut told = task("env | cut -d= -f1 | sort | tr '\\n' ' '");
    told.values.insert("PUSH_SHA".to_owned(), "abc".to_owned());
    let (_, lines) = run(told).await;
    let names: Vec<&str> = lines[0].text.split_whitespace().filter(|name| !["HOME", "_"].contains(name)).collect();
    assert_eq!(names, ["LC_ALL", "PATH", "PUSH_MARK", "PUSH_SHA", "PWD"]);
}

#[tokio::test]
async fn a_command_that_reads_its_input_finds_it_empty() {
    let (ending, lines) = run(task("cat; echo done")).await;
    assert_eq!((ending, texts(&lines, Stream::Out)), (Ending::Exited(0), vec!["done"]));
}

#[tokio::test]
async fn a_daemon_that_keeps_the_output_open_does_not_keep_the_command() {
    let (ending, lines) = run(task("setsid sleep 20 & echo started")).await;
    assert_eq!((ending, texts(&lines, Stream::Out)), (Ending::Exited(0), vec!["started"]));
}

#[tokio::test]
async fn a_line_is_shown_while_its_command_still_runs() {
    let room = tempfile::tempdir().unwrap();
    let (sender, mut receiver) = mpsc::channel(8);
    let waiting = task("echo first; until [ -e go ]; do sleep 0.05; done");
    let run = near(room.path(), waiting, &sender);
    let watch = async {
        assert_eq!(receiver.recv().await.unwrap().text, "first");
        std::fs::write(room.path().join("go"), "").unwrap();
    };
    let (ending, ()) = tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(run, watch) }).await.unwrap();
    assert_eq!(ending, Ending::Exited(0));
}

/// Six tempers of commands that do not want to end (TRUST promise 6). Each writes its process ids into `pids`.
pub(in crate::remote) const TEMPERS: [(&str, &str); 6] = [
    ("traps TERM", "trap '' TERM; echo $$ >>pids; echo up; while :; do sleep 1; done"),
    (
        "double-forks",
        "( ( echo $(exec sh -c 'echo $PPID') >>pids; exec sleep 600 ) & ); sleep 600 & echo $! >>pids; echo up; wait",
    ),
    ("setsid", "setsid sh -c 'echo $$ >>pids; echo up; exec sleep 600' & wait"),
    ("silent", "echo $$ >>pids; echo up; exec sleep 600"),
    ("endless output", "echo $$ >>pids; echo up; exec yes"),
    ("stopped", "sh -c 'echo $$ >>pids; echo up; kill -STOP $$'; sleep 600"),
];

fn alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Runs a script under a shell that is named; once it is up, `act` gets its cancel, and its directory has the processes.
async fn when_up(shell: &[&str], told: Task, act: impl AsyncFnOnce(&Path)) -> (Ending, String) {
    let room = tempfile::tempdir().unwrap();
    let (sender, mut receiver) = mpsc::channel(8);
    let run = async {
        let sender = sender;
        near_in(shell, room.path(), told, &sender).await
    };
    let watch = async {
        assert_eq!(receiver.recv().await.unwrap().text, "up");
        act(room.path()).await;
        while receiver.recv().await.is_some() {}
    };
    let (ending, ()) = tokio::join!(run, watch);
    (ending, std::fs::read_to_string(room.path().join("pids")).unwrap())
}

#[tokio::test]
async fn a_cancelled_command_leaves_nothing_running_whatever_its_temper_and_shell() {
    let each = SHELLS.into_iter().flat_map(|shell| TEMPERS.map(|(temper, script)| (shell, temper, script)));
    let all = each.map(async |(shell, temper, script)| {
        let told = task(script);
        let cancel = told.cancel.clone();
        let (ending, pids) = when_up(shell, told, async |_| cancel.cancel()).await;
        assert_eq!(ending, Ending::Cancelled { left: 0 }, "{shell:?}: {temper}");
        assert!(!pids.is_empty() && !pids.lines().any(alive), "{shell:?}: {temper}: {pids}");
    });
    futures::future::join_all(all).await;
}

/// Waits, with a deadline, until none of the processes that a script wrote down is there.
async fn all_gone(room: &Path) {
    let gone = async {
        while std::fs::read_to_string(room.join("pids")).unwrap().lines().any(alive) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("something still runs");
}

#[tokio::test]
async fn a_command_that_kills_its_own_guard_is_found_all_the_same_when_its_time_is_over() {
    let all = SHELLS.map(async |shell| {
        let told = task("echo $$ >>pids; sh -c 'echo $$ >>pids; exec sleep 600' & kill -9 $PPID; echo up; wait");
        let cancel = told.cancel.clone();
        let (ending, _) = when_up(shell, told, async |room| {
            cancel.cancel();
            all_gone(room).await;
        })
        .await;
        assert!(matches!(ending, Ending::Unknown(_)), "{shell:?}: {ending:?}");
    });
    futures::future::join_all(all).await;
}

#[tokio::test]
async fn a_command_that_kills_its_group_and_every_sleep_of_its_watch_is_still_watched() {
    // The processes of the guard itself are children of the script's parent, or of its watch.
    let script = "for p in $(grep -ls \") . $PPID \" /proc/[0-9]*/stat | cut -d/ -f3); do [ $p = $$ ] || w=$p; done
        for s in 9 TERM; do for p in $(grep -ls \"(sleep) . $w \" /proc/[0-9]*/stat | cut -d/ -f3); do kill -$s $p; done; sleep 0.3; done
        echo $$ >>pids; (trap '' TERM; kill -TERM 0; echo up; exec sleep 600); wait";
    let all = SHELLS.map(async |shell| {
        let told = Task { lease_s: 2, ..task(&format!("trap '' TERM; {script}")) };
        let cancel = told.cancel.clone();
        let began = std::time::Instant::now();
        let (ending, pids) = when_up(shell, told, async |_| {
            // Longer than its lease: heartbeats still count.
            tokio::time::sleep(Duration::from_secs(4)).await;
            cancel.cancel();
        })
        .await;
        assert_eq!(ending, Ending::Cancelled { left: 0 }, "{shell:?}");
        assert!(began.elapsed() >= Duration::from_secs(4) && !pids.lines().any(alive), "{shell:?}: {pids}");
    });
    futures::future::join_all(all).await;
}

#[tokio::test]
async fn a_guard_that_hears_nothing_for_its_lease_ends_its_command() {
    let all = SHELLS.map(async |shell| {
        let room = tempfile::tempdir().unwrap();
        let told = Task { lease_s: 1, ..task("echo $$ >>pids; (exec sleep 600) & echo up; wait") };
        let input = super::text::input(&told, "nonce", "mark").unwrap();
        let guard = ["-c", &super::text::script()];
        let program = crate::process::Program::new(shell[0]).args(&shell[1..]).args(guard).own_group();
        let mut child = program.dir(room.path()).with_input().start().unwrap();
        let mut lifeline = child.stdin.take().unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut lifeline, input.as_bytes()).await.unwrap();
        let output = tokio::time::timeout(Duration::from_secs(30), child.wait_with_output()).await.unwrap().unwrap();
        drop(lifeline);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.starts_with("up\n") && said.contains("guard-exit nonce 143"), "{shell:?}: {said}");
        all_gone(room.path()).await;
    });
    futures::future::join_all(all).await;
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_ended() {
    let mut told = task("echo up; sleep 600");
    told.timeout = Duration::from_millis(500);
    assert_eq!(run(told).await.0, Ending::TimedOut { left: 0 });
}

#[tokio::test]
async fn a_cancel_goes_through_although_nobody_takes_the_lines() {
    let room = tempfile::tempdir().unwrap();
    let (sender, receiver) = mpsc::channel(1);
    let told = task("touch up; exec yes");
    let cancel = told.cancel.clone();
    let run = near(room.path(), told, &sender);
    let watch = async {
        while !room.path().join("up").exists() {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let (ending, ()) = tokio::join!(run, watch);
    assert_eq!(ending, Ending::Cancelled { left: 0 });
    drop(receiver);
}

#[tokio::test]
async fn endless_output_is_cut_once_and_drained() {
    let (ending, lines) =
        run(task("yes 0123456789012345678901234567890123456789 | head -c 20000000; echo >&2 end")).await;
    assert_eq!(ending, Ending::Exited(0));
    assert_eq!(texts(&lines, Stream::Note).len(), 1);
    let cost = usize::try_from(crate::remote::output::LINE_COST).unwrap();
    let kept: usize = texts(&lines, Stream::Out).iter().map(|text| text.len() + cost).sum();
    assert!((16_000_000..=16 * 1024 * 1024).contains(&kept), "{kept}");
}

#[tokio::test]
async fn a_task_that_cannot_be_sent_is_refused() {
    let mut told = task("true");
    told.values.insert("nonce".to_owned(), "x".to_owned());
    assert!(matches!(run(told).await.0, Ending::Refused(why) if why.contains("\"nonce\"")));
    assert!(matches!(near(Path::new("/nowhere/at/all"), task("true"), &mpsc::channel(1).0).await, Ending::Refused(_)));
}

#[tokio::test]
async fn what_is_left_running_with_the_output_is_told_and_what_has_its_own_is_not() {
    for shell in SHELLS {
        let (ending, lines) = run_in(shell, task("sleep 7 >/dev/null 2>&1 & echo up")).await;
        assert_eq!((ending, lines.len()), (Ending::Exited(0), 1), "{shell:?}: {lines:?}");
        let (ending, lines) =
            run_in(shell, task("sleep 7 & sleep 8 2>/dev/null | sleep 6 >/dev/null 2>&1 & echo up")).await;
        assert_eq!(ending, Ending::Exited(0));
        let notes = texts(&lines, Stream::Note).concat();
        assert!(notes.starts_with("`sleep 7` (process ") && !notes.contains("sleep 8"), "{shell:?}: {notes}");
    }
}
