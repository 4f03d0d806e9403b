//! One page of a list that is newest first, cut at a number: older ones and newer ones by a cursor that stays where it is
//! while the list grows; and the times that a list is asked for. Pure. It must never skip or repeat an entry. Called by the pages that list.

use super::problem::Problem;
use crate::ledger::history::Edge;
use crate::time;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// Newest first.
    pub rows: Vec<T>,
    /// Older ones are before this number, if there are any.
    pub older: Option<i64>,
    /// Newer ones are after this number, if there may be any.
    pub newer: Option<i64>,
}

impl<T> Page<T> {
    /// A page of `most` rows, made from one more, which tells whether there are others.
    pub fn of(mut rows: Vec<T>, from: Option<Edge>, most: usize, number: impl Fn(&T) -> i64) -> Self {
        let more = rows.len() > most;
        match from {
            Some(Edge::After(edge)) => {
                rows.drain(..rows.len().saturating_sub(most));
                let newer = rows.first().filter(|_| more).map(&number);
                // One comes here from older ones.
                Self { older: Some(rows.last().map_or(edge.saturating_add(1), number)), newer, rows }
            }
            Some(Edge::Before(edge)) => {
                rows.truncate(most);
                let newer = Some(rows.first().map_or(edge.saturating_sub(1).max(0), &number));
                Self { older: rows.last().filter(|_| more).map(number), newer, rows }
            }
            None => {
                rows.truncate(most);
                Self { older: rows.last().filter(|_| more).map(number), newer: None, rows }
            }
        }
    }
}

/// How many entries an address asks for, of at most `most`; `usual` where it says nothing.
///
/// # Errors
/// When it is no number from 1 to `most`.
pub fn limit(text: Option<&str>, usual: usize, most: usize) -> Result<usize, Problem> {
    match text.filter(|text| !text.is_empty()) {
        None => Ok(usual),
        Some(text) => text.parse().ok().filter(|limit| (1..=most).contains(limit)).ok_or_else(|| {
            let text: String = text.chars().take(40).collect();
            Problem::bad_request(format!("`limit` takes a number from 1 to {most}, not {text:?}"))
        }),
    }
}

/// The edge that an address names with `before` or `after`; what is empty is not named.
///
/// # Errors
/// When it is no number.
pub fn edge(before: Option<&str>, after: Option<&str>) -> Result<Option<Edge>, Problem> {
    let number = |text: Option<&str>| {
        let parsed = text.filter(|text| !text.is_empty()).map(|text| text.parse::<u32>().map(i64::from));
        parsed.transpose().map_err(|_| {
            let text: String = text.unwrap_or_default().chars().take(40).collect();
            Problem::bad_request(format!("`before` and `after` take the number of an entry, not {text:?}"))
        })
    };
    let (before, after) = (number(before)?, number(after)?);
    Ok(before.map(Edge::Before).or(after.map(Edge::After)))
}

/// A day of UTC (`days_end` takes all of it) or an instant, as the ledger compares it.
///
/// # Errors
/// When it is neither.
pub fn moment(what: &str, text: &str, days_end: bool) -> Result<String, Problem> {
    time::moment(text, days_end).map(|at| at.to_string()).ok_or_else(|| {
        let text: String = text.chars().take(40).collect();
        Problem::bad_request(format!(
            "`{what}` must be a day or an instant, 2026-11-14 or 2026-11-14T13:10:00Z, not {text:?}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of a list of `all` that a page of two is made from.
    fn page(all: &[i64], from: Option<Edge>) -> Page<i64> {
        let rows = match from {
            None => all.iter().copied().take(3).collect(),
            Some(Edge::Before(edge)) => all.iter().copied().filter(|n| *n < edge).take(3).collect(),
            Some(Edge::After(edge)) => {
                let mut rows: Vec<i64> = all.iter().rev().copied().filter(|n| *n > edge).take(3).collect();
                rows.reverse();
                rows
            }
        };
        Page::of(rows, from, 2, |n| *n)
    }

    #[test]
    fn paging_down_and_up_again_meets_every_entry_once() {
        let all = [19, 17, 12, 11, 4];
        let down: Vec<Page<i64>> =
            std::iter::successors(Some(page(&all, None)), |last| Some(page(&all, Some(Edge::Before(last.older?)))))
                .collect();
        assert_eq!(down.iter().flat_map(|page| page.rows.clone()).collect::<Vec<_>>(), all);
        assert_eq!(down[0].newer, None);
        let last = down.last().unwrap().clone();
        let up: Vec<Vec<i64>> =
            std::iter::successors(Some(last), |last| Some(page(&all, Some(Edge::After(last.newer?)))))
                .map(|page| page.rows)
                .collect();
        assert_eq!(up, [vec![4], vec![12, 11], vec![19, 17]]);
        // Behind either end there is a rollback.
        assert_eq!(page(&all, Some(Edge::Before(4))), Page { rows: vec![], older: None, newer: Some(3) });
        assert_eq!(page(&all, Some(Edge::After(19))), Page { rows: vec![], older: Some(20), newer: None });
    }

    #[test]
    fn a_limit_is_bounded() {
        assert_eq!(limit(None, 50, 200), Ok(50));
        assert_eq!(limit(Some("200"), 50, 200), Ok(200));
        for bad in ["0", "201", "-1", "x", "99999999999999999999999"] {
            assert!(limit(Some(bad), 50, 200).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_edge_is_a_number_or_none() {
        assert_eq!(edge(Some(""), None), Ok(None));
        assert_eq!(edge(Some("7"), Some("9")), Ok(Some(Edge::Before(7))));
        assert_eq!(edge(None, Some("9")), Ok(Some(Edge::After(9))));
        for bad in ["x", "-1", "1.5", "99999999999999999999"] {
            assert!(edge(Some(bad), None).is_err() && edge(None, Some(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_day_is_whole_and_an_instant_is_itself() {
        for (text, days_end, at) in [
            ("2026-11-14", false, "2026-11-14T00:00:00.000Z"),
            ("2026-11-14", true, "2026-11-15T00:00:00.000Z"),
            ("2026-11-14T13:10:00Z", true, "2026-11-14T13:10:00.000Z"),
        ] {
            assert_eq!(moment("until", text, days_end).unwrap(), at);
        }
        assert!(moment("since", "yesterday", false).is_err());
        assert!(moment("since", "2026-13-01", false).is_err());
    }
}
