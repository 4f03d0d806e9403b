//! `pushbutton check`: what a person reads at the terminal, and the exit code that a script sees.

use crate::house::listing;
use insta::assert_snapshot;
use std::path::Path;
use tempfile::TempDir;

const GOOD: &str = r#"
source = { git = "https://git.example.com/web.git", branch = "main" }
[[stage]]
name = "qa"
hosts = ["qa1"]
commands = ["true"]
[[stage]]
name = "prod"
hosts = ["web[01-25]"]
commands = ["true"]
"#;

fn files(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

/// Exit code, standard output and standard error of `pushbutton check`.
fn check(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let output = assert_cmd::cargo::cargo_bin_cmd!("pushbutton")
        .current_dir(dir)
        .env_remove("PUSHBUTTON_CONFIG")
        .arg("check")
        .args(args)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_good_file_is_one_line_and_needs_no_configuration() {
    let dir = files(&[("stacks/web.toml", GOOD)]);
    let (code, out, err) = check(dir.path(), &["stacks/web.toml"]);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "stacks/web.toml: web, 2 stages, 26 hosts\n", ""));
}

#[test]
fn without_files_the_configuration_and_all_of_its_stacks_are_checked() {
    let dir = files(&[
        ("config.toml", "url = \"http://127.0.0.1:8090\"\nstacks = \"here\"\n"),
        ("here/web.toml", GOOD),
        ("here/api.toml", GOOD),
        ("here/.web.toml.swp", "x"),
        ("here/.hidden.toml", "x"),
        ("here/README", "x"),
    ]);
    let (code, out, err) = check(dir.path(), &[]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(
        out,
        "config.toml: the server's configuration\nhere/api.toml: api, 2 stages, 26 hosts\nhere/web.toml: web, 2 stages, 26 hosts\n"
    );
}

#[test]
fn all_errors_of_all_files_are_told_at_once() {
    let dir = files(&[
        ("config.toml", "url = \"http://127.0.0.1:8090\"\n"),
        ("stacks/web.toml", GOOD),
        (
            "stacks/api.toml",
            "sauce = { git = \"x\" }\n[[stage]]\nname = \"qa\"\nhosts = [\"a\"]\ncommands = [\"echo '{sha}'\"]\n",
        ),
        ("stacks/Bad Name.toml", GOOD),
        ("stacks/torn.toml", "source = {"),
    ]);
    let (code, out, err) = check(dir.path(), &[]);
    assert_eq!(code, 1);
    assert_eq!(out, "config.toml: the server's configuration\nstacks/web.toml: web, 2 stages, 26 hosts\n");
    assert_snapshot!(err, @r#"
    error: stacks/Bad Name.toml: the file's name is the stack's name, and stack name "Bad Name" is not allowed: it must match [a-z0-9][a-z0-9_-]* and be at most 63 long

    error: the stack has no `source`
     --> stacks/api.toml:1:1
      |
    1 | sauce = { git = "x" }
      | ^
      |
      = help: say where it comes from: source = { git = "https://git.example.com/web.git", branch = "main" }

    error: unknown key `sauce` in a stack file
     --> stacks/api.toml:1:1
      |
    1 | sauce = { git = "x" }
      | ^^^^^
      |
      = help: did you mean `source`?

    error: a variable cannot stand within single quotes
     --> stacks/api.toml:5:20
      |
    5 | commands = ["echo '{sha}'"]
      |                    ^^^^^
      |
      = help: end the quotes before it and begin them again after it: 'a '{sha}' b'

    error: not TOML: unclosed inline table, expected `}`
     --> stacks/torn.toml:1:11
      |
    1 | source = {
      |           ^

    5 errors in 3 of 5 files
    "#);
}

#[test]
fn files_that_are_not_there_or_not_stacks_are_errors() {
    let dir = files(&[("notes.txt", "x"), ("stacks/web.toml", GOOD)]);
    let (code, out, err) = check(dir.path(), &["stacks/web.toml", "stacks/none.toml", "notes.txt"]);
    assert_eq!((code, out.as_str()), (1, "stacks/web.toml: web, 2 stages, 26 hosts\n"));
    assert_snapshot!(err, @r#"
    error: cannot read stacks/none.toml: No such file or directory (os error 2)

    error: notes.txt: a stack file ends with .toml

    2 errors in 2 of 3 files
    "#);
    let (code, _, err) = check(dir.path(), &[]);
    assert_eq!(code, 1);
    assert_snapshot!(err, @r#"
    error: there is no config.toml
    hint: copy config.example.toml, or give stack files: pushbutton check stacks/web.toml

    1 error in 1 of 1 file
    "#);
}

#[test]
fn a_bad_configuration_is_told_with_its_place() {
    let text = "url = \"http://127.0.0.1:8090\"\nlisten = \"0.0.0.0:8090\"\n";
    let dir = files(&[("config.toml", text), ("stacks/README", "x")]);
    for (args, said) in [(&[][..], "stacks: no stack files yet\n"), (&["config.toml"][..], "")] {
        let (code, out, err) = check(dir.path(), args);
        assert_eq!((code, out.as_str()), (1, said));
        assert!(err.contains("config.toml:2:10") && err.ends_with("1 error in 1 of 1 file\n"), "{err}");
    }
}

/// What is wrong, each with its place and its cure, as a command prints it.
fn errors(said: &str) -> Vec<String> {
    let blocks = said.split("\n\n").filter(|block| block.starts_with("error: "));
    blocks.map(|block| block.trim_end().to_owned()).collect()
}

/// What `serve` says when it does not start.
fn serve(dir: &Path) -> String {
    let mut serve = assert_cmd::cargo::cargo_bin_cmd!("pushbutton");
    serve.current_dir(dir).env_remove("PUSHBUTTON_CONFIG").timeout(std::time::Duration::from_secs(60));
    let output = serve.arg("serve").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

const EVERYTHING: &str = r##"
url = "https://push.example.com"
listen = "192.0.2.1:8090"
insecure_http = true
data = "data"
stacks = "none"
[ssh]
config = "ssh_config"
[irc]
server = "irc.example.com"
channel = "#push"
password_file = "irc.password"
[email]
server = "smtp.example.com"
from = "push@example.com"
to = ["all@example.com"]
user = "push"
password_env = "PUSHBUTTON_TEST_UNSET"
"##;

#[test]
fn check_finds_all_that_serve_refuses_at_once_in_the_same_words_and_touches_nothing() {
    let dir = files(&[("config.toml", EVERYTHING), ("data", "x"), ("ssh_config", "Host *\n  Frobnicate yes\n")]);
    let before = listing(dir.path());
    let (code, _, err) = check(dir.path(), &[]);
    assert_eq!(code, 1);
    let found = errors(&err);
    assert_eq!(found, errors(&serve(dir.path())), "serve says the same");
    assert_eq!(listing(dir.path()), before, "neither changes anything");
    let here = dir.path().display().to_string();
    let said = found.join("\n\n").replace(&here, "HERE");
    for words in [
        "cannot listen on 192.0.2.1:8090: Cannot assign requested address (os error 99)",
        "the data directory HERE/data cannot be used: HERE/data: not a directory",
        "the stack files in HERE/none cannot be read: No such file or directory",
        "ssh does not accept its configuration: HERE/ssh_config: line 2: Bad configuration option: frobnicate",
        "cannot read HERE/irc.password: No such file or directory",
        "the environment variable PUSHBUTTON_TEST_UNSET is not set",
    ] {
        assert!(said.contains(&format!("error: {words}")), "{words} in {said}");
    }
    assert_eq!((found.len(), found.iter().filter(|error| error.contains("= help: ")).count()), (6, 6), "{said}");
}

#[test]
fn secrets_that_others_can_read_or_that_are_empty_and_a_ledger_that_is_none_are_found() {
    use std::os::unix::fs::PermissionsExt;
    let text = EVERYTHING
        .replace("listen = \"192.0.2.1:8090\"\ninsecure_http = true\n", "")
        .replace("stacks = \"none\"\n", "")
        .replace("password_env = \"PUSHBUTTON_TEST_UNSET\"", "password_file = \"mail.password\"")
        .replace("config = \"ssh_config\"", "config = \"no_config\"");
    let no_ledger = "this is not a ledger, and longer than the head of one: ".repeat(30);
    let dir = files(&[
        ("config.toml", &text),
        ("stacks/README", "x"),
        ("irc.password", "secret\n"),
        ("mail.password", "\nsecret\n"),
        ("data/pushbutton.db", &no_ledger),
    ]);
    let mode = |name: &str, mode| {
        std::fs::set_permissions(dir.path().join(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("irc.password", 0o644);
    mode("mail.password", 0o600);
    mode("data", 0o700);
    let before = listing(dir.path());
    let (code, _, err) = check(dir.path(), &[]);
    assert_eq!((code, listing(dir.path())), (1, before));
    let here = dir.path().display().to_string();
    let said = err.replace(&here, "HERE");
    for words in [
        "HERE/irc.password can be read by others",
        "= help: chmod 600 HERE/irc.password",
        "HERE/mail.password holds no password",
        "cannot read HERE/no_config: No such file or directory",
        "the ledger HERE/data/pushbutton.db cannot be used: file is not a database (it was overwritten with something else)",
        "restore the last backup: mkdir -m 700 DATA && tar -xpf BACKUP -C DATA",
        "4 errors in 1 of 1 file",
    ] {
        assert!(said.contains(words), "{words} in {said}");
    }
    assert!(!said.contains("secret"), "{said}");
    // With all else fixed, the server says the same of its ledger.
    mode("irc.password", 0o600);
    std::fs::write(dir.path().join("mail.password"), "secret\n").unwrap();
    std::fs::write(dir.path().join("no_config"), "Host *\n").unwrap();
    let (_, _, err) = check(dir.path(), &[]);
    let ledger = errors(&err)[0].lines().next().unwrap().strip_prefix("error: ").unwrap().to_owned();
    assert!(serve(dir.path()).contains(&ledger), "{ledger}");
    std::fs::remove_dir_all(dir.path().join("data")).unwrap();
    let (code, out, err) = check(dir.path(), &[]);
    assert_eq!((code, err.as_str()), (0, ""), "a data directory that is not there yet will be made: {out}");
    assert!(!dir.path().join("data").exists());
}

#[test]
fn the_examples_of_whole_roll_outs_are_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<String> = std::fs::read_dir(root.join("stacks/examples"))
        .unwrap()
        .map(|entry| format!("stacks/examples/{}", entry.unwrap().file_name().to_str().unwrap()))
        .collect();
    files.sort();
    let args: Vec<&str> = files.iter().map(String::as_str).collect();
    let (code, out, err) = check(root, &args);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(out.lines().count(), files.len(), "{out}");
    assert!(files.len() >= 4);
}

#[test]
fn the_examples_that_come_with_pushbutton_are_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (code, out, err) = check(root, &["--config", "config.example.toml"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_snapshot!(out, @r#"
    config.example.toml: the server's configuration
    stacks/web.toml: web, 3 stages, 43 hosts
    "#);
}

#[test]
fn stacks_that_release_to_one_directory_of_one_host_are_an_error_of_both_files() {
    let stack = |host: &str, dir: &str| {
        GOOD.replace("\"qa1\"", &format!("\"{host}\"")).replacen(
            "[\"true\"]",
            &format!("[\n  {{ release = \"{dir}\" }},\n  {{ activate = \"{dir}\" }},\n]"),
            1,
        )
    };
    let dir = files(&[
        ("config.toml", "url = \"http://127.0.0.1:8090\"\n"),
        ("stacks/web.toml", &stack("qa1", "/srv/web")),
        ("stacks/shop.toml", &stack("deploy@qa1:22", "/srv/web")),
        ("stacks/blog.toml", &stack("qa1", "/srv/blog")),
    ]);
    let (code, _, err) = check(dir.path(), &[]);
    assert_eq!(code, 1, "{err}");
    assert_snapshot!(err, @r"
    error: two stacks release to one directory of qa1: stacks/shop.toml:7 releases to /srv/web, and stacks/web.toml:7 releases to /srv/web
    hint: give each stack a directory of its own: each flips `current` and removes old releases in it

    1 error in 2 of 4 files
    ");
}

#[test]
fn lfs_without_git_lfs_is_an_error_of_the_stack_file_before_anybody_pushes() {
    let lfs = GOOD.replace("branch = \"main\"", "branch = \"main\", lfs = true");
    let dir = files(&[("stacks/web.toml", &lfs), ("bin/README", "no program")]);
    let check = |args: &[&str]| {
        let command = assert_cmd::cargo::cargo_bin_cmd!("pushbutton")
            .current_dir(dir.path())
            .env_remove("PUSHBUTTON_CONFIG")
            .env("PATH", dir.path().join("bin"))
            .arg("check")
            .args(args)
            .output()
            .unwrap();
        (command.status.code(), String::from_utf8(command.stderr).unwrap())
    };
    let (code, err) = check(&["stacks/web.toml"]);
    assert!(code == Some(1) && err.contains("stacks/web.toml: source: git-lfs is not installed"), "{err}");
    assert!(err.contains("install the package `git-lfs`, or remove lfs = true from"), "{err}");
    assert_eq!(check(&["--offline", "stacks/web.toml"]), (Some(0), String::new()));
}

#[test]
fn an_error_of_the_command_line_tells_its_cause_once() {
    let dir = files(&[("conf/README", "a directory")]);
    for command in [&["status"][..], &["check", "--hosts"], &["verify"], &["user", "list"], &["serve"]] {
        let output = assert_cmd::cargo::cargo_bin_cmd!("pushbutton")
            .current_dir(dir.path())
            .args(["--config", "conf"])
            .args(command)
            .output()
            .unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(said.matches("Is a directory").count(), 1, "{command:?}: {said}");
        assert!(said.contains("hint: name the file in it: --config conf/config.toml"), "{command:?}: {said}");
    }
    let (code, _, err) = check(dir.path(), &["conf"]);
    let words = "error: conf is a directory\nhint: name the files in it: pushbutton check conf/*.toml\n";
    assert!(code == 1 && err.starts_with(words), "{err}");
}

#[test]
fn a_right_that_names_what_is_not_there_or_nobody_is_an_error_of_its_line() {
    let stack = "source = { published = true }\n[[stage]]\nname = \"prod\"\nhosts = [\"h\"]\ncommands = [\"true\"]\n";
    let config = "url = \"http://127.0.0.1:8090\"\n[groups]\nops = [\"mary\"]\n[rights]\n\"push:web/prd\" = [\"@ops\"]\n\
                  \"push:wbe\" = [\"@ops\"]\n\"see:web/prod\" = [\"@ops\"]\npusch = [\"mary\"]\nhold = [\"@opps\"]\n";
    let dir = files(&[("config.toml", config), ("stacks/web.toml", stack)]);
    let (code, _, said) = check(dir.path(), &["--config", "config.toml"]);
    assert_eq!(code, 1, "{said}");
    for words in [
        "the stack web has no stage prd",
        "did you mean `prod`?",
        "there is no stack wbe",
        "did you mean `web`?",
        "did you mean \"push\"?",
        "[groups] does not have opps",
        "did you mean \"@ops\"?",
        "config.toml:5",
        "config.toml:6",
    ] {
        assert!(said.contains(words), "{words} in {said}");
    }
    assert!(!said.contains("config.toml:7"), "{said}");
}
