//! Builds are isolated: what a committer writes into `build`, a `local` command or `before` reaches nothing of the server and of the
//! machine, ends with its command, and takes no more than it may. `as = "operator"` stands outside, and nothing committed with it.

mod cost;
mod files;
mod ordinary;
mod tries;

use crate::house::{House, kill, until, until_so};
use pushbutton::demo::fleet::Fleet;
use pushbutton::demo::repo::Shop;
use pushbutton::process::Program;
use serde_json::{Value, json};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use tries::{CALL, CONNECT, TRIES, script};

/// Limits that a test can reach.
const SMALL: &str = "[build]\nmemory_mib = 400\nprocesses = 250\ndisk_mib = 100\n";

/// A house over files that a committer wrote, and these lines of the stack file.
async fn house(files: &[(&str, &str)], lines: impl FnOnce(&Path) -> String, config: &str) -> House {
    let dir = tempfile::Builder::new().prefix("pb").tempdir().unwrap();
    let fleet = Fleet::start(&dir.path().join("fleet"), &["qa1"]).await.unwrap();
    let shop = Shop::open_in(&dir.path().join("shop")).await.unwrap();
    for (name, text) in files {
        std::fs::write(shop.dir().join(name), text).unwrap();
    }
    shop.commit(0).await.unwrap();
    let stack = format!("source = {{ git = {:?}, branch = \"main\" }}\n{}\n", shop.dir(), lines(dir.path()));
    House::raise(dir, fleet, shop, &stack, config, None).await
}

/// A stage that brings the build to its host, with more lines.
fn stage(lines: &str) -> String {
    format!(
        "[[stage]]\nname = \"qa\"\nhosts = [\"qa1\"]\n{lines}\n\
         commands = [\"@extra\", {{ release = \"/srv/web\" }}, {{ activate = \"/srv/web\" }}]\n"
    )
}

async fn push(house: &House) -> (Value, String) {
    let id = house.press("qa").await;
    let ended = house.ended(id).await;
    (ended, house.log(id).await)
}

/// The processes of this machine whose command line holds these words.
fn processes(words: &str) -> usize {
    let lines = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = lines.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).replace('\0', " ").contains(words)).count()
}

#[tokio::test]
async fn every_try_of_a_hostile_build_local_line_and_before_reach_nothing() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let name = format!("pushbutton-test-{}", std::process::id());
    let abstract_socket = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let mut victim = Program::new("sleep").arg("86399").own_group().start().unwrap();
    let vars = format!(
        "port = \"{}\"\nabstract = \"{name}\"\nvictim = \"{}\"\npid = \"PID\"\nserver = \"SERVER\"\n",
        port.local_addr().unwrap().port(),
        victim.id().unwrap()
    );
    let lines = |dir: &Path| {
        let dir = dir.display();
        format!(
            "build = [\"sh tries.sh build\"]\n[vars]\ndata = \"{dir}/data\"\nhome = \"{dir}\"\nsocket = \"{dir}/open.sock\"\n{vars}\
             [lists]\nextra = [\"sh tries.sh local\"]\n{}",
            stage("before = [{ local = \"sh tries.sh before\" }]")
        )
    };
    let house = house(&[("tries.sh", &script()), ("call.py", CALL), ("connect.py", CONNECT)], lines, SMALL).await;
    let home = house.dir.path();
    std::fs::set_permissions(home, PermissionsExt::from_mode(0o755)).unwrap();
    let open = UnixListener::bind(home.join("open.sock")).unwrap();
    std::fs::set_permissions(home.join("open.sock"), PermissionsExt::from_mode(0o777)).unwrap();
    std::fs::write(home.join("secret"), "hunter2").unwrap();
    // What only the running server has.
    let before = house.button("qa").await["plan_hash"].clone();
    let file = home.join("stacks/web.toml");
    let server = house.url.trim_start_matches("http://");
    let text = std::fs::read_to_string(&file).unwrap();
    let text =
        text.replace("\"PID\"", &format!("\"{}\"", house.server_pid())).replace("\"SERVER\"", &format!("\"{server}\""));
    std::fs::write(&file, &text).unwrap();
    until("the file is read", async || (house.button("qa").await["plan_hash"] != before).then_some(())).await;

    let (ended, log) = push(&house).await;
    assert_eq!(ended["push"]["state"], "succeeded", "{log}");
    assert!(!log.contains("REACHED"), "{}", log.lines().filter(|line| line.contains("REACHED")).collect::<String>());
    for (name, place, _) in TRIES {
        assert_eq!(log.matches(&format!("kept from {name}\n")).count(), 3, "{name} ({place:?}): {log}");
    }

    // The witnesses.
    for listener in [&open, &abstract_socket] {
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "someone connected");
    }
    port.set_nonblocking(true).unwrap();
    assert!(port.accept().is_err(), "someone connected");
    assert!(victim.try_wait().unwrap().is_none(), "the program outside lives");
    victim.start_kill().unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    assert_eq!(
        std::fs::read_dir(house.data().join("mirrors")).unwrap().flatten().filter(|e| e.file_name() == "pwned").count(),
        0
    );
    let left: Vec<_> = ["checkout", "scratch", "operator"]
        .into_iter()
        .filter(|name| house.data().join("pushes/1").join(name).exists())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A build that does what the reason of its push says, by this script.
