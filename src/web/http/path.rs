//! What an address names: a stack, a stage, a push. What is not even a name of its kind does not exist. Whether it takes an upload, or a webhook.

use crate::web::http::problem::Problem;
use std::fmt::Display;
use std::str::FromStr;

/// A name or number of an address; what is not even one does not exist.
///
/// # Errors
/// When it is not a name of its kind.
pub fn named<T: FromStr>(what: &str, text: &str) -> Result<T, Problem>
where
    T::Err: Display,
{
    text.parse().map_err(|_| Problem::unknown(format_args!("{what} {text:?}")))
}

/// A webhook is at most so long, in bytes: one of 2,000 commits is some megabytes.
pub const LONGEST_HOOK: u64 = 8 << 20;

/// Whether this is the path of a webhook, which proves by itself from whom it is.
pub fn is_hook(path: &str) -> bool {
    path == "/hooks/slack"
        || path.strip_prefix("/api/v1/hooks/").is_some_and(|forge| !forge.is_empty() && !forge.contains('/'))
}

/// Whether what answers there is read by a program: then a problem is JSON, and no page.
pub fn is_for_programs(path: &str) -> bool {
    path.starts_with("/api/") || is_hook(path)
}

/// Whether this is the path of an upload: of a build, or of a piece of one.
pub fn is_upload(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        ["", "api", "v1", "stacks", stack, "builds"] => !stack.is_empty(),
        ["", "api", "v1", "stacks", stack, "uploads", upload] => !stack.is_empty() && !upload.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_builds_and_their_pieces_have_long_bodies() {
        for (path, yes) in [
            ("/api/v1/stacks/web/builds", true),
            ("/api/v1/stacks//builds", false),
            ("/api/v1/stacks/web/x/builds", false),
            ("/api/v1/stacks/web/builds/", false),
            ("/stacks/web/builds", false),
            ("/api/v1/stacks/web/uploads/0123", true),
            ("/api/v1/stacks/web/uploads", false),
            ("/api/v1/stacks/web/uploads/", false),
            ("/api/v1/stacks/web/uploads/0123/publish", false),
        ] {
            assert_eq!(is_upload(path), yes, "{path}");
        }
    }
}
