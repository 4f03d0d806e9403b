//! What log and audit say of tries to sign in that failed, by a person or a program: in the audit a bounded number of rows, and how many
//! were left out. It must never let strangers fill the ledger.

use crate::ledger::audit::place::carried;
use crate::ledger::{Ledger, audit, users};
use crate::stack::Who;
use crate::time::At;
use crate::web::http::limits::client_address::ClientAddress;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Rows that failed tries add to the audit in [`FAILURES_IN`], at most.
const FAILURES_WRITTEN: usize = 30;

const FAILURES_IN: Duration = Duration::from_secs(60);

/// Bounds what strangers can write into the audit: so many rows a minute, and then how many were left out.
#[derive(Debug, Default)]
pub struct Failures(Mutex<(Option<Instant>, usize, usize)>);

/// How log and audit name whoever is nobody here.
const NOBODY: &str = "nobody";

impl Failures {
    /// Logs that someone did not get in, and writes it into the audit, beside the answer: it takes as long whether the name is anybody's
    /// or not. What was typed as a name is told only where it is someone's: it may be a password.
    pub fn note(&self, ledger: &Ledger, from: ClientAddress, name: Option<&str>, why: &'static str) {
        let (ledger, who) = (ledger.clone(), name.and_then(|name| name.parse::<Who>().ok()));
        let note = self.take(Instant::now());
        tokio::spawn(carried(async move {
            let found = match who {
                Some(who) => {
                    ledger.read(move |connection| Ok(users::find(connection, &who)?.map(|user| user.name))).await
                }
                None => Ok(None),
            };
            let account = found.ok().flatten().map_or_else(|| NOBODY.to_owned(), |who| who.to_string());
            // The line that fail2ban looks for (docs/operating.md), by a name that stays where the file does not.
            tracing::warn!(target: "pushbutton::web::sign_in", address = %from, %account, why, "sign-in failed");
            let Some(left_out) = note else { return };
            let more = match left_out {
                0 => String::new(),
                more => format!("; {more} more before it are only in the log"),
            };
            let audit_text = format!("from {from}: {why}{more}");
            if let Err(error) = ledger
                .write(move |tx| audit::note(tx, At::now(), &account, "sign-in failed", &account, &audit_text))
                .await
            {
                tracing::warn!(%error, "a failed sign-in is not in the audit");
            }
        }));
    }

    /// Whether the audit gets a row now, and how many it did not get before.
    pub fn take(&self, now: Instant) -> Option<usize> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, written, left_out) = &mut *kept;
        if since.is_none_or(|since| now.saturating_duration_since(since) >= FAILURES_IN) {
            (*since, *written) = (Some(now), 0);
        }
        match *written < FAILURES_WRITTEN {
            true => {
                *written += 1;
                Some(std::mem::take(left_out))
            }
            false => {
                *left_out += 1;
                None
            }
        }
    }
}
