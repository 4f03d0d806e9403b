//! The push log: as a page, as JSON and as a table for a spreadsheet, with the same filters and cursors. It must never
//! change anything, nor hold more than a page of rows at once. Called by the routes.

use super::view::{LogFilter, LogPage};
use crate::address::encoded;
use crate::desk::view::PushBody;
use crate::journal::PushState;
use crate::ledger::history::{self, Edge, Filter};
use crate::ledger::pushes::PushRow;
use crate::ledger::{Ledger, LedgerError};
use crate::stack::{Access, BadName, StackName, StageName, Verb};
use crate::visible::visible;
use crate::web::app::App;
use crate::web::http::api::call::{Call, Chapter, Takes, json, query};
use crate::web::http::api::links;
use crate::web::http::paging::{Page, edge, limit, moment};
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use crate::web::view::frame::Section;
use crate::web::view::page::{frame, page};
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::{self, Bytes, Data, Query};
use actix_web::{HttpRequest, HttpResponse, http::header::CONTENT_TYPE};
use futures::{Stream, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::io;

/// Pushes on one page of the log.
const PUSHES: usize = 50;
/// Pushes in one answer, at most.
const MOST_PUSHES: usize = 200;
/// Rows of the table that are read at once.
const ROWS: usize = 500;

/// What the push log is asked for; what is empty is not asked for.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct LogQuery {
    /// Of this stack.
    stack: Option<String>,
    /// To stages of this name.
    stage: Option<String>,
    /// By this person or token.
    who: Option<String>,
    /// In this state.
    state: Option<String>,
    /// With this word in them.
    word: Option<String>,
    /// From this day or time on.
    since: Option<String>,
    /// Up to this day or time.
    until: Option<String>,
    /// Older than this number.
    before: Option<String>,
    /// Newer than this number.
    after: Option<String>,
    /// How many at a time, from 1 to 200; 50 otherwise. The page and the table take no notice of it.
    limit: Option<String>,
}

impl LogQuery {
    fn shown(&self) -> LogFilter {
        let said = |text: &Option<String>| {
            let text = text.as_deref().unwrap_or_default().trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        LogFilter {
            stack: said(&self.stack),
            stage: said(&self.stage),
            who: said(&self.who),
            state: said(&self.state),
            word: said(&self.word),
            since: said(&self.since),
            until: said(&self.until),
        }
    }

    /// How many at a time are asked for.
    pub fn limit(&self) -> Option<&str> {
        self.limit.as_deref()
    }

    /// All that is asked for but the cursors, to be written behind another part of a query.
    pub fn kept(&self) -> String {
        let limit = self.limit.clone().filter(|limit| !limit.is_empty());
        let LogFilter { stack, stage, who, state, word, since, until } = self.shown();
        let all = [
            ("stack", stack),
            ("stage", stage),
            ("who", who),
            ("state", state),
            ("word", word),
            ("since", since),
            ("until", until),
            ("limit", limit),
        ];
        all.into_iter().filter_map(|(name, value)| Some(format!("&{name}={}", encoded(&value?)))).collect()
    }

    /// The filter; none when the stack or the stage is no name, so that nothing can pass.
    ///
    /// # Errors
    /// When a cursor is no number, a day is none, or a state is none.
    fn filter(&self, reader: &Access) -> Result<Option<Filter>, Problem> {
        let LogFilter { stack, stage, who, state, word, since, until } = self.shown();
        let since = since.map(|text| moment("since", &text, false)).transpose()?;
        let until = until.map(|text| moment("until", &text, true)).transpose()?;
        let state = state.map(|word| PushState::parse(&word).map_err(|_| no_state(&word))).transpose()?;
        let from = self.edge()?;
        let (Ok(stack), Ok(stage)) = named(stack, stage) else { return Ok(None) };
        let reader = Some(reader.clone());
        Ok(Some(Filter { stack, stage, who, state, word, since, until, from, reader }))
    }

    fn edge(&self) -> Result<Option<Edge>, Problem> {
        edge(self.before.as_deref(), self.after.as_deref())
    }

    /// The pushes that are asked for, of those that the reader may see.
    ///
    /// # Errors
    /// When a cursor or a day is none, or the ledger does not answer.
    pub async fn ask(&self, ledger: &Ledger, reader: &Access, most: usize) -> Result<Page<PushRow>, Problem> {
        let rows = match self.filter(reader)? {
            Some(filter) => ledger.read(move |connection| history::list(connection, &filter, most + 1)).await?,
            None => Vec::new(),
        };
        Ok(Page::of(rows, self.edge()?, most, |row| row.id.get()))
    }
}

/// What was written, as names of a stack and a stage.
fn named(
    stack: Option<String>,
    stage: Option<String>,
) -> (Result<Option<StackName>, BadName>, Result<Option<StageName>, BadName>) {
    (stack.map(|name| name.parse()).transpose(), stage.map(|name| name.parse()).transpose())
}

fn no_state(word: &str) -> Problem {
    let states = PushState::ALL.map(PushState::word).join(", ");
    let word: String = word.chars().take(40).collect();
    Problem::bad_request(format!("`state` must be one of {states}, not {word:?}"))
}

/// `GET /pushes`
pub async fn log(app: Data<App>, caller: Caller, query: Query<LogQuery>) -> Reply {
    let query = query.into_inner();
    let found = query.ask(app.desk.ledger(), &caller.access, PUSHES).await?;
    let frame = frame(&app, Some(&caller), Section::Pushes).await;
    let stack_files = app.desk.stack_files();
    let seen =
        stack_files.stacks.iter().filter(|loaded| caller.access.stack(Verb::See, &loaded.name, &loaded.stages()));
    let stacks = seen.map(|loaded| loaded.name.to_string()).collect();
    let Page { rows, older, newer } = found;
    let shown = LogPage { rows, filter: query.shown(), older, newer, stacks };
    Ok(page(StatusCode::OK, app.pages.log(&frame, &shown)?))
}

/// A page of pushes.
#[derive(Debug, JsonSchema, Serialize)]
struct PushesBody<'a> {
    /// Newest first.
    pushes: Vec<PushBody<'a>>,
    /// Older ones are before this number, if there are any.
    next_before: Option<i64>,
    /// Newer ones are after this number, if there may be any.
    next_after: Option<i64>,
}

