//! One's own account: where one is signed in, and the form of a new password.

use super::totp::picture::Picture;
use crate::ledger::chats::ChatAccount;
use crate::ledger::sessions::OwnSession;
use crate::ledger::tokens::Token;
use crate::web::view::frame::Frame;
use crate::web::view::pages::Pages;
use crate::web::view::parts::Moment;
use crate::web::view::templates::PageError;
use serde::{Deserialize, Serialize};

/// What the page shows.
#[derive(Clone, Debug)]
pub struct Account {
    /// Whose it is.
    pub who: String,
    /// Where they are signed in, the session that was used last first.
    pub signed_in: Vec<SignedIn>,
    /// Whether people sign in with a password here.
    pub has_password: bool,
    /// How many recovery codes are left of their second factor; none at all without one.
    pub recovery_left: Option<usize>,
    /// The second factor that is being set up.
    pub new_factor: Option<NewFactor>,
    /// Why it was not set up, or not turned off.
    pub factor_problem: Option<String>,
    /// The recovery codes that were made just now, which are shown only once.
    pub recovery_codes: Vec<String>,
    /// Why the password was not changed.
    pub problem: Option<String>,
    /// What was done just now, in words.
    pub done: Option<&'static str>,
    /// The tokens of their programs.
    pub tokens: Vec<Token>,
    /// Whether there is a bot in chats.
    pub has_chat: bool,
    /// The accounts of chats that are theirs.
    pub chats: Vec<ChatAccount>,
    /// The code for a chat that was made just now.
    pub chat_code: Option<String>,
    /// The one that was made just now: its name, and its text, which is shown only once.
    pub new_token: Option<(String, String)>,
    /// Why no token was created.
    pub token_problem: Option<String>,
    /// What was typed then; it stays in the form.
    pub typed: NewTokenForm,
}

/// A second factor that is being set up.
#[derive(Clone, Debug)]
pub struct NewFactor {
    /// For the app, to be typed.
    pub secret: String,
    /// The same, to be looked at.
    pub picture: Option<Picture>,
}

/// The form of a new token, as it was typed.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct NewTokenForm {
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub may: String,
    /// How long it is valid: `90d`.
    pub expires: String,
}

/// One session.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Whether it is the one that asks.
    pub here: bool,
    /// What the ledger knows of it.
    pub session: OwnSession,
}

#[derive(Debug, Serialize)]
pub(crate) struct AccountPage<'a> {
    who: &'a str,
    signed_in: Vec<Session<'a>>,
    has_password: bool,
    has_factor: bool,
    recovery_left: usize,
    new_factor: Option<Factor<'a>>,
    factor_problem: Option<&'a str>,
    recovery_codes: &'a [String],
    problem: Option<&'a str>,
    done: Option<&'static str>,
    has_chat: bool,
    chats: Vec<Chat<'a>>,
    chat_code: Option<&'a str>,
    programs: Vec<Program<'a>>,
    new_token: Option<NewToken<'a>>,
    token_problem: Option<&'a str>,
    typed: &'a NewTokenForm,
    lifetimes: [Lifetime; 4],
}

/// How long a token may be made to hold, as the form offers it.
const LIFETIMES: [(&str, &str); 4] = [("30d", "30 days"), ("90d", "90 days"), ("180d", "180 days"), ("366d", "a year")];
/// The one that is chosen where nothing was typed.
const USUAL_LIFETIME: &str = "90d";

/// A token as pages show it.
#[derive(Debug, Serialize)]
pub(crate) struct Program<'a> {
    id: &'a str,
    name: &'a str,
    scopes: String,
    used_words: &'static str,
    used: Option<Moment>,
    ends: &'static str,
    until: Moment,
    expired: bool,
}

#[derive(Debug, Serialize)]
struct Lifetime {
    value: &'static str,
    words: &'static str,
    chosen: bool,
}

/// An account of a chat.
#[derive(Debug, Serialize)]
struct Chat<'a> {
    place: &'a str,
    id: &'a str,
    since: Moment,
}

