//! What may be asked of the lines of a push, for the API's document alone: `lines.rs` reads it key by key, since a host and a command may come
//! several times. It must never be read from anywhere else.

#![expect(dead_code, reason = "the document alone is made of these")]

use schemars::JsonSchema;

/// Which lines are meant.
#[derive(JsonSchema)]
struct Which {
    /// Of this host; `-` is the push host; may come several times.
    host: Option<String>,
    /// Of the command at this place of the plan; may come several times.
    command: Option<u32>,
    /// `yes`: errors alone.
    errors: Option<String>,
}

/// Of `lines`.
#[derive(JsonSchema)]
pub(super) struct LinesParameters {
    #[schemars(flatten)]
    which: Which,
    /// The first line.
    #[schemars(range(min = 1))]
    from: Option<u64>,
    /// The last line.
    #[schemars(range(min = 1))]
    to: Option<u64>,
    /// Lines in one answer, at most 1,000.
    #[schemars(range(min = 1))]
    most: Option<u64>,
    /// `text`: what they say, and nothing else.
    format: Option<String>,
}

/// Of `find`.
#[derive(JsonSchema)]
pub(super) struct FindParameters {
    #[schemars(flatten)]
    which: Which,
    /// The text to look for, case and colours apart.
    #[schemars(length(max = 200))]
    q: Option<String>,
    /// The line to begin with.
    #[schemars(range(min = 1))]
    from: Option<u64>,
}

/// Of `same`.
#[derive(JsonSchema)]
pub(super) struct SameParameters {
    #[schemars(flatten)]
    which: Which,
    /// The command to begin with.
    #[schemars(range(min = 1))]
    from: Option<u64>,
}
