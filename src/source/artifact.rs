//! A build that lies on another server: fetched from an address that a program named, into a file, and believed only when its SHA-256 is
//! the one that was named with it. It must never ask a server that nobody has allowed, nor an address of the inside by a name that leads
//! there: each name is resolved once, and the address that was judged is the one that is connected to, also after a redirect. Called by `web`
//! for publishing.

use crate::config::Artifacts;
use crate::tls;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, HOST, HeaderMap, LOCATION, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Seek, Write};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use url::{Host, Url};

/// The longest that the whole of it may take.
const LONGEST: Duration = Duration::from_secs(1800);
/// How long a server may say nothing.
const SILENCE: Duration = Duration::from_secs(30);
/// Redirects that are followed, each judged as the first address was.
const REDIRECTS: usize = 5;
/// The longest address.
const LONGEST_ADDRESS: usize = 4096;

/// Why a build was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// Its address is none that may be asked.
    #[error("{0}")]
    NotAllowed(String),
    /// The server did not give it.
    #[error("{0}")]
    Failed(String),
    /// What came is not what was named.
    #[error("{0}")]
    Wrong(String),
    /// It cannot be written down.
    #[error("the artifact cannot be stored: {0}")]
    Io(#[from] io::Error),
}

/// What is fetched, and how it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    url: Url,
    sha256: String,
}

impl Artifact {
    /// An artifact that may be fetched, as far as its address says.
    ///
    /// # Errors
    /// What is wrong with the address or the hash.
    pub fn parse(rules: &Artifacts, url: &str, sha256: &str) -> Result<Self, ArtifactError> {
        let sha256 = sha256.trim().to_ascii_lowercase();
        if sha256.len() != 64 || !sha256.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            let why = "`sha256` must be the SHA-256 of the artifact, 64 hexadecimal digits";
            return Err(ArtifactError::NotAllowed(why.to_owned()));
        }
        Ok(Self { url: judged(rules, url, None)?, sha256 })
    }

    /// Fetches it into `file`, which is at its beginning then; at most `most` bytes.
    ///
    /// # Errors
    /// Why not.
    pub async fn fetch(&self, rules: &Artifacts, most: u64, file: File) -> Result<File, ArtifactError> {
        let fetched = timeout(LONGEST, self.fetched(rules, most, file)).await;
        fetched.unwrap_or_else(|_| Err(ArtifactError::Failed(format!("it took longer than {} s", LONGEST.as_secs()))))
    }

    async fn fetched(&self, rules: &Artifacts, most: u64, file: File) -> Result<File, ArtifactError> {
        let mut url = self.url.clone();
        for _ in 0..=REDIRECTS {
            let host = url.host_str().unwrap_or_default().to_owned();
            let failed = |why: String| ArtifactError::Failed(format!("{host}: {why}"));
            let answer = match timeout(SILENCE, ask(rules, &url)).await {
                Ok(answer) => answer?,
                Err(_) => return Err(failed(format!("no answer within {} s", SILENCE.as_secs()))),
            };
            match answer.status().as_u16() {
                200 => return self.taken(answer, most, file, &host).await,
                301 | 302 | 303 | 307 | 308 => {
                    let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok());
                    let to = to.ok_or_else(|| failed("a redirect that leads nowhere".to_owned()))?;
                    url = judged(rules, to, Some(&url))?;
                }
                status => return Err(failed(format!("the answer is {status} instead of 200"))),
            }
        }
        Err(ArtifactError::Failed(format!("more than {REDIRECTS} redirects")))
    }

    async fn taken(
        &self,
        answer: Response<Incoming>,
        most: u64,
        mut file: File,
        host: &str,
    ) -> Result<File, ArtifactError> {
        let too_large = || ArtifactError::Wrong(format!("the artifact is larger than {} MiB", most >> 20));
        if answer.headers().contains_key(CONTENT_ENCODING) {
            return Err(ArtifactError::Failed(format!("{host}: the answer is compressed, which was not asked for")));
        }
        if length(answer.headers()).is_some_and(|length| length > most) {
            return Err(too_large());
        }
        let (mut body, mut hash, mut written) = (answer.into_body(), Sha256::new(), 0);
        loop {
            let Ok(frame) = timeout(SILENCE, body.frame()).await else {
                return Err(ArtifactError::Failed(format!("{host}: nothing came for {} s", SILENCE.as_secs())));
            };
            let Some(frame) = frame else { break };
            let frame = frame.map_err(|error| ArtifactError::Failed(format!("{host}: {error}")))?;
            let Ok(piece) = frame.into_data() else { continue };
            written += piece.len() as u64;
            if written > most {
                return Err(too_large());
            }
            hash.update(&piece);
            file = beside(file, move |file| file.write_all(&piece)).await?;
        }
        let found = crate::journal::write::hex(&hash.finalize());
        if found != self.sha256 {
            let why = format!("the artifact has the SHA-256 {found} instead of {}", self.sha256);
            return Err(ArtifactError::Wrong(why));
        }
        Ok(beside(file, |file| file.rewind()).await?)
    }
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn beside(mut file: File, work: impl FnOnce(&mut File) -> io::Result<()> + Send + 'static) -> io::Result<File> {
    tokio::task::spawn_blocking(move || work(&mut file).map(|()| file)).await.map_err(io::Error::other)?
}

