//! The pages: pure functions from data to HTML, by the embedded templates (which escape by their names, all `.html`).
//! They must never ask for anything: no ledger, no file, no clock. Called by the routes, which gather what is shown.
//! One file a page with its view model; `parts` is what several pages show alike, `words` every sentence.

mod account;
mod announcements;
mod asked;
pub mod assets;
mod back;
mod charts;
mod checkup;
mod dashboard;
mod frame;
mod hold;
mod hosts;
mod log;
mod onwards;
mod parts;
mod plan;
mod push;
mod readiness;
mod rows;
mod stack;
mod stage;
mod stats;
mod told;
mod versions;
mod words;

pub use account::{Account, SignedIn};
pub use announcements::{AnnouncementsPage, ToldFilter};
pub use assets::{Asset, asset};
pub use frame::{Frame, Section};
pub use hold::HoldForm;
pub use log::{LogFilter, LogPage};
pub use push::PushPage;
pub use stats::{Span, StatsPage};

use crate::desk::Street;
use crate::desk::checkup::CheckupView;
use crate::desk::view::{Board, PlanView, Versions, WayBack};
use crate::visible::visible;
use rust_embed::RustEmbed;
use serde::Serialize;
use tera::{Context, Tera};

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

/// Signing in.
#[derive(Clone, Debug, Serialize)]
pub struct SignIn {
    /// Whether a name is enough.
    pub open: bool,
    /// Where to go afterwards: one of our own addresses.
    pub next: String,
    /// The name that was given before.
    pub name: String,
    /// Why the last try was refused.
    pub problem: Option<String>,
    /// Whom to ask who has forgotten their password, where the server's file says it.
    pub ask: Option<String>,
}

#[derive(Debug, Serialize)]
struct ErrorPage<'a> {
    status: u16,
    title: &'a str,
    words: String,
    cure: String,
    ways: Vec<Way>,
}

/// A way on from a page of an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Way {
    /// One of our own addresses.
    pub href: String,
    /// What the button says.
    pub words: String,
}

#[derive(RustEmbed)]
#[folder = "templates/"]
struct Templates;

/// All pages, ready to be drawn. Cheap to share, made once.
#[derive(Debug)]
pub struct Pages {
    tera: Tera,
    assets: String,
    rows: rows::Rows,
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
            Some((name, text))
        });
        tera.add_raw_templates(files).map_err(|source| PageError::Template { page: "templates".to_owned(), source })?;
        Ok(Self { tera, assets: assets::version(), rows: rows::Rows::default() })
    }

    /// All stacks: what is where, who is pushing.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn dashboard(&self, frame: &Frame, board: &Board) -> Result<String, PageError> {
        let (page, rows) = dashboard::of(frame, board);
        let rows = self.rows.drawn(rows, |row| self.row(row))?.concat();
        Ok(self.draw(frame, "dashboard.html", &page)?.replacen(dashboard::ROWS_HERE, &rows, 1))
    }

    fn row(&self, row: &dashboard::Row) -> Result<String, PageError> {
        let mut context = Context::new();
        context.insert("row", row);
        let page = "row.html";
        self.tera.render(page, &context).map_err(|source| PageError::Template { page: page.to_owned(), source })
    }

    /// One stack: its buttons, and what would go out.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn stack(&self, frame: &Frame, street: &Street) -> Result<String, PageError> {
        self.draw(frame, "stack.html", &stack::StackPage::new(frame, street))
    }

    /// What exactly a press would do, and its form.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn plan(&self, frame: &Frame, plan: &PlanView) -> Result<String, PageError> {
        self.draw(frame, "plan.html", &plan::PlanPage::new(frame, plan))
    }

    /// A stack's hosts, looked over.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn checkup(&self, frame: &Frame, view: &CheckupView) -> Result<String, PageError> {
        self.draw(frame, "hosts.html", &checkup::CheckupPage::new(frame, view))
    }

    /// The versions that can be chosen for a first stage.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn versions(&self, frame: &Frame, versions: &Versions) -> Result<String, PageError> {
        self.draw(frame, "versions.html", &versions::VersionsPage::new(frame, versions))
    }

    /// The way back: what a rollback would do, and its form.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn back(&self, frame: &Frame, back: &WayBack) -> Result<String, PageError> {
        self.draw(frame, "back.html", &back::BackPage::new(frame, back))
    }

    /// One push: live while it runs, its result afterwards.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn push(&self, frame: &Frame, page: &PushPage) -> Result<String, PageError> {
        let template = if page.row.state == "running" { "live.html" } else { "push.html" };
        self.draw(frame, template, &push::PushView::new(frame, page))
    }

    /// The push log.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn log(&self, frame: &Frame, page: &LogPage) -> Result<String, PageError> {
        self.draw(frame, "log.html", &log::LogView::new(frame, page))
    }

    /// How often, how long, how well.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn stats(&self, frame: &Frame, page: &StatsPage) -> Result<String, PageError> {
        self.draw(frame, "stats.html", &stats::StatsView::new(frame, page))
    }

    /// What was told where, and whether it arrived.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn announcements(&self, frame: &Frame, page: &AnnouncementsPage) -> Result<String, PageError> {
        self.draw(frame, "announcements.html", &announcements::AnnouncementsView::new(frame, page))
    }

    /// Whether a push is really to be cancelled, for readers without scripts.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn cancel(&self, frame: &Frame, push: &PushPage) -> Result<String, PageError> {
        self.draw(frame, "cancel.html", &push::PushView::new(frame, push))
    }

    /// A hold that could not be taken, as it was filled in.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn hold(&self, frame: &Frame, form: &HoldForm) -> Result<String, PageError> {
        self.draw(frame, "hold.html", &hold::HoldPage::new(form))
    }

    /// One's own account.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn account(&self, frame: &Frame, account: &Account) -> Result<String, PageError> {
        self.draw(frame, "account.html", &account::AccountPage::new(frame, account))
    }

    /// Signing in.
    ///
    /// # Errors
    /// When the template is wrong.
    pub fn sign_in(&self, frame: &Frame, page: &SignIn) -> Result<String, PageError> {
        self.draw(frame, "sign_in.html", page)
    }

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
        ways: Vec<Way>,
    ) -> Result<String, PageError> {
        let (words, cure) = (words::ended(reason), words::capital(&words::ended(cure)));
        self.draw(frame, "error.html", &ErrorPage { status, title, words, cure, ways })
    }

    fn draw<P: Serialize>(&self, frame: &Frame, template: &str, page: &P) -> Result<String, PageError> {
        let mut context = Context::new();
        context.insert("frame", &frame::Shell::new(frame, &self.assets));
        context.insert("page", page);
        self.tera.render(template, &context).map_err(|source| PageError::Template { page: template.to_owned(), source })
    }
}
