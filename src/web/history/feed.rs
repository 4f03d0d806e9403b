//! The push log as an Atom feed (RFC 4287), with the filters of the log: for feed readers, which sign in with a token. It must never say more
//! than the log does, nor let a text be more than text.

use super::page::LogQuery;
use crate::ledger::pushes::PushRow;
use crate::plan::PushKind;
use crate::visible::visible;
use crate::web::app::App;
use crate::web::http::api::call::{Call, Chapter, Takes, media, query};
use crate::web::http::paging::limit;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use actix_web::web::{self, Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use std::io;

/// Entries of a feed.
const ENTRIES: usize = 50;
/// In one answer, at most.
const MOST_ENTRIES: usize = 200;

/// `GET /api/v1/pushes.atom`
pub static FEED: Call = Call {
    handler: || web::to(feed),
    name: "feed_of_pushes",
    chapter: Chapter::Pushes,
    summary: "The push log as an Atom feed, newest first",
    query: query::<LogQuery>(),
    takes: Takes::Nothing,
    gives: &[media(200, "The feed", &["application/atom+xml"])],
    refuses: &[],
};

async fn feed(app: Data<App>, caller: Caller, request: HttpRequest, query: Query<LogQuery>) -> Reply {
    let query = query.into_inner();
    let most = limit(query.limit(), ENTRIES, MOST_ENTRIES)?;
    let found = query.ask(app.desk.ledger(), &caller.access, most).await?;
    let url = &app.desk.config().url;
    let own = format!("{url}{}", request.uri().path_and_query().map_or("", |address| address.as_str()));
    let next = found.older.map(|before| format!("{url}{}?before={before}{}", request.path(), query.kept()));
    let text = written(url, &own, next.as_deref(), &found.rows).map_err(Problem::broken)?;
    Ok(HttpResponse::Ok().content_type("application/atom+xml; charset=utf-8").body(text))
}

/// The feed; `own` is its address, `next` that of the older entries.
fn written(url: &str, own: &str, next: Option<&str>, rows: &[PushRow]) -> io::Result<Vec<u8>> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 1);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
    let newest = rows.iter().map(updated).max().unwrap_or("1970-01-01T00:00:00.000Z");
    xml.create_element("feed").with_attribute(("xmlns", "http://www.w3.org/2005/Atom")).write_inner_content(|xml| {
        text(xml, "id", own)?;
        text(xml, "title", "Pushes")?;
        text(xml, "updated", newest)?;
        link(xml, "self", own)?;
        link(xml, "alternate", &format!("{url}/pushes"))?;
        if let Some(next) = next {
            link(xml, "next", next)?;
        }
        rows.iter().try_for_each(|row| entry(xml, url, row))
    })?;
    Ok(xml.into_inner())
}

fn entry(xml: &mut Writer<Vec<u8>>, url: &str, row: &PushRow) -> io::Result<()> {
    let page = format!("{url}/pushes/{}", row.id);
    xml.create_element("entry").write_inner_content(|xml| {
        text(xml, "id", &page)?;
        text(xml, "title", &title(row))?;
        text(xml, "updated", updated(row))?;
        text(xml, "published", &row.pressed_at)?;
        link(xml, "alternate", &page)?;
        if let Some(diff) = &row.diff {
            link(xml, "related", diff)?;
        }
        xml.create_element("author").write_inner_content(|xml| text(xml, "name", &row.who))?;
        for word in [row.stack.as_str(), row.stage.as_str(), row.state.word()] {
            xml.create_element("category").with_attribute(("term", word)).write_empty()?;
        }
        text(xml, "summary", &summary(row))
    })?;
    Ok(())
}

/// When the entry changed last: a push that ended is news again.
fn updated(row: &PushRow) -> &str {
    row.ended_at.as_deref().unwrap_or(&row.pressed_at)
}

/// `web prod: mary pushed 51d0c3e: succeeded`.
fn title(row: &PushRow) -> String {
    let did = match row.kind {
        PushKind::Push => "pushed",
        PushKind::Rollback => "rolled back to",
        PushKind::Resume => "resumed the push of",
        PushKind::CatchUp => "caught up hosts with",
    };
    let short: String = row.sha.chars().take(7).collect();
    format!("{} {}: {} {did} {short}: {}", row.stack, row.stage, row.who, row.state)
}

fn summary(row: &PushRow) -> String {
    let hosts = format!("{} of {} hosts", row.hosts_ok, row.hosts_total);
    let commits = crate::size::counted(row.commit_count.unsigned_abs(), "commit");
    let said = [row.reason.as_deref(), row.why.as_deref()].into_iter().flatten();
    [hosts, commits].into_iter().chain(said.map(str::to_owned)).collect::<Vec<_>>().join("; ")
}

fn text(xml: &mut Writer<Vec<u8>>, name: &str, words: &str) -> io::Result<()> {
    // XML has no way to write most control characters.
    xml.create_element(name).write_text_content(BytesText::new(&visible(words)))?;
    Ok(())
}

fn link(xml: &mut Writer<Vec<u8>>, of: &str, to: &str) -> io::Result<()> {
    xml.create_element("link").with_attributes([("rel", of), ("href", to)]).write_empty()?;
    Ok(())
}
