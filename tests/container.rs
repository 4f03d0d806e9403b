//! The image of `package/Dockerfile`, as far as that goes without Docker: its first process keeps a push that runs alive when the container is
//! to stop, the package installs where no systemd runs, and the file names only what is there.

use crate::debian::machine::{may_be_had, must, package, unpacked};
use crate::docs::{commands_in, misunderstood, page};
use crate::house::{House, Plans, get, in_time, let_go, process, until, waits_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pushbutton::process::Program;
use std::path::Path;

fn repository(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).display().to_string()
}

#[tokio::test]
async fn a_container_that_is_to_stop_ends_its_server_at_once_and_waits_for_the_push() {
    if !may_be_had() {
        return;
    }
    let waits = format!("{{ run = \"echo it waits; {}\" }}", waits_for("go"));
    let mut house = House::build(Plans { qa: &["qa1"], commands: &waits, ..Plans::default() }).await;
    house.kill_server().await;
    // The namespace of a container: its first process is the script, and all ends with it.
    let (start, config) = (repository("package/container-start"), house.dir.path().join("config.toml"));
    let program = Program::new("unshare").args(["--pid", "--fork", "--mount-proc", "--kill-child", "--", &start]);
    let program = program.arg(&house.binary).arg("--config").arg(config).arg("serve").env("HOME", house.dir.path());
    let log = std::fs::OpenOptions::new().append(true).open(house.dir.path().join("server.log")).unwrap();
    let mut container = program.log_to(log).unwrap().start().unwrap();
    let client = house.client().clone();
    let answers = async || get(&client, "/readyz").await.is_ok_and(|got| got.status == 200);
    until("the server answers", async || answers().await.then_some(())).await;
    let outer = container.id().unwrap();
    let children = std::fs::read_to_string(format!("/proc/{outer}/task/{outer}/children")).unwrap();
    let first = Pid::from_raw(children.split_whitespace().next().unwrap().parse().unwrap());

    // A server that ends is started again, and follows its push.
    let id = house.press("qa").await;
    until("the push waits", async || house.log(id).await.contains("it waits").then_some(())).await;
    let servers = || std::fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap();
    let server = servers().split_whitespace().next().unwrap().parse().unwrap();
    process::kill(server);
    until("another server answers", async || {
        let other = servers().split_whitespace().next().is_some_and(|it| it.parse() != Ok(server));
        (other && answers().await).then_some(())
    })
    .await;
    assert_eq!(house.push(id).await["push"]["state"], "running");

    kill(first, Signal::SIGTERM).unwrap();
    until("the server has ended", async || (!answers().await).then_some(())).await;
    assert_eq!(container.try_wait().unwrap(), None, "the container waits for the push");
    let_go(&house, "go", &["qa1"]);
    let ended = in_time("the container ends", container.wait()).await.unwrap();
    assert!(ended.success(), "{ended}");
    house.start().await;
    assert_eq!(house.ended(id).await["push"]["state"], "succeeded");
}

#[tokio::test]
async fn the_package_installs_where_no_systemd_runs_and_the_file_names_what_is_there() {
    let text = std::fs::read_to_string(repository("package/Dockerfile")).unwrap();
    let copied = text.lines().filter_map(|line| line.strip_prefix("COPY ")?.split(' ').next());
    let ours: Vec<&str> = copied.filter(|path| !path.starts_with("target/")).collect();
    assert!(ours == ["package/container-start"] && Path::new(&repository(ours[0])).is_file());
    let entry = text.lines().find_map(|line| line.strip_prefix("ENTRYPOINT ")).unwrap();
    let words: Vec<String> = serde_json::from_str(entry).unwrap();
    let command = words[1..].join(" ").replace("/usr/bin/pushbutton ", "pushbutton ");
    assert_eq!(commands_in(&command).await.iter().find_map(|words| misunderstood(words)), None);
    let run = text.replace("\\\n", "").lines().find_map(|line| line.strip_prefix("RUN ").map(str::to_owned)).unwrap();
    must(Program::new("sh").args(["-nc", &run])).await;

    if !may_be_had() {
        return;
    }
    let dir = tempfile::Builder::new().prefix("pb").tempdir().unwrap();
    let file = package(dir.path(), "0.1.0").await;
    let root = unpacked(dir.path()).await;
    std::fs::create_dir_all(root.join("root/target/debian")).unwrap();
    std::fs::copy(file, root.join("root/target/debian/pushbutton_0.1.0_amd64.deb")).unwrap();
    let there = async |user: &str, command: &str| {
        let program =
            Program::new("chroot").arg(format!("--userspec={user}")).arg(&root).args(["/bin/sh", "-c", command]);
        must(program.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")).await
    };
    // As the page says it, and by the same program as in the file; here is nobody but root.
    let block = page("docs/install.md").block("cargo deb --locked\nsudo");
    let line = block.lines().find_map(|line| line.strip_prefix("sudo ")).unwrap();
    there("root", &format!("cd /root && {line}")).await;
    let said = there("pushbutton", "cd /var/lib/pushbutton && pwd && pushbutton --version").await;
    assert!(said.starts_with("/var/lib/pushbutton\npushbutton "), "{said}");
}