/// An address that may be asked; of a redirect, where it is relative, to the one before.
fn judged(rules: &Artifacts, text: &str, before: Option<&Url>) -> Result<Url, ArtifactError> {
    let refused = |why: String| Err(ArtifactError::NotAllowed(why));
    let what = if before.is_some() { "the redirect" } else { "`artifact_url`" };
    let parsed = match before {
        Some(before) => before.join(text),
        None => Url::parse(text),
    };
    let Some(url) = parsed.ok().filter(|_| text.len() <= LONGEST_ADDRESS) else {
        return refused(format!("{what} is not an address: https://ci.example.com/web-51d0c3e.tar"));
    };
    if !url.username().is_empty() || url.password().is_some() {
        return refused(format!("{what} has a user or a password in it"));
    }
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else {
        return refused(format!("{what} names no server"));
    };
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    };
    match url.scheme() {
        "https" => {}
        "http" if is_loopback => {}
        _ => return refused(format!("{what} must be https; http is for an address of this machine, 127.0.0.1, alone")),
    }
    if !rules.allow(host, url.port()) {
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        return refused(format!("artifacts may not be fetched from {host}{port}: it is not in `hosts` of [artifacts]"));
    }
    Ok(url)
}

/// Asks a server: its name is resolved here, once, and what is connected to is what was judged.
async fn ask(rules: &Artifacts, url: &Url) -> Result<Response<Incoming>, ArtifactError> {
    let host = url.host_str().unwrap_or_default().to_owned();
    let failed = |why: &dyn std::fmt::Display| ArtifactError::Failed(format!("{host}: {why}"));
    let port = url.port_or_known_default().unwrap_or(443);
    let name = host.trim_matches(['[', ']']).to_owned();
    let found: Vec<_> = lookup_host((name.as_str(), port)).await.map_err(|error| failed(&error))?.collect();
    let (good, bad): (Vec<_>, Vec<_>) = found.into_iter().partition(|address| rules.allow_address(address.ip()));
    let Some(address) = good.first() else {
        let why = match bad.first() {
            Some(bad) => format!(
                "{host} is at {}, an address of the inside: it is not in `networks` of [artifacts]",
                bad.ip().to_canonical()
            ),
            None => format!("{host} has no address"),
        };
        return Err(ArtifactError::NotAllowed(why));
    };
    let stream = TcpStream::connect(address).await.map_err(|error| failed(&error))?;
    if url.scheme() == "http" {
        return get(stream, url).await.map_err(|error| failed(&error));
    }
    let trust = tls::trust().ok_or_else(|| failed(&"this machine has no certificate authorities"))?;
    let stream = tls::connect(trust, &name, stream).await.map_err(|error| failed(&error))?;
    get(stream, url).await.map_err(|error| failed(&error))
}

async fn get(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    url: &Url,
) -> Result<Response<Incoming>, Box<dyn std::error::Error + Send + Sync>> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // It ends when the answer was read, or is dropped.
    tokio::spawn(connection);
    let authority = url.port().map_or_else(String::new, |port| format!(":{port}"));
    let request = Request::get(&url[url::Position::BeforePath..url::Position::AfterQuery])
        .header(HOST, format!("{}{authority}", url.host_str().unwrap_or_default()))
        .header(USER_AGENT, concat!("pushbutton/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "*/*")
        .body(Empty::<Bytes>::new())?;
    Ok(sender.send_request(request).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_the_servers_file_allows_are_asked() {
        let hosts =
            ["ci.example.com", "ci.example.com:8443", "127.0.0.1:8080", "[::1]:8080"].map(str::to_owned).to_vec();
        let rules = Artifacts { hosts, ..Artifacts::default() };
        let hash = "a".repeat(64);
        for good in [
            "https://ci.example.com/web.tar?x=1",
            "https://CI.example.com:443/web.tar",
            "https://ci.example.com:8443/",
            "http://127.0.0.1:8080/web.tar",
            "http://[::1]:8080/web.tar",
        ] {
            assert!(Artifact::parse(&rules, good, &hash).is_ok(), "{good}");
        }
        for (bad, words) in [
            ("", "is not an address"),
            ("ci.example.com/web.tar", "is not an address"),
            ("http://ci.example.com/web.tar", "must be https"),
            ("file:///etc/passwd", "names no server"),
            ("ftp://ci.example.com/web.tar", "must be https"),
            ("https://ci.example.com.evil.example/web.tar", "may not be fetched from ci.example.com.evil.example"),
            ("https://ci.example.com:9443/web.tar", "may not be fetched from ci.example.com:9443"),
            ("https://ci.example.com@evil.example/", "has a user or a password"),
            ("https://mary:pw@ci.example.com/", "has a user or a password"),
            ("http://127.0.0.1/web.tar", "may not be fetched from 127.0.0.1"),
            ("http://2130706433:8081/web.tar", "may not be fetched from 127.0.0.1:8081"),
            ("https://ci.example.com\\@evil.example/", "may not be fetched from"),
        ] {
            match Artifact::parse(&rules, bad, &hash) {
                Err(error) => assert!(error.to_string().contains(words), "{bad}: {error}"),
                Ok(artifact) => assert_eq!(artifact.url.host_str(), Some("ci.example.com"), "{bad}"),
            }
        }
        for hash in ["", "abc", &"g".repeat(64), &"a".repeat(63)] {
            assert!(Artifact::parse(&rules, "https://ci.example.com/web.tar", hash).is_err(), "{hash:?}");
        }
        // A redirect is judged as the first address was.
        let first = Url::parse("https://ci.example.com/a/web.tar").unwrap();
        assert_eq!(judged(&rules, "../b.tar", Some(&first)).unwrap().as_str(), "https://ci.example.com/b.tar");
        for bad in ["http://ci.example.com/", "https://evil.example/", "//evil.example/", "http://169.254.169.254/"] {
            assert!(judged(&rules, bad, Some(&first)).is_err(), "{bad}");
        }
    }
}
