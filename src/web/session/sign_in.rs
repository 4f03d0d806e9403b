//! Signing in and out. In open mode a name is asked for once and believed (loopback only); else name and password. It
//! must never tell whether a name exists, and never check more than two passwords at once: each costs 19 MiB.
//! Called by the routes.

use super::caller;
use super::caller::Caller;
use super::sign_in_view::SignIn;
use super::tries::Trying;
use crate::config::AuthMode;
use crate::ledger::users::{self, User};
use crate::ledger::{audit, known};
use crate::stack::Who;
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
use std::time::{Duration, Instant};

/// How log and audit name whoever is nobody here.
const NOBODY: &str = "nobody";
/// How long somebody waits for their turn to have a password checked.
const TURN: Duration = Duration::from_secs(5);
/// The one message for unknown names and wrong passwords.
const WRONG: &str = "Wrong name or password.";

/// What the form sends.
#[derive(Deserialize)]
pub struct Credentials {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

/// Where to go afterwards.
#[derive(Deserialize)]
pub struct Afterwards {
    #[serde(default)]
    next: String,
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
        failed(&app, from, None, "too often");
        return Err(Problem::too_often("somebody tried to sign in", wait));
    }
    let found = match app.desk.config().auth.mode {
        AuthMode::Open => name.parse::<Who>().map(|who| (who, None)).map_err(|bad| bad.to_string()),
        AuthMode::Password => match checked(&app, &name, given.password).await? {
            Some(user) => Ok((user.name, Some(user.password))),
            None => Err(WRONG.to_owned()),
        },
    };
    let (who, verified) = match found {
        Ok(found) => found,
        Err(problem) => {
            failed(&app, from, Some(&name), "wrong");
            return show(&app, &request, StatusCode::FORBIDDEN, next, name, Some(problem)).await;
        }
    };
    let (entry, cookies) = caller::new_session(&app, &request, from)?;
    let asked = who.clone();
    let entered = app.desk.ledger().write(move |tx| {
        // A password that was taken away while it was looked at lets nobody in, nor does an account that is gone.
        if let Some(verified) = verified
            && users::find(tx, &asked)?.is_none_or(|user| user.password != verified)
        {
            return Ok(false);
        }
        entry.enter(tx, &asked)?;
        Ok(true)
    });
    if !entered.await? {
        failed(&app, from, Some(&name), "wrong");
        return show(&app, &request, StatusCode::FORBIDDEN, next, name, Some(WRONG.to_owned())).await;
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
    let cookie = caller::end(&app, &caller).await?;
    Ok(HttpResponse::SeeOther().insert_header((LOCATION, "/sign-in")).cookie(cookie).finish())
}

/// Who tries, as far as it is known: whether this browser, or somebody at this address, has signed in to the account before.
async fn trying(app: &App, request: &HttpRequest, name: &str, from: ClientAddress) -> Result<Trying, Problem> {
    // Names are as long as somebody likes; what counts them is not.
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

/// Logs that somebody did not get in, and writes it into the audit, beside the answer: it takes as long whether the name is anybody's
/// or not. What was typed as a name is told only where it is somebody's: it may be a password.
fn failed(app: &App, from: ClientAddress, name: Option<&str>, why: &'static str) {
    let (ledger, who) = (app.desk.ledger().clone(), name.and_then(|name| name.parse::<Who>().ok()));
    let note = app.failures.take(Instant::now());
    tokio::spawn(async move {
        let found = match who {
            Some(who) => ledger.read(move |connection| Ok(users::find(connection, &who)?.map(|user| user.name))).await,
            None => Ok(None),
        };
        let account = found.ok().flatten().map_or_else(|| NOBODY.to_owned(), |who| who.to_string());
        // The line that fail2ban looks for (docs/operating.md).
        tracing::warn!(address = %from, %account, why, "sign-in failed");
        let Some(left_out) = note else { return };
        let more = match left_out {
            0 => String::new(),
            more => format!("; {more} more before it are in the log alone"),
        };
        let deed = format!("from {from}: {why}{more}");
        if let Err(error) = ledger.write(move |tx| audit::note(tx, At::now(), &account, "sign-in failed", &deed)).await
        {
            tracing::warn!(%error, "a failed sign-in is not in the audit");
        }
    });
}

/// The person, when the password is theirs. An unknown name takes as long as a wrong password.
///
/// # Errors
/// When too many sign in at once, or the ledger does not answer.
pub async fn checked(app: &App, name: &str, password: String) -> Result<Option<User>, Problem> {
    let user = match name.parse::<Who>().ok() {
        Some(who) => app.desk.ledger().read(move |connection| users::find(connection, &who)).await?,
        None => None,
    };
    let turn = tokio::time::timeout(TURN, app.verifications.acquire()).await;
    let Ok(Ok(_turn)) = turn else { return Err(Problem::busy()) };
    let checked = tokio::task::spawn_blocking(move || {
        let matches = users::password_matches(user.as_ref(), &password);
        user.filter(|_| matches)
    });
    checked.await.map_err(Problem::broken)
}

async fn show(
    app: &App,
    request: &HttpRequest,
    status: StatusCode,
    next: String,
    name: String,
    problem: Option<String>,
) -> Reply {
    let caller = request.extensions().get::<Caller>().cloned();
    let frame = frame(app, caller.as_ref(), Section::Nowhere).await;
    let open = app.desk.config().auth.mode == AuthMode::Open;
    Ok(page(
        status,
        app.pages.sign_in(&frame, &SignIn { open, next, name, problem, ask: app.desk.config().auth.ask.clone() })?,
    ))
}
