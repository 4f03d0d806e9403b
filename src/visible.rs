//! Characters that turn, hide or mark text and show nothing of themselves, made visible: `⟨U+202E⟩`. The one place that knows which
//! they are; whatever shows a text of someone's asks here: pages in one filter for all templates, streams, tables, IRC, mail, the
//! command line, the output of commands. Pure. It must never change a text in which nothing hides.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character changes how others look, or hides, without showing itself. Not the presentation selectors of
/// emoji, which tools print all the time and which turn nothing around.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0d}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// What stands for a character that nobody would see.
pub fn chip(c: char) -> String {
    format!("⟨U+{:04X}⟩", u32::from(c))
}

/// A text with a chip for each character that nobody would see. Line breaks and tabs stay, as do joiners where they join: between
/// characters that are no ASCII, as Persian, Hindi and emoji need them.
pub fn visible(text: &str) -> Cow<'_, str> {
    written(text, hides, |c, out| out.push_str(&chip(c)))
}

/// The same, leaving control characters to who asks.
pub fn but_controls(text: &str) -> Cow<'_, str> {
    written(text, is_invisible, |c, out| out.push_str(&chip(c)))
}

/// JSON with an escape for each such character: what is read from it is the same.
pub fn json(text: &str) -> Cow<'_, str> {
    written(text, hides, |c, out| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            // A text takes whatever is written to it.
            let _ = write!(out, "\\u{unit:04x}");
        }
    })
}

fn written(text: &str, hides: fn(char) -> bool, hidden: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !text.chars().any(hides) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let joins = is_joiner(c) && is_joined(before) && is_joined(chars.peek().copied());
        match hides(c) && !joins {
            true => hidden(c, &mut out),
            false => out.push(c),
        }
        before = Some(c);
    }
    Cow::Owned(out)
}

/// What is invisible, and control characters but for line breaks and tabs.
fn hides(c: char) -> bool {
    is_invisible(c) || c.is_control() && !matches!(c, '\t' | '\n' | '\r')
}

fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Whether a joiner beside this character does something.
fn is_joined(c: Option<char>) -> bool {
    c.is_some_and(|c| !c.is_ascii() && !is_invisible(c) && !c.is_control() && !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_nobody_would_see_is_a_chip_and_all_else_stays() {
        for (text, seen) in [
            ("plain, naïve 漢字\n\ttab", "plain, naïve 漢字\n\ttab"),
            ("abc\u{202e}fed\u{2066}", "abc⟨U+202E⟩fed⟨U+2066⟩"),
            ("a\u{200b}b\u{ad}c\u{feff}", "a⟨U+200B⟩b⟨U+00AD⟩c⟨U+FEFF⟩"),
            ("tag\u{e0041}\u{e007f}", "tag⟨U+E0041⟩⟨U+E007F⟩"),
            ("\u{1b}[31mred\u{9b}2J\0", "⟨U+001B⟩[31mred⟨U+009B⟩2J⟨U+0000⟩"),
            ("👩\u{200d}🚀 and ☕\u{fe0f}", "👩\u{200d}🚀 and ☕\u{fe0f}"),
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("ad\u{200d}min \u{200c}", "ad⟨U+200D⟩min ⟨U+200C⟩"),
            ("é\u{200d}\u{200d}é", "é⟨U+200D⟩⟨U+200D⟩é"),
            ("\u{3164}\u{115f}\u{34f}", "⟨U+3164⟩⟨U+115F⟩⟨U+034F⟩"),
        ] {
            assert_eq!(visible(text), seen, "{text:?}");
        }
        assert!(matches!(visible("é"), Cow::Borrowed(_)));
    }

    #[test]
    fn json_is_read_as_it_was_and_hides_nothing() {
        let value = serde_json::json!({ "reason": "a\u{202e}b\u{e0041}c\u{7f}\"\\", "n": 1 });
        let text = json(&value.to_string()).into_owned();
        assert!(text.contains("\\u202e") && text.contains("\\udb40\\udc41"), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    proptest! {
        #[test]
        fn nothing_hides_in_what_is_shown(text in "(?s).{0,60}") {
            let seen = visible(&text);
            prop_assert!(!seen.chars().any(|c| hides(c) && !is_joiner(c)));
            prop_assert_eq!(visible(&seen), seen.as_ref());
        }
    }
}
