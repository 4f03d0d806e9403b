//! What a webhook says: which repository has new commits, or how one of them is. Pure. It must never believe more of new commits than where to look.

use super::repository::addresses;
use super::signature::one;
use super::status::{self, StatusEvent};
use crate::config::Forge;
use actix_web::http::header::HeaderMap;
use serde_json::Value;

/// What happened, as far as anybody here wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Commits, branches or tags are new in a repository with these addresses.
    Push(Vec<String>),
    /// A status of a commit.
    Status(Box<StatusEvent>),
    /// The forge tries whether anybody is here.
    Ping,
    /// Something else, by the forge's own word.
    Other(String),
}

/// Reads a body, whose sender was found to be the forge.
///
/// # Errors
/// What is wrong with it.
pub fn read(forge: Forge, headers: &HeaderMap, body: &[u8]) -> Result<Event, String> {
    let name = match forge {
        Forge::GitHub => one(headers, "x-github-event"),
        Forge::GitLab => one(headers, "x-gitlab-event"),
        Forge::Gitea => one(headers, "x-gitea-event").or_else(|| one(headers, "x-forgejo-event")),
        Forge::Bitbucket => one(headers, "x-event-key"),
    };
    let name = name.ok_or("the header that names the event is missing")?;
    if matches!(name, "ping" | "diagnostics:ping") {
        return Ok(Event::Ping);
    }
    let body: Value = serde_json::from_slice(body).map_err(|error| {
        format!(
            "the body is not JSON ({error}); choose the content type application/json in the settings of the webhook"
        )
    })?;
    if let Some(status) = status::read(forge, name, &body)? {
        return Ok(Event::Status(Box::new(status)));
    }
    let is_push = match forge {
        Forge::GitHub | Forge::Gitea => matches!(name, "push" | "create" | "delete"),
        // A hook of the whole server names the event inside.
        Forge::GitLab => matches!(
            body.get("object_kind").or_else(|| body.get("event_name")).and_then(Value::as_str),
            Some("push" | "tag_push" | "repository_update")
        ),
        Forge::Bitbucket => matches!(name, "repo:push" | "repo:refs_changed" | "mirror:repo_synchronized"),
    };
    if !is_push {
        return Ok(Event::Other(name.chars().take(60).collect()));
    }
    let addresses = addresses(forge, &body);
    if addresses.is_empty() {
        return Err("the body does not name its repository".to_owned());
    }
    Ok(Event::Push(addresses))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::hooks::repository::is_same_repository;
    use actix_web::http::header::{HeaderName, HeaderValue};
    use serde_json::json;

    fn said(forge: Forge, name: &'static str, value: &'static str, body: &Value) -> Result<Event, String> {
        let mut headers = HeaderMap::new();
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        read(forge, &headers, body.to_string().as_bytes())
    }

    #[test]
    fn a_push_of_each_forge_names_its_repository() {
        let github = json!({ "ref": "refs/heads/main", "repository": {
            "full_name": "web/shop", "clone_url": "https://github.com/web/shop.git", "ssh_url": "git@github.com:web/shop.git" } });
        let gitlab = json!({ "object_kind": "push", "project": {
            "web_url": "https://gitlab.com/web/shop", "git_ssh_url": "git@gitlab.com:web/shop.git" } });
        let system = json!({ "event_name": "repository_update", "project": { "path_with_namespace": "web/shop" } });
        let cloud = json!({ "push": {}, "repository": { "full_name": "web/shop", "links": { "html": { "href": "https://bitbucket.org/web/shop" } } } });
        let center = json!({ "changes": [], "repository": { "slug": "shop", "project": { "key": "WEB" } } });
        let linked = json!({ "repository": { "slug": "x", "links": { "clone": [{ "href": "ssh://git@b.example.com:7999/web/shop.git" }] } } });
        for (forge, name, value, body) in [
            (Forge::GitHub, "x-github-event", "push", &github),
            (Forge::GitHub, "x-github-event", "create", &github),
            (Forge::Gitea, "x-gitea-event", "push", &github),
            (Forge::Gitea, "x-forgejo-event", "push", &github),
            (Forge::GitLab, "x-gitlab-event", "Push Hook", &gitlab),
            (Forge::GitLab, "x-gitlab-event", "System Hook", &system),
            (Forge::Bitbucket, "x-event-key", "repo:push", &cloud),
            (Forge::Bitbucket, "x-event-key", "repo:refs_changed", &center),
            (Forge::Bitbucket, "x-event-key", "repo:refs_changed", &linked),
        ] {
            let Ok(Event::Push(addresses)) = said(forge, name, value, body) else { panic!("{forge:?} {value}") };
            let ours = "https://git.example.com/web/shop.git";
            assert!(
                addresses.iter().any(|address| is_same_repository(address, ours)),
                "{forge:?} {value}: {addresses:?}"
            );
        }
    }

    #[test]
    fn what_is_no_push_is_said_and_what_names_nothing_is_refused() {
        let empty = json!({});
        assert_eq!(said(Forge::GitHub, "x-github-event", "ping", &empty), Ok(Event::Ping));
        assert_eq!(said(Forge::Bitbucket, "x-event-key", "diagnostics:ping", &empty), Ok(Event::Ping));
        assert_eq!(said(Forge::GitHub, "x-github-event", "issues", &empty), Ok(Event::Other("issues".to_owned())));
        let merge = json!({ "object_kind": "merge_request" });
        let other = Ok(Event::Other("Merge Request Hook".to_owned()));
        assert_eq!(said(Forge::GitLab, "x-gitlab-event", "Merge Request Hook", &merge), other);
        for body in [
            empty,
            json!([]),
            json!({ "repository": "web" }),
            json!({ "repository": { "clone_url": 7, "full_name": "/" } }),
        ] {
            assert!(said(Forge::GitHub, "x-github-event", "push", &body).is_err(), "{body}");
        }
        assert!(said(Forge::GitHub, "x-gitlab-event", "push", &json!({})).is_err(), "no event");
        let mut headers = HeaderMap::new();
        headers.append(HeaderName::from_static("x-github-event"), HeaderValue::from_static("push"));
        assert!(read(Forge::GitHub, &headers, b"payload=%7B%7D").unwrap_err().contains("application/json"));
    }
}
