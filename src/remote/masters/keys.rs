//! Why a host refuses our key, as far as this machine can tell: the files and the agent that ssh would take keys from. A host says
//! only that it refuses. It must never sign in, nor guess: what it does not find, it does not say. Called by the masters, and by
//! `pushbutton doctor` before anybody pushes.

use super::settings;
use super::ssh::{ssh, words};
use crate::process::Program;
use crate::stack::Host;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long ssh, ssh-keygen and ssh-add may take to read what is here.
const READ_LIMIT: Duration = Duration::from_secs(10);

/// What ssh would sign in with, as `ssh -G` says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Means {
    keys: Vec<PathBuf>,
    certificates: Vec<PathBuf>,
    user: String,
}

/// What is wrong with our keys here, with its cure; none when nothing is.
pub(super) async fn wrong(config: &Path, host: &Host) -> Option<String> {
    let means = means(config, host).await?;
    let keys: Vec<&PathBuf> = means.keys.iter().filter(|key| key.exists()).collect();
    for key in &keys {
        let certificate = PathBuf::from(format!("{}-cert.pub", key.display()));
        for certificate in means.certificates.iter().chain([&certificate]).filter(|file| file.exists()) {
            if let Some(why) = certificate_words(certificate, &means.user).await {
                return Some(why);
            }
        }
    }
    let held = agent().await;
    for key in &keys {
        if let Some(why) = key_words(key, held).await {
            return Some(why);
        }
    }
    match (keys.is_empty(), held) {
        (true, Agent::None | Agent::Empty) => {
            let agent = if held == Agent::None { "no agent runs (SSH_AUTH_SOCK)" } else { "the agent holds no key" };
            let user = std::env::var("USER").unwrap_or_else(|_| "the user that Pushbutton runs as".to_owned());
            Some(format!(
                "the push host has no ssh key: {user} has none in ~/.ssh, and {agent}; create one there (ssh-keygen -t \
                 ed25519) and add its public key to the host's authorized_keys"
            ))
        }
        _ => None,
    }
}

/// What this machine would sign in to a host with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnKeys {
    /// The files of keys that are there.
    pub files: Vec<PathBuf>,
    /// Whether an agent holds keys, which another process than ours may not have.
    pub agent: bool,
}

impl OwnKeys {
    /// Looks before a host is asked, under the configuration in `dir` that masters have.
    ///
    /// # Errors
    /// What is wrong with our keys here, with what to do.
    pub async fn look(dir: &Path, operator: Option<&Path>, host: &Host) -> Result<Self, String> {
        let (_, config) = settings::prepare(dir, operator).map_err(|error| error.to_string())?;
        match wrong(&config, host).await {
            Some(why) => Err(why),
            None => {
                let files = means(&config, host).await.map(|means| means.keys).unwrap_or_default();
                let files = files.into_iter().filter(|key| key.exists()).collect();
                Ok(Self { files, agent: agent().await == Agent::Keys })
            }
        }
    }
}

async fn means(config: &Path, host: &Host) -> Option<Means> {
    let ask = ssh(config).arg("-G").args(words(host)).args(["--", host.address()]);
    let said = ask.output(READ_LIMIT).await.ok()?;
    Some(Means::read(&String::from_utf8_lossy(&said.stdout)))
}

impl Means {
    fn read(said: &str) -> Self {
        let values = |name: &str| {
            let value = move |line: &str| {
                line.split_once(' ').filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
            };
            said.lines().filter_map(value).collect::<Vec<_>>()
        };
        let paths = |name: &str| values(name).iter().filter(|path| *path != "none").map(|path| at_home(path)).collect();
        Self { keys: paths("identityfile"), certificates: paths("certificatefile"), user: values("user").concat() }
    }
}

fn at_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(path),
    }
}

/// What the agent has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Agent {
    None,
    Empty,
    Keys,
}

async fn agent() -> Agent {
    let Some(socket) = std::env::var_os("SSH_AUTH_SOCK") else { return Agent::None };
    match Program::new("ssh-add").arg("-l").env("SSH_AUTH_SOCK", socket).output(READ_LIMIT).await {
        Ok(said) if said.status.success() => Agent::Keys,
        Ok(said) if said.status.code() == Some(1) => Agent::Empty,
        Ok(_) | Err(_) => Agent::None,
    }
}

