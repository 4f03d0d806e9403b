//! When the weekly mail is written: a day of the week and a time, where people live. It must never read the clock: now is given.

use crate::time::{At, weekday};
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{ToSpan, Zoned};

/// `Mon 09:00 Europe/Prague`; without a zone it is UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct Weekly {
    day: Weekday,
    time: Time,
    zone: TimeZone,
}

impl Weekly {
    /// Reads what the file says; none where it is no such moment.
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (day, time, zone) = match words[..] {
            [day, time] => (day, time, TimeZone::UTC),
            [day, time, zone] => (day, time, TimeZone::get(zone).ok()?),
            _ => return None,
        };
        Some(Self { day: weekday(day)?, time: time.parse().ok()?, zone })
    }

    /// The last such moment that is not after now, as its day there.
    pub fn last(&self, now: At) -> (Date, At) {
        let here = now.timestamp().to_zoned(self.zone.clone());
        let mut date = back(here.date(), i64::from(here.date().weekday().since(self.day)));
        if self.on(date) > now {
            date = back(date, 7);
        }
        (date, self.on(date))
    }

    /// That moment a week before a day, and a week after it.
    pub fn around(&self, date: Date) -> (At, At) {
        (self.on(back(date, 7)), self.on(back(date, -7)))
    }

    /// The moment on a day. A time that the clocks leave out is that much later.
    fn on(&self, date: Date) -> At {
        let at = date.to_datetime(self.time).to_zoned(self.zone.clone());
        At::from_millis(at.map_or(0, |at: Zoned| at.timestamp().as_millisecond()))
    }
}

fn back(date: Date, days: i64) -> Date {
    // Only at the end of all calendars there is none.
    date.checked_sub(days.days()).unwrap_or(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> At {
        text.parse().unwrap()
    }

    #[test]
    fn the_last_moment_is_found_in_its_zone_also_where_clocks_change() {
        let prague = Weekly::parse("Mon 09:00 Europe/Prague").unwrap();
        for (now, day, moment) in [
            ("2026-11-30T07:59:59.000Z", "2026-11-23", "2026-11-23T08:00:00.000Z"),
            ("2026-11-30T08:00:00.000Z", "2026-11-30", "2026-11-30T08:00:00.000Z"),
            ("2026-12-06T23:59:00.000Z", "2026-11-30", "2026-11-30T08:00:00.000Z"),
            // Summer there: an hour earlier here.
            ("2026-07-06T07:00:00.000Z", "2026-07-06", "2026-07-06T07:00:00.000Z"),
        ] {
            assert_eq!(prague.last(at(now)), (day.parse().unwrap(), at(moment)), "{now}");
        }
        // The week in which the clocks go back has 169 hours.
        let (from, _) = prague.around("2026-10-26".parse().unwrap());
        assert_eq!(at("2026-10-26T08:00:00.000Z").millis() - from.millis(), 169 * 3_600_000);
        // The hour that there is not on this Sunday.
        let night = Weekly::parse("sunday 02:30 Europe/Prague").unwrap();
        assert_eq!(night.last(at("2026-03-29T12:00:00.000Z")).1, at("2026-03-29T01:30:00.000Z"));
        assert_eq!(
            Weekly::parse("Fri 17:00").unwrap().last(at("2026-11-30T08:00:00.000Z")).1,
            at("2026-11-27T17:00:00.000Z")
        );
        for text in
            ["", "Mon", "Mon 9", "Mon 25:00", "Someday 09:00", "Mon 09:00 Mars/Base", "Mon 09:00 Europe/Prague x"]
        {
            assert_eq!(Weekly::parse(text), None, "{text}");
        }
    }
}
