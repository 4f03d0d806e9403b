//! Whoever changes the data directory behind the server's back is found by `verify`, and named: each column of each table, rows
//! removed and added, triggers, files edited, removed, exchanged. What it cannot see is listed in SECURITY.md, and here.

use crate::cli::pushbutton;
use crate::house::{House, Plans, kill, until};
use pushbutton::desk::verify::{Report, verify};
use pushbutton::ledger::Ledger;
use rusqlite::Connection;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What no seal covers, as table, column and where; SECURITY.md says why.
const UNSEEN: [(&str, &str, &str); 15] = [
    ("sessions", "seen_at", "1"),
    ("sessions", "provider", "1"),
    ("sessions", "checked_at", "1"),
    ("accounts", "confirmed_at", "1"),
    ("tokens", "seen_at", "1"),
    ("outbox", "next_at", "state = 'waiting'"),
    ("outbox", "tries", "state = 'waiting'"),
    ("outbox", "problem", "state = 'waiting'"),
    ("pushes", "hosts_ok", "ended_at IS NULL"),
    ("pushes", "waited_ms", "ended_at IS NULL"),
    ("pushes", "waits_since", "ended_at IS NULL"),
    ("outbox_counts", "channel", "0"),
    ("words", "text", "0"),
    ("audit_sent", "target", "0"),
    ("audit_sent", "number", "0"),
];

/// Tables, and what a sentence about one of their rows holds; where there are two rows, which one is changed.
const TABLES: [(&str, &str, &str); 20] = [
    ("pushes", "id = 1", "push 1"),
    ("pushes", "id = 2", "push 2"),
    ("pushes", "ended_at IS NULL", "push 3"),
    ("locks", "1", "the lock of api"),
    ("holds", "scope = 'web/qa'", "the hold on web/qa"),
    ("holds", "push IS NOT NULL", "the hold on web"),
    ("unresolved_pushes", "1", "push 2 is unresolved"),
    ("fold", "push = 1", "push 1 was read"),
    ("fold", "push = 3", "push 3"),
    ("builds", "push = 1", "build "),
    ("builds", "push IS NULL", "build 111111111111-p of api"),
    ("published", "1", "the publishing of build 111111111111-p of api"),
    ("current", "1", "what web qa runs"),
    ("commands", "push = 1", "the commands of push 1"),
    ("results", "push = 1", "what became of push 1"),
    ("results", "push = 3", "push 3, which runs: what became of it"),
    ("links", "push = 1", "the links of push 1"),
    ("questions", "push = 1", "the questions and answers of push 1"),
    ("questions", "push = 3", "push 3, which runs: its questions"),
    ("users", "1", "the user kate"),
];
const MORE_TABLES: [(&str, &str, &str); 10] = [
    ("sessions", "1", "the session "),
    ("outbox", "push = 1", "the announcement "),
    ("outbox", "push IS NULL", "the announcement "),
    ("commits", "push = 1", "the commits of push 1"),
    ("push_hosts", "push = 1", "the hosts of push 1"),
    ("push_hosts", "push = 3", "the hosts of push 3"),
    ("marks", "1", "the mark of build "),
    ("approval_requests", "1", "the request for approval 1"),
    ("approvals", "1", "the approval of request 1 by joe"),
    ("audit", "id = 5", "of the audit"),
];

struct Place {
    data: PathBuf,
    ledger: PathBuf,
    kept: Vec<u8>,
    /// Kinds of tampering that were tried.
    kinds: usize,
    /// Those that were not found as they must be.
    wrong: Vec<String>,
}

impl Place {
    /// The ledger as it was, whatever was done to it.
    fn restore(&self) {
        for beside in ["pushbutton.db-wal", "pushbutton.db-shm"] {
            let _ = std::fs::remove_file(self.data.join(beside));
        }
        std::fs::write(&self.ledger, &self.kept).unwrap();
    }

