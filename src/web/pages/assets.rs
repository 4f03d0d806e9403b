//! The static files: style, scripts, pictures; embedded in the binary, read from disk in debug builds.
//! It must never serve anything else. Called by the route `/static/NAME`.
//!
//! Two kinds of address, so that an upgrade never mixes old with new: style and pictures carry `?v=VERSION` and may be
//! kept for ever; modules import each other by name alone, so they are asked again each time (`no-cache`) and answered
//! with 304 by their tag.
//!
//! Comments, indentation and whatever else means nothing to a browser stay at home.

use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// One static file.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Its bytes.
    pub bytes: Cow<'static, [u8]>,
    /// Its type, with the character set.
    pub content_type: &'static str,
    /// Its strong entity tag, quotes included: of SHA-256 of the bytes.
    pub etag: String,
}

/// Finds a static file by its name: `style.css`.
pub fn asset(name: &str) -> Option<Asset> {
    let content_type = match name.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    };
    // Embedded names are plain; this keeps the debug build, which reads the disk, to the folder too.
    if name.contains(['/', '\\']) {
        return None;
    }
    let data = Files::get(name)?.data;
    let bytes = match (content_type, std::str::from_utf8(&data)) {
        ("image/svg+xml", _) | (_, Err(_)) => data,
        ("text/css; charset=utf-8", Ok(text)) => Cow::Owned(tight(&lean(text)).into_bytes()),
        (_, Ok(text)) => Cow::Owned(tight_script(&lean(text)).into_bytes()),
    };
    Some(Asset { etag: format!("\"{}\"", digest(Sha256::new().chain_update(&bytes))), content_type, bytes })
}

/// Names all static files together: it changes when any of them does.
pub fn version() -> String {
    let mut names: Vec<Cow<'static, str>> = Files::iter().collect();
    names.sort_unstable();
    let mut all = Sha256::new();
    for name in names {
        all.update(name.as_bytes());
        if let Some(file) = Files::get(&name) {
            all.update(file.metadata.sha256_hash());
        }
    }
    digest(all)[..12].to_owned()
}

/// Leaves out comments that have lines of their own, and indentation. Our scripts have no text over several lines.
fn lean(text: &str) -> String {
    let mut lean = String::with_capacity(text.len());
    let mut comment = false;
    for line in text.lines() {
        let line = line.trim();
        comment |= line.starts_with("/*");
        if !comment && !line.starts_with("//") {
            lean.push_str(line);
        }
        if line.ends_with("*/") {
            comment = false;
        }
        lean.push('\n');
    }
    lean
}

/// Leaves out the spaces and line ends of a style that mean nothing. Lines with text in quotes keep their spaces.
fn tight(style: &str) -> String {
    let spaces = [(" {", "{"), ("{ ", "{"), (" }", "}"), (": ", ":"), ("; ", ";"), (", ", ","), (" > ", ">")];
    let squeezed = |line: &str| match line.contains(['"', '\'']) {
        true => line.to_owned(),
        false => spaces.iter().fold(line.to_owned(), |line, (wide, narrow)| line.replace(wide, narrow)),
    };
    let mut tight = String::with_capacity(style.len());
    for line in style.lines().filter(|line| !line.is_empty()) {
        tight.push_str(&squeezed(line));
        // Whatever goes on in the next line in another way needs a space there.
        if !line.ends_with([';', '{', '}', ',']) {
            tight.push('\n');
        }
    }
    tight.replace(";}", "}")
}

/// Leaves out types, comments at the end of a script's lines, and the spaces and line ends that mean nothing.
fn tight_script(script: &str) -> String {
    let mut tight = String::with_capacity(script.len());
    for line in script.lines().map(squeezed).filter(|line| !line.is_empty()) {
        tight.push_str(&line);
        // No statement ends, and no comment can go on, behind these.
        if line.contains("//") || !line.ends_with(['{', ';', ',', '(']) {
            tight.push('\n');
        }
    }
    tight
}

/// One line of a script without what means nothing. What is in quotes stays as it is, and so does a line with a pattern.
fn squeezed(line: &str) -> String {
    let spaces = [
        (" {", "{"),
        ("{ ", "{"),
        (" }", "}"),
        (": ", ":"),
        ("; ", ";"),
        (", ", ","),
        (" = ", "="),
        (" => ", "=>"),
        (" === ", "==="),
        (" !== ", "!=="),
        (" && ", "&&"),
        (" || ", "||"),
        (" ?? ", "??"),
        (" ? ", "?"),
        (" :", ":"),
        (" < ", "<"),
        (" > ", ">"),
        (" (", "("),
        (") ", ")"),
    ];
    let line = untyped(line);
    let code = match line.split_once(" // ") {
        Some((code, _)) if outside(code) => code,
        _ => &line,
    };
    let tight = |code: &str| spaces.iter().fold(code.to_owned(), |code, (wide, narrow)| code.replace(wide, narrow));
    let Some(pieces) = pieces(code) else { return code.to_owned() };
    pieces.iter().enumerate().map(|(at, piece)| if at % 2 == 0 { tight(piece) } else { (*piece).to_owned() }).collect()
}

