//! The static files: style, scripts, pictures; embedded in the binary, read from disk in debug builds.
//! It must never serve anything else. Called by the route `/static/NAME`.
//!
//! Two kinds of address, so that an upgrade never mixes old with new: style and pictures carry `?v=VERSION` and may be
//! kept for ever; modules import each other by name alone, so they are asked again each time (`no-cache`) and answered
//! with 304 by their tag.
//!
//! What style and scripts hold for their readers alone (comments, indentation) stays at home.

use actix_web::web::Bytes;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// One static file.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Its bytes.
    pub bytes: Bytes,
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
    let file = Files::get(name)?;
    let of = file.metadata.sha256_hash();
    let mut ready = READY.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, asset)) = ready.get(name).filter(|(hash, _)| *hash == of) {
        return Some(asset.clone());
    }
    let bytes = match std::str::from_utf8(&file.data) {
        Ok(text) => small(content_type, text).map_or(file.data, |text| Cow::Owned(text.into_bytes())),
        Err(_) => file.data,
    };
    let asset = Asset {
        etag: format!("\"{}\"", digest(Sha256::new().chain_update(&bytes))),
        content_type,
        bytes: bytes.into_owned().into(),
    };
    ready.insert(name.to_owned(), (of, asset.clone()));
    Some(asset)
}

/// What was made small, with the hash of the file that it was made from: in a debug build the file may change.
static READY: Mutex<BTreeMap<String, ([u8; 32], Asset)>> = Mutex::new(BTreeMap::new());

/// A style or a script without comments and idle spaces; nothing for a picture, or for what is not understood.
fn small(content_type: &str, text: &str) -> Option<String> {
    match content_type.split_once(';')?.0 {
        "text/css" => minifier::css::minify(text).ok().map(|small| small.to_string()),
        _ => minifier::js::minify(text).ok().map(|small| small.to_string()),
    }
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

    /// Scripts that no page loads before a person asks for what they do, or a push says more than a page holds.
    const ON_DEMAND: [&str; 4] = ["keep.js", "lines.js", "same.js", "sameview.js"];

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
    fn what_is_served_has_lost_its_comments_and_nothing_else_that_means_something() {
        for name in Files::iter().filter(|name| !name.ends_with(".svg")) {
            let file = Files::get(&name).unwrap().data;
            let served = asset(&name).unwrap().bytes;
            assert!(served.len() < file.len(), "{name} is not understood, and served as it is");
            let words = |text: &[u8]| {
                let text = std::str::from_utf8(text).unwrap().to_owned();
                let text = text
                    .split('\n')
                    .map(|line| (line.to_owned() + " ").split("// ").next().unwrap().to_owned())
                    .collect::<Vec<_>>()
                    .join(" ");
                let (mut out, mut rest) = (String::new(), text.as_str());
                while let Some((before, behind)) = rest.split_once("/*") {
                    out += before;
                    rest = behind.split_once("*/").unwrap().1;
                }
                (out + rest).chars().filter(|c| !c.is_whitespace() && *c != ';').collect::<String>()
            };
            assert!(words(&served) == words(&file), "{name} lost more than that");
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
        assert!(on_demand <= 14 * 1024, "{on_demand} bytes of what comes when it is asked for");
    }
}
