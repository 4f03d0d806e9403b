//! The rollback of a push that failed under `on_failure = "rollback"`: what was live goes back onto the hosts that the push
//! touched, and each is asked what it runs then. It must never begin by itself twice, after a cancel, or in a rollback,
//! and never call a host back that was not asked. Called by the walk, before `finally`.

use super::old_links::OldLinks;
use super::rollback_result::RollbackResult;
use super::verdict;
use crate::advice::of_stack;
use crate::journal::{Ended, Event};
use crate::plan::{OldBuild, Part, PlannedCommand};
use crate::remote::release;
use crate::run::commands::{flipped_dirs, numbered};
use crate::run::job::Job;
use crate::run::outcome::{End, HostOutcome, elapsed_ms};
use crate::run::progress::Progress;
use crate::run::recorder::Place;
use crate::run::work::put_back;
use crate::run::{roll, spread, step};
use crate::size::counted;
use crate::stack::Host;
use futures::future::join_all;
use std::time::{Duration, Instant};

/// How long a host that stopped answering is looked for again: one try to sign in, which ssh itself gives up after 10 s.
const FIND_LIMIT: Duration = Duration::from_secs(12);

/// Rolls back, if the failure that ended the push asks for it, and says in `end` what came of it.
pub async fn roll_back(job: &Job, progress: &mut Progress, end: &mut End) {
    if !progress.touched.asks_for_rollback() || end.state != Ended::Failed {
        return;
    }
    let touched: Vec<Host> = job.hosts().iter().filter(|host| progress.touched.has(host)).cloned().collect();
    let why = end.why.take().unwrap_or_default();
    let links_only = job.plan().puts_links_back();
    progress.old_links = OldLinks::new(job.commands(), &touched, links_only);
    *end = match job.plan().old.as_ref().filter(|_| !links_only) {
        Some(old) => to_old_build(job, progress, &touched, old, why).await,
        None => to_old_links(job, progress, &touched, why).await,
    };
}

/// Goes back to the build that was live, and says what is true on each host then.
async fn to_old_build(job: &Job, progress: &mut Progress, touched: &[Host], old: &OldBuild, why: String) -> End {
    let names: Vec<String> = touched.iter().map(|host| host.name().to_owned()).collect();
    let words = format!("rolling back to {} on {}", old.id, counted(names.len() as u64, "host"));
    let started = Event::UndoStarted { build: old.id.clone(), sha: old.sha.clone(), hosts: names, why: why.clone() };
    job.recorder.state(started).await;
    let first = numbered(job.commands()).find(|(_, command)| command.part == Part::Rollback);
    job.recorder.note(&Place::new(first.map_or(0, |(number, _)| number), None), words).await;
    let mut result = RollbackResult::default();
    find_again(job, progress, touched, &mut result).await;
    let here: Vec<Host> = touched.iter().filter(|host| !result.away.contains_key(host)).cloned().collect();
    let (other, silent) = put_back::find_other_links(job, progress, &here).await;
    progress.old_links.apart = other;
    for (host, why) in silent {
        result.silent(host, why);
    }
    if let Some(stopped) = roll_back_all(job, progress, touched, &mut result).await {
        return after(why, stopped);
    }
    ask_the_rest(job, progress, touched, &mut result).await;
    let words = result.words(job.commands(), progress, old, touched);
    // Where it is not back comes first: it is what someone must see to, also where a line is short.
    match result.is_all_back() {
        true => End { state: Ended::RolledBack, why: Some(format!("{why}; {words}")) },
        false => End { state: Ended::Failed, why: Some(format!("{words}; before that, {why}")) },
    }
}

