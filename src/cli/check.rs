//! `pushbutton check`: reads stack files and the configuration and prints everything that is wrong with them, all files at
//! once. Commands that list hosts are asked as a press would. With `--hosts` the hosts are looked over too, by the server. It must
//! never change anything.

use super::server::prepare::{For, prepare};
use super::server::{self, Person, Place, Server};
use super::{check_channels, check_rights, say};
use crate::config::{Config, ConfigError};
use crate::desk::inventory;
use crate::diagnostic::Diagnostic;
use crate::reading;
use crate::size::counted;
use crate::source::{lfs, login};
use crate::stack::overlaps::{self, overlaps};
use crate::stack::{Answers, InventoryAnswer, Stack, StackName, parse_with};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::runtime::Runtime;

/// `pushbutton check`
#[derive(Debug, clap::Args)]
pub struct Check {
    /// Stack files; without any, the configuration and all of its stack files are checked.
    files: Vec<PathBuf>,
    /// Runs no commands on this machine: does not run the commands that list hosts, nor look for git-lfs.
    #[arg(long, conflicts_with = "hosts")]
    offline: bool,
    /// Checks the push host and every host of the stacks: name, key, sign-in, tools, disk space, write permission.
    #[arg(long)]
    hosts: bool,
    /// With --hosts: prints the results as JSON.
    #[arg(long, requires = "hosts")]
    json: bool,
    #[command(flatten)]
    person: Person,
}

impl Check {
    /// Runs it.
    ///
    /// # Errors
    /// When the system has no means to run this at all; what is wrong with the files is printed, and the exit code is 1.
    pub fn main(self, config: &Path) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut report = Report {
            runtime,
            stacks: Vec::new(),
            read: Vec::new(),
            files: 0,
            bad_files: 0,
            errors: 0,
            offline: self.offline,
            hosts: self.hosts,
            json: self.json,
        };
        if self.files.is_empty() && config.exists() {
            report.check_all(config);
        } else if self.files.is_empty() {
            let shown = config.display();
            let hint = "hint: copy config.example.toml, or give stack files: pushbutton check stacks/web.toml";
            report.bad(&[format!("error: there is no {shown}\n{hint}")]);
        }
        for file in &self.files {
            match same_file(file, config) {
                true => drop(report.check_config(file)),
                false => report.check_stack(file),
            }
        }
        report.check_together();
        report.check_tell(config);
        let summary = report.summary();
        match self.hosts && !report.stacks.is_empty() {
            true => {
                let looked = hosts(config, &report.stacks, &self.person, self.json)?;
                Ok(if report.errors == 0 { looked } else { summary })
            }
            false => {
                if self.json {
                    say::line("[]"); // nothing could be looked over: a program reads that, too
                }
                Ok(summary)
            }
        }
    }
}

