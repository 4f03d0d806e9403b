//! What all ways of publishing a build share: what is said of it, whether it may come, how it is written down, and how it is taken in. It must
//! never hold one in memory. Used by the ways beside it.

use crate::desk::view::PublishedBody;
use crate::desk::{Case, Publishing, Refusal};
use crate::stack::{Revision, StackName};
use crate::web::app::App;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use actix_web::HttpResponse;
use actix_web::web::Payload;
use futures::StreamExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Seek, Write};
use std::time::{Duration, Instant};
use tokio::sync::SemaphorePermit;

/// An upload that says nothing for so long is over.
const SILENCE: Duration = Duration::from_secs(30);
/// The longest that an upload may take.
const LONGEST: Duration = Duration::from_secs(3600);

/// A build that was taken.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct TakenBody<'a> {
    /// As it is known from now on.
    build: PublishedBody<'a>,
    /// Whether it was not known before.
    new: bool,
}

/// What is said of a build, in the query.
#[derive(Clone, Debug, JsonSchema, Deserialize)]
pub struct BuildQuery {
    /// The revision that it was made of: required.
    #[serde(default)]
    sha: String,
    /// The branch that it was made of.
    #[serde(default, rename = "ref")]
    branch: String,
    /// What it is, in one line.
    #[serde(default)]
    title: String,
    /// `yes`: far fewer files than before are right.
    fewer: Option<Yes>,
}

impl BuildQuery {
    /// Whether it does not say of which revision the build is.
    pub(super) fn names_no_revision(&self) -> bool {
        self.sha.is_empty()
    }
}

/// The one word that says so.
#[derive(Clone, Copy, Debug, JsonSchema, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Yes {
    Yes,
}

/// The same, however it came.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    pub sha: String,
    pub branch: String,
    pub title: String,
    pub fewer: bool,
}

impl From<BuildQuery> for Said {
    fn from(query: BuildQuery) -> Self {
        Self { sha: query.sha, branch: query.branch, title: query.title, fewer: query.fewer.is_some() }
    }
}

/// What is to be published, if it may be, as far as its words say; it counts as a try.
pub(super) fn allowed(app: &App, caller: &Caller, stack: StackName, said: Said) -> Result<Publishing, Problem> {
    if said.sha.is_empty() {
        return Err(Problem::missing(
            "`sha`, the revision that the build was made from, is missing in the query; for example \
             ?sha=51d0c3e04f9b7a2f6c8d1e3a5b7c9d0e1f2a3b4c&ref=main&title=What+it+is",
        ));
    }
    let sha: Revision = said.sha.parse().map_err(|bad: crate::stack::BadName| Problem::bad_request(bad.to_string()))?;
    let what = Publishing {
        stack,
        sha,
        branch: said.branch,
        title: said.title.trim().to_owned(),
        who: caller.who.clone(),
        fewer: said.fewer,
    };
    app.budgets
        .builds
        .take(caller.who.as_str(), Instant::now())
        .map_err(|wait| Problem::too_often("you published", wait))?;
    app.desk.may_publish(&what)?;
    Ok(what)
}

/// A turn to send a build.
pub(super) fn turn(app: &App) -> Result<SemaphorePermit<'_>, Problem> {
    app.uploads.try_acquire().map_err(|_| Problem::uploading())
}

/// Takes a tar in that is here.
pub(super) async fn taken(app: &App, what: Publishing, tar: File) -> Reply {
    let taken = app.desk.publish(what, tar).await?;
    let answer = TakenBody { build: PublishedBody::from(&taken.build), new: taken.new };
    Ok(match taken.new {
        true => HttpResponse::Created().json(answer),
        false => HttpResponse::Ok().json(answer),
    })
}

/// Writes a body down as it comes, at most so many bytes, and gives the file back at its beginning. What was written stays in the file also
/// where the rest does not come.
pub(super) async fn written(body: Payload, tar: File, most: u64) -> Result<File, Problem> {
    tokio::time::timeout(LONGEST, write(body, tar, most)).await.unwrap_or_else(|_| Err(Problem::too_slow()))
}

async fn write(mut body: Payload, mut tar: File, most: u64) -> Result<File, Problem> {
    let mut length = 0;
    loop {
        let Ok(next) = tokio::time::timeout(SILENCE, body.next()).await else { return Err(Problem::too_slow()) };
        let Some(piece) = next else { break };
        let piece = piece.map_err(|error| Problem::bad_request(format!("the upload was interrupted: {error}")))?;
        length += piece.len() as u64;
        if length > most {
            return Err(Problem::upload_too_large(most));
        }
        tar = put(tar, move |tar| tar.write_all(&piece)).await?;
    }
    put(tar, |tar| tar.rewind()).await
}

async fn put(mut tar: File, work: impl FnOnce(&mut File) -> io::Result<()> + Send + 'static) -> Result<File, Problem> {
    let done = tokio::task::spawn_blocking(move || work(&mut tar).map(|()| tar)).await;
    let done = done.unwrap_or_else(|error| Err(io::Error::other(error)));
    done.map_err(|error| {
        Problem::from(Refusal::Unable { case: Case::NotKept, why: format!("the upload cannot be stored: {error}") })
    })
}
