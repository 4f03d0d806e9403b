//! Text from outside, made fit for a protocol line: IRC, a mail header, one line of a mail.
//! It must never let a line break, a control byte or a hidden character through, and never cut a link.
//! Called by `words` for every value, and by `irc` and `mail` for what their servers say.

use crate::address::is_of_the_web;
use crate::config::ChannelKind;
use crate::visible::visible;
use std::borrow::Cow;

/// Bytes of an IRC line's text.
pub const IRC_BYTES: usize = ChannelKind::Irc.limits().bytes;
/// What stands for text that was cut away.
const CUT: char = '…';

/// One line without control characters: no C0, no C1, no escape sequences; what is invisible and turns text around is a chip;
/// what separates words becomes one space.
pub fn line(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(1024));
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            c if c.is_whitespace() => {
                if !clean.is_empty() && !clean.ends_with(' ') {
                    clean.push(' ');
                }
            }
            c if c.is_control() => {}
            c => clean.push(c),
        }
    }
    clean.truncate(clean.trim_end().len());
    match visible(&clean) {
        Cow::Owned(seen) => seen,
        Cow::Borrowed(_) => clean,
    }
}

/// Drops the rest of an escape sequence: `ESC [ … final byte`, or the one character behind the escape.
fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    if chars.next_if_eq(&'[').is_some() {
        while chars.next_if(|c| ('\u{20}'..='\u{3f}').contains(c)).is_some() {}
        chars.next_if(|c| ('\u{40}'..='\u{7e}').contains(c));
    }
}

/// At most `bytes` bytes, cut at a character with `…` behind it.
pub fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let room = bytes.saturating_sub(CUT.len_utf8());
    let mut kept = text[..text.floor_char_boundary(room)].trim_end().to_owned();
    if bytes >= CUT.len_utf8() {
        kept.push(CUT);
    }
    kept
}

/// A cleaned line of at most `bytes` bytes.
pub fn short(text: &str, bytes: usize) -> String {
    cut(&line(text), bytes)
}

/// The address, when it is one that may be linked to: http or https, and not a byte that could end it early.
pub fn link(address: &str) -> Option<&str> {
    is_of_the_web(address).then_some(address)
}

/// `head · link · title link` in at most [`IRC_BYTES`] bytes: the head is shortened, a link is kept whole or, where it
/// would crowd out the head, left away (first links first: the last one is the page that has the others). A link may have
/// a clean title before it.
pub fn irc_line(head: &str, links: &[&str]) -> String {
    /// The head says who, what and how it ended; this much of it always stays.
    const HEAD_BYTES: usize = 200;
    const BETWEEN: &str = " · ";
    let head = line(head);
    let mut room = IRC_BYTES - HEAD_BYTES.min(head.len());
    let mut kept: Vec<&str> = Vec::new();
    let whole = |titled: &&&str| link(titled.rsplit_once(' ').map_or(titled, |(_, address)| address)).is_some();
    for link in links.iter().rev().filter(whole) {
        if let Some(left) = room.checked_sub(BETWEEN.len() + link.len()) {
            room = left;
            kept.push(link);
        }
    }
    let mut line = cut(&head, HEAD_BYTES.min(head.len()) + room);
    for link in kept.iter().rev() {
        line.push_str(BETWEEN);
        line.push_str(link);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_from_outside_becomes_one_clean_line() {
        for (from, to) in [
            ("plain", "plain"),
            ("a\r\nQUIT :b\nc\rd", "a QUIT :b c d"),
            ("\0a\u{1}ACTION b\u{1}\u{7f}", "aACTION b"),
            ("\u{1b}[31mred\u{1b}[0;1m and \u{1b}]0;title\u{7}", "red and ]0;title"),
            ("\u{9b}31mc1\u{85}next", "31mc1 next"),
            ("abc\u{202e}fed\u{2066}x\u{200b}y\u{feff}", "abc⟨U+202E⟩fed⟨U+2066⟩x⟨U+200B⟩y⟨U+FEFF⟩"),
            ("  many \t\t spaces\u{2028}here ", "many spaces here"),
            ("naïve 漢字 👩‍🚀", "naïve 漢字 👩‍🚀"),
            ("\u{1b}", ""),
        ] {
            assert_eq!(line(from), to, "{from:?}");
        }
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        let rockets = "🚀".repeat(10);
        assert_eq!(cut(&rockets, 40), rockets);
        for bytes in 0..40 {
            assert!(cut(&rockets, bytes).len() <= bytes);
        }
        assert_eq!(cut(&rockets, 39), format!("{}…", "🚀".repeat(9)));
        assert_eq!(cut("ab", 1), "");
    }

    #[test]
    fn only_whole_web_addresses_are_links() {
        for good in ["http://h/p", "https://h.example/compare/a...b?x=1&y='z'#L1"] {
            assert_eq!(link(good), Some(good));
        }
        for bad in
            ["javascript:alert(1)", "ftp://h/", "http://", "http://h/a b", "http://h/\r\nQUIT", "http://h/\"x", ""]
        {
            assert_eq!(link(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_line_is_shortened_in_the_middle_and_its_links_stay_whole() {
        let diff = "https://git.example.com/compare/a...b";
        let page = "https://push.example.com/pushes/214";
        let line = irc_line(&format!("[web] {}", "🚀".repeat(200)), &[diff, page]);
        assert!(line.ends_with(&format!("🚀… · {diff} · {page}")), "{line}");
        assert!((IRC_BYTES - 4..=IRC_BYTES).contains(&line.len()), "{}", line.len());
        let long = format!("https://git.example.com/{}", "x".repeat(10_000));
        assert_eq!(irc_line("[web] words", &[&long, page]), format!("[web] words · {page}"));
        assert_eq!(irc_line("[web] words", &["javascript:x", page]), format!("[web] words · {page}"));
    }

    proptest! {
        #[test]
        fn whatever_comes_in_what_goes_out_is_one_short_line(head in "\\PC*|(?s).{0,900}", diff in "(?s)(https://)?.{0,300}") {
            let out = irc_line(&head, &[&diff, "https://push/1"]);
            prop_assert!(out.len() <= IRC_BYTES);
            prop_assert!(!out.chars().any(char::is_control));
            prop_assert!(out.ends_with(" · https://push/1"));
        }

        #[test]
        fn cleaning_a_clean_line_changes_nothing(text in "(?s).{0,200}") {
            prop_assert_eq!(line(&line(&text)), line(&text));
        }
    }
}
