//! The disk of the data directory: how much is free, of what a push needs, what uses it, and how long the rest lasts.

use super::report::{Area, Check};
use crate::config::Config;
use crate::desk::ledger_in;
use crate::desk::usage::{Compressed, Next, Usage};
use crate::ledger::Ledger;
use crate::size::{bytes_words, counted};
use nix::sys::statvfs::statvfs;

/// Free space of less than so many times what a push needs is a warning: a few builds use it up.
const TIMES: u64 = 4;

/// Inodes: a push is refused below 10,000 (`desk/press/accept.rs`), and a build has some thousands.
const FREE_INODES: u64 = 10_000;

const CURE: &str = "docs/operating.md, \"Disk\", says what uses the space and what can be removed";

/// A disk that lasts for fewer days than this is a warning: time enough to get another.
const DAYS: u64 = 60;

/// Characters of a moment that are its day.
const DAY: usize = 10;

/// Builds that are named before "and N more".
const NAMED: usize = 5;

/// Looks at it.
pub(super) async fn look(config: &Config) -> Vec<Check> {
    let mut checks = room(config);
    // Before the first start there is none; whether it can be read, the configuration's check has said.
    let path = ledger_in(&config.data);
    if let Some(ledger) = path.exists().then(|| Ledger::open_beside(&path).ok()).flatten()
        && let Ok(usage) = Usage::of(config, &ledger).await
    {
        checks.push(grows(&usage));
        checks.push(goes_next(&usage.next));
        checks.extend(unpushed(&usage));
    }
    checks
}

/// What is kept, and when that will be too much.
fn grows(usage: &Usage) -> Check {
    let builds: u64 = usage.builds.iter().map(|of| of.count).sum();
    let (builds, bytes) = (counted(builds, "build"), bytes_words(usage.build_bytes()));
    let (pushes, journals) = (counted(usage.pushes, "push"), bytes_words(usage.journal_bytes));
    let compressed = match usage.compressed {
        Compressed { count: 0, .. } => String::new(),
        Compressed { count, from, to } => {
            format!(" ({count} compressed, from {} to {})", bytes_words(from), bytes_words(to))
        }
    };
    let kept = format!("{builds} with {bytes}, journals of {pushes} with {journals}{compressed}");
    let what = "what is kept";
    let grown = format!("{kept}; {} came in the last 30 days", bytes_words(usage.new_bytes()));
    match usage.days_left() {
        Some(days) => {
            let found = format!("{grown}, and at that pace the disk lasts {}", counted(days, "day"));
            if days < DAYS { Check::warning(Area::Disk, what, found, CURE) } else { Check::ok(Area::Disk, what, found) }
        }
        None => Check::ok(Area::Disk, what, format!("{kept}; nothing was added in the last 30 days")),
    }
}

/// What is compressed or removed next, and by which setting, so that nobody is surprised.
fn goes_next(next: &Next) -> Check {
    let setting = format!("compress_after = \"{}\"", next.compress_after);
    let journals = match (next.journals, next.first_at) {
        (count, Some(at)) if count > 0 => {
            let day: String = at.to_string().chars().take(DAY).collect();
            let waiting = format!("{} with {}", counted(count, "journal"), bytes_words(next.journal_bytes));
            format!("{waiting} will be compressed, the first from {day} on ({setting})")
        }
        _ => format!("no journal waits to be compressed ({setting})"),
    };
    let setting = format!("builds_kept = {}", next.builds_kept);
    let builds = match (next.builds_kept, next.builds.as_slice()) {
        (0, _) => format!("all builds stay ({setting})"),
        (_, []) => format!("the next build of a stack removes none ({setting})"),
        (_, builds) => {
            let named = builds.iter().take(NAMED).map(|of| format!("{} of {}", of.build, of.stack)).collect::<Vec<_>>();
            let more = match builds.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let bytes = bytes_words(builds.iter().map(|of| of.bytes).sum());
            format!("the next build of a stack removes the files of {}{more}, {bytes} ({setting})", named.join(", "))
        }
    };
    Check::ok(Area::Disk, "what goes next", format!("{journals}; {builds}"))
}

/// Stacks whose published builds will soon be removed because nobody pushed them; that is how they are kept, and nothing is wrong.
fn unpushed(usage: &Usage) -> Vec<Check> {
    let kept = usage.unpushed_kept;
    // From four fifths on there is time to push one, or to raise the number.
    let soon = usage.unpushed.iter().filter(|(_, count)| count.saturating_mul(5) >= kept.saturating_mul(4));
    let check = |(stack, count): &(String, u64)| {
        let found = format!("{} that nobody pushed; the newest {kept} are kept", counted(*count, "published build"));
        let cure = "push what is to stay, or raise `published_kept` in [limits]";
        Check::warning(Area::Disk, &format!("builds of {stack}"), found, cure)
    };
    soon.map(check).collect()
}

