//! Text from a person or of a problem, as one line. It must never let a control character through.

use super::cases::Case;
use super::refusal::{Decision, Refusal};

/// Text from a person, as one line: at most 1,000 characters, no control characters (TRUST section 5, *Text*).
pub(crate) fn one_line(what: &str, text: &str) -> Decision<String> {
    const LONGEST: usize = 1000;
    let text = text.trim();
    let bad = |why: String| Err(Refusal::BadRequest { case: Case::Text, why });
    match text {
        _ if text.chars().count() > LONGEST => bad(format!("the {what} is longer than {LONGEST} characters")),
        _ if text.chars().any(char::is_control) => {
            bad(format!("the {what} must be one line without control characters"))
        }
        // It is told on pages, in mails and in the channel.
        _ => Ok(crate::address::shown(text).into_owned()),
    }
}

pub(crate) fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
