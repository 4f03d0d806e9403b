//! The forms by which an administrator ends what somebody else has: one session, all of them, one token, all of them; each with its line in
//! the audit. It must never begin anything. Called by the routes.

use super::view::href;
use crate::ledger::{audit, known, sessions, tokens};
use crate::stack::Who;
use crate::time::At;
use crate::web::app::App;
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Path};

/// `POST /people/{who}/sessions/{session}/end`
pub async fn end_session(app: Data<App>, caller: Caller, path: Path<(String, String)>) -> Reply {
    let (who, name) = path.into_inner();
    let who: Who = named("person", &who)?;
    let (by, of, gone) = (caller.who, who.clone(), name.clone());
    let ended = app.desk.ledger().write(move |tx| {
        let began = sessions::end_named(tx, &of, &gone)?;
        if let Some(began) = &began {
            let detail = format!("by an administrator: a browser, signed in since {began}");
            audit::note(tx, At::now(), by.as_str(), "sign out", of.as_str(), &detail)?;
        }
        Ok(began)
    });
    match ended.await? {
        Some(_) => Ok(back_to(&who, "session")),
        None => Err(Problem::unknown(format_args!("session {name}"))),
    }
}

/// `POST /people/{who}/sign-out`
pub async fn end_sessions(app: Data<App>, caller: Caller, who: Path<String>) -> Reply {
    let who: Who = named("person", &who)?;
    let (by, of) = (caller.who, who.clone());
    let ended = app.desk.ledger().write(move |tx| {
        sessions::end_all_of(tx, &of)?;
        known::forget(tx, &of)?;
        audit::note(tx, At::now(), by.as_str(), "sign out", of.as_str(), "by an administrator: everywhere")
    });
    ended.await?;
    Ok(back_to(&who, "sessions"))
}

/// `POST /people/{who}/tokens/{token}/revoke`
pub async fn revoke_token(app: Data<App>, caller: Caller, path: Path<(String, String)>) -> Reply {
    let (who, id) = path.into_inner();
    let who: Who = named("person", &who)?;
    let (by, of, gone) = (caller.who, who.clone(), id.clone());
    let revoked = app.desk.ledger().write(move |tx| tokens::revoke(tx, by.as_str(), &gone, Some(&of)));
    match revoked.await? {
        Some(_) => Ok(back_to(&who, "token")),
        None => Err(Problem::unknown(format_args!("token {id}"))),
    }
}

/// `POST /people/{who}/revoke-tokens`
pub async fn revoke_tokens(app: Data<App>, caller: Caller, who: Path<String>) -> Reply {
    let who: Who = named("person", &who)?;
    let (by, of) = (caller.who, who.clone());
    let revoked = app.desk.ledger().write(move |tx| {
        for token in tokens::all(tx, Some(&of))? {
            tokens::revoke(tx, by.as_str(), &token.id, Some(&of))?;
        }
        Ok(())
    });
    revoked.await?;
    Ok(back_to(&who, "tokens"))
}

/// The page of the person, or that of all: who had nothing but this is not on it any more.
fn back_to(who: &Who, done: &str) -> HttpResponse {
    let address = format!("{}?done={done}", href(who));
    HttpResponse::SeeOther().insert_header((LOCATION, address)).finish()
}
