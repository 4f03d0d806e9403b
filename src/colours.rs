//! Colours in a line that was cleaned: `ESC [ … m`, the one escape that the output of hosts may still hold (`remote::output`). The one
//! place that finds them again; `static/sgr.js` does the same in the browser. Pure. It must never take anything else for a colour: what
//! is none stays, for who shows it to make harmless.

use std::borrow::Cow;

/// The length of the colour that a text begins with.
pub fn colour(text: &str) -> Option<usize> {
    let codes = text.strip_prefix("\u{1b}[")?;
    let length = codes.bytes().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b';' | b':')).count();
    (codes.as_bytes().get(length) == Some(&b'm')).then_some(2 + length + 1)
}

/// A line without its colours.
pub fn without_colours(text: &str) -> Cow<'_, str> {
    let (mut plain, mut done) = (String::new(), 0);
    for (at, _) in text.match_indices('\u{1b}') {
        if let Some(length) = colour(&text[at..]) {
            plain.push_str(&text[done..at]);
            done = at + length;
        }
    }
    match done {
        0 => Cow::Borrowed(text),
        _ => Cow::Owned(plain + &text[done..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_no_text_and_nothing_else_is_a_colour() {
        for (text, without) in [
            ("plain", "plain"),
            ("\u{1b}[1;31mred\u{1b}[0m", "red"),
            ("\u{1b}[1;31merror:\u{1b}[0m no space", "error: no space"),
            ("a\u{1b}[m b", "a b"),
            ("\u{1b}[38:5:9mx", "x"),
            ("\u{1b}[xm\u{1b}", "\u{1b}[xm\u{1b}"),
            ("\u{1b}[\u{1b}[mé", "\u{1b}[é"),
            ("\u{1b}[3\u{1b}", "\u{1b}[3\u{1b}"),
        ] {
            assert_eq!(without_colours(text), without, "{text:?}");
        }
    }
}
