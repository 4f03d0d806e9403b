//! Lines `link: TITLE URL` in the output of `before` and `finally`: a ticket, a graph. It must never take what a browser
//! could read as anything but a web address. Called by the step, with lines that are cleaned already.

use crate::address::{self, HIDDEN};

/// The longest title, in characters.
const LONGEST_TITLE: usize = 100;
/// The longest address, in bytes.
const LONGEST_URL: usize = 1000;

/// Title and address of a line that gives a link; a link without a title is called by its address.
pub fn parse(line: &str) -> Option<(String, String)> {
    let rest = line.trim().strip_prefix("link:")?.trim();
    let (title, url) = rest.rsplit_once(char::is_whitespace).unwrap_or(("", rest));
    // A page, a mail and a channel show it: what signs someone in is left out of it.
    let (title, url) = (&*address::shown(title), &*without_login(url));
    let good = url.len() <= LONGEST_URL && !url.contains('\'') && address::is_of_the_web(url);
    let title = if title.trim().is_empty() { url } else { title.trim() };
    let clean = |c: &char| !c.is_control();
    good.then(|| (title.chars().filter(clean).take(LONGEST_TITLE).collect(), url.to_owned()))
}

/// A link without what stands before its `@`: with stars it would lead nowhere.
fn without_login(url: &str) -> String {
    address::shown(url).replacen(&format!("://{HIDDEN}@"), "://", 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_link_has_a_title_and_a_web_address() {
        let link = |title: &str, url: &str| Some((title.to_owned(), url.to_owned()));
        for (line, found) in [
            (
                "link: Ticket OPS-7 https://t.example.com/OPS-7?a=b#c",
                link("Ticket OPS-7", "https://t.example.com/OPS-7?a=b#c"),
            ),
            ("link: http://[::1]:3000/", link("http://[::1]:3000/", "http://[::1]:3000/")),
            ("  link:  Graph \t https://g.example.com ", link("Graph", "https://g.example.com")),
            (
                "link: https://u:pw@t.example.com https://me:s3cret@t.example.com/a@b",
                link("https://***@t.example.com", "https://t.example.com/a@b"),
            ),
            ("link: https://token@t.example.com/", link("https://t.example.com/", "https://t.example.com/")),
            ("link: x javascript:alert(1)", None),
            ("link: x https://", None),
            ("link: x https:///a", None),
            ("link: x https://a.example.com/\"onclick", None),
            ("link: x //a.example.com", None),
            ("a link: x https://a.example.com", None),
            ("link:", None),
        ] {
            assert_eq!(parse(line), found, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_printed_an_address_is_http(line in "link: \\PC{0,60}") {
            if let Some((_, url)) = parse(&line) {
                prop_assert!(url.starts_with("https://") || url.starts_with("http://"));
                prop_assert!(url.bytes().all(|b| b.is_ascii_graphic()));
            }
        }
    }
}
