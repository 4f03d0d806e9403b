//! The pages: pure functions from data to HTML, by the embedded templates (which escape by their names, all `.html`).
//! They must never ask for anything: no ledger, no file, no clock. Each page draws itself (`impl Pages` beside its view
//! model); here is what all of them are drawn with.

use super::assets;
use super::frame::{Frame, Shell};
use super::line_breaks;
use super::rows::Rows;
use super::templates::{PageError, Templates};
use crate::visible::visible;
use serde::Serialize;
use tera::{Context, Tera};

/// All pages, ready to be drawn. Cheap to share, made once.
#[derive(Debug)]
pub struct Pages {
    tera: Tera,
    assets: String,
    /// Rows as they were last drawn.
    pub(crate) rows: Rows,
}

impl Pages {
    /// Reads the templates.
    ///
    /// # Errors
    /// When one of them is wrong.
    pub fn load() -> Result<Self, PageError> {
        let mut tera = Tera::default();
        tera.autoescape_on(vec![".html"]);
        // The one filter that every text of every template passes, and that none can forget.
        tera.set_escape_fn(|text, out| tera::escape_html(&visible(text), out));
        let files = Templates::iter().filter_map(|name| {
            let text = String::from_utf8(Templates::get(&name)?.data.into_owned()).ok()?;
            Some((name, line_breaks::joined(&text)))
        });
        tera.add_raw_templates(files).map_err(|source| PageError::Template { page: "templates".to_owned(), source })?;
        Ok(Self { tera, assets: assets::version(), rows: Rows::default() })
    }

    /// One template, by what the frame and the page show.
    ///
    /// # Errors
    /// When the template is wrong.
    pub(crate) fn draw<P: Serialize>(&self, frame: &Frame, template: &str, page: &P) -> Result<String, PageError> {
        let mut context = Context::new();
        context.insert("frame", &Shell::new(frame, &self.assets));
        context.insert("page", page);
        self.tera.render(template, &context).map_err(|source| PageError::Template { page: template.to_owned(), source })
    }

    /// A part of a page, by a template of its own and one value.
    ///
    /// # Errors
    /// When the template is wrong.
    pub(crate) fn part<P: Serialize>(&self, template: &str, name: &'static str, part: &P) -> Result<String, PageError> {
        let mut context = Context::new();
        context.insert(name, part);
        self.tera.render(template, &context).map_err(|source| PageError::Template { page: template.to_owned(), source })
    }
}
