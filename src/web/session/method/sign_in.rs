//! What every way to sign in answers. It must never begin a session: that is the form's.

use crate::ledger::LedgerResult;
use crate::ledger::second_factor::UsedCode;
use crate::ledger::users::PasswordHash;
use crate::stack::Who;
use crate::time::At;
use crate::web::app::App;
use crate::web::http::problem::Problem;
use futures::future::LocalBoxFuture;
use rusqlite::{Connection, Transaction};
use serde::Serialize;

/// Someone, as a method found them.
#[derive(Clone, Debug)]
pub(crate) struct Proven {
    /// Who it is.
    pub who: Who,
    /// What the method found them by, to be looked at again when the session begins.
    pub by: Option<PasswordHash>,
    /// The code beside it, which is used up then.
    pub code: Option<UsedCode>,
}

/// What a browser gives to be let in. A method that needs more of the request, such as a header, adds it here.
pub(crate) struct Given<'a> {
    /// The name from the form; empty where it asks for none.
    pub name: &'a str,
    /// The password from the form; empty where it asks for none.
    pub password: String,
    /// The code of a second factor; empty for who has none.
    pub code: &'a str,
}

/// What the form asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Asks {
    /// A name and a password.
    NameAndPassword,
    /// A name alone.
    Name,
    /// Nothing here: it leads to the provider of accounts.
    Provider,
    /// Nothing: the request says who it is.
    Nothing,
}

/// The answer of a method: who it is, or what the page says to who is not let in.
pub(crate) type Answer = Result<Result<Proven, String>, Problem>;

/// The form as who comes meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SignInForm {
    /// What stands above it.
    pub heading: &'static str,
    /// A sentence below that, where the heading does not say enough.
    pub explanation: Option<&'static str>,
    /// What it asks for.
    pub asks: Asks,
    /// What stands on its button.
    pub button: &'static str,
}

/// A way to sign in.
pub(crate) trait SignIn: Send + Sync {
    /// The form.
    fn form(&self) -> SignInForm;

    /// Whether people have passwords of this server, which they can change on their account's page.
    fn keeps_passwords(&self) -> bool;

    /// Whether people have accounts on this server; then the sessions of who has none any more are over.
    fn needs_account(&self) -> bool;

    /// Who it is that gives this.
    fn prove<'a>(&'a self, app: &'a App, given: Given<'a>) -> LocalBoxFuture<'a, Answer>;

    /// Whether what was proven still holds, in the transaction that begins the session; else what the page says.
    ///
    /// # Errors
    /// What SQLite said.
    fn still_holds(&self, tx: &Transaction<'_>, proven: &Proven) -> LedgerResult<Result<(), String>>;

    /// The full name of the person of a session, where the method knows one; none at all when they are nobody any more.
    ///
    /// # Errors
    /// What SQLite said.
    fn person(&self, connection: &Connection, who: &Who) -> LedgerResult<Option<Option<String>>>;

    /// The groups of someone whose program asks, where the method knows some; none at all when their programs are let in no more.
    ///
    /// # Errors
    /// What SQLite said, or a row that cannot be read.
    fn owner(&self, connection: &Connection, who: &Who, now: At) -> LedgerResult<Option<Vec<String>>>;
}
