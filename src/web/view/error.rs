//! The page of what went wrong. It must never leave a reader without a way on.

use super::frame::Frame;
use super::pages::Pages;
use super::templates::PageError;
use super::words;
use serde::Serialize;

/// A way on from a page of an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NextLink {
    /// One of our own addresses.
    pub href: String,
    /// What the button says.
    pub words: String,
}

#[derive(Debug, Serialize)]
struct ErrorPage<'a> {
    status: u16,
    title: &'a str,
    words: String,
    cure: String,
    ways: Vec<NextLink>,
}

impl Pages {
    /// What went wrong (`title`), its reason, what to do (`cure`: both phrases), and where to go on, the best way first.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn error(
        &self,
        frame: &Frame,
        status: u16,
        title: &str,
        reason: &str,
        cure: &str,
        ways: Vec<NextLink>,
    ) -> Result<String, PageError> {
        let (words, cure) = (words::ended(reason), words::capital(&words::ended(cure)));
        self.draw(frame, "error.html", &ErrorPage { status, title, words, cure, ways })
    }
}
