//! Many of something cost little: stacks of one repository, catch-ups of one stage.

use super::*;
use crate::pages::made_up::frame;
use pushbutton::desk::view::{Board, BoardStack, BoardStage};
use pushbutton::web::pages::{Pages, Section};

/// How many questions a page of the stack asks; what the background asks in between is left out.
async fn asked(bench: &Bench) -> u64 {
    let mut fewest = u64::MAX;
    for _ in 0..5 {
        let before = bench.desk.ledger().asked();
        bench.stack_view().await;
        fewest = fewest.min(bench.desk.ledger().asked() - before);
    }
    fewest
}

/// Writes down catch-ups of a push, as if each had brought its hosts once more, up to this number.
async fn caught_up(bench: &Bench, push: PushNumber, to: i64) {
    let of = push.get();
    let written = bench.desk.ledger().write(move |tx| {
        let columns: Vec<String> = {
            let mut ask = tx.prepare("SELECT name FROM pragma_table_info('pushes')")?;
            ask.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?
        };
        let value = |name: &String| match name.as_str() {
            "id" => "?2".to_owned(),
            "kind" => "'catch-up'".to_owned(),
            "nonce" => "NULL".to_owned(),
            name => name.to_owned(),
        };
        let values: Vec<String> = columns.iter().map(value).collect();
        let copy = format!(
            "INSERT OR IGNORE INTO pushes ({}) SELECT {} FROM pushes WHERE id = ?1",
            columns.join(", "),
            values.join(", ")
        );
        for id in of + 1..=of + to {
            tx.execute(&copy, [of, id])?;
            tx.execute(
                "INSERT OR IGNORE INTO push_hosts (push, place, host) SELECT ?2, place, host FROM push_hosts WHERE push = ?1",
                [of, id],
            )?;
            tx.execute(
                "INSERT OR IGNORE INTO results (push, command, host, result, started_at)
                 SELECT ?2, command, host, result, started_at FROM results WHERE push = ?1",
                [of, id],
            )?;
        }
        Ok(())
    });
    written.await.unwrap();
}

/// A desk with a good push of each stage, and that of prod.
async fn pushed_to_both() -> (Bench, PushNumber) {
    let bench = Bench::new().await;
    let mut last = None;
    for stage in ["qa", "prod"] {
        let push = bench.press(stage).await;
        assert_eq!(bench.play_well(push).await.state, Ended::Succeeded);
        last = Some(push);
    }
    (bench, last.unwrap())
}

#[tokio::test]
async fn a_stack_page_asks_the_ledger_no_more_after_a_hundred_catch_ups_than_after_one() {
    let (bench, push) = pushed_to_both().await;
    let build = bench.row(push).await.build;
    caught_up(&bench, push, 1).await;
    let (one, after_one) = (asked(&bench).await, bench.stack_view().await);
    caught_up(&bench, push, 100).await;
    let (hundred, after_hundred) = (asked(&bench).await, bench.stack_view().await);
    assert_eq!(hundred, one, "the number of questions does not grow with the catch-ups");
    assert!(one < 60, "{one} questions for a stack of two stages");
    let runs = |street: &StackView| {
        let current = street.stages[1].current.clone().unwrap();
        (current.build, current.hosts_ok, current.hosts_total)
    };
    assert_eq!(runs(&after_hundred), runs(&after_one));
    assert_eq!(runs(&after_hundred), (build, 2, 2));
    bench.close().await;
}

/// How many plans a page of the stack reads: those that it cannot do without, tried one by one.
async fn plans_read(bench: &Bench) -> usize {
    let ledger = bench.desk.ledger();
    let plans = ledger.write(|tx| {
        // What ended never changes; here it does.
        tx.execute_batch("DROP TRIGGER IF EXISTS pushes_ended_never_change")?;
        let mut ask = tx.prepare("SELECT id, plan FROM pushes ORDER BY id")?;
        let rows = ask.query_map([], |row| Ok((row.get("id")?, row.get("plan")?)))?;
        Ok(rows.collect::<Result<Vec<(i64, String)>, _>>()?)
    });
    let write = async |push: i64, plan: String| {
        let written = ledger.write(move |tx| {
            Ok(tx.execute("UPDATE pushes SET plan = ?1 WHERE id = ?2", rusqlite::params![plan, push])?)
        });
        assert_eq!(written.await.unwrap(), 1);
    };
    let mut read = 0;
    for (push, plan) in plans.await.unwrap() {
        write(push, "no plan".to_owned()).await;
        read += usize::from(bench.desk.stack_view(&web()).await.is_err());
        write(push, plan).await;
    }
    read
}

