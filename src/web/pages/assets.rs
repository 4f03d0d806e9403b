//! The static files: style, scripts, pictures; embedded in the binary, read from disk in debug builds.
//! It must never serve anything else. Called by the route `/static/NAME`.

/// One static file.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Its bytes.
    pub bytes: std::borrow::Cow<'static, [u8]>,
    /// Its type, with the character set.
    pub content_type: &'static str,
    /// Its strong entity tag, quotes included: SHA-256 of the bytes.
    pub etag: String,
}

/// Finds a static file by its name: `style.css`.
pub fn asset(_name: &str) -> Option<Asset> {
    todo!()
}
