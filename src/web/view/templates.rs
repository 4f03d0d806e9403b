//! The templates, embedded, and why one could not be drawn. They escape by their names, all `.html`; there must never be one that
//! asks for a text as it is (`tests/pages.rs` looks for `safe`).

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "templates/"]
pub(super) struct Templates;

/// Why a page could not be drawn: a mistake in a template, never in what it was given.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A template is wrong, or names something that it is not given.
    #[error("the page {page} cannot be drawn: {source}")]
    Template {
        /// The template.
        page: String,
        /// What is wrong with it.
        source: tera::Error,
    },
    /// What it is drawn from cannot be written down.
    #[error("what a page is drawn from cannot be written down: {0}")]
    Data(String),
}
