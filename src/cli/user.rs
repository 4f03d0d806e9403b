//! `pushbutton user`: people who may sign in with a password. It must never take a password as an argument, where
//! everybody on the machine could read it, nor print one.

use super::say;
use super::server::{Person, must_be_ours};
use crate::config::Config;
use crate::ledger::{Ledger, audit, second_factor, sessions, users};
use crate::stack::Who;
use crate::time::At;
use anyhow::{Context, bail, ensure};
use nix::sys::termios::{LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr};
use std::fs::DirBuilder;
use std::io::{IsTerminal, Read, Stdin};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::ExitCode;

/// Of the password's line; more than any password, so that a wrong file as input is not read into memory.
const LONGEST_LINE: u64 = 4096;
/// Ctrl-C, as a terminal sends it.
const CTRL_C: u8 = 3;

/// `pushbutton user`
#[derive(Debug, clap::Args)]
pub struct User {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    person: Person,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Adds a person; asks for the password, or reads it from the first line of standard input.
    Add {
        /// The user name, which the history shows.
        name: Who,
        /// The full name; default: the user name.
        #[arg(long)]
        full_name: Option<String>,
    },
    /// Lists who can sign in.
    List,
    /// Removes a person, and signs them out everywhere; the history keeps their name.
    Remove {
        /// Who.
        name: Who,
    },
    /// Turns off the second factor of a person who has lost it, and signs them out everywhere.
    TotpReset {
        /// Who.
        name: Who,
    },
    /// Sets a new password for a person, and signs them out everywhere.
    Password {
        /// Who.
        name: Who,
    },
}

