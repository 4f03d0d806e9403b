//! What a webhook says of a commit: a status, as each forge has it. Pure. It must never take a word that it does not know for a good one: what is
//! not known is not told at all.

use super::repository::addresses;
use crate::config::Forge;
use crate::desk::NewStatus;
use crate::ledger::statuses::CommitState;
use crate::stack::Revision;
use crate::stack::needs::LONGEST_CONTEXT;
use crate::time::At;
use crate::web::auto::statuses::{LONGEST_DESCRIPTION, is_link, line};
use serde_json::Value;

/// A status of a commit in the repository with these addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusEvent {
    /// All addresses that the forge has for the repository.
    pub addresses: Vec<String>,
    /// What it says.
    pub status: NewStatus,
}

/// What one forge says, still as text.
#[derive(Default)]
struct Said<'b> {
    sha: Option<&'b str>,
    context: Option<&'b str>,
    state: Option<CommitState>,
    description: Option<&'b str>,
    url: Option<&'b str>,
    at: Option<&'b str>,
}

/// The status that a body tells; none where the event is another one, or says nothing that is known.
///
/// # Errors
/// When it is one, and does not say of which commit or repository.
pub fn read(forge: Forge, name: &str, body: &Value) -> Result<Option<StatusEvent>, String> {
    let said = match (forge, name) {
        (Forge::GitHub | Forge::Gitea, "status") => forge_status(body),
        (Forge::GitHub, "check_run") => check(body, "/check_run", "/check_run/name"),
        (Forge::GitHub, "check_suite") => check(body, "/check_suite", "/check_suite/app/slug"),
        (Forge::GitLab, _) if kind(body) == Some("pipeline") => pipeline(body),
        (Forge::GitLab, _) if kind(body) == Some("build") => job(body),
        (Forge::Bitbucket, "repo:commit_status_created" | "repo:commit_status_updated") => bitbucket(body),
        (Forge::GitHub | Forge::GitLab | Forge::Gitea | Forge::Bitbucket, _) => return Ok(None),
    };
    let Some(state) = said.state else { return Ok(None) };
    let addresses = addresses(forge, body);
    if addresses.is_empty() {
        return Err("the body does not name its repository".to_owned());
    }
    let sha = said.sha.and_then(|sha| sha.to_ascii_lowercase().parse::<Revision>().ok());
    let Some(sha) = sha.filter(|sha| matches!(sha.as_str().len(), 40 | 64)) else {
        return Err("the body does not name the commit of its status".to_owned());
    };
    let context = said.context.and_then(line).map(|context| cut(&context, LONGEST_CONTEXT));
    let Some(context) = context else { return Err("the body does not name the context of its status".to_owned()) };
    let description = said.description.and_then(line);
    let status = NewStatus {
        sha,
        context,
        state,
        description: description.map(|text| text.chars().take(LONGEST_DESCRIPTION).collect()),
        url: said.url.filter(|url| is_link(url)).map(str::to_owned),
        as_of: said.at.and_then(instant),
    };
    Ok(Some(StatusEvent { addresses, status }))
}

fn kind(body: &Value) -> Option<&str> {
    body.get("object_kind").and_then(Value::as_str)
}

fn text<'b>(body: &'b Value, pointer: &str) -> Option<&'b str> {
    body.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The first bytes of a text, up to the end of a character.
fn cut(text: &str, most: usize) -> String {
    text[..text.floor_char_boundary(most)].trim_end().to_owned()
}

/// Forges write instants in three ways: RFC 3339, and GitLab with spaces.
fn instant(text: &str) -> Option<At> {
    text.parse().ok().or_else(|| {
        let (time, zone) = text.rsplit_once(' ')?;
        let zone = if zone == "UTC" { "Z" } else { zone };
        format!("{}{zone}", time.replacen(' ', "T", 1)).parse().ok()
    })
}

/// A commit status of GitHub and Gitea, which has GitHub's words.
fn forge_status(body: &Value) -> Said<'_> {
    let state = match text(body, "/state") {
        Some("pending") => Some(CommitState::Pending),
        Some("success") => Some(CommitState::Success),
        // Gitea has these two beside GitHub's.
        Some("skipped") => Some(CommitState::Success),
        Some("warning" | "failure") => Some(CommitState::Failure),
        Some("error") => Some(CommitState::Error),
        Some(_) | None => None,
    };
    Said {
        sha: text(body, "/sha"),
        context: text(body, "/context"),
        state,
        description: text(body, "/description"),
        url: text(body, "/target_url"),
        at: text(body, "/updated_at").or_else(|| text(body, "/created_at")),
    }
}

