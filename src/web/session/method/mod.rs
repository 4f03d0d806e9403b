//! The ways to sign in, each a file behind one trait. A method says who someone is; it must never begin a session, nor say of a name
//! whether it is known.

mod oidc;
mod open;
pub(super) mod password;
mod proxy;
mod sign_in;

use crate::config::AuthMode;
pub use sign_in::{Asks, SignInForm};
pub(super) use sign_in::{Given, SignIn};

/// The form of a method.
pub fn form(mode: AuthMode) -> SignInForm {
    of(mode).form()
}

/// The method that the server's file names.
pub(super) fn of(mode: AuthMode) -> &'static dyn SignIn {
    match mode {
        AuthMode::Password => &password::Password,
        AuthMode::Oidc => &oidc::Oidc,
        AuthMode::Proxy => &proxy::Proxy,
        AuthMode::Open => &open::Open,
    }
}
