//! What pages ask of the past takes no more work because there is more of it, and paging through it loses nothing.

pub mod many;
mod whole;

use many::{fill, pressed, sha};
use pushbutton::journal::{Ended, PushState};
use pushbutton::ledger::history::{self, Edge, Filter};
use pushbutton::ledger::measures::{ended, waiting};
use pushbutton::ledger::outbox::DeliveryState;
use pushbutton::ledger::visible::Visible;
use pushbutton::ledger::{
    LedgerResult, current, deliveries, desired, good_builds, holding, holds, outbox, press, published, pushes, running,
    stats, typical_duration,
};
use pushbutton::stack::{Destination, PushNumber};
use pushbutton::time::At;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Steps of SQLite's machine between two looks at the count.
const EVERY: u64 = 10;

fn ledger(count: i64, now: At) -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(pushbutton::ledger::schema::SQL).unwrap();
    let tx = connection.transaction().unwrap();
    fill(&tx, count, now).unwrap();
    tx.commit().unwrap();
    connection
}

fn now() -> At {
    "2026-11-22T14:00:00Z".parse().unwrap()
}

type Ask = Box<dyn Fn(&Connection) -> LedgerResult<()>>;
type Question = (&'static str, Ask);

fn listed(name: &'static str, filter: Filter) -> Question {
    (name, Box::new(move |connection| history::list(connection, &filter, 51).map(drop)))
}

/// Everything that a page asks of the past. `pushes` is how many there are.
fn questions(pushes: i64) -> Vec<Question> {
    let some = |text: &str| Some(text.to_owned());
    let (web, prod) = (|| "web".parse().unwrap(), || "prod".parse().unwrap());
    let days = |days: i64| At::from_millis(now().millis() - days * 86_400_000).to_string();
    let (from, to, earlier) = (days(14), now().to_string(), days(28));
    let who: Vec<String> = (0..30).map(|n| format!("person{n}")).collect();
    let mut all = vec![
        listed("the newest", Filter::default()),
        listed("older ones", Filter { from: Some(Edge::Before(pushes / 2)), ..Filter::default() }),
        listed("newer ones", Filter { from: Some(Edge::After(pushes / 2)), ..Filter::default() }),
        listed("of a stack", Filter { stack: Some("api".parse().unwrap()), ..Filter::default() }),
        listed("to a stage", Filter { stage: Some("qa".parse().unwrap()), ..Filter::default() }),
        listed(
            "to a stage of a stack",
            Filter { stack: Some("api".parse().unwrap()), stage: Some("qa".parse().unwrap()), ..Filter::default() },
        ),
        listed("by someone", Filter { who: some("person7"), ..Filter::default() }),
        listed("by nobody", Filter { who: some("nobody"), ..Filter::default() }),
        listed("of no stack", Filter { stack: Some("blog".parse().unwrap()), ..Filter::default() }),
        listed("running", Filter { state: Some(PushState::Running), ..Filter::default() }),
        listed(
            "interrupted ones of a stack",
            Filter { stack: Some("web".parse().unwrap()), state: Some(Ended::Interrupted.into()), ..Filter::default() },
        ),
        listed("a word", Filter { word: some("gift"), ..Filter::default() }),
        listed("a word that nobody wrote", Filter { word: some("nowhere"), ..Filter::default() }),
        listed("a revision", Filter { word: Some(sha(1)[..12].to_owned()), ..Filter::default() }),
        listed("since yesterday", Filter { since: Some(days(1)), ..Filter::default() }),
        listed("the first ones", Filter { until: Some(pressed(40, pushes, now()).to_string()), ..Filter::default() }),
    ];
    let mut ask = |name, ask: Ask| all.push((name, ask));
    ask("stages", Box::new(|c| stats::stages(c).map(drop)));
    let (a, b) = (from.clone(), to.clone());
    ask("stats", Box::new(move |c| stats::pushes(c, "prod", &a, &b).map(drop)));
    let (a, b) = (earlier, from.clone());
    ask("stats before", Box::new(move |c| stats::pushes(c, "prod", &a, &b).map(drop)));
    let (a, b) = (from.clone(), to);
    ask("waits", Box::new(move |c| stats::waits(c, "prod", &a, &b).map(drop)));
    ask("first timers", Box::new(move |c| stats::first_timers(c, "prod", &from, &who).map(drop)));
    ask("channels", Box::new(|c| deliveries::channels(c).map(drop)));
    for (name, channel, state) in [
        ("announcements", None, None),
        ("announcements by mail", Some("email"), None),
        ("announcements given up", None, Some(DeliveryState::GivenUp)),
        ("announcements of IRC that wait", Some("irc"), Some(DeliveryState::Waiting)),
    ] {
        let channel = channel.map(destination);
        let list = move |c: &Connection| deliveries::list(c, channel.as_ref(), state, None, 51, &Visible::default());
        ask(name, Box::new(move |c| list(c).map(drop)));
    }
    for (name, from) in [("older announcements", Edge::Before(pushes)), ("newer ones of them", Edge::After(pushes))] {
        ask(
            name,
            Box::new(move |c| {
                deliveries::list(
                    c,
                    Some(&destination("irc")),
                    Some(DeliveryState::Told),
                    Some(from),
                    51,
                    &Visible::default(),
                )
                .map(drop)
            }),
        );
    }
    ask("what runs", Box::new(move |c| current::get(c, &web(), &prod()).map(drop)));
    ask("what is to run", Box::new(move |c| desired::get(c, &web(), &prod()).map(drop)));
    ask("what its hosts hold", Box::new(move |c| holding::of_stage(c, &web(), &prod()).map(drop)));
    ask("usual times", Box::new(move |c| typical_duration::pushes(c, &web(), &prod()).map(drop)));
    ask("good builds", Box::new(move |c| good_builds::list(c, &web(), &prod(), 10).map(drop)));
    ask("the lock", Box::new(move |c| pushes::lock_holder(c, &web()).map(drop)));
    ask("the hosts of the last push", Box::new(move |c| pushes::last_hosts(c, &web(), &prod()).map(drop)));
    ask("a hold", Box::new(move |c| holds::get(c, &holds::scope(&web(), None), At::now()).map(drop)));
    ask("the newest published build", Box::new(move |c| published::newest(c, &web(), |_| true).map(drop)));
    ask("published builds", Box::new(move |c| published::list(c, &web(), 50).map(drop)));
    let rounds = (pushes - 1) / 9 * 9 + 1; // of this stack
    let (older, newer) = (sha(rounds - 18).parse().unwrap(), sha(rounds).parse().unwrap());
    let between = move |c: &Connection| published::between(c, &web(), Some(&older), &newer, 50).map(drop);
    ask("what was published between two", Box::new(between));
    ask("the next number", Box::new(|c| press::next_number(c, 0).map(drop)));
    let id = PushNumber::new(pushes - 4).unwrap();
    ask(
        "usual times of others",
        Box::new(move |c| typical_duration::of_others(c, &pushes::get(c, id)?.unwrap()).map(drop)),
    );
    ask("usual steps", Box::new(move |c| typical_duration::steps(c, &pushes::get(c, id)?.unwrap()).map(drop)));
    ask("a push", Box::new(move |c| pushes::get(c, id).map(drop)));
    ask("its commands", Box::new(move |c| pushes::commands(c, id).map(drop)));
    ask("its commits", Box::new(move |c| pushes::commits(c, id).map(drop)));
    ask("its announcements", Box::new(move |c| outbox::of_push(c, id).map(drop)));
    ask("its step", Box::new(move |c| running::step(c, id).map(drop)));
    ask("pushes that have ended since a scrape", Box::new(move |c| ended::after(c, id.get()).map(drop)));
    ask("the first that runs", Box::new(|c| ended::first_running(c).map(drop)));
    ask("how commands of a push ended on hosts", Box::new(move |c| ended::on_hosts(c, id.get()).map(drop)));
    ask("since when a channel has something to tell", Box::new(|c| waiting::since(c, &destination("irc")).map(drop)));
    ask("how far running pushes are folded", Box::new(|c| waiting::folded(c).map(drop)));
    ask("newer pushes", Box::new(move |c| good_builds::newer(c, id).map(drop)));
    all
}

fn destination(text: &str) -> Destination {
    text.parse().unwrap()
}

/// How many steps SQLite's machine takes for a question.
fn steps(connection: &mut Connection, ask: &dyn Fn(&Connection) -> LedgerResult<()>) -> u64 {
    ask(connection).unwrap(); // what is prepared once is prepared
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let handler = move || {
        counted.fetch_add(EVERY, Ordering::Relaxed);
        false
    };
    connection.progress_handler(EVERY as i32, Some(handler)).unwrap();
    ask(connection).unwrap();
    connection.progress_handler(0, None::<fn() -> bool>).unwrap();
    count.load(Ordering::Relaxed)
}

#[test]
fn nothing_that_a_page_asks_takes_more_steps_because_there_are_more_pushes() {
    // Both hold more than the two months and the pages that are looked at.
    let (few, many) = (1_500, 12_000);
    let (mut small, mut large) = (ledger(few, now()), ledger(many, now()));
    let mut grown = Vec::new();
    for ((name, ask), (_, ask_many)) in questions(few).iter().zip(questions(many)) {
        let (before, after) = (steps(&mut small, ask), steps(&mut large, &ask_many));
        if after * 2 > before * 3 + 400 {
            grown.push(format!("{name}: {before} steps of {few} pushes, {after} of {many}"));
        }
    }
    assert!(grown.is_empty(), "{grown:#?}");
}

#[test]
fn every_filter_of_the_push_log_has_an_index() {
    let connection = ledger(60, now());
    let some = |text: &str| Some(text.to_owned());
    for (filter, index) in [
        (
            Filter { stack: Some("api".parse().unwrap()), ..Filter::default() },
            "SEARCH p USING INDEX pushes_by_stack (stack=?",
        ),
        (
            Filter { stage: Some("qa".parse().unwrap()), ..Filter::default() },
            "SEARCH p USING INDEX pushes_in_stage (stage=?",
        ),
        (Filter { who: some("mary"), ..Filter::default() }, "SEARCH p USING INDEX pushes_by_who (who=?"),
        (
            Filter { state: Some(Ended::Failed.into()), ..Filter::default() },
            "SEARCH p USING INDEX pushes_by_state (state=?",
        ),
        (Filter { word: some("gift"), ..Filter::default() }, "VIRTUAL TABLE INDEX"),
        (Filter { from: Some(Edge::Before(30)), ..Filter::default() }, "SEARCH p USING INTEGER PRIMARY KEY (rowid<?)"),
        (Filter { from: Some(Edge::After(30)), ..Filter::default() }, "SEARCH p USING INTEGER PRIMARY KEY (rowid>?)"),
    ] {
        let plan = history::explained(&connection, &filter).unwrap().join("\n");
        assert!(plan.contains(index), "{filter:?}: {plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{filter:?} is sorted: {plan}");
    }
}

#[test]
fn announcements_are_paged_both_ways_while_new_ones_come() {
    let connection = ledger(40, now());
    let tell = |push: i64, event: &str| {
        let insert = "INSERT INTO outbox (push, event, channel, payload, next_at) VALUES (?1, ?2, 'irc', '{}', '')";
        connection.execute(insert, (push, event)).unwrap();
    };
    let list = |from: Option<Edge>, most: usize| -> Vec<i64> {
        let listed =
            deliveries::list(&connection, Some(&destination("irc")), None, from, most, &Visible::default()).unwrap();
        listed.iter().map(|listed| listed.row.id).collect()
    };
    let before = list(None, 1000);
    let (mut older, mut from, mut n) = (Vec::new(), None, 0);
    loop {
        let page = list(from, 7);
        let Some(last) = page.last() else { break };
        from = Some(Edge::Before(*last));
        older.extend(page);
        n += 1;
        tell(n, "asked-1");
    }
    assert_eq!(older, before);
    let (mut newer, mut from) = (Vec::new(), Edge::After(0));
    loop {
        let mut page = list(Some(from), 7);
        let Some(first) = page.first() else { break };
        from = Edge::After(*first);
        page.reverse();
        newer.extend(page);
    }
    newer.reverse();
    assert_eq!(newer, list(None, 1000), "up to those that came");
}

/// The numbers of all pushes that pass, from page to page; `arrive` happens between two pages.
fn walked(connection: &Connection, filter: &Filter, newer: bool, mut arrive: impl FnMut()) -> Vec<i64> {
    let mut found = Vec::new();
    let mut filter = filter.clone();
    loop {
        let mut page: Vec<i64> =
            history::list(connection, &filter, 7).unwrap().iter().map(|row| row.id.get()).collect();
        assert!(page.is_sorted_by(|a, b| a > b), "newest first: {page:?}");
        let Some((first, last)) = page.first().copied().zip(page.last().copied()) else { return found };
        if newer {
            page.reverse();
        }
        filter.from = Some(if newer { Edge::After(first) } else { Edge::Before(last) });
        found.extend(page);
        arrive();
    }
}

#[test]
fn paging_skips_and_repeats_nothing_while_new_pushes_arrive() {
    let connection = ledger(120, now());
    let insert = |id: i64| {
        let insert = "INSERT INTO pushes (id, stack, stage, build, sha, branch, who, state, plan_hash, plan, pressed_at, hosts_total)
                      VALUES (?1, 'web', 'qa', 'b', 's', 'main', 'mary', 'running', '', '{}', ?2, 1)";
        connection.execute(insert, (id, now().to_string())).unwrap();
        history::index(&connection, PushNumber::new(id).unwrap()).unwrap();
    };
    let ids = |filter: &Filter| -> Vec<i64> {
        history::list(&connection, filter, 1000).unwrap().iter().map(|row| row.id.get()).collect()
    };
    for filter in [
        Filter::default(),
        Filter { stack: Some("web".parse().unwrap()), ..Filter::default() },
        Filter { word: Some("CHANGE pers".to_owned()), ..Filter::default() },
        Filter { since: Some(pressed(40, 120, now()).to_string()), ..Filter::default() },
    ] {
        let before = ids(&filter);
        assert!(before.len() > 14, "{filter:?} lets {} through", before.len());
        let mut next = ids(&Filter::default())[0];
        let older = walked(&connection, &filter, false, || {
            next += 1;
            insert(next);
        });
        assert_eq!(older, before, "older, while new ones came: {filter:?}");
        let start = Filter { from: Some(Edge::After(0)), ..filter.clone() };
        let mut left = 5;
        let newer = walked(&connection, &start, true, || {
            if left > 0 {
                left -= 1;
                next += 1;
                insert(next);
            }
        });
        let mut all = ids(&filter);
        all.reverse();
        assert_eq!(newer, all, "newer, up to those that came: {filter:?}");
    }
}

#[test]
fn what_is_looked_for_is_found_in_whatever_case_and_in_all_that_is_known_of_a_push() {
    let connection = ledger(120, now());
    let found = |word: &str| {
        let filter = Filter { word: Some(word.to_owned()), ..Filter::default() };
        history::list(&connection, &filter, 1000).unwrap().len()
    };
    assert_eq!(found("person3"), 4, "who");
    assert_eq!(found("NO SPACE left"), 2, "why it failed");
    assert_eq!(found("hotfix"), 17, "its reason");
    assert_eq!(found(&sha(1)[..12]), 3, "the beginning of a revision");
    assert_eq!(found("b1-web"), 3, "a build, as it is written");
    for nothing in ["\"", "-- '", "text:gift", "(gift", "gift* NOT", "istin"] {
        assert!(found(nothing) < 120, "{nothing}");
    }
}

/// Measures what `docs/screen.md` reports; run it alone, on a machine that does nothing else.
#[test]
#[ignore = "a measurement that fills a ledger with 100,000 pushes: docs/screen.md has its command"]
fn what_pages_ask_of_a_hundred_pushes_and_of_a_hundred_thousand() {
    let (few, many) = (100, 100_000);
    let (small, large) = (ledger(few, now()), ledger(many, now()));
    let micros = |connection: &Connection, ask: &dyn Fn(&Connection) -> LedgerResult<()>| {
        let began = std::time::Instant::now();
        ask(connection).unwrap();
        began.elapsed().as_micros() as f64
    };
    println!("| question | of {few}, µs | of {many}, µs | ratio |\n|---|---|---|---|");
    for ((name, ask), (_, ask_many)) in questions(few).iter().zip(questions(many)) {
        // In turn, so that whatever else the machine does meets both.
        let mut pairs: Vec<(f64, f64)> = (0..31).map(|_| (micros(&small, ask), micros(&large, &ask_many))).collect();
        pairs.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
        let (before, after) = pairs[pairs.len() / 2];
        println!("| {name} | {before:.0} | {after:.0} | {:.2} |", after / before);
    }
}
