//! Where a request says that it comes from, and where it may go: the `Host` it names, the page that sent it, the local
//! address that follows a sign-in (TRUST section 7). Pure; it must never believe a header that a proxy may have added.
//! Called by the gate for every request.

use actix_web::http::Method;
use actix_web::http::header::{HOST, HeaderMap, HeaderName, ORIGIN};
use url::Url;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Our own address, as `url` in the configuration says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnAddress {
    /// Exactly what a browser sends as `Origin`: scheme, host, port unless it is the scheme's own.
    origin: String,
    /// What a `Host` header may say, in lower case.
    hosts: Vec<String>,
    /// Whether people come by TLS, be it a proxy's.
    pub secure: bool,
    /// The port.
    pub port: u16,
    /// Whether the port is the scheme's own, so that nobody writes it.
    pub has_own_port: bool,
}

impl OwnAddress {
    /// Takes `url` apart as browsers do; what follows the host is left out. An address that is none of a site, which the
    /// configuration has refused before, is nobody's: no request is for it.
    pub fn of(url: &str) -> Self {
        let Some(url) = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "https" | "http")) else {
            return Self { origin: String::new(), hosts: Vec::new(), secure: false, port: 0, has_own_port: false };
        };
        let name = url.host_str().unwrap_or_default().to_owned();
        // A port that is the scheme's own is none.
        let (secure, own_port, port) = (url.scheme() == "https", url.port().is_none(), url.port_or_known_default());
        let port = port.unwrap_or_default();
        let with_port = format!("{name}:{port}");
        let hosts = if own_port { vec![name, with_port] } else { vec![with_port] };
        Self { origin: url.origin().ascii_serialization(), hosts, secure, port, has_own_port: own_port }
    }

    /// The site's address, as a person types it.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What a browser says as `Host`.
    pub fn host(&self) -> &str {
        self.hosts.first().map_or("", String::as_str)
    }

    /// Whether a request is meant for us: exactly one `Host` header, with our name.
    pub fn is_host_of(&self, headers: &HeaderMap) -> bool {
        match only(headers, &HOST) {
            Only::One(host) => self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host)),
            Only::None | Only::Bad => false,
        }
    }

    /// Whether a request may change something: it was sent by a page of ours. Reading is always allowed.
    /// `Sec-Fetch-Site`, which no page can set, decides alone where a browser sends it; else `Origin` does; without both
    /// the answer is no.
    pub fn may_change(&self, method: &Method, headers: &HeaderMap) -> bool {
        if matches!(*method, Method::GET | Method::HEAD) {
            return true;
        }
        match only(headers, &SEC_FETCH_SITE) {
            Only::One(site) => site == "same-origin",
            Only::Bad => false,
            Only::None => matches!(only(headers, &ORIGIN), Only::One(origin) if origin == self.origin),
        }
    }
}

enum Only<'a> {
    None,
    One(&'a str),
    /// Several, or not text.
    Bad,
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Only<'a> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (None, _) => Only::None,
        (Some(value), None) => value.to_str().map_or(Only::Bad, Only::One),
        (Some(_), Some(_)) => Only::Bad,
    }
}

/// The local address that `next` names: `next` itself when its path is one of `pages` (patterns as in the route table)
/// and it is plain printable ASCII, else `/`.
pub fn local_next(next: &str, mut pages: impl Iterator<Item = &'static str>) -> &str {
    // A browser takes a backslash for a slash and drops tabs and line breaks, so that `/\evil` and `/	/evil` leave.
    let plain = next.len() <= 1024 && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let path = next.split(['?', '#']).next().unwrap_or_default();
    match plain && pages.any(|pattern| matches_pattern(pattern, path)) {
        true => next,
        false => "/",
    }
}

