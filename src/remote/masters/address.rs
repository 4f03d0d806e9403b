//! Where a host is, and by which keys it is known, as the push host's own ssh would find it: what another host is told, so
//! that the operator need not write it down there again. It must never make up a key, nor ask the network for one.
//! Called by releases that go from host to host.

use super::connection::Connection;
use super::ssh::words;
use crate::process::Program;
use std::path::PathBuf;
use std::time::Duration;

/// How long ssh and ssh-keygen may take to read their own files.
const READ_LIMIT: Duration = Duration::from_secs(10);

/// Where a host is, and by which keys it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Its name or number, as ssh's configuration resolves it.
    pub hostname: String,
    /// Its port.
    pub port: String,
    /// Who the push host signs in as.
    pub user: String,
    /// The name that its keys stand under, when it is another one.
    pub alias: Option<String>,
    /// Lines of `known_hosts` for exactly this host; never empty.
    pub keys: String,
}

impl Connection {
    /// Finds out where the host is and how it is known; reads files only.
    ///
    /// # Errors
    /// When ssh's configuration cannot be read, or no `known_hosts` that it names has a key of the host.
    pub async fn address(&self) -> Result<Address, String> {
        let ssh = Program::new("ssh").args(["-G", "-F"]).arg(&self.masters.config).args(words(&self.host));
        let said = output_of(ssh.arg("--").arg(self.host.address())).await.map_err(|why| format!("ssh -G: {why}"))?;
        let mut found = Settings::read(&said);
        for (file, name) in found.places() {
            if let Ok(text) =
                self::output_of(Program::new("ssh-keygen").arg("-F").arg(&name).arg("-f").arg(&file)).await
            {
                found.address.keys.push_str(&lines_for(&found.name(), &text));
            }
        }
        match found.address.keys.is_empty() {
            false => Ok(found.address),
            true => Err(format!("no known_hosts here has a key of {}", self.host.name())),
        }
    }
}

/// What a program says, when it ends well.
async fn output_of(mut program: Program) -> Result<String, String> {
    for name in ["HOME", "USER", "LOGNAME"] {
        if let Some(value) = std::env::var_os(name) {
            program = program.env(name, value);
        }
    }
    let output = program.output(READ_LIMIT).await.map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

/// What `ssh -G` says that matters here.
struct Settings {
    address: Address,
    files: Vec<String>,
}

impl Settings {
    fn read(said: &str) -> Self {
        let value = |name: &str| {
            said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap_or_default().to_owned()
        };
        let files = [value("userknownhostsfile"), value("globalknownhostsfile")];
        let address = Address {
            hostname: value("hostname"),
            port: value("port"),
            user: value("user"),
            alias: Some(value("hostkeyalias")).filter(|alias| !alias.is_empty() && alias != "none"),
            keys: String::new(),
        };
        Self { address, files: files.iter().flat_map(|list| list.split_whitespace()).map(str::to_owned).collect() }
    }

    /// The name that ssh looks keys up by.
    fn name(&self) -> String {
        let Address { hostname, port, alias, .. } = &self.address;
        match (alias, port.as_str()) {
            (Some(alias), _) => alias.clone(),
            (None, "22") => hostname.to_lowercase(),
            (None, port) => format!("[{}]:{port}", hostname.to_lowercase()),
        }
    }

    /// The files that may have a key, and the names that it may stand under: ssh takes a key without a port for any port.
    fn places(&self) -> Vec<(PathBuf, String)> {
        let mut names = vec![self.name()];
        if self.address.alias.is_none() && self.address.port != "22" {
            names.push(self.address.hostname.to_lowercase());
        }
        let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        let place = |file: &String| match file.strip_prefix("~/") {
            Some(rest) => home.join(rest),
            None => PathBuf::from(file),
        };
        let files: Vec<PathBuf> = self.files.iter().map(place).filter(|file| file.is_file()).collect();
        names.into_iter().flat_map(|name| files.iter().map(move |file| (file.clone(), name.clone()))).collect()
    }
}

/// What `ssh-keygen -F` found, each line under exactly one name: also what stands there hashed, or under a pattern.
fn lines_for(name: &str, found: &str) -> String {
    let mut lines = String::new();
    for line in found.lines().filter(|line| !line.starts_with('#')) {
        let (marker, rest) = match line.split_once(' ') {
            Some((marker, rest)) if marker.starts_with('@') => (format!("{marker} "), rest),
            _ => (String::new(), line),
        };
        if let Some((_, key)) = rest.split_once(' ') {
            lines.push_str(&format!("{marker}{name} {key}\n"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_known_by_one_name_whatever_stands_in_the_file() {
        let found = "# Host [web1]:2222 found: line 3 \n|1|salt|hash ssh-ed25519 AAAA web1\n\
                     # Host [web1]:2222 found: line 9 CA\n@cert-authority *.example.com ssh-rsa BBBB\n";
        let lines = "[web1]:2222 ssh-ed25519 AAAA web1\n@cert-authority [web1]:2222 ssh-rsa BBBB\n";
        assert_eq!(lines_for("[web1]:2222", found), lines);
    }

    #[test]
    fn ssh_says_where_a_host_is() {
        let said = "user push\nhostname Web1.Example.com\nport 2222\nuserknownhostsfile /a /b\nhostkeyalias none\n\
                    globalknownhostsfile /c\n";
        let settings = Settings::read(said);
        assert_eq!(settings.name(), "[web1.example.com]:2222");
        assert_eq!((settings.address.user.as_str(), settings.files.len()), ("push", 3));
        let aliased = Settings::read("hostname a\nport 22\nhostkeyalias b\n");
        assert_eq!((aliased.name(), aliased.address.alias), ("b".to_owned(), Some("b".to_owned())));
        assert_eq!(Settings::read("hostname a\nport 22\n").name(), "a");
    }
}
