//! Who is asking: the session behind a request's cookie (TRUST section 7); tokens are looked up in `token.rs`. The cookie's value is 256 random bits, known
//! to the browser alone; the ledger keeps its SHA-256. It must never believe a name that a request says by itself.
//! Called by the gate for each request, by signing in and out, and by the streams every few seconds.

use super::browser_words::browser_words;
use super::method::{self, SignIn};
use super::oidc::recheck;
use crate::config::AuthMode;
use crate::journal::write::hex;
use crate::ledger::sessions::{self, Granted, LONGEST_MS, Place, Session, Which};
use crate::ledger::{LedgerResult, accounts, audit, known, tokens};
use crate::stack::{Access, Group, Member, Who};
use crate::time::At;
use crate::web::app::App;
use crate::web::http::limits::client_address::ClientAddress;
use crate::web::http::problem::Problem;
use actix_web::cookie::time::Duration as CookieDuration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::Transaction;
use sha2::{Digest, Sha256};
use std::future::{Ready, ready};
use std::time::{Duration, Instant};

/// A session or a token that is used is written down that often, so that reading pages costs no write each.
pub(super) const SEEN_EVERY_MS: i64 = 5 * 60_000;

/// What a proxy said is believed so long of a stream that was opened: then the stream ends, and the browser asks anew.
const BELIEVED_FOR: Duration = Duration::from_secs(60);

/// How long a browser is told from others after its last sign-in.
const BROWSER_DAYS: i64 = 90;
/// 256 bits as the cookie has them.
const BROWSER_LENGTH: usize = 43;

/// A person who is signed in, or a program of theirs. A handler that takes this is never called for anybody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Their name, as the history says it.
    pub who: Who,
    /// Their full name, when it is known.
    pub full_name: Option<String>,
    /// How we know.
    pub proof: Proof,
    /// What they may, by the rights of the moment when the request came.
    pub access: Access,
}

/// How a caller was recognized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By the session of a browser's cookie.
    Session(SessionHash),
    /// By the socket that only the server's user and root can open.
    PushHost,
    /// By a token: a program of someone's.
    Token(TokenProof),
    /// By a proxy, which said it then.
    Proxy(Instant),
}

/// A token that let a program in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenProof {
    /// What the ledger knows it by.
    pub id: String,
    /// Whose it is.
    pub owner: Who,
}

/// What the ledger knows a session by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionHash(String);

