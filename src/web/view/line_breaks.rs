//! What a line break in a template means. Templates have one element a line, so that they can be read and compared; a page
//! must not get a space for each. So a break with the spaces around it is
//! - a space between text and text, and between text and an element beside it, as everywhere in HTML;
//! - nothing between two elements, inside an element's edges, and beside `{% … %}` and `{# … #}`.
//!
//! A space that a break would lose is written `{{ " " }}`. What stands in `<pre>` stays. Pure; it must never change anything but
//! breaks. Called once a template, when the pages are loaded.

/// What stands beside a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    /// The beginning or the end of the template, `{% … %}`, `{# … #}`, `{{ " " }}`.
    Silent,
    /// Words, or `{{ … }}`.
    Text,
    /// `<b>`: the beginning of an element that has an end.
    Begin,
    /// `</b>`.
    End,
    /// `<br>`, `<path …/>`, a component.
    Whole,
}

/// The template with its line breaks as they are meant.
pub(super) fn joined(template: &str) -> String {
    let mut out = String::with_capacity(template.len());
    let mut left = Beside::Silent;
    let mut rest = template;
    while !rest.is_empty() {
        let (part, beside, after) = next(rest);
        rest = after;
        if beside != Beside::Text || part.starts_with("{{") {
            out.push_str(&on_one_line(part, beside));
            left = beside;
            continue;
        }
        let right = if rest.is_empty() { Beside::Silent } else { next(rest).1 };
        out.push_str(&words(part, left, right));
        if !part.trim().is_empty() {
            left = Beside::Text;
        }
    }
    out
}

/// The next part of a template, what it is to a break beside it, and the rest.
fn next(template: &str) -> (&str, Beside, &str) {
    let until = |end: &str| template.find(end).map_or(template.len(), |at| at + end.len());
    let (length, beside) = if template.starts_with("{%") {
        (until("%}"), Beside::Silent)
    } else if template.starts_with("{#") {
        (until("#}"), Beside::Silent)
    } else if template.starts_with("{{") {
        let length = until("}}");
        let inside = template[2..length].trim_start();
        let beside = match inside {
            _ if inside.starts_with("\" \"") => Beside::Silent,
            _ if inside.starts_with('<') => Beside::Whole,
            _ => Beside::Text,
        };
        (length, beside)
    } else if template.starts_with("<pre") {
        (until("</pre>"), Beside::Whole)
    } else if is_tag(template) {
        let length = tag_length(template);
        (length, of_tag(&template[..length]))
    } else {
        let from = template.chars().next().map_or(0, char::len_utf8);
        let ends = |at: &usize| template[*at..].starts_with("{") || is_tag(&template[*at..]);
        let at = template.char_indices().map(|(at, _)| at).skip_while(|at| *at < from).find(ends);
        (at.unwrap_or(template.len()), Beside::Text)
    };
    (&template[..length], beside, &template[length..])
}

fn is_tag(text: &str) -> bool {
    text.strip_prefix('<')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!'))
}

/// How long the tag is that a text begins with. What stands in quotes, or is tera's, does not end it.
fn tag_length(text: &str) -> usize {
    let (mut at, mut quoted) = (1, false);
    while let Some(c) = text[at..].chars().next() {
        let tera = [("{{", "}}"), ("{%", "%}")].into_iter().find(|(begin, _)| text[at..].starts_with(begin));
        if let Some((_, end)) = tera {
            at += text[at..].find(end).map_or(text.len() - at, |found| found + end.len());
            continue;
        }
        at += c.len_utf8();
        match c {
            '"' => quoted = !quoted,
            '>' if !quoted => break,
            _ => {}
        }
    }
    at
}

fn of_tag(tag: &str) -> Beside {
    const WHOLE: [&str; 7] = ["br", "hr", "img", "input", "link", "meta", "!doctype"];
    let name = tag[1..].split(|c: char| c.is_whitespace() || c == '>' || c == '/').next().unwrap_or_default();
    match tag {
        _ if tag.starts_with("</") => Beside::End,
        _ if tag.ends_with("/>") || tag.starts_with("<!--") || WHOLE.contains(&name) => Beside::Whole,
        _ => Beside::Begin,
    }
}

/// A tag whose attributes stand on lines of their own.
fn on_one_line(part: &str, beside: Beside) -> String {
    if part.starts_with("<pre") || !matches!(beside, Beside::Begin | Beside::Whole) || !part.contains('\n') {
        return part.to_owned();
    }
    let lines: Vec<&str> = part.lines().map(str::trim).collect();
    match lines.split_last() {
        Some((end @ (&">" | &"/>"), before)) => before.join(" ") + end,
        _ => lines.join(" "),
    }
}

/// Words with what their breaks are beside what stands on both sides.
fn words(part: &str, left: Beside, right: Beside) -> String {
    let core = part.trim();
    if core.is_empty() {
        let spaced = if part.contains('\n') { between(left, right) } else { part };
        return spaced.to_owned();
    }
    let edge = |space: &str, left: Beside, right: Beside| match space.contains('\n') {
        true => between(left, right).to_owned(),
        false => space.to_owned(),
    };
    let begin = &part[..part.len() - part.trim_start().len()];
    let end = &part[part.trim_end().len()..];
    let lines: Vec<&str> = core.lines().map(str::trim).collect();
    edge(begin, left, Beside::Text) + &lines.join(" ") + &edge(end, Beside::Text, right)
}

/// What a break is between two things.
fn between(left: Beside, right: Beside) -> &'static str {
    match (left, right) {
        (Beside::Text, Beside::Text | Beside::Begin | Beside::Whole) | (Beside::End | Beside::Whole, Beside::Text) => {
            " "
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_break_is_a_space_beside_text_and_nothing_between_elements() {
        for (template, page) in [
            ("<p>\n  one\n  two\n</p>\n", "<p>one two</p>"),
            ("<p>\n  by <b>x</b>\n  and\n  <i>y</i>\n</p>", "<p>by <b>x</b> and <i>y</i></p>"),
            ("<b>x</b>\n<i>y</i>", "<b>x</b><i>y</i>"),
            ("<b>x</b>{{ \" \" }}\n<i>y</i>", "<b>x</b>{{ \" \" }}<i>y</i>"),
            ("{{ a }}\n{{ b }}", "{{ a }} {{ b }}"),
            ("go{{ \" \" }}\nout", "go{{ \" \" }}out"),
            ("<i>\n  {{ <icon name=\"x\"/> }}\n  Stop\n</i>", "<i>{{ <icon name=\"x\"/> }} Stop</i>"),
            (
                "one\n{% if a > b %}\n  two\n{% else %}\n  <b>three</b>\n{% endif %}\nfour",
                "one{% if a > b %}two{% else %}<b>three</b>{% endif %}four",
            ),
            (
                "<input\n  name=\"a > b\"\n  {% if x > 1 %}checked{% endif %}\n>\nwords",
                "<input name=\"a > b\" {% if x > 1 %}checked{% endif %}> words",
            ),
            ("<path\n  d=\"M0\"\n/>\n<pre>a\n  b</pre>\n", "<path d=\"M0\"/><pre>a\n  b</pre>"),
            ("<!doctype html>\n<html>\n<!-- rows -->\n</html>\n", "<!doctype html><html><!-- rows --></html>"),
            ("{{ a }} < {{ b }} ü\n", "{{ a }} < {{ b }} ü"),
        ] {
            assert_eq!(joined(template), page, "{template}");
        }
    }
}
