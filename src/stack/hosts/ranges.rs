//! Host ranges: `web[001-040]` is forty names, `db[1,3,7-9]` five. It must never make more names than [`MOST`].
//! Called by `hosts`.

use std::ops::Range;

/// The most names that one range may make: far above any fleet, far below what would hang a page.
pub(in crate::stack) const MOST: usize = 10_000;

/// Why a range was refused, and which bytes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::stack) struct BadRange {
    pub at: Range<usize>,
    pub title: String,
    pub cure: String,
}

const EXAMPLE: &str = "a range is written web[1-40], web[001-040] or db[1,3,7-9]";

/// All names that a pattern stands for, in order; the pattern itself when it has no brackets.
pub(in crate::stack) fn expand(pattern: &str) -> Result<Vec<String>, BadRange> {
    let mut names = vec![String::new()];
    let (mut at, mut address_open) = (0, false);
    while let Some(open) = pattern[at..].find(['[', ']']).map(|found| at + found) {
        let bad = |title: &str| BadRange { at: open..open + 1, title: title.to_owned(), cure: EXAMPLE.to_owned() };
        let inner = &pattern[open + 1..];
        // The brackets of an IPv6 address are its own; a range may stand between them.
        let of_address = match pattern.as_bytes()[open] {
            b'[' => {
                !address_open
                    && inner[..inner.find(['[', ']']).unwrap_or(inner.len())].contains(':')
                    && inner.contains(']')
            }
            _ => address_open,
        };
        if of_address {
            address_open = !address_open;
            names.iter_mut().for_each(|name| name.push_str(&pattern[at..=open]));
            at = open + 1;
            continue;
        }
        if pattern.as_bytes()[open] == b']' {
            return Err(bad("`]` without `[`"));
        }
        let Some(close) = pattern[open..].find(']').map(|found| open + found) else {
            return Err(bad("`[` without `]`"));
        };
        let numbers = numbers(&pattern[open + 1..close], open + 1)?;
        if names.len() * numbers.len() > MOST {
            return Err(BadRange {
                at: open..close + 1,
                title: format!("this range makes more than {MOST} hosts"),
                cure: EXAMPLE.to_owned(),
            });
        }
        let before = &pattern[at..open];
        names =
            names.iter().flat_map(|name| numbers.iter().map(move |number| format!("{name}{before}{number}"))).collect();
        at = close + 1;
    }
    for name in &mut names {
        name.push_str(&pattern[at..]);
    }
    Ok(names)
}

/// The numbers of `1,3,7-9`, as they are written; `start` is its place in the pattern.
fn numbers(inside: &str, start: usize) -> Result<Vec<String>, BadRange> {
    let mut all = Vec::new();
    let mut at = start;
    for part in inside.split(',') {
        let place = at..at + part.len().max(1);
        at += part.len() + 1;
        let bad = |title: String, cure: String| BadRange { at: place.clone(), title, cure };
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |digits: &str| {
            let ok = (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
            ok.then(|| digits.parse::<usize>().ok()).flatten()
        };
        let (Some(from), Some(to)) = (number(first), number(last)) else {
            return Err(bad(
                format!("`{}` is not a range of numbers", crate::diagnostic::shown(part)),
                EXAMPLE.to_owned(),
            ));
        };
        let padded = |digits: &str| digits.len() > 1 && digits.starts_with('0');
        if (padded(first) || padded(last)) && first.len() != last.len() {
            let width = first.len().max(last.len());
            let cure = format!("write [{from:0width$}-{to:0width$}], or both without leading zeros");
            return Err(bad("both ends of a padded range must be equally long".to_owned(), cure));
        }
        if from > to {
            return Err(bad("this range runs backwards".to_owned(), format!("write [{last}-{first}]")));
        }
        if to - from >= MOST {
            return Err(bad(format!("this range makes more than {MOST} hosts"), EXAMPLE.to_owned()));
        }
        let width = if padded(first) { first.len() } else { 0 };
        all.extend((from..=to).map(|number| format!("{number:0width$}")));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_are_expanded_in_order() {
        for (pattern, names) in [
            ("web1", vec!["web1"]),
            ("web[1-3]", vec!["web1", "web2", "web3"]),
            ("web[008-010].x", vec!["web008.x", "web009.x", "web010.x"]),
            ("db[1,3,7-9]", vec!["db1", "db3", "db7", "db8", "db9"]),
            ("r[1-2]n[0,5]", vec!["r1n0", "r1n5", "r2n0", "r2n5"]),
            ("u@h[9-10]:22", vec!["u@h9:22", "u@h10:22"]),
            ("[2001:db8::1]:2222", vec!["[2001:db8::1]:2222"]),
            ("u@[2001:db8::[8-9]]:22", vec!["u@[2001:db8::8]:22", "u@[2001:db8::9]:22"]),
            ("2001:db8::[1-2]", vec!["2001:db8::1", "2001:db8::2"]),
            ("gate:[2201-2202]", vec!["gate:2201", "gate:2202"]),
            ("", vec![""]),
        ] {
            assert_eq!(expand(pattern).unwrap(), names, "{pattern}");
        }
    }

    #[test]
    fn a_bad_range_is_refused_at_its_place() {
        for (pattern, at, title) in [
            ("web[1-3", 3..4, "`[` without `]`"),
            ("web1]", 4..5, "`]` without `[`"),
            ("web[]", 4..5, "`` is not a range of numbers"),
            ("web[a-c]", 4..7, "`a-c` is not a range of numbers"),
            ("web[1,-]", 6..7, "`-` is not a range of numbers"),
            ("web[3-1]", 4..7, "this range runs backwards"),
            ("web[001-40]", 4..10, "both ends of a padded range must be equally long"),
            ("web[1-999999999]", 4..15, "this range makes more than 10000 hosts"),
            ("a[1-1000]b[1-1000]", 10..18, "this range makes more than 10000 hosts"),
            ("web[1-9999999999]", 4..16, "`1-9999999999` is not a range of numbers"),
        ] {
            let bad = expand(pattern).unwrap_err();
            assert_eq!((bad.at, bad.title.as_str()), (at, title), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn a_range_makes_exactly_its_numbers(from in 0usize..2000, more in 0usize..300, width in 4usize..7) {
            let to = from + more;
            let names = expand(&format!("web[{from:0width$}-{to:0width$}].example.com")).unwrap();
            prop_assert_eq!(names.len(), more + 1);
            for (number, name) in (from..=to).zip(names) {
                prop_assert_eq!(name, format!("web{number:0width$}.example.com"));
            }
        }

        #[test]
        fn a_list_of_names_comes_back_from_its_range(numbers in proptest::collection::vec(0u32..100_000, 1..50)) {
            let inside: Vec<String> = numbers.iter().map(u32::to_string).collect();
            let names = expand(&format!("h[{}]", inside.join(","))).unwrap();
            let wanted: Vec<String> = numbers.iter().map(|number| format!("h{number}")).collect();
            prop_assert_eq!(names, wanted);
        }

        #[test]
        fn any_text_is_expanded_or_refused(pattern in "[a-z0-9\\[\\],\\-é]{0,30}") {
            if let Ok(names) = expand(&pattern) {
                prop_assert!(names.len() <= MOST && !names.is_empty());
            }
        }
    }
}
