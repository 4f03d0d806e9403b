//! The lines of a push that has ended, for a page that loads only what is looked at: an outline, pages of lines, where lines
//! are that hold a text or come from a host, which hosts said the same. They must never hold a whole journal in memory, and never speak
//! of a push that still runs: its viewers are cursors into its journal. Called by the routes.

use super::find::{FoundLines, Lines, MOST_LINES, MOST_RANGES, Text};
use super::index::{Index, LineFilter, Span};
use super::parameters::{FindParameters, LinesParameters, SameParameters};
use super::same::Same;
use crate::desk::JournalEnd;
use crate::journal::{JournalFile, Record};
use crate::stack::PushNumber;
use crate::web::app::App;
use crate::web::http::api::call::{Call, Chapter, Takes, json, query};
use crate::web::http::api::links;
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use actix_web::http::header::CONTENT_SECURITY_POLICY;
use actix_web::web::{self, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use schemars::JsonSchema;
use serde::Serialize;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The index of a journal with fewer bytes, some 4,000 lines, is made anew when it is asked for: that takes no time.
pub(super) const LONG: u64 = 512 << 10;
/// The longest text to look for, in characters.
const LONGEST_TEXT: usize = 200;

/// A journal that has ended, with its index.
pub(super) struct Past {
    path: PathBuf,
    index: Arc<Index>,
}

impl Past {
    pub(super) async fn of(app: &App, push: PushNumber) -> Result<Self, Problem> {
        let end = app.desk.journal_end(push).await.map(|end| *end.borrow());
        let Some(JournalEnd { len, ended }) = end else { return Err(Problem::unknown(format_args!("push {push}"))) };
        if !ended {
            return Err(Problem::running(push));
        }
        let path = app.desk.journal_path(push);
        if let Some(index) = app.lines.kept(push, len) {
            return Ok(Self { path, index });
        }
        // Who waits here finds it built.
        let _one = app.lines.building.lock().await;
        if let Some(index) = app.lines.kept(push, len) {
            return Ok(Self { path, index });
        }
        let (beside, gone) = (app.desk.index_path(push), app.closing.clone());
        let made = pass(app, path.clone(), move |file| match file {
            Some(file) if len < LONG => Index::build(&file, len, &gone),
            Some(file) => indexed(&file, len, &beside, &gone),
            None => Ok(Index::default()),
        });
        let index = Arc::new(made.await?);
        app.lines.keep(push, len, &index);
        Ok(Self { path, index })
    }

    async fn read<T: Send + 'static>(
        self,
        app: &App,
        work: impl FnOnce(&JournalFile, &Index) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        pass(app, self.path, move |file| match file {
            Some(file) => work(&file, &self.index),
            None => Err(io::ErrorKind::NotFound.into()),
        })
        .await
    }
}

/// The index that lies beside a journal; else it is made, and put there.
pub(super) fn indexed(
    journal: &JournalFile,
    len: u64,
    beside: &std::path::Path,
    gone: &CancellationToken,
) -> io::Result<Index> {
    if let Some(index) = crate::web::output::kept::load(beside, journal, len) {
        return Ok(index);
    }
    let index = Index::build(journal, len, gone)?;
    if let Err(error) = crate::web::output::kept::store(beside, journal, len, &index) {
        tracing::warn!(path = %beside.display(), %error, "the index of a journal cannot be kept; it is made anew after a restart");
    }
    Ok(index)
}

/// Works on a journal's file, off the async threads, when it is its turn; there is none of a push that never began.
async fn pass<T: Send + 'static>(
    app: &App,
    path: PathBuf,
    work: impl FnOnce(Option<JournalFile>) -> io::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let _turn = app.lines.passes.acquire().await.map_err(Problem::broken)?;
    let work = move || match JournalFile::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => work(None),
        file => work(Some(file?)),
    };
    tokio::task::spawn_blocking(work).await.map_err(Problem::broken)?.map_err(Problem::broken)
}

/// What a request asks for, key by key; `host` and `command` may come several times.
#[derive(Debug, Default, PartialEq, Eq)]
struct LinesQuery {
    wanted: LineFilter,
    text: String,
    from: Option<u64>,
    to: Option<u64>,
    /// Lines in one answer, if fewer than there can be.
    most: Option<u64>,
    as_text: bool,
}

impl LinesQuery {
    pub(super) fn of(pairs: Vec<(String, String)>) -> Result<Self, Problem> {
        let mut asked = Self::default();
        for (key, value) in pairs {
            let bad =
                || Problem::bad_request(format!("{key} {:?} is not valid", value.chars().take(80).collect::<String>()));
            let line = || value.parse().ok().filter(|line| *line > 0).ok_or_else(bad);
            match key.as_str() {
                "host" => asked.wanted.hosts.push(value),
                "command" => asked.wanted.commands.push(value.parse().map_err(|_| bad())?),
                "errors" if value == "yes" => asked.wanted.errors = true,
                "from" => asked.from = Some(line()?),
                "to" => asked.to = Some(line()?),
                "most" => asked.most = Some(line()?),
                "format" if value == "text" => asked.as_text = true,
                "q" if value.chars().count() <= LONGEST_TEXT => asked.text = value,
                "q" => return Err(Problem::bad_request(format!("q is longer than {LONGEST_TEXT} characters"))),
                _ => return Err(bad()),
            }
        }
        Ok(asked)
    }
}

/// An answer that says where the next one is, if there is more.
fn page(request: &HttpRequest, next: Option<impl ToString>) -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    if let Some(link) = links::next(request, "from", next) {
        answer.insert_header(link);
    }
    answer
}

