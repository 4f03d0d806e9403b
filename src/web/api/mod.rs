//! The API about itself: its document for programs, the page that shows it to people, and the page of its errors. It must never say
//! anything that the document does not.

pub(super) mod errors;
pub(super) mod page;
mod schema_words;
mod view;
