//! The page of the audit.

use super::{checked, frame, pages};
use pushbutton::ledger::audit::rows::AuditRow;
use pushbutton::web::pages::{AuditFilter, AuditPage, Section};

#[test]
pub fn the_audit_says_who_did_what_from_where() {
    let row =
        |number: i64, at: &str, who: &str, action: &str, object: &str, from: Option<&str>, detail: &str| AuditRow {
            number,
            at: at.to_owned(),
            who: who.to_owned(),
            from: from.map(str::to_owned),
            action: action.to_owned(),
            object: from.map(|_| object.to_owned()),
            detail: detail.to_owned(),
            previous: "0".repeat(64),
            hash: "a".repeat(64),
        };
    let rows = vec![
        row(
            41,
            "2026-11-21T10:12:44.123Z",
            "ci (token of mary)",
            "press",
            "web/prod",
            Some("2001:db8:1:2:3:4:5:6"),
            "push 214 of web to prod, build 51d0c3e-213: the nightly release of the shop",
        ),
        row(
            38,
            "2026-11-21T10:02:00.000Z",
            "mary",
            "hold",
            "web",
            Some("192.0.2.7"),
            "web until 2026-11-21T12:00:00.000Z: <b>the fair</b> is on",
        ),
        row(
            36,
            "2026-11-20T23:59:59.000Z",
            "pushbutton",
            "push ended",
            "web/qa",
            Some("server"),
            "push 213 of web to qa succeeded, journal 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        ),
        row(3, "2026-11-20T09:00:00.000Z", "olga", "user add", "", None, "mary"),
    ];
    let (pages, frame) = (pages(), frame(Section::Nowhere));
    let actions = ["hold", "press", "push ended", "user add"].map(str::to_owned).to_vec();
    let all = AuditPage { rows, filter: AuditFilter::default(), actions, older: Some(3), newer: Some(41) };
    let html = checked("audit", pages.audit(&frame, &all));
    for words in [
        "ci (token of mary)",
        "2001:db8:1:2:3:4:5:6",
        "&lt;b&gt;the fair&lt;/b&gt;",
        "/audit?before=3",
        "/audit?after=41",
        "/audit.jsonl",
    ] {
        assert!(html.contains(words), "{words}");
    }
    let filter = AuditFilter {
        who: Some("eve & co".to_owned()),
        since: Some("2026-11-20".to_owned()),
        ..AuditFilter::default()
    };
    let none = AuditPage { rows: Vec::new(), filter, older: Some(3), ..all };
    let html = checked("audit-none", pages.audit(&frame, &none));
    for words in [
        "No row matches these filters",
        "/audit?who=eve%20%26%20co&amp;since=2026-11-20&amp;before=3",
        "/audit.jsonl?since=2026-11-20",
    ] {
        assert!(html.contains(words), "{words}: {html}");
    }
}
