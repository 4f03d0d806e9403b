//! Hosts looked over before they are trusted: what would make a push fail there, and what is worth knowing, each with what to do.
//! Asked for by a person, in the background and bounded; the last answer of each stack is kept in memory, with its age. It must
//! never change anything on a host, never make a page wait, and never call well what did not answer. Called by the routes.

mod words;

use crate::advice::of_stack;
use crate::desk::Desk;
use crate::desk::parts::hosts::checkups::{Checkup, CheckupView, Finding, PlaceReport, StackCheckups, Weight};
use crate::desk::refusal::{Decision, Refusal};
use crate::process::Program;
use crate::remote::checkup::{self, Facts, Use};
use crate::remote::transfer;
use crate::source::Origin;
use crate::stack::{Command, Form, Host, Stack, StackName, Writes};
use crate::supervise::unbroken;
use crate::time::At;
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Hosts that are looked over at once: `sshd` refuses at random above 10 that sign in.
const AT_ONCE: usize = 8;
/// How long one host may take: to sign in, and to answer.
const HOST_LIMIT: Duration = Duration::from_secs(75);
/// How long the source may take.
const SOURCE_LIMIT: Duration = Duration::from_secs(60);
/// How long a program may take to say its version.
const VERSION_LIMIT: Duration = Duration::from_secs(10);

impl Desk {
    /// What is known of the hosts of a stack.
    ///
    /// # Errors
    /// When there is no such stack.
    pub fn checkup(&self, name: &StackName) -> Decision<CheckupView> {
        self.loaded(name)?;
        let kept = self.checkups.kept().get(name).cloned().unwrap_or_default();
        Ok(CheckupView {
            stack: name.to_string(),
            since: kept.since.map(|at| at.to_string()),
            last: kept.last.as_deref().cloned(),
            no_right: None,
        })
    }

    /// Begins to look a stack's hosts over, unless that is on its way.
    ///
    /// # Errors
    /// When there is no such stack, or its file is wrong.
    pub fn begin_checkup(&self, name: &StackName) -> Decision<()> {
        let (stack, _) = self.loaded(name)?;
        let Some(desk) = self.me.upgrade() else { return Ok(()) };
        {
            let mut all = self.checkups.kept();
            let kept = all.entry(name.clone()).or_default();
            if kept.since.is_some() {
                return Ok(());
            }
            kept.since = Some(At::now());
        }
        self.changed();
        self.spawn(async move {
            let looked =
                tokio::select! { () = desk.stop.cancelled() => None, looked = unbroken("look hosts over", desk.look_over(&stack)) => looked };
            let kept = StackCheckups { since: None, last: looked.map(Arc::new) };
            desk.checkups.kept().insert(stack.name.clone(), kept);
            desk.changed();
        });
        Ok(())
    }

    /// Looks a stack's hosts over and waits for the answer.
    ///
    /// # Errors
    /// As [`Desk::begin_checkup`], and when the server stops.
    pub async fn checkup_now(&self, name: &StackName) -> Decision<Checkup> {
        let mut changes = self.changes();
        self.begin_checkup(name)?;
        loop {
            let view = self.checkup(name)?;
            match (view.since, view.last) {
                (None, Some(last)) => return Ok(last),
                (None, None) => return Err(Refusal::stopping()),
                (Some(_), _) if changes.changed().await.is_err() => {
                    return Err(Refusal::stopping());
                }
                (Some(_), _) => {}
            }
        }
    }

    async fn look_over(&self, stack: &Stack) -> Checkup {
        let wanted = wanted(stack);
        let looks: Vec<_> = wanted.into_iter().map(|(host, places)| self.look_at(&stack.name, host, places)).collect();
        let looks = futures::stream::iter(looks).buffered(AT_ONCE).collect::<Vec<_>>();
        let (mut here, hosts) = tokio::join!(self.push_host(stack), looks);
        for stage in &stack.stages {
            if let Some(why) = &stage.unlisted {
                here.findings
                    .push(Finding::must(format!("stage {}: {why}", stage.name), "see `[hosts]` in the stack file"));
            }
        }
        let machines: Vec<(String, String)> = hosts
            .iter()
            .filter_map(|(looked, facts)| Some((looked.place.clone(), facts.as_ref()?.machine.clone())))
            .collect();
        let mut places: Vec<PlaceReport> =
            [here].into_iter().chain(hosts.into_iter().map(|(looked, _)| looked)).collect();
        for (place, finding) in words::same_machines(&machines) {
            places
                .iter_mut()
                .filter(|looked| looked.place == place)
                .for_each(|looked| looked.findings.push(finding.clone()));
        }
        places.iter_mut().for_each(|looked| looked.findings.sort_by_key(|finding| finding.weight));
        let count = |weight| places.iter().flat_map(|looked| &looked.findings).filter(|it| it.weight == weight).count();
        let (must, notes) = (count(Weight::Must), count(Weight::Note));
        Checkup { stack: stack.name.to_string(), at: At::now().to_string(), must, notes, places }
    }

