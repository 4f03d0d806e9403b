//! Who is asking: the session behind a request's cookie (TRUST section 7). The cookie's value is 256 random bits, known
//! to the browser alone; the ledger keeps its SHA-256. It must never believe a name that a request says by itself.
//! Called by the gate for each request, by signing in and out, and by the streams once a minute.

use super::App;
use super::problem::Problem;
use crate::config::AuthMode;
use crate::journal::write::hex;
use crate::ledger::sessions::{self, LONGEST_MS};
use crate::ledger::{Answer, users};
use crate::stack::Who;
use crate::time::At;
use actix_web::cookie::time::Duration as CookieDuration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::http::header::{COOKIE, HeaderMap};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::future::{Ready, ready};

/// A session that is used is written down that often, so that reading pages costs no write each.
const SEEN_EVERY_MS: i64 = 5 * 60_000;

/// A signed-in person. A handler that takes this is never called for anybody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Their name, as the history says it.
    pub who: Who,
    /// Their full name, when it is known.
    pub full_name: Option<String>,
    /// How we know.
    pub proof: Proof,
}

/// How a caller was recognized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By the session of a browser's cookie.
    Session(SessionHash),
    /// By the socket that only the server's user and root can open.
    PushHost,
}

/// What the ledger knows a session by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionHash(String);

impl SessionHash {
    /// The mode is part of it: a name that was believed in open mode is nobody once passwords are asked for.
    fn of(mode: AuthMode, value: &str) -> Self {
        let mode = match mode {
            AuthMode::Open => "open",
            AuthMode::Password => "password",
        };
        Self(hex(&Sha256::digest(format!("{mode} {value}"))))
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.extensions().get::<Self>().cloned().ok_or_else(Problem::nobody))
    }
}

/// The name of the cookie: with TLS one that no other host can set; without, one for each port, as browsers keep one
/// jar for all servers of an address.
pub fn cookie_name(app: &App) -> String {
    match app.address.secure {
        true => "__Host-pushbutton".to_owned(),
        false => format!("pushbutton-{}", app.address.port),
    }
}

fn session_of(app: &App, headers: &HeaderMap) -> Option<SessionHash> {
    let name = cookie_name(app);
    let value = headers
        .get_all(COOKIE)
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name.as_str())?.strip_prefix('='))?;
    Some(SessionHash::of(app.desk.config().auth.mode, value))
}

/// The person whose session the request carries, if any.
///
/// # Errors
/// When the ledger does not answer.
pub async fn caller_of(app: &App, headers: &HeaderMap) -> Answer<Option<Caller>> {
    let Some(session) = session_of(app, headers) else { return Ok(None) };
    let now = At::now();
    let (hash, mode) = (session.0.clone(), app.desk.config().auth.mode);
    let found = app.desk.ledger().read(move |connection| {
        let Some(found) = sessions::find(connection, &hash, now)? else { return Ok(None) };
        match mode {
            AuthMode::Open => Ok(Some((found, None))),
            // A person who was removed is nobody from now on, whatever their browser holds.
            AuthMode::Password => Ok(users::find(connection, &found.who)?.map(|user| (found, Some(user.full_name)))),
        }
    });
    let Some((found, full_name)) = found.await? else { return Ok(None) };
    if now.millis_since(found.seen_at) >= SEEN_EVERY_MS {
        note_seen(app, session.0.clone(), now);
    }
    Ok(Some(Caller { who: found.who, full_name, proof: Proof::Session(session) }))
}

/// Writes down that a session is used, beside the request: a ledger that cannot be written takes no page away.
fn note_seen(app: &App, hash: String, now: At) {
    let ledger = app.desk.ledger().clone();
    tokio::spawn(async move {
        if let Err(error) = ledger.write(move |transaction| sessions::seen(transaction, &hash, now)).await {
            tracing::warn!(%error, "that a session is used cannot be written down; it goes on");
        }
    });
}

/// Whether what let the caller in still holds.
///
/// # Errors
/// When the ledger does not answer.
pub async fn still_holds(app: &App, caller: &Caller) -> Answer<bool> {
    let Proof::Session(session) = &caller.proof else { return Ok(true) };
    let (hash, who, mode) = (session.0.clone(), caller.who.clone(), app.desk.config().auth.mode);
    let ask = app.desk.ledger().read(move |connection| {
        let found = sessions::find(connection, &hash, At::now())?;
        let known = mode == AuthMode::Open || users::find(connection, &who)?.is_some();
        Ok(found.is_some() && known)
    });
    ask.await
}

/// Begins a session, ends the one that the request carried, and gives the browser its cookie.
///
/// # Errors
/// When the system has no random bits, or the ledger does not answer.
pub async fn begin(app: &App, headers: &HeaderMap, who: &Who) -> Result<Cookie<'static>, Problem> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits).map_err(Problem::broken)?;
    let value = URL_SAFE_NO_PAD.encode(bits);
    let hash = SessionHash::of(app.desk.config().auth.mode, &value).0;
    let (old, who) = (session_of(app, headers), who.clone());
    app.desk
        .ledger()
        .write(move |transaction| {
            if let Some(old) = old {
                sessions::end(transaction, &old.0)?;
            }
            sessions::begin(transaction, &hash, &who, At::now())
        })
        .await?;
    Ok(cookie(app, value, CookieDuration::milliseconds(LONGEST_MS)))
}

/// Ends the caller's session, and takes the browser's cookie away.
///
/// # Errors
/// When the ledger does not answer.
pub async fn end(app: &App, caller: &Caller) -> Answer<Cookie<'static>> {
    if let Proof::Session(session) = &caller.proof {
        let hash = session.0.clone();
        app.desk.ledger().write(move |transaction| sessions::end(transaction, &hash)).await?;
    }
    Ok(cookie(app, String::new(), CookieDuration::ZERO))
}

fn cookie(app: &App, value: String, max_age: CookieDuration) -> Cookie<'static> {
    Cookie::build(cookie_name(app), value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(app.address.secure)
        .max_age(max_age)
        .finish()
}
