//! `auth.mode = "open"`: a name is believed. It must never be used where strangers come (the server's file is refused then).

use super::sign_in::{Answer, Asks, Given, Proven, SignIn, SignInForm};
use crate::ledger::LedgerResult;
use crate::stack::Who;
use crate::time::At;
use crate::web::app::App;
use futures::future::LocalBoxFuture;
use rusqlite::{Connection, Transaction};
use std::future::ready;

/// A name is believed.
pub(crate) struct Open;

impl SignIn for Open {
    fn form(&self) -> SignInForm {
        SignInForm {
            heading: "Who are you?",
            explanation: Some(
                "This Pushbutton has no passwords: it listens only on this machine, and asks for a name so that the push log can \
                 show who pushed.",
            ),
            asks: Asks::Name,
            button: "Continue",
        }
    }

    fn keeps_passwords(&self) -> bool {
        false
    }

    fn needs_account(&self) -> bool {
        false
    }

    fn prove<'a>(&'a self, _: &'a App, given: Given<'a>) -> LocalBoxFuture<'a, Answer> {
        let found =
            given.name.parse::<Who>().map(|who| Proven { who, by: None, code: None }).map_err(|bad| bad.to_string());
        Box::pin(ready(Ok(found)))
    }

    fn still_holds(&self, _: &Transaction<'_>, _: &Proven) -> LedgerResult<Result<(), String>> {
        Ok(Ok(()))
    }

    fn person(&self, _: &Connection, _: &Who) -> LedgerResult<Option<Option<String>>> {
        Ok(Some(None))
    }

    fn owner(&self, _: &Connection, _: &Who, _: At) -> LedgerResult<Option<Vec<String>>> {
        Ok(Some(Vec::new()))
    }
}
