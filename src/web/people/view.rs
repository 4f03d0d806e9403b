//! People as their pages show them. It must never say more of a session or a token than its owner's own page does.

use crate::address::encoded;
use crate::config::AuthMode;
use crate::ledger::accounts;
use crate::ledger::sessions::OwnSession;
use crate::ledger::tokens::Token;
use crate::size::counted;
use crate::stack::Who;
use crate::time::At;
use crate::web::session::account_view::{Program, Session};
use crate::web::view::frame::Frame;
use crate::web::view::pages::Pages;
use crate::web::view::parts::{self, Moment};
use crate::web::view::templates::PageError;
use serde::{Deserialize, Serialize};

/// Somebody of whom the ledger knows.
#[derive(Clone, Debug)]
pub struct Person {
    /// Their name, as the history says it.
    pub who: Who,
    /// Their full name, where this server has their account.
    pub full_name: Option<String>,
    /// Their groups, as the provider or the proxy named them last.
    pub groups: Vec<String>,
    /// When it did.
    pub confirmed_at: Option<At>,
    /// Where they are signed in, the session that was used last first.
    pub sessions: Vec<OwnSession>,
    /// The tokens of their programs.
    pub tokens: Vec<Token>,
}

impl Person {
    /// Somebody of whom no more is known yet.
    pub fn new(who: Who) -> Self {
        let (sessions, tokens) = (Vec::new(), Vec::new());
        Self { who, full_name: None, groups: Vec::new(), confirmed_at: None, sessions, tokens }
    }
}

/// The page of all people.
#[derive(Clone, Debug)]
pub struct Overview {
    /// By name.
    pub people: Vec<Person>,
    /// How people sign in.
    pub mode: AuthMode,
}

/// The page of one of them.
#[derive(Clone, Debug)]
pub struct PersonPage {
    /// Who.
    pub person: Person,
    /// How people sign in.
    pub mode: AuthMode,
    /// What was done just now, as the address says it.
    pub done: String,
}

/// What was done just now.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PersonQuery {
    /// `session`, `sessions`, `token`, `tokens`.
    pub done: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct OverviewView {
    rows: Vec<Row>,
    has_sessions: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    who: parts::Person,
    href: String,
    full_name: Option<String>,
    groups: String,
    sessions: String,
    tokens: String,
    seen: Option<Moment>,
}

#[derive(Debug, Serialize)]
pub(crate) struct PersonView<'a> {
    name: &'a str,
    /// The same for an address.
    query: String,
    href: String,
    full_name: Option<&'a str>,
    groups: String,
    confirmed: Option<Moment>,
    /// Whether the provider vouches for them no more, so that their programs are not let in.
    unconfirmed: bool,
    has_sessions: bool,
    sessions: Vec<Session<'a>>,
    programs: Vec<Program<'a>>,
    done: Option<&'static str>,
}

impl Row {
    fn new(frame: &Frame, person: &Person) -> Self {
        let used = person.tokens.iter().filter_map(|token| token.seen_at).map(|at| at.to_string());
        let seen = person.sessions.iter().map(|session| session.seen_at.clone()).chain(used).max();
        Self {
            who: parts::Person::new(person.full_name.as_deref().unwrap_or(person.who.as_str())),
            href: href(&person.who),
            full_name: person.full_name.as_ref().map(|_| person.who.to_string()),
            groups: person.groups.join(", "),
            sessions: counted(person.sessions.len() as u64, "session"),
            tokens: counted(person.tokens.len() as u64, "token"),
            seen: seen.map(|at| Moment::ago(&at, frame.now)),
        }
    }
}

/// The address of somebody's page.
pub(super) fn href(who: &Who) -> String {
    format!("/people/{}", encoded(who.as_str()))
}

/// What the page says of what was just done.
fn done(word: &str) -> Option<&'static str> {
    match word {
        "session" => Some("That browser is signed out."),
        "sessions" => Some("They are signed out everywhere."),
        "token" => Some("The token is revoked."),
        "tokens" => Some("All of their tokens are revoked."),
        _ => None,
    }
}

/// Whether people have sessions of this server; a proxy signs them in anew with each request.
fn has_sessions(mode: AuthMode) -> bool {
    !mode.believes_a_proxy()
}

impl Pages {
    /// All people.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn people(&self, frame: &Frame, overview: &Overview) -> Result<String, PageError> {
        let rows = overview.people.iter().map(|person| Row::new(frame, person)).collect();
        self.draw(frame, "people.html", &OverviewView { rows, has_sessions: has_sessions(overview.mode) })
    }

    /// One person.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn person(&self, frame: &Frame, page: &PersonPage) -> Result<String, PageError> {
        let person = &page.person;
        let confirmed_at = person.confirmed_at;
        let view = PersonView {
            name: person.who.as_str(),
            query: encoded(person.who.as_str()),
            href: href(&person.who),
            full_name: person.full_name.as_deref(),
            groups: person.groups.join(", "),
            confirmed: confirmed_at.map(|at| Moment::until(&at.to_string(), frame.now)),
            unconfirmed: confirmed_at.is_some_and(|at| !accounts::still_counts(at, frame.now)),
            has_sessions: has_sessions(page.mode),
            sessions: person.sessions.iter().map(|session| Session::of(frame, session)).collect(),
            programs: person.tokens.iter().map(|token| Program::new(frame, token)).collect(),
            done: done(&page.done),
        };
        self.draw(frame, "person.html", &view)
    }
}
