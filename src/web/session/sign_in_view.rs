//! The page for signing in. It must never say which of name and password was wrong.

pub use super::method::{Asks, SignInForm, form};
use crate::web::view::frame::Frame;
use crate::web::view::pages::Pages;
use crate::web::view::templates::PageError;
use serde::Serialize;

/// Signing in.
#[derive(Clone, Debug, Serialize)]
pub struct SignIn {
    /// The form, as the method has it.
    pub form: SignInForm,
    /// Whether people have passwords of this server, and may have forgotten theirs.
    pub keeps_passwords: bool,
    /// Where it leads, where it asks for nothing but that one goes to the provider of accounts.
    pub provider: String,
    /// Where to go afterwards: one of our own addresses.
    pub next: String,
    /// The name that was given before.
    pub name: String,
    /// Why the last try was refused.
    pub problem: Option<String>,
    /// Whom to ask who has forgotten their password, where the server's file says it.
    pub ask: Option<String>,
}

/// Signed out here, and on the way to where people are signed in besides.
#[derive(Clone, Debug, Serialize)]
pub struct SignedOut {
    /// Where the provider of accounts signs people out.
    pub elsewhere: String,
}

impl Pages {
    /// Signed out here.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn signed_out(&self, frame: &Frame, page: &SignedOut) -> Result<String, PageError> {
        self.draw(frame, "signed_out.html", page)
    }

    /// Signing in.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn sign_in(&self, frame: &Frame, page: &SignIn) -> Result<String, PageError> {
        self.draw(frame, "sign_in.html", page)
    }
}
