//! The picture that an app reads the secret from: a QR code, as the one path of an SVG in the page itself, so that neither another site nor
//! an address of ours ever has it. Pure.

use qrcode::{Color, EcLevel, QrCode};
use std::fmt::Write;

/// White around it, in squares: readers look for it.
const MARGIN: usize = 4;

/// A QR code, as the page draws it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its side with the margin, in squares.
    pub side: usize,
    /// The dark squares, a run of them at a time.
    pub path: String,
}

/// The picture of a text; none of one that is too long.
pub fn picture(text: &str) -> Option<Picture> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let (width, colors) = (code.width(), code.to_colors());
    let mut path = String::new();
    for (y, row) in colors.chunks(width).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run.first() == Some(&Color::Dark) {
                // A text takes whatever is written to it.
                let _ = write!(path, "M{} {}h{}v1h-{}z", x + MARGIN, y + MARGIN, run.len(), run.len());
            }
            x += run.len();
        }
    }
    Some(Picture { side: width + 2 * MARGIN, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_the_three_corners_that_readers_look_for() {
        let picture = picture("otpauth://totp/x?secret=AAAA").unwrap();
        let right = picture.side - MARGIN - 7;
        for corner in [
            format!("M{MARGIN} {MARGIN}h7v1h-7z"),
            format!("M{right} {MARGIN}h7v1h-7z"),
            format!("M{MARGIN} {right}h7v1h-7z"),
        ] {
            assert!(picture.path.contains(&corner), "{corner} in {}", picture.path);
        }
        assert!(picture.path.chars().all(|c| c.is_ascii_digit() || "Mhvz- ".contains(c)));
        assert_eq!(super::picture(&"x".repeat(10_000)), None);
    }
}