fn room(config: &Config) -> Vec<Check> {
    let data = config.data.display().to_string();
    // Before the first start it is not there.
    let there = config.data.ancestors().find(|path| path.exists()).unwrap_or(&config.data);
    let space = match statvfs(there) {
        Ok(space) => space,
        Err(error) => {
            let why = format!("the disk cannot be asked for its free space: {error}");
            return vec![Check::wrong(Area::Disk, &data, why, "is it a local disk, and mounted?")];
        }
    };
    let free = space.blocks_available().saturating_mul(space.fragment_size());
    let needed = config.limits.free_mib << 20;
    let mut checks = vec![by_size(&data, free, needed)];
    // Some file systems count no inodes at all.
    if space.files() > 0 {
        checks.extend(by_inodes(&data, space.files_available()));
    }
    checks
}

fn by_size(data: &str, free: u64, needed: u64) -> Check {
    let words = format!("{} free, a push needs {}", bytes_words(free), bytes_words(needed));
    match free {
        _ if free < needed => Check::wrong(Area::Disk, data, words, CURE),
        _ if free < needed.saturating_mul(TIMES) => Check::warning(Area::Disk, data, words, CURE),
        _ => Check::ok(Area::Disk, data, words),
    }
}

fn by_inodes(data: &str, free: u64) -> Option<Check> {
    let words = format!("{free} inodes free, a push needs {FREE_INODES}");
    match free {
        _ if free < FREE_INODES => Some(Check::wrong(Area::Disk, data, words, CURE)),
        _ if free < FREE_INODES * TIMES => Some(Check::warning(Area::Disk, data, words, CURE)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::surplus::Surplus;

    #[test]
    fn a_disk_that_lasts_for_weeks_only_is_a_warning() {
        let usage =
            |free| Usage { pushes: 2, new_journal_bytes: 30 << 20, journal_bytes: 40 << 20, free, ..Usage::default() };
        let said = |free: u64| format!("{:?}", grows(&usage(free)));
        assert!(
            said(59 << 20).contains("Warning") && said(59 << 20).contains("the disk lasts 59 days"),
            "{}",
            said(59 << 20)
        );
        assert!(
            said(60 << 20).contains("Ok") && said(60 << 20).contains("journals of 2 pushes with 41.9 MB"),
            "{}",
            said(60 << 20)
        );
    }

    #[test]
    fn what_is_compressed_or_removed_next_is_named_with_its_setting() {
        let said = |next: &Next| format!("{:?}", goes_next(next));
        let none = Next { compress_after: "7d".to_owned(), ..Next::default() };
        let text = said(&none);
        assert!(
            text.contains("no journal waits to be compressed") && text.contains("all builds stay (builds_kept = 0)"),
            "{text}"
        );
        let at = Some("2026-12-03T10:00:00.000Z".parse().unwrap());
        let waiting = Next { journals: 2, journal_bytes: 3_000_000, first_at: at, builds_kept: 30, ..none };
        let text = said(&waiting);
        assert!(text.contains("2 journals with 3.0 MB will be compressed, the first from 2026-12-03 on"), "{text}");
        assert!(text.contains("the next build of a stack removes none (builds_kept = 30)"), "{text}");
        let surplus = |n: u64| Surplus { stack: "web".parse().unwrap(), build: format!("b-{n}"), bytes: 1_000_000 };
        let text = said(&Next { builds: (1..=7).map(surplus).collect(), ..waiting });
        assert!(
            text.contains("removes the files of b-1 of web, b-2 of web") && text.contains("and 2 more, 7.0 MB"),
            "{text}"
        );
    }

    #[test]
    fn builds_that_nobody_pushed_are_a_warning_before_the_oldest_goes() {
        let usage = |count| Usage { unpushed: vec![("web".to_owned(), count)], unpushed_kept: 50, ..Usage::default() };
        assert_eq!(unpushed(&usage(39)), []);
        let said = format!("{:?}", unpushed(&usage(40)));
        assert!(said.contains("40 published builds that nobody pushed; the newest 50 are kept"), "{said}");
    }

    #[test]
    fn a_disk_is_a_warning_before_it_is_wrong() {
        let state = |free| format!("{:?}", by_size("/data", free, 512 << 20)).contains("Warning");
        assert_eq!([511, 512, 2047, 2048].map(|mib| state(mib << 20)), [false, true, true, false]);
        assert_eq!(
            by_size("/data", 1 << 20, 512 << 20),
            Check::wrong(Area::Disk, "/data", "1.0 MB free, a push needs 537 MB".to_owned(), CURE)
        );
        assert_eq!(by_inodes("/data", 1 << 20), None);
    }
}
