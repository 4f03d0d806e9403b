//! The page of announcements: what was sent where, and whether it arrived. It must never read more than a page of rows.

use super::announcements_view::{AnnouncementsPage, ToldFilter};
use super::redeliver::may;
use crate::ledger::deliveries::{self, ListedAnnouncement};
use crate::ledger::outbox::DeliveryState;
use crate::ledger::visible::Visible;
use crate::stack::Destination;
use crate::web::app::App;
use crate::web::http::paging::{Page, edge};
use crate::web::http::problem::Reply;
use crate::web::session::caller::Caller;
use crate::web::view::frame::Section;
use crate::web::view::page::{frame, page};
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use serde::Deserialize;

/// Announcements on one page.
const ANNOUNCEMENTS: usize = 50;

/// What the announcements are asked for; what is empty is not asked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct AnnouncementsQuery {
    channel: Option<String>,
    state: Option<String>,
    before: Option<String>,
    after: Option<String>,
}

/// `GET /announcements`
pub async fn announcements(app: Data<App>, caller: Caller, query: Query<AnnouncementsQuery>) -> Reply {
    let AnnouncementsQuery { channel, state, before, after } = query.into_inner();
    let said = |text: Option<String>| text.filter(|text| !text.is_empty());
    let from = edge(before.as_deref(), after.as_deref())?;
    // A channel that there is not is not asked for.
    let channel = channel.as_deref().and_then(|channel| channel.parse::<Destination>().ok());
    let filter = ToldFilter { channel: channel.clone(), state: said(state) };
    // Nothing is in a state that there is not.
    let state = filter.state.as_deref().map(DeliveryState::parse).transpose();
    let access = caller.access.clone();
    let read = app.desk.ledger().read(move |connection| {
        let visible = Visible::to(connection, &access)?;
        let rows = match state {
            Ok(state) => deliveries::list(connection, channel.as_ref(), state, from, ANNOUNCEMENTS + 1, &visible)?,
            Err(_) => Vec::new(),
        };
        Ok((deliveries::channels(connection)?, rows))
    });
    let (channels, rows) = read.await?;
    let Page { rows, older, newer } = Page::of(rows, from, ANNOUNCEMENTS, |listed| listed.row.id);
    let frame = frame(&app, Some(&caller), Section::Pushes).await;
    let may = |listed: &&ListedAnnouncement| may(&app, &caller.access, listed.stack.as_ref(), listed.stage.as_ref());
    let may_send = rows.iter().filter(may).map(|listed| listed.row.id).collect();
    let shown = AnnouncementsPage { channels, rows, may_send, filter, older, newer };
    Ok(page(StatusCode::OK, app.pages.announcements(&frame, &shown)?))
}
