//! Instants and durations as Pushbutton writes them: RFC 3339 in UTC with milliseconds, and words for people.
//! It must never read the clock anywhere but in [`At::now`], so that everything else can be given a time.

use jiff::civil::Weekday;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// A day of UTC, in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// An instant in UTC, written as `2026-11-21T10:00:00.123Z`. Its text sorts as time does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At(jiff::Timestamp);

impl At {
    /// Reads the wall clock, cut to milliseconds.
    pub fn now() -> Self {
        Self::from_millis(jiff::Timestamp::now().as_millisecond())
    }

    /// Makes an instant from milliseconds since 1970; what lies outside of jiff's years becomes 1970.
    pub fn from_millis(ms: i64) -> Self {
        Self(jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH))
    }

    /// Makes an instant from seconds since 1970, as git and the file system give them.
    pub fn from_seconds(seconds: i64) -> Self {
        Self::from_millis(seconds.saturating_mul(1000))
    }

    /// Milliseconds since 1970.
    pub fn millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// Milliseconds from `earlier` to this instant, 0 when the clock went backwards.
    pub fn millis_since(self, earlier: At) -> i64 {
        (self.millis() - earlier.millis()).max(0)
    }

    /// The underlying timestamp, for calendars.
    pub fn timestamp(self) -> jiff::Timestamp {
        self.0
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl std::str::FromStr for At {
    type Err = jiff::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>().map(|t| Self::from_millis(t.as_millisecond()))
    }
}

impl Serialize for At {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for At {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "At".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A day (`2026-11-14`, of UTC: its beginning, or its end) or an instant; none where it is neither.
pub fn moment(text: &str, days_end: bool) -> Option<At> {
    let day = format!("{text}T00:00:00Z").parse::<At>().ok();
    let day = day.map(|at| At::from_millis(at.millis() + if days_end { DAY_MS } else { 0 }));
    day.or_else(|| text.parse().ok())
}

/// A length of time for people: `0.4 s`, `38 s`, `1 m 32 s`, `2 h 05 m`.
pub fn duration_words(ms: i64) -> String {
    let seconds = (ms.max(0) + 500) / 1000;
    match ms.max(0) {
        0..=9_949 => format!("{}.{} s", (ms.max(0) + 50) / 1000, (ms.max(0) + 50) / 100 % 10),
        _ if seconds < 60 => format!("{seconds} s"),
        _ if seconds < 3600 => format!("{} m {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A short length of time to the millisecond: `84 ms`; from a second on as [`duration_words`].
pub fn exact_words(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        _ => duration_words(i64::try_from(ms).unwrap_or(i64::MAX)),
    }
}

/// How long ago something was, for people: `just now`, `12 min ago`, `3 h ago`, `5 d ago`.
pub fn ago_words(ms: i64) -> String {
    let minutes = ms.max(0) / 60_000;
    match minutes {
        0 => "just now".to_owned(),
        1..60 => format!("{minutes} min ago"),
        60..2880 => format!("{} h ago", minutes / 60),
        _ => format!("{} d ago", minutes / 1440),
    }
}

/// A day of the week by its name, or the first three letters of it: `Friday`, `fri`.
pub fn weekday(text: &str) -> Option<Weekday> {
    const NAMES: [(&str, Weekday); 7] = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    let text = text.to_ascii_lowercase();
    NAMES.into_iter().find(|(name, _)| text == *name || text == name[..3]).map(|(_, day)| day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_with_milliseconds_and_read_back() {
        let at = At::from_millis(1_795_255_200_120);
        assert_eq!(at.to_string(), "2026-11-21T10:00:00.120Z");
        assert_eq!(at.to_string().parse::<At>().unwrap(), at);
    }

    #[test]
    fn durations_read_as_a_person_says_them() {
        for (ms, words) in [
            (0, "0.0 s"),
            (449, "0.4 s"),
            (9_949, "9.9 s"),
            (9_950, "10 s"),
            (59_499, "59 s"),
            (59_500, "1 m 00 s"),
            (92_000, "1 m 32 s"),
            (7_500_000, "2 h 05 m"),
            (-5, "0.0 s"),
        ] {
            assert_eq!(duration_words(ms), words, "{ms} ms");
        }
        for (ms, words) in [(0, "0 ms"), (999, "999 ms"), (1000, "1.0 s"), (92_000, "1 m 32 s")] {
            assert_eq!(exact_words(ms), words);
        }
    }
}
