//! `auth.mode = "oidc"`: the accounts of a provider. The form leads to it; who comes back is proven in `session/oidc/`. It must never let
//! anybody in by what a form says.

use super::sign_in::{Answer, Asks, Given, Proven, SignIn, SignInForm};
use crate::ledger::{LedgerResult, accounts};
use crate::stack::Who;
use crate::time::At;
use crate::web::app::App;
use futures::future::LocalBoxFuture;
use rusqlite::{Connection, Transaction};
use std::future::ready;

/// Where the form leads, and what is said to who sends a form all the same.
const ELSEWHERE: &str = "People sign in with the accounts of your organization here.";

/// The accounts of a provider.
pub(crate) struct Oidc;

impl SignIn for Oidc {
    fn form(&self) -> SignInForm {
        SignInForm {
            heading: "Sign in to push",
            explanation: Some("Pushbutton uses the accounts of your organization."),
            asks: Asks::Provider,
            button: "Sign in",
        }
    }

    fn keeps_passwords(&self) -> bool {
        false
    }

    fn needs_account(&self) -> bool {
        false
    }

    fn prove<'a>(&'a self, _: &'a App, _: Given<'a>) -> LocalBoxFuture<'a, Answer> {
        Box::pin(ready(Ok(Err(ELSEWHERE.to_owned()))))
    }

    fn still_holds(&self, _: &Transaction<'_>, _: &Proven) -> LedgerResult<Result<(), String>> {
        Ok(Err(ELSEWHERE.to_owned()))
    }

    fn person(&self, _: &Connection, _: &Who) -> LedgerResult<Option<Option<String>>> {
        Ok(Some(None))
    }

    fn owner(&self, connection: &Connection, who: &Who, now: At) -> LedgerResult<Option<Vec<String>>> {
        let account = accounts::find(connection, who)?;
        Ok(account.filter(|account| accounts::still_counts(account.confirmed_at, now)).map(|account| account.groups))
    }
}