/// Puts the links back where this push had flipped, since no other build was live, and says what is true on each host then.
async fn to_old_links(job: &Job, progress: &mut Progress, touched: &[Host], why: String) -> End {
    let mut result = RollbackResult::default();
    find_again(job, progress, touched, &mut result).await;
    if let Some(stopped) = roll_back_all(job, progress, touched, &mut result).await {
        return after(why, stopped);
    }
    let lost = result.links_not_back();
    let words = match progress.old_links.words() {
        Some(words) => words,
        None if lost.is_some() => "no other build was live before".to_owned(),
        None => "no host was flipped, so there was nothing to roll back".to_owned(),
    };
    let why = [Some(words), lost, Some(why)].into_iter().flatten().collect::<Vec<_>>().join("; ");
    End { state: Ended::Failed, why: Some(why) }
}

/// How a push ends whose rollback someone stopped.
fn after(why: String, stopped: End) -> End {
    let words = [Some(why), stopped.why].into_iter().flatten().collect::<Vec<_>>().join("; ");
    End { state: stopped.state, why: Some(words) }
}

/// Runs the commands of the rollback; how the push ends, when someone stopped it on the way.
async fn roll_back_all(
    job: &Job,
    progress: &mut Progress,
    touched: &[Host],
    result: &mut RollbackResult,
) -> Option<End> {
    let list: Vec<_> = numbered(job.commands()).filter(|(_, command)| command.part == Part::Rollback).collect();
    for step in list.chunk_by(|(_, one), (_, next)| one.rolls_with(next)) {
        match step[0].1.roll {
            Some(_) => roll_back_roll(job, progress, step, touched, result).await,
            None => roll_back_command(job, progress, step[0], touched, result).await,
        }
        if job.orders.stopped().is_some() {
            return Some(verdict::stopped(job, &format!("during the rollback, in command {}", step[0].0)));
        }
    }
    None
}

/// Tries once more to reach the hosts that stopped answering in this push.
async fn find_again(job: &Job, progress: &Progress, touched: &[Host], result: &mut RollbackResult) {
    let lost = touched.iter().filter(|host| progress.failures.is_lost(host.name()));
    let tries = lost.map(|host| async {
        match tokio::time::timeout(FIND_LIMIT, job.masters.try_connect(host)).await {
            Ok(Ok(_)) => None,
            Ok(Err(failure)) => Some((host.clone(), of_stack(&failure.words, job.plan().stack.as_str()))),
            Err(_) => Some((host.clone(), format!("no answer within {} s", FIND_LIMIT.as_secs()))),
        }
    });
    for (host, why) in join_all(tries).await.into_iter().flatten() {
        result.silent(host, why);
    }
}

/// Runs one command of the rollback where it is needed. All hosts are tried, whatever fails on others.
async fn roll_back_command(
    job: &Job,
    progress: &mut Progress,
    (number, command): (u32, &PlannedCommand),
    touched: &[Host],
    result: &mut RollbackResult,
) {
    let needs = |host: &&Host| progress.touched.needs(job.commands(), host, &command.form, &progress.old_links);
    let needed: Vec<Host> = touched.iter().filter(needs).cloned().collect();
    if needed.is_empty() {
        return;
    }
    let per_host = command.form.per_host();
    let silent: Vec<Host> = needed.iter().filter(|host| per_host && result.silent.contains(host)).cloned().collect();
    let places: Vec<Option<Host>> = match per_host {
        true => needed.into_iter().filter(|host| !result.away.contains_key(host)).map(Some).collect(),
        false => vec![None],
    };
    if silent.is_empty() && places.is_empty() {
        return;
    }
    let began = Instant::now();
    spread::command_started(job, number, command, silent.len() + places.iter().flatten().count()).await;
    let mut not_reached = Vec::new();
    for host in silent {
        result.silent.remove(&host);
        not_reached.push(step::not_reached(job, number, host).await);
    }
    let mut sum = spread::over(job, progress, (number, command), places).await;
    result.note(command, &sum);
    let bad: Vec<HostOutcome> = sum.bad().cloned().collect();
    note_bad(job, (number, command), &bad, result);
    sum.outcomes.append(&mut not_reached);
    spread::command_ended(job, progress, number, &sum, elapsed_ms(began)).await;
}

