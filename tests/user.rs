//! `pushbutton user`, as an operator types it: through pipes and at a real terminal.
#![allow(clippy::unwrap_used, reason = "clippy knows test functions, not what they call")]

use assert_cmd::Command;
use pushbutton::ledger::{Ledger, second_factor, users};
use pushbutton::process::Program;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const BINARY: &str = env!("CARGO_BIN_EXE_pushbutton");

/// A server's directory, with its file.
struct Office {
    dir: TempDir,
}

impl Office {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.toml"), "url = \"http://127.0.0.1:8090\"\ndata = \"deep/data\"\n")
            .unwrap();
        Self { dir }
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("config.toml")
    }

    /// `pushbutton user ARGS`, with this on standard input: exit code, both streams.
    fn user(&self, args: &[&str], input: &str) -> (i32, String, String) {
        let mut command = Command::new(BINARY);
        command.arg("--config").arg(self.config()).arg("user").args(args).write_stdin(input);
        let output = command.timeout(Duration::from_secs(60)).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }

    async fn signs_in(&self, name: &str, password: &str) -> bool {
        let ledger = Ledger::open(&self.dir.path().join("deep/data/pushbutton.db")).unwrap();
        let name = name.parse().unwrap();
        let user = ledger.read(move |connection| users::find(connection, &name)).await.unwrap();
        users::password_matches(user.as_ref(), password)
    }
}

#[tokio::test]
async fn somebody_is_added_listed_given_a_new_password_and_removed() {
    let office = Office::new();
    let (code, out, err) = office.user(&["list"], "");
    assert_eq!((code, out.as_str()), (0, ""));
    assert_eq!(err, "no users yet; hint: pushbutton user add NAME\n");

    let (code, out, err) = office.user(&["add", "mary", "--full-name", "Mary O'Hara"], "correct horse\nsecond line\n");
    assert_eq!((code, out.as_str(), err.as_str()), (0, "mary can now sign in\n", ""));
    assert_eq!(office.user(&["add", "bob"], "correct horse\r\n").0, 0);
    let data = office.dir.path().join("deep/data");
    assert_eq!(data.metadata().unwrap().permissions().mode() & 0o777, 0o700);

    let (_, out, _) = office.user(&["list"], "");
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("bob   since 2") && lines[0].ends_with("Z  bob"), "{out}");
    assert!(lines[1].starts_with("mary  since 2") && lines[1].ends_with("Z  Mary O'Hara"), "{out}");
    assert!(office.signs_in("mary", "correct horse").await && office.signs_in("bob", "correct horse").await);

    let (code, out, _) = office.user(&["password", "mary"], "battery staple");
    assert_eq!((code, out.as_str()), (0, "mary has a new password and is signed out\n"));
    assert!(office.signs_in("mary", "battery staple").await && !office.signs_in("mary", "correct horse").await);

    let (code, out, _) = office.user(&["remove", "mary"], "");
    assert_eq!((code, out.as_str()), (0, "mary is removed and signed out\n"));
    assert!(!office.signs_in("mary", "battery staple").await);
    assert_eq!(office.user(&["list"], "").1.lines().count(), 1);
}

#[test]
fn what_cannot_be_done_is_said_with_what_to_do() {
    let office = Office::new();
    assert_eq!(office.user(&["add", "mary"], "correct horse\n").0, 0);
    for (args, input, words) in [
        (["add", "mary"], "correct horse\n", "the user mary already exists; hint: pushbutton user password mary"),
        (["add", "MARY"], "correct horse\n", "the user mary already exists"),
        (["add", "bob"], "too short\n", "at least 10 characters"),
        (["add", "bob"], "", "no password on standard input"),
        (["remove", "bob"], "", "there is no user bob; hint: pushbutton user list"),
        (["password", "bob"], "correct horse\n", "there is no user bob"),
    ] {
        let (code, out, err) = office.user(&args, input);
        assert_eq!((code, out.as_str()), (1, ""), "{args:?}");
        assert!(err.starts_with("pushbutton: ") && err.contains(words), "{args:?}: {err}");
        assert!(!err.contains("correct horse"), "{err}");
    }
    let (code, _, err) = office.user(&["add", "two words"], "correct horse\n");
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("it must be 1 to 64 of letters, digits"), "{err}");
    assert_eq!(office.user(&["add", "bob", "--full-name", "a\nb"], "correct horse\n").0, 1);
}