/// What is wrong with a private key.
#[expect(clippy::wildcard_enum_match_arm, reason = "the system's kinds of errors are not ours")]
async fn key_words(key: &Path, held: Agent) -> Option<String> {
    let shown = key.display();
    if let Err(error) = std::fs::File::open(key) {
        let why = match error.kind() {
            ErrorKind::PermissionDenied => {
                "the user that Pushbutton runs as cannot read it: chown it to that user, chmod 600".to_owned()
            }
            _ => error.to_string(),
        };
        return Some(format!("our private key {shown} cannot be used, {why}"));
    }
    let read = Program::new("ssh-keygen").args(["-y", "-P", "", "-f"]).arg(key).output(READ_LIMIT).await.ok()?;
    if read.status.success() {
        return None;
    }
    let said = String::from_utf8_lossy(&read.stderr).into_owned();
    match said.to_lowercase() {
        low if low.contains("incorrect passphrase") => (held != Agent::Keys).then(|| {
            format!("our private key {shown} has a passphrase, and no agent holds it: ssh-add {shown}, or use a key without one")
        }),
        low if low.contains("too open") => {
            Some(format!("ssh does not use our private key {shown}, since other users can read it: chmod 600 {shown}"))
        }
        _ => {
            let line = said.lines().find(|line| !line.trim().is_empty() && !line.contains("@@@")).unwrap_or_default().trim();
            Some(format!("our private key {shown} cannot be used: {line}"))
        }
    }
}

/// What is wrong with a certificate of ours.
async fn certificate_words(file: &Path, user: &str) -> Option<String> {
    // ssh-keygen says the times of the zone that it is told.
    let read = Program::new("ssh-keygen").arg("-Lf").arg(file).env("TZ", "UTC").output(READ_LIMIT).await.ok()?;
    judged(&String::from_utf8_lossy(&read.stdout), user, Timestamp::now())
        .map(|why| format!("our certificate {} {why} (ssh-keygen -Lf shows it)", file.display()))
}

/// What is wrong with a certificate, as `ssh-keygen -L` lists it.
fn judged(listed: &str, user: &str, now: Timestamp) -> Option<String> {
    let valid = listed.lines().find_map(|line| line.trim().strip_prefix("Valid: "))?;
    let after = |word: &str| {
        let text = valid.split(' ').skip_while(|part| *part != word).nth(1)?;
        text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|at| (at.timestamp(), text))
    };
    if let Some((_, text)) = after("to").or_else(|| after("before")).filter(|(end, _)| *end <= now) {
        return Some(format!("expired at {text} UTC: get a new one from your CA"));
    }
    if let Some((_, text)) = after("from").or_else(|| after("after")).filter(|(begin, _)| *begin > now) {
        return Some(format!("is not valid before {text} UTC: compare the clock here with your CA's"));
    }
    let mut names = listed.lines().map(str::trim).skip_while(|line| !line.starts_with("Principals:")).skip(1);
    let names: Vec<&str> = names.by_ref().take_while(|line| !line.contains(':')).collect();
    let listed = !names.is_empty() && names != ["(none)"] && !names.contains(&user);
    listed.then(|| {
        format!("is for {} and not for {user}: sign in as one of them (USER@HOST), or get another", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_no_host_takes_is_called_what_it_is() {
        let now: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
        let listed = |valid: &str, names: &str| {
            format!(
                "x-cert.pub:\n        Valid: {valid}\n        Principals: \n                {names}\n        Critical Options: (none)\n"
            )
        };
        for (valid, names, why) in [
            ("forever", "deploy", None),
            ("from 2020-01-01T00:00:00 to 2030-02-01T00:00:00", "(none)", None),
            ("from 2020-01-01T00:00:00 to 2020-02-01T00:00:00", "deploy", Some("expired at 2020-02-01T00:00:00 UTC")),
            ("before 2020-02-01T00:00:00", "deploy", Some("expired at")),
            ("from 2027-01-01T00:00:00 to 2028-02-01T00:00:00", "deploy", Some("is not valid before 2027")),
            ("after 2027-01-01T00:00:00", "deploy", Some("is not valid before 2027")),
            ("forever", "root", Some("is for root and not for deploy")),
        ] {
            let said = judged(&listed(valid, names), "deploy", now);
            assert_eq!(said.is_some(), why.is_some(), "{valid}: {said:?}");
            assert!(said.unwrap_or_default().contains(why.unwrap_or_default()), "{valid}");
        }
        assert_eq!(judged("is not a certificate", "deploy", now), None);
    }

    #[test]
    fn what_ssh_would_sign_in_with_is_read_as_it_says() {
        let means =
            Means::read("user deploy\nidentityfile /k\nidentityfile /l\ncertificatefile none\nidentitiesonly yes\n");
        assert_eq!(
            means,
            Means { keys: vec!["/k".into(), "/l".into()], certificates: vec![], user: "deploy".to_owned() }
        );
    }
}
