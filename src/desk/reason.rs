//! Why someone does something, in their own words: parsed by one call, for page, API and command line alike. It must never let a
//! control character through, nor a password that stands in an address.

use super::cases::Case;
use super::refusal::{Decision, Refusal};
use std::fmt;

/// The most characters of a reason (TRUST section 5, *Text*).
const LONGEST: usize = 1000;

/// Why someone does something: one line of 1 to 1,000 characters. It is told on pages, in mails and in the channel.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Reason(String);

impl Reason {
    /// The reason that a person wrote; none when they wrote nothing. Line ends and other control characters become blanks.
    ///
    /// # Errors
    /// When it is too long.
    pub fn parse(text: Option<&str>) -> Decision<Option<Self>> {
        let spaced: String = text.unwrap_or_default().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.chars().count() {
            0 => Ok(None),
            1..=LONGEST => Ok(Some(Self(crate::address::shown(&line).into_owned()))),
            long => {
                let why = format!("the reason is {long} characters long; the limit is {LONGEST}");
                Err(Refusal::BadRequest { case: Case::Text, why })
            }
        }
    }

    /// The reason of what is not done without one.
    ///
    /// # Errors
    /// When there is none, or it is too long.
    pub fn needed(text: Option<&str>, by: NeedsReason) -> Decision<Self> {
        Self::parse(text)?.ok_or_else(|| by.missing())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.0
    }
}

/// What is never done without a reason. The release of a hold that a push left is refused by the hold itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeedsReason {
    /// A hold.
    Hold,
    /// A rollback.
    Rollback,
    /// A decline.
    Decline,
    /// A push without the approval that it needs.
    Override,
    /// A mark that a build is bad.
    MarkBad,
    /// A mark that is taken away.
    Unmark,
    /// Numbers of pushes that go on above what hosts have seen.
    Numbers,
}

impl NeedsReason {
    /// What is said where the reason is missing.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Hold => "a hold needs a reason, so that others know what they are waiting for",
            Self::Rollback => "a rollback needs a reason, so that others know what was wrong",
            Self::Decline => "a decline needs a reason, so that whoever asked knows what is missing",
            Self::Override => "a push without approval needs a reason, so that everyone knows why it could not wait",
            Self::MarkBad => "marking a build as bad needs a reason, so that others know why it goes nowhere",
            Self::Unmark => "taking a mark away needs a reason, so that others know why it does not hold any more",
            Self::Numbers => "say why this is the right Pushbutton server, and the only one that pushes there",
        }
    }

    /// The refusal where the reason is missing.
    pub(crate) fn missing(self) -> Refusal {
        let case = match self {
            Self::Hold => Case::HoldReason,
            Self::Rollback => Case::BackReason,
            Self::Decline => Case::DeclineReason,
            Self::Override => Case::OverrideReason,
            Self::MarkBad | Self::Unmark => Case::MarkReason,
            Self::Numbers => Case::NumberReason,
        };
        Refusal::BadRequest { case, why: self.why().to_owned() }
    }
}

/// A reason at the end of a line of the audit; nothing where none was given.
pub(crate) fn because(reason: Option<&Reason>) -> String {
    reason.map(|reason| format!(": {reason}")).unwrap_or_default()
}

/// The first line of what is wrong with a file.
pub(crate) fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_clean_line_and_nothing_is_none() {
        let line = |text: &str| Reason::parse(Some(text)).unwrap().map(String::from);
        assert_eq!(line(" hot\r\nfix\t\u{1b}[31m \u{85}now "), Some("hot fix [31m now".to_owned()));
        assert_eq!(line("as in https://kate:hunter22@example.com/x").unwrap().find("hunter22"), None);
        assert_eq!((line(" \n "), Reason::parse(None)), (None, Ok(None)));
        assert_eq!(line(&"é".repeat(1000)), Some("é".repeat(1000)));
        let long = Reason::parse(Some(&"é".repeat(1001))).unwrap_err();
        assert_eq!(long.to_string(), "the reason is 1001 characters long; the limit is 1000");
    }

    #[test]
    fn what_needs_a_reason_says_so() {
        for by in [
            NeedsReason::Hold,
            NeedsReason::Rollback,
            NeedsReason::Decline,
            NeedsReason::Override,
            NeedsReason::MarkBad,
            NeedsReason::Unmark,
            NeedsReason::Numbers,
        ] {
            for nothing in [None, Some(""), Some(" \n")] {
                assert_eq!(Reason::needed(nothing, by), Err(by.missing()), "{by:?}");
            }
            assert!(Reason::needed(Some("so"), by).is_ok());
        }
    }
}