    async fn look_at(
        &self,
        stack: &StackName,
        host: Host,
        places: BTreeSet<(Use, String)>,
    ) -> (PlaceReport, Option<Facts>) {
        let place = host.name().to_owned();
        let bad = |why: &str| {
            let finding = Finding::must(of_stack(why, stack.as_str()), "");
            (PlaceReport { place: place.clone(), is: String::new(), findings: vec![finding] }, None)
        };
        let masters = match self.warm.masters() {
            Ok(masters) => masters,
            Err(why) => return bad(why),
        };
        let asked = async {
            let on = masters.try_connect(&host).await.map_err(|failure| failure.words)?;
            let began = At::now();
            let list: Vec<(Use, String)> = places.iter().cloned().collect();
            let facts = checkup::look(&on, &list).await?;
            Ok::<_, String>((facts, began, At::now()))
        };
        match tokio::time::timeout(HOST_LIMIT, asked).await {
            Ok(Ok((facts, began, ended))) => {
                let findings = words::findings(&facts, &places, (began, ended));
                (PlaceReport { place, is: words::is(&facts), findings }, Some(facts))
            }
            Ok(Err(why)) => bad(&why),
            Err(_) => {
                bad(&format!("{host} did not answer within {} s: is it overloaded or hung?", HOST_LIMIT.as_secs()))
            }
        }
    }

    /// This machine: its programs, and the way to the source.
    async fn push_host(&self, stack: &Stack) -> PlaceReport {
        let mut findings = Vec::new();
        let mut versions = Vec::new();
        for (program, argument, cure) in programs(stack) {
            match version(program, argument).await {
                Some(line) => versions.push(line),
                None => findings
                    .push(Finding::must(format!("{program} is not installed here, or not on the server's PATH"), cure)),
            }
        }
        if let Err(why) = transfer::is_new_enough().await
            && !findings.iter().any(|finding| finding.what.starts_with("rsync "))
        {
            findings.push(Finding::must(why, ""));
        }
        if let Some(origin) = self.branches.origin(stack) {
            match tokio::time::timeout(SOURCE_LIMIT, ask(&origin)).await {
                Ok(Ok(())) => {}
                Ok(Err(why)) => findings.push(Finding::must(format!("the source cannot be fetched: {why}"), "")),
                Err(_) => findings.push(Finding::must(
                    format!("the source did not answer within {} s", SOURCE_LIMIT.as_secs()),
                    "check the network here, and the other side",
                )),
            }
        }
        PlaceReport { place: "push host".to_owned(), is: versions.join(", "), findings }
    }
}

async fn ask(origin: &Origin) -> Result<(), String> {
    origin.fetch().await.map_err(|error| error.to_string())?;
    origin.head().await.map(drop).map_err(|error| error.to_string())
}

/// The programs of this machine that a push of the stack starts, what asks them for their version, and how to get them.
fn programs(stack: &Stack) -> Vec<(&'static str, &'static str, &'static str)> {
    let mut all = vec![("ssh", "-V", "apt install openssh-client"), ("rsync", "--version", "apt install rsync")];
    all.extend(stack.source.programs());
    let commands = stack.stages.iter().flat_map(|stage| all_of(&stage.commands));
    all.extend(commands.filter_map(|command| command.form.program()).collect::<BTreeSet<_>>());
    all
}

/// The first line of what a program says of its version; none when it cannot be started.
async fn version(program: &str, argument: &str) -> Option<String> {
    let said = Program::new(program).arg(argument).output(VERSION_LIMIT).await.ok()?;
    let text = [said.stdout, said.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = text.lines().next().unwrap_or(program);
    Some(line.split(" Copyright").next().unwrap_or(line).chars().filter(|c| !c.is_control()).take(60).collect())
}

/// All hosts of a stack, with the places that its pushes write to there.
fn wanted(stack: &Stack) -> BTreeMap<Host, BTreeSet<(Use, String)>> {
    let mut all: BTreeMap<Host, BTreeSet<(Use, String)>> = BTreeMap::new();
    for stage in &stack.stages {
        let places: BTreeSet<(Use, String)> =
            all_of(&stage.commands).into_iter().filter_map(|command| place(&command.form)).collect();
        for host in &stage.hosts {
            all.entry(host.clone()).or_default().extend(places.iter().cloned());
        }
    }
    all
}

/// The commands of a list, and those within its rolls.
fn all_of(commands: &[Command]) -> Vec<&Command> {
    commands.iter().flat_map(Command::each).collect()
}

pub(crate) fn place(form: &Form) -> Option<(Use, String)> {
    form.writes().map(|written| match written {
        Writes::Releases(dir) => (Use::Release, tidy(dir)),
        // What a variable makes of the path is known at the push only; what stands before it is there already.
        Writes::Files { to, .. } => {
            let plain = to.split('{').next().unwrap_or_default();
            let whole = if plain.len() == to.len() { plain } else { plain.rsplit_once('/').map_or("", |(dir, _)| dir) };
            (Use::Rsync, tidy(whole))
        }
    })
}

fn tidy(path: &str) -> String {
    match path.trim_end_matches('/') {
        "" => "/".to_owned(),
        path => path.to_owned(),
    }
}
