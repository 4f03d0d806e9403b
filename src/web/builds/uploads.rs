//! A build that is sent piece by piece: begun, added to from where it stands, published when it is whole. A connection that breaks costs what
//! was on its way, and a server that is started anew nothing. It must never add a piece elsewhere than at the end, nor to what somebody else
//! began. Called by the routes.

use super::take::{self, BuildQuery, Said, TakenBody};
use crate::desk::uploads::{Claim, Found, OLDEST, Upload, Uploads};
use crate::desk::{Case, Publishing, Refusal};
use crate::stack::StackName;
use crate::supervise::blocking;
use crate::time::At;
use crate::web::app::App;
use crate::web::http::api::call::{Call, Chapter, Takes, json, nothing, query, takes};
use crate::web::http::body::{Body, Fields, Kind};
use crate::web::http::path::named;
use crate::web::http::problem::{Problem, Reply};
use crate::web::http::problem_body::ProblemBody;
use crate::web::session::caller::Caller;
use actix_web::http::header::{HeaderName, LOCATION};
use actix_web::web::{self, Data, Path, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::time::SystemTime;

/// How much of an upload is here, and where a piece goes.
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
/// Bytes that are hashed at once.
const PIECE: usize = 1 << 20;

/// An upload, as answers say it.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct UploadBody {
    /// Its name.
    id: String,
    /// Where its parts go.
    url: String,
    /// The revision that it is of.
    sha: String,
    /// How many bytes are here.
    offset: u64,
    /// When it is removed, if nothing more comes.
    expires_at: String,
}

/// What may be said when it is whole.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct Whole {
    /// The SHA-256 of all of it.
    sha256: Option<String>,
}

impl Fields for Whole {
    const FIELDS: &'static [(&'static str, Kind)] = &[("sha256", Kind::Text)];
    const NEEDED: Option<(&'static [&'static str], &'static str)> = None;
    const EXAMPLE: &'static str = r#"{"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}"#;
}

/// `POST /api/v1/stacks/{stack}/uploads?sha=…&ref=…&title=…&fewer=yes`
pub static BEGIN: Call = Call {
    handler: || web::to(begin),
    name: "begin_upload",
    chapter: Chapter::Builds,
    summary: "Begin an upload in parts",
    query: query::<BuildQuery>(),
    takes: Takes::Nothing,
    gives: &[json::<UploadBody>(201, "The upload that was begun")],
    refuses: &[429],
};

async fn begin(app: Data<App>, caller: Caller, stack: Path<String>, said: Query<BuildQuery>) -> Reply {
    let stack: StackName = named("stack", &stack)?;
    let what = take::allowed(&app, &caller, stack.clone(), Said::from(said.into_inner()))?;
    app.desk.has_space()?;
    let Publishing { who, sha, branch, title, fewer, .. } = what;
    let upload = Upload { stack: stack.clone(), who, sha, branch, title, fewer };
    let (uploads, new) = (app.desk.uploads().clone(), upload.clone());
    let begun = blocking(move || uploads.begin(&new)).await.map_err(not_kept)?;
    let Some(id) = begun else {
        let why = format!("{stack} has too many uploads that were begun and not ended");
        return Err(Refusal::Nothing { case: Case::Uploads, why }.into());
    };
    let body = body(&app, &id, &Found { upload, length: 0, touched: SystemTime::now() });
    Ok(HttpResponse::Created().insert_header((LOCATION, body.url.clone())).insert_header((OFFSET, 0)).json(body))
}

/// `GET /api/v1/stacks/{stack}/uploads/{upload}`, and HEAD, whose `Upload-Offset` says where to go on.
pub static SHOWN: Call = Call {
    handler: || web::to(shown),
    name: "get_upload",
    chapter: Chapter::Builds,
    summary: "How far an upload is",
    query: None,
    takes: Takes::Nothing,
    gives: &[json::<UploadBody>(200, "The upload")],
    refuses: &[],
};

async fn shown(app: Data<App>, caller: Caller, place: Path<(String, String)>) -> Reply {
    let found = found(&app, &caller, &place).await?;
    Ok(HttpResponse::Ok().insert_header((OFFSET, found.length)).json(body(&app, &place.1, &found)))
}

/// `PATCH /api/v1/stacks/{stack}/uploads/{upload}` with `Upload-Offset`
pub static APPEND: Call = Call {
    handler: || web::to(append),
    name: "append_upload",
    chapter: Chapter::Builds,
    summary: "Add a part to an upload",
    query: None,
    takes: Takes::File("application/octet-stream"),
    gives: &[nothing(204, "The part was added; the header Upload-Offset says how much is here")],
    refuses: &[],
};

async fn append(
    app: Data<App>,
    caller: Caller,
    request: HttpRequest,
    place: Path<(String, String)>,
    piece: Payload,
) -> Reply {
    let given = request.headers().get(&OFFSET).and_then(|given| given.to_str().ok()?.parse::<u64>().ok());
    let Some(given) = given else {
        return Err(Problem::missing(
            "the header `Upload-Offset` is missing: how many bytes were sent before, as HEAD says it",
        ));
    };
    let (_, claim) = claimed(&app, &caller, &place).await?;
    let _turn = take::turn(&app)?;
    let offset = found(&app, &caller, &place).await?.length;
    if given != offset {
        let why = format!("the upload has {offset} bytes, and the piece begins at {given}");
        return Ok(with_offset(&app, &Refusal::Nothing { case: Case::UploadOffset, why }.into(), offset));
    }
    app.desk.has_space()?;
    let uploads = app.desk.uploads().clone();
    let (file, claim) = blocking(move || Ok((uploads.open(&claim)?, claim))).await.map_err(not_kept)?;
    let most = (app.desk.config().limits.upload_mib << 20).saturating_sub(offset);
    let written = take::written(piece, file, most).await;
    // What came before a connection broke stays, and counts.
    let file = written?;
    let length = blocking(move || {
        file.sync_data()?;
        Ok(file.metadata()?.len())
    });
    let length = length.await.map_err(not_kept)?;
    drop(claim);
    Ok(HttpResponse::NoContent().insert_header((OFFSET, length)).finish())
}