#[tokio::test]
async fn a_stack_page_reads_no_plan_but_of_a_push_that_may_be_resumed() {
    let (bench, push) = pushed_to_both().await;
    caught_up(&bench, push, 30).await;
    assert_eq!(plans_read(&bench).await, 0, "which build is on which host is in what became of commands");
    let push = bench.press("qa").await;
    bench.let_go(push).await;
    assert_eq!(bench.ended(push).await.state, Ended::Interrupted);
    assert_eq!(plans_read(&bench).await, 1, "what is left of it is in its plan");
    bench.close().await;
}

#[tokio::test]
async fn stacks_of_one_repository_have_one_mirror_and_one_fetch_brings_all_of_them_up_to_date() {
    let bench = Bench::new().await;
    let repository = bench.at().join("repository");
    git(&repository, &["branch", "other"]).await;
    let other = git(&repository, &["rev-parse", "other"]).await;
    let stack = STACK.replace("REPOSITORY", repository.to_str().unwrap());
    let names: Vec<StackName> = (0..30).map(|n| format!("web-{n}").parse().unwrap()).collect();
    for (n, name) in names.iter().enumerate() {
        let text = match n {
            0 => stack.replace("\"main\"", "\"other\""),
            1 => stack.replace("/repository\"", "/repository/\""),
            2 => stack.replace("\"main\"", "\"gone\""),
            _ => stack.clone(),
        };
        std::fs::write(bench.at().join(format!("stacks/{name}.toml")), text).unwrap();
    }
    let trunk = async |name: &StackName| bench.desk.stack_view(name).await.ok()?.trunk.map(|trunk| trunk.sha);
    let all_at = async |sha: &str| {
        for (n, name) in names.iter().enumerate() {
            let expected = match n {
                0 => Some(other.clone()),
                2 => None,
                _ => Some(sha.to_owned()),
            };
            if trunk(name).await != expected {
                return None;
            }
        }
        Some(())
    };
    let first = git(&repository, &["rev-parse", "main"]).await;
    until("all stacks know their branch", async || all_at(&first).await).await;
    let why = bench.desk.stack_view(&names[2]).await.unwrap();
    let why = until("the missing branch is told", async || {
        bench.desk.stack_view(&names[2]).await.ok()?.trunk_problem.or_else(|| why.trunk_problem.clone())
    });
    assert!(why.await.contains("no such branch"));

    // Someone looks at one of them; all of them get what is new by it.
    bench.desk.in_use(&web());
    let second = bench.commit("second").await;
    until("all stacks know what is new", async || all_at(&second).await).await;
    let mirrors = std::fs::read_dir(bench.at().join("data/mirrors")).unwrap();
    let names = mirrors.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let git_dirs: Vec<String> = names.filter(|name| name.ends_with(".git")).collect();
    assert_eq!(git_dirs.len(), 1, "{git_dirs:?}");
    bench.close().await;
}

/// A stack of six stages.
fn six_stages(repository: &Path) -> String {
    let stage = |name: &str| {
        format!("[[stage]]\nname = \"{name}\"\nhosts = [\"{name}1.example.com\"]\ncommands = [\"true\"]\n")
    };
    let stages = ["dev", "qa", "beta", "canary", "princess", "prod"].map(stage).concat();
    format!("source = {{ git = {:?}, branch = \"main\" }}\n{stages}", repository.to_str().unwrap())
}

/// The stacks of six stages; the one that every bench has stands behind them.
fn services(board: &Board) -> impl Iterator<Item = &BoardStack> {
    board.stacks.iter().filter(|stack| stack.stack.starts_with("service-"))
}