/// A check of GitHub: one run, or all of an app.
fn check<'b>(body: &'b Value, of: &str, context: &str) -> Said<'b> {
    let part = |name: &str| text(body, &format!("{of}/{name}"));
    let state = match (part("status"), part("conclusion")) {
        (Some("queued" | "in_progress" | "waiting" | "requested" | "pending"), _) => Some(CommitState::Pending),
        (Some("completed"), Some("success" | "neutral" | "skipped")) => Some(CommitState::Success),
        (Some("completed"), Some("failure" | "timed_out" | "action_required")) => Some(CommitState::Failure),
        (Some("completed"), Some("cancelled" | "stale" | "startup_failure")) => Some(CommitState::Error),
        (Some(_) | None, _) => None,
    };
    Said {
        sha: part("head_sha"),
        context: text(body, context),
        state,
        description: part("output/title"),
        url: part("html_url").or_else(|| part("details_url")),
        at: part("completed_at").or_else(|| part("updated_at")).or_else(|| part("started_at")),
    }
}

fn gitlab_state(word: Option<&str>) -> Option<CommitState> {
    match word {
        Some("created" | "waiting_for_resource" | "preparing" | "pending" | "running" | "scheduled" | "manual") => {
            Some(CommitState::Pending)
        }
        Some("success" | "skipped") => Some(CommitState::Success),
        Some("failed") => Some(CommitState::Failure),
        Some("canceled" | "canceling") => Some(CommitState::Error),
        Some(_) | None => None,
    }
}

/// A pipeline of GitLab, as a whole: `pipeline`.
fn pipeline(body: &Value) -> Said<'_> {
    let part = |name: &str| text(body, &format!("/object_attributes/{name}"));
    Said {
        sha: part("sha"),
        context: Some("pipeline"),
        state: gitlab_state(part("status")),
        description: part("detailed_status"),
        url: part("url"),
        at: part("finished_at").or_else(|| part("created_at")),
    }
}

/// One job of it, by its name.
fn job(body: &Value) -> Said<'_> {
    let part = |name: &str| text(body, &format!("/{name}"));
    Said {
        sha: part("sha"),
        context: part("build_name"),
        state: gitlab_state(part("build_status")),
        description: part("build_failure_reason").filter(|why| *why != "unknown_failure"),
        url: None,
        at: part("build_finished_at").or_else(|| part("build_started_at")).or_else(|| part("build_created_at")),
    }
}

