//! A push and its commands as spans of OpenTelemetry, in the JSON form of OTLP: one trace a push, a span a command. Pure. The numbers of trace and
//! spans follow from the push's address alone, so that a repeat is the same trace.

use crate::journal::{Ended, HostResult, PushState};
use crate::ledger::outbox::Announcement;
use crate::ledger::pushes::CommandRow;
use crate::time::At;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The kind of a span within one process.
const INTERNAL: u8 = 1;

/// The 32 hexadecimal digits of a trace.
pub(super) fn trace_id(of: &str, key: &str) -> String {
    digits(&format!("trace {of} {key}"), 32)
}

/// The spans: the push, then its commands.
pub(super) fn of(announcement: &Announcement, commands: &[CommandRow], source: &str) -> Value {
    let push = &announcement.push;
    let (trace, root) = (trace_id(&announcement.url, ""), digits(&announcement.url, 16));
    let start = push.started_at.as_deref().unwrap_or(&push.pressed_at);
    let end = push.ended_at.as_deref().unwrap_or(start);
    let whole = json!({
        "traceId": trace, "spanId": root, "kind": INTERNAL,
        "name": format!("push {} {}", push.stack, push.stage),
        "startTimeUnixNano": nanos(start, 0), "endTimeUnixNano": nanos(end, 0),
        "status": status(push.state == PushState::Ended(Ended::Succeeded), push.why.as_deref()),
        "attributes": [
            text("pushbutton.source", source), text("pushbutton.url", &announcement.url), text("pushbutton.who", &push.who),
            text("pushbutton.stack", push.stack.as_str()), text("deployment.environment.name", push.stage.as_str()),
            text("deployment.id", &push.id.to_string()), text("vcs.ref.head.revision", &push.sha),
            text("pushbutton.result", push.state.word()),
        ],
    });
    let command = |row: &CommandRow| {
        let started = row.started_at.as_deref()?;
        Some(json!({
            "traceId": trace, "spanId": digits(&format!("{} {}", announcement.url, row.command), 16), "parentSpanId": root,
            "kind": INTERNAL, "name": row.title,
            "startTimeUnixNano": nanos(started, 0), "endTimeUnixNano": nanos(started, row.duration_ms.unwrap_or_default()),
            "status": status(row.result == Some(HostResult::Ok), row.result.map(|result| result.word())),
            "attributes": [
                text("pushbutton.command", &row.command.to_string()), text("pushbutton.hosts", &row.hosts.to_string()),
                text("pushbutton.hosts_ok", &row.ok.to_string()),
            ],
        }))
    };
    std::iter::once(whole).chain(commands.iter().filter_map(command)).collect()
}

fn status(ok: bool, why: Option<&str>) -> Value {
    match ok {
        true => json!({ "code": 1 }),
        false => json!({ "code": 2, "message": why.unwrap_or_default() }),
    }
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// Nanoseconds since 1970 as text, as JSON has no whole numbers of that size.
fn nanos(at: &str, more_ms: i64) -> String {
    let ms = at.parse::<At>().map(At::millis).unwrap_or_default() + more_ms;
    format!("{ms}000000")
}

fn digits(of: &str, count: usize) -> String {
    let hash = Sha256::digest(of.as_bytes());
    hash.iter().flat_map(|byte| format!("{byte:02x}").chars().collect::<Vec<_>>()).take(count).collect()
}
