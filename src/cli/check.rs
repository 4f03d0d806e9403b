//! `pushbutton check`: reads stack files and the configuration and prints everything that is wrong with them, all files at
//! once. Commands that list hosts are asked as a press would. It must never change anything.

use crate::config::{Config, ConfigError};
use crate::desk::inventory;
use crate::diagnostic::Diagnostic;
use crate::stack::{Answer, Answers, Stack, StackName, parse_with};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `pushbutton check`
#[derive(Debug, clap::Args)]
pub struct Check {
    /// Stack files; without any, the configuration and all of its stack files are checked.
    files: Vec<PathBuf>,
    /// Does not ask the commands that list hosts.
    #[arg(long)]
    offline: bool,
}

impl Check {
    /// Runs it.
    ///
    /// # Errors
    /// Never: what is wrong with the files is printed, and the exit code is 1.
    pub fn main(self, config: &Path) -> anyhow::Result<ExitCode> {
        let mut report = Report { offline: self.offline, ..Report::default() };
        if self.files.is_empty() && config.exists() {
            report.check_all(config);
        } else if self.files.is_empty() {
            let shown = config.display();
            let hint = "hint: copy config.example.toml, or name stack files: pushbutton check stacks/web.toml";
            report.bad(&[format!("error: there is no {shown}\n{hint}")]);
        }
        for file in &self.files {
            match same_file(file, config) {
                true => drop(report.check_config(file)),
                false => report.check_stack(file),
            }
        }
        Ok(report.summary())
    }
}

/// What was found so far; everything is printed as it is found.
#[derive(Default)]
struct Report {
    files: usize,
    bad_files: usize,
    errors: usize,
    offline: bool,
}

impl Report {
    fn check_all(&mut self, config: &Path) {
        let Some(config) = self.check_config(config) else { return };
        match stack_files(&config.stacks) {
            Ok(files) if files.is_empty() => println!("{}: no stack files yet", near(&config.stacks).display()),
            Ok(files) => files.iter().for_each(|file| self.check_stack(near(file))),
            Err(error) => self.bad(&[format!("error: cannot read {}: {error}", near(&config.stacks).display())]),
        }
    }

    fn check_config(&mut self, path: &Path) -> Option<Config> {
        match Config::load(path) {
            Ok(config) => {
                self.good(&format!("{}: the server's configuration", path.display()));
                Some(config)
            }
            Err(ConfigError::Bad { diagnostics, .. }) => {
                self.bad(&diagnostics);
                None
            }
            Err(error @ ConfigError::Read { .. }) => {
                self.bad(&[format!("error: {error}")]);
                None
            }
        }
    }

    fn check_stack(&mut self, path: &Path) {
        let shown = path.display();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let name = match stem.parse::<StackName>() {
            Ok(name) if path.extension().is_some_and(|extension| extension == "toml") => name,
            Ok(_) => return self.bad(&[format!("error: {shown}: a stack file ends with .toml")]),
            Err(bad) => return self.bad(&[format!("error: {shown}: the file's name is the stack's name, and {bad}")]),
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return self.bad(&[format!("error: cannot read {shown}: {error}")]),
        };
        let read = |answers: &Answers| parse_with(name.clone(), &shown.to_string(), &text, answers);
        let read = read(&Answers::new()).and_then(|stack| match self.offline {
            true => Ok(stack),
            false => read(&ask(path, &stack)),
        });
        let stack = match read {
            Ok(stack) => stack,
            Err(diagnostics) => return self.bad::<Diagnostic>(&diagnostics),
        };
        let unlisted = stack.stages.iter().filter_map(|stage| Some((stage, stage.unlisted.as_ref()?)));
        let unlisted: Vec<String> =
            unlisted.map(|(stage, why)| format!("error: {shown}: stage {}: {why}", stage.name)).collect();
        match unlisted.is_empty() || self.offline {
            true => self.good(&format!("{shown}: {}", counts(&stack))),
            false => self.bad(&unlisted),
        }
    }

    fn good(&mut self, line: &str) {
        self.files += 1;
        println!("{line}");
    }

    fn bad<T: std::fmt::Display>(&mut self, errors: &[T]) {
        self.files += 1;
        self.bad_files += 1;
        self.errors += errors.len();
        for error in errors {
            eprintln!("{error}\n");
        }
    }

    fn summary(&self) -> ExitCode {
        if self.errors == 0 {
            return ExitCode::SUCCESS;
        }
        let errors = counted(self.errors, "error");
        eprintln!("{errors} in {} of {}", self.bad_files, counted(self.files, "file"));
        ExitCode::FAILURE
    }
}

/// Asks the commands that list a stack's hosts, in the directory of its file.
fn ask(path: &Path, stack: &Stack) -> Answers {
    let inventories = inventory::of(stack);
    if inventories.is_empty() {
        return Answers::new();
    }
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let asked = futures::future::join_all(inventories.iter().map(|one| inventory::ask(&dir, one)));
    let asked = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(asked),
        Err(error) => inventories.iter().map(|_| Err(format!("was not asked: {error}"))).collect(),
    };
    let answers = asked.into_iter().map(|asked| match asked {
        Ok(hosts) => Answer { hosts, problem: None },
        Err(problem) => Answer { hosts: Vec::new(), problem: Some(problem) },
    });
    inventories.iter().copied().cloned().zip(answers).collect()
}

/// `web, 3 stages, 26 hosts`; a host of two stages counts once.
fn counts(stack: &Stack) -> String {
    let hosts: BTreeSet<_> = stack.stages.iter().flat_map(|stage| &stage.hosts).map(|host| host.name()).collect();
    format!("{}, {}, {}", stack.name, counted(stack.stages.len(), "stage"), counted(hosts.len(), "host"))
}

fn counted(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
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
