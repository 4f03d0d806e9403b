//! The Debian package on a bare Debian whose first process is systemd: it installs, runs under its own unit with all of its restrictions,
//! pushes to real hosts, is upgraded while a push runs, is not removed while one runs, and is removed without a trace but its data.

pub mod machine;

use crate::house::{own_address, until};
use machine::{Debian, Network, package};
use pushbutton::demo::fleet::Fleet;
use pushbutton::process::Program;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a debug build reads from the disk, where a release has it within.
fn shown() -> Vec<PathBuf> {
    ["templates", "static"].map(|dir| Path::new(env!("CARGO_MANIFEST_DIR")).join(dir)).to_vec()
}

/// Runs a command of ours there as the server's user.
fn ours(command: &str) -> String {
    format!("cd / && runuser -u pushbutton -- pushbutton --config /etc/pushbutton/config.toml {command}")
}

/// The unit alone, which no machine is needed for.
#[tokio::test]
async fn the_unit_is_closed_as_far_as_builds_allow_and_ends_no_push() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("package/pushbutton.service");
    let judged = Program::new("systemd-analyze").args(["security", "--offline=true", "--threshold=30"]).arg(&unit);
    let judged = judged.env("COLUMNS", "200").output(Duration::from_secs(60)).await.unwrap();
    let said = String::from_utf8_lossy(&judged.stdout).into_owned();
    let overall = said.lines().find_map(|line| line.split_once("exposure level for pushbutton.service: ")).unwrap().1;
    let level: f32 = overall.split(' ').next().unwrap().parse().unwrap();
    assert!(judged.status.success() && level < 3.0, "{said}");
    let text = std::fs::read_to_string(unit).unwrap();
    for line in ["KillMode=process", "OOMPolicy=continue", "PrivateTmp=no"] {
        assert!(text.lines().any(|it| it == line), "{line}");
    }
}

