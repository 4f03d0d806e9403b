//! Of which repository a webhook is: the addresses that the forge has for it, and whether one of them is that of a source. Pure. It must never tell two
//! repositories apart by the name of their server: a server has many.

use crate::config::Forge;
use serde_json::Value;

/// All addresses that the forge has for the repository.
pub(super) fn addresses(forge: Forge, body: &Value) -> Vec<String> {
    let paths: &[&str] = match forge {
        Forge::GitHub | Forge::Gitea => &[
            "/repository/clone_url",
            "/repository/ssh_url",
            "/repository/git_url",
            "/repository/html_url",
            "/repository/full_name",
        ],
        Forge::GitLab => &[
            "/project/git_http_url",
            "/project/git_ssh_url",
            "/project/web_url",
            "/project/path_with_namespace",
            "/repository/git_http_url",
            "/repository/git_ssh_url",
        ],
        Forge::Bitbucket => &["/repository/links/html/href", "/repository/full_name"],
    };
    let named = paths.iter().filter_map(|path| body.pointer(path)?.as_str()).map(str::to_owned);
    let linked = ["/repository/links/clone", "/repository/links/self"]
        .into_iter()
        .filter_map(|path| body.pointer(path)?.as_array());
    let linked = linked.flatten().filter_map(|link| link.get("href")?.as_str()).map(str::to_owned);
    // Data Center names no address in its older versions.
    let (project, slug) = (body.pointer("/repository/project/key"), body.pointer("/repository/slug"));
    let of_project = project.and_then(Value::as_str).zip(slug.and_then(Value::as_str));
    let of_project =
        of_project.filter(|_| forge == Forge::Bitbucket).map(|(project, slug)| format!("{project}/{slug}"));
    named.chain(linked).chain(of_project).filter(|address| !path_of(address).is_empty()).collect()
}

/// Whether two addresses are of one repository, by whichever way and name its server is reached: the path alone tells. To look once too often
/// costs little, and a server has many names.
pub fn is_same_repository(one: &str, other: &str) -> bool {
    let (one, other) = (path_of(one), path_of(other));
    !one.is_empty() && one.eq_ignore_ascii_case(other)
}

/// The path of a repository: `web/shop` of `git@git.example.com:web/shop.git`.
fn path_of(address: &str) -> &str {
    let path = match address.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        // `user@host:path`, as scp writes it; a plain path has a slash before any colon.
        None => match address.split_once(':') {
            Some((host, path)) if !host.contains('/') => path,
            Some(_) | None => address,
        },
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    // Bitbucket Data Center clones by https below it.
    path.strip_prefix("scm/").unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_that_of_a_repository_however_it_is_written() {
        for same in [
            "https://git.example.com/Web/shop",
            "https://git.example.com/web/shop.git",
            "https://mary@git.example.com:8443/web/shop.git/",
            "ssh://git@git.example.com:7999/web/shop.git",
            "git@git.example.com:web/shop.git",
            "git@alias:/web/shop",
            "https://git.example.com/scm/web/shop.git",
            "web/shop",
        ] {
            assert!(is_same_repository(same, "git@git.example.com:web/shop.git"), "{same}");
        }
        for other in
            ["", "/", "https://git.example.com", "https://git.example.com/web/shop2", "git@x:shop", "other/web/shop"]
        {
            assert!(!is_same_repository(other, "git@git.example.com:web/shop.git"), "{other}");
            assert!(!is_same_repository(other, ""), "{other}");
        }
        assert!(is_same_repository("/srv/git/shop", "file:///srv/git/shop"));
    }
}
