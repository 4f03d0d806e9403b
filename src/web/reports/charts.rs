//! Charts: bars for how many, a band and a line for how long. Pure geometry in the units of the drawing's own box; the
//! template draws it. It must never hold a word that the numbers do not say. Called by the stats page.

use serde::Serialize;

/// The box of a drawing; it scales with the page.
pub const WIDTH: f64 = 360.0;
/// The height of the plot itself; the words below have room of their own.
const PLOT: f64 = 110.0;
const TOP: f64 = 8.0;

/// A line across, with its number.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    y: String,
    text_y: String,
    text: String,
}

/// A word below the plot.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tick {
    x: String,
    text: String,
}

/// One bar.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bar {
    x: String,
    y: String,
    width: String,
    height: String,
    title: String,
    /// Whether something of it failed: a square below says so.
    failed: bool,
}

/// How many, per day or week.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bars {
    left: String,
    rules: Vec<Rule>,
    bars: Vec<Bar>,
    ticks: Vec<Tick>,
}

/// One day or week of bars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// What it is called: `28 Sep`.
    pub name: String,
    /// How many.
    pub all: usize,
    /// How many of them failed.
    pub failed: usize,
}

/// How long, per day or week: the middle, and the band from the fastest to the slowest tenth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DurationChart {
    left: String,
    rules: Vec<Rule>,
    band: String,
    line: String,
    dots: Vec<Dot>,
    ticks: Vec<Tick>,
}

/// A point of its own, where no line could be seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dot {
    x: String,
    y: String,
    title: String,
}

/// One day or week of durations, in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lasted {
    /// What it is called.
    pub name: String,
    /// Fastest tenth, middle, slowest tenth; none when nothing was measured.
    pub tenths: Option<(i64, i64, i64)>,
}

/// Draws bars.
pub fn bars(counts: &[Count]) -> Bars {
    let left = 26.0;
    let most = counts.iter().map(|count| count.all).max().unwrap_or(0);
    let (top, step) = round_counts(most);
    let slot = (WIDTH - left) / counts.len().max(1) as f64;
    let bar = |(place, count): (usize, &Count)| {
        let height = (PLOT - TOP) * count.all as f64 / top as f64;
        let failed = if count.failed > 0 { format!(", {} failed", count.failed) } else { String::new() };
        Bar {
            x: tenth(left + slot * place as f64 + slot * 0.1),
            y: tenth(PLOT - height),
            width: tenth(slot * 0.8),
            height: tenth(height),
            title: format!("{}: {}{failed}", count.name, count.all),
            failed: count.failed > 0,
        }
    };
    Bars {
        left: tenth(left),
        rules: (0..=top / step).map(|n| rule((n * step) as f64 / top as f64, (n * step).to_string())).collect(),
        bars: counts.iter().enumerate().filter(|(_, count)| count.all > 0).map(bar).collect(),
        ticks: ticks(counts.iter().map(|count| count.name.as_str()), counts.len(), |n| left + slot * (n as f64 + 0.1)),
    }
}

/// Draws a band with its line.
pub fn spread(lasted: &[Lasted]) -> DurationChart {
    let left = 44.0;
    let most = lasted.iter().filter_map(|one| Some(one.tenths?.2)).max().unwrap_or(0);
    let top = round_millis(most);
    let x = |n: usize| match lasted.len() {
        0 | 1 => (left + WIDTH) / 2.0,
        all => left + (WIDTH - left) * n as f64 / (all - 1) as f64,
    };
    let y = |ms: i64| PLOT - (PLOT - TOP) * ms as f64 / top as f64;
    let known: Vec<(usize, &Lasted, (i64, i64, i64))> =
        lasted.iter().enumerate().filter_map(|(n, one)| Some((n, one, one.tenths?))).collect();
    let path = |points: &mut dyn Iterator<Item = (usize, i64)>| {
        points.map(|(n, ms)| format!("{} {}", tenth(x(n)), tenth(y(ms)))).collect::<Vec<_>>().join("L")
    };
    let above = path(&mut known.iter().map(|(n, _, tenths)| (*n, tenths.2)));
    let below = path(&mut known.iter().rev().map(|(n, _, tenths)| (*n, tenths.0)));
    let middle = path(&mut known.iter().map(|(n, _, tenths)| (*n, tenths.1)));
    let seen = known.len() > 1;
    let dots = known.iter().map(|(n, one, (fast, median, slow))| Dot {
        x: tenth(x(*n)),
        y: tenth(y(*median)),
        title: format!(
            "{}: {}, from {} to {}",
            one.name,
            crate::web::view::words::lasted(*median),
            crate::web::view::words::lasted(*fast),
            crate::web::view::words::lasted(*slow)
        ),
    });
    DurationChart {
        left: tenth(left),
        rules: (0..=2).map(|half| rule(half as f64 / 2.0, crate::web::view::words::lasted(top * half / 2))).collect(),
        band: if seen { format!("M{above}L{below}z") } else { String::new() },
        line: if seen { format!("M{middle}") } else { String::new() },
        dots: dots.collect(),
        ticks: ticks(lasted.iter().map(|one| one.name.as_str()), lasted.len(), x),
    }
}