/// A host that pushes wait on, as the server there sees it.
async fn prepare(debian: &Debian, fleet: &Fleet) {
    let address = own_address();
    let config = debian.must("cat /etc/pushbutton/config.toml").await;
    let config = config.replace("http://127.0.0.1:8090", &format!("http://{address}"));
    debian.write("/etc/pushbutton/config.toml", &config.replace("mode = \"password\"", "mode = \"open\""));
    let commands = "{ local = \"echo umask $(umask)\" }, { release = \"/srv/web\" }, { activate = \"/srv/web\" }, \
                    { run = \"echo it waits; while [ ! -e /srv/let-go ]; do sleep 0.05; done\" }";
    let stack = format!(
        "source = {{ dir = \"/var/lib/site\" }}\n[[stage]]\nname = \"qa\"\nhosts = [\"qa1\"]\ncommands = [{commands}]\n"
    );
    debian.write("/etc/pushbutton/stacks/web.toml", &stack);
    debian.must("mkdir -p /var/lib/site && echo one >/var/lib/site/page.html && chmod -R a+rX /var/lib/site").await;
    let ssh = debian.root.join("var/lib/pushbutton/.ssh");
    std::fs::create_dir(&ssh).unwrap();
    let from = fleet.ssh_config().parent().unwrap();
    for file in ["client_key", "known_hosts"] {
        std::fs::copy(from.join(file), ssh.join(file)).unwrap();
    }
    let text = std::fs::read_to_string(fleet.ssh_config()).unwrap();
    std::fs::write(ssh.join("config"), text.replace(from.to_str().unwrap(), "/var/lib/pushbutton/.ssh")).unwrap();
    debian
        .must("chown -R pushbutton:pushbutton /var/lib/pushbutton/.ssh && chmod -R go= /var/lib/pushbutton/.ssh")
        .await;
    debian.must("systemctl restart pushbutton").await;
    until("the server answers", async || {
        let said = debian.run(&format!("curl -fsS http://{address}/readyz")).await;
        said.well.then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_package_installs_pushes_is_upgraded_during_a_push_and_goes_without_a_trace_but_its_data() {
    if !machine::may_be_had() {
        return;
    }
    let out_here = tempfile::tempdir().unwrap();
    let fleet = Fleet::start(&out_here.path().join("fleet"), &["qa1"]).await.unwrap();
    let let_go = fleet.host("qa1").unwrap().srv_dir().join("let-go");
    let (old, new) = (package(out_here.path(), "0.1.0").await, package(out_here.path(), "0.1.1").await);
    let debian = Debian::start(&shown(), Network::Tests).await;
    let before = debian.files().await;
    for file in [&old, &new] {
        std::fs::copy(file, debian.root.join("root").join(file.file_name().unwrap())).unwrap();
    }

    // It installs, and starts under its unit.
    debian.must("dpkg -i /root/pushbutton_0.1.0.deb").await;
    assert_eq!(
        debian.must("systemctl is-active pushbutton; systemctl is-enabled pushbutton").await,
        "active\nenabled\n"
    );
    prepare(&debian, &fleet).await;
    let doctor = debian.run(&ours("doctor")).await;
    assert!(doctor.well && doctor.text.contains("its restart ends no push"), "{}", doctor.text);

    // What keeps builds apart works under the unit's own restrictions.
    let unit = debian.must("cat /usr/lib/systemd/system/pushbutton.service").await;
    let words = "bwrap --unshare-all --unshare-user --disable-userns --uid 1000 --gid 1000 --hostname build --die-with-parent \
                 --ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/lib /lib --symlink usr/lib64 /lib64 --proc /proc --dev /dev \
                 --tmpfs /tmp -- prlimit --nproc=500 --cpu=100 -- choom -n 1000 -- nice -n 10 true";
    let start = unit.lines().find(|line| line.starts_with("ExecStart=")).unwrap();
    let tried =
        unit.replace(start, &format!("Type=oneshot\nExecStart=/usr/bin/{words}")).replace("Restart=always\n", "");
    debian.write("/etc/systemd/system/tried.service", &tried);
    debian.must("systemctl daemon-reload && systemctl start tried.service").await;
    debian.must("rm /etc/systemd/system/tried.service && systemctl daemon-reload").await;

    // It pushes to a real host, and is upgraded meanwhile: the push goes on, and the new server follows it to its end.
    debian.must(&ours("push web qa --as mary")).await;
    until("the push waits on the host", async || {
        debian.run(&ours("status")).await.text.contains("pushing").then_some(())
    })
    .await;
    let runner = "pgrep -f ' [r]unner .*/pushes/'";
    let was = until("the runner runs", async || Some(debian.run(runner).await).filter(|said| said.well)).await.text;
    let server = debian.must("systemctl show -p MainPID --value pushbutton").await;
    let refused = debian.run("dpkg -r pushbutton").await;
    assert!(!refused.well && refused.text.contains("a push is running"), "{}", refused.text);
    debian.must("dpkg -i /root/pushbutton_0.1.1.deb").await;
    assert_ne!(debian.must("systemctl show -p MainPID --value pushbutton").await, server, "the server is a new one");
    assert_eq!(debian.must(runner).await, was, "the push goes on");
    std::fs::write(&let_go, "").unwrap();
    let followed = debian.must(&ours("follow 1")).await;
    assert!(followed.contains("it waits") && followed.contains("succeeded"), "{followed}");
    assert!(followed.contains("umask 0022"), "the unit's UMask is the server's alone: {followed}");
    let served = fleet.host("qa1").unwrap().srv_dir().join("web/current/page.html");
    assert_eq!(std::fs::read_to_string(served).unwrap(), "one\n");

    // It goes, and only what people wrote stays; whoever installs it again has the history.
    debian.must("dpkg -P pushbutton").await;
    let left = debian.run("pgrep -u pushbutton -a").await;
    assert!(!left.well, "nothing of it runs: {}", left.text);
    let after = debian.files().await;
    let kept =
        ["/var/lib/pushbutton", "/etc/pushbutton/stacks", "/etc/pushbutton", "/var/lib/site", "/root/pushbutton_"];
    // Who is there is written anew, with a copy of what was.
    let accounts = ["/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-"];
    let trace: Vec<&String> = after
        .iter()
        .filter(|file| !before.contains(file) && !accounts.contains(&file.as_str()))
        .filter(|file| !kept.iter().any(|kept| file.starts_with(kept)))
        .collect();
    assert!(trace.is_empty(), "{trace:#?}");
    debian.must("dpkg -i /root/pushbutton_0.1.1.deb && systemctl is-active pushbutton").await;
    let again = debian.must(&ours("status")).await;
    assert!(again.contains("web"), "{again}");
}

/// What the page means by `sudo`, on a machine that has only root.
const SUDO: &str = "#!/bin/sh\nuser=root\nwhile :; do case $1 in -u) user=$2; shift 2 ;; --preserve-env=*) shift ;; *) break ;; esac; done\n\
                    [ $user = root ] && exec \"$@\"\nexec runuser -u $user -- \"$@\"\n";

#[tokio::test]
async fn the_page_on_installing_is_walked_by_hand_from_the_binary_to_an_upgrade() {
    if !machine::may_be_had() {
        return;
    }
    const PAGE: &str = "docs/install.md";
    let block = |begins: &str| crate::docs::page(PAGE).block(begins);
    let debian = Debian::start(&shown(), Network::Own).await;
    let clone = debian.root.join("root/clone");
    std::fs::create_dir_all(clone.join("target/release")).unwrap();
    std::fs::create_dir(clone.join("package")).unwrap();
    let binary = clone.join("target/release/pushbutton");
    machine::must(Program::new("strip").arg("-o").arg(&binary).arg(env!("CARGO_BIN_EXE_pushbutton"))).await;
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("package/pushbutton.service");
    std::fs::copy(unit, clone.join("package/pushbutton.service")).unwrap();
    debian.write("/usr/local/bin/sudo", SUDO);
    debian.must("chmod 755 /usr/local/bin/sudo").await;
    let walk = async |text: &str| debian.must(&format!("set -e; cd /root/clone\n{text}")).await;

    let build = block("cargo build");
    walk(build.lines().find(|line| line.starts_with("sudo install")).unwrap()).await;
    walk(&block("sudo useradd")).await;
    debian.write("/etc/pushbutton/config.toml", &block("# /etc/pushbutton/config.toml"));
    let said = walk(&block("export PUSHBUTTON_CONFIG")).await;
    assert!(!said.contains("error"), "{said}");
    walk(&block("sed 's|^ExecStart=")).await;
    walk(&block("sudo systemctl daemon-reload\n")).await;
    let answers = async || debian.run("curl -fsS http://127.0.0.1:8090/readyz").await.well.then_some(());
    until("the server answers", answers).await;
    // As the server's user, with the variable that the page exports.
    let as_user =
        |text: &str| format!("cd / && PUSHBUTTON_CONFIG=/etc/pushbutton/config.toml sudo -u pushbutton {text}");
    debian.must(&as_user(&block("pushbutton check\n"))).await;
    let adds = block("pushbutton user add mary");
    debian.must(&format!("echo correct horse battery | ({})", as_user(&adds))).await;
    assert!(debian.must(&as_user("pushbutton user list")).await.contains("Mary Example"));
    walk(&block("sudo install -m 755 target/release/pushbutton /usr/local/bin/pushbutton.new")).await;
    until("the server answers again", answers).await;
    let doctor = debian.must(&as_user("pushbutton doctor")).await;
    assert!(doctor.contains("its restart ends no push") && doctor.contains("0 wrong"), "{doctor}");
}
