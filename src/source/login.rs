//! What signs in to a source: a password or token over https, read from its file each time that it is needed, and handed to git in its
//! environment, to svn over its input; or a key over ssh, of which ssh learns the file's name. It must never stand in an argument list, a file
//! of ours, an error or a log, nor be given to another server than the stack's own. Called by `git`, `svn` and `check`.

use super::tool::Trouble;
use crate::address::Form;
use crate::config::{Secret, SecretName, private_file};
use crate::process::Program;
use crate::stack::{SourceLogin, is_path_for_ssh};
use std::io::Read;
use std::path::Path;
use std::time::Duration;
use url::Url;

/// The name that signs in, for git's helper.
pub(super) const USER: &str = "PUSHBUTTON_SOURCE_USER";
/// The password or token, for git's helper.
pub(super) const TOKEN: &str = "PUSHBUTTON_SOURCE_TOKEN";
/// Answers git and git-lfs, which ask it with `get`; that it was right or wrong is nothing to it.
const HELPER: &str = "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' \"$PUSHBUTTON_SOURCE_USER\" \"$PUSHBUTTON_SOURCE_TOKEN\"; }; f";
/// What is shown in its place.
const HIDDEN: &str = "***";
/// How every private key begins that ssh reads.
const BEGINS: &str = "-----BEGIN ";
const IS_PRIVATE: &str = "PRIVATE KEY-----";
/// Its first line is far shorter.
const LONGEST_BEGINNING: u64 = 200;
/// Where ssh listens when nobody says another port.
const SSH_PORT: u16 = 22;
/// What ssh-keygen may take to read a key.
const READ_LIMIT: Duration = Duration::from_secs(10);

/// What signs in, read and judged.
pub(super) enum Login {
    /// A password or token.
    Token(Token),
    /// The file of a private key.
    Key(String),
}

/// A password or token, with who signs in by it.
pub(super) struct Token {
    /// The name.
    pub user: String,
    secret: Secret,
}

impl Login {
    /// Reads it.
    ///
    /// # Errors
    /// Why it cannot be used, and what to do; never what is in it.
    pub fn read(named: &SourceLogin) -> Result<Self, String> {
        match named {
            SourceLogin::Token { user, token_file } => {
                let file = SecretName { password_file: Some(token_file.into()), password_env: None };
                let read = file.read().map_err(|bad| format!("token_file: {bad}: {}", bad.cure()))?;
                let secret = read.ok_or_else(|| format!("token_file: {token_file} holds no password"))?;
                Ok(Self::Token(Token { user: user.clone(), secret }))
            }
            SourceLogin::Key { key_file } => {
                judge_key(key_file)?;
                Ok(Self::Key(key_file.clone()))
            }
        }
    }

    /// What a tool said, without it: a server may repeat what it was given.
    pub fn covered(&self, trouble: Trouble) -> Trouble {
        match (self, trouble) {
            (Self::Token(token), Trouble::Failed(said)) => Trouble::Failed(said.replace(token.reveal(), HIDDEN)),
            (_, other) => other,
        }
    }
}

impl Token {
    /// The password or token, for the one place that hands it on.
    pub fn reveal(&self) -> &str {
        self.secret.reveal()
    }
}

/// Why what signs in to a source cannot be used, as far as this machine can tell; none where it can.
pub async fn complaint(named: &SourceLogin) -> Option<String> {
    match Login::read(named) {
        Err(why) => Some(why),
        Ok(Login::Token(_)) => None,
        Ok(Login::Key(file)) => with_passphrase(&file).await,
    }
}

/// Refuses a key that ssh would pass over without a word that anybody sees.
fn judge_key(key_file: &str) -> Result<(), String> {
    let file = private_file(Path::new(key_file)).map_err(|bad| match bad.is_missing() {
        true => format!(
            "key_file: {bad}: make one without a passphrase (ssh-keygen -t ed25519 -N '' -f {key_file}), and give {key_file}.pub \
             to the git server as a deploy key"
        ),
        false => format!("key_file: {bad}: {}", bad.cure()),
    })?;
    let mut begins = String::new();
    let read = file.take(LONGEST_BEGINNING).read_to_string(&mut begins);
    let first = begins.lines().next().unwrap_or_default();
    match read.is_ok() && first.starts_with(BEGINS) && first.trim_end().ends_with(IS_PRIVATE) {
        true => Ok(()),
        false => Err(format!(
            "key_file: {key_file} holds no private key: the public key (.pub) belongs on the git server, the private key here"
        )),
    }
}

/// Says so where a key has a passphrase: nobody sits there to type it.
async fn with_passphrase(file: &str) -> Option<String> {
    let read = Program::new("ssh-keygen").args(["-y", "-P", "", "-f", file]).output(READ_LIMIT).await.ok()?;
    let said = String::from_utf8_lossy(&read.stderr).to_lowercase();
    (!read.status.success() && said.contains("passphrase")).then(|| {
        format!("key_file: {file} has a passphrase, which nobody can type: use a key without one, only for this source")
    })
}

/// The ssh of git and svn, with the key of a source where it has one of its own. BatchMode: a question would wait forever; nobody
/// sits there.
pub(super) fn ssh_command(ssh_config: Option<&Path>, key: Option<&str>) -> Result<String, &'static str> {
    const OPTIONS: &str = "-o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=10";
    // No key of an agent: it would be asked first, and sign in as someone else.
    let own = |key: &str| format!("-i {key} -o IdentitiesOnly=yes -o IdentityAgent=none ");
    let key = match key {
        Some(key) if is_path_for_ssh(key) => own(key),
        Some(_) => {
            return Err("the key's path may only have letters, digits and _./@+,:=-, since git hands it to a shell");
        }
        None => String::new(),
    };
    let Some(config) = ssh_config else { return Ok(format!("ssh {key}{OPTIONS}")) };
    match config.to_str() {
        Some(config) if config.starts_with('/') && is_path_for_ssh(config) => {
            Ok(format!("ssh -F {config} {key}{OPTIONS}"))
        }
        _ => {
            Err("the ssh configuration's path must be absolute, and of letters, digits and _./@+,:=- only, since git \
                  hands it to a shell: choose another data directory")
        }
    }
}