/// Writes down that each stage of these stacks runs a build of its own: those further down the street older ones.
async fn all_pushed(bench: &Bench, stacks: Vec<String>, shas: Vec<String>) {
    let written = bench.desk.ledger().write(move |tx| {
        let mut push: i64 = tx.query_row("SELECT coalesce(max(id), 0) FROM pushes", [], |row| row.get(0))?;
        for stack in stacks {
            for (place, stage) in ["dev", "qa", "beta", "canary", "princess", "prod"].iter().enumerate() {
                push += 1;
                let sha = &shas[place * shas.len() / 6];
                let (build, at) = (format!("{}-{push}", &sha[..7]), "2026-11-28T10:00:00.000Z");
                tx.execute(
                    "INSERT INTO pushes (id, stack, stage, build, sha, branch, who, state, plan_hash, plan, pressed_at,
                                         ended_at, duration_ms, hosts_total, hosts_ok)
                     VALUES (?1, ?2, ?3, ?4, ?5, 'main', 'mary', 'succeeded', '', '{}', ?6, ?6, 1000, 1, 1)",
                    rusqlite::params![push, stack, stage, build, sha, at],
                )?;
                tx.execute(
                    "INSERT INTO builds (id, stack, sha, branch, root, files, bytes, push, made_at)
                     VALUES (?1, ?2, ?3, 'main', ?4, 3, 99, ?5, ?6)",
                    rusqlite::params![build, stack, sha, "9".repeat(64), push, at],
                )?;
                let hosts = "INSERT INTO push_hosts (push, place, host) VALUES (?1, 1, ?2 || '1.example.com')";
                tx.execute(hosts, rusqlite::params![push, stage])?;
                let current = "INSERT INTO current (stack, stage, build, push) VALUES (?1, ?2, ?3, ?4)";
                tx.execute(current, rusqlite::params![stack, stage, build, push])?;
            }
        }
        Ok(())
    });
    written.await.unwrap();
}

#[tokio::test]
async fn the_page_of_all_stacks_asks_as_much_for_three_as_for_three_hundred_and_stays_small() {
    let bench = Bench::new().await;
    let mut shas = vec![bench.commit("second").await, bench.commit("third").await];
    shas.reverse();
    let (pages, text) = (Pages::load().unwrap(), six_stages(&bench.at().join("repository")));
    let mut there = 0;
    for count in [3, 30, 300] {
        let names: Vec<String> = (there..count).map(|n| format!("service-{n:03}")).collect();
        for name in &names {
            std::fs::write(bench.at().join(format!("stacks/{name}.toml")), &text).unwrap();
        }
        all_pushed(&bench, names, shas.clone()).await;
        there = count;
        // All that differs is counted: a commit waits in the middle of each street, whose first stage has the newest.
        let whole = async || {
            let board = bench.desk.board().await.unwrap();
            let waits = |stage: &BoardStage| stage.next.as_ref().and_then(|next| next.commits);
            let whole = services(&board).all(|stack| stack.stages.iter().all(|stage| waits(stage).is_some()));
            (services(&board).count() == count && whole).then_some(board)
        };
        let board = until(&format!("all files of {count} stacks are read"), whole).await;
        let waiting = board.stacks[0].stages.iter().map(|stage| stage.next.clone().unwrap().commits.unwrap());
        assert_eq!(waiting.collect::<Vec<_>>(), [0, 0, 0, 1, 0, 0], "{count}");

        let mut fewest = u64::MAX;
        for _ in 0..5 {
            let before = bench.desk.ledger().asked();
            bench.desk.board().await.unwrap();
            fewest = fewest.min(bench.desk.ledger().asked() - before);
        }
        assert_eq!(fewest, 5, "questions for {count} stacks");
        let html = pages.dashboard(&frame(Section::Stacks), &board).unwrap();
        assert_eq!(html.matches("data-name=\"service-").count(), count);
        assert!(html.len() < 150_000, "{} bytes for {count} stacks", html.len());
        assert!(html.contains("canary <b>") || html.contains("Canary <b>"), "a strip names its stages");
    }
    bench.close().await;
}