async fn chosen(script: &str, more: &str) -> House {
    let lines = |_: &Path| format!("build = [\"sh chosen.sh\"]\n{more}\n[lists]\nextra = [\"true\"]\n{}", stage(""));
    house(&[("chosen.sh", script)], lines, SMALL).await
}

async fn push_for(house: &House, reason: &str) -> (Value, String) {
    let next = house.button("qa").await;
    let body = json!({ "seen": next["seen"], "plan_hash": next["plan_hash"], "reason": reason });
    let id = house.send("POST", "/api/v1/stacks/web/stages/qa/push", &body).await.push_id();
    let ended = house.ended(id).await;
    (ended, house.log(id).await)
}

#[tokio::test]
async fn a_build_that_fights_its_guard_or_takes_too_much_ends_and_leaves_nothing() {
    let script = r#"
case $PUSH_REASON in
daemon) setsid sleep 86391 >/dev/null 2>&1 & exit 7;;
killing) sleep 86391 & python3 -c 'import os; os.kill(-1, 9)'; sleep 86391;;
stopping) exec python3 -c 'import os, signal, time
for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
    if pid not in (1, os.getpid()): os.kill(pid, signal.SIGSTOP)
time.sleep(86391)';;
bombing) b() { b | b & }; b; exec sleep 86391;;
deaf) trap "" TERM HUP INT; while :; do sleep 86391; done;;
hoarding) for i in 1 2 3 4 5 6 7 8; do python3 -c 'import time; x = b"x" * (90 << 20); time.sleep(86391)' & done; wait;;
filling) i=0; while :; do head -c 4000000 /dev/zero >/tmp/$i || exit 9; i=$((i+1)); sleep 0.02; done;;
esac
"#;
    let house = chosen(script, "timeout = \"4s\"").await;
    for (reason, words) in [
        ("daemon", "exited with 7"),
        ("killing", "exited with 137"),
        ("stopping", "timed out after"),
        ("bombing", "timed out after"),
        ("deaf", "timed out after"),
        ("hoarding", "more than memory_mib = 400 of [build] allows"),
        ("filling", "more than disk_mib = 100 of [build] allows"),
    ] {
        let (ended, log) = push_for(&house, reason).await;
        assert_eq!(ended["push"]["state"], "failed", "{reason}: {ended:#}");
        let why = ended["push"]["why"].as_str().unwrap();
        assert!(why.contains(words), "{reason}: {why}\n{log}");
        until_so(&format!("{reason} left nothing"), || processes("86391") == 0).await;
        assert!(house.stack_view().await["hold"].is_null(), "{reason}: nothing is unknown");
        until("the lock is free", async || house.stack_view().await["lock"].is_null().then_some(())).await;
    }
}

#[tokio::test]
async fn a_cancel_and_the_death_of_the_runner_end_a_build_at_once() {
    let house = chosen("trap 'echo cleaned up; exit 1' TERM; echo begun; sleep 86392 & wait", "").await;
    let id = house.press("qa").await;
    house.journal_says(id, "\"text\":\"begun\"").await;
    house.send("POST", &format!("/api/v1/pushes/{id}/cancel"), &json!({})).await;
    assert_eq!(house.ended(id).await["push"]["state"], "cancelled");
    assert!(house.log(id).await.contains("out | cleaned up"), "it gets a TERM first");
    assert_eq!(processes("sleep 86392"), 0);

    let id = house.press("qa").await;
    house.journal_says(id, "\"text\":\"begun\"").await;
    kill(house.runner(id).await);
    assert_eq!(house.ended(id).await["push"]["state"], "interrupted");
    until_so("nothing is left", || processes("sleep 86392") == 0).await;
}