/// A build status of Bitbucket, by its key.
fn bitbucket(body: &Value) -> Said<'_> {
    let part = |name: &str| text(body, &format!("/commit_status/{name}"));
    let state = match part("state") {
        Some("INPROGRESS") => Some(CommitState::Pending),
        Some("SUCCESSFUL") => Some(CommitState::Success),
        Some("FAILED") => Some(CommitState::Failure),
        Some("STOPPED") => Some(CommitState::Error),
        Some(_) | None => None,
    };
    Said {
        sha: part("commit/hash").or_else(|| part("links/commit/href").and_then(|link| link.rsplit('/').next())),
        context: part("key"),
        state,
        description: part("description"),
        url: part("url"),
        at: part("updated_on").or_else(|| part("created_on")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SHA: &str = "51d0c3e8b7f0a1c2d3e4f5061728394a5b6c7d8e";

    fn github(more: Value) -> Value {
        let mut body = json!({ "repository": { "clone_url": "https://github.com/web/shop.git" } });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    }

    #[test]
    fn each_forge_tells_a_status_in_its_own_words() {
        let suite = |status: &str, conclusion: Value| {
            github(json!({ "check_suite": { "head_sha": SHA, "status": status, "conclusion": conclusion,
                "app": { "slug": "github-actions" }, "updated_at": "2026-11-30T10:00:00Z" } }))
        };
        let run = |status: &str, conclusion: Value| {
            github(
                json!({ "check_run": { "head_sha": SHA, "name": "test (18)", "status": status, "conclusion": conclusion,
                "html_url": "https://github.com/web/shop/runs/7", "output": { "title": "2 of 512 failed" } } }),
            )
        };
        let status = |state: &str| {
            github(json!({ "sha": SHA, "context": "ci/test", "state": state, "description": "512 tests",
                "target_url": "https://ci.example.com/7", "updated_at": "2026-11-30T10:00:00+00:00" }))
        };
        let gitlab = |kind: &str, more: Value| {
            let mut body =
                json!({ "object_kind": kind, "project": { "git_http_url": "https://gitlab.com/web/shop.git" } });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        let pipeline = |state: &str| {
            gitlab(
                "pipeline",
                json!({ "object_attributes": { "sha": SHA, "status": state,
                "url": "https://gitlab.com/web/shop/-/pipelines/7", "created_at": "2026-11-30 10:00:00 UTC" } }),
            )
        };
        let job = gitlab(
            "build",
            json!({ "sha": SHA, "build_name": "unit", "build_status": "failed", "build_failure_reason": "script_failure" }),
        );
        let bucket = json!({ "repository": { "full_name": "web/shop" }, "commit_status": { "key": "TESTS", "state": "SUCCESSFUL",
            "url": "https://ci.example.com/7", "updated_on": "2026-11-30T10:00:00.123456+00:00",
            "links": { "commit": { "href": format!("https://api.bitbucket.org/2.0/repositories/web/shop/commit/{SHA}") } } } });
        for (forge, name, body, context, state) in [
            (Forge::GitHub, "status", status("pending"), "ci/test", CommitState::Pending),
            (Forge::GitHub, "status", status("success"), "ci/test", CommitState::Success),
            (Forge::GitHub, "status", status("failure"), "ci/test", CommitState::Failure),
            (Forge::GitHub, "status", status("error"), "ci/test", CommitState::Error),
            (Forge::GitHub, "check_run", run("in_progress", Value::Null), "test (18)", CommitState::Pending),
            (Forge::GitHub, "check_run", run("completed", json!("failure")), "test (18)", CommitState::Failure),
            (Forge::GitHub, "check_run", run("completed", json!("skipped")), "test (18)", CommitState::Success),
            (Forge::GitHub, "check_suite", suite("queued", Value::Null), "github-actions", CommitState::Pending),
            (
                Forge::GitHub,
                "check_suite",
                suite("completed", json!("cancelled")),
                "github-actions",
                CommitState::Error,
            ),
            (Forge::Gitea, "status", status("warning"), "ci/test", CommitState::Failure),
            (Forge::GitLab, "Pipeline Hook", pipeline("running"), "pipeline", CommitState::Pending),
            (Forge::GitLab, "Pipeline Hook", pipeline("success"), "pipeline", CommitState::Success),
            (Forge::GitLab, "Pipeline Hook", pipeline("canceled"), "pipeline", CommitState::Error),
            (Forge::GitLab, "Job Hook", job, "unit", CommitState::Failure),
            (Forge::Bitbucket, "repo:commit_status_updated", bucket, "TESTS", CommitState::Success),
        ] {
            let told = read(forge, name, &body).unwrap().unwrap_or_else(|| panic!("{name} {body}"));
            let status = told.status;
            assert_eq!(
                (status.sha.as_str(), status.context.as_str(), status.state),
                (SHA, context, state),
                "{name} {body}"
            );
            assert!(!told.addresses.is_empty());
        }
        let told = read(Forge::GitHub, "status", &status("failure")).unwrap().unwrap().status;
        assert_eq!(
            (told.description.as_deref(), told.url.as_deref()),
            (Some("512 tests"), Some("https://ci.example.com/7"))
        );
        assert_eq!(told.as_of, Some("2026-11-30T10:00:00Z".parse().unwrap()));
        let told = read(Forge::GitLab, "Pipeline Hook", &pipeline("failed")).unwrap().unwrap().status;
        assert_eq!(told.as_of, Some("2026-11-30T10:00:00Z".parse().unwrap()));
    }

    #[test]
    fn what_is_not_known_is_not_told_and_what_names_nothing_is_refused() {
        let status = |more: Value| github(more);
        for body in [
            status(json!({ "sha": SHA, "context": "ci", "state": "green" })),
            status(json!({ "sha": SHA, "context": "ci" })),
        ] {
            assert_eq!(read(Forge::GitHub, "status", &body), Ok(None), "{body}");
        }
        assert_eq!(
            read(Forge::GitHub, "issues", &status(json!({ "sha": SHA, "context": "ci", "state": "success" }))),
            Ok(None)
        );
        assert_eq!(read(Forge::GitLab, "Pipeline Hook", &json!({ "object_kind": "merge_request" })), Ok(None));
        for body in [
            json!({ "sha": SHA, "context": "ci", "state": "success" }),
            status(json!({ "context": "ci", "state": "success" })),
            status(json!({ "sha": "51d0c3e", "context": "ci", "state": "success" })),
            status(json!({ "sha": "123", "context": "ci", "state": "success" })),
            status(json!({ "sha": SHA, "context": " \n", "state": "success" })),
            status(json!({ "sha": SHA, "context": 7, "state": "success" })),
        ] {
            assert!(read(Forge::GitHub, "status", &body).is_err(), "{body}");
        }
        let long =
            status(json!({ "sha": SHA, "context": "é".repeat(300), "state": "success", "target_url": "javascript:x",
            "description": "x".repeat(900) }));
        let told = read(Forge::GitHub, "status", &long).unwrap().unwrap().status;
        assert!(told.context.len() <= LONGEST_CONTEXT && told.url.is_none());
        assert_eq!(told.description.map(|text| text.len()), Some(LONGEST_DESCRIPTION));
    }
}
