//! The words of a shell: values in quotes, documents that end where they must, hosts as the script's functions take them. It must never
//! let a value out of its quotes. Called by the script of a plan.

pub(super) use crate::stack::quoted;
use crate::stack::{Host, Script};

/// A script as the shell takes it from its input: read whole before it begins, and without that input.
pub(super) fn block(script: &Script) -> String {
    format!("{{\n{}\n}} </dev/null\n", script.text)
}

/// A here-document that nothing is expanded in.
pub(super) fn document(text: &str) -> String {
    let mut words = ('A'..='Z').flat_map(|first| ["", "_", "__"].map(|more| format!("{first}_END{more}")));
    let end = words.find(|end| !text.lines().any(|line| looks_like(line, end))).unwrap_or_else(|| {
        let longest = text.lines().map(str::len).max().unwrap_or(0);
        format!("END{}", "_".repeat(longest))
    });
    format!("<<'{end}'\n{text}{end}\n")
}

/// Whether a shell may take a line for the end of a document. dash, which compares them byte by byte, also loses a byte of a
/// line that begins like the end and goes on with a letter beyond ASCII.
fn looks_like(line: &str, end: &str) -> bool {
    let same = line.bytes().zip(end.bytes()).take_while(|(one, other)| one == other).count();
    line == end || (same > 0 && line.as_bytes().get(same).is_some_and(|byte| !byte.is_ascii()))
}

/// A host as the script's functions take it.
pub(super) fn place(host: &Host) -> String {
    let user = host.user().map(|user| format!("{user}@")).unwrap_or_default();
    let port = host.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{user}{}{port}", host.bracketed())
}

/// The same as a word of a list.
pub(super) fn by_hand(host: &Host) -> String {
    let place = place(host);
    if place.contains(['[', '\\', '%']) { quoted(&place) } else { place }
}