/// Fastest tenth, middle and slowest tenth of some durations.
pub fn tenths(durations: &mut [i64]) -> Option<(i64, i64, i64)> {
    durations.sort_unstable();
    let at = |share: usize| durations.get((durations.len().saturating_sub(1) * share + 50) / 100).copied();
    Some((at(10)?, at(50)?, at(90)?))
}

fn rule(share: f64, text: String) -> Rule {
    let y = PLOT - (PLOT - TOP) * share;
    Rule { y: tenth(y), text_y: tenth(y + 4.0), text }
}

/// At most five words below, evenly, so that they never touch on a narrow screen.
fn ticks<'a>(names: impl Iterator<Item = &'a str>, all: usize, x: impl Fn(usize) -> f64) -> Vec<Tick> {
    let every = all.div_ceil(4).max(1);
    // The last word needs room to its right.
    let fits = |n: &usize| x(*n) <= WIDTH - 34.0 || *n == 0;
    let names = names.enumerate().step_by(every).filter(|(n, _)| fits(n));
    names.map(|(n, name)| Tick { x: tenth(x(n)), text: name.to_owned() }).collect()
}

/// A round top for counts, and the step between two rules.
fn round_counts(most: usize) -> (usize, usize) {
    let step = [1, 2, 5, 10, 20, 25, 50, 100, 250, 500, 1000].into_iter().find(|step| step * 3 >= most);
    let step = step.unwrap_or(most.div_ceil(3));
    (most.div_ceil(step).max(1) * step, step)
}

/// A round top for durations.
fn round_millis(most: i64) -> i64 {
    const SECOND: i64 = 1000;
    const MINUTE: i64 = 60 * SECOND;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let tops = [
        2 * SECOND,
        4 * SECOND,
        10 * SECOND,
        20 * SECOND,
        30 * SECOND,
        MINUTE,
        2 * MINUTE,
        4 * MINUTE,
        10 * MINUTE,
        20 * MINUTE,
        30 * MINUTE,
        HOUR,
        2 * HOUR,
        4 * HOUR,
        8 * HOUR,
        DAY,
        2 * DAY,
        4 * DAY,
        8 * DAY,
        20 * DAY,
    ];
    tops.into_iter().find(|top| *top >= most).unwrap_or_else(|| (most + 20 * DAY - 1) / (20 * DAY) * 20 * DAY)
}

fn tenth(number: f64) -> String {
    format!("{number:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_rules_of_a_chart_are_round_and_reach_above_what_is_drawn() {
        for (most, top, step) in [(0, 1, 1), (1, 1, 1), (3, 3, 1), (7, 10, 5), (20, 20, 10), (61, 75, 25)] {
            assert_eq!(round_counts(most), (top, step), "{most}");
        }
        assert_eq!(round_millis(92_000), 120_000);
        assert_eq!(round_millis(0), 2_000);
    }

    #[test]
    fn the_tenths_are_of_what_was_measured() {
        assert_eq!(tenths(&mut []), None);
        assert_eq!(tenths(&mut [7]), Some((7, 7, 7)));
        let mut hundred: Vec<i64> = (0..=100).rev().collect();
        assert_eq!(tenths(&mut hundred), Some((10, 50, 90)));
    }

    proptest! {
        #[test]
        fn everything_is_drawn_within_the_box(all in proptest::collection::vec((0_usize..3000, 0_i64..40 * 86_400_000), 1..60)) {
            let counts: Vec<Count> =
                all.iter().map(|(all, _)| Count { name: "1 Oct".to_owned(), all: *all, failed: all / 3 }).collect();
            for bar in bars(&counts).bars {
                let (x, y): (f64, f64) = (bar.x.parse().unwrap(), bar.y.parse().unwrap());
                let (width, height): (f64, f64) = (bar.width.parse().unwrap(), bar.height.parse().unwrap());
                prop_assert!(x >= 0.0 && x + width <= WIDTH + 0.2 && y >= TOP - 0.1 && y + height <= PLOT + 0.2);
            }
            let lasted: Vec<Lasted> = all.iter().map(|(some, ms)| Lasted {
                name: "1 Oct".to_owned(),
                tenths: (some % 4 != 0).then_some((ms / 2, *ms, ms + 1000)),
            }).collect();
            for dot in spread(&lasted).dots {
                let (x, y): (f64, f64) = (dot.x.parse().unwrap(), dot.y.parse().unwrap());
                prop_assert!((0.0..=WIDTH).contains(&x) && (TOP - 0.1..=PLOT + 0.1).contains(&y));
            }
        }
    }
}
