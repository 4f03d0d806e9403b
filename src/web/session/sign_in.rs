//! Signing in and out: what a method in `method/` proves begins a session. It must never tell whether a name exists, and never check more than two passwords at once: each costs 19 MiB.
//! Called by the routes.

use super::caller;
use super::caller::{Caller, Proof};
use super::method::{self, Given};
use super::oidc::recheck;
use super::sign_in_view::{SignIn, SignedOut};
use super::tries::Trying;
use crate::address::encoded_path;
use crate::ledger::{known, sessions};
use crate::time::At;
use crate::web::app::App;
use crate::web::http::limits::body_timeout::InTime;
use crate::web::http::limits::client_address::ClientAddress;
use crate::web::http::origin::local_next;
use crate::web::http::problem::{Problem, Reply};
use crate::web::view::frame::Section;
use crate::web::view::page::{frame, page};
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Form, Query};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use serde::Deserialize;
use std::time::Instant;

/// What the form sends.
#[derive(Deserialize)]
pub struct Credentials {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
}

/// Where to go afterwards.
#[derive(Deserialize)]
pub struct Afterwards {
    /// One of our own addresses, or it is not taken.
    #[serde(default)]
    pub next: String,
}

/// `GET /sign-in`
pub async fn form(app: Data<App>, request: HttpRequest, query: Query<Afterwards>) -> Reply {
    let next = local_next(&query.next, app.sign_in_leads_to.iter().copied()).to_owned();
    show(&app, &request, StatusCode::OK, next, String::new(), None).await
}

/// `POST /sign-in`
pub async fn sign_in(app: Data<App>, request: HttpRequest, given: InTime<Form<Credentials>>) -> Reply {
    let InTime(Form(given)) = given;
    let next = local_next(&given.next, app.sign_in_leads_to.iter().copied()).to_owned();
    let name = given.name.trim().to_owned();
    let from = ClientAddress::of(&app.desk.config().trusted_proxies, &request);
    let trying = trying(&app, &request, &name, from).await?;
    if let Err(wait) = app.tries.take(&trying, Instant::now()) {
        app.failures.note(app.desk.ledger(), from, None, "too often");
        return Err(Problem::too_often("someone tried to sign in", wait));
    }
    let method = method::of(app.desk.config().auth.mode);
    let proven = match method.prove(&app, Given { name: &name, password: given.password, code: &given.code }).await? {
        Ok(proven) => proven,
        Err(problem) => {
            app.failures.note(app.desk.ledger(), from, Some(&name), "wrong");
            return show(&app, &request, StatusCode::FORBIDDEN, next, name, Some(problem)).await;
        }
    };
    let (entry, cookies) = caller::new_session(&app, &request, from)?;
    let who = proven.who.clone();
    let entered = app.desk.ledger().write(move |tx| {
        let holds = method.still_holds(tx, &proven)?;
        if holds.is_ok() {
            entry.enter(tx, &proven.who)?;
        }
        Ok(holds)
    });
    if let Err(problem) = entered.await? {
        app.failures.note(app.desk.ledger(), from, Some(&name), "wrong");
        return show(&app, &request, StatusCode::FORBIDDEN, next, name, Some(problem)).await;
    }
    app.tries.was_good(&trying);
    tracing::info!(%who, address = %from, "signed in");
    let mut answer = HttpResponse::SeeOther();
    answer.insert_header((LOCATION, next));
    for cookie in cookies {
        answer.cookie(cookie);
    }
    Ok(answer.finish())
}

/// `POST /sign-out`
pub async fn sign_out(app: Data<App>, caller: Caller) -> Reply {
    let elsewhere = sign_out_elsewhere(&app, &caller).await?;
    let cookie = caller::end(&app, &caller).await?;
    let Some(elsewhere) = elsewhere else {
        return Ok(HttpResponse::SeeOther().insert_header((LOCATION, "/sign-in")).cookie(cookie).finish());
    };
    // Not a redirect: a form leads to this site alone (`form-action` of the Content-Security-Policy).
    let frame = frame(&app, None, Section::Nowhere).await;
    let mut answer = page(StatusCode::OK, app.pages.signed_out(&frame, &SignedOut { elsewhere })?);
    answer.add_cookie(&cookie).map_err(Problem::broken)?;
    Ok(answer)
}

/// Where the caller is to sign out of the provider of accounts too.
async fn sign_out_elsewhere(app: &App, caller: &Caller) -> Result<Option<String>, Problem> {
    let (Some(provider), Proof::Session(session)) = (&app.provider, &caller.proof) else { return Ok(None) };
    let hash = session.as_str().to_owned();
    let found = app.desk.ledger().read(move |connection| sessions::find(connection, &hash, At::now())).await?;
    match found.and_then(|found| recheck::kept(app, session.as_str(), &found)) {
        Some(kept) => Ok(provider.sign_out(&kept).await),
        None => Ok(None),
    }
}

/// Who tries, as far as it is known: whether this browser, or someone at this address, has signed in to the account before.
async fn trying(app: &App, request: &HttpRequest, name: &str, from: ClientAddress) -> Result<Trying, Problem> {
    // Names are as long as someone likes; what counts them is not.
    let account: String = name.chars().take(64).collect();
    let address = from.counted_as();
    let browser = caller::browser_of(app, request);
    let (asked, place, at) = (account.clone(), browser.clone(), known::address(&address));
    let known = app.desk.ledger().read(move |connection| {
        let now = At::now();
        let browser = place.map(|hash| known::has(connection, &asked, &known::browser(&hash), now)).transpose()?;
        Ok((browser == Some(true), known::has(connection, &asked, &at, now)?))
    });
    let (known_browser, known_address) = known.await?;
    Ok(Trying { account, address, browser: browser.filter(|_| known_browser), known_address })
}

/// The page for signing in.
pub(super) async fn show(
    app: &App,
    request: &HttpRequest,
    status: StatusCode,
    next: String,
    name: String,
    problem: Option<String>,
) -> Reply {
    let caller = request.extensions().get::<Caller>().cloned();
    let frame = frame(app, caller.as_ref(), Section::Nowhere).await;
    let auth = &app.desk.config().auth;
    let method = method::of(auth.mode);
    let sign_in = SignIn {
        form: method.form(),
        provider: format!("/sign-in/oidc?next={}", encoded_path(&next)),
        keeps_passwords: method.keeps_passwords(),
        next,
        name,
        problem,
        ask: auth.ask.clone(),
    };
    Ok(page(status, app.pages.sign_in(&frame, &sign_in)?))
}
