//! Which server a command speaks to: that of this machine, by its configuration, or one on another machine, by its address and a token. A flag
//! counts more than the environment, and that more than `client.toml`. It must never send a token to a server that it was not given for.

use super::client_file::{ClientFile, certificates, token_in};
use super::person::{Person, name_in};
use crate::client::http::{Away, PlainHttp};
use crate::client::site::Site;
use crate::config::Config;
use crate::ledger::tokens::TokenText;
use crate::stack::Who;
use crate::tls;
use anyhow::{Context, anyhow, bail, ensure};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The variables that say what the options say.
const CONFIG: &str = "PUSHBUTTON_CONFIG";
const SERVER: &str = "PUSHBUTTON_SERVER";
const TOKEN: &str = "PUSHBUTTON_TOKEN";
const TOKEN_FILE: &str = "PUSHBUTTON_TOKEN_FILE";
const CA_FILE: &str = "PUSHBUTTON_CA_FILE";

/// What says which server is meant.
#[derive(Debug, clap::Args)]
pub struct Target {
    /// The configuration of the server of this machine; default: $PUSHBUTTON_CONFIG, or config.toml.
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "server")]
    config: Option<PathBuf>,
    /// The address of a server on another machine; default: $PUSHBUTTON_SERVER, or `server` of client.toml.
    #[arg(long, global = true, value_name = "URL")]
    server: Option<String>,
    /// The file with the token for that server; default: $PUSHBUTTON_TOKEN_FILE or $PUSHBUTTON_TOKEN, or `token_file` of client.toml.
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The certificates that vouch for that server, in place of those that this machine trusts; default: $PUSHBUTTON_CA_FILE, or `ca_file`
    /// of client.toml.
    #[arg(long, global = true, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Sends the token over http:// to another machine, where everyone on the way can read it.
    #[arg(long, global = true)]
    plain_http: bool,
}

/// A server that a command speaks to, and who speaks.
#[derive(Clone, Debug)]
pub enum Place {
    /// That of this machine, by its own socket.
    Here(Arc<Config>, Who),
    /// One on another machine.
    Elsewhere(Arc<Elsewhere>),
}

/// A server on another machine.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    /// It, with the token.
    pub away: Arc<Away>,
    /// What named it: an option, a variable, a file.
    pub server_from: String,
    /// What named the token.
    pub token_from: String,
}

impl Elsewhere {
    /// Its address, and what named it.
    pub fn named(&self) -> String {
        format!("{} (of {})", self.away.site().origin(), self.server_from)
    }
}

impl Target {
    /// The configuration of this machine's server, for a command that works on its files.
    ///
    /// # Errors
    /// When another server was asked for.
    pub fn here(&self) -> anyhow::Result<PathBuf> {
        ensure!(
            self.server.is_none(),
            "this command works on the push host alone; hint: run it there, without --server"
        );
        Ok(self.config.clone().or_else(|| name_in(CONFIG).map(PathBuf::from)).unwrap_or_else(|| "config.toml".into()))
    }

    /// The server, for a command that changes something.
    ///
    /// # Errors
    /// When it is not said well which it is, or who acts.
    pub fn acting(&self, person: &Person) -> anyhow::Result<Place> {
        match self.elsewhere(person)? {
            Some(elsewhere) => Ok(elsewhere),
            None => Ok(Place::Here(config(&self.here()?)?, person.who()?)),
        }
    }

    /// The server, for a command that only reads.
    ///
    /// # Errors
    /// When it is not said well which it is.
    pub fn reading(&self, person: &Person) -> anyhow::Result<Place> {
        match self.elsewhere(person)? {
            Some(elsewhere) => Ok(elsewhere),
            None => Ok(Place::Here(config(&self.here()?)?, person.reader())),
        }
    }

    fn elsewhere(&self, person: &Person) -> anyhow::Result<Option<Place>> {
        if self.config.is_some() {
            return Ok(None);
        }
        let file = ClientFile::read()?;
        let named = match (&self.server, name_in(SERVER)) {
            (Some(server), _) => Some((server.clone(), "--server".to_owned())),
            (None, Some(server)) => Some((server, format!("${SERVER}"))),
            // Who names a configuration means this machine, whatever a file in the home directory says.
            (None, None) if name_in(CONFIG).is_some() => None,
            (None, None) => file.server.clone().map(|server| (server, file.path.clone())),
        };
        let Some((server, server_from)) = named else { return Ok(None) };
        let site = Site::parse(&server).with_context(|| format!("the server of {server_from}"))?;
        ensure!(
            !person.is_named(),
            "--as is for the push host; {} knows who you are by your token; hint: leave --as out",
            site.origin()
        );
        // What the file says of its own server is for that server alone.
        let of_file = match file.server.as_deref().map(Site::parse) {
            Some(Ok(its)) if its == site => file,
            Some(_) | None => ClientFile::default(),
        };
        let (token, token_from) = self.token(&of_file, &site)?;
        let trust = match self.ca_file.clone().or_else(|| name_in(CA_FILE).map(PathBuf::from)).or(of_file.ca_file) {
            Some(path) => Some(certificates(&path)?),
            None => tls::trust(),
        };
        let plain = if self.plain_http { PlainHttp::Anywhere } else { PlainHttp::ToThisMachine };
        let away = Arc::new(Away::new(site, token.reveal(), trust, plain));
        Ok(Some(Place::Elsewhere(Arc::new(Elsewhere { away, server_from, token_from }))))
    }

    /// The token, and what named it.
    fn token(&self, file: &ClientFile, site: &Site) -> anyhow::Result<(TokenText, String)> {
        let of_file = |path: &Path| Ok((token_in(path)?, path.display().to_string()));
        if let Some(path) = &self.token_file {
            return of_file(path);
        }
        match (name_in(TOKEN), name_in(TOKEN_FILE)) {
            (Some(_), Some(_)) => bail!("both ${TOKEN} and ${TOKEN_FILE} name a token; hint: unset one of them"),
            (Some(text), None) => {
                let token = TokenText::read(text.trim());
                let bad = || anyhow!("${TOKEN} is not a token, or not all of one; hint: it begins with pb_");
                Ok((token.ok_or_else(bad)?, format!("${TOKEN}")))
            }
            (None, Some(path)) => of_file(Path::new(&path)),
            (None, None) => match &file.token_file {
                Some(path) => of_file(path),
                None => bail!(
                    "there is no token for {}; hint: --token-file FILE, or ${TOKEN_FILE}; *Your account* on that \
                     server makes tokens",
                    site.origin()
                ),
            },
        }
    }
}

/// The configuration of the server.
///
/// # Errors
/// What is wrong with it.
pub fn config(path: &Path) -> anyhow::Result<Arc<Config>> {
    match path.exists() {
        true => Ok(Arc::new(Config::load(path)?)),
        false => bail!(
            "there is no {}; hint: --config FILE, or run it in the directory of config.toml; for a server on another \
             machine: --server URL",
            path.display()
        ),
    }
}
