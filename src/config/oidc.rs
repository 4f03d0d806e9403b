//! `[oidc]`: the provider of accounts at which people sign in. It must never hold the client's secret, only where that is.

use super::SecretName;
use super::broken_rules::Rules;
use super::key::{Key, Kind, key, needed};
use crate::diagnostic::shown;
use serde::Deserialize;
use std::path::PathBuf;
use url::{Host, Url};

/// The scopes that are asked for when the file does not say it. Without `openid` a provider says nothing of who it is.
const SCOPES: [&str; 2] = ["openid", "profile"];

/// `[oidc]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// The provider: `https://accounts.example.com/realms/staff`.
    pub issuer: String,
    /// What the provider calls this server.
    pub client_id: String,
    /// A file with the client's secret in its first line; must not be readable by others.
    pub client_secret_file: Option<PathBuf>,
    /// An environment variable with it.
    pub client_secret_env: Option<String>,
    /// What is asked for.
    #[serde(default = "default_scopes")]
    pub scopes: Vec<String>,
    /// The claim that is the person's name here.
    #[serde(default = "default_name_claim")]
    pub name_claim: String,
    /// The claim with the person's groups.
    #[serde(default = "default_groups_claim")]
    pub groups_claim: String,
}

fn default_scopes() -> Vec<String> {
    SCOPES.map(str::to_owned).to_vec()
}

fn default_name_claim() -> String {
    "preferred_username".to_owned()
}

fn default_groups_claim() -> String {
    "groups".to_owned()
}

/// The keys of the table.
pub(super) const KEYS: &[Key] = &[
    needed("issuer", Kind::Text, "https://accounts.example.com"),
    needed("client_id", Kind::Text, "pushbutton"),
    key("client_secret_file", Kind::Text),
    key("client_secret_env", Kind::Text),
    key("scopes", Kind::Texts),
    key("name_claim", Kind::Text),
    key("groups_claim", Kind::Text),
];

impl Oidc {
    /// Where the client's secret is.
    pub fn secret(&self) -> SecretName {
        SecretName { password_file: self.client_secret_file.clone(), password_env: self.client_secret_env.clone() }
    }

    /// The key that says it.
    pub fn secret_key(&self) -> &'static str {
        if self.client_secret_file.is_some() { "client_secret_file" } else { "client_secret_env" }
    }

    /// What is well written and still must not be.
    pub(super) fn judge(&self, rules: &mut Rules<'_>) {
        if let Err(why) = provider_url(&self.issuer) {
            let title = format!("`{}` is not the address of a provider: {why}", shown(&self.issuer));
            let cure =
                "write it exactly as the provider does: its /.well-known/openid-configuration has it as `issuer`";
            rules.refuse(&["oidc", "issuer"], title, cure);
        }
        match (&self.client_secret_file, &self.client_secret_env) {
            (Some(_), Some(_)) => {
                let title = "client_secret_file and client_secret_env are both set";
                rules.refuse(&["oidc", "client_secret_env"], title, "keep one");
            }
            (None, None) => {
                let cure = "write it into its own file, mode 0600: client_secret_file = \"…\"";
                rules.refuse(&["oidc"], "[oidc] does not say where the client's secret is", cure);
            }
            (Some(_), None) | (None, Some(_)) => {}
        }
        let word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !self.scopes.iter().any(|scope| scope == "openid") || !self.scopes.iter().all(|scope| word(scope)) {
            let cure = "scopes are words, one of them openid: scopes = [\"openid\", \"profile\"]";
            rules.refuse(&["oidc", "scopes"], "the scopes are not those of a sign-in", cure);
        }
        for (key, claim) in [("name_claim", &self.name_claim), ("groups_claim", &self.groups_claim)] {
            if claim.is_empty() || claim.contains(char::is_control) {
                let title = format!("`{}` is not the name of a claim", shown(claim));
                rules.refuse(&["oidc", key], title, "the provider's documentation lists its claims");
            }
        }
        if self.client_id.is_empty() || self.client_id.contains(char::is_control) {
            let cure = "the provider gave it when this server was registered there";
            rules.refuse(&["oidc", "client_id"], "the client's ID is empty, or no line of text", cure);
        }
    }
}

/// The address of a provider, or of one of its endpoints: TLS, or a server on this machine.
///
/// # Errors
/// What is wrong with it.
pub fn provider_url(text: &str) -> Result<Url, &'static str> {
    let Ok(url) = Url::parse(text) else {
        return Err("it must be a whole address, such as https://accounts.example.com");
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a name or a password before its @");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it may have a path, and nothing behind that");
    }
    let local = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if local => Ok(url),
        "http" => Err("it is plain HTTP beyond this machine, so anyone on the way could sign in as anyone"),
        _ => Err("it must begin with https://"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_reached_by_tls_or_on_this_machine() {
        for good in
            ["https://accounts.example.com", "https://a.example/realms/staff", "http://127.0.0.1:9000", "http://[::1]"]
        {
            assert!(provider_url(good).is_ok(), "{good}");
        }
        for bad in [
            "accounts.example.com",
            "http://accounts.example.com",
            "http://127.0.0.1.example.com",
            "ftp://a.example",
            "https://mary:secret@a.example",
            "https://a.example?x=1",
            "https://a.example#x",
            "",
        ] {
            assert!(provider_url(bad).is_err(), "{bad}");
        }
    }
}