/// What of a login tells it from others.
pub(super) fn text_of(login: &SourceLogin) -> String {
    match login {
        SourceLogin::Token { user, token_file } => format!("{user}\n{token_file}"),
        SourceLogin::Key { key_file } => format!("key\n{key_file}"),
    }
}

/// The server of an address of ssh, with the name that signs in there, as ssh takes it; none of another kind of address.
fn server_of(address: &str) -> Option<String> {
    match Form::of(address) {
        form @ Form::Url(_) if form.is_ssh() => {
            let url = Url::parse(address).ok()?;
            let name = if url.username().is_empty() { String::new() } else { format!("{}@", url.username()) };
            let port = url.port().filter(|port| *port != SSH_PORT).map_or(String::new(), |port| format!(":{port}"));
            Some(format!("{name}{}{port}", url.host_str()?))
        }
        Form::Scp(server) => Some(server.to_owned()),
        Form::Url(_) | Form::Path => None,
    }
}

/// Whether a key of the source at `of` is offered at `address`: a submodule may lie on another server.
pub(super) fn is_for(address: &str, of: &str) -> bool {
    server_of(address).is_some_and(|server| server_of(of) == Some(server))
}

/// The setting that makes git ask for it where `address` leads, and nowhere else; none where it is no address of http.
pub(super) fn helper_for(address: &str) -> Option<String> {
    let url = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "https" | "http"))?;
    let nobody = url.username().is_empty() && url.password().is_none();
    // A port that is the scheme's own is left out, as git does before it compares.
    nobody.then(|| format!("credential.{}.helper={HELPER}", url.origin().ascii_serialization()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_its_own_server_alone() {
        let helper = helper_for("https://git.example.com:8443/team/web.git").unwrap();
        assert!(helper.starts_with("credential.https://git.example.com:8443.helper=!f()"), "{helper}");
        assert_eq!(helper_for("HTTPS://Git.example.com:443/x"), helper_for("https://git.example.com/y"));
        for other in ["/srv/git", "git@h:x", "https://", "https://a b/x", "https://me@h/x", "ssh://h/x", "svn://h/x"] {
            assert_eq!(helper_for(other), None, "{other}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_and_nothing_of_it_is_told() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "s3cret-token\nmore").unwrap();
        let named = SourceLogin::Token { user: "ci".to_owned(), token_file: path.display().to_string() };
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o640);
        let refused = Login::read(&named).err().unwrap();
        assert!(refused.contains("can be read by others") && refused.contains("chmod 600"), "{refused}");
        mode(0o600);
        let login = Login::read(&named).unwrap();
        let covered = login.covered(Trouble::Failed("remote: s3cret-token is expired".to_owned()));
        assert!(matches!(&covered, Trouble::Failed(said) if said == "remote: *** is expired"), "{covered:?}");
        let Login::Token(token) = login else { panic!("it is a token") };
        assert_eq!((token.user.as_str(), token.reveal()), ("ci", "s3cret-token"));
        let long = format!("{}\n", "x".repeat(100_000));
        std::fs::write(&path, long).unwrap();
        assert!(Login::read(&named).err().unwrap().contains("longer than"), "no file is read without an end");
        std::fs::write(&path, "\n").unwrap();
        assert!(Login::read(&named).err().unwrap().contains("holds no password"));
    }

    #[tokio::test]
    async fn a_key_is_judged_before_ssh_passes_it_over() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name).display().to_string();
        for (name, phrase) in [("good", ""), ("locked", "s3cret")] {
            let args = ["-q", "-t", "ed25519", "-N", phrase, "-f", &at(name)].map(str::to_owned);
            assert!(Program::new("ssh-keygen").args(args).output(READ_LIMIT).await.unwrap().status.success());
        }
        let mode = |name: &str, mode| {
            std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(mode)).unwrap();
        };
        mode("good.pub", 0o600);
        let complaint = async |name: &str| complaint(&SourceLogin::Key { key_file: at(name) }).await;
        assert_eq!(complaint("good").await, None);
        for (name, words) in [
            ("locked", "has a passphrase"),
            ("good.pub", "holds no private key"),
            ("missing", "ssh-keygen -t ed25519"),
            (".", "cannot read"),
        ] {
            let said = complaint(name).await.unwrap();
            assert!(said.starts_with("key_file: ") && said.contains(words) && !said.contains("s3cret"), "{said}");
        }
        mode("good", 0o644);
        let said = complaint("good").await.unwrap();
        assert!(said.contains("can be read by others: chmod 600"), "{said}");
    }

    #[test]
    fn a_key_is_for_its_own_server_alone() {
        let of = "git@git.example.com:team/web.git";
        for (address, its) in [
            ("git@git.example.com:team/lib.git", true),
            ("ssh://git@git.example.com/team/lib.git", true),
            ("ssh://git@git.example.com:22/team/lib.git", true),
            ("ssh://git@git.example.com:x/team/lib.git", false),
            ("git@evil.example:team/lib.git", false),
            ("root@git.example.com:team/lib.git", false),
            ("ssh://git@git.example.com:2222/lib", false),
            ("https://git.example.com/lib", false),
            ("/srv/git@git.example.com:x", false),
        ] {
            assert_eq!(is_for(address, of), its, "{address}");
        }
    }
}
