//! `auth.mode = "proxy"`: a proxy signs people in, and says who they are with each request (`session/proxy_door.rs`). Nobody signs in here: it
//! must never begin a session.

use super::sign_in::{Answer, Asks, Given, Proven, SignIn, SignInForm};
use crate::ledger::{LedgerResult, accounts};
use crate::stack::Who;
use crate::time::At;
use crate::web::app::App;
use futures::future::LocalBoxFuture;
use rusqlite::{Connection, Transaction};
use std::future::ready;

/// What is said to who sends a form all the same.
const ELSEWHERE: &str = "A proxy signs people in here: open Pushbutton at the proxy's address.";

/// A proxy signs people in.
pub(crate) struct Proxy;

impl SignIn for Proxy {
    fn form(&self) -> SignInForm {
        SignInForm {
            heading: "Your proxy signs you in",
            explanation: Some(
                "Pushbutton is behind a proxy that says who you are. To sign out, or in as someone else, do it there. If you came by the \
                 proxy and see this page, it named nobody.",
            ),
            asks: Asks::Nothing,
            button: "Continue",
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
