//! The form of a hold that could not be taken: as it was filled in, with what is wrong.

use crate::web::view::frame::Frame;
use crate::web::view::pages::Pages;
use crate::web::view::templates::PageError;
use crate::web::view::words;
use serde::Serialize;

/// A hold as it was filled in.
#[derive(Clone, Debug)]
pub struct HoldForm {
    /// The stack.
    pub stack: String,
    /// The stage, when only that is to be held.
    pub stage: Option<String>,
    /// Why.
    pub reason: String,
    /// The choice of an end.
    pub until: String,
    /// The time that was chosen.
    pub at: String,
    /// Why it is not held.
    pub problem: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct HoldPage<'a> {
    stack: &'a str,
    stage: &'a str,
    /// What is to be held: `web`, or the stage.
    what: String,
    reason: &'a str,
    until: &'a str,
    at: &'a str,
    problem: &'a str,
}

impl<'a> HoldPage<'a> {
    pub(crate) fn new(form: &'a HoldForm) -> Self {
        Self {
            stack: &form.stack,
            stage: form.stage.as_deref().unwrap_or_default(),
            what: form.stage.as_deref().map_or_else(|| form.stack.clone(), words::stage_words),
            reason: &form.reason,
            until: &form.until,
            at: &form.at,
            problem: &form.problem,
        }
    }
}

impl Pages {
    /// A hold that could not be taken, as it was filled in.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn hold(&self, frame: &Frame, form: &HoldForm) -> Result<String, PageError> {
        self.draw(frame, "hold.html", &HoldPage::new(form))
    }
}
