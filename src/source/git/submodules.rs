//! Submodules, brought along as the commit names them: each address judged by that of the repository that names it, each
//! kept in a mirror of its own, each at the very commit. git's own command would run by the repository's configuration, and
//! keep nothing. It must never fetch from an address that could run a program, read this machine's files, or sign in.

use super::run::Git;
use super::{ASK_LIMIT, Mirror, name_of, words};
use crate::address::{Form, Login, without_secrets};
use crate::source::tool::SourceError;
use crate::stack::{Revision, is_insecure};
use std::collections::BTreeMap;
use std::path::Path;

/// Repositories within repositories: deeper is a loop, or a mistake.
const DEEPEST: usize = 8;
/// Submodules of one repository.
const MOST: usize = 500;

impl Mirror {
    /// Fills the `empty` directories of a checkout that are submodules; answers those that are none.
    pub(super) async fn bring_submodules(
        &self,
        revision: &Revision,
        dir: &Path,
        empty: Vec<String>,
        depth: usize,
    ) -> Result<Vec<String>, SourceError> {
        let refused = |why: String| self.checkout_error(revision, why);
        if depth >= DEEPEST {
            return Err(refused(format!(
                "its submodules are nested more than {DEEPEST} deep; do they contain each other?"
            )));
        }
        if empty.len() > MOST {
            return Err(refused(format!("it has more than {MOST} submodules")));
        }
        let (commits, urls) = (self.submodule_commits(revision, &empty).await?, self.submodule_urls(dir).await);
        let mut left = Vec::new();
        for path in empty {
            let Some(commit) = commits.get(&path) else {
                left.push(path);
                continue;
            };
            let Some(url) = urls.get(&path) else {
                let shown = words::line(&path);
                return Err(refused(format!("the submodule {shown} has no address: .gitmodules does not name it")));
            };
            let within = |why: String| refused(format!("the submodule {}: {why}", words::line(&path)));
            let url = resolved(&self.url, url);
            allowed_from(&self.url, &url).map_err(|why| within(format!("{}: {why}", words::shown_url(&url))))?;
            let inner = self.of_submodule(&url);
            inner.fetch_commit(commit).await.map_err(|error| within(error.to_string()))?;
            let place = dir.join(&path);
            let brought = Box::pin(inner.bring_files(commit, &place, depth + 1)).await;
            let inside = brought.map_err(|error| within(error.to_string()))?;
            left.extend(inside.into_iter().map(|inside| format!("{path}/{inside}")));
        }
        Ok(left)
    }

    /// The mirror of a submodule: that of its repository, whoever else has it.
    fn of_submodule(&self, url: &str) -> Self {
        Self { name: name_of(url, self.login.as_ref()), url: url.to_owned(), ..self.clone() }
    }

    /// The commits that a revision names at these paths.
    async fn submodule_commits(
        &self,
        revision: &Revision,
        paths: &[String],
    ) -> Result<BTreeMap<String, Revision>, SourceError> {
        let git = Git::new(&self.dir()).args(["ls-tree", "-z", "--full-tree", revision.as_str(), "--"]).args(paths);
        let said = git.run(ASK_LIMIT).await.map_err(|trouble| self.checkout_error(revision, self.why(&trouble)))?;
        let entry = |entry: &str| {
            let (kind, path) = entry.split_once('\t')?;
            Some((path.to_owned(), kind.strip_prefix("160000 commit ")?.trim().parse().ok()?))
        };
        Ok(said.split('\0').filter_map(entry).collect())
    }

    /// The addresses of the submodules of a checkout, by their paths, as its `.gitmodules` has them.
    async fn submodule_urls(&self, dir: &Path) -> BTreeMap<String, String> {
        let file = dir.join(".gitmodules");
        if !std::fs::symlink_metadata(&file).is_ok_and(|meta| meta.is_file()) {
            return BTreeMap::new();
        }
        let git = Git::new(&self.dir()).args(["config", "--null", "--file"]).arg(&file);
        let said = git.args(["--get-regexp", r"^submodule\..*\.(path|url)$"]).run(ASK_LIMIT).await.unwrap_or_default();
        let (mut paths, mut urls) = (Vec::new(), BTreeMap::new());
        for (key, value) in said.split('\0').filter_map(|entry| entry.split_once('\n')) {
            match key.rsplit_once('.') {
                Some((name, "path")) => paths.push((value.trim_end_matches('/').to_owned(), name.to_owned())),
                Some((name, "url")) => _ = urls.insert(name.to_owned(), value.to_owned()),
                _ => {}
            }
        }
        paths.into_iter().filter_map(|(path, name)| Some((path, urls.get(&name)?.clone()))).collect()
    }
}