/// What the output of a push is made of.
#[derive(Debug, JsonSchema, Serialize)]
struct OutlineBody<'a> {
    /// The push.
    push: PushNumber,
    /// How many lines it has.
    lines: u64,
    /// The records of the push and its steps.
    records: &'a [Record],
    /// The first line of each step, and its command; command 0 is several at once.
    #[schemars(with = "Vec<[u64; 2]>")]
    steps: Vec<(u64, u32)>,
    /// Which lines are errors.
    errors: ErrorLines,
}

/// Which lines are errors.
#[derive(Debug, JsonSchema, Serialize)]
struct ErrorLines {
    /// How many.
    count: u64,
    /// First and last of each, in order; at most 20,000.
    #[schemars(with = "Vec<[u64; 2]>")]
    ranges: Vec<(u64, u64)>,
}

/// `GET /api/v1/pushes/{id}/outline`
pub static OUTLINE: Call = Call {
    handler: || web::to(outline),
    name: "get_outline",
    chapter: Chapter::Pushes,
    summary: "What the output of a push is made of, once it has ended",
    query: None,
    takes: Takes::Nothing,
    gives: &[json::<OutlineBody>(200, "The outline")],
    refuses: &[409],
};

async fn outline(app: Data<App>, _: Caller, id: Path<String>) -> Reply {
    let push: PushNumber = named("push", &id)?;
    let index = Past::of(&app, push).await?.index;
    let errors: Vec<_> = index.errors.iter().take(MOST_RANGES).map(|span| (span.first, span.last)).collect();
    let count: u64 = index.errors.iter().map(|span| span.last - span.first + 1).sum();
    Ok(HttpResponse::Ok().json(OutlineBody {
        push,
        lines: index.lines,
        records: &index.records,
        steps: index.steps(),
        errors: ErrorLines { count, ranges: errors },
    }))
}

/// `GET /api/v1/pushes/{id}/lines?from=&to=`, of some hosts and commands, or errors alone; with `format=text` nothing but
/// what they say, all of it or nothing.
pub static LINES: Call = Call {
    handler: || web::to(lines),
    name: "list_lines",
    chapter: Chapter::Pushes,
    summary: "Lines of a push that has ended",
    query: query::<LinesParameters>(),
    takes: Takes::Nothing,
    gives: &[json::<Lines>(200, "The lines").or(&["text/plain"])],
    refuses: &[409],
};

async fn lines(
    app: Data<App>,
    _: Caller,
    request: HttpRequest,
    id: Path<String>,
    query: Query<Vec<(String, String)>>,
) -> Reply {
    let LinesQuery { wanted, from, to, most, as_text, .. } = LinesQuery::of(query.into_inner())?;
    let push: PushNumber = named("push", &id)?;
    let past = Past::of(&app, push).await?;
    let span = Span { first: from.unwrap_or(1), last: to.unwrap_or(u64::MAX) };
    if !as_text {
        let most = most.unwrap_or(MOST_LINES).min(MOST_LINES);
        let lines = past
            .read(&app, move |file, index| crate::web::output::find::lines(file, index, &wanted, span, most))
            .await?;
        return Ok(page(&request, lines.next).json(lines));
    }
    let text = past.read(&app, move |file, index| crate::web::output::find::text(file, index, &wanted, span)).await?;
    let too_long = || {
        Problem::bad_request(format!(
            "these lines are more text than one answer holds; /pushes/{push}/log has all of it"
        ))
    };
    Ok(HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox"))
        .body(text.ok_or_else(too_long)?))
}

/// `GET /api/v1/pushes/{id}/same?from=`: which hosts said the same, command by command.
pub static SAME: Call = Call {
    handler: || web::to(same),
    name: "list_same",
    chapter: Chapter::Pushes,
    summary: "Which hosts said the same and ended alike, once the push has ended",
    query: query::<SameParameters>(),
    takes: Takes::Nothing,
    gives: &[json::<Same>(200, "The groups of each step")],
    refuses: &[409],
};

async fn same(
    app: Data<App>,
    _: Caller,
    request: HttpRequest,
    id: Path<String>,
    query: Query<Vec<(String, String)>>,
) -> Reply {
    let LinesQuery { wanted, from, .. } = LinesQuery::of(query.into_inner())?;
    let index = Past::of(&app, named("push", &id)?).await?.index;
    let from = u32::try_from(from.unwrap_or(1)).unwrap_or(u32::MAX);
    let same = crate::web::output::same::same(&index, &wanted, from);
    Ok(page(&request, same.next).json(same))
}

/// `GET /api/v1/pushes/{id}/find?q=`: which lines hold a text; without it, which lines come from some hosts or commands,
/// or are errors.
pub static FIND: Call = Call {
    handler: || web::to(find),
    name: "find_lines",
    chapter: Chapter::Pushes,
    summary: "Which lines hold a text, once the push has ended",
    query: query::<FindParameters>(),
    takes: Takes::Nothing,
    gives: &[json::<FoundLines>(200, "The lines, as ranges")],
    refuses: &[409],
};

async fn find(
    app: Data<App>,
    _: Caller,
    request: HttpRequest,
    id: Path<String>,
    query: Query<Vec<(String, String)>>,
) -> Reply {
    let LinesQuery { wanted, text, from, .. } = LinesQuery::of(query.into_inner())?;
    let past = Past::of(&app, named("push", &id)?).await?;
    // Who types on has gone with the last letter's question.
    let gone = CancellationToken::new();
    let _here = gone.clone().drop_guard();
    let found = past.read(&app, move |file, index| {
        crate::web::output::find::find(file, index, &wanted, Text::of(&text).as_ref(), from.unwrap_or(1), &gone)
    });
    let found = found.await?;
    Ok(page(&request, found.next).json(found))
}

#[cfg(test)]
pub(super) mod tests;
