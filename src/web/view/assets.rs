//! The static files: style, scripts, pictures; embedded in the binary, read from disk in debug builds.
//! It must never serve anything else. Called by the route `/static/NAME`, where a name may have folders.
//!
//! Two kinds of address, so that an upgrade never mixes old with new: style and pictures carry `?v=VERSION` and may be
//! kept forever; modules import each other by name alone, so they are asked again each time (`no-cache`) and answered
//! with 304 by their tag.
//!
//! What style and scripts hold for their readers alone (comments, indentation) stays at home.

use actix_web::http::header::EntityTag;
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
    /// Its strong entity tag: of SHA-256 of the bytes.
    pub etag: EntityTag,
}

/// Finds a static file by its name: `style.css`.
pub fn asset(name: &str) -> Option<Asset> {
    let content_type = match name.rsplit_once('.')?.1 {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    };
    // This keeps the debug build, which reads the disk, to the folder.
    if name.contains('\\') || name.split('/').any(|part| part.is_empty() || part.starts_with('.')) {
        return None;
    }
    let ring = ring(name);
    let file = Files::get(if ring.is_some() { RING } else { name })?;
    let of = file.metadata.sha256_hash();
    let mut ready = READY.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, asset)) = ready.get(name).filter(|(hash, _)| *hash == of) {
        return Some(asset.clone());
    }
    let made = std::str::from_utf8(&file.data).ok().and_then(|text| match ring {
        Some(percent) => Some(filled(text, percent)),
        None => small(content_type, text),
    });
    let bytes = match made {
        Some(text) => Cow::Owned(text.into_bytes()),
        None => file.data,
    };
    let asset = Asset {
        etag: EntityTag::new_strong(digest(Sha256::new().chain_update(&bytes))),
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

/// The icon of a push that runs, when it is all done.
const RING: &str = "favicon-run.svg";

/// How full, in percent, a name wants that icon: `favicon-run35.svg`, by 5 (design B4). One picture is all of them, since
/// the policy of the pages lets no script draw its own.
fn ring(name: &str) -> Option<u32> {
    let percent: u32 = name.strip_prefix("favicon-run")?.strip_suffix(".svg")?.parse().ok()?;
    // Only the plain form of the number: what is made small is kept by its name.
    (percent <= 100 && percent.is_multiple_of(5) && name == format!("favicon-run{percent}.svg")).then_some(percent)
}

/// That icon, so full; at the very beginning there is a little of it, so that it is not a mere circle.
fn filled(ring: &str, percent: u32) -> String {
    ring.replace("75.4 ", &format!("{:.1} ", f64::from(percent.max(4)) * 0.754))
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
    use super::super::templates::Templates;
    use super::*;

    /// Scripts that no page loads before a person asks for what they do, or a push says more than a page holds.
    const ON_DEMAND: [&str; 4] = ["log/lines.js", "log/copy.js", "same/same.js", "same/sameview.js"];

    #[test]
    fn only_static_files_are_served_each_with_its_type() {
        assert_eq!(asset("style.css").unwrap().content_type, "text/css; charset=utf-8");
        assert_eq!(asset("page/app.js").unwrap().content_type, "text/javascript; charset=utf-8");
        assert_eq!(asset("favicon.svg").unwrap().content_type, "image/svg+xml");
        for percent in (0..=100).step_by(5) {
            let ring = asset(&format!("favicon-run{percent}.svg")).unwrap();
            let (text, length) = (String::from_utf8_lossy(&ring.bytes).into_owned(), f64::from(percent.max(4)) * 0.754);
            assert!(text.contains(&format!("stroke-dasharray=\"{length:.1} 80\"")), "{percent}: {text}");
        }
        for name in [
            "favicon-run3.svg",
            "favicon-run105.svg",
            "favicon-run05.svg",
            "",
            "style",
            "../Cargo.toml",
            "../static/style.css",
            "page/../style.css",
            "page//app.js",
            "page",
            "nothing.css",
            "/etc/passwd",
        ] {
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
    fn no_template_lets_text_through_unescaped() {
        for name in Templates::iter() {
            let text = String::from_utf8(Templates::get(&name).unwrap().data.into_owned()).unwrap();
            let filters = text.split('|').skip(1).map(str::trim_start);
            assert!(filters.into_iter().all(|filter| !filter.starts_with("safe")), "{name} has `safe`");
            assert!(name.ends_with(".html"), "{name} is not escaped");
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
            // The budget is for style and scripts; the pictures are small and seldom asked for.
            if !name.ends_with(".svg") {
                let size = on_the_wire(&asset(&name).unwrap().bytes);
                *if ON_DEMAND.contains(&&*name) { &mut on_demand } else { &mut bytes } += size;
            }
        }
        assert!(bytes + on_demand <= 70_000, "{bytes} bytes and {on_demand} of what comes when it is asked for");
        assert!(on_demand <= 10_000, "{on_demand} bytes of what comes when it is asked for");
    }

    /// How many bytes it is as browsers get it, in gzip.
    fn on_the_wire(bytes: &[u8]) -> usize {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, bytes).unwrap();
        packed.finish().unwrap().len()
    }
}
