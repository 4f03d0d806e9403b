//! Finds what the guard says between what its command says. Only lines with this guard's nonce are believed; each is
//! printed behind a line end of its own, and exactly that is taken away with it.

/// What a guard says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// The script has ended with this code; all of this stream is in.
    Exit(i32),
    /// Nothing ran, and why.
    No(String),
    /// All is over, but so many processes would not die.
    Left(u32),
}

/// Looks for marks in one stream.
#[derive(Debug)]
pub(super) struct Marks {
    exit: Vec<u8>,
    no: Vec<u8>,
    left: Vec<u8>,
    /// What may be the beginning of a mark; it begins with a line end.
    held: Vec<u8>,
}

/// A piece of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The command's own bytes.
    pub(super) text: Vec<u8>,
    /// The mark behind them; nothing after it counts.
    pub(super) mark: Option<Mark>,
    /// Whether a line end, or a mark, is known to come next.
    pub(super) line_end_follows: bool,
}

/// The longest reason or number behind a nonce, in bytes; a longer line is the command's own. The guard cuts its reasons to 180
/// characters.
const LONGEST: usize = 800;

enum Look {
    Other,
    Perhaps,
    Found(Mark),
}

impl Marks {
    pub(super) fn new(nonce: &str) -> Self {
        let mark = |kind: &str| format!("\nguard-{kind} {nonce} ").into_bytes();
        Self { exit: mark("exit"), no: mark("no"), left: mark("left"), held: Vec::new() }
    }

    /// Takes bytes in.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Piece {
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(bytes);
        let line_ends = all.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
        for at in line_ends {
            match self.look(&all[at..]) {
                Look::Other => {}
                Look::Perhaps => {
                    self.held = all.split_off(at);
                    return Piece { text: all, mark: None, line_end_follows: true };
                }
                Look::Found(mark) => {
                    all.truncate(at);
                    return Piece { text: all, mark: Some(mark), line_end_follows: true };
                }
            }
        }
        Piece { text: all, mark: None, line_end_follows: false }
    }

    /// What was held back, when the stream has ended without a mark.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    fn look(&self, bytes: &[u8]) -> Look {
        for opening in [&self.exit, &self.no, &self.left] {
            if bytes.len() < opening.len() && opening.starts_with(bytes) {
                return Look::Perhaps;
            }
            let Some(rest) = bytes.strip_prefix(opening.as_slice()) else { continue };
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                return if rest.len() > LONGEST { Look::Other } else { Look::Perhaps };
            };
            let word = String::from_utf8_lossy(&rest[..end]);
            let mark = match opening {
                _ if end > LONGEST => None,
                _ if *opening == self.exit => word.parse().ok().map(Mark::Exit),
                _ if *opening == self.no => Some(Mark::No(word.into_owned())),
                _ => word.trim().parse().ok().map(Mark::Left),
            };
            return mark.map_or(Look::Other, Look::Found);
        }
        Look::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(pieces: &[&[u8]]) -> (Vec<u8>, Option<Mark>) {
        let mut marks = Marks::new("n0");
        let mut text = Vec::new();
        for piece in pieces {
            let piece = marks.push(piece);
            text.extend(piece.text);
            if piece.mark.is_some() {
                return (text, piece.mark);
            }
        }
        text.extend(marks.finish());
        (text, None)
    }

    #[test]
    fn a_mark_is_taken_away_with_its_own_line_end_and_no_more() {
        for (bytes, text, mark) in [
            ("abc\n\nguard-exit n0 7\n", "abc\n", Some(Mark::Exit(7))),
            ("abc\nguard-exit n0 255\nlater", "abc", Some(Mark::Exit(255))),
            ("\nguard-no n0 fence 12.1\n", "", Some(Mark::No("fence 12.1".to_owned()))),
            ("\nguard-left n0 3\n", "", Some(Mark::Left(3))),
            ("\nguard-exit other 0\n", "\nguard-exit other 0\n", None),
            ("guard-exit n0 0\n", "guard-exit n0 0\n", None),
            ("\nguard-exit n0 x\n", "\nguard-exit n0 x\n", None),
            ("\nguard-exit n0 0", "\nguard-exit n0 0", None),
        ] {
            assert_eq!(all(&[bytes.as_bytes()]), (text.as_bytes().to_vec(), mark), "{bytes:?}");
        }
    }

    #[test]
    fn a_held_line_end_is_told_so_that_its_line_is_shown_at_once() {
        let mut marks = Marks::new("n0");
        assert_eq!(marks.push(b"abc\n"), Piece { text: b"abc".to_vec(), mark: None, line_end_follows: true });
        assert_eq!(marks.push(b"d"), Piece { text: b"\nd".to_vec(), mark: None, line_end_follows: false });
    }

    proptest! {
        #[test]
        fn marks_are_found_however_the_bytes_are_cut(text in "[\nguard-exitn0 7]{0,60}", cuts in proptest::collection::vec(0usize..80, 0..8)) {
            let bytes = format!("{text}\nguard-exit n0 3\n").into_bytes();
            let mut places: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).chain([0, bytes.len()]).collect();
            places.sort_unstable();
            let pieces: Vec<&[u8]> = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(all(&pieces), all(&[&bytes]));
        }
    }
}
