//! A picture that another server draws: fetched by us, so that no page refers to another origin. It must never give a browser anything but a
//! picture of pixels, whatever the other server says that it is.

use crate::outbound::{self, Limits};
use hyper::Request;
use std::time::Duration;
use url::Url;

/// Of one picture.
const LIMITS: Limits = Limits { time: Duration::from_secs(10), bytes: 2 << 20 };

/// How files of pixels begin, and what they are.
const KINDS: [(&[u8], &str); 4] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "image/webp"),
];

/// A picture.
pub struct Picture {
    /// What it is, by its own bytes.
    pub kind: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

/// Fetches a picture.
///
/// # Errors
/// Why there is none.
pub async fn picture(url: &Url) -> Result<Picture, String> {
    let request = Request::get(url.as_str()).body(Vec::new()).map_err(|error| error.to_string())?;
    let answer = outbound::ask(url, request, LIMITS).await.map_err(|why| why.to_string())?;
    let server = url.origin().ascii_serialization();
    if !answer.status().is_success() {
        return Err(format!("{server} answered {} instead of a picture", answer.status()));
    }
    let bytes = answer.into_body();
    match kind_of(&bytes) {
        Some(kind) => Ok(Picture { kind, bytes }),
        None => Err(format!("{server} gave no PNG, JPEG, GIF or WebP")),
    }
}

fn kind_of(bytes: &[u8]) -> Option<&'static str> {
    let kind = KINDS.iter().find(|(begin, _)| bytes.starts_with(begin)).map(|(_, kind)| *kind)?;
    (kind != "image/webp" || bytes.get(8..12) == Some(b"WEBP")).then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::kind_of;

    #[test]
    fn only_pixels_are_a_picture() {
        assert_eq!(kind_of(b"\x89PNG\r\n\x1a\n..."), Some("image/png"));
        assert_eq!(kind_of(b"RIFF\x10\0\0\0WEBPVP8 "), Some("image/webp"));
        for other in [&b"<svg onload=alert(1)>"[..], b"RIFF\x10\0\0\0WAVE", b"", b"<html>"] {
            assert_eq!(kind_of(other), None, "{other:?}");
        }
    }
}
