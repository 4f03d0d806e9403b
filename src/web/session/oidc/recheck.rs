//! Whether the provider still vouches for the people of sessions: asked every few minutes while a session is used, by its refresh token. It
//! must never ask twice at once for one session (a provider takes a token that is used twice for stolen), and never end a session
//! because a provider is down, before an hour is over. Called where a request is let in, by the streams' looks, and by a task of its own.

use super::provider::{Kept, Refused};
use crate::ledger::sessions::{self, Session};
use crate::ledger::{LedgerResult, accounts, audit};
use crate::time::At;
use crate::web::app::App;
use futures::future::join_all;
use std::time::Duration;

/// The provider is asked that often about a session in use.
const ASK_EVERY_MS: i64 = 2 * 60_000;
/// A session that was not confirmed for so long is confirmed before a request of it is let in.
const STALE_MS: i64 = 4 * 60_000;
/// Without the provider's word nobody is signed in for longer: as long as it may be down.
pub const CONFIRMED_FOR_MS: i64 = 3_600_000;
/// How often the sessions in use are gone through.
const ROUND: Duration = Duration::from_secs(10);
/// Questions to the provider at once.
const AT_ONCE: usize = 8;

/// A session that is about to be used, as it is after the provider was asked where that is due; none when it is over.
///
/// # Errors
/// When the ledger does not answer.
pub async fn confirmed(app: &App, hash: &str, found: Session) -> LedgerResult<Option<Session>> {
    app.rechecks.in_use(hash);
    let age = |session: &Session| session.checked_at.map_or(i64::MAX, |at| At::now().millis_since(at));
    if age(&found) < STALE_MS {
        return Ok(Some(found));
    }
    recheck(app, hash).await?;
    let asked = hash.to_owned();
    let found = app.desk.ledger().read(move |connection| sessions::find(connection, &asked, At::now())).await?;
    Ok(found.filter(|found| age(found) < CONFIRMED_FOR_MS))
}

/// Asks the provider about the sessions in use, round by round.
pub async fn rounds(app: &App) {
    loop {
        tokio::time::sleep(ROUND).await;
        for some in app.rechecks.used().chunks(AT_ONCE) {
            for result in join_all(some.iter().map(|hash| recheck(app, hash))).await {
                if let Err(error) = result {
                    tracing::warn!(%error, "a session could not be confirmed");
                }
            }
        }
    }
}

/// Asks the provider about a session, if that is due.
async fn recheck(app: &App, hash: &str) -> LedgerResult<()> {
    let Some(provider) = &app.provider else { return Ok(()) };
    let turn = app.rechecks.turn(hash);
    let _turn = turn.lock().await;
    let asked = hash.to_owned();
    let found = app.desk.ledger().read(move |connection| sessions::find(connection, &asked, At::now())).await?;
    let Some(session) = found else { return Ok(()) };
    let fresh = session.checked_at.is_some_and(|at| At::now().millis_since(at) < ASK_EVERY_MS);
    if fresh || app.rechecks.has_failed(hash) {
        return Ok(());
    }
    let kept = session.provider.as_deref().and_then(|sealed| provider.sealer.open(&purpose(hash), sealed));
    let Some(kept) = kept.and_then(|text| serde_json::from_str::<Kept>(&text).ok()) else {
        return end(app, hash, &session, "what the provider gave for it cannot be read any more").await;
    };
    let granted = match provider.renew(&kept).await {
        Ok(granted) if granted.who.as_ref().is_some_and(|who| *who != session.who) => {
            return end(app, hash, &session, "they have another name at the provider").await;
        }
        Ok(granted) => granted,
        Err(refused @ (Refused::ByProvider(_) | Refused::Nobody(_))) => {
            tracing::info!(who = %session.who, %refused, "a session ends");
            return end(app, hash, &session, "the provider does not confirm it any more").await;
        }
        Err(Refused::Unreachable(why)) => {
            app.rechecks.note_failure(hash);
            tracing::warn!(%why, "the provider of accounts cannot be asked");
            return Ok(());
        }
    };
    let Some(sealed) = seal(app, hash, &granted.kept) else { return Ok(()) };
    let (hash, groups) = (hash.to_owned(), granted.groups.unwrap_or(session.groups));
    let confirmed = app.desk.ledger().write(move |tx| {
        sessions::confirm(tx, &hash, &groups, &sealed, At::now())?;
        accounts::confirm(tx, &session.who, &groups, At::now())
    });
    confirmed.await
}

async fn end(app: &App, hash: &str, session: &Session, why: &'static str) -> LedgerResult<()> {
    let (hash, who) = (hash.to_owned(), session.who.clone());
    let ended = app.desk.ledger().write(move |tx| {
        sessions::end(tx, &hash)?;
        accounts::doubt(tx, &who, At::now())?;
        audit::note(tx, At::now(), who.as_str(), "sign out", who.as_str(), why)
    });
    ended.await
}

/// What is kept of the provider with a session, sealed; none where it cannot be.
pub fn seal(app: &App, hash: &str, kept: &Kept) -> Option<String> {
    let text = serde_json::to_string(kept).ok()?;
    app.provider.as_ref()?.sealer.seal(&purpose(hash), &text).ok()
}

/// What is kept of the provider with a session.
pub fn kept(app: &App, hash: &str, session: &Session) -> Option<Kept> {
    let text = app.provider.as_ref()?.sealer.open(&purpose(hash), session.provider.as_deref()?)?;
    serde_json::from_str(&text).ok()
}

/// What is sealed for one session is nothing in another one's row.
fn purpose(hash: &str) -> String {
    format!("session {hash}")
}
