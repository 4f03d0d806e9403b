//! What all requests share, made once at the start. It must never hold state of a push.

use super::graphs::fetch::Graphs;
use super::hooks::recent::Hooks;
use super::http::limits::connections::Counter;
use super::http::limits::rate::Budgets;
use super::http::origin::OwnAddress;
use super::http::writer_tried::WriterTried;
use super::output::indexes::Indexes;
use super::session::alive::Alive;
use super::session::failures::Failures;
use super::session::oidc::in_use::Rechecks;
use super::session::oidc::provider::Provider;
use super::session::tries::Tries;
use super::stream::events::Batches;
use super::view::assets;
use super::view::pages::Pages;
use crate::desk::Desk;
use crate::journal::write::hex;
use serde_json::Value;
use std::io;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Uploads at once: each may fill the disk up to its limit.
const UPLOADS: usize = 2;
/// Checks of a password at once.
const VERIFICATIONS: usize = 2;

/// What all requests share.
pub struct App {
    /// Where decisions are taken.
    pub desk: Arc<Desk>,
    /// The pages.
    pub pages: Pages,
    /// The pages that a person may be sent to after signing in.
    pub(super) sign_in_leads_to: Vec<&'static str>,
    /// The OpenAPI document.
    pub(super) document: Value,
    /// The version of the static files that the pages name.
    pub(super) assets: String,
    /// Our own address.
    pub(super) address: OwnAddress,
    /// Tries to sign in.
    pub(super) tries: Tries,
    /// What the audit says of those that failed.
    pub(super) failures: Failures,
    /// The sessions that are not over, as the streams look at them.
    pub(super) alive: Alive,
    /// The provider of accounts, where people sign in at one.
    pub(super) provider: Option<Provider>,
    /// The webhooks of forges.
    pub(super) hooks: Hooks,
    /// When it was asked about which session.
    pub(super) rechecks: Rechecks,
    /// What one person may do in a minute.
    pub(super) budgets: Budgets,
    /// Turns to send a build.
    pub(super) uploads: Semaphore,
    /// Turns to check a password.
    pub(super) verifications: Semaphore,
    /// What viewers of journals share.
    pub(super) batches: Batches,
    /// Indexes of journals that have ended.
    pub(super) lines: Indexes,
    /// Graphs of other servers, as they were fetched last.
    pub(super) graphs: Graphs,
    /// Whether the ledger can be written.
    pub(super) writer_tried: WriterTried,
    /// Open streams.
    pub(super) viewers: Counter,
    /// Ends all streams.
    pub(super) closing: CancellationToken,
    /// This server's life, to tell its counts from an earlier one's.
    pub(super) life: String,
}

impl App {
    /// What requests to this desk share; `sign_in_leads_to` are the pages that a person may be sent to after signing in,
    /// `document` is the API's.
    ///
    /// # Errors
    /// When the templates are wrong, the system has no random bits, or a secret cannot be read.
    pub(super) fn new(desk: Arc<Desk>, sign_in_leads_to: Vec<&'static str>, document: Value) -> io::Result<Self> {
        let mut life = [0; 4];
        getrandom::fill(&mut life).map_err(io::Error::other)?;
        Ok(Self {
            address: OwnAddress::of(&desk.config().url),
            sign_in_leads_to,
            document,
            pages: Pages::load().map_err(io::Error::other)?,
            assets: assets::version(),
            provider: Provider::of(desk.config())?,
            hooks: Hooks::of(desk.config())?,
            rechecks: Rechecks::default(),
            desk,
            tries: Tries::default(),
            failures: Failures::default(),
            alive: Alive::default(),
            budgets: Budgets::default(),
            uploads: Semaphore::new(UPLOADS),
            verifications: Semaphore::new(VERIFICATIONS),
            batches: Batches::default(),
            lines: Indexes::default(),
            graphs: Graphs::default(),
            writer_tried: WriterTried::default(),
            viewers: Counter::default(),
            closing: CancellationToken::new(),
            life: hex(&life),
        })
    }
}
