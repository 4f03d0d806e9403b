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
    /// Where to go afterwards: one of our own addresses.
    pub next: String,
    /// The name that was given before.
    pub name: String,
    /// Why the last try was refused.
    pub problem: Option<String>,
    /// Whom to ask who has forgotten their password, where the server's file says it.
    pub ask: Option<String>,
}

impl Pages {
    /// Signing in.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn sign_in(&self, frame: &Frame, page: &SignIn) -> Result<String, PageError> {
        self.draw(frame, "sign_in.html", page)
    }
}
