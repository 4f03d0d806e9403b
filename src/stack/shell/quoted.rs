//! A value as one word of a shell, where a text of ours must name it. It must never let a value out of its quotes. Called by whatever
//! writes a script for who pushes by hand; what a push itself runs holds no values.

/// One word of a shell, whatever it holds.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
