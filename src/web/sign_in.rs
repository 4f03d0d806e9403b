//! Signing in and out. In open mode a name is asked for once and believed (loopback only); else name and password. It
//! must never tell whether a name exists, and never check more than two passwords at once: each costs 19 MiB.
//! Called by the routes.

use super::App;
use super::asking::{self, Caller};
use super::frame::{frame, page};
use super::in_time::InTime;
use super::origin::local_next;
use super::pages::{Section, SignIn};
use super::problem::{Problem, Reply};
use super::routes;
use crate::config::AuthMode;
use crate::ledger::users;
use crate::stack::Who;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Form, Query};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use serde::Deserialize;
use std::time::{Duration, Instant};

/// Checks of a password at once.
pub const VERIFICATIONS: usize = 2;
/// Tries a minute for one account from one address.
pub const TRIES_OF_ACCOUNT: usize = 5;
/// Tries a minute from one address, whatever the account: a whole office may sit behind one.
pub const TRIES_OF_ADDRESS: usize = 30;
/// How long somebody waits for their turn to have a password checked.
const TURN: Duration = Duration::from_secs(5);
/// The one message for unknown names and wrong passwords.
const WRONG: &str = "That name and password do not belong together.";

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
    let next = local_next(&query.next, routes::pages()).to_owned();
    show(&app, &request, StatusCode::OK, next, String::new(), None).await
}

/// `POST /sign-in`
pub async fn sign_in(app: Data<App>, request: HttpRequest, given: InTime<Form<Credentials>>) -> Reply {
    let InTime(Form(given)) = given;
    let next = local_next(&given.next, routes::pages()).to_owned();
    let name = given.name.trim().to_owned();
    take_turn(&app, &request, &name)?;
    let who = match app.desk.config().auth.mode {
        AuthMode::Open => name.parse::<Who>().map_err(|bad| bad.to_string()),
        AuthMode::Password => checked(&app, &name, given.password).await?.ok_or_else(|| WRONG.to_owned()),
    };
    match who {
        Ok(who) => {
            let cookie = asking::begin(&app, request.headers(), &who).await?;
            tracing::info!(%who, "signed in");
            Ok(HttpResponse::SeeOther().insert_header((LOCATION, next)).cookie(cookie).finish())
        }
        Err(problem) => show(&app, &request, StatusCode::FORBIDDEN, next, name, Some(problem)).await,
    }
}

/// `POST /sign-out`
pub async fn sign_out(app: Data<App>, caller: Caller) -> Reply {
    let cookie = asking::end(&app, &caller).await?;
    Ok(HttpResponse::SeeOther().insert_header((LOCATION, "/sign-in")).cookie(cookie).finish())
}

fn take_turn(app: &App, request: &HttpRequest, name: &str) -> Result<(), Problem> {
    let address = request.peer_addr().map_or(String::new(), |peer| peer.ip().to_string());
    // Names are as long as somebody likes; what counts them is not.
    let account: String = name.chars().take(64).collect();
    let now = Instant::now();
    app.tries_of_address
        .take(&address, now)
        .and_then(|()| app.tries_of_account.take(&format!("{address} {account}"), now))
        .map_err(|wait| Problem::too_often("somebody tried to sign in", wait))
}

/// The person, when the password is theirs. An unknown name takes as long as a wrong password.
async fn checked(app: &App, name: &str, password: String) -> Result<Option<Who>, Problem> {
    let who = name.parse::<Who>().ok();
    let user = match who.clone() {
        Some(who) => app.desk.ledger().read(move |connection| users::find(connection, &who)).await?,
        None => None,
    };
    let turn = tokio::time::timeout(TURN, app.verifications.acquire()).await;
    let Ok(Ok(_turn)) = turn else { return Err(Problem::busy()) };
    let matches = tokio::task::spawn_blocking(move || users::password_matches(user.as_ref(), &password));
    let matches = matches.await.map_err(Problem::broken)?;
    Ok(who.filter(|_| matches))
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
    Ok(page(status, app.pages.sign_in(&frame, &SignIn { open, next, name, problem })?))
}
