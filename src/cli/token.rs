//! `pushbutton token`: how programs sign in. It must never take a token as an argument, where everybody on the machine could read it, and
//! prints one at one moment only: when it is made.

use super::say;
use super::server::Person;
use super::user::open;
use crate::config::Config;
use crate::ledger::tokens::{self, Token, TokenText};
use crate::ledger::{Ledger, users};
use crate::stack::Who;
use crate::time::At;
use anyhow::{bail, ensure};
use std::path::Path;
use std::process::ExitCode;

/// `pushbutton token`
#[derive(Debug, clap::Args)]
pub struct TokenCommand {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    person: Person,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Creates a token for a program, and prints it once.
    Add {
        /// What the program is called: the history shows `NAME (token of OWNER)`.
        name: String,
        /// What it may do, separated by commas: see, push, rollback, hold, publish, each on everything (`see`), a stack (`publish:web`) or
        /// a stage (`push:web/qa`).
        #[arg(long)]
        may: String,
        /// How long it is valid: hours or days, at most 366d.
        #[arg(long, default_value = "90d")]
        expires: String,
        /// Whose it is; default: you.
        #[arg(long)]
        owner: Option<Who>,
    },
    /// Lists all tokens: id, name, owner, scopes, last use, expiry.
    List,
    /// Creates a token that replaces another one, and prints it once; the old one expires after the overlap.
    Rotate {
        /// The id of the old one, as `list` shows it.
        id: String,
        /// How long the old one still works: hours or days.
        #[arg(long, default_value = "24h")]
        overlap: String,
    },
    /// Revokes a token at once.
    Revoke {
        /// Its id, as `list` shows it.
        id: String,
    },
}

impl TokenCommand {
    /// Runs it.
    ///
    /// # Errors
    /// What went wrong, for the person at the terminal.
    pub fn main(self, config: &Path) -> anyhow::Result<ExitCode> {
        let config = Config::load(config)?;
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let ledger = open(&config.data)?;
        let by = self.person.reader();
        let needs_account = !config.auth.mode.believes_names();
        runtime.block_on(async {
            match self.action {
                Action::Add { name, may, expires, owner } => {
                    let owner = owner.unwrap_or_else(|| by.clone());
                    if needs_account {
                        be_known(&ledger, &owner).await?;
                    }
                    let (token, text) = Token::new(&owner, &name, &may, &expires, At::now())?;
                    add(&ledger, &by, token, text, None).await
                }
                Action::List => list(&ledger).await,
                Action::Rotate { id, overlap } => {
                    let overlap_ms = tokens::lifetime_ms(&overlap).ok_or(tokens::Refused::Lifetime)?;
                    let wanted = id.clone();
                    let old = ledger.read(move |connection| tokens::get(connection, &wanted, None)).await?;
                    let Some(old) = old else { return unknown(&id) };
                    let (token, text) = old.renewed(At::now())?;
                    add(&ledger, &by, token, text, Some((old, overlap_ms))).await
                }
                Action::Revoke { id } => revoke(&ledger, &by, id).await,
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn be_known(ledger: &Ledger, owner: &Who) -> anyhow::Result<()> {
    let asked = owner.clone();
    let found = ledger.read(move |connection| users::find(connection, &asked)).await?;
    ensure!(
        found.is_some(),
        "there is no user {owner}, who is to own the token; hint: --owner NAME, and pushbutton user list"
    );
    Ok(())
}

/// Writes a token down and prints it; an old one ends after its overlap.
async fn add(
    ledger: &Ledger,
    by: &Who,
    token: Token,
    text: TokenText,
    old: Option<(Token, i64)>,
) -> anyhow::Result<()> {
    let (new, by, shown) = (token.clone(), by.to_string(), text.reveal());
    let added = ledger.write(move |tx| {
        let replaced = old.as_ref().map(|(old, overlap_ms)| (old, *overlap_ms));
        tokens::issue(tx, &by, &new, &text, replaced)
    });
    ensure!(
        added.await?,
        "{} has too many tokens; hint: pushbutton token list, then pushbutton token revoke ID",
        token.owner
    );
    say::line(&shown);
    say::aside(&format!(
        "token {} of {}, valid until {}; it is shown only once, so store it now",
        token.id,
        token.who()?,
        token.expires_at
    ));
    Ok(())
}

async fn list(ledger: &Ledger) -> anyhow::Result<()> {
    let all = ledger.read(|connection| tokens::all(connection, None)).await?;
    if all.is_empty() {
        say::aside("no tokens yet; hint: pushbutton token add ci --may publish:web,push:web/qa,see");
    }
    for token in all {
        let used = token.seen_at.map_or_else(|| "never used".to_owned(), |at| format!("last used {at}"));
        let ends = if token.expires_at <= At::now() { "expired" } else { "until" };
        say::line(&format!("{}  {}  {}  {used}  {ends} {}", token.id, token.who()?, token.scopes, token.expires_at));
    }
    Ok(())
}

async fn revoke(ledger: &Ledger, by: &Who, id: String) -> anyhow::Result<()> {
    let (gone, by) = (id.clone(), by.to_string());
    let revoked = ledger.write(move |tx| tokens::revoke(tx, &by, &gone, None));
    match revoked.await? {
        Some(token) => say::line(&format!("the token {id} of {} is revoked", token.who()?)),
        None => return unknown(&id),
    }
    Ok(())
}

fn unknown(id: &str) -> anyhow::Result<()> {
    bail!("there is no token {id:?}; hint: pushbutton token list")
}