#[tokio::test]
async fn caches_stay_from_build_to_build_and_are_no_part_of_it_and_the_network_is_there_when_asked_for() {
    let script = r#"
echo "found $(cat deps/kept web/more/kept 2>&1 | tr '\n' ' ')"; echo one >deps/kept; echo two >web/more/kept
echo "devices $(grep -c : /proc/net/dev)"; echo "home $HOME $(whoami) $(pwd)"; echo built >built
"#;
    let house = chosen(script, "cache = [\"deps\", \"web/more/\"]").await;
    let (ended, log) = push_for(&house, "").await;
    assert_eq!(ended["push"]["state"], "succeeded", "{log}");
    assert!(log.contains("out | found cat: deps/kept: No such file") && log.contains("out | devices 1\n"), "{log}");
    assert!(log.contains("out | home /tmp build /build\n"), "{log}");
    let live = house.fleet.host("qa1").unwrap().srv_dir().join("web/current/");
    assert!(live.join("built").exists() && !live.join("deps").exists() && !live.join("web/more").exists());

    house.commit().await;
    let file = house.dir.path().join("stacks/web.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let before = house.button("qa").await["plan_hash"].clone();
    std::fs::write(&file, text.replace("cache =", "network = true\ncache =")).unwrap();
    until("the file is read", async || (house.button("qa").await["plan_hash"] != before).then_some(())).await;
    let (ended, log) = push_for(&house, "").await;
    assert_eq!(ended["push"]["state"], "succeeded", "{log}");
    assert!(log.contains("out | found one two") && !log.contains("out | devices 1\n"), "{log}");

    // A commit that leads the cache elsewhere.
    let outside = house.dir.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, house.shop.dir().join("deps")).unwrap();
    house.commit().await;
    let (ended, _) = push_for(&house, "").await;
    let why = ended["push"]["why"].as_str().unwrap();
    assert!(why.contains("the commit has a link in its place"), "{why}");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

#[tokio::test]
async fn an_operators_command_has_what_the_server_has_and_nothing_that_was_committed() {
    let lines = |_: &Path| {
        let program = "/bin/sh -c 'echo $(pwd | sed s,.*/,,) has $(ls -A | wc -l), user $(id -u), home $HOME; head -n 1 $PUSH_TREE/mark'";
        format!(
            "[lists]\nextra = [{{ local = \"{program}\", as = \"operator\" }}, \"touch x; id -u; cat mark\"]\n{}",
            stage("")
        )
    };
    let house = house(&[("mark", "committed\n"), ("sh", "#!/bin/sh\necho pwned\n")], lines, "").await;
    let (ended, log) = push(&house).await;
    assert_eq!(ended["push"]["state"], "succeeded", "{log}");
    let (user, home) = (nix::unistd::geteuid(), house.dir.path().display());
    assert!(log.contains(&format!("out | operator has 0, user {user}, home {home}\n")), "{log}");
    assert_eq!(log.matches("out | committed\n").count(), 2, "{log}");
    assert!(log.contains("out | 1000\n") && log.contains("touch: cannot touch 'x': Read-only file system"), "{log}");
    assert!(!log.contains("pwned"));
    let plan = house.get("/stacks/web/stages/qa/plan").await.text;
    assert!(plan.contains("outside of the build"), "{plan}");
}

#[tokio::test]
async fn a_machine_that_cannot_isolate_says_so_everywhere_and_runs_nothing_until_its_file_says_none() {
    let dir = tempfile::Builder::new().prefix("pb").tempdir().unwrap();
    let fleet = Fleet::start(&dir.path().join("fleet"), &["qa1"]).await.unwrap();
    let shop = Shop::open_in(&dir.path().join("shop")).await.unwrap();
    let tools = dir.path().join("tools");
    std::fs::create_dir(&tools).unwrap();
    let bwrap = "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n";
    std::fs::write(tools.join("bwrap"), bwrap).unwrap();
    std::fs::set_permissions(tools.join("bwrap"), PermissionsExt::from_mode(0o755)).unwrap();
    let stack = format!(
        "source = {{ git = {:?}, branch = \"main\" }}\nbuild = [\"id -u; ./build.sh\"]\n[lists]\nextra = [\"true\"]\n{}\n",
        shop.dir(),
        stage("")
    );
    let mut house = House::raise(dir, fleet, shop, &stack, "[build]\nisolation = \"namespaces\"\n", Some(tools)).await;
    let words = "cannot isolate commands, so builds and other commands on it fail: bwrap: No permissions";
    until("the page says so", async || house.get("/stacks/web").await.text.contains(words).then_some(())).await;
    let server_log = house.dir.path().join("server.log");
    assert!(std::fs::read_to_string(&server_log).unwrap().contains(words));
    let (ended, log) = push(&house).await;
    let why = ended["push"]["why"].as_str().unwrap();
    assert!(why.contains("nothing ran: this machine cannot isolate a command") && !log.contains("out | 0"), "{why}");

    house.kill_server().await;
    let file = house.dir.path().join("config.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("\"namespaces\"", "\"none\"")).unwrap();
    house.start().await;
    let page = house.get("/").await.text;
    assert!(page.contains("Commands on this server are not isolated"), "{page}");
    let (ended, log) = push(&house).await;
    assert_eq!(ended["push"]["state"], "succeeded", "{log}");
    assert!(log.contains(&format!("out | {}\n", nix::unistd::geteuid())), "{log}");
}
