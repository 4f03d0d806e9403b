//! The forms of one's own second factor. Nothing is kept before a code of the app was shown, and nothing changes without the password: whoever
//! sits at someone's open browser must not lock them out. It must never show a secret or recovery codes but in the answer to the
//! request that made them. Called by the routes.

use crate::ledger::second_factor::{self, TotpSecret};
use crate::ledger::{audit, users};
use crate::time::At;
use crate::web::app::App;
use crate::web::http::limits::body_timeout::InTime;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::account::{Notices, draw, own_tries};
use crate::web::session::caller::Caller;
use crate::web::session::method;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Form};
use serde::Deserialize;
use std::time::Instant;

/// What the forms send.
#[derive(Deserialize)]
pub struct Typed {
    #[serde(default)]
    current: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    secret: String,
}

const WRONG: &str = "Wrong password or code; nothing was changed.";

/// `POST /account/totp`: the secret for the app, which is kept nowhere yet.
pub async fn begin(app: Data<App>, caller: Caller) -> Reply {
    must_have_password(&app)?;
    let secret = TotpSecret::new().map_err(Problem::broken)?;
    draw(&app, &caller, StatusCode::OK, Notices { totp_secret: Some(secret), ..Notices::default() }).await
}

/// `POST /account/totp/confirm`: a code of the app shows that it has the secret.
pub async fn confirm(app: Data<App>, caller: Caller, given: InTime<Form<Typed>>) -> Reply {
    let InTime(Form(typed)) = given;
    must_have_password(&app)?;
    let secret =
        TotpSecret::read(&typed.secret).ok_or_else(|| Problem::bad_request("the secret is not the one shown"))?;
    let again = async |why: &str| {
        let notices =
            Notices { totp_secret: Some(secret.clone()), totp_problem: Some(why.to_owned()), ..Notices::default() };
        draw(&app, &caller, StatusCode::FORBIDDEN, notices).await
    };
    let trying = own_tries(&caller);
    app.tries.take(&trying, Instant::now()).map_err(|wait| Problem::too_often("you tried a code", wait))?;
    let user = method::password::checked(&app, caller.who.as_str(), typed.current).await?;
    let (Some(user), Some(step)) = (user, secret.step_of(&typed.code, At::now())) else { return again(WRONG).await };
    app.tries.was_good(&trying);
    let codes = second_factor::recovery_codes().map_err(Problem::broken)?;
    let (kept, shown, who) = (codes.clone(), secret.clone(), user.name);
    let set = app.desk.ledger().write(move |tx| {
        let set = second_factor::set(tx, &who, &shown, step, &kept)?;
        if set {
            audit::note(tx, At::now(), who.as_str(), "second factor", who.as_str(), "set up their own")?;
        }
        Ok(set)
    });
    if !set.await? {
        return Err(Problem::bad_request("you have a second factor already; turn that off first"));
    }
    draw(&app, &caller, StatusCode::OK, Notices { recovery_codes: codes, ..Notices::default() }).await
}

/// `POST /account/totp/remove`
pub async fn remove(app: Data<App>, caller: Caller, given: InTime<Form<Typed>>) -> Reply {
    let InTime(Form(typed)) = given;
    must_have_password(&app)?;
    let trying = own_tries(&caller);
    app.tries.take(&trying, Instant::now()).map_err(|wait| Problem::too_often("you tried a code", wait))?;
    let user = method::password::checked(&app, caller.who.as_str(), typed.current).await?;
    let who = caller.who.clone();
    let removed = app.desk.ledger().write(move |tx| {
        let is_theirs = user.is_some_and(|user| matches!(users::find(tx, &who), Ok(Some(now)) if now == user));
        let used = second_factor::of(tx, &who)?.and_then(|factor| factor.used(&typed.code, At::now()));
        let (true, Some(_)) = (is_theirs, used) else { return Ok(false) };
        audit::note(tx, At::now(), who.as_str(), "second factor", who.as_str(), "turned off their own")?;
        second_factor::remove(tx, &who)
    });
    if !removed.await? {
        let notices = Notices { totp_problem: Some(WRONG.to_owned()), ..Notices::default() };
        return draw(&app, &caller, StatusCode::FORBIDDEN, notices).await;
    }
    app.tries.was_good(&trying);
    Ok(HttpResponse::SeeOther().insert_header((LOCATION, "/account?done=totp#totp")).finish())
}

fn must_have_password(app: &App) -> Result<(), Problem> {
    match method::of(app.desk.config().auth.mode).keeps_passwords() {
        true => Ok(()),
        false => {
            Err(Problem::bad_request("a second factor is beside a password of this server: people sign in another way"))
        }
    }
}
