//! The colours of a line: the only escapes that pass. They are kept as what they mean and written anew, in one form.
//! Called by the cleaner.

use anstyle_parse::Params;
use std::fmt::Write as _;

/// What "select graphic rendition" (SGR) has set; the default is plain text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Colours {
    /// Bold, dim, italic, underline, blink, inverse, struck out: SGR 1 to 9 as bits. Never 8 (hidden): all is shown.
    marks: u16,
    front: Option<Colour>,
    back: Option<Colour>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Colour {
    /// Its own code: 30 to 37, 40 to 47, 90 to 97, 100 to 107.
    Named(u16),
    Indexed(u16),
    Exact(u16, u16, u16),
}

const RESET: &str = "\u{1b}[0m";

impl Colours {
    /// Does what the parameters of one SGR sequence say; what it does not know changes nothing.
    pub(super) fn apply(&mut self, parameters: &Params) {
        let mut fields = parameters.iter();
        while let Some(field) = fields.next() {
            match field {
                [target @ (38 | 48), inner @ ..] => {
                    let colour = if inner.is_empty() { extended(&mut fields) } else { colon_colour(inner) };
                    match target {
                        38 => self.front = colour.or(self.front),
                        _ => self.back = colour.or(self.back),
                    }
                }
                // An underline's own colour: not shown, but its arguments are no codes.
                [58] => _ = extended(&mut fields),
                [4, 0] => self.marks &= !(1 << 4),
                [code, ..] => self.set(*code),
                [] => {}
            }
        }
    }

    fn set(&mut self, code: u16) {
        match code {
            0 => *self = Self::default(),
            1..=5 | 7 | 9 => self.marks |= 1 << code,
            6 => self.marks |= 1 << 5,
            21 => self.marks |= 1 << 4,
            22 => self.marks &= !(1 << 1 | 1 << 2),
            23 | 24 | 25 | 27 | 29 => self.marks &= !(1 << (code - 20)),
            30..=37 | 90..=97 => self.front = Some(Colour::Named(code)),
            39 => self.front = None,
            40..=47 | 100..=107 => self.back = Some(Colour::Named(code)),
            49 => self.back = None,
            _ => {}
        }
    }

    /// What must be written between text of these colours and text of others.
    pub(super) fn change_to(&self, other: &Self) -> String {
        let plain = Self::default();
        if self == other {
            return String::new();
        }
        if *other == plain {
            return RESET.to_owned();
        }
        let mut codes = if *self == plain { String::new() } else { "0;".to_owned() };
        for code in (1..=9).filter(|code| other.marks & (1 << code) != 0) {
            let _ = write!(codes, "{code};");
        }
        for (colour, target) in [(other.front, 38), (other.back, 48)] {
            let _ = match colour {
                None => Ok(()),
                Some(Colour::Named(code)) => write!(codes, "{code};"),
                Some(Colour::Indexed(index)) => write!(codes, "{target};5;{index};"),
                Some(Colour::Exact(r, g, b)) => write!(codes, "{target};2;{r};{g};{b};"),
            };
        }
        format!("\u{1b}[{}m", codes.trim_end_matches(';'))
    }

    /// What must be written so that plain text may follow.
    pub(super) fn close(&self) -> &'static str {
        match *self == Self::default() {
            true => "",
            false => RESET,
        }
    }
}

fn extended<'a>(fields: &mut impl Iterator<Item = &'a [u16]>) -> Option<Colour> {
    let mut next = || fields.next()?.first().copied();
    match next()? {
        5 => indexed(next()?),
        2 => exact(next()?, next()?, next()?),
        _ => None,
    }
}

/// `5:N`, `2:R:G:B` or `2:SPACE:R:G:B`.
fn colon_colour(inner: &[u16]) -> Option<Colour> {
    match *inner {
        [5, index] => indexed(index),
        [2, r, g, b] | [2, _, r, g, b] => exact(r, g, b),
        _ => None,
    }
}

fn indexed(index: u16) -> Option<Colour> {
    (index <= 255).then_some(Colour::Indexed(index))
}

fn exact(r: u16, g: u16, b: u16) -> Option<Colour> {
    [r, g, b].iter().all(|part| *part <= 255).then_some(Colour::Exact(r, g, b))
}