impl User {
    /// Runs it.
    ///
    /// # Errors
    /// What went wrong, for the person at the terminal.
    pub fn main(self, config: &Path) -> anyhow::Result<ExitCode> {
        let config = Config::load(config)?;
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let ledger = open(&config.data)?;
        let by = self.person.reader();
        runtime.block_on(async {
            match self.action {
                Action::Add { name, full_name } => add(&ledger, &by, name, full_name).await?,
                Action::List => list(&ledger).await?,
                Action::Remove { name } => remove(&ledger, &by, name).await?,
                Action::TotpReset { name } => totp_reset(&ledger, &by, name).await?,
                Action::Password { name } => password(&ledger, &by, name).await?,
            }
            anyhow::Ok(())
        })?;
        let mode = config.auth.mode;
        if mode.believes_names() {
            let mode = mode.word();
            eprintln!(
                "hint: auth.mode is \"{mode}\", which asks for no password; users count with mode = \"password\""
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Opens the ledger of the data directory, which is made when it is not there.
pub(super) fn open(data: &Path) -> anyhow::Result<Ledger> {
    let shown = data.display();
    DirBuilder::new().recursive(true).mode(0o700).create(data).with_context(|| format!("cannot make {shown}"))?;
    must_be_ours(data)?;
    Ok(Ledger::open_beside(&data.join("pushbutton.db"))?)
}

async fn add(ledger: &Ledger, by: &Who, name: Who, full_name: Option<String>) -> anyhow::Result<()> {
    let full_name = users::full_name(full_name.as_deref().unwrap_or(name.as_str()))?;
    let asked = name.clone();
    // Asked before the password is typed; asked again when it is written.
    refuse_taken(ledger.read(move |connection| users::taken(connection, &asked)).await?)?;
    let password = users::PasswordHash::of(&read_password(&name)?)?;
    let user = users::User { name: name.clone(), full_name, password, made_at: At::now() };
    let by = by.to_string();
    let added = ledger.write(move |tx| {
        let taken = users::add(tx, &user)?;
        if taken.is_none() {
            audit::note(tx, At::now(), &by, "user add", user.name.as_str(), user.name.as_str())?;
        }
        Ok(taken)
    });
    refuse_taken(added.await?)?;
    say::line(&format!("{name} can now sign in"));
    Ok(())
}

fn refuse_taken(taken: Option<String>) -> anyhow::Result<()> {
    match taken {
        None => Ok(()),
        Some(taken) => {
            bail!("the user {taken} already exists; hint: pushbutton user password {taken} sets a new password")
        }
    }
}

async fn list(ledger: &Ledger) -> anyhow::Result<()> {
    let users = ledger.read(users::all).await?;
    if users.is_empty() {
        eprintln!("no users yet; hint: pushbutton user add NAME");
    }
    let width = users.iter().map(|user| user.name.as_str().len()).max().unwrap_or(0);
    for user in users {
        say::line(&format!("{:width$}  since {}  {}", user.name.as_str(), user.made_at, user.full_name));
    }
    Ok(())
}

async fn remove(ledger: &Ledger, by: &Who, name: Who) -> anyhow::Result<()> {
    let (gone, by) = (name.clone(), by.to_string());
    let removed = ledger.write(move |tx| {
        let was_there = users::remove(tx, &gone)?;
        if was_there {
            audit::note(tx, At::now(), &by, "user remove", gone.as_str(), gone.as_str())?;
        }
        Ok(was_there)
    });
    match removed.await? {
        true => say::line(&format!("{name} is removed and signed out")),
        false => return unknown(&name),
    }
    Ok(())
}

async fn password(ledger: &Ledger, by: &Who, name: Who) -> anyhow::Result<()> {
    let asked = name.clone();
    if ledger.read(move |connection| users::find(connection, &asked)).await?.is_none() {
        return unknown(&name);
    }
    let password = users::PasswordHash::of(&read_password(&name)?)?;
    let (of, by) = (name.clone(), by.to_string());
    let changed = ledger.write(move |tx| {
        let is_there = users::set_password(tx, &of, &password)?;
        if is_there {
            audit::note(
                tx,
                At::now(),
                &by,
                "password",
                of.as_str(),
                &format!("a new one for {of}, signed out everywhere"),
            )?;
        }
        Ok(is_there)
    });
    match changed.await? {
        true => say::line(&format!("{name} has a new password and is signed out")),
        false => return unknown(&name),
    }
    Ok(())
}

async fn totp_reset(ledger: &Ledger, by: &Who, name: Who) -> anyhow::Result<()> {
    let (of, by) = (name.clone(), by.to_string());
    let reset = ledger.write(move |tx| {
        if users::find(tx, &of)?.is_none() {
            return Ok(None);
        }
        let had_one = second_factor::remove(tx, &of)?;
        if had_one {
            sessions::end_all_of(tx, &of)?;
            audit::note(tx, At::now(), &by, "second factor", of.as_str(), "turned off, signed out everywhere")?;
        }
        Ok(Some(had_one))
    });
    match reset.await? {
        Some(true) => say::line(&format!("{name} signs in without a second factor, and is signed out")),
        Some(false) => say::line(&format!("{name} has no second factor")),
        None => return unknown(&name),
    }
    Ok(())
}

fn unknown(name: &Who) -> anyhow::Result<()> {
    bail!("there is no user {name}; hint: pushbutton user list")
}

/// The new password: typed twice at a terminal, the first line of standard input otherwise.
fn read_password(name: &Who) -> anyhow::Result<String> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return read_line(&stdin);
    }
    let silence = Silence::begin(&stdin)?;
    let first = ask(&stdin, &format!("New password of {name}: "))?;
    let second = ask(&stdin, "Repeat the password: ")?;
    drop(silence);
    ensure!(first == second, "the two passwords are not the same; nothing was changed");
    Ok(first)
}

fn ask(stdin: &Stdin, words: &str) -> anyhow::Result<String> {
    eprint!("{words}");
    let line = read_line(stdin);
    // The end of line that was typed was not shown either.
    eprintln!();
    let line = line?;
    ensure!(!line.bytes().any(|byte| byte == CTRL_C), "cancelled; nothing was changed");
    Ok(line)
}

fn read_line(stdin: &Stdin) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    for byte in stdin.lock().take(LONGEST_LINE).bytes() {
        bytes.push(byte.context("cannot read the password")?);
        if matches!(bytes.last(), Some(b'\n' | &CTRL_C)) {
            break;
        }
    }
    ensure!(!bytes.is_empty(), "there is no password on standard input");
    let line = String::from_utf8(bytes).ok().context("the password is not UTF-8")?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// A terminal that shows nothing of what is typed; as it was, when dropped.
struct Silence<'a> {
    stdin: &'a Stdin,
    before: Termios,
}

impl<'a> Silence<'a> {
    fn begin(stdin: &'a Stdin) -> anyhow::Result<Self> {
        let before = tcgetattr(stdin).context("cannot ask the terminal")?;
        let mut silent = before.clone();
        // Without signals, or Ctrl-C would end us and leave the terminal mute: it ends the line instead.
        silent.local_flags.remove(LocalFlags::ECHO | LocalFlags::ISIG);
        silent.control_chars[SpecialCharacterIndices::VEOL as usize] = CTRL_C;
        // What was typed ahead was shown, so it is thrown away.
        tcsetattr(stdin, SetArg::TCSAFLUSH, &silent).context("cannot silence the terminal")?;
        Ok(Self { stdin, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        // Nothing better can be done where the terminal is gone.
        let _ = tcsetattr(self.stdin, SetArg::TCSAFLUSH, &self.before);
    }
}
