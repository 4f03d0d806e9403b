//! A row of the audit as a line of syslog. Pure. It must never let a character through that ends a line, or that a terminal obeys: whatever
//! is not printable ASCII is written as JSON escapes it.

use crate::ledger::audit::rows::AuditRow;
use crate::time::At;
use jiff::tz::TimeZone;
use std::fmt::Write;

/// Facility 13, *log audit*; severity 6, *informational*.
const PRIORITY: u8 = 13 * 8 + 6;
/// What the lines say of whom they come from.
const APP: &str = "pushbutton";
/// A daemon need not take more than some kilobytes; of a row that is longer the rest is in the ledger.
const LONGEST_DETAIL: usize = 4000;

/// The row as one line of ASCII: the JSON of an export, so that its hash can be checked; a detail that is too long is cut, and says so.
pub(super) fn json(row: &AuditRow) -> Result<String, serde_json::Error> {
    let text = match row.detail.char_indices().nth(LONGEST_DETAIL) {
        None => serde_json::to_string(row)?,
        Some((at, _)) => {
            serde_json::to_string(&AuditRow { detail: format!("{}…", &row.detail[..at]), ..row.clone() })?
        }
    };
    let mut ascii = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' '..='~' => ascii.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a text cannot fail.
                    let _ = write!(ascii, "\\u{unit:04x}");
                }
            }
        }
    }
    Ok(ascii)
}

/// The line for a daemon of another machine: RFC 5424.
pub(super) fn of_network(row: &AuditRow, host: &str, process: u32) -> Result<String, serde_json::Error> {
    Ok(format!("<{PRIORITY}>1 {} {host} {APP} {process} audit - {}", row.at, json(row)?))
}

/// The line for the daemon of this machine, as `syslog(3)` writes it: what listens at `/dev/log` reads no other form.
pub(super) fn of_this_machine(row: &AuditRow, process: u32) -> Result<String, serde_json::Error> {
    let at = row.at.parse::<At>().unwrap_or_else(|_| At::from_millis(0));
    let at = at.timestamp().to_zoned(TimeZone::system()).strftime("%b %e %H:%M:%S");
    Ok(format!("<{PRIORITY}>{at} {APP}[{process}]: {}", json(row)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(detail: &str) -> AuditRow {
        AuditRow {
            number: 17,
            at: "2026-11-21T10:00:00.123Z".to_owned(),
            who: "mary".to_owned(),
            from: Some("192.0.2.7".to_owned()),
            action: "hold".to_owned(),
            object: Some("web".to_owned()),
            detail: detail.to_owned(),
            previous: "0".repeat(64),
            hash: "a".repeat(64),
        }
    }

    #[test]
    fn a_line_is_one_line_of_ascii_whatever_someone_wrote_and_reads_back_the_same() {
        let row = row("a\nb\r\u{1b}[2J\u{0}\u{7f}\u{85}\u{2028}\u{202e} ü 🚀 \"\\");
        let line = of_network(&row, "push.example.com", 9).unwrap();
        assert!(line.bytes().all(|b| (b' '..=b'~').contains(&b)), "{line}");
        let (head, json) = line.split_once(" audit - ").unwrap();
        assert_eq!(head, "<110>1 2026-11-21T10:00:00.123Z push.example.com pushbutton 9");
        assert_eq!(serde_json::from_str::<AuditRow>(json).unwrap(), row);
        let here = of_this_machine(&row, 9).unwrap();
        let (head, json) = here.split_once(": ").unwrap();
        assert!(head.starts_with("<110>Nov 2") && head.ends_with(" pushbutton[9]") && head.len() == 34, "{head}");
        assert_eq!(serde_json::from_str::<AuditRow>(json).unwrap(), row);
    }

    #[test]
    fn a_detail_without_end_is_cut_between_two_characters() {
        let line = json(&row(&"ü".repeat(100_000))).unwrap();
        let read: AuditRow = serde_json::from_str(&line).unwrap();
        assert_eq!((read.detail.chars().count(), read.detail.ends_with('…')), (LONGEST_DETAIL + 1, true));
    }
}
