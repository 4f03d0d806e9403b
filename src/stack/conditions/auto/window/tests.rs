use super::*;
use proptest::prelude::*;

fn window(text: &str) -> Window {
    Window::parse(text).unwrap()
}

fn at(text: &str) -> At {
    text.parse().unwrap()
}

#[test]
fn a_window_is_open_while_a_clock_there_shows_its_hours() {
    for (text, instant, open) in [
        // A Monday in November: Prague is an hour ahead of UTC.
        ("Mon-Thu 09:00-16:00 Europe/Prague", "2026-11-30T07:59:59.999Z", false),
        ("Mon-Thu 09:00-16:00 Europe/Prague", "2026-11-30T08:00:00Z", true),
        ("Mon-Thu 09:00-16:00 Europe/Prague", "2026-11-30T14:59:59.999Z", true),
        ("Mon-Thu 09:00-16:00 Europe/Prague", "2026-11-30T15:00:00Z", false),
        ("Mon-Thu 09:00-16:00 Europe/Prague", "2026-12-04T09:00:00Z", false),
        // And in July two.
        ("Mon-Thu 09:00-16:00 Europe/Prague", "2026-07-06T07:00:00Z", true),
        ("Mon-Thu 09:00-16:00 Europe/Prague", "2026-07-06T14:00:00Z", false),
        // The day is that of the place.
        ("Mon 00:00-24:00 Pacific/Auckland", "2026-11-29T11:00:00Z", true),
        ("Mon 00:00-24:00 Pacific/Auckland", "2026-11-30T11:00:00Z", false),
        ("Fri-Mon 22:00-24:00 UTC", "2026-11-29T23:59:59Z", true),
        ("Fri-Mon 22:00-24:00 UTC", "2026-12-01T23:00:00Z", false),
        ("Mon,Wed 10:00-11:00 UTC", "2026-12-02T10:30:00Z", true),
        ("Mon,Wed 10:00-11:00 UTC", "2026-12-01T10:30:00Z", false),
        // On 29 March 2026 clocks in Prague go from 02:00 to 03:00; on 25 October from 03:00 back to 02:00.
        ("Sun 02:00-03:00 Europe/Prague", "2026-03-29T01:00:00Z", false),
        ("Sun 02:30-05:00 Europe/Prague", "2026-03-29T01:00:00Z", true),
        ("Sun 02:30-03:00 Europe/Prague", "2026-10-25T00:45:00Z", true),
        ("Sun 02:30-03:00 Europe/Prague", "2026-10-25T01:15:00Z", false),
        ("Sun 02:30-03:00 Europe/Prague", "2026-10-25T01:45:00Z", true),
    ] {
        assert_eq!(window(text).is_open(at(instant)), open, "{text} at {instant}");
    }
}

#[test]
fn the_next_opening_is_an_instant_that_a_clock_there_can_show() {
    for (text, after, opens, words) in [
        (
            "Mon-Thu 09:00-16:00 Europe/Prague",
            "2026-11-30T07:00:00Z",
            "2026-11-30T08:00:00Z",
            "Mon 09:00 Europe/Prague",
        ),
        (
            "Mon-Thu 09:00-16:00 Europe/Prague",
            "2026-11-30T08:00:00Z",
            "2026-12-01T08:00:00Z",
            "Tue 09:00 Europe/Prague",
        ),
        (
            "Mon-Thu 09:00-16:00 Europe/Prague",
            "2026-12-03T18:00:00Z",
            "2026-12-07T08:00:00Z",
            "Mon 09:00 Europe/Prague",
        ),
        // Over the change of the clock between two days.
        ("Mon 09:00-16:00 Europe/Prague", "2026-03-27T12:00:00Z", "2026-03-30T07:00:00Z", "Mon 09:00 Europe/Prague"),
        ("Mon 09:00-16:00 Europe/Prague", "2026-10-23T12:00:00Z", "2026-10-26T08:00:00Z", "Mon 09:00 Europe/Prague"),
        // Its beginning is left out: it opens when the clock is put forward, or a week later if all of it is left out.
        ("Sun 02:30-05:00 Europe/Prague", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z", "Sun 03:00 Europe/Prague"),
        ("Sun 02:00-03:00 Europe/Prague", "2026-03-28T12:00:00Z", "2026-04-05T00:00:00Z", "Sun 02:00 Europe/Prague"),
        // Its beginning comes twice.
        ("Sun 02:30-03:00 Europe/Prague", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "Sun 02:30 Europe/Prague"),
        ("Sun 02:30-03:00 Europe/Prague", "2026-10-25T01:10:00Z", "2026-10-25T01:30:00Z", "Sun 02:30 Europe/Prague"),
        (
            "Sun 23:00-24:00 America/New_York",
            "2026-11-30T03:30:00Z",
            "2026-11-30T04:00:00Z",
            "Sun 23:00 America/New_York",
        ),
    ] {
        let window = window(text);
        assert_eq!(window.opens(at(after)), Some(at(opens)), "{text} after {after}");
        assert_eq!(window.clock(at(opens)), words, "{text} after {after}");
    }
}

#[test]
fn what_is_no_window_is_refused_in_the_part_that_is_wrong() {
    for (text, words) in [
        ("", "three parts"),
        ("Mon-Thu 09:00-16:00", "three parts"),
        ("Mon-Thu 09:00 - 16:00 UTC", "three parts"),
        ("Monday 09:00-16:00 UTC", "`Monday` are no days"),
        ("Mon- 09:00-16:00 UTC", "`Mon-` are no days"),
        ("Mon 9:00-16:00 UTC", "`9:00-16:00` are no hours"),
        ("Mon 09:00-25:00 UTC", "`09:00-25:00` are no hours"),
        ("Mon 16:00-09:00 UTC", "`16:00-09:00` are no hours"),
        ("Mon 09:00-09:00 UTC", "`09:00-09:00` are no hours"),
        ("Mon 09:00-16:00 Europe/Bohemia", "the time zone `Europe/Bohemia` is not known"),
        ("Mon 09:00-16:00 ../../etc/passwd", "is not known"),
    ] {
        let (title, _) = Window::parse(text).unwrap_err();
        assert!(title.contains(words), "{text}: {title}");
    }
}

proptest! {
    #[test]
    fn a_window_opens_when_it_says_so_and_not_before(
        minutes in 0_i64..2 * 366 * 24 * 60,
        days in "(Mon|Tue-Thu|Sat,Sun|Fri-Mon)",
        from in 0_i8..24,
        zone in "(UTC|Europe/Prague|America/New_York|Australia/Lord_Howe|Asia/Kathmandu)",
    ) {
        let window = window(&format!("{days} {from:02}:30-{from:02}:59 {zone}"));
        let now = At::from_millis(at("2026-01-01T00:00:00Z").millis() + minutes * 60_000);
        let opens = window.opens(now).unwrap();
        prop_assert!(opens > now && window.is_open(opens));
        // Nothing in between is open that was not open already.
        let mut was_open = window.is_open(now);
        for step in 1..(opens.millis() - now.millis()) / 60_000 {
            let is_open = window.is_open(At::from_millis(now.millis() + step * 60_000));
            prop_assert!(was_open || !is_open, "open {} minutes after {}", step, now);
            was_open = is_open;
        }
    }
}