/// Cuts a line into code and text in quotes, turn by turn; none where it cannot be told for sure which is which.
fn pieces(line: &str) -> Option<Vec<&str>> {
    if line.contains('\\') || line.matches('`').count() > 2 {
        return None;
    }
    let (mut pieces, mut rest) = (Vec::new(), line);
    while let Some(at) = rest.find(['"', '\'', '`']) {
        let quote = rest[at..].chars().next()?;
        let behind = at + 2 + rest[at + 1..].find(quote)?;
        pieces.extend([&rest[..at], &rest[at..behind]]);
        rest = &rest[behind..];
    }
    pieces.push(rest);
    pieces.iter().step_by(2).all(|code| !code.contains('/')).then_some(pieces)
}

/// Whether what follows these words of a line is in no quotes.
fn outside(before: &str) -> bool {
    ['\'', '"', '`'].iter().all(|quote| before.matches(*quote).count() % 2 == 0)
}

/// A script's line without its types, which are comments. Inside of quotes nothing is one.
fn untyped(line: &str) -> String {
    let (mut bare, mut rest) = (String::with_capacity(line.len()), line);
    while let Some((before, after)) = rest.split_once("/** @") {
        let Some((_, behind)) = after.split_once("*/").filter(|_| outside(&format!("{bare}{before}"))) else { break };
        bare.push_str(before);
        rest = behind.trim_start();
    }
    bare.push_str(rest);
    bare
}

fn digest(hash: Sha256) -> String {
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_static_files_are_served_each_with_its_type() {
        assert_eq!(asset("style.css").unwrap().content_type, "text/css; charset=utf-8");
        assert_eq!(asset("app.js").unwrap().content_type, "text/javascript; charset=utf-8");
        assert_eq!(asset("favicon.svg").unwrap().content_type, "image/svg+xml");
        for name in ["", "style", "../Cargo.toml", "../static/style.css", "nothing.css", "/etc/passwd"] {
            assert!(asset(name).is_none(), "{name}");
        }
    }

    #[test]
    fn comments_stay_at_home_and_lines_keep_their_numbers() {
        let text = "/** one\n * two */\nlet a = 'x'; // kept\n  // gone\n/* gone */\n  b('/*');\n";
        assert_eq!(lean(text), "\n\nlet a = 'x'; // kept\n\n\nb('/*');\n");
    }

    #[test]
    fn a_script_loses_only_spaces_and_words_that_mean_nothing() {
        for (line, served) in [
            ("if (a && b) return { c: d, e }; // why", "if(a&&b)return{c:d,e};"),
            ("const a = /** @type {A} */ (b) => c;", "const a=(b)=>c;"),
            ("f(`${a[/** @type {B} */ (c)]} d`);", "f(`${a[/** @type {B} */ (c)]} d`);"),
            ("const f = async (x) => x - -1;", "const f=async(x)=>x - -1;"),
            ("say(a, 'b, c // d'); // e", "say(a, 'b, c // d'); // e"),
            ("say(a, 'b // c');", "say(a,'b // c');"),
            ("f(`a, ${b ? c : d}`, \"it's, so\");", "f(`a, ${b ? c : d}`,\"it's, so\");"),
            ("f(`a${b ? `, c` : d}`, e)", "f(`a${b ? `, c` : d}`, e)"),
            ("a = b / c, d", "a = b / c, d"),
            ("const a = b in c ? d : e;", "const a=b in c?d:e;"),
        ] {
            assert_eq!(tight_script(line).trim_end(), served);
        }
    }

    #[test]
    fn lines_of_a_script_are_joined_only_where_no_statement_ends() {
        let script = "f(\n{\na: 1,\n};\n\nconst b = () => {}\nc('//d;',\ne)\n";
        assert_eq!(tight_script(script), "f({a:1,};const b=()=>{}\nc('//d;',\ne)\n");
    }

    #[test]
    fn a_style_loses_only_spaces_that_mean_nothing() {
        let style = ".a:is(b, c) > d { font: 12px/1 x, y; width: calc(100% - 8px); }\n\n.e { content: \"a, b; c\"; }\n.f\n.g { h: i; }\n";
        assert_eq!(
            tight(style),
            ".a:is(b,c)>d{font:12px/1 x,y;width:calc(100% - 8px)}.e { content: \"a, b; c\"; }.f\n.g{h:i}"
        );
    }

    #[test]
    fn nothing_builds_html_from_text_and_all_stays_small() {
        let mut bytes = 0;
        for name in Files::iter() {
            let text = String::from_utf8(Files::get(&name).unwrap().data.into_owned()).unwrap();
            for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
                assert!(!text.contains(word), "{name} has {word}");
            }
            assert!(name == "style.css" || text.lines().count() < 400, "{name} is long");
            for line in text.lines().filter(|_| name.ends_with(".js")) {
                assert!(line.matches('`').count() % 2 == 0, "{name} has text over several lines: {line}");
                let comment = line.trim().starts_with("/*");
                assert!(
                    !comment || !line.contains("*/") || line.trim().ends_with("*/"),
                    "{name} has code behind: {line}"
                );
            }
            // The design's budget is for style and scripts; the pictures are small and seldom asked for.
            if !name.ends_with(".svg") {
                bytes += asset(&name).unwrap().bytes.len();
            }
        }
        assert!(bytes <= 120 * 1024, "{bytes} bytes");
    }
}