/// Whether `path` is one that `pattern` (`/stacks/{stack}`) stands for, its variable parts being plain names.
fn matches_pattern(pattern: &str, path: &str) -> bool {
    let plain = |part: &str| {
        part.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted == given || (wanted.starts_with('{') && plain(given)) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        map
    }

    #[test]
    fn only_our_own_name_is_our_host() {
        type Case = (&'static str, &'static [(&'static str, &'static str)], bool);
        let cases: &[Case] = &[
            ("https://push.example.com", &[("host", "push.example.com")], true),
            ("https://push.example.com", &[("host", "PUSH.example.com")], true),
            ("https://push.example.com", &[("host", "push.example.com:443")], true),
            ("https://push.example.com", &[("host", "push.example.com:80")], false),
            ("https://push.example.com", &[("host", "push.example.com.evil.example")], false),
            ("https://push.example.com", &[("host", "evil.example"), ("x-forwarded-host", "push.example.com")], false),
            ("https://push.example.com", &[("host", "push.example.com"), ("host", "push.example.com")], false),
            ("https://push.example.com", &[], false),
            ("http://127.0.0.1:8090", &[("host", "127.0.0.1:8090")], true),
            ("http://127.0.0.1:8090", &[("host", "127.0.0.1")], false),
            ("http://127.0.0.1:8090", &[("host", "localhost:8090")], false),
            ("http://[::1]:8090", &[("host", "[::1]:8090")], true),
            ("http://[::1]", &[("host", "[::1]")], true),
            ("http://push/below", &[("host", "push")], true),
            ("push.example.com", &[("host", "push.example.com")], false),
            ("push.example.com", &[("host", "")], false),
        ];
        for (url, lines, ours) in cases {
            assert_eq!(OwnAddress::of(url).is_host_of(&headers(lines)), *ours, "{url} {lines:?}");
        }
    }

    #[test]
    fn only_our_own_pages_may_change_something() {
        let ours = OwnAddress::of("https://push.example.com");
        let cases: &[(&[(&str, &str)], bool)] = &[
            (&[], false),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "same-origin"), ("origin", "https://push.example.com")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://push.example.com")], false),
            (&[("sec-fetch-site", "none"), ("origin", "https://push.example.com")], false),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "")], false),
            (&[("origin", "https://push.example.com")], true),
            (&[("origin", "https://push.example.com"), ("origin", "https://push.example.com")], false),
            (&[("origin", "http://push.example.com")], false),
            (&[("origin", "https://push.example.com:444")], false),
            (&[("origin", "https://push.example.com.evil.example")], false),
            (&[("origin", "https://push.example.com/")], false),
            (&[("origin", "null")], false),
            (&[("origin", "\u{fc}")], false),
            (&[("referer", "https://push.example.com/")], false),
        ];
        for (lines, allowed) in cases {
            for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
                assert_eq!(ours.may_change(&method, &headers(lines)), *allowed, "{method} {lines:?}");
            }
            for method in [Method::GET, Method::HEAD] {
                assert!(ours.may_change(&method, &headers(lines)), "{method} {lines:?} only reads");
            }
        }
    }

    #[test]
    fn a_browser_names_no_port_that_is_the_schemes_own() {
        let ours = OwnAddress::of("https://Push.example.com:443");
        assert!(ours.may_change(&Method::POST, &headers(&[("origin", "https://push.example.com")])));
        let ours = OwnAddress::of("http://127.0.0.1:8090");
        assert!(ours.may_change(&Method::POST, &headers(&[("origin", "http://127.0.0.1:8090")])));
        assert!(!ours.may_change(&Method::POST, &headers(&[("origin", "http://127.0.0.1:8091")])));
    }

    #[test]
    fn signing_in_leads_to_our_own_pages_only() {
        let pages = || ["/", "/stacks/{stack}", "/pushes", "/pushes/{id}"].into_iter();
        for next in ["/", "/?a=b", "/stacks/web", "/pushes?word=a%20b&who=mary", "/pushes/214", "/pushes/214#L10"] {
            assert_eq!(local_next(next, pages()), next);
        }
        for next in [
            "",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/stacks/web/",
            "/stacks//",
            "/stacks/..",
            "/stacks/%2e%2e",
            "/sign-out",
            "/api/v1/stacks",
            "/pushes/1\r\nSet-Cookie: a=b",
            "/pushes/\u{e9}",
            " /",
        ] {
            assert_eq!(local_next(next, pages()), "/", "{next:?}");
        }
    }
}
