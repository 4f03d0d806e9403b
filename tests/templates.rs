//! How the templates are written: one element a line, two spaces for each that is open, so that a page can be read, and a change
//! of it compared. `src/web/pages/line_breaks.rs` says what a line break means.

use std::path::Path;

/// Longer lines hide what is at their ends.
const WIDTH: usize = 160;

/// What a line says of elements and of tera's blocks.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// `<b>`, `{% if … %}`.
    Opens { element: bool },
    /// `</b>`, `{% endif %}`.
    Closes,
    /// `{% else %}`.
    Between,
    /// `<br>`.
    Whole,
    /// A tag that goes on in the next lines.
    Unfinished,
}

/// Everything that is wrong with a template, by its lines.
fn wrong(template: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let (mut depth, mut unfinished, mut verbatim) = (0_usize, None::<String>, false);
    for (number, line) in template.lines().enumerate() {
        let mut tell = |what: &str| wrong.push(format!("line {}: {what}: {line}", number + 1));
        if verbatim {
            verbatim = !line.contains("</pre>");
            continue;
        }
        if line.chars().count() > WIDTH {
            tell("is too long");
        }
        if line.trim().is_empty() || line.trim_end() != line {
            tell("is empty, or ends with a space: a space that is meant is {{ \" \" }}");
        }
        let text = line.trim_start();
        let indent = line.len() - text.len();
        if let Some(tag) = &mut unfinished {
            let ends = text.starts_with('>') || text.starts_with("/>");
            if indent != if ends { depth * 2 } else { depth * 2 + 2 } {
                tell("an attribute stands two spaces further in than its element, the end of the tag below it");
            }
            tag.push_str(text);
            tag.push(' ');
            if !ends {
                continue;
            }
        }
        let whole = unfinished.take().unwrap_or_else(|| text.to_owned());
        let went_on = whole != text;
        verbatim = whole.contains("<pre") && !whole.contains("</pre>");
        let parts = parts(&whole);
        if !went_on {
            let less = usize::from(matches!(parts.first(), Some((true, Part::Closes | Part::Between))));
            if indent != depth.saturating_sub(less) * 2 {
                tell(&format!("stands {indent} spaces in instead of {}", depth.saturating_sub(less) * 2));
            }
        }
        let elements = parts
            .iter()
            .filter(|(_, part)| matches!(part, Part::Opens { element: true } | Part::Whole | Part::Unfinished));
        if elements.count() > 1 && !whole.contains("<pre") {
            tell("has more than one element");
        }
        for (_, part) in &parts {
            match part {
                Part::Opens { .. } => depth += 1,
                Part::Closes => depth = depth.saturating_sub(1),
                Part::Unfinished => unfinished = Some(format!("{} ", whole)),
                Part::Between | Part::Whole => {}
            }
        }
        if verbatim {
            depth -= 1;
        }
    }
    if depth != 0 {
        wrong.push("something is not closed".to_owned());
    }
    wrong
}

/// The parts of a line, each with whether the line begins with it.
fn parts(line: &str) -> Vec<(bool, Part)> {
    const WHOLE: [&str; 7] = ["br", "hr", "img", "input", "link", "meta", "!doctype"];
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(found) = line[at..].find(['<', '{']) {
        at += found;
        let (rest, first) = (&line[at..], at == 0);
        let (length, part) = if rest.starts_with("{{") {
            (rest.find("}}").map(|end| end + 2), None)
        } else if rest.starts_with("{#") {
            (rest.find("#}").map(|end| end + 2), None)
        } else if let Some(inside) = rest.strip_prefix("{%-").or_else(|| rest.strip_prefix("{%")) {
            let word = inside.split_whitespace().next().unwrap();
            let part = match word {
                "if" | "for" | "block" | "component" => Some(Part::Opens { element: false }),
                "else" | "elif" => Some(Part::Between),
                _ if word.starts_with("end") => Some(Part::Closes),
                _ => None,
            };
            (rest.find("%}").map(|end| end + 2), part)
        } else if rest.starts_with("<pre") && rest.contains("</pre>") {
            (rest.find("</pre>").map(|end| end + 6), Some(Part::Whole))
        } else if rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!') {
            let length = tag_length(rest);
            let name = rest[1..].split(|c: char| c.is_whitespace() || c == '>').next().unwrap();
            let part = match length {
                None => Part::Unfinished,
                Some(_) if rest.starts_with("</") => Part::Closes,
                Some(length) if rest[..length].ends_with("/>") || WHOLE.contains(&name) || rest.starts_with("<!") => {
                    Part::Whole
                }
                Some(_) => Part::Opens { element: true },
            };
            (length, Some(part))
        } else {
            (Some(1), None)
        };
        parts.extend(part.map(|part| (first, part)));
        match length {
            Some(length) => at += length,
            None => break,
        }
    }
    parts
}

/// How long a tag is that ends in this line. What stands in quotes, or is tera's, does not end it.
fn tag_length(text: &str) -> Option<usize> {
    let (mut at, mut quoted) = (1, false);
    loop {
        let rest = &text[at..];
        let tera = [("{{", "}}"), ("{%", "%}")].into_iter().find(|(begin, _)| rest.starts_with(begin));
        at += match tera {
            Some((_, end)) => rest.find(end)? + end.len(),
            None => match rest.chars().next()? {
                '>' if !quoted => return Some(at + 1),
                c => {
                    quoted ^= c == '"';
                    c.len_utf8()
                }
            },
        };
    }
}

#[test]
fn every_template_has_one_element_a_line() {
    let mut all = Vec::new();
    for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("templates")).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(text.lines().count() < 400, "{name} is long");
        all.extend(wrong(&text).into_iter().map(|words| format!("templates/{name}, {words}")));
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn what_is_not_one_element_a_line_is_found() {
    for (template, word) in [
        ("<p>\n  <b>x</b> <i>y</i>\n</p>\n", "more than one element"),
        ("<p><b>x</b></p>\n", "more than one element"),
        ("<p>\n<b>x</b>\n</p>\n", "stands 0 spaces in instead of 2"),
        ("{% if x %}\n  <b>x</b>\n  {% else %}\n{% endif %}\n", "stands 2 spaces in instead of 0"),
        ("<input\nname=\"x\"\n>\n", "an attribute"),
        ("<p>\n  x \n</p>\n", "ends with a space"),
        ("<p>\n  x\n", "not closed"),
    ] {
        let found = wrong(template);
        assert!(found.iter().any(|words| words.contains(word)), "{word} in {template}: {found:?}");
    }
    let right = "<p>\n  one <b>{{ x }}</b> two\n  <input\n    name=\"a > b\"\n    {% if x > 1 %}checked{% endif %}\n  >\n</p>\n<pre>\n<b>x</b><b>y</b></pre>\n";
    assert_eq!(wrong(right), [""; 0]);
}