impl<'a> Chat<'a> {
    fn new(frame: &Frame, account: &'a ChatAccount) -> Self {
        Self { place: &account.place, id: &account.id, since: Moment::until(&account.at, frame.now) }
    }
}

#[derive(Debug, Serialize)]
struct NewToken<'a> {
    name: &'a str,
    text: &'a str,
}

#[derive(Debug, Serialize)]
struct Factor<'a> {
    secret: &'a str,
    /// The same in fours, as people type it.
    spaced: String,
    side: usize,
    path: &'a str,
}

impl<'a> Factor<'a> {
    fn new(factor: &'a NewFactor) -> Self {
        let fours: Vec<_> = factor.secret.as_bytes().chunks(4).map(String::from_utf8_lossy).collect();
        let picture = factor.picture.as_ref();
        Self {
            secret: &factor.secret,
            spaced: fours.join(" "),
            side: picture.map_or(0, |picture| picture.side),
            path: picture.map_or("", |picture| &picture.path),
        }
    }
}

/// A session as pages show it.
#[derive(Debug, Serialize)]
pub(crate) struct Session<'a> {
    here: bool,
    name: &'a str,
    since: Moment,
    seen: Moment,
    address: Option<&'a str>,
    browser: &'a str,
}

impl<'a> AccountPage<'a> {
    pub(crate) fn new(frame: &Frame, account: &'a Account) -> Self {
        let offered = LIFETIMES.iter().find(|(value, _)| *value == account.typed.expires);
        let chosen = offered.map_or(USUAL_LIFETIME, |(value, _)| value);
        Self {
            who: &account.who,
            signed_in: account.signed_in.iter().map(|one| Session::new(frame, one)).collect(),
            has_password: account.has_password,
            has_factor: account.recovery_left.is_some(),
            recovery_left: account.recovery_left.unwrap_or_default(),
            new_factor: account.new_factor.as_ref().map(Factor::new),
            factor_problem: account.factor_problem.as_deref(),
            recovery_codes: &account.recovery_codes,
            problem: account.problem.as_deref(),
            done: account.done,
            programs: account.tokens.iter().map(|token| Program::new(frame, token)).collect(),
            has_chat: account.has_chat,
            chats: account.chats.iter().map(|chat| Chat::new(frame, chat)).collect(),
            chat_code: account.chat_code.as_deref(),
            new_token: account.new_token.as_ref().map(|(name, text)| NewToken { name, text }),
            token_problem: account.token_problem.as_deref(),
            typed: &account.typed,
            lifetimes: LIFETIMES.map(|(value, words)| Lifetime { value, words, chosen: value == chosen }),
        }
    }
}

impl<'a> Session<'a> {
    /// That of somebody who does not ask.
    pub(crate) fn of(frame: &Frame, session: &'a OwnSession) -> Self {
        Self {
            here: false,
            name: session.name(),
            since: Moment::until(&session.made_at, frame.now),
            seen: Moment::until(&session.seen_at, frame.now),
            address: session.place.address.as_deref(),
            browser: session.place.browser.as_deref().unwrap_or("unknown"),
        }
    }

    fn new(frame: &Frame, signed_in: &'a SignedIn) -> Self {
        Self { here: signed_in.here, ..Self::of(frame, &signed_in.session) }
    }
}

impl<'a> Program<'a> {
    pub(crate) fn new(frame: &Frame, token: &'a Token) -> Self {
        let expired = token.expires_at <= frame.now;
        Self {
            id: &token.id,
            name: &token.name,
            scopes: token.scopes.to_string(),
            used_words: if token.seen_at.is_some() { "last used" } else { "never used" },
            ends: if expired { "expired" } else { "until" },
            used: token.seen_at.map(|at| Moment::until(&at.to_string(), frame.now)),
            until: Moment::day(&token.expires_at.to_string()),
            expired,
        }
    }
}

impl Pages {
    /// One's own account.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn account(&self, frame: &Frame, account: &Account) -> Result<String, PageError> {
        self.draw(frame, "account.html", &AccountPage::new(frame, account))
    }
}
