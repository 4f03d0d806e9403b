//! The forms that end one's own sessions: one, all but this browser's, all. It must never end anybody else's. Called by the routes.

use super::caller::{self, Caller, Proof};
use crate::ledger::{audit, known, sessions};
use crate::time::At;
use crate::web::app::App;
use crate::web::http::problem::{Problem, Reply};
use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Path};

/// `POST /account/sessions/{session}/end`
pub async fn end(app: Data<App>, caller: Caller, name: Path<String>) -> Reply {
    let (who, gone) = (caller.who.clone(), name.clone());
    let ended = app.desk.ledger().write(move |tx| {
        let began = sessions::end_named(tx, &who, &gone)?;
        if let Some(began) = &began {
            audit::note(
                tx,
                At::now(),
                who.as_str(),
                "sign out",
                who.as_str(),
                &format!("another browser, signed in since {began}"),
            )?;
        }
        Ok(began)
    });
    match ended.await? {
        Some(_) => Ok(HttpResponse::SeeOther().insert_header((LOCATION, "/account?done=session#sessions")).finish()),
        None => Err(Problem::unknown(format_args!("session {name}"))),
    }
}

/// `POST /account/sign-out-others`
pub async fn end_others(app: Data<App>, caller: Caller) -> Reply {
    let here = match &caller.proof {
        Proof::Session(session) => session.as_str().to_owned(),
        Proof::PushHost | Proof::Token(_) | Proof::Proxy(_) => String::new(),
    };
    let who = caller.who.clone();
    let ended = app.desk.ledger().write(move |tx| {
        let ended = sessions::end_others_of(tx, &who, &here)?;
        audit::note(
            tx,
            At::now(),
            who.as_str(),
            "sign out",
            who.as_str(),
            &format!("everywhere else: {ended} sessions"),
        )
    });
    ended.await?;
    Ok(HttpResponse::SeeOther().insert_header((LOCATION, "/account?done=sessions#sessions")).finish())
}

/// `POST /account/sign-out-everywhere`
pub async fn end_all(app: Data<App>, caller: Caller) -> Reply {
    let who = caller.who.clone();
    let ended = app.desk.ledger().write(move |tx| {
        sessions::end_all_of(tx, &who)?;
        known::forget(tx, &who)?;
        audit::note(tx, At::now(), who.as_str(), "sign out", who.as_str(), "everywhere")
    });
    ended.await?;
    Ok(HttpResponse::SeeOther().insert_header((LOCATION, "/sign-in")).cookie(caller::no_cookie(&app)).finish())
}
