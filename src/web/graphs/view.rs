//! The page of the graphs beside a push, or of a stack. It must never hold an address of another server.

use crate::web::view::frame::Frame;
use crate::web::view::graph::Drawing;
use crate::web::view::pages::Pages;
use crate::web::view::templates::PageError;
use serde::Serialize;

/// The graphs beside a push, or of a stack.
#[derive(Clone, Debug, Serialize)]
pub struct GraphsPage {
    /// Of what: `web`, `web to Prod, push 12`.
    pub name: String,
    /// The stack.
    pub stack: String,
    /// The push, if they are beside one.
    pub push: Option<i64>,
    /// What the push has measured.
    pub measured: Vec<Drawing>,
    /// What the stack shows.
    pub graphs: Vec<Drawing>,
}

impl Pages {
    /// The graphs beside a push, or of a stack.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn graphs(&self, frame: &Frame, page: &GraphsPage) -> Result<String, PageError> {
        self.draw(frame, "graphs.html", page)
    }
}