/// Types at a real terminal, each text when the words before it have appeared; answers all that the terminal showed.
async fn at_a_terminal(office: &Office, typed: &[(&str, &str)]) -> (i32, String) {
    let command = format!("{BINARY} --config {} user add mary", office.config().display());
    let program = Program::new("script").args(["--quiet", "--return", "--flush", "--command", &command, "/dev/null"]);
    let mut child = program.with_input().start().unwrap();
    let (mut keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut shown = String::new();
    let talk = async {
        for (words, text) in typed {
            while !shown.contains(words) {
                let mut piece = [0; 1024];
                let read = screen.read(&mut piece).await.unwrap();
                assert_ne!(read, 0, "the terminal closed; it showed {shown:?}");
                shown.push_str(&String::from_utf8_lossy(&piece[..read]));
            }
            keys.write_all(text.as_bytes()).await.unwrap();
        }
        let mut rest = Vec::new();
        screen.read_to_end(&mut rest).await.unwrap();
        shown.push_str(&String::from_utf8_lossy(&rest));
        child.wait().await.unwrap().code().unwrap()
    };
    let code = tokio::time::timeout(Duration::from_secs(60), talk).await.unwrap();
    (code, shown)
}

#[tokio::test]
async fn at_a_terminal_the_password_is_asked_twice_and_never_shown() {
    let office = Office::new();
    let typed = [("New password of mary: ", "correct horse\n"), ("Repeat the password: ", "correct horse\n")];
    let (code, shown) = at_a_terminal(&office, &typed).await;
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("mary can now sign in") && !shown.contains("horse"), "{shown}");
    assert!(office.signs_in("mary", "correct horse").await);
}

#[tokio::test]
async fn at_a_terminal_two_different_passwords_or_ctrl_c_change_nothing() {
    let office = Office::new();
    let differing = [("New password of mary: ", "correct horse\n"), ("Repeat the password: ", "correct house\n")];
    let (code, shown) = at_a_terminal(&office, &differing).await;
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("the two passwords are not the same"), "{shown}");
    let (code, shown) = at_a_terminal(&office, &[("New password of mary: ", "corr\u{3}")]).await;
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("cancelled; nothing was changed"), "{shown}");
    assert_eq!(office.user(&["list"], "").1, "");
}

#[tokio::test]
async fn who_has_lost_their_second_factor_is_let_in_without_it_and_signed_out() {
    let office = Office::new();
    assert_eq!(office.user(&["add", "mary"], "correct horse\n").0, 0);
    let none = (0, "mary has no second factor\n".to_owned(), String::new());
    assert_eq!(office.user(&["totp-reset", "mary"], ""), none);
    let (code, _, err) = office.user(&["totp-reset", "zoe"], "");
    assert!(code != 0 && err.contains("there is no user zoe"), "{err}");

    let ledger = office.dir.path().join("deep/data/pushbutton.db");
    let with_one = |ledger: Ledger| async move {
        let mary = "mary".parse().unwrap();
        ledger.read(move |connection| second_factor::of(connection, &mary)).await.unwrap().is_some()
    };
    let office_ledger = Ledger::open(&ledger).unwrap();
    let set = office_ledger.write(|tx| {
        let (mary, secret) = ("mary".parse().unwrap(), second_factor::TotpSecret::new().unwrap());
        second_factor::set(tx, &mary, &secret, 0, &second_factor::recovery_codes().unwrap())
    });
    assert!(set.await.unwrap() && with_one(office_ledger).await);
    let said = "mary signs in without a second factor, and is signed out\n".to_owned();
    assert_eq!(office.user(&["totp-reset", "mary", "--as", "olga"], ""), (0, said, String::new()));
    assert!(!with_one(Ledger::open(&ledger).unwrap()).await);
}
