//! Both ends of a transfer, looked at before rsync begins: rsync says what is wrong with them late, or not at all. It must
//! never change anything. Called by the transfer.

use super::super::guard::ask;
use super::super::masters::Connection;
use super::super::{Ending, Lines, Task};
use std::path::Path;

/// What a host answers where a directory stands, or a link that leads to one: rsync follows it.
const LOOK: &str = r#"[ ! -d "$PUSH_TO" ] || echo directory"#;
/// The longest answer, in bytes.
const ANSWER: usize = 64;

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SentKind {
    /// A directory, or what is in it.
    Directory,
    /// One file or link.
    One,
}

/// Looks for what is to be sent in the build at `tree`.
///
/// # Errors
/// It is not there, or not what the path says.
pub(super) fn source(tree: &Path, from: &str) -> Result<SentKind, String> {
    let (plain, contents) = match from.strip_suffix('/') {
        Some(plain) => (plain, true),
        None => (from, false),
    };
    let path = tree.join(plain);
    let Ok(itself) = path.symlink_metadata() else { return Err(missing(tree, from)) };
    // A link as the last part is sent as a link; with a slash behind it, what it leads to is sent.
    let led = if contents { Some(path.as_path()) } else { path.parent() };
    let led = led
        .map(|path| path.canonicalize())
        .transpose()
        .map_err(|_| format!("`{from}` is a broken link in the build"))?;
    let inside = tree.canonicalize().is_ok_and(|tree| led.is_some_and(|led| plain == "." || led.starts_with(tree)));
    if !inside {
        return Err(format!("`{from}` points outside the build"));
    }
    match (contents, path.is_dir(), itself.is_dir()) {
        (true, false, _) => Err(format!(
            "`{from}` is not a directory in the build: write `{plain}`, without the slash at its end, in the stack file"
        )),
        (true, true, _) | (false, _, true) => Ok(SentKind::Directory),
        (false, _, false) => Ok(SentKind::One),
    }
}

fn missing(tree: &Path, from: &str) -> String {
    // Who names the directory of `ship` names it twice.
    let mut parts = Path::new(from.strip_prefix("./").unwrap_or(from)).components();
    parts.next();
    let behind = parts.as_path();
    let meant = !behind.as_os_str().is_empty() && tree.join(behind).symlink_metadata().is_ok();
    let cure = match meant {
        true => {
            let slash = if from.ends_with('/') { "/" } else { "" };
            format!("but `{}{slash}` is, and the paths of `rsync` are relative to `ship`", behind.display())
        }
        false => "fix `rsync` in the stack file, or the build".to_owned(),
    };
    format!("`{from}` is not in the build: {cure}")
}

/// Looks whether one file or link, sent to a path that ends in its name, would land in a directory of that name: rsync would
/// put it there and call that a success.
///
/// # Errors
/// It would; or the host could not be asked.
pub(super) async fn target(on: &Connection, from: &str, to: &str, task: &Task, lines: &Lines) -> Result<(), Ending> {
    if to.ends_with('/') {
        return Ok(());
    }
    let mut task = Task { script: LOOK.to_owned(), ..task.clone() };
    task.values.insert("PUSH_TO".to_owned(), to.to_owned());
    match ask(on, &task, lines, ANSWER).await {
        (Ending::Exited(0), said) if said.is_empty() => Ok(()),
        (Ending::Exited(0), _) => Err(Ending::Refused(format!(
            "{to} is a directory on {}, so `{from}` would be put into it: write to = \"{to}/\" if that is right, or move \
             the directory elsewhere if nobody needs its content",
            on.host.name()
        ))),
        (ending, _) => Err(ending),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_is_to_be_sent_is_in_the_build_and_is_what_the_path_says() {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        fs::create_dir_all(tree.join("assets/css")).unwrap();
        fs::write(tree.join("a.js"), "a").unwrap();
        symlink("assets", tree.join("link")).unwrap();
        symlink("nothing", tree.join("nowhere")).unwrap();
        symlink("..", tree.join("out")).unwrap();
        fs::write(dir.path().join("secret"), "s").unwrap();
        for (from, sent) in [
            (".", SentKind::Directory),
            ("./", SentKind::Directory),
            ("assets", SentKind::Directory),
            ("./assets/css/", SentKind::Directory),
            ("link/", SentKind::Directory),
            ("link", SentKind::One),
            ("nowhere", SentKind::One),
            ("a.js", SentKind::One),
        ] {
            assert_eq!(source(&tree, from), Ok(sent), "{from}");
        }
        for (from, words) in [
            ("asets/", "`asets/` is not in the build: fix `rsync` in the stack file, or the build"),
            (
                "dist/assets/",
                "`dist/assets/` is not in the build: but `assets/` is, and the paths of `rsync` are relative to `ship`",
            ),
            (
                "./dist/a.js",
                "`./dist/a.js` is not in the build: but `a.js` is, and the paths of `rsync` are relative to `ship`",
            ),
            (
                "a.js/",
                "`a.js/` is not a directory in the build: write `a.js`, without the slash at its end, in the stack file",
            ),
            ("nowhere/", "`nowhere/` is a broken link in the build"),
            ("out/", "`out/` points outside the build"),
            ("out/secret", "`out/secret` points outside the build"),
        ] {
            assert_eq!(source(&tree, from), Err(words.to_owned()));
        }
    }
}