    /// Does something to the ledger as whoever has the file can: the triggers are away meanwhile, and back afterwards.
    fn spoil(&self, deed: &str) -> rusqlite::Result<usize> {
        let connection = Connection::open(&self.ledger).unwrap();
        connection.pragma_update(None, "foreign_keys", "OFF").unwrap();
        connection.pragma_update(None, "synchronous", "OFF").unwrap();
        let mut ask = connection.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").unwrap();
        let triggers: Vec<(String, String)> =
            ask.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
        for (name, _) in &triggers {
            connection.execute(&format!("DROP TRIGGER {name}"), []).unwrap();
        }
        let done = connection.execute(deed, []);
        for (_, sql) in &triggers {
            connection.execute(sql, []).unwrap();
        }
        done
    }

    async fn look(&self, heads: &[String]) -> Report {
        let ledger = Ledger::open_beside(&self.ledger).unwrap();
        verify(&self.data, &ledger, heads).await.unwrap()
    }

    /// One kind of tampering: seen with words that name it, or not seen at all; what is otherwise is kept for the end.
    async fn tampered(&mut self, deed: &str, words: Option<&str>) {
        let rows = self.spoil(deed).unwrap_or_else(|error| panic!("{deed}: {error}"));
        let problems = self.look(&[]).await.problems;
        let good = match words {
            Some(words) => problems.iter().any(|said| said.contains(words)),
            None => problems.is_empty(),
        };
        if !good || rows == 0 {
            self.wrong.push(format!("{deed} ({rows} rows): expected {words:?}, found {problems:#?}"));
        }
        self.kinds += 1;
        self.restore();
    }

    /// The same for what changes no row, as a new trigger.
    async fn schema_changed(&mut self, deed: &str, words: &str) {
        self.spoil(deed).unwrap_or_else(|error| panic!("{deed}: {error}"));
        let problems = self.look(&[]).await.problems;
        if !problems.iter().any(|said| said.contains(words)) {
            self.wrong.push(format!("{deed}: expected {words:?}, found {problems:#?}"));
        }
        self.kinds += 1;
        self.restore();
    }

    fn columns(&self, table: &str) -> Vec<(String, String, i64)> {
        let connection = Connection::open(&self.ledger).unwrap();
        let mut ask = connection.prepare("SELECT name, type, pk FROM pragma_table_info(?1)").unwrap();
        ask.query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap().map(Result::unwrap).collect()
    }
}

/// Changes a file, looks, and puts it back.
async fn file(place: &mut Place, path: &Path, change: impl FnOnce(&Path), words: &str) {
    let aside = place.data.with_file_name("aside");
    let _ = std::fs::remove_dir_all(&aside);
    copy(&place.data, &aside);
    change(path);
    let problems = place.look(&[]).await.problems;
    if !problems.iter().any(|said| said.contains(words)) {
        place.wrong.push(format!("{}: expected {words:?}, found {problems:#?}", path.display()));
    }
    place.kinds += 1;
    std::fs::remove_dir_all(&place.data).unwrap();
    std::fs::rename(&aside, &place.data).unwrap();
}

/// With modes, and without what is no file: sockets.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (kind, to) = (entry.file_type().unwrap(), to.join(entry.file_name()));
        match () {
            () if kind.is_dir() => copy(&entry.path(), &to),
            () if kind.is_symlink() => {
                std::os::unix::fs::symlink(std::fs::read_link(entry.path()).unwrap(), to).unwrap();
            }
            () if kind.is_file() => assert!(std::fs::copy(entry.path(), to).is_ok()),
            () => {}
        }
    }
    let mode = std::fs::metadata(from).unwrap().permissions();
    std::fs::set_permissions(to, mode).unwrap();
}

fn edit(from: &str, to: &str) -> impl FnOnce(&Path) {
    move |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(path, text.replacen(from, to, 1)).unwrap();
    }
}

const API: &str = r#"
title = "API"
source = { published = true }
hosts.qa = ["qa1"]
[[stage]]
name = "qa"
approval = 1
hosts = "qa"
commands = [{ release = "/srv/api" }, { activate = "/srv/api" }, { confirm = "Calm?", timeout = "30m" }]
"#;

