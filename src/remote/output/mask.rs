//! Covers secrets in a stream of bytes, before anything else looks at it. It must never let part of a secret out because
//! the bytes were cut inside it: what may be the beginning of one is held back.

use crate::address::encoded;
use aho_corasick::{AhoCorasick, Anchored, Input, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Shorter secrets are not covered: they would cover ordinary words (TRUST section 3).
const SHORTEST: usize = 6;

const COVER: &[u8] = b"***";

/// All the forms in which secrets may show up: as they are, line by line, quoted, percent-encoded, in base64.
#[derive(Debug, Default)]
pub struct Mask {
    /// None when there is nothing to cover.
    finder: Option<AhoCorasick>,
    forms: Vec<Vec<u8>>,
}

impl Mask {
    /// A mask for these secrets. Those under six bytes are left out; the caller warns of them.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut forms = BTreeSet::new();
        for secret in secrets {
            add_forms(secret, &mut forms);
            secret.split(['\n', '\r']).for_each(|line| add_forms(line, &mut forms));
        }
        let forms: Vec<Vec<u8>> = forms.into_iter().collect();
        let finder = (!forms.is_empty()).then(|| {
            let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&forms);
            built.expect("some secrets have fewer than the 2^31 bytes that an automaton takes")
        });
        Self { finder, forms }
    }

    /// Where the bytes that may still become a secret begin; their length when there are none.
    fn undecided(&self, bytes: &[u8]) -> usize {
        let longest = self.forms.iter().map(Vec::len).max().unwrap_or(0);
        let from = bytes.len().saturating_sub(longest.saturating_sub(1));
        let may_begin =
            |at: &usize| self.forms.iter().any(|f| f.len() > bytes.len() - at && f.starts_with(&bytes[*at..]));
        (from..bytes.len()).find(may_begin).unwrap_or(bytes.len())
    }
}

fn add_forms(secret: &str, forms: &mut BTreeSet<Vec<u8>>) {
    if secret.len() < SHORTEST {
        return;
    }
    // No form may hold a line end: what was held back is let go there. The lines of a secret come one by one as well.
    if !secret.contains(['\n', '\r']) {
        forms.insert(secret.as_bytes().to_vec());
        forms.insert(secret.replace('\'', "'\\''").into_bytes());
    }
    forms.extend(encodings(secret).map(String::into_bytes));
    for before in 0..3 {
        // Only the digits that do not depend on what stands before and behind the secret.
        let mut padded = vec![0; before];
        padded.extend_from_slice(secret.as_bytes());
        let first = (before * 8).div_ceil(6);
        let last = padded.len() * 8 / 6;
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let digits = engine.encode(&padded).into_bytes();
            forms.insert(digits[first..last.min(digits.len())].to_vec());
        }
    }
}

/// What programs make of a text that they quote or encode: addresses, hexadecimal digits, JSON, HTML, shells.
fn encodings(secret: &str) -> impl Iterator<Item = String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let all_percent: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let percent = encoded(secret);
    let json = serde_json::Value::from(secret).to_string();
    let json = json.trim_start_matches('"').strip_suffix('"').unwrap_or_default().to_owned();
    let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let shell = |plain: &str| {
        let is_plain = |c: char| c.is_alphanumeric() || plain.contains(c) || !c.is_ascii();
        secret.chars().flat_map(|c| (!is_plain(c)).then_some('\\').into_iter().chain([c])).collect::<String>()
    };
    let lower = |text: &str| {
        let mut digits = 0;
        let lower = text.chars().map(|c| {
            digits = if c == '%' { 2 } else { digits - i32::from(digits > 0) };
            if digits > 0 { c.to_ascii_lowercase() } else { c }
        });
        lower.collect::<String>()
    };
    let forms = [
        lower(&percent),
        percent.replace("%20", "+"),
        percent,
        all_percent.to_ascii_uppercase(),
        all_percent,
        hex.to_ascii_uppercase(),
        hex,
        json.clone(),
        json.replace('/', "\\/"),
        html.replace('\'', "&#39;"),
        html.replace('\'', "&#x27;"),
        html.replace('\'', "&apos;"),
        html,
        shell("_./:@%+=-~#"),
        shell("_./:@%+=-~#,"),
        // Within double quotes.
        secret.chars().flat_map(|c| "\\\"$`".contains(c).then_some('\\').into_iter().chain([c])).collect(),
    ];
    // No form may hold a line end: what was held back is let go there.
    forms.into_iter().filter(|form| !form.contains(['\n', '\r']))
}

/// A mask at work on one stream.
#[derive(Debug)]
pub(super) struct Masking {
    mask: Arc<Mask>,
    held: Vec<u8>,
}

impl Masking {
    pub(super) fn new(mask: Arc<Mask>) -> Self {
        Self { mask, held: Vec::new() }
    }

    /// Takes bytes in; returns those that are decided, secrets covered.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(bytes);
        let undecided = self.mask.undecided(&all);
        let (covered, rest) = self.cover(&all, undecided);
        self.held = all.split_off(rest);
        covered
    }

    /// What was held back, when it is known that it will not go on.
    pub(super) fn flush(&mut self) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        self.cover(&held, held.len()).0
    }

    /// Covers every secret that begins before `until`; also returns where it stopped.
    fn cover(&self, bytes: &[u8], until: usize) -> (Vec<u8>, usize) {
        let mut covered = Vec::with_capacity(bytes.len());
        let mut at = 0;
        let finder = self.mask.finder.as_ref();
        let next = |at: usize| finder.and_then(|f| f.find(Input::new(bytes).range(at..).anchored(Anchored::No)));
        while let Some(found) = next(at).filter(|found| found.start() < until) {
            covered.extend_from_slice(&bytes[at..found.start()]);
            covered.extend_from_slice(COVER);
            at = found.end();
        }
        let end = until.max(at);
        covered.extend_from_slice(&bytes[at..end]);
        (covered, end)
    }
}