/// The address of a submodule: one that begins with `./` or `../` goes on from that of the repository that names it.
fn resolved(parent: &str, url: &str) -> String {
    if !url.starts_with("./") && !url.starts_with("../") {
        return url.to_owned();
    }
    let (mut base, mut rest) = (parent.trim_end_matches('/').to_owned(), url);
    let mut between = '/';
    loop {
        if let Some(after) = rest.strip_prefix("./") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix("../") {
            rest = after;
            // Never above the host.
            let floor = base.find("://").map_or(0, |at| at + 3);
            match base[floor..].rfind(['/', ':']).map(|at| floor + at) {
                Some(at) => {
                    between = if base[at..].starts_with(':') && floor == 0 { ':' } else { '/' };
                    base.truncate(at);
                }
                None => return url.to_owned(),
            }
        } else {
            return format!("{base}{between}{}", rest.trim_end_matches('/'));
        }
    }
}

/// Whether a repository may name this address, for a submodule or its LFS server: what could run a program, sign in, or
/// read files of this machine on behalf of someone elsewhere may not be named.
///
/// # Errors
/// Why not, and what to do.
pub(in crate::source) fn allowed_from(parent: &str, url: &str) -> Result<(), String> {
    let bad = |why: &str| Err(why.to_owned());
    if url.is_empty() || url.starts_with('-') || url.contains(char::is_control) || url.trim() != url {
        return bad("an address must not be empty, begin with - or hold control characters");
    }
    if url.contains("::") && !url.contains("://[") {
        return bad("this form of address runs a program, so it is not allowed");
    }
    if let Err(flaw) = without_secrets(url, Login::Name) {
        return Err(format!("{}: {}", flaw.title, flaw.cure));
    }
    // What a repository of this machine names, someone wrote there who may; the commit that is named is checked by its hash.
    if is_insecure(url) && place(parent) == Place::Elsewhere && !is_insecure(parent) {
        return bad(
            "it is neither encrypted nor signed, but the repository that contains it is; use an https or ssh address",
        );
    }
    match (place(url), place(parent)) {
        (Place::Unknown, _) => bad("addresses may be https, http, ssh, git, file, or relative to the repository's own"),
        (Place::Here, Place::Elsewhere) => bad("a remote repository may not use local files; use a network address"),
        _ => Ok(()),
    }
}

/// Where an address leads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Here,
    Elsewhere,
    Unknown,
}

fn place(url: &str) -> Place {
    match Form::of(url) {
        Form::Url(scheme) => match scheme.as_str() {
            "https" | "http" | "ssh" | "git" => Place::Elsewhere,
            "file" => Place::Here,
            _ => Place::Unknown,
        },
        Form::Scp(_) => Place::Elsewhere,
        Form::Path => Place::Here,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_address_goes_on_from_that_of_its_repository() {
        for (parent, url, wanted) in [
            ("https://h/team/web.git", "../lib.git", "https://h/team/lib.git"),
            ("https://h/team/web.git/", "../../other/lib", "https://h/other/lib"),
            ("https://h/web", "./inner", "https://h/web/inner"),
            ("git@h:team/web.git", "../lib.git", "git@h:team/lib.git"),
            ("git@h:web.git", "../lib.git", "git@h:lib.git"),
            ("ssh://git@h:22/team/web", "../lib/", "ssh://git@h:22/team/lib"),
            ("/srv/git/web", "../lib", "/srv/git/lib"),
            ("https://h/web", "https://other/lib", "https://other/lib"),
            ("https://h/web", "../../../etc/passwd", "../../../etc/passwd"),
        ] {
            assert_eq!(resolved(parent, url), wanted, "{parent} {url}");
        }
    }

    #[test]
    fn a_repository_may_not_name_programs_passwords_or_files_of_this_machine() {
        let (web, here) = ("https://h/web.git", "/srv/git/web");
        for (parent, url, why) in [
            (web, "ext::sh -c touch% /tmp/pwned", "runs a program"),
            (web, "file:///etc", "may not use local files"),
            (web, "FILE:///etc", "may not use local files"),
            (web, "/srv/git/secret", "may not use local files"),
            (web, "../../../srv/git", "may not use local files"),
            ("git@h:web", "/srv/git/secret", "may not use local files"),
            (web, "--upload-pack=x", "begin with -"),
            (web, "ftp://h/x", "addresses may be"),
            (web, "https://me:s3cret@h/x", "a password does not belong"),
            (here, "ext::sh -c x", "runs a program"),
            (web, "a\nb", "control characters"),
        ] {
            let refused = allowed_from(parent, url).unwrap_err();
            assert!(refused.contains(why) && !refused.contains("s3cret"), "{url}: {refused}");
        }
        for (parent, url) in [
            (web, "https://other/x"),
            (web, "git@h:x"),
            (web, "ssh://[::1]/x"),
            (here, "/srv/git/lib"),
            (here, "https://h/x"),
        ] {
            assert_eq!(allowed_from(parent, url), Ok(()), "{parent} {url}");
        }
    }

    #[test]
    fn a_repository_has_one_mirror_whichever_stack_or_submodule_asks() {
        let mirror = Mirror::new(Path::new("/m"), "https://h/web", None);
        let inner = mirror.of_submodule("https://h/lib");
        assert_ne!(inner.name, mirror.name);
        assert_eq!(inner.of_submodule("https://h/web/").name, mirror.name);
        assert_eq!(Mirror::new(Path::new("/m"), "https://h/lib", None).name, inner.name);
    }
}