/// `POST /api/v1/stacks/{stack}/uploads/{upload}/publish`
pub static PUBLISH: Call = Call {
    handler: || web::to(publish),
    name: "publish_upload",
    chapter: Chapter::Builds,
    summary: "Publish an upload that is whole",
    query: None,
    takes: takes::<Whole>(),
    gives: &[json::<TakenBody>(201, "The build that was published"), json::<TakenBody>(200, "It was there already")],
    refuses: &[],
};

async fn publish(app: Data<App>, caller: Caller, place: Path<(String, String)>, whole: Body<Whole>) -> Reply {
    let (upload, claim) = claimed(&app, &caller, &place).await?;
    let _turn = take::turn(&app)?;
    let uploads = app.desk.uploads().clone();
    let (file, claim) = blocking(move || Ok((uploads.open(&claim)?, claim))).await.map_err(not_kept)?;
    let file = match whole.0.sha256.map(|wanted| wanted.trim().to_ascii_lowercase()) {
        Some(wanted) => {
            let (found, file) = blocking(move || hashed(file)).await.map_err(not_kept)?;
            if found != wanted {
                let why =
                    format!("the build was not accepted: the upload has the SHA-256 {found} instead of {wanted:.64}");
                return Err(Refusal::BadRequest { case: Case::Upload, why }.into());
            }
            file
        }
        None => file,
    };
    let Upload { stack, who, sha, branch, title, fewer } = upload;
    let answer = take::taken(&app, Publishing { stack, sha, branch, title, who, fewer }, file).await?;
    remove(&app, claim).await?;
    Ok(answer)
}

/// `DELETE /api/v1/stacks/{stack}/uploads/{upload}`
pub static CANCEL: Call = Call {
    handler: || web::to(cancel),
    name: "cancel_upload",
    chapter: Chapter::Builds,
    summary: "Remove an upload",
    query: None,
    takes: Takes::Nothing,
    gives: &[nothing(204, "It is removed")],
    refuses: &[],
};

async fn cancel(app: Data<App>, caller: Caller, place: Path<(String, String)>) -> Reply {
    let (_, claim) = claimed(&app, &caller, &place).await?;
    remove(&app, claim).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn remove(app: &App, claim: Claim) -> Result<(), Problem> {
    let uploads: Uploads = app.desk.uploads().clone();
    blocking(move || uploads.remove(&claim)).await.map_err(not_kept)
}

/// An upload of the caller's own; of anybody else's there is none.
async fn found(app: &App, caller: &Caller, (stack, id): &(String, String)) -> Result<Found, Problem> {
    let stack: StackName = named("stack", stack)?;
    let (uploads, wanted) = (app.desk.uploads().clone(), id.clone());
    let found = blocking(move || uploads.get(&wanted)).await.map_err(not_kept)?;
    let own = found.filter(|found| found.upload.stack == stack && found.upload.who == caller.who);
    own.ok_or_else(|| {
        Problem::unknown(format_args!("upload {:.40}", id.chars().filter(|c| !c.is_control()).collect::<String>()))
    })
}

/// The same, to be written to by this request alone.
async fn claimed(app: &App, caller: &Caller, place: &(String, String)) -> Result<(Upload, Claim), Problem> {
    let upload = found(app, caller, place).await?.upload;
    match app.desk.uploads().claim(&place.1) {
        Some(claim) => Ok((upload, claim)),
        None => {
            let why = "another request is writing to this upload".to_owned();
            Err(Refusal::Nothing { case: Case::UploadOffset, why }.into())
        }
    }
}

fn body(app: &App, id: &str, found: &Found) -> UploadBody {
    let ends = (found.touched + OLDEST).duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UploadBody {
        id: id.to_owned(),
        url: format!("{}/api/v1/stacks/{}/uploads/{id}", app.desk.config().url, found.upload.stack),
        sha: found.upload.sha.to_string(),
        offset: found.length,
        expires_at: At::from_millis(i64::try_from(ends.as_millis()).unwrap_or(i64::MAX)).to_string(),
    }
}

/// A refusal that says where to go on.
fn with_offset(app: &App, problem: &Problem, offset: u64) -> HttpResponse {
    let mut response = ProblemBody::new(problem, &app.desk.config().url).response(problem);
    response.headers_mut().insert(OFFSET, offset.into());
    response
}

fn hashed(mut file: File) -> io::Result<(String, File)> {
    file.rewind()?;
    let (mut hash, mut piece) = (Sha256::new(), vec![0; PIECE]);
    loop {
        match file.read(&mut piece)? {
            0 => break,
            read => hash.update(&piece[..read]),
        }
    }
    file.rewind()?;
    Ok((crate::journal::write::hex(&hash.finalize()), file))
}

fn not_kept(error: io::Error) -> Problem {
    Problem::from(Refusal::Unable { case: Case::NotKept, why: format!("the upload cannot be stored: {error}") })
}
