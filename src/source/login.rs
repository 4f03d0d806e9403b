//! What signs in to a source over https: read from its file each time that it is needed, and handed to git in its environment, to svn over
//! its input. It must never stand in an argument list, a file of ours, an error or a log, nor be given to another server than the
//! stack's own. Called by `git` and `svn`.

use super::tool::Trouble;
use crate::config::{Secret, SecretName};
use crate::stack::SourceLogin;

/// The name that signs in, for git's helper.
pub(super) const USER: &str = "PUSHBUTTON_SOURCE_USER";
/// The password or token, for git's helper.
pub(super) const TOKEN: &str = "PUSHBUTTON_SOURCE_TOKEN";
/// Answers git and git-lfs, which ask it with `get`; that it was right or wrong is nothing to it.
const HELPER: &str = "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \"$PUSHBUTTON_SOURCE_USER\" \"$PUSHBUTTON_SOURCE_TOKEN\"; }; f";
/// What is shown in its place.
const HIDDEN: &str = "***";

/// Who signs in, and with what.
pub(super) struct Login {
    /// The name.
    pub user: String,
    token: Secret,
}

impl Login {
    /// Reads it.
    ///
    /// # Errors
    /// Why it cannot be read, and what to do; never what is in it.
    pub fn read(named: &SourceLogin) -> Result<Self, String> {
        let file = SecretName { password_file: Some((&named.token_file).into()), password_env: None };
        let read = file.read().map_err(|bad| format!("token_file: {bad}: {}", bad.cure()))?;
        let token = read.ok_or_else(|| format!("token_file: {} holds no password", named.token_file))?;
        Ok(Self { user: named.user.clone(), token })
    }

    /// The password or token, for the one place that hands it on.
    pub fn token(&self) -> &str {
        self.token.reveal()
    }

    /// What a tool said, without it: a server may repeat what it was given.
    pub fn covered(&self, trouble: Trouble) -> Trouble {
        match trouble {
            Trouble::Failed(said) => Trouble::Failed(said.replace(self.token(), HIDDEN)),
            other => other,
        }
    }
}

/// The setting that makes git ask for it where `address` leads, and nowhere else; none where it is no address of http.
pub(super) fn helper_for(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:-_[]".contains(&byte);
    (!host.is_empty() && host.bytes().all(plain)).then(|| format!("credential.{scheme}://{host}.helper={HELPER}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_its_own_server_alone() {
        let helper = helper_for("https://git.example.com:8443/team/web.git").unwrap();
        assert!(helper.starts_with("credential.https://git.example.com:8443.helper=!f()"), "{helper}");
        for other in ["/srv/git", "git@h:x", "https://", "https://a b/x", "https://me@h/x"] {
            assert_eq!(helper_for(other), None, "{other}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_and_nothing_of_it_is_told() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "s3cret-token\nmore").unwrap();
        let named = SourceLogin { user: "ci".to_owned(), token_file: path.display().to_string() };
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o640);
        let refused = Login::read(&named).err().unwrap();
        assert!(refused.contains("can be read by others") && refused.contains("chmod 600"), "{refused}");
        mode(0o600);
        let login = Login::read(&named).unwrap();
        assert_eq!((login.user.as_str(), login.token()), ("ci", "s3cret-token"));
        let covered = login.covered(Trouble::Failed("remote: s3cret-token is expired".to_owned()));
        assert!(matches!(&covered, Trouble::Failed(said) if said == "remote: *** is expired"), "{covered:?}");
        std::fs::write(&path, "\n").unwrap();
        assert!(Login::read(&named).err().unwrap().contains("holds no password"));
    }
}
