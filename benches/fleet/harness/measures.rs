//! What is measured, goal by goal. Each pair is ours, then the yardstick's, then the other way round.

use super::Size;
use super::place::{ILL, Place, Pushed, TEN};
use super::report::{Report, middle, quantile};
use super::spawned::Spawned;
use super::yardstick::Yardstick;
use anyhow::Context;
use pushbutton::demo::trouble::How;
use pushbutton::time::At;
use serde_json::Value;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Every so many hosts one is slow.
const SLOW_EVERY: usize = 10;

/// Everything, in the order of the stages.
pub async fn all(place: &Place, yardstick: &Yardstick, size: Size) -> anyhow::Result<Report> {
    let began = Instant::now();
    let mut report = Report::default();
    handshakes(place, &mut report).await?;
    nothing(place, yardstick, size, &mut report).await?;
    cold(place, yardstick, size, &mut report).await?;
    three(place, yardstick, size, &mut report).await?;
    many(place, yardstick, size, &mut report).await?;
    slow(place, yardstick, size, &mut report).await?;
    talk(place, &mut report).await?;
    ill(place, size, &mut report).await?;
    spawned(place, &mut report).await?;
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    report.about = format!(
        "{} hosts on loopback, 10 at a time, {} pairs each, {cores} cores for push host and hosts together, load {}, {} s in all.",
        size.hosts,
        size.rounds,
        load(),
        began.elapsed().as_secs(),
    );
    Ok(report)
}

/// The load of the last minute: what else the machine did.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}

/// The first push signs in once on each host, the second nowhere.
async fn handshakes(place: &Place, report: &mut Report) -> anyhow::Result<()> {
    place.cool_down().await?;
    let hosts = place.names.len();
    for (what, wanted) in [("handshakes of a first push", hosts), ("handshakes of a second push", 0)] {
        let before = place.handshakes();
        place.push("true").await?;
        report.count(what, place.handshakes() - before, None, wanted);
    }
    Ok(())
}

async fn nothing(place: &Place, yardstick: &Yardstick, size: Size, report: &mut Report) -> anyhow::Result<()> {
    let (mut pairs, mut starts) = (Vec::new(), Vec::new());
    for round in 0..size.rounds {
        let theirs_first = if round % 2 == 1 { Some(yardstick.nothing().await?) } else { None };
        let ours = place.push("true").await?;
        starts.push(to_first_command(&ours)?);
        let theirs = match theirs_first {
            Some(theirs) => theirs,
            None => yardstick.nothing().await?,
        };
        pairs.push((ours.took, theirs));
    }
    report.pairs("1", "`true`, warm, press to *succeeded*", &pairs, Some(0.8));
    report.time("", "plan written to first command", middle(starts.into_iter()), Some(50.0));
    Ok(())
}

/// From the plan's file until the first command has begun, in milliseconds.
fn to_first_command(pushed: &Pushed) -> anyhow::Result<f64> {
    let written = std::fs::metadata(pushed.dir.join("plan.json"))?.modified()?.duration_since(UNIX_EPOCH)?;
    let record = pushed.journal.iter().find(|record| record["kind"] == "command_started");
    let begun: At = record.and_then(|record| record["at"].as_str()).context("no command began")?.parse()?;
    Ok(begun.millis() as f64 - written.as_secs_f64() * 1000.0)
}

async fn cold(place: &Place, yardstick: &Yardstick, size: Size, report: &mut Report) -> anyhow::Result<()> {
    let mut pairs = Vec::new();
    for _ in 0..size.rounds.div_ceil(2) {
        place.cool_down().await?;
        let ours = place.push("true").await?.took;
        pairs.push((ours, yardstick.cold().await?));
    }
    report.pairs("3", "`true`, cold: each host signed in on anew", &pairs, Some(1.1));
    Ok(())
}

async fn three(place: &Place, yardstick: &Yardstick, size: Size, report: &mut Report) -> anyhow::Result<()> {
    let mut pairs = Vec::new();
    for _ in 0..size.rounds.div_ceil(2) {
        for path in ["ours", "theirs"] {
            place.remove(path);
        }
        let ours = place.push("three").await?.took;
        pairs.push((ours, yardstick.three().await?));
    }
    report.pairs("2", "three steps, warm: mkdir, rsync of 200 new files, flip", &pairs, Some(1.0));
    Ok(())
}

/// What is on the hosts before files are brought.
#[derive(Clone, Copy)]
enum Before {
    Nothing,
    Same,
    Other,
}

