//! Signing in to the real server: the log line of a failure is what the filter for fail2ban in the docs looks for.

use crate::house::{DEADLINE, client_of, get, got, own_address, until};
use pushbutton::demo::http::RequestBody;
use pushbutton::process::Program;

/// The filter as docs/operating.md has it, for Python's `re`, which fail2ban uses.
fn failregex() -> String {
    let filter = crate::docs::page("docs/operating.md").block("# /etc/fail2ban/filter.d/pushbutton.conf");
    let line = filter.lines().find_map(|line| line.strip_prefix("failregex = ")).unwrap();
    line.replace("<ADDR>", "(?P<ip>[0-9a-fA-F:.]+)")
}

/// The addresses that the filter finds in these lines, as fail2ban sees them: the time of a line is taken out before.
async fn banned(lines: &str) -> Vec<String> {
    let script = "import re, sys
regex = re.compile(sys.argv[1])
for line in sys.argv[2].splitlines():
    found = regex.search(re.sub(r'^\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z', '', line))
    if found: print(found.group('ip'))
";
    let said = Program::new("python3").args(["-c", script, &failregex(), lines]).output(DEADLINE).await.unwrap();
    assert!(said.status.success(), "{said:?}");
    String::from_utf8(said.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_failed_try_is_a_line_that_the_filter_finds_and_no_other_line_is() {
    let dir = tempfile::Builder::new().prefix("pb").tempdir().unwrap();
    let address = own_address();
    let url = format!("http://{address}");
    let ip = address.split(':').next().unwrap();
    let config = dir.path().join("config.toml");
    std::fs::create_dir(dir.path().join("stacks")).unwrap();
    std::fs::write(
        &config,
        format!("url = \"{url}\"\ntrusted_proxies = [\"{ip}\", \"127.0.0.1\"]\n[auth]\nask = \"ops@example.com\"\n"),
    )
    .unwrap();
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_pushbutton"));
    command.arg("--config").arg(&config).args(["user", "add", "mary", "--as", "olga"]);
    command.write_stdin("correct horse\n").assert().success();
    let log = dir.path().join("server.log");
    let program = Program::new(env!("CARGO_BIN_EXE_pushbutton")).arg("--config").arg(&config).arg("serve");
    let program = program.env("HOME", dir.path()).env("PUSHBUTTON_LOG", "debug");
    let mut server = program.log_to(std::fs::File::create(&log).unwrap()).unwrap().start().unwrap();
    let client = client_of(&url);
    until("the server is ready", async || (get(&client, "/readyz").await.ok()?.status == 200).then_some(())).await;
    let page = get(&client, "/sign-in").await.unwrap().text;
    assert!(page.contains("ops@example.com"), "{page}");

    let forged = "/sign-in?next=%20WARN%20pushbutton::web::sign_in:%20sign-in%20failed%20address=192.0.2.66%20";
    get(&client, forged).await.unwrap();
    for (address, form) in [
        ("198.51.100.1", "name=mary&password=wrong"),
        ("2001:db8::7", "name=hunter2+is+my+password&password=mary"),
        ("203.0.113.9", "name=WARN+pushbutton::web::sign_in:+sign-in+failed+address=192.0.2.67&password=x"),
        ("198.51.100.1", "name=mary&password=correct+horse"),
    ] {
        let mut client = client.clone();
        let more = [
            ("X-Forwarded-For", address),
            ("User-Agent", "WARN pushbutton::web::sign_in: sign-in failed address=192.0.2.68"),
        ];
        got(client.send("POST", "/sign-in", RequestBody::Form(form), &more).await.unwrap()).await.unwrap();
    }
    let lines = until("all failures are in the log", async || {
        let lines = std::fs::read_to_string(&log).unwrap();
        (lines.matches("sign-in failed address=").count() >= 3 && lines.contains("signed in")).then_some(lines)
    })
    .await;
    let mut found = banned(&lines).await;
    found.sort();
    assert_eq!(found, ["198.51.100.1", "2001:db8::7", "203.0.113.9"], "{lines}");
    let of_journal: String = lines.lines().map(|line| format!("push1 pushbutton[4711]: {line}\n")).collect();
    assert_eq!(banned(&of_journal).await.len(), 3, "as journald hands it on");
    assert!(!lines.contains("hunter2"), "what was typed as a name may be a password");
    assert!(lines.contains("address=198.51.100.1 account=mary"), "{lines}");
    server.start_kill().unwrap();
    server.wait().await.unwrap();
    let ledger = rusqlite::Connection::open(dir.path().join("data/pushbutton.db")).unwrap();
    let added = "SELECT who || ' ' || what || ' ' || detail FROM audit WHERE what = 'user add'";
    let added: String = ledger.query_row(added, [], |row| row.get(0)).unwrap();
    assert_eq!(added, "olga user add mary");
}