impl SessionHash {
    /// As the ledger has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The way to sign in is part of it: a name that was believed in open mode is nobody once passwords are asked for.
    fn of(mode: AuthMode, value: &str) -> Self {
        Self(hex(&Sha256::digest(format!("{} {value}", mode.word()))))
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

/// The name of the cookie that tells one browser from another, also when nobody is signed in.
fn browser_cookie_name(app: &App) -> String {
    match app.address.secure {
        true => "__Host-pushbutton-browser".to_owned(),
        false => format!("pushbutton-browser-{}", app.address.port),
    }
}

/// The groups of a person who is let in at this moment, where the method knows some; none at all when they are let in no more.
///
/// # Errors
/// When the ledger does not answer.
pub(in crate::web) async fn groups_of_person(app: &App, who: &Who) -> LedgerResult<Option<Vec<Group>>> {
    let (method, who, now) = (method_of(app), who.clone(), At::now());
    let groups = app.desk.ledger().read(move |connection| method.owner(connection, &who, now)).await?;
    Ok(groups.map(|groups| groups_of(groups.iter().map(String::as_str))))
}

pub(super) fn method_of(app: &App) -> &'static dyn SignIn {
    method::of(app.desk.config().auth.mode)
}

fn session_of(app: &App, request: &HttpRequest) -> Option<SessionHash> {
    let cookie = request.cookie_raw(&cookie_name(app))?;
    Some(SessionHash::of(app.desk.config().auth.mode, cookie.value()))
}

/// The person whose session the request carries, if any.
///
/// # Errors
/// When the ledger does not answer.
pub async fn caller_of(app: &App, request: &HttpRequest) -> LedgerResult<Option<Caller>> {
    let Some(session) = session_of(app, request) else { return Ok(None) };
    let now = At::now();
    let (hash, method) = (session.0.clone(), method_of(app));
    let found = app.desk.ledger().read(move |connection| {
        let Some(found) = sessions::find(connection, &hash, now)? else { return Ok(None) };
        Ok(method.person(connection, &found.who)?.map(|full_name| (found, full_name)))
    });
    let Some((found, full_name)) = found.await? else { return Ok(None) };
    let Some(found) = confirmed(app, session.as_str(), found).await? else { return Ok(None) };
    if now.millis_since(found.seen_at) >= SEEN_EVERY_MS {
        let hash = session.0.clone();
        note_seen(app, move |tx| sessions::seen(tx, &hash, now));
    }
    let person = Member { who: found.who.clone(), groups: groups_of(found.groups.iter().map(String::as_str)) };
    let access = Access::of_person(app.desk.rights(), person);
    Ok(Some(Caller { who: found.who, full_name, proof: Proof::Session(session), access }))
}

/// The groups of these names, as rights name them; what can be no name there gives no right.
pub(in crate::web) fn groups_of<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Group> {
    names.filter_map(|name| name.parse().ok()).collect()
}

/// A session as it is after the provider of accounts was asked about it, where there is one.
async fn confirmed(app: &App, hash: &str, found: Session) -> LedgerResult<Option<Session>> {
    match app.provider {
        Some(_) => recheck::confirmed(app, hash, found).await,
        None => Ok(Some(found)),
    }
}

/// Writes down that a session or a token is used, beside the request: a ledger that cannot be written takes no answer away.
pub(super) fn note_seen(app: &App, seen: impl FnOnce(&Transaction<'_>) -> LedgerResult<()> + Send + 'static) {
    let ledger = app.desk.ledger().clone();
    tokio::spawn(async move {
        if let Err(error) = ledger.write(seen).await {
            tracing::warn!(%error, "when a session or a token was last used is not written down");
        }
    });
}

/// Whether what let the caller in still holds, with the groups that it gave them.
///
/// # Errors
/// When the ledger does not answer.
pub async fn still_holds(app: &App, caller: &Caller) -> LedgerResult<bool> {
    match &caller.proof {
        Proof::PushHost => Ok(true),
        Proof::Proxy(said) => Ok(said.elapsed() < BELIEVED_FOR),
        Proof::Token(token) => {
            let (token, method, now) = (token.clone(), method_of(app), At::now());
            let owner = app.desk.ledger().read(move |connection| match tokens::holds(connection, &token.id, now)? {
                true => method.owner(connection, &token.owner, now),
                false => Ok(None),
            });
            Ok(is_as_judged(caller, owner.await?.as_deref()))
        }
        Proof::Session(session) => {
            app.rechecks.in_use(session.as_str());
            let which = Which {
                of_users_alone: method_of(app).needs_account(),
                confirmed_for_ms: app.provider.as_ref().map(|_| recheck::CONFIRMED_FOR_MS),
            };
            let alive = app.alive.now(&app.desk, which).await?;
            Ok(is_as_judged(caller, alive.get(&session.0).map(Vec::as_slice)))
        }
    }
}

/// Whether a caller is still there, and of the groups by which they were judged.
fn is_as_judged(caller: &Caller, groups: Option<&[String]>) -> bool {
    groups.is_some_and(|groups| caller.access.is_of_groups(&groups_of(groups.iter().map(String::as_str))))
}

/// A session that is to begin, and what else is written with it.
pub struct Entry {
    session: String,
    old: Option<SessionHash>,
    /// Where it begins: the browser, and the address, if it is known.
    places: Vec<String>,
    from: ClientAddress,
    browser: Option<String>,
    granted: Granted,
}

/// Makes the cookies of a new session, and what is to be written of it: nothing is, before [`Entry::enter`].
///
/// # Errors
/// When the system has no random bits.
pub fn new_session(
    app: &App,
    request: &HttpRequest,
    from: ClientAddress,
) -> Result<(Entry, Vec<Cookie<'static>>), Problem> {
    let mode = app.desk.config().auth.mode;
    let value = random()?;
    let session = SessionHash::of(mode, &value).0;
    let old = session_of(app, request);
    let mut cookies = vec![cookie(app, cookie_name(app), value, CookieDuration::milliseconds(LONGEST_MS))];
    let mut places = Vec::new();
    // Where a name is believed nobody guesses.
    if !mode.believes_names() {
        let browser = match request.cookie_raw(&browser_cookie_name(app)) {
            Some(cookie) if cookie.value().len() == BROWSER_LENGTH => cookie.value().to_owned(),
            _ => random()?,
        };
        places.push(known::browser(&browser_hash(&browser)));
        if let ClientAddress::Known(_) = from {
            places.push(known::address(&from.counted_as()));
        }
        cookies.push(cookie(app, browser_cookie_name(app), browser, CookieDuration::days(BROWSER_DAYS)));
    }
    let browser = browser_words(request);
    Ok((Entry { session, old, places, from, browser, granted: Granted::default() }, cookies))
}

impl Entry {
    /// What the ledger will know the session by.
    pub fn session(&self) -> &str {
        &self.session
    }

    /// With what a provider of accounts grants.
    #[must_use]
    pub fn granted(self, granted: Granted) -> Self {
        Self { granted, ..self }
    }

    /// Begins the session in the transaction that decides that it may: the one that the request carried ends.
    ///
    /// # Errors
    /// What SQLite said.
    pub fn enter(self, tx: &Transaction<'_>, who: &Who) -> LedgerResult<()> {
        let now = At::now();
        if let Some(old) = self.old {
            sessions::end(tx, &old.0)?;
        }
        let address = match self.from {
            ClientAddress::Known(address) => Some(address.to_string()),
            ClientAddress::BehindProxy(_) => None,
        };
        let place = Place { address, browser: self.browser };
        sessions::begin(tx, &self.session, who, (&place, &self.granted), now)?;
        if self.granted.provider.is_some() {
            accounts::confirm(tx, who, &self.granted.groups, now)?;
        }
        known::note(tx, who, &self.places, now)?;
        audit::note(tx, now, who.as_str(), "sign in", who.as_str(), &format!("from {}", self.from))
    }
}

/// What the browser of a request is known by, if it was ever signed in.
pub fn browser_of(app: &App, request: &HttpRequest) -> Option<String> {
    request.cookie_raw(&browser_cookie_name(app)).map(|cookie| browser_hash(cookie.value()))
}

fn browser_hash(value: &str) -> String {
    hex(&Sha256::digest(format!("browser {value}")))
}

/// Ends the caller's session, and takes the browser's cookie away.
///
/// # Errors
/// When the ledger does not answer.
pub async fn end(app: &App, caller: &Caller) -> LedgerResult<Cookie<'static>> {
    if let Proof::Session(session) = &caller.proof {
        let (hash, who) = (session.0.clone(), caller.who.clone());
        let ended = app.desk.ledger().write(move |tx| {
            sessions::end(tx, &hash)?;
            audit::note(tx, At::now(), who.as_str(), "sign out", who.as_str(), "this browser")
        });
        ended.await?;
    }
    Ok(no_cookie(app))
}

/// Takes the cookie of a session away from the browser.
pub fn no_cookie(app: &App) -> Cookie<'static> {
    cookie(app, cookie_name(app), String::new(), CookieDuration::ZERO)
}

fn random() -> Result<String, Problem> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits).map_err(Problem::broken)?;
    Ok(URL_SAFE_NO_PAD.encode(bits))
}

/// A cookie of ours, that no script reads.
pub(super) fn cookie(app: &App, name: String, value: String, max_age: CookieDuration) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(app.address.secure)
        .max_age(max_age)
        .finish()
}