/// Has the server look over the hosts of these stacks; exit code 1 when something would make a push fail.
fn hosts(config: &Path, stacks: &[StackName], person: &Person, json: bool) -> anyhow::Result<ExitCode> {
    let place = Place::Here(server::config(config)?, person.reader());
    server::run(async {
        let mut server = Server::open(&place).await?;
        let mut found = Vec::new();
        for stack in stacks {
            match server.ask("POST", &format!("/api/v1/stacks/{stack}/hosts/look"), Some(Value::Null)).await {
                Ok(one) => found.push(one),
                Err(error) => {
                    server.close().await?;
                    return Err(error);
                }
            }
        }
        server.close().await?;
        match json {
            true => say::json(&Value::from(found.clone()).to_string()),
            false => found.iter().flat_map(checkup_lines).for_each(|line| say::line(&line)),
        }
        let must = found.iter().filter_map(|one| one["must"].as_u64()).sum::<u64>();
        Ok(if must == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// What was found on the hosts of a stack, a line for each place and each finding.
fn checkup_lines(found: &Value) -> Vec<String> {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let mut lines = vec![format!("hosts of {}:", text(found, "stack"))];
    for place in list(found, "places") {
        let findings = list(&place, "findings");
        let (name, is) = (text(&place, "place"), text(&place, "is"));
        let state = if findings.is_empty() { "ok" } else { "looked over" };
        lines.push(match is.is_empty() {
            true if findings.is_empty() => format!("  {name}: ok"),
            true => format!("  {name}: no answer"),
            false => format!("  {name}: {state} ({is})"),
        });
        for one in findings {
            let word = if one["weight"] == "must" { "FIX" } else { "know" };
            let cure = text(&one, "cure");
            let cure = if cure.is_empty() { cure } else { format!(": {cure}") };
            lines.push(format!("    {word}  {}{cure}", text(&one, "what")));
        }
    }
    lines.push(format!("  {} to fix, {} worth knowing", found["must"], found["notes"]));
    lines
}

/// What was found so far; everything is printed as it is found.
struct Report {
    /// Runs what asks other programs, one after the other.
    runtime: Runtime,
    files: usize,
    bad_files: usize,
    errors: usize,
    offline: bool,
    /// The hosts are looked over afterwards, and this machine with them.
    hosts: bool,
    /// Only JSON goes to standard output.
    json: bool,
    /// The stacks whose files can be read; their hosts are looked over even where something is missing here.
    stacks: Vec<StackName>,
    /// The stacks that are right by themselves: file, text, stack.
    read: Vec<(String, String, Stack)>,
}

impl Report {
    fn check_all(&mut self, config: &Path) {
        let Some(stacks) = self.check_config(config) else { return };
        match stack_files(&stacks) {
            Ok(files) if files.is_empty() && self.json => {}
            Ok(files) if files.is_empty() => say::line(&format!("{}: no stack files yet", near(&stacks).display())),
            Ok(files) => files.iter().for_each(|file| self.check_stack(near(file))),
            // That is told as a mistake of the configuration.
            Err(_) => {}
        }
    }

    /// Checks the server's file, and gives the directory of stack files: those are looked at even when the file has mistakes.
    fn check_config(&mut self, path: &Path) -> Option<PathBuf> {
        let mut draft = match self.runtime.block_on(prepare(path, For::Check)) {
            Ok(draft) => draft,
            Err(error) => {
                self.bad_config(error);
                return None;
            }
        };
        let stacks = draft.config().stacks.clone();
        if let Ok(files) = stack_files(&stacks) {
            check_rights::check(&mut draft, &files);
            check_channels::check_filters(&mut draft, &files);
        }
        match draft.finish() {
            Ok(_) => self.good(&format!("{}: the server's configuration", path.display())),
            Err(error) => self.bad_config(error),
        }
        Some(stacks)
    }

    fn bad_config(&mut self, error: ConfigError) {
        match error {
            ConfigError::Bad { diagnostics, .. } => self.bad(&diagnostics),
            error @ ConfigError::Read { .. } => self.bad(&[format!("error: {error}")]),
        }
    }

    fn check_stack(&mut self, path: &Path) {
        let shown = path.display();
        if path.is_dir() {
            let hint = format!("hint: name the files in it: pushbutton check {shown}/*.toml");
            return self.bad(&[format!("error: {shown} is a directory\n{hint}")]);
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let name = match stem.parse::<StackName>() {
            Ok(name) if path.extension().is_some_and(|extension| extension == "toml") => name,
            Ok(_) => return self.bad(&[format!("error: {shown}: a stack file ends with .toml")]),
            Err(bad) => return self.bad(&[format!("error: {shown}: the file's name is the stack's name, and {bad}")]),
        };
        let text = match reading::text(path, reading::BY_HAND) {
            Ok(text) => text,
            Err(error) => return self.bad(&[format!("error: cannot read {shown}: {error}")]),
        };
        let read = |answers: &Answers| parse_with(name.clone(), &shown.to_string(), &text, answers);
        let read = read(&Answers::new()).and_then(|stack| match self.offline {
            true => Ok(stack),
            false => read(&self.runtime.block_on(ask(path, &stack))),
        });
        let stack = match read {
            Ok(stack) => stack,
            Err(diagnostics) => return self.bad::<Diagnostic>(&diagnostics),
        };
        let unlisted = stack.stages.iter().filter_map(|stage| Some((stage, stage.unlisted.as_ref()?)));
        let mut lacks: Vec<String> =
            unlisted.map(|(stage, why)| format!("error: {shown}: stage {}: {why}", stage.name)).collect();
        // With the hosts, the push host is looked over, and says so there, once.
        if !self.offline && !self.hosts && stack.source.brings_lfs() {
            let why = self.runtime.block_on(lfs::complaint());
            lacks.extend(why.map(|why| format!("error: {shown}: source: {why}")));
        }
        if let (false, Some(named)) = (self.offline, stack.source.login()) {
            let why = self.runtime.block_on(login::complaint(named));
            lacks.extend(why.map(|why| format!("error: {shown}: source: {why}")));
        }
        match lacks.is_empty() || self.offline {
            true => self.good(&format!("{shown}: {}", counts(&stack))),
            false => self.bad(&lacks),
        }
        self.stacks.push(stack.name.clone());
        self.read.push((shown.to_string(), text, stack));
    }

    /// What no file shows by itself: stacks that are in each other's way.
    fn check_together(&mut self) {
        let read = self.read.iter().map(|(file, text, stack)| overlaps::StackText { stack, file, text });
        let found = overlaps(&read.collect::<Vec<_>>());
        let bad: BTreeSet<usize> = found.iter().flat_map(|overlap| [overlap.of.0, overlap.of.1]).collect();
        self.errors += found.len();
        self.bad_files += bad.len();
        for overlap in &found {
            eprintln!("error: {}\n", overlap.words);
        }
    }

    /// Whether the channels that stacks name are in the server's file; where that cannot be read, that is told already, or nobody asked.
    fn check_tell(&mut self, config: &Path) {
        let Ok(config) = Config::load(config) else { return };
        for (file, text, stack) in &self.read {
            let unknown = check_channels::unknown(&config, file, text, stack);
            self.errors += unknown.len();
            self.bad_files += usize::from(!unknown.is_empty());
            unknown.iter().for_each(|error| say::aside(&format!("{error}\n")));
        }
    }

    fn good(&mut self, line: &str) {
        self.files += 1;
        if !self.json {
            say::line(line);
        }
    }

    fn bad<T: std::fmt::Display>(&mut self, errors: &[T]) {
        self.files += 1;
        self.bad_files += 1;
        self.errors += errors.len();
        for error in errors {
            say::aside(&format!("{error}\n"));
        }
    }

    fn summary(&self) -> ExitCode {
        if self.errors == 0 {
            return ExitCode::SUCCESS;
        }
        let errors = counted(self.errors as u64, "error");
        say::aside(&format!("{errors} in {} of {}", self.bad_files, counted(self.files as u64, "file")));
        ExitCode::FAILURE
    }
}

/// Asks the commands that list a stack's hosts, in the directory of its file.
async fn ask(path: &Path, stack: &Stack) -> Answers {
    let inventories = inventory::of(stack);
    if inventories.is_empty() {
        return Answers::new();
    }
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let asked = futures::future::join_all(inventories.iter().map(|one| inventory::ask(&dir, one))).await;
    let answers = asked.into_iter().map(|asked| match asked {
        Ok(hosts) => InventoryAnswer { hosts, problem: None },
        Err(problem) => InventoryAnswer { hosts: Vec::new(), problem: Some(problem) },
    });
    inventories.iter().copied().cloned().zip(answers).collect()
}

/// `web, 3 stages, 26 hosts`; a host of two stages counts once.
fn counts(stack: &Stack) -> String {
    let hosts: BTreeSet<_> = stack.stages.iter().flat_map(|stage| &stage.hosts).map(|host| host.name()).collect();
    format!("{}, {}, {}", stack.name, counted(stack.stages.len() as u64, "stage"), counted(hosts.len() as u64, "host"))
}

/// The stack files of a directory, by name; hidden files are not stacks.
fn stack_files(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The path as a person here would write it: below the working directory, relative to it.
fn near(path: &Path) -> &Path {
    let here = std::env::current_dir().ok();
    here.and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path)
}

fn same_file(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}