async fn many(place: &Place, yardstick: &Yardstick, size: Size, report: &mut Report) -> anyhow::Result<()> {
    for (before, what, most) in [
        (Before::Nothing, "rsync, first", 1.1),
        (Before::Same, "rsync, nothing changed", 1.2),
        (Before::Other, "rsync, 1 % changed", 1.2),
    ] {
        let (mut pairs, mut sent) = (Vec::new(), (0, 0));
        for _ in 0..size.rounds.div_ceil(2) {
            for path in ["ours-many", "theirs-many"] {
                match before {
                    Before::Nothing => place.remove(path),
                    Before::Same => {}
                    Before::Other => place.change(path, size.files)?,
                }
            }
            let ours = place.push("many").await?;
            let (theirs, said) = yardstick.many(TEN).await?;
            sent = (sent_in(ours.journal.iter().filter_map(|record| record["text"].as_str())), sent_in(said.lines()));
            pairs.push((ours.took, theirs));
        }
        let files = format!("{what}: {} files, {} hosts", size.files, TEN.min(size.hosts));
        report.pairs("4", files, &pairs, Some(most));
        // A build has modes and times of its own, so the lists differ by some bytes a file.
        report.count(format!("{what}: bytes sent"), sent.0, Some(sent.1), sent.1 + sent.1 / 10 + 4096);
    }
    let first = place.push("release").await?.took;
    report.time("", "all files as a release: brought, every byte hashed there, flipped", millis(first), None);
    let again = place.push("release").await?.took;
    report.time("", "the same once more: it is there and verified", millis(again), None);
    Ok(())
}

/// The bytes that rsync says it has sent, in all of these lines.
fn sent_in<'a>(lines: impl Iterator<Item = &'a str>) -> usize {
    let bytes = |line: &str| {
        let number = line.strip_prefix("sent ")?.split_once(" bytes")?.0.replace([',', '.'], "");
        number.parse::<usize>().ok()
    };
    lines.filter_map(bytes).sum()
}

async fn slow(place: &Place, yardstick: &Yardstick, size: Size, report: &mut Report) -> anyhow::Result<()> {
    for host in place.fleet.hosts().iter().step_by(SLOW_EVERY) {
        std::fs::write(host.srv_dir().join("slow"), "")?;
    }
    let mut pairs = Vec::new();
    for _ in 0..size.rounds.div_ceil(2) {
        let ours = place.push("slow").await?.took;
        pairs.push((ours, yardstick.slow().await?));
    }
    report.pairs("7", "every tenth host takes 2 s instead of 0.1 s", &pairs, Some(1.1));
    Ok(())
}

/// Ten hosts say what time it is, twenty times each, and a viewer looks at the clock.
async fn talk(place: &Place, report: &mut Report) -> anyhow::Result<()> {
    let pressed = place.press("talk").await?;
    let mut events = place.watch(&pressed).await?;
    let (mut late, mut first) = (Vec::new(), None);
    'watching: while let Some(event) = events.next().await? {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        for record in event.data.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            if record["kind"] == "push_ended" {
                break 'watching;
            }
            let said = record["text"].as_str().filter(|_| record["stream"] == "out");
            let Some(said) = said.and_then(|text| text.parse().ok()).map(Duration::from_nanos) else { continue };
            first.get_or_insert(pressed.at.elapsed());
            late.push(millis(now.saturating_sub(said)));
        }
    }
    drop(events);
    place.ended(&pressed).await?;
    report.time("10", "press to first line at a viewer", millis(first.context("no line came")?), Some(100.0));
    let what = format!("a line of {} talking hosts at a viewer, 95 % of {}", TEN.min(place.names.len()), late.len());
    report.time("10", what, quantile(late.into_iter(), 0.95), Some(50.0));
    Ok(())
}

/// One host hung, one dead, one full: how much sooner or later the others are done than when all are well. A small fleet
/// would be another one without three of its hosts.
async fn ill(place: &Place, size: Size, report: &mut Report) -> anyhow::Result<()> {
    if size.hosts < 10 * ILL {
        return Ok(());
    }
    let others = size.hosts - ILL;
    let mut healthy = Vec::new();
    for _ in 0..3 {
        let pressed = place.press("ill").await?;
        place.well_on(&pressed, others).await?;
        healthy.push(pressed.at.elapsed());
        place.ended(&pressed).await?;
    }
    healthy.sort();
    let patients = &place.fleet.hosts()[1..=ILL];
    for (host, how) in patients.iter().zip([How::Hung, How::Dead, How::Full]) {
        host.break_(how).await?;
    }
    let pressed = place.press("ill").await?;
    place.well_on(&pressed, others).await?;
    let took = pressed.at.elapsed();
    place.cancel(&pressed).await?;
    for host in patients {
        host.mend().await?;
    }
    let what = format!("one host hung, one dead, one full: the other {others} done; beside it, all well");
    report.pairs("8", what, &[(took, healthy[1])], Some(1.15));
    Ok(())
}

/// Programs that are started on the push host, on a warm fleet.
async fn spawned(place: &Place, report: &mut Report) -> anyhow::Result<()> {
    let spawned = Spawned::lay(place)?;
    place.serve(Some(&spawned.dir)).await?;
    place.push("true").await?;
    spawned.count();
    place.push("true").await?;
    let [ssh, rsync] = spawned.count();
    report.count("`ssh` and `rsync` started for a command on all hosts", ssh + rsync, Some(place.names.len()), 0);
    place.push("three").await?;
    let [ssh, rsync] = spawned.count();
    let hosts = place.names.len();
    report.count("`ssh` started for three steps", ssh, Some(3 * hosts), hosts);
    // One more asks rsync for its version.
    report.count("`rsync` started for three steps", rsync, Some(hosts), hosts + 1);
    Ok(())
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
