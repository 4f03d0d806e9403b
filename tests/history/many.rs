//! A ledger of many made-up pushes, as a busy team leaves it: three stacks, three stages, thirty people, a push each half
//! hour; one in fifty fails. The newest is of today, so that what pages show of lately is alike however many there are.

use pushbutton::config::Config;
use pushbutton::desk::Desk;
use pushbutton::ledger::{LedgerError, history};
use pushbutton::stack::PushNumber;
use pushbutton::time::At;
use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub const STACKS: [&str; 3] = ["web", "api", "search"];
pub const STAGES: [&str; 3] = ["qa", "princess", "prod"];
const HALF_HOUR_MS: i64 = 1_800_000;

/// When a push of so many was pressed, the last of them an hour before `now`.
pub fn pressed(id: i64, pushes: i64, now: At) -> At {
    At::from_millis(now.millis() - 2 * HALF_HOUR_MS - (pushes - id) * HALF_HOUR_MS)
}

pub fn sha(id: i64) -> String {
    format!("{:0<40}", format!("{:x}", id * 0x9e37_79b9 + 1))
}

/// Opens a desk over a ledger of so many pushes, each with this plan if there is one.
pub async fn desk_with_a_past(config: Arc<Config>, pushes: i64, plan: Option<&str>, now: At) -> Arc<Desk> {
    // The first opening makes the ledger, the second one finds it full.
    drop(Desk::open_with(Arc::clone(&config), PathBuf::from("/bin/false")).await.unwrap());
    let mut connection = Connection::open(config.data.join("pushbutton.db")).unwrap();
    let tx = connection.transaction().unwrap();
    match plan {
        Some(plan) => fill_with(&tx, pushes, now, plan).unwrap(),
        None => fill(&tx, pushes, now).unwrap(),
    }
    tx.commit().unwrap();
    drop(connection);
    Desk::open_with(config, PathBuf::from("/bin/false")).await.unwrap()
}

/// The configuration of a server over the stacks of the past, whose hosts nobody connects to.
pub fn config_of_the_past(at: &Path, url: &str, stack: &str) -> Arc<Config> {
    std::fs::create_dir(at.join("stacks")).unwrap();
    for name in STACKS {
        std::fs::write(at.join(format!("stacks/{name}.toml")), stack).unwrap();
    }
    let file = at.join("config.toml");
    let text = format!("url = \"{url}\"\n[auth]\nmode = \"open\"\n[limits]\nfree_mib = 1\nwarm_hosts = 0\n");
    std::fs::write(&file, text).unwrap();
    Arc::new(Config::load(&file).unwrap())
}

/// Fills an empty ledger, in the one transaction that it is given.
pub fn fill(connection: &Connection, pushes: i64, now: At) -> Result<(), LedgerError> {
    let plan =
        format!(r#"{{"plan":{{"commands":[{{}},{{}}],"hosts":["web1","web2"],"filler":"{}"}}}}"#, "x".repeat(1500));
    fill_with(connection, pushes, now, &plan)
}

/// Fills it alike, with this plan in each push.
pub fn fill_with(connection: &Connection, pushes: i64, now: At, plan: &str) -> Result<(), LedgerError> {
    let mut push = connection.prepare(
        "INSERT INTO pushes (id, stack, stage, build, sha, root, branch, who, reason, state, why, plan_hash, plan, diff,
                             commit_count, pressed_at, started_at, ended_at, duration_ms, hosts_total, hosts_ok, old_sha, old_build,
                             proof)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'main', ?7, ?8, ?9, ?10, ?11, ?12, ?13, 3, ?14, ?14, ?15, ?16, 2, 2, ?17, ?18, '{\"brought\":[1,2]}')",
    )?;
    let mut build = connection.prepare(
        "INSERT INTO builds (id, stack, sha, branch, root, files, bytes, push, made_at)
         VALUES (?1, ?2, ?3, 'main', ?4, 100, 1000, ?5, ?6)",
    )?;
    let mut commit = connection.prepare(
        "INSERT INTO commits (push, place, sha, author, email, at, subject) VALUES (?1, ?2, ?3, ?4, 'a@example.com', ?5, ?6)",
    )?;
    let mut outbox = connection.prepare(
        "INSERT INTO outbox (push, event, channel, payload, state, next_at, told_at, told)
         VALUES (?1, ?2, ?3, '{}', 'told', '', ?4, 'told')",
    )?;
    let words = ["gift", "cart", "search", "listing", "payments", "shop", "photo", "convos"];
    for id in 1..=pushes {
        // Three stages of a stack, one after the other, take the build that the first one made.
        let round = (id - 1) / 3 * 3 + 1;
        let (stack, stage) = (STACKS[(id as usize / 3) % 3], STAGES[(id as usize - 1) % 3]);
        let (at, ms) = (pressed(id, pushes, now), 60_000 + (id * 7919) % 60_000);
        let (at, ended) = (at.to_string(), At::from_millis(at.millis() + ms).to_string());
        let stack = if stage == "qa" { stack } else { STACKS[(round as usize / 3) % 3] };
        let (made, root) = (format!("b{round}-{stack}"), format!("{round:064x}"));
        let failed = id % 50 == 0;
        let state = if failed { "failed" } else { "succeeded" };
        let why = failed.then_some("command 2 failed on web1: No space left on device");
        let who = format!("person{}", id * 31 % 30);
        let reason = (id % 7 == 0).then_some("hotfix for the checkout");
        let diff = "https://git.example.com/compare/a...b";
        let old = sha(round - 9);
        push.execute(params![
            id,
            stack,
            stage,
            made,
            sha(round),
            root,
            who,
            reason,
            state,
            why,
            root,
            plan,
            diff,
            at,
            ended,
            ms,
            old,
            format!("b{}-{stack}", round - 9)
        ])?;
        connection
            .prepare_cached("INSERT INTO push_hosts (push, place, host) VALUES (?1, 1, 'web1'), (?1, 2, 'web2')")?
            .execute([id])?;
        if stage == "qa" {
            build.execute(params![made, stack, sha(round), root, id, at])?;
        }
        for place in 1..=3 {
            let subject = format!("{}: change {} of push {round}", words[(id + place) as usize % 8], id % 97);
            commit.execute(params![id, place, sha(round * 5 + place), who, at, subject])?;
        }
        for (event, channel) in [("started", "irc"), ("ended", "irc"), ("ended", "email")] {
            outbox.execute(params![id, event, channel, ended])?;
        }
        if !failed {
            let run = "INSERT INTO current (stack, stage, build, push) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (stack, stage) DO UPDATE SET build = excluded.build, push = excluded.push";
            connection.prepare_cached(run)?.execute(params![stack, stage, made, id])?;
        }
        for command in 1..=2 {
            let begun = "INSERT INTO commands (push, command, title, result, hosts, ok, started_at, duration_ms)
                         VALUES (?1, ?2, 'restart', 'ok', 2, 2, ?3, 1000)";
            connection.prepare_cached(begun)?.execute(params![id, command, at])?;
        }
        history::index(connection, PushNumber::new(id).unwrap())?;
    }
    // As if all builds had been published, so that a stack of published builds can be looked at too.
    connection.execute(
        "INSERT INTO published (stack, sha, build, title, who)
         SELECT stack, sha, id, 'Change ' || id, 'ci' FROM builds ORDER BY push",
        [],
    )?;
    Ok(())
}
