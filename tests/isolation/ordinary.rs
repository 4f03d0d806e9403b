//! A server that is no root cannot give a build another user: what keeps it from the server are its namespaces and the refused calls alone. So
//! the tries run once more, by a server of an ordinary user with a home of its own.

use nix::unistd::{Gid, Uid, chown, geteuid};
use pushbutton::process::Program;
use std::time::Duration;

/// The tries, and their witnesses.
const TEST: &str = "isolation::every_try_of_a_hostile_build_local_line_and_before_reach_nothing";
/// A user that no machine has.
const USER: u32 = 20_001;
/// ssh asks who its user is; the files say so in these mounts alone.
const SET_UP: &str =
    "set -e; for name in passwd group; do mount --bind \"$HOME/$name\" \"/etc/$name\"; done; exec \"$@\"";

#[tokio::test]
async fn every_try_reaches_nothing_of_a_server_of_an_ordinary_user_either() {
    if !geteuid().is_root() {
        eprintln!("the tries themselves are an ordinary user's here");
        return;
    }
    // The hosts of the fleet cover /tmp.
    let home = tempfile::Builder::new().prefix("ordinary").tempdir_in("/var/tmp").unwrap();
    let at = home.path().display();
    let line =
        [("passwd", format!("ordinary:x:{USER}:{USER}::{at}:/bin/sh\n")), ("group", format!("ordinary:x:{USER}:\n"))];
    for (name, line) in line {
        let known = std::fs::read_to_string(format!("/etc/{name}")).unwrap();
        std::fs::write(home.path().join(name), known + &line).unwrap();
    }
    chown(home.path(), Some(Uid::from_raw(USER)), Some(Gid::from_raw(USER))).unwrap();
    let itself = std::env::current_exe().unwrap();
    let (user, group) = (format!("--reuid={USER}"), format!("--regid={USER}"));
    let program =
        Program::new("unshare").args(["--mount", "--", "/bin/sh", "-c", SET_UP, "sh", "setpriv", &user, &group]);
    let program = program.args(["--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--"]).arg(&itself);
    let program = program.args(["--exact", TEST, "--nocapture"]).env("HOME", home.path());
    let ran = program.output(Duration::from_secs(120)).await.unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    let passed = ran.status.success() && said.contains("1 passed");
    assert!(passed, "as an ordinary user, who must be able to read {} and run it: {said}", itself.display());
}
