//! The static files: style, scripts, pictures; embedded in the binary, read from disk in debug builds.
//! It must never serve anything else. Called by the route `/static/NAME`.
//!
//! Two kinds of address, so that an upgrade never mixes old with new: style and pictures carry `?v=VERSION` and may be
//! kept for ever; modules import each other by name alone, so they are asked again each time (`no-cache`) and answered
//! with 304 by their tag.
//!
//! Comments, indentation and a style's idle spaces stay at home: lines are served without them, and keep their numbers.

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

/// Leaves out the spaces of a style that mean nothing, and the last semicolon of a rule. Lines with text in quotes stay as they are.
fn tight(style: &str) -> String {
    let spaces = [(" {", "{"), ("{ ", "{"), (" }", "}"), (";}", "}"), (": ", ":"), ("; ", ";"), (", ", ",")];
    let squeezed = |line: &str| match line.contains(['"', '\'']) {
        true => line.to_owned(),
        false => spaces.iter().fold(line.to_owned(), |line, (wide, narrow)| line.replace(wide, narrow)),
    };
    style.lines().flat_map(|line| [squeezed(line), "\n".to_owned()]).collect()
}

/// Leaves out comments at the end of a script's lines, and the spaces that mean nothing. Lines with text in quotes, or with
/// what may be a pattern, keep their spaces.
fn tight_script(script: &str) -> String {
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
        (" (", "("),
        (") ", ")"),
    ];
    let squeezed = |line: &str| {
        let code = match line.split_once(" // ") {
            Some((code, _)) if ['\'', '"', '`'].iter().all(|quote| code.matches(*quote).count() % 2 == 0) => code,
            _ => line,
        };
        match code.contains(['"', '\'', '`', '/']) {
            true => code.to_owned(),
            false => spaces.iter().fold(code.to_owned(), |line, (wide, narrow)| line.replace(wide, narrow)),
        }
    };
    script.lines().flat_map(|line| [squeezed(line), "\n".to_owned()]).collect()
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
            ("const f = async (x) => x - -1;", "const f=async(x)=>x - -1;"),
            ("say(a, 'b, c // d'); // e", "say(a, 'b, c // d'); // e"),
            ("say(a, 'b // c');", "say(a, 'b // c');"),
            ("a = b / c, d", "a = b / c, d"),
            ("const a = b in c ? d : e;", "const a=b in c ? d :e;"),
        ] {
            assert_eq!(tight_script(line), format!("{served}\n"));
        }
    }

    #[test]
    fn a_style_loses_only_spaces_that_mean_nothing() {
        let style = ".a:is(b, c) > d { font: 12px/1 x, y; width: calc(100% - 8px); }\n.e { content: \"a, b; c\"; }\n";
        assert_eq!(
            tight(style),
            ".a:is(b,c) > d{font:12px/1 x,y;width:calc(100% - 8px)}\n.e { content: \"a, b; c\"; }\n"
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