/// `GET /api/v1/pushes`
pub static LISTED: Call = Call {
    handler: || web::to(listed),
    name: "list_pushes",
    chapter: Chapter::Pushes,
    summary: "The push log, newest first",
    query: query::<LogQuery>(),
    takes: Takes::Nothing,
    gives: &[json::<PushesBody>(200, "A page of pushes")],
    refuses: &[],
};

async fn listed(app: Data<App>, caller: Caller, request: HttpRequest, query: Query<LogQuery>) -> Reply {
    let query = query.into_inner();
    let most = limit(query.limit.as_deref(), PUSHES, MOST_PUSHES)?;
    let found = query.ask(app.desk.ledger(), &caller.access, most).await?;
    let pushes: Vec<PushBody> = found.rows.iter().map(PushBody::from).collect();
    let listed = PushesBody { pushes, next_before: found.older, next_after: found.newer };
    let mut answer = HttpResponse::Ok();
    if let Some(link) = links::next(&request, "before", found.older) {
        answer.insert_header(link);
    }
    Ok(answer.json(listed))
}

/// `GET /pushes.csv`: all pushes that pass the filters, the newest first, as they come from the ledger.
pub async fn table(app: Data<App>, caller: Caller, query: Query<LogQuery>) -> Reply {
    let filter = query.into_inner().filter(&caller.access)?;
    let rows = rows(app.desk.ledger().clone(), app.desk.config().url.clone(), filter);
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"pushes.csv\""))
        .streaming(Box::pin(rows)))
}

const HEAD: &str = "push,stack,stage,kind,state,who,pressed_at,ended_at,duration_ms,old_sha,sha,build,branch,commits,\
                    hosts_ok,hosts_total,reason,approved_by,override_why,why,diff,url\r\n";

/// The table, a batch of rows at a time; each batch goes on where the last one ended, whatever was pushed meanwhile. Its head alone
/// where nothing can pass.
fn rows(ledger: Ledger, url: String, filter: Option<Filter>) -> impl Stream<Item = io::Result<Bytes>> {
    let batches = stream::try_unfold(filter, move |filter| {
        let (ledger, url) = (ledger.clone(), url.clone());
        async move {
            let Some(mut filter) = filter else { return Ok(None) };
            let asked = filter.clone();
            let rows = ledger.read(move |connection| history::list(connection, &asked, ROWS)).await;
            let rows = rows.map_err(|error: LedgerError| io::Error::other(error.to_string()))?;
            let text: String = rows.iter().map(|row| line(row, &url)).collect();
            let one_page = matches!(filter.from, Some(Edge::After(_)));
            filter.from = rows.last().map(|row| Edge::Before(row.id.get()));
            let more = rows.len() == ROWS && !one_page;
            Ok(Some((Bytes::from(text), more.then_some(filter))))
        }
    });
    stream::StreamExt::chain(stream::iter([Ok(Bytes::from_static(HEAD.as_bytes()))]), batches)
}

fn line(row: &PushRow, url: &str) -> String {
    let number = |number: i64| number.to_string();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let cells = [
        row.id.to_string(),
        row.stack.to_string(),
        row.stage.to_string(),
        row.kind.to_string(),
        row.state.to_string(),
        row.who.clone(),
        row.pressed_at.clone(),
        text(&row.ended_at),
        row.duration_ms.map(number).unwrap_or_default(),
        text(&row.old_sha),
        row.sha.clone(),
        row.build.clone(),
        row.branch.clone(),
        number(row.commit_count),
        number(row.hosts_ok),
        number(row.hosts_total),
        text(&row.reason),
        text(&row.approved_by),
        text(&row.override_why),
        text(&row.why),
        text(&row.diff),
        format!("{url}/pushes/{}", row.id),
    ];
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    format!("{}\r\n", cells.join(","))
}

/// A cell: what hides in it is a chip; in quotes where it must be; what a spreadsheet would take for a formula gets a quote before it.
fn cell(text: &str) -> String {
    let text = &*visible(text);
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    match text.contains([',', '"', '\n', '\r', ';']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula_and_never_two_cells() {
        for (text, written) in [
            ("mary", "mary"),
            ("a, \"b\"", "\"a, \"\"b\"\"\""),
            ("=1+1", "'=1+1"),
            ("-x", "'-x"),
            ("a\u{202e}b\u{200b}", "a⟨U+202E⟩b⟨U+200B⟩"),
            ("\u{feff}=1+1", "⟨U+FEFF⟩=1+1"),
            ("@sum(a,b)", "\"'@sum(a,b)\""),
        ] {
            assert_eq!(cell(text), written);
        }
    }
}
