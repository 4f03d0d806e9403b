//! What a terminal shows of a push, state by state, at any width.

use super::*;
use serde_json::json;

fn grid(hosts: &[String], events: &[serde_json::Value]) -> Grid {
    let mut grid = Grid::new(Some(40_000));
    let started = json!({
        "kind": "push_started", "push": 7, "stack": "web", "stage": "prod", "who": "mary", "build": "51d0c3e-7",
        "sha": "51d0c3e0000000000000000000000000000000aa", "pid": 1, "pid_start": 1, "boot": "b", "plan_hash": "h",
        "hosts": hosts, "commands": ["release", "activate"],
    });
    for (n, event) in (1..).zip([&started].into_iter().chain(events)) {
        let mut record = event.clone();
        record["n"] = json!(n);
        record["at"] = json!("2026-11-21T10:00:00.000Z");
        grid.take(&serde_json::from_value(record).unwrap());
    }
    grid
}

fn at(seconds: i64) -> At {
    let start: At = "2026-11-21T10:00:00.000Z".parse().unwrap();
    At::from_millis(start.millis() + 1000 * seconds)
}

fn began(command: u32, hosts: usize) -> serde_json::Value {
    json!({ "kind": "command_started", "command": command, "title": "activate /srv/web", "hosts": hosts })
}

fn host(command: u32, host: &str, result: Option<&str>) -> serde_json::Value {
    match result {
        None => json!({ "kind": "host_started", "command": command, "host": host }),
        Some(result) => {
            json!({ "kind": "host_ended", "command": command, "host": host, "result": result, "duration_ms": 1 })
        }
    }
}

#[test]
fn a_few_hosts_stand_by_name_and_what_went_wrong_stays_seen() {
    let hosts = ["web1", "web2", "web3", "web004"].map(str::to_owned);
    let one = [began(1, 4), host(1, "web1", None), host(1, "web1", Some("failed")), host(1, "web2", None)];
    let two = [host(1, "web2", Some("ok")), began(2, 4), host(2, "web3", None)];
    let grid = grid(&hosts, &[one.as_slice(), &two].concat());
    assert_eq!(
        grid.lines(at(12), 24, 80, Colours::LeftOut),
        [
            "── 12 s, about 28 s left · step 2 of 2: activate /srv/web",
            "   ✗ web1    · web2    ▸ web3    · web004",
            "   ▸ 1 running  · 2 waiting  ✗ 1 not ok",
        ]
    );
    assert_eq!(
        grid.lines(at(50), 24, 80, Colours::LeftOut)[0],
        "── 50 s, usually 40 s · step 2 of 2: activate /srv/web"
    );
    let coloured = grid.lines(at(12), 24, 80, Colours::Shown);
    assert!(coloured[1].starts_with("   \u{1b}[31m✗\u{1b}[0m web1"), "{coloured:?}");
}

#[test]
fn many_hosts_are_marks_and_no_line_is_wider_than_the_terminal() {
    for count in [1, 40, 1000, 5000] {
        let hosts: Vec<String> = (1..=count).map(|n| format!("web{n:04}.example.com")).collect();
        let asked = json!({
            "kind": "asked", "command": 1, "ask": 1, "question": "Graphs calm?", "ends_at": "2026-11-21T11:00:00Z"
        });
        let grid = grid(&hosts, &[began(1, count), asked]);
        for (rows, columns) in [(24, 80), (10, 30), (3, 5), (1, 1), (60, 200)] {
            let lines = grid.lines(at(3), rows, columns, Colours::LeftOut);
            assert!(lines.len() <= MOST_LINES + 3, "{count} hosts, {rows} × {columns}: {lines:#?}");
            let widest = lines.iter().map(|line| columns_of(line)).max().unwrap();
            assert!(widest < columns.max(5), "{count} hosts, {rows} × {columns}: {lines:#?}");
        }
        let lines = grid.lines(at(3), 24, 80, Colours::LeftOut);
        assert!(lines[0].contains("waits for an answer"), "{lines:?}");
        assert_eq!(lines.iter().any(|line| line.contains("more")), count == 1000 || count == 5000, "{lines:#?}");
    }
}

#[test]
fn nothing_is_drawn_before_the_begin_and_after_the_end() {
    assert_eq!(Grid::new(None).lines(at(0), 24, 80, Colours::Shown), [""; 0]);
    let ended = json!({
        "kind": "push_ended", "state": "succeeded", "hosts_ok": 1, "hosts_total": 1, "duration_ms": 1, "sha256": ""
    });
    assert_eq!(grid(&["web1".to_owned()], &[ended]).lines(at(1), 24, 80, Colours::Shown), [""; 0]);
    let wide = "日本語".repeat(40);
    assert!(columns_of(&cut(&wide, 20)) <= 20);
    assert_eq!(cut("short", 20), "short");
}
