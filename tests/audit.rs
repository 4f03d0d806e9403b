//! The audit for others: exported, verified without the server by our program and by the lines that the page shows, and whatever was done
//! to the file is found.

mod sent;

use crate::cli::{Said, program, said};
use crate::docs::{page, runs};
use crate::house::DEADLINE;
use pushbutton::ledger::{Ledger, audit};
use pushbutton::process::Program;
use pushbutton::time::At;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use tempfile::TempDir;

const PAGE: &str = "docs/audit.md";

/// A server's directory with some history, whose last rows are of December.
async fn office() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("config.toml"), "url = \"http://127.0.0.1:8090\"\n").unwrap();
    std::fs::create_dir(dir.path().join("data")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(dir.path().join("data"), mode).unwrap();
    let ledger = Ledger::open(&dir.path().join("data/pushbutton.db")).unwrap();
    let rows = [
        ("2026-11-01T10:00:00.000Z", "mary", "hold", "web", "web: the fair is on \u{202e} \"a\\b\" ü🚀"),
        ("2026-11-14T10:00:00.000Z", "ci (token of mary)", "press", "web/prod", "push 1 of web to prod"),
        // The clock was set back in between.
        ("2026-10-31T10:00:00.000Z", "joe", "cancel", "push 1", "push 1: wrong one"),
        ("2026-11-30T23:59:59.999Z", "mary", "release hold", "web", "web\nsecond line"),
        ("2026-12-01T00:00:00.000Z", "mary", "sign out", "mary", ""),
    ];
    for (at, who, what, object, detail) in rows {
        let at: At = at.parse().unwrap();
        ledger.write(move |tx| audit::note(tx, at, who, what, object, detail)).await.unwrap();
    }
    dir
}

async fn pushbutton(dir: &Path, args: &[&str]) -> Said {
    said(program(dir, args).output(DEADLINE).await.unwrap())
}

/// Whether our program and the lines of the page find a file whole; both must say the same.
async fn is_whole(dir: &Path, text: &str, heads: &[&str]) -> Result<String, String> {
    let file = dir.join("looked-at.jsonl");
    std::fs::write(&file, text).unwrap();
    let noted = heads.iter().flat_map(|head| ["--head", head]);
    // Elsewhere, without a configuration.
    let ours = Program::new(env!("CARGO_BIN_EXE_pushbutton"))
        .args(["audit", "verify"])
        .arg(&file)
        .args(noted)
        .dir(Path::new("/"));
    let ours = said(ours.output(DEADLINE).await.unwrap());
    let script = page(PAGE).block("import hashlib");
    let theirs = Program::new("python3").args(["-c", &script]).arg(&file).args(heads).output(DEADLINE).await.unwrap();
    assert_eq!(ours.code == Some(0), theirs.status.success(), "{ours:?} {theirs:?}\n{text}");
    if ours.code == Some(0) { Ok(ours.out) } else { Err(ours.out) }
}

#[tokio::test]
async fn a_third_party_verifies_an_export_and_finds_whatever_was_done_to_it() {
    let office = office().await;
    let dir = office.path();
    let exported = pushbutton(dir, &["audit", "export"]).await;
    assert_eq!(exported.code, Some(0), "{exported:?}");
    let text = exported.out;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 6, "{text}");
    let rows: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let fields = page(PAGE).table("<!-- fields -->");
    let fields: BTreeSet<&str> = fields.iter().map(|row| row[0].trim_matches('`')).collect();
    assert_eq!(fields, rows[0].as_object().unwrap().keys().map(String::as_str).collect());
    assert_eq!((&rows[0]["from"], &rows[0]["object"]), (&"server".into(), &"web".into()));
    let head = rows[4]["hash"].as_str().unwrap();
    assert!(exported.err.contains(&format!("audit: 5 rows, head {head}")), "{}", exported.err);
    let whole = is_whole(dir, &text, &[head, &head[..12], rows[1]["hash"].as_str().unwrap()]).await.unwrap();
    assert!(whole.contains("audit: 5 rows (1 to 5)") && whole.contains("everything is as it was written"), "{whole}");

    let with = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let mut wrong = vec![
        ("a row is gone", with(&[&lines[..2], &lines[3..]].concat())),
        ("the first row is gone", with(&[lines[4], lines[5]])),
        ("two rows changed places", with(&[lines[0], lines[2], lines[1], lines[3], lines[4], lines[5]])),
        ("a row stands twice", with(&[lines[0], lines[0], lines[1], lines[2], lines[3], lines[4], lines[5]])),
        ("the end is gone", with(&lines[..5])),
        ("the tail is gone", with(&[&lines[..3], &lines[5..]].concat())),
        ("something follows", with(&[&lines[..], &lines[4..5]].concat())),
        ("it was cut in the middle of a row", text[..text.len() / 2].to_owned()),
        ("it is empty", String::new()),
    ];
    for field in fields {
        let mut changed: Value = rows[1].clone();
        changed[field] = match &changed[field] {
            Value::Number(_) => 7.into(),
            Value::String(old) if old.len() == 64 => "0".repeat(64).into(),
            Value::String(old) => format!("{old}x").into(),
            other => panic!("{other}"),
        };
        let changed = changed.to_string();
        wrong.push((field, with(&[lines[0], &changed, lines[2], lines[3], lines[4], lines[5]])));
    }
    for (what, text) in &wrong {
        let Err(said) = is_whole(dir, text, &[]).await else { panic!("{what}: {text}") };
        assert!(said.contains("wrong: "), "{what}: {said}");
    }

    // Who cuts the tail and writes a new end makes a file that is whole in itself: only who holds a head sees it.
    let end = format!("{{\"rows\":3,\"head\":{},\"exported_at\":\"2026-12-01T00:00:00.000Z\"}}", rows[2]["hash"]);
    let cut = with(&[lines[0], lines[1], lines[2], &end]);
    is_whole(dir, &cut, &[]).await.unwrap();
    let said = is_whole(dir, &cut, &[&head[..12]]).await.unwrap_err();
    assert!(said.contains(&format!("does not have the head {}", &head[..12])), "{said}");
}

#[tokio::test]
async fn a_part_by_time_is_a_chain_of_its_own_as_the_page_shows() {
    let office = office().await;
    let dir = office.path();
    let said = runs::shell(dir, &page(PAGE).block("pushbutton audit export "), "").await;
    assert!(said.contains("audit: 4 rows (1 to 4)") && said.contains("everything is as it was written"), "{said}");
    let file = dir.join("audit.jsonl");
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions()) & 0o777, 0o600);
    let again = pushbutton(dir, &["audit", "export", "--out", "audit.jsonl"]).await;
    assert!(again.code == Some(1) && again.err.contains("cannot write audit.jsonl"), "never over a file: {again:?}");
    for (args, rows) in [
        (&["--since", "2026-11-02"][..], "4 rows (2 to 5)"),
        (&["--since", "2026-11-30T23:59:59.999Z"], "2 rows (4 to 5)"),
        (&["--until", "2026-10-31"], "1 row (3 to 3)"),
        (&["--since", "2027-01-01"], "0 rows,"),
    ] {
        let exported = pushbutton(dir, &[&["audit", "export"], args].concat()).await;
        let said = is_whole(dir, &exported.out, &[]).await.unwrap();
        assert!(said.contains(rows), "{args:?}: {said}");
    }
    assert_eq!(pushbutton(dir, &["audit", "export", "--since", "yesterday"]).await.code, Some(2));
    assert_eq!(pushbutton(dir, &["audit", "verify", "nothing.jsonl"]).await.code, Some(1));
}
