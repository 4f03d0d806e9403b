//! No secret is stored or shown (promise 19): commands that print it in a dozen ways, on the push host and on a host, leave
//! no trace of it in anything that Pushbutton keeps, shows or tells, nor in any argument list.

use crate::cli::pushbutton;
use crate::house::pages::every_page;
use crate::house::{Channels, House, Plans, until};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use pushbutton::process::Program;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

const TOKEN: &str = "c4n'ary-7Kq/x+Z&9\"w<~$u";
const KEY: &str = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\nw0BAQEFAASCBKcwggSj\n-----END KEY-----";
const PASSWORD: &str = "Tr0ub4dor&3-horse";

/// Says `$PUSH_SECRET_TOKEN` in every way that programs say things, and counts the argument lists that show it.
const PRINT: &str = r#"set -u
t=$PUSH_SECRET_TOKEN
say() { echo "$1 is $2"; echo "$1 is $2" >&2; }
hex=$(printf %s "$t" | od -An -v -tx1 | tr -d ' \n')
say plain "$t"
say base64 "$(printf %s "$t" | base64 -w0)"
say base64-behind-1 "$(printf 'a%s' "$t" | base64 -w0)"
say base64-behind-2 "$(printf 'ab%s' "$t" | base64 -w0)"
say base64-url "$(printf %s "$t" | base64 -w0 | tr '+/' '-_')"
say hexadecimal "$hex"
say percent-lower "$(echo "$hex" | sed 's/../%&/g')"
say percent-upper "$(echo "$hex" | tr a-f A-F | sed 's/../%&/g')"
say json "\"$(printf %s "$t" | sed 's/["\\]/\\&/g')\""
say quoted "'$(printf %s "$t" | sed "s/'/'\\\\''/g")'"
say backslashes "$(bash -c 'printf %q "$PUSH_SECRET_TOKEN"')"
say html "$(printf %s "$t" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/"/\&quot;/g; s/'"'"'/\&#39;/g')"
rest=${t#????????}; printf 'in pieces is %s' "${t%"$rest"}"; sleep 0.2; printf '%s\n' "$rest"
here=$(mktemp); printf %s "$t" >"$here"
cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n' | grep -cF -f "$here" | sed 's/^/argument lists with it: /'
rm -f "$here"
"#;

const WAYS: [&str; 13] = [
    "plain",
    "base64",
    "base64-behind-1",
    "base64-behind-2",
    "base64-url",
    "hexadecimal",
    "percent-lower",
    "percent-upper",
    "json",
    "quoted",
    "backslashes",
    "html",
    "in pieces",
];

/// The value, and what the commands make of it.
fn forms(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let mut forms = vec![
        secret.to_owned(),
        secret.replace('\'', "'\\''"),
        serde_json::to_string(secret).unwrap().trim_matches('"').to_owned(),
        STANDARD.encode(secret),
        URL_SAFE.encode(secret),
        percent.to_uppercase(),
        percent,
        hex,
    ];
    for before in ["a", "ab"] {
        // The digits that do not depend on what stands around it.
        let digits = STANDARD_NO_PAD.encode(format!("{before}{secret}"));
        forms.push(digits[4..digits.len() - 4].to_owned());
    }
    forms.extend(secret.lines().map(str::to_owned));
    forms
}

/// Every file below a directory in which one of the texts stands.
fn found_in(dir: &Path, texts: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(here) = open.pop() {
        for entry in std::fs::read_dir(here).unwrap().flatten() {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() {
                let bytes = std::fs::read(entry.path()).unwrap();
                let has = |text: &&String| bytes.windows(text.len()).any(|window| window == text.as_bytes());
                found.extend(texts.iter().filter(has).map(|text| format!("{}: {text}", entry.path().display())));
            }
        }
    }
    found
}

#[tokio::test]
async fn a_secret_that_commands_print_is_in_nothing_that_is_kept_shown_or_told() {
    let commands = r#"
      { local = "/usr/bin/test -n {token}; sh $HOME/print", as = "operator" },
      { run = "test -n {token}; sh /srv/print" },
      { run = "printf '%s\n' {key} {password}; echo unseen: $(env | grep -c ^PUSH_SECRET_TO)" },
      { run = "echo failed with {token} >&2; exit 3" },
    "#;
    let mut house = House::build(Plans { qa: &["qa1"], commands, ..Plans::default() }).await;
    let dir = house.dir.path().to_owned();
    house.kill_server().await;
    for place in [house.fleet.host("qa1").unwrap().srv_dir(), dir.clone()] {
        std::fs::write(place.join("print"), PRINT).unwrap();
    }
    let stack = dir.join("stacks/web.toml");
    let text = std::fs::read_to_string(&stack).unwrap();
    let secrets = format!(
        "[secrets]\ntoken = {{ file = {:?} }}\nkey = {{ credential = \"key\" }}\npassword = {{ env = \"DB_PASSWORD\" }}\n[hosts]",
        dir.join("token")
    );
    std::fs::write(&stack, text.replace("[hosts]", &secrets)).unwrap();
    std::fs::create_dir(dir.join("credentials")).unwrap();
    for (name, value) in [("token", format!("{TOKEN}\n")), ("credentials/key", KEY.to_owned())] {
        std::fs::write(dir.join(name), value).unwrap();
        std::fs::set_permissions(dir.join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let push = async || {
        let program = Program::new(env!("CARGO_BIN_EXE_pushbutton")).arg("--config").arg(dir.join("config.toml"));
        let program = program.args(["push", "web", "qa", "--follow"]).env("HOME", &dir).env("USER", "mary");
        let program = program.env("DB_PASSWORD", PASSWORD).env("CREDENTIALS_DIRECTORY", dir.join("credentials"));
        let output = program.output(Duration::from_secs(90)).await.unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };

    // A secret that others can read is refused before anything is touched.
    std::fs::set_permissions(dir.join("token"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let said = push().await;
    assert!(
        said.contains("nothing ran: the secret $PUSH_SECRET_TOKEN cannot be used: ") && said.contains("chmod 600"),
        "{said}"
    );
    std::fs::set_permissions(dir.join("token"), std::fs::Permissions::from_mode(0o600)).unwrap();

    let said = push().await;
    let mut lines = 0;
    for line in said.lines().filter(|line| WAYS.iter().any(|way| line.contains(&format!("{way} is ")))) {
        assert!(line.contains("***"), "{line}");
        lines += 1;
    }
    assert_eq!(lines, 2 * (2 * WAYS.len() - 1), "every way was said by both machines, but one on one stream: {said}");
    assert_eq!(said.matches("argument lists with it: 0").count(), 2, "{said}");
    assert!(said.contains("unseen: 0"), "a command gets the secrets that it names: {said}");
    assert!(said.contains("exited with 3: failed with ***"), "{said}");
    assert!(said.contains("test -n ***; sh /srv/print"), "the echo of a command hides it, too: {said}");

    let texts: Vec<String> = [TOKEN, KEY, PASSWORD].into_iter().flat_map(forms).collect();
    for text in &texts {
        assert!(!said.contains(text), "{text} was shown: {said}");
    }
    // IRC and mail are made from the ledger, and nothing else.
    assert_eq!(found_in(&house.data(), &texts), Vec::<String>::new());
    house.start().await;
    for path in
        ["/pushes/2", "/api/v1/pushes/2", "/api/v1/pushes/2/log", "/stacks/web", "/api/v1/stacks/web/stages/qa/plan"]
    {
        let shown = house.get(path).await.text;
        for text in &texts {
            assert!(!shown.contains(text), "{text} is on {path}");
        }
    }
}

#[tokio::test]
async fn a_password_in_an_address_is_in_nothing_that_anybody_reads_wherever_it_came_from() {
    const CANARY: &str = "hunter2canary";
    let channels = Channels::open().await;
    let config = channels.config();
    // From a commit, from what commands say on both ends, from a link, and from the last words of a failure.
    let commands = r#"{ release = "/srv/web" }, { activate = "/srv/web" }, { run = "cat /srv/url; cat /srv/url >&2" },
        { run = "echo cannot reach $(cat /srv/url) >&2; exit 3" }"#;
    let stage = "before = [{ local = \"/bin/cat /tmp/URL\", as = \"operator\" }]\n\
        finally = [{ local = \"/bin/sh -c 'echo link: Ticket $(cat /tmp/URL)'\", as = \"operator\" }]";
    let near = channels.dir.path().join("url");
    let address = format!("https://bot:{CANARY}@tickets.example.com/x");
    std::fs::write(&near, format!("{address}\n")).unwrap();
    let stage = stage.replace("/tmp/URL", near.to_str().unwrap());
    let house = House::build(Plans { qa: &["qa1"], commands, stage: &stage, config, ..Plans::default() }).await;
    std::fs::write(house.fleet.host("qa1").unwrap().srv_dir().join("url"), format!("{address}\n")).unwrap();
    let first = house.button("qa").await["sha"].clone();
    let git = Program::new("git").args(["commit", "--quiet", "--allow-empty", "-m", &format!("Mirror {address}")]);
    let git = ["AUTHOR", "COMMITTER"].iter().fold(git.dir(house.shop.dir()), |git, who| {
        git.env(format!("GIT_{who}_NAME"), "Mary").env(format!("GIT_{who}_EMAIL"), "mary@example.com")
    });
    assert!(git.output(Duration::from_secs(20)).await.unwrap().status.success());
    until("the commit is offered", async || (house.stage("qa").await["next"]["sha"] != first).then_some(())).await;
    let next = house.button("qa").await;
    let body = json!({ "seen": next["seen"], "plan_hash": next["plan_hash"], "reason": format!("as in {address}") });
    let pressed = house.send("POST", "/api/v1/stacks/web/stages/qa/push", &body).await;
    let id = pressed.push_id();
    let ended = house.ended(id).await;
    assert_eq!(ended["push"]["state"], "failed", "{ended:#}");
    channels.irc_says("FAILED").await;
    channels.mail_says("FAILED").await;
    let mut places = vec![
        ("IRC".to_owned(), channels.witness.lines().join("\n")),
        ("mail".to_owned(), channels.mail.readable_mails().join("\n")),
    ];
    let others = [
        format!("/pushes/{id}/log"),
        format!("/api/v1/pushes/{id}"),
        format!("/api/v1/pushes/{id}/log"),
        format!("/api/v1/pushes/{id}/log?form=journal"),
        "/pushes.csv".to_owned(),
        "/api/v1/stacks/web".to_owned(),
    ];
    for path in every_page("qa", id).into_iter().chain(others) {
        let got = house.get(&path).await;
        places.push((path, got.text));
    }
    for args in [&["status"][..], &["follow", "1"]] {
        places.push((args.join(" "), pushbutton(&house, args).await.both()));
    }
    places.push(("journal".to_owned(), String::from_utf8_lossy(&house.journal(id)).into_owned()));
    let log = std::fs::read_to_string(house.dir.path().join("server.log")).unwrap();
    places.push(("server log".to_owned(), log));
    let shown: Vec<&str> =
        places.iter().filter(|(_, text)| text.contains(CANARY)).map(|(place, _)| place.as_str()).collect();
    assert!(shown.is_empty(), "the password of an address is in {shown:?}");
    let log = house.log(id).await;
    assert!(log.contains("***@tickets.example.com/x"), "what is not secret of it is shown: {log}");
}
