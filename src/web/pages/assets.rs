//! The static files: style, scripts, pictures; embedded in the binary, read from disk in debug builds.
//! It must never serve anything else. Called by the route `/static/NAME`.
//!
//! Two kinds of address, so that an upgrade never mixes old with new: style and pictures carry `?v=VERSION` and may be
//! kept for ever; modules import each other by name alone, so they are asked again each time (`no-cache`) and answered
//! with 304 by their tag.
//!
//! What they hold for their readers alone stays at home (`squeeze`).

use super::squeeze;
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
    let data = match ring(name) {
        Some(ring) => ring,
        None => Files::get(name)?.data,
    };
    let bytes = match (content_type, std::str::from_utf8(&data)) {
        ("image/svg+xml", _) | (_, Err(_)) => data,
        ("text/css; charset=utf-8", Ok(text)) => Cow::Owned(squeeze::style(text).into_bytes()),
        (_, Ok(text)) => Cow::Owned(squeeze::script(text).into_bytes()),
    };
    Some(Asset { etag: format!("\"{}\"", digest(Sha256::new().chain_update(&bytes))), content_type, bytes })
}

/// The icon of a push that runs, as full as its name says: `favicon-run35.svg`. All are one picture, since the policy of
/// the pages lets no script draw its own (design B4: by 5 %).
fn ring(name: &str) -> Option<Cow<'static, [u8]>> {
    let percent: u32 = name.strip_prefix("favicon-run")?.strip_suffix(".svg")?.parse().ok()?;
    if percent > 100 || !percent.is_multiple_of(5) {
        return None;
    }
    let whole = String::from_utf8(Files::get("favicon-run.svg")?.data.into_owned()).ok()?;
    // At the very beginning there is a little of it, so that it is not a mere circle.
    let length = f64::from(percent.max(4)) * 0.754;
    Some(Cow::Owned(whole.replace("75.4 ", &format!("{length:.1} ")).into_bytes()))
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

fn digest(hash: Sha256) -> String {
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scripts that no page loads before a person asks for what they do.
    const ON_DEMAND: [&str; 3] = ["lines.js", "same.js", "sameview.js"];

    #[test]
    fn only_static_files_are_served_each_with_its_type() {
        assert_eq!(asset("style.css").unwrap().content_type, "text/css; charset=utf-8");
        assert_eq!(asset("app.js").unwrap().content_type, "text/javascript; charset=utf-8");
        assert_eq!(asset("favicon.svg").unwrap().content_type, "image/svg+xml");
        for percent in (0..=100).step_by(5) {
            let ring = asset(&format!("favicon-run{percent}.svg")).unwrap();
            let (text, length) = (String::from_utf8_lossy(&ring.bytes).into_owned(), f64::from(percent.max(4)) * 0.754);
            assert!(text.contains(&format!("stroke-dasharray=\"{length:.1} 80\"")), "{percent}: {text}");
        }
        for name in ["favicon-run3.svg", "favicon-run105.svg", "favicon-run-5.svg", "", "style", "../Cargo.toml", "../static/style.css", "nothing.css", "/etc/passwd"] {
            assert!(asset(name).is_none(), "{name}");
        }
    }

    #[test]
    fn nothing_builds_html_from_text_and_all_stays_small() {
        let (mut bytes, mut on_demand) = (0, 0);
        for name in Files::iter() {
            let text = String::from_utf8(Files::get(&name).unwrap().data.into_owned()).unwrap();
            for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
                assert!(!text.contains(word), "{name} has {word}");
            }
            assert!(name == "style.css" || text.lines().count() < 400, "{name} is long");
            // The design's budget is for style and scripts; the pictures are small and seldom asked for.
            if !name.ends_with(".svg") {
                let size = asset(&name).unwrap().bytes.len();
                *if ON_DEMAND.contains(&&*name) { &mut on_demand } else { &mut bytes } += size;
            }
        }
        assert!(bytes <= 120 * 1024, "{bytes} bytes");
        assert!(on_demand <= 12 * 1024, "{on_demand} bytes of what comes when it is asked for");
    }
}
