//! Hours of some days of the week in a time zone: `Mon-Thu 09:00-16:00 Europe/Prague`. A window is open while a clock on the wall there shows
//! such a time: where the clock is put forward over its beginning it opens at that moment, where it is put back it may open twice. The rules of
//! the zones come with the program, so that two machines never differ. Pure; it must never ask what time it is.

use crate::time::At;
use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use std::fmt;

/// Days that are looked through for the next opening: a week, and one more for a day whose beginning the clock left out.
const DAYS: i64 = 8;
/// The days, as they are written.
const NAMES: [(&str, Weekday); 7] = [
    ("Mon", Weekday::Monday),
    ("Tue", Weekday::Tuesday),
    ("Wed", Weekday::Wednesday),
    ("Thu", Weekday::Thursday),
    ("Fri", Weekday::Friday),
    ("Sat", Weekday::Saturday),
    ("Sun", Weekday::Sunday),
];

/// Hours of some days.
#[derive(Clone, PartialEq)]
pub struct Window {
    text: String,
    /// From Monday.
    days: [bool; 7],
    from: Time,
    /// Up to this time and not at it; none: to the end of the day.
    to: Option<Time>,
    zone: TimeZone,
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Window").field(&self.text).finish()
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Window {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub(super) fn parse(text: &str) -> Result<Self, (String, &'static str)> {
        let parts: Vec<&str> = text.split_whitespace().collect();
        let [days, hours, zone] = parts[..] else {
            return Err((
                "a window has three parts: days, hours, and a time zone".to_owned(),
                "write it like \"Mon-Thu 09:00-16:00 Europe/Prague\"",
            ));
        };
        let days = days_of(days).ok_or_else(|| {
            let cure = "write Mon, Tue, Wed, Thu, Fri, Sat, Sun: \"Mon-Thu\", \"Mon,Wed,Fri\"";
            (format!("`{days}` are no days of the week"), cure)
        })?;
        let (from, to) = hours_of(hours).ok_or_else(|| {
            let cure =
                "write the beginning and the end of one day: \"09:00-16:00\", \"22:00-24:00\"; over midnight it is two windows";
            (format!("`{hours}` are no hours of a day"), cure)
        })?;
        let zone = TimeZoneDatabase::bundled().get(zone).map_err(|_| {
            (format!("the time zone `{zone}` is not known"), "write its name: Europe/Prague, America/New_York, UTC")
        })?;
        Ok(Self { text: parts.join(" "), days, from, to, zone })
    }

    /// Whether it is open at an instant.
    pub fn is_open(&self, at: At) -> bool {
        let there = self.zone.to_datetime(at.timestamp());
        let time = there.time();
        self.has(there.date()) && time >= self.from && self.to.is_none_or(|to| time < to)
    }

    /// When it opens next after an instant.
    pub fn opens(&self, after: At) -> Option<At> {
        let today = self.zone.to_datetime(after.timestamp()).date();
        let days = (0..=DAYS).filter_map(|days| today.checked_add(jiff::Span::new().days(days)).ok());
        let begins = days.filter(|day| self.has(*day)).flat_map(|day| self.begins(day));
        let begins = begins.map(|at| At::from_millis(at.as_millisecond()));
        begins.filter(|at| *at > after && self.is_open(*at)).min()
    }

    /// An instant as a clock there shows it: `Mon 09:00 Europe/Prague`.
    pub fn clock(&self, at: At) -> String {
        let zone = self.text.rsplit(' ').next().unwrap_or_default();
        format!("{} {zone}", self.zone.to_datetime(at.timestamp()).strftime("%a %H:%M"))
    }

    fn has(&self, day: Date) -> bool {
        usize::try_from(day.weekday().to_monday_zero_offset()).is_ok_and(|day| self.days.get(day) == Some(&true))
    }

    /// The instants at which it begins on a day: two where the clock is put back over its beginning.
    fn begins(&self, day: Date) -> Vec<Timestamp> {
        let ambiguous = self.zone.to_ambiguous_timestamp(day.to_datetime(self.from));
        let offset = ambiguous.offset();
        let (earlier, later) = (ambiguous.earlier().ok(), ambiguous.later().ok());
        match offset {
            AmbiguousOffset::Unambiguous { .. } => earlier.into_iter().collect(),
            // No clock shows that time: it opens when the clock is put forward.
            AmbiguousOffset::Gap { .. } => {
                let forward =
                    earlier.and_then(|before| self.zone.following(before).next().map(|next| next.timestamp()));
                forward.into_iter().collect()
            }
            AmbiguousOffset::Fold { .. } => [earlier, later].into_iter().flatten().collect(),
        }
    }
}

fn days_of(text: &str) -> Option<[bool; 7]> {
    let day = |name: &str| NAMES.iter().position(|(known, _)| known.eq_ignore_ascii_case(name));
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = match part.split_once('-') {
            Some((first, last)) => (day(first)?, day(last)?),
            None => (day(part)?, day(part)?),
        };
        // `Fri-Mon` goes over the end of the week.
        let length = (last + 7 - first) % 7;
        (first..=first + length).for_each(|day| days[day % 7] = true);
    }
    Some(days)
}

fn hours_of(text: &str) -> Option<(Time, Option<Time>)> {
    let (from, to) = text.split_once('-')?;
    let from = time(from)?;
    match to {
        "24:00" => Some((from, None)),
        to => time(to).filter(|to| *to > from).map(|to| (from, Some(to))),
    }
}

fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str| {
        (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<i8>().ok()).flatten()
    };
    Time::new(number(hour)?, number(minute)?, 0, 0).ok()
}

#[cfg(test)]
mod tests;
