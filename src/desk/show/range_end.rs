//! One end of a comparison, as people write it: a push, a build or revision, what a stage runs, or what it ran at some time. Pure; it must never
//! read the clock, nor take what is none of these for another.

use crate::stack::{PushNumber, StageName};
use crate::time::{At, weekday};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// One end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RangeEnd {
    /// What a stage runs, now or at some time.
    Stage(StageName, Option<At>),
    /// The build of a push.
    Push(PushNumber),
    /// A build, or a revision: the whole of it, or a beginning that only one has.
    Named(String),
}

/// Why a text is no end of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEnd {
    /// There is no such stage.
    #[error("{0:?} is not a stage of this stack: write a stage before the @, one of {1}")]
    Stage(String, String),
    /// That is no time.
    #[error(
        "{0:?} is not a time: write 2026-11-27, \"2026-11-27 17:00\", \"Friday 17:00\" (the last one) or an instant \
         (2026-11-27T16:00Z); a zone may follow, \"Friday 17:00 Europe/Prague\", otherwise it is UTC"
    )]
    Time(String),
    /// It is later than now.
    #[error("{0} is not over yet: nobody knows what will run then")]
    Later(String),
}

impl RangeEnd {
    /// Reads what a person wrote; `stages` are those of the stack.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &str, stages: &[StageName], now: At) -> Result<Self, BadEnd> {
        let text = text.trim();
        let of_name = |name: &str| stages.iter().find(|stage| stage.as_str() == name).cloned();
        if let Some((stage, time)) = text.split_once('@') {
            let names = || stages.iter().map(StageName::as_str).collect::<Vec<_>>().join(", ");
            let stage = of_name(stage.trim()).ok_or_else(|| BadEnd::Stage(cut(stage), names()))?;
            let time = time.trim();
            if time.eq_ignore_ascii_case("now") {
                return Ok(Self::Stage(stage, None));
            }
            let at = moment(time, now).ok_or_else(|| BadEnd::Time(cut(time)))?;
            return if at > now { Err(BadEnd::Later(cut(time))) } else { Ok(Self::Stage(stage, Some(at))) };
        }
        if let Some(stage) = of_name(text) {
            return Ok(Self::Stage(stage, None));
        }
        let number = text.strip_prefix('#').unwrap_or(text);
        match number.parse::<PushNumber>() {
            Ok(push) => Ok(Self::Push(push)),
            Err(_) => Ok(Self::Named(text.to_owned())),
        }
    }
}

/// The beginning of what was written: it is shown.
fn cut(text: &str) -> String {
    text.chars().take(60).collect()
}

/// An instant, a day (its beginning), a day with a time, or the last such day of the week; each with a zone behind it, or in UTC.
fn moment(text: &str, now: At) -> Option<At> {
    if let Ok(at) = text.parse::<At>() {
        return Some(at);
    }
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let zone = match words.last() {
        Some(word) if words.len() > 1 && word.parse::<Time>().is_err() => {
            let zone = TimeZone::get(word).ok()?;
            words.pop();
            zone
        }
        _ => TimeZone::UTC,
    };
    let time = match words.get(1) {
        Some(word) => word.parse::<Time>().ok()?,
        None => Time::midnight(),
    };
    let at =
        |date: Date| -> Option<Timestamp> { Some(date.to_datetime(time).to_zoned(zone.clone()).ok()?.timestamp()) };
    let (day, rest) = words.split_first()?;
    if rest.len() > 1 {
        return None;
    }
    let found = match day.parse::<Date>() {
        Ok(date) => at(date)?,
        Err(_) => {
            let wanted = weekday(day)?;
            let today = now.timestamp().to_zoned(zone.clone()).date();
            let back = i64::from(today.weekday().since(wanted));
            let date = today.checked_sub(back.days()).ok()?;
            // Today's may be still to come.
            let found = at(date)?;
            if found > now.timestamp() { at(date.checked_sub(7.days()).ok()?)? } else { found }
        }
    };
    Some(At::from_millis(found.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Monday, 30 November 2026, 12:00 UTC.
    fn now() -> At {
        "2026-11-30T12:00:00.000Z".parse().unwrap()
    }

    fn read(text: &str) -> Result<RangeEnd, BadEnd> {
        RangeEnd::parse(text, &["qa".parse().unwrap(), "prod".parse().unwrap()], now())
    }

    fn prod(at: Option<&str>) -> RangeEnd {
        RangeEnd::Stage("prod".parse().unwrap(), at.map(|at| at.parse().unwrap()))
    }

    #[test]
    fn an_end_is_a_stage_a_push_a_build_or_a_revision() {
        assert_eq!(read(" prod "), Ok(prod(None)));
        assert_eq!(read("prod@now"), Ok(prod(None)));
        assert_eq!(read("214"), Ok(RangeEnd::Push("214".parse().unwrap())));
        assert_eq!(read("#214"), Ok(RangeEnd::Push("214".parse().unwrap())));
        assert_eq!(read("51d0c3e-14"), Ok(RangeEnd::Named("51d0c3e-14".to_owned())));
        assert_eq!(read("51d0c3e"), Ok(RangeEnd::Named("51d0c3e".to_owned())));
    }

    #[test]
    fn a_time_is_an_instant_a_day_or_the_last_such_day_of_the_week_in_any_zone() {
        for (text, at) in [
            ("prod@2026-11-27", "2026-11-27T00:00:00.000Z"),
            ("prod@2026-11-27 17:00", "2026-11-27T17:00:00.000Z"),
            ("prod@2026-11-27T16:00:00Z", "2026-11-27T16:00:00.000Z"),
            ("prod@Friday 17:00", "2026-11-27T17:00:00.000Z"),
            ("prod@fri 17:00 Europe/Prague", "2026-11-27T16:00:00.000Z"),
            ("prod@ 2026-07-03 09:30 Europe/Prague", "2026-07-03T07:30:00.000Z"),
            ("prod@Monday", "2026-11-30T00:00:00.000Z"),
            // Today at 11 is over, today at 13 is not.
            ("prod@Mon 11:00", "2026-11-30T11:00:00.000Z"),
            ("prod@Mon 13:00", "2026-11-23T13:00:00.000Z"),
            // The hour that the clocks leave out, and the one that comes twice.
            ("prod@2026-03-29 02:30 Europe/Prague", "2026-03-29T01:30:00.000Z"),
            ("prod@2026-10-25 02:30 Europe/Prague", "2026-10-25T00:30:00.000Z"),
        ] {
            assert_eq!(read(text), Ok(prod(Some(at))), "{text}");
        }
        for text in ["prod@", "prod@yesterday", "prod@Friday 25:00", "prod@2026-11-27 17:00 Mars", "prod@a b c d"] {
            assert!(matches!(read(text), Err(BadEnd::Time(_))), "{text}: {:?}", read(text));
        }
        assert!(matches!(read("prod@2026-12-01"), Err(BadEnd::Later(_))));
        assert!(matches!(read("staging@Friday"), Err(BadEnd::Stage(_, names)) if names == "qa, prod"));
    }
}
