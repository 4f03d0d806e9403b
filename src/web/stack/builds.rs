//! Builds that are published from outside: a tar comes in, as long as the server's file allows, and lies on the disk before
//! anything of it is looked at. It must never hold one in memory, nor unpack anything itself. Called by the routes.

use crate::desk::view::PublishedBody;
use crate::desk::{Case, Publishing, Reason, Refusal};
use crate::stack::{BuildId, Revision, StackName};
use crate::web::app::App;
use crate::web::http::action::see;
use crate::web::http::limits::body_timeout::InTime;
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use actix_web::HttpResponse;
use actix_web::web::{Data, Form, Path, Payload, Query};
use futures::StreamExt;
use serde::Deserialize;
use serde_json::json;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::time::{Duration, Instant};

/// An upload that says nothing for so long is over.
const SILENCE: Duration = Duration::from_secs(30);
/// The longest that an upload may take.
const LONGEST: Duration = Duration::from_secs(3600);

/// What is said of a build, in the query.
#[derive(Clone, Debug, Deserialize)]
pub struct BuildQuery {
    #[serde(default)]
    sha: String,
    #[serde(default, rename = "ref")]
    branch: String,
    #[serde(default)]
    title: String,
    /// `yes`: far fewer files than before are right.
    fewer: Option<Yes>,
}

/// The one word that says so.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Yes {
    Yes,
}

/// Why a build is withdrawn.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhyWithdrawn {
    reason: Option<String>,
}

/// `POST /api/v1/stacks/{stack}/builds?sha=…&ref=…&title=…&fewer=yes`
pub async fn publish(
    app: Data<App>,
    caller: Caller,
    stack: Path<String>,
    said: Query<BuildQuery>,
    body: Payload,
) -> Reply {
    let said = said.into_inner();
    if said.sha.is_empty() {
        return Err(Problem::missing(
            "`sha`, the revision that the build was made from, is missing in the query; for example \
             ?sha=51d0c3e04f9b7a2f6c8d1e3a5b7c9d0e1f2a3b4c&ref=main&title=What+it+is",
        ));
    }
    let sha: Revision = said.sha.parse().map_err(|bad: crate::stack::BadName| Problem::bad_request(bad.to_string()))?;
    let what = Publishing {
        stack: named("stack", &stack)?,
        sha,
        branch: said.branch,
        title: said.title.trim().to_owned(),
        who: caller.who.clone(),
        fewer: said.fewer.is_some(),
    };
    app.budgets
        .builds
        .take(caller.who.as_str(), Instant::now())
        .map_err(|wait| Problem::too_often("you published", wait))?;
    app.desk.may_publish(&what)?;
    let _turn = app.uploads.try_acquire().map_err(|_| Problem::uploading())?;
    let tar = tempfile::tempfile_in(app.desk.config().data.join("incoming")).map_err(Problem::broken)?;
    let most = app.desk.config().limits.upload_mib << 20;
    let Ok(written) = tokio::time::timeout(LONGEST, write(body, tar, most)).await else {
        return Err(Problem::too_slow());
    };
    let taken = app.desk.publish(what, written?).await?;
    let answer = json!({ "build": PublishedBody::from(&taken.build), "new": taken.new });
    Ok(match taken.new {
        true => HttpResponse::Created().json(answer),
        false => HttpResponse::Ok().json(answer),
    })
}

/// `GET /api/v1/stacks/{stack}/builds`
pub async fn listed(app: Data<App>, _: Caller, stack: Path<String>) -> Reply {
    let stack: StackName = named("stack", &stack)?;
    Ok(HttpResponse::Ok().json(json!({ "builds": app.desk.published(&stack).await? })))
}

/// `DELETE /api/v1/stacks/{stack}/builds/{build}?reason=…`
pub async fn withdraw(
    app: Data<App>,
    caller: Caller,
    place: Path<(String, String)>,
    said: Query<WhyWithdrawn>,
) -> Reply {
    withdrawn(&app, &caller, &place, said.reason.as_deref()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /stacks/{stack}/builds/{build}/withdraw`
pub async fn withdraw_by_form(
    app: Data<App>,
    caller: Caller,
    place: Path<(String, String)>,
    form: InTime<Form<WhyWithdrawn>>,
) -> Reply {
    withdrawn(&app, &caller, &place, form.0.reason.as_deref()).await?;
    Ok(see(format!("/stacks/{}", place.0)))
}

async fn withdrawn(
    app: &Data<App>,
    caller: &Caller,
    (stack, build): &(String, String),
    reason: Option<&str>,
) -> Result<(), Problem> {
    let (stack, build): (StackName, BuildId) = (named("stack", stack)?, named("build", build)?);
    Ok(app.desk.withdraw(&stack, &build, &caller.who, Reason::parse(reason)?).await?)
}

/// Writes a body down as it comes, and gives the file back at its beginning.
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
