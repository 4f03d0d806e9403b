//! A build that the server fetches itself: a program names its address and its SHA-256. It must never fetch what the server's file does not
//! allow, and never unpack what has another hash. Called where builds are published.

use super::take::{self, Said};
use crate::desk::{Case, Refusal};
use crate::source::artifact::{Artifact, ArtifactError};
use crate::stack::StackName;
use crate::web::app::App;
use crate::web::http::body::{Fields, Kind};
use crate::web::http::problem::{Problem, Reply};
use crate::web::session::caller::Caller;
use schemars::JsonSchema;
use serde::Deserialize;

/// What a program says instead of sending a tar.
#[derive(Clone, Debug, Default, JsonSchema, Deserialize)]
pub struct ArtifactBody {
    artifact_url: Option<String>,
    sha256: Option<String>,
    sha: Option<String>,
    #[serde(rename = "ref")]
    branch: Option<String>,
    title: Option<String>,
    fewer: Option<bool>,
}

impl Fields for ArtifactBody {
    const FIELDS: &'static [(&'static str, Kind)] = &[
        ("artifact_url", Kind::Text),
        ("sha256", Kind::Text),
        ("sha", Kind::Text),
        ("ref", Kind::Text),
        ("title", Kind::Text),
        ("fewer", Kind::Flag),
    ];
    const NEEDED: Option<(&'static [&'static str], &'static str)> =
        Some((&["artifact_url"], "a build is sent as a tar, or named by its address"));
    const EXAMPLE: &'static str = r#"{"artifact_url": "https://ci.example.com/web.tar", "sha256": "9f86d0…", "sha": "51d0c3e04f9b7a2f6c8d1e3a5b7c9d0e1f2a3b4c"}"#;
}

/// Fetches what the body names, and publishes it.
pub(super) async fn publish(app: &App, caller: &Caller, stack: StackName, body: ArtifactBody) -> Reply {
    let needed = |name: &str, value: Option<String>| {
        let value = value.filter(|value| !value.trim().is_empty());
        value.ok_or_else(|| Problem::missing(format!("`{name}` is missing; for example {}", ArtifactBody::EXAMPLE)))
    };
    let (url, sha256) = (needed("artifact_url", body.artifact_url)?, needed("sha256", body.sha256)?);
    let said = Said {
        sha: needed("sha", body.sha)?,
        branch: body.branch.unwrap_or_default(),
        title: body.title.unwrap_or_default(),
        fewer: body.fewer == Some(true),
    };
    let what = take::allowed(app, caller, stack, said)?;
    let config = app.desk.config();
    let artifact = Artifact::parse(&config.artifacts, &url, &sha256).map_err(refused)?;
    let _turn = take::turn(app)?;
    let file = tempfile::tempfile_in(config.data.join("incoming")).map_err(Problem::broken)?;
    let tar = artifact.fetch(&config.artifacts, config.limits.upload_mib << 20, file).await.map_err(refused)?;
    take::taken(app, what, tar).await
}

fn refused(error: ArtifactError) -> Problem {
    let why = error.to_string();
    Problem::from(match error {
        ArtifactError::NotAllowed(_) => Refusal::BadRequest { case: Case::ArtifactAddress, why },
        ArtifactError::Failed(_) => Refusal::Unable { case: Case::ArtifactFetch, why },
        ArtifactError::Wrong(_) => {
            Refusal::BadRequest { case: Case::Upload, why: format!("the build was not accepted: {why}") }
        }
        ArtifactError::Io(_) => Refusal::Unable { case: Case::NotKept, why },
    })
}
