//! `auth.mode = "password"`: a name and a password of this server. It must never take longer, or say anything else, for a name that
//! is nobody's.

use super::sign_in::{Answer, Asks, Given, Proven, SignIn, SignInForm};
use crate::ledger::users::{self, User};
use crate::ledger::{LedgerResult, second_factor};
use crate::stack::Who;
use crate::time::At;
use crate::web::app::App;
use crate::web::http::problem::Problem;
use futures::future::LocalBoxFuture;
use rusqlite::{Connection, Transaction};
use std::time::Duration;

/// How long someone waits for their turn to have a password checked.
const TURN: Duration = Duration::from_secs(5);
/// The one message for unknown names and wrong passwords.
const WRONG: &str = "Wrong name or password, or a wrong code.";

/// A name and a password of this server.
pub(crate) struct Password;

impl SignIn for Password {
    fn form(&self) -> SignInForm {
        SignInForm { heading: "Sign in to push", explanation: None, asks: Asks::NameAndPassword, button: "Sign in" }
    }

    fn keeps_passwords(&self) -> bool {
        true
    }

    fn needs_account(&self) -> bool {
        true
    }

    fn prove<'a>(&'a self, app: &'a App, given: Given<'a>) -> LocalBoxFuture<'a, Answer> {
        Box::pin(async move {
            let Some(user) = checked(app, given.name, given.password).await? else { return Ok(Err(WRONG.to_owned())) };
            let name = user.name.clone();
            let factor = app.desk.ledger().read(move |connection| second_factor::of(connection, &name)).await?;
            let code = match factor.map(|factor| factor.used(given.code, At::now())) {
                Some(None) => return Ok(Err(WRONG.to_owned())),
                Some(Some(code)) => Some(code),
                None => None,
            };
            Ok(Ok(Proven { who: user.name, by: Some(user.password), code }))
        })
    }

    /// A password that was taken away while it was looked at lets nobody in, nor does an account that is gone.
    fn still_holds(&self, tx: &Transaction<'_>, proven: &Proven) -> LedgerResult<Result<(), String>> {
        let is_theirs = users::find(tx, &proven.who)?.is_some_and(|user| Some(user.password) == proven.by);
        let holds = is_theirs
            && match &proven.code {
                Some(code) => second_factor::use_up(tx, &proven.who, code)?,
                None => second_factor::of(tx, &proven.who)?.is_none(),
            };
        Ok(if holds { Ok(()) } else { Err(WRONG.to_owned()) })
    }

    /// A person who was removed is nobody from now on, whatever their browser holds.
    fn person(&self, connection: &Connection, who: &Who) -> LedgerResult<Option<Option<String>>> {
        Ok(users::find(connection, who)?.map(|user| Some(user.full_name)))
    }

    fn owner(&self, connection: &Connection, who: &Who, _: At) -> LedgerResult<Option<Vec<String>>> {
        Ok(users::find(connection, who)?.map(|_| Vec::new()))
    }
}

/// The person, when the password is theirs. An unknown name takes as long as a wrong password.
///
/// # Errors
/// When too many sign in at once, or the ledger does not answer.
pub(crate) async fn checked(app: &App, name: &str, password: String) -> Result<Option<User>, Problem> {
    let user = match name.parse::<Who>().ok() {
        Some(who) => app.desk.ledger().read(move |connection| users::find(connection, &who)).await?,
        None => None,
    };
    let turn = tokio::time::timeout(TURN, app.verifications.acquire()).await;
    let Ok(Ok(_turn)) = turn else { return Err(Problem::busy("too many sign-ins at this moment")) };
    let checked = tokio::task::spawn_blocking(move || {
        let matches = users::password_matches(user.as_ref(), &password);
        user.filter(|_| matches)
    });
    checked.await.map_err(Problem::broken)
}