/// Takes the hosts that need any of it through a whole roll again, in the batches of the roll.
async fn roll_back_roll(
    job: &Job,
    progress: &mut Progress,
    list: &[(u32, &PlannedCommand)],
    touched: &[Host],
    result: &mut RollbackResult,
) {
    let needs = |host: &&Host| {
        let mut forms = list.iter().map(|(_, command)| &command.form);
        forms.any(|form| progress.touched.needs(job.commands(), host, form, &progress.old_links))
    };
    let needed: Vec<Host> = touched.iter().filter(needs).cloned().collect();
    let silent: Vec<Host> = needed.iter().filter(|host| result.silent.remove(host)).cloned().collect();
    let hosts: Vec<Host> = needed.into_iter().filter(|host| !result.away.contains_key(host)).collect();
    if hosts.is_empty() && silent.is_empty() {
        return;
    }
    result.worked_on.extend(hosts.iter().cloned());
    let failed = roll::roll_back(job, progress, list, hosts, silent).await;
    // A host fails one command of a roll and takes none of the later ones: what stands before it was done.
    for (number, bad) in &failed {
        let flips = list.iter().any(|(of, command)| of < number && command.form.flips().is_some());
        result.flipped.extend(bad.iter().filter(|_| flips).filter_map(|(host, _)| host.clone()));
    }
    for (number, bad) in failed {
        let Some((_, command)) = list.iter().find(|(of, _)| *of == number) else { continue };
        note_bad(job, (number, command), &bad, result);
    }
}

/// Notes what went wrong in the rollback.
fn note_bad(job: &Job, (number, command): (u32, &PlannedCommand), bad: &[HostOutcome], result: &mut RollbackResult) {
    result.note_bad(number, command, bad);
    for ended in bad.iter().filter(|(host, _)| host.is_none()) {
        result.failed.push(verdict::words(job, number, command, std::slice::from_ref(ended)));
    }
}

/// Asks the hosts on which nothing was flipped whether that is so; the others were asked by the last command.
async fn ask_the_rest(job: &Job, progress: &mut Progress, touched: &[Host], result: &mut RollbackResult) {
    let commands = job.commands();
    let (dirs, last) = (flipped_dirs(commands), u32::try_from(commands.len()).unwrap_or(u32::MAX));
    let read = &*progress;
    let asked = touched.iter().filter(|host| !result.away.contains_key(host)).map(|host| async {
        let left_alone = |dir: &&&str| !read.touched.has_flipped(commands, host, dir);
        let dirs: Vec<String> = dirs.iter().filter(left_alone).map(|dir| (*dir).to_owned()).collect();
        let answer = if dirs.is_empty() { Ok(()) } else { have_not_flipped(job, read, host, &dirs, last).await };
        (host.clone(), answer.err())
    });
    for (host, why) in join_all(asked).await {
        let known = !dirs.is_empty() || result.worked_on.contains(&host);
        match why {
            Some(why) => drop(result.away.insert(host, why)),
            // What broke off there before is known now.
            None if known => progress.has_answered(&host),
            None => {}
        }
    }
}

async fn have_not_flipped(
    job: &Job,
    progress: &Progress,
    host: &Host,
    dirs: &[String],
    number: u32,
) -> Result<(), String> {
    let on = progress.connections.get(host).ok_or("no connection was made to it")?;
    let place = Place::new(number, Some(host));
    for (dir, seen) in dirs.iter().zip(release::look(on, dirs).await?) {
        let runs = seen.live.current.words();
        job.recorder.note(&place, format!("was not flipped: {dir}/current is {runs}")).await;
        if seen.live.current == release::Current::Ours(job.assignment.build.to_string()) {
            return Err(format!("it runs {runs}"));
        }
    }
    Ok(())
}