/// A push with everything that a row can say, an interrupted one with its hold, a published build and a push of it that waits for
/// an answer, a person's hold, a user, announcements that wait.
async fn lived_in(binary: Option<PathBuf>) -> House {
    let commands = r#"{ release = "/srv/web" }, { activate = "/srv/web" }, { confirm = "Fine?", timeout = "30m" },
                      { run = "while test -e /srv/wait; do sleep 0.1; done" }"#;
    let stage = "before = [{ local = \"echo 'link: OPS-7 https://tickets.example.com/OPS-7'\" }]";
    let config = "[email]\nserver = \"127.0.0.1\"\nport = 9\ntls = \"none\"\nfrom = \"push@example.com\"\nto = [\"team@example.com\"]\n";
    let plans = Plans { qa: &["qa1"], commands, stage, config: config.to_owned(), binary, ..Plans::default() };
    let house = House::build(plans).await;
    let answer = json!({ "answer": "yes", "reason": "calm" });
    let id = house.press("qa").await;
    house.journal_says(id, "\"kind\":\"asked\"").await;
    house.send("POST", &format!("/api/v1/pushes/{id}/confirm"), &answer).await;
    assert_eq!(house.ended(id).await["push"]["state"], "succeeded");

    house.commit().await;
    std::fs::write(house.fleet.host("qa1").unwrap().srv_dir().join("wait"), "").unwrap();
    let id = house.press("qa").await;
    house.journal_says(id, "\"kind\":\"asked\"").await;
    house.send("POST", &format!("/api/v1/pushes/{id}/confirm"), &answer).await;
    house.journal_says(id, "\"kind\":\"answered\"").await;
    kill(house.runner(id).await);
    assert_eq!(house.ended(id).await["push"]["state"], "interrupted");
    let hold = json!({ "reason": "look at it" });
    let held = house.send("PUT", "/api/v1/stacks/web/stages/qa/hold", &hold).await;
    assert!(held.status < 300, "{}", held.text);

    std::fs::write(house.dir.path().join("stacks/api.toml"), API).unwrap();
    let site = house.dir.path().join("site");
    std::fs::create_dir(&site).unwrap();
    std::fs::write(site.join("index.html"), "one").unwrap();
    std::os::unix::fs::symlink("index.html", site.join("home.html")).unwrap();
    until("the stack is known", async || {
        let said = pushbutton(&house, &["status", "api"]).await;
        (said.code == Some(0)).then_some(())
    })
    .await;
    let sha = "1".repeat(40);
    let publish = ["build", "publish", "api", site.to_str().unwrap(), "--sha", &sha, "--ref", "main", "--title", "One"];
    let said = pushbutton(&house, &publish).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    for (command, who) in [("ask-approval", "olga"), ("approve", "joe")] {
        let said = pushbutton(&house, &[command, "api", "qa", "--as", who]).await;
        assert_eq!(said.code, Some(0), "{said:?}");
    }
    let said = pushbutton(&house, &["push", "api", "qa"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    house.journal_says(3, "\"kind\":\"asked\"").await;
    until("the question is in the ledger", async || {
        let ledger = Connection::open(house.data().join("pushbutton.db")).unwrap();
        let asked = "SELECT count(*) FROM questions WHERE push = 3 AND answer IS NULL";
        (ledger.query_row(asked, [], |row| row.get(0)) == Ok(1_i64)).then_some(())
    })
    .await;
    let bad = json!({ "reason": "it loses orders" });
    let marked = house.send("PUT", "/api/v1/stacks/api/builds/111111111111-p/bad", &bad).await;
    assert!(marked.status < 300, "{}", marked.text);
    let mut command = assert_cmd::Command::new(&house.binary);
    command.arg("--config").arg(house.dir.path().join("config.toml")).args(["user", "add", "kate"]);
    command.write_stdin("correct horse battery\n").assert().success();
    house
}

#[tokio::test]
async fn whatever_is_changed_behind_the_servers_back_is_found_and_named() {
    let mut house = lived_in(None).await;
    let running = pushbutton(&house, &["verify"]).await;
    assert_eq!(running.code, Some(0), "beside a server, with a push that runs: {running:?}");
    house.kill_server().await;
    // Its files are put aside and back below; it would not find them.
    kill(house.runner(3).await);
    let ledger = house.data().join("pushbutton.db");
    Connection::open(&ledger).unwrap().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let kept = std::fs::read(&ledger).unwrap();
    let mut place = Place { data: house.data(), kept, ledger, kinds: 0, wrong: Vec::new() };
    let clean = place.look(&[]).await;
    assert_eq!((clean.problems.clone(), clean.pushes, clean.builds), (Vec::new(), 2, 3));

    for (table, only, words) in TABLES.into_iter().chain(MORE_TABLES) {
        let columns = place.columns(table);
        for (column, kind, _) in &columns {
            let value = match kind.as_str() {
                "INTEGER" => format!("coalesce({column}, 0) + 1000"),
                _ => format!("coalesce({column}, '') || 'x'"),
            };
            let unseen = UNSEEN
                .iter()
                .any(|(t, c, o)| (*t, *c) == (table, column) && (*o == only || *o == "1" || table == "outbox"));
            // What is renumbered is missed under its old name, and the sentence says that one.
            let deed = format!(
                "UPDATE {table} SET {column} = {value} WHERE rowid = (SELECT min(rowid) FROM {table} WHERE {only})"
            );
            place.tampered(&deed, (!unseen).then_some(words)).await;
        }
        place
            .tampered(
                &format!("DELETE FROM {table} WHERE rowid = (SELECT min(rowid) FROM {table} WHERE {only})"),
                Some(words),
            )
            .await;
        let last_key = columns.iter().filter(|(.., pk)| *pk > 0).max_by_key(|(.., pk)| *pk).unwrap().0.clone();
        let copied: Vec<String> = columns
            .iter()
            .map(|(name, kind, pk)| match kind.as_str() {
                "INTEGER" if *name == last_key && *pk > 0 => format!("{name} + 1000"),
                "TEXT" if *name == last_key || ["nonce", "sha", "event", "build"].contains(&name.as_str()) => {
                    format!("coalesce({name}, '') || 'x'")
                }
                _ => name.clone(),
            })
            .collect();
        let added = format!("INSERT INTO {table} SELECT {} FROM {table} WHERE {only} LIMIT 1", copied.join(", "));
        let words = match table {
            "pushes" => "push 100",
            "locks" => "the lock of apix",
            "fold" => "of fold is of one of the pushes that is not there",
            "unresolved_pushes" | "audit" => "100",

            "holds" => "the hold on web",
            "users" => "the user katex",
            "current" => "what web qax runs",
            "published" => "the publishing of build",
            "builds" => ": in the ledger, and nobody wrote it",
            _ => words,
        };
        place.tampered(&added, Some(words)).await;
    }
    for (deed, words) in [
        ("INSERT INTO completed_stages VALUES (1)", "that push 1 completed its stage"),
        ("INSERT INTO tokens VALUES ('t', 'h', 'eve', '', '', 'ci', 'see', NULL)", "the token t"),
        ("INSERT INTO accounts VALUES ('eve', 'ops', '')", "what the provider says of eve"),
        ("UPDATE outbox_counts SET announcements = announcements + 1", "the count of announcements on email"),
        ("DELETE FROM words WHERE rowid = 2", "are not found by the search: 2"),
        ("DELETE FROM audit WHERE id = (SELECT max(id) FROM audit)", "nobody wrote it"),
        ("UPDATE pushes SET id = 77 WHERE id = 1", "the row of push 77: in the ledger"),
        ("CREATE VIEW v AS SELECT 1", "the view v"),
        ("CREATE TABLE t (x)", "the table t"),
        ("CREATE TRIGGER t AFTER INSERT ON users BEGIN SELECT 1; END", "the trigger t"),
        ("ALTER TABLE users ADD COLUMN admin TEXT", "the columns of the table users"),
    ] {
        place.schema_changed(deed, words).await;
    }
    Connection::open(&place.ledger).unwrap().execute_batch("DROP TRIGGER pushes_never_go").unwrap();
    assert_eq!(place.look(&[]).await.problems, ["the trigger pushes_never_go of the ledger is missing"]);
    place.restore();

    let push = |id: i64, name: &str| house.push_dir(id).join(name);
    let journal = |id| push(id, "journal.jsonl");
    let builds = house.data().join("builds/web");
    let mut ids: Vec<PathBuf> = std::fs::read_dir(&builds).unwrap().map(|entry| entry.unwrap().path()).collect();
    ids.sort();
    let [one, two] = <[PathBuf; 2]>::try_from(ids).unwrap();
    let page = walk(&one.join("tree"));
    let remove = |path: &Path| std::fs::remove_file(path).unwrap();
    file(
        &mut place,
        &push(1, "plan.json"),
        edit("\"who\":\"mary\"", "\"who\":\"zoe\""),
        "push 1: its plan.json is not",
    )
    .await;
    file(&mut place, &push(1, "plan.json"), remove, "push 1: ").await;
    file(&mut place, &push(3, "plan.json"), edit("olga", "eve"), "push 3, which runs: its plan.json").await;
    file(&mut place, &journal(1), edit("\"answer\":\"yes\"", "\"answer\":\"no\""), "push 1: its journal has the hash")
        .await;
    file(&mut place, &journal(1), remove, "push 1: ").await;
    file(&mut place, &journal(1), |path| assert!(std::fs::copy(journal(2), path).unwrap() > 0), "push 1: ").await;
    file(
        &mut place,
        &journal(3),
        edit("\"question\":\"Calm?", "\"question\":\"Warm?"),
        "push 3, which runs: its questions",
    )
    .await;
    file(
        &mut place,
        &journal(3),
        |path| std::fs::write(path, "").unwrap(),
        "push 3, which runs: its journal is shorter",
    )
    .await;
    file(&mut place, &push(1, ""), |path| std::fs::remove_dir_all(path).unwrap(), "push 1: ").await;
    file(&mut place, &push(1, ""), |path| copy(path, &path.parent().unwrap().join("9")), "push 9: its files are here")
        .await;
    file(&mut place, &page, |path| std::fs::write(path, "eve").unwrap(), "changed ").await;
    file(&mut place, &page, remove, "missing ").await;
    let executable = |path: &Path| std::fs::set_permissions(path, PermissionsExt::from_mode(0o777)).unwrap();
    file(&mut place, &page, executable, "mode of ").await;
    file(&mut place, &one.join("tree/eve.php"), |path| std::fs::write(path, "").unwrap(), "extra eve.php").await;
    file(&mut place, &one.join("manifest"), remove, "its manifest is gone").await;
    file(&mut place, &one.join("manifest"), edit("f\t644", "f\t755"), "its manifest has the root").await;
    file(&mut place, &one, |path| std::fs::remove_dir_all(path).unwrap(), "its files are missing").await;
    file(
        &mut place,
        &one,
        |path| copy(path, &path.with_file_name("abcdef0-9")),
        "build abcdef0-9 of web: its files are here",
    )
    .await;
    let exchange = |path: &Path| {
        std::fs::rename(path, path.with_extension("x")).unwrap();
        std::fs::rename(&two, path).unwrap();
        std::fs::rename(path.with_extension("x"), &two).unwrap();
    };
    file(&mut place, &one, exchange, "its manifest has the root").await;
    let home = house.data().join("builds/api/111111111111-p/tree/home.html");
    let lead_away = |path: &Path| {
        std::fs::remove_file(path).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", path).unwrap();
    };
    file(&mut place, &home, lead_away, "build 111111111111-p of api: ").await;
    assert!(place.wrong.is_empty(), "{} of {}:\n{}", place.wrong.len(), place.kinds, place.wrong.join("\n"));
    assert!(place.kinds > 200, "{} kinds of tampering", place.kinds);

    // Who cuts the end of everything off, audit and all, is seen by the head that someone noted.
    let head = clean.audit_head.clone();
    assert_eq!(place.look(&[head.clone(), head[..12].to_owned()]).await.problems, Vec::<String>::new());
    let said = pushbutton(&house, &["verify", "--head", &head]).await;
    assert!(said.code == Some(0) && said.out.contains(&format!("head {head}")), "{said:?}");
    assert_eq!(pushbutton(&house, &["verify", "--head", "xyz"]).await.code, Some(2));
    place.spoil("DELETE FROM audit WHERE id = (SELECT max(id) FROM audit)").unwrap();
    let said = pushbutton(&house, &["verify", "--head", &head[..12]]).await;
    let words = format!("wrong: the audit does not have the head {} that was noted", &head[..12]);
    assert!(said.code == Some(1) && said.out.contains(&words), "{said:?}");
    place.restore();
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("SECURITY.md")).unwrap();
    assert!(UNSEEN.iter().all(|(_, column, _)| page.contains(&format!("`{column}`"))), "SECURITY.md lists them");

    // It goes on where it was.
    house.start().await;
    house.sign_in("mary").await;
    assert_eq!(house.ended(3).await["push"]["state"], "interrupted");
    assert_eq!(pushbutton(&house, &["verify", "--head", &head]).await.code, Some(0));
}

/// The first file below a directory.
fn walk(dir: &Path) -> PathBuf {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries.iter().find(|path| path.is_file()).cloned().unwrap_or_else(|| walk(&entries[0]))
}

/// `script/prove` says which: the program of the version before.
const BEFORE: &str = "PUSHBUTTON_BEFORE";

#[tokio::test]
#[ignore = "script/prove builds the version before, and runs it"]
async fn a_runner_of_the_version_before_goes_on_under_a_new_server_and_its_ledger_is_whole() {
    let before = PathBuf::from(std::env::var_os(BEFORE).expect("the program of the version before"));
    let mut house = lived_in(Some(before)).await;
    let runner = house.runner(3).await;
    house.kill_server().await;
    let ledger = house.data().join("pushbutton.db");
    if let Some(fixture) = std::env::var_os("WRITE_FIXTURE") {
        std::fs::write(fixture, dump(&ledger)).unwrap();
    }
    let said = pushbutton(&house, &["verify"]).await;
    assert!(said.code == Some(1) && said.err.contains("pushbutton serve"), "{said:?}");
    house.binary = env!("CARGO_BIN_EXE_pushbutton").into();
    house.start().await;
    house.sign_in("mary").await;
    let said = pushbutton(&house, &["verify"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(house.data().join("pushbutton.db.schema-1").exists());
    assert_eq!(house.push(3).await["push"]["state"], "running");
    assert_eq!(house.runner(3).await, runner, "the very runner of before");
    house.send("POST", "/api/v1/pushes/3/confirm", &json!({ "answer": "yes" })).await;
    assert_eq!(house.ended(3).await["push"]["state"], "succeeded");
    let said = pushbutton(&house, &["verify"]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(house.log(1).await.contains("OPS-7"), "the history of before is there");
}

/// A ledger of schema 1 as SQL: the schema as that version wrote it, and all rows.
fn dump(ledger: &Path) -> String {
    let connection = Connection::open(ledger).unwrap();
    let texts = |sql: &str| -> Vec<String> {
        let mut ask = connection.prepare(sql).unwrap();
        ask.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let made = "SELECT sql || ';' FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'words\\_%' ESCAPE '\\' ORDER BY rowid";
    let mut text = texts(made).join("\n");
    // What the triggers count is counted when the rows come in.
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%STRICT%' AND name <> 'tallies' ORDER BY rowid";
    for table in texts(tables) {
        let values = texts(&format!(
            "SELECT group_concat('quote(' || name || ')', ' || '', '' || ') FROM pragma_table_info('{table}')"
        ));
        for row in texts(&format!("SELECT {} FROM {table}", values[0])) {
            text.push_str(&format!("\nINSERT INTO {table} VALUES ({row});"));
        }
    }
    text + "\nINSERT INTO words (rowid, text) SELECT id, stack || ' ' || stage || ' ' || sha || ' ' || who FROM pushes;\n"
}
