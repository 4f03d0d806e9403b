//! Until when a hold is to stand, as people say it: an instant (RFC 3339) or a length of time (`2h`). It must never read the
//! clock: what a length means is decided when the hold is set.

use crate::time::At;
use std::fmt;
use std::str::FromStr;

/// A hold that is to stand for longer is one that nobody remembers the end of.
const LONGEST_MS: i64 = 30 * 86_400_000;

/// Until when a hold is to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// So many milliseconds from when it is set.
    For(i64),
    /// This instant.
    At(At),
}

/// Why that is not a valid end of a hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUntil {
    /// Neither an instant nor a length.
    #[error(
        "{0:?} is not a valid end of a hold: write a time with its zone (2026-11-22T16:00Z, 2026-11-22T17:00+01:00), or \
         a length (90s, 30m, 2h, 3d)"
    )]
    Nonsense(String),
    /// It is over already.
    #[error("the hold would end before it begins: {until} is past, it is {now}")]
    Past {
        /// What was asked for.
        until: Minute,
        /// Now.
        now: Minute,
    },
    /// Too far away.
    #[error(
        "a hold ends within 30 days, and {0} is later: choose an earlier end, or none, then it lasts until someone \
         releases it"
    )]
    Far(Minute),
}

/// An instant as messages say it: `22 Nov 2026 16:00:05 UTC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minute(At);

impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.timestamp().strftime("%-d %b %Y %H:%M:%S UTC"))
    }
}

impl FromStr for Until {
    type Err = BadUntil;

    fn from_str(text: &str) -> Result<Self, BadUntil> {
        let text = text.trim();
        let known = length(text).map(Self::For).or_else(|| text.parse().ok().map(Self::At));
        known.ok_or_else(|| BadUntil::Nonsense(text.chars().take(60).collect()))
    }
}

/// `90s`, `30m`, `2h`, `3d` in milliseconds; what is too long for the count is longer than any hold.
fn length(text: &str) -> Option<i64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let digits =
        Some(digits).filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some(digits.parse::<i64>().unwrap_or(i64::MAX).saturating_mul(unit))
}

impl Until {
    /// The end of a hold that is set now.
    ///
    /// # Errors
    /// When it is past, or more than 30 days away.
    pub fn end(self, now: At) -> Result<At, BadUntil> {
        let end = match self {
            // A hundred years are refused below as well, and are in the calendar still.
            Self::For(ms) => At::from_millis(now.millis().saturating_add(ms.min(1200 * LONGEST_MS))),
            Self::At(at) => at,
        };
        match end.millis() - now.millis() {
            ..=0 => Err(BadUntil::Past { until: Minute(end), now: Minute(now) }),
            1..=LONGEST_MS => Ok(end),
            _ => Err(BadUntil::Far(Minute(end))),
        }
    }
}

/// ` until 22 Nov 16:00 UTC`, for a sentence; nothing for a hold without an end.
pub(super) fn words(until: Option<&str>) -> String {
    let Some(until) = until else { return String::new() };
    match until.parse::<At>() {
        Ok(at) => format!(" until {}", at.timestamp().strftime("%-d %b %H:%M UTC")),
        Err(_) => format!(" until {until}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_time_or_a_length_and_never_past_nor_far() {
        let now: At = "2026-11-21T10:00:00.120Z".parse().unwrap();
        let end = |text: &str| text.parse::<Until>().and_then(|until| until.end(now));
        for (text, at) in [
            ("1s", "2026-11-21T10:00:01.120Z"),
            (" 90m ", "2026-11-21T11:30:00.120Z"),
            ("2h", "2026-11-21T12:00:00.120Z"),
            ("30d", "2026-12-21T10:00:00.120Z"),
            ("2026-11-21T16:00Z", "2026-11-21T16:00:00.000Z"),
            ("2026-11-21 17:00+01:00", "2026-11-21T16:00:00.000Z"),
            ("2026-11-21T10:00:00.121Z", "2026-11-21T10:00:00.121Z"),
        ] {
            assert_eq!(end(text).unwrap().to_string(), at, "{text}");
        }
        for bad in ["", "s", "-1h", "+1h", "1.5h", "1w", "é", "soon", "16:00", "2026-11-21T16:00", "2026-13-01T00:00Z"]
        {
            assert_eq!(end(bad), Err(BadUntil::Nonsense(bad.to_owned())), "{bad}");
        }
        for past in ["0s", "2026-11-21T10:00:00.120Z", "1970-01-01T00:00Z"] {
            assert!(matches!(end(past), Err(BadUntil::Past { .. })), "{past}");
        }
        for far in ["31d", "721h", "2026-12-21T10:00:00.121Z", "99999999999999999999d"] {
            assert!(matches!(end(far), Err(BadUntil::Far(_))), "{far}");
        }
    }

    #[test]
    fn a_bad_end_is_told_with_what_to_write_instead() {
        let now: At = "2026-11-21T10:00:00Z".parse().unwrap();
        let said = |text: &str| text.parse::<Until>().and_then(|until| until.end(now)).unwrap_err().to_string();
        insta::assert_snapshot!(said("soon"), @r#""soon" is not a valid end of a hold: write a time with its zone (2026-11-22T16:00Z, 2026-11-22T17:00+01:00), or a length (90s, 30m, 2h, 3d)"#);
        insta::assert_snapshot!(said("2026-11-20T16:00Z"), @"the hold would end before it begins: 20 Nov 2026 16:00:00 UTC is past, it is 21 Nov 2026 10:00:00 UTC");
        insta::assert_snapshot!(said("99d"), @"a hold ends within 30 days, and 28 Feb 2027 10:00:00 UTC is later: choose an earlier end, or none, then it lasts until someone releases it");
    }
}
