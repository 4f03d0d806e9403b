//! Sizes and numbers as people say them, and how much a source may hold. Pure. Used by all that speaks to people, and by what reads sources.

/// A number of bytes: `0 bytes`, `812 bytes`, `14.2 kB`, `3.0 MB`, `128 MB`; thousands, as networks and disks are sold.
pub fn bytes_words(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} byte{}", if bytes == 1 { "" } else { "s" });
    }
    let mut size = bytes as f64 / 1000.0;
    let mut unit = 0;
    // 999.5 kB would be written as 1000 kB.
    while size >= 999.5 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    match size < 99.95 {
        true => format!("{size:.1} {}", UNITS[unit]),
        false => format!("{size:.0} {}", UNITS[unit]),
    }
}

/// So many of something: `1 host`, `24 hosts`, `3 pushes`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", ending(number == 1, noun))
}

/// What a noun ends in besides, where it is one of it or many: `s`, or `es` of pushes.
pub fn ending(one: bool, noun: &str) -> &'static str {
    match one {
        true => "",
        false if noun.ends_with("sh") => "es",
        false => "s",
    }
}

/// How much a source may hold: what one push reads, copies and keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Most {
    /// MiB of files.
    pub mib: u64,
    /// Paths.
    pub entries: usize,
}

impl Default for Most {
    fn default() -> Self {
        Self { mib: 10_240, entries: 200_000 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_something_is_not_many() {
        assert_eq!([0, 1, 2].map(|number| counted(number, "host")), ["0 hosts", "1 host", "2 hosts"]);
        assert_eq!([1, 3].map(|number| counted(number, "push")), ["1 push", "3 pushes"]);
    }

    #[test]
    fn sizes_read_as_people_say_them() {
        for (bytes, words) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (14_234, "14.2 kB"),
            (99_949, "99.9 kB"),
            (99_951, "100 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (128_000_000, "128 MB"),
            (u64::MAX, "18447 PB"),
        ] {
            assert_eq!(bytes_words(bytes), words, "{bytes}");
        }
    }
}
