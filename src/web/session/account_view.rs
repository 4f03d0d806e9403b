//! One's own account: where one is signed in, and the form of a new password.

use crate::web::view::frame::Frame;
use crate::web::view::pages::Pages;
use crate::web::view::parts::Moment;
use crate::web::view::templates::PageError;
use serde::Serialize;

/// What the page shows.
#[derive(Clone, Debug)]
pub struct Account {
    /// Whose it is.
    pub who: String,
    /// Where they are signed in, the session that was used last first.
    pub signed_in: Vec<SignedIn>,
    /// Whether people sign in with a password here.
    pub has_password: bool,
    /// Why the password was not changed.
    pub problem: Option<String>,
    /// Whether it was changed just now.
    pub changed: bool,
}

/// One session.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Whether it is the one that asks.
    pub here: bool,
    /// When it began.
    pub since: String,
    /// When it was last used.
    pub seen: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct AccountPage<'a> {
    who: &'a str,
    signed_in: Vec<Session>,
    has_password: bool,
    problem: Option<&'a str>,
    changed: bool,
}

#[derive(Debug, Serialize)]
struct Session {
    here: bool,
    since: Moment,
    seen: Moment,
}

impl<'a> AccountPage<'a> {
    pub(crate) fn new(frame: &Frame, account: &'a Account) -> Self {
        let session = |session: &SignedIn| Session {
            here: session.here,
            since: Moment::until(&session.since, frame.now),
            seen: Moment::until(&session.seen, frame.now),
        };
        Self {
            who: &account.who,
            signed_in: account.signed_in.iter().map(session).collect(),
            has_password: account.has_password,
            problem: account.problem.as_deref(),
            changed: account.changed,
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
