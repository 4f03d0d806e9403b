//! What a style or a script holds for its readers alone stays at home: comments, indentation, and spaces that mean nothing.
//! Pure. It must never change a character of a text, a template or a pattern, nor what a line of code means. Called by
//! `assets`.

/// A style without comments and idle spaces.
pub fn style(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut space) = (text, false);
    while let Some(c) = rest.chars().next() {
        let token = match c {
            '/' if rest.starts_with("/*") => {
                rest = rest.split_once("*/").map_or("", |(_, behind)| behind);
                continue;
            }
            '"' | '\'' => &rest[..quoted(rest)],
            _ => &rest[..c.len_utf8()],
        };
        rest = &rest[token.len()..];
        if c.is_ascii_whitespace() {
            space = true;
            continue;
        }
        let idle = out.ends_with(['{', '}', ';', ',', '>', ':']) || "{};,>".contains(c) || out.is_empty();
        if space && !idle {
            out.push(' ');
        }
        if c == '}' && out.ends_with(';') {
            out.pop();
        }
        out.push_str(token);
        space = false;
    }
    out
}

/// A script without comments and idle spaces. Line ends stay where a statement could end; each of ours ends with `;` or `}`.
pub fn script(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut gap) = (text, None);
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '\n' => {
                gap = Some('\n');
                1
            }
            ' ' | '\t' => {
                gap = gap.or(Some(' '));
                1
            }
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => {
                gap = gap.or(Some(' '));
                rest.find("*/").map_or(rest.len(), |end| end + 2)
            }
            _ => {
                let token = match c {
                    '"' | '\'' => &rest[..quoted(rest)],
                    '`' => &rest[..template(rest)],
                    '/' if begins_pattern(&out) => &rest[..pattern(rest)],
                    _ => &rest[..c.len_utf8()],
                };
                if let Some(between) = gap.take() {
                    out.extend(needed(&out, between, c));
                }
                out.push_str(token);
                token.len()
            }
        };
        rest = &rest[length..];
    }
    out
}

/// What must stay of a gap between what is written and the next character.
fn needed(before: &str, gap: char, next: char) -> Option<char> {
    let last = before.chars().next_back()?;
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let end = gap == '\n'
        && !matches!(last, ';' | '{' | '}' | '(' | '[' | ',' | '&' | '|' | '?' | ':' | '=' | '<' | '>' | '.');
    if end && !matches!(next, '}' | ')' | ']' | '.' | ',' | ';' | '?' | ':' | '&' | '|' | '=') {
        return Some('\n');
    }
    // Two words, `a - -b`, and what two signs could become together.
    let apart =
        (word(last) && word(next)) || (last == next && matches!(last, '+' | '-' | '/')) || (last == '/' && word(next));
    apart.then_some(' ')
}

/// The length of a text in quotes, with them.
fn quoted(text: &str) -> usize {
    let quote = text.as_bytes()[0];
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            byte if byte == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a template, with what is filled in, which may hold texts and templates.
fn template(text: &str) -> usize {
    let (mut at, mut depth) = (1, 0);
    while at < text.len() {
        let rest = &text[at..];
        match (rest.as_bytes()[0], depth) {
            (b'\\', 0) => at += 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
            (b'`', 0) => return at + 1,
            (b'`', _) => at += template(rest),
            (b'"' | b'\'', 1..) => at += quoted(rest),
            (b'$', 0) if rest.starts_with("${") => {
                depth = 1;
                at += 2;
            }
            (byte, 1..) => {
                depth = if byte == b'{' {
                    depth + 1
                } else if byte == b'}' {
                    depth - 1
                } else {
                    depth
                };
                at += rest.chars().next().map_or(1, char::len_utf8);
            }
            _ => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    text.len()
}

/// Whether a `/` behind this begins a pattern: where no value stands that could be divided.
fn begins_pattern(before: &str) -> bool {
    before.is_empty()
        || before.ends_with(['(', ',', '=', ':', '[', '!', '&', '|', '?', '{', '}', ';', '>', '\n'])
        || before.ends_with("return")
}

/// The length of a pattern up to its second `/`.
fn pattern(text: &str) -> usize {
    let mut class = false;
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'[' => class = true,
            b']' => class = false,
            b'/' if !class => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_style_loses_only_what_means_nothing() {
        for (given, served) in [
            (
                "/* why */\n.a:is(b, c) > d { font: 12px/1 x, y; width: calc(100% - 8px); }\n",
                ".a:is(b,c)>d{font:12px/1 x,y;width:calc(100% - 8px)}",
            ),
            (".e { content: \"a, b;  { /* c */\"; }", ".e{content:\"a, b;  { /* c */\"}"),
            (".f\n.g, .h :hover { i: j !important }", ".f .g,.h :hover{i:j !important}"),
            (
                "@media (width > 1px) and (x) { .a { &[hidden] { b: c; } } }",
                "@media (width>1px) and (x){.a{&[hidden]{b:c}}}",
            ),
            (".a::before { content: '▾ '; }", ".a::before{content:'▾ '}"),
        ] {
            assert_eq!(style(given), served, "{given}");
        }
    }

    #[test]
    fn a_script_loses_only_what_means_nothing() {
        for (given, served) in [
            ("// head\nif (a && b) return { c: d, e }; // why\n", "if(a&&b)return{c:d,e};"),
            ("const a = /** @type {B} */ (c);\n/**\n * more\n */\nlet d = e in f;", "const a=(c);let d=e in f;"),
            ("f(a - -b, c + ++d, e - f);", "f(a- -b,c+ ++d,e-f);"),
            ("say(`a  ${b ? ` of  ${'}'} ` : \"\"}  // c`);", "say(`a  ${b ? ` of  ${'}'} ` : \"\"}  // c`);"),
            ("say('it\\'s  // so', \"a 'b'\");", "say('it\\'s  // so',\"a 'b'\");"),
            ("const a = b / c, d = /[/' ]  x/g.test(e);", "const a=b/ c,d=/[/' ]  x/g.test(e);"),
            ("const f = {\n  a() {\n    b++;\n  },\n};\nfoo();", "const f={a(){b++;},};foo();"),
            ("a = b\nc()\n  .d();", "a=b\nc().d();"),
            ("if (a) {\n}\nelse b;", "if(a){}else b;"),
            ("for (const x of 'é — ü') y(x);", "for(const x of'é — ü')y(x);"),
        ] {
            assert_eq!(script(given), served, "{given}");
        }
    }
}
