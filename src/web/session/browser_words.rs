//! What a browser calls itself (`User-Agent`), in words that its owner knows it by: *Firefox on Linux*. Anybody can send what they like
//! there, so only words of ours come out, or one short plain word of theirs. It must never decide anything: it is shown, and that is all.
//! Called where a session begins.

use actix_web::HttpRequest;
use actix_web::http::header::USER_AGENT;

/// Browsers by a word that they send. Those that say they are another one too come first.
const BROWSERS: [(&str, &str); 11] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Firefox/", "Firefox"),
    ("Chromium/", "Chromium"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// Systems likewise.
const SYSTEMS: [(&str, &str); 8] = [
    ("Windows", "Windows"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
    ("BSD", "BSD"),
];

/// Of what no browser is known by, that many characters of its first word are shown.
const LONGEST_WORD: usize = 32;

/// The browser of a request; none where it says nothing that could be shown.
pub(super) fn browser_words(request: &HttpRequest) -> Option<String> {
    words(request.headers().get(USER_AGENT)?.to_str().ok()?)
}

fn words(said: &str) -> Option<String> {
    let known =
        |names: &[(&str, &'static str)]| names.iter().find(|(word, _)| said.contains(word)).map(|(_, name)| *name);
    match (known(&BROWSERS), known(&SYSTEMS)) {
        (Some(browser), Some(system)) => Some(format!("{browser} on {system}")),
        (Some(browser), None) => Some(browser.to_owned()),
        (None, _) => {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            let word: String = said.trim_start().chars().take_while(|c| plain(*c)).take(LONGEST_WORD).collect();
            (!word.is_empty()).then_some(word)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_named_as_people_know_them_and_nothing_else_gets_out() {
        for (said, expected) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", Some("Firefox on Linux")),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
                Some("Edge on Windows"),
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
                Some("Safari on macOS"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0 Mobile/15E148 Safari/604.1",
                Some("Chrome on iPhone"),
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
                Some("Chrome on Android"),
            ),
            ("curl/8.5.0", Some("curl")),
            ("Firefox/<script>alert(1)</script>", Some("Firefox")),
            ("<b>evil</b>", None),
            ("", None),
        ] {
            assert_eq!(words(said).as_deref(), expected, "{said}");
        }
        assert_eq!(words(&"x".repeat(10_000)).unwrap().len(), LONGEST_WORD);
    }
}
