use super::*;
use crate::journal::{Event, Record, Stream};
use crate::time::At;
use proptest::prelude::*;

fn lines_of(bytes: &[u8]) -> Vec<String> {
    lines_in_pieces(&[bytes], &Arc::default())
}

fn lines_in_pieces(pieces: &[&[u8]], mask: &Arc<Mask>) -> Vec<String> {
    let mut cleaner = Cleaner::new(mask.clone());
    let mut lines: Vec<String> = pieces.iter().flat_map(|piece| cleaner.push(piece)).collect();
    lines.extend(cleaner.finish());
    lines
}

#[test]
fn bytes_become_lines() {
    let table: &[(&[u8], &[&str])] = &[
        (b"", &[]),
        (b"a", &["a"]),
        (b"a\n", &["a"]),
        (b"a\nb", &["a", "b"]),
        (b"a\r\nb\r\n", &["a", "b"]),
        (b"\n\na\n", &["", "", "a"]),
        (b"\r\n\r\n", &["", ""]),
        (b"10%\r20%\r100%\ndone\n", &["10%", "20%", "100%", "done"]),
        (b"\r10%\r20%\r\n", &["10%", "20%"]),
        (b"a\r\r\nb", &["a", "b"]),
        (b"a\tb\x00\x08\x7f\x0bc", &["a\tbc"]),
        (b"caf\xc3\xa9 \xff\xfe \xe2\x82", &["café \u{fffd}\u{fffd} \u{fffd}"]),
        (b"\xe2\x82\n\xac", &["\u{fffd}", "\u{fffd}"]),
        ("a\u{202e}b\u{200b}\u{feff}c".as_bytes(), &["a⟨U+202E⟩b⟨U+200B⟩⟨U+FEFF⟩c"]),
        ("one\u{2028}line\u{85}".as_bytes(), &["one⟨U+2028⟩line"]),
        ("✔\u{fe0f} done".as_bytes(), &["✔\u{fe0f} done"]),
        (b"<script>alert(1)</script>", &["<script>alert(1)</script>"]),
    ];
    for (bytes, lines) in table {
        assert_eq!(lines_of(bytes), *lines, "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn only_colours_pass_of_all_escapes() {
    let table = [
        ("\x1b[31mred\x1b[0m plain", "\x1b[31mred\x1b[0m plain"),
        ("\x1b[1;4;38;5;208mx", "\x1b[1;4;38;5;208mx\x1b[0m"),
        ("\x1b[38;2;1;2;3;48:2::4:5:6mx", "\x1b[38;2;1;2;3;48;2;4;5;6mx\x1b[0m"),
        ("\x1b[58;5;1;32mx\x1b[mb", "\x1b[32mx\x1b[0mb"),
        ("\x1b[8mhidden", "hidden"),
        ("\x1b[38;5;999mx", "x"),
        ("\x1b[2J\x1b[1;1Hx\x1b[K", "x"),
        ("\x1b[?25lx\x1b[>4;2mb", "xb"),
        ("\x1b]0;title\x07x\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\", "xlink"),
        ("\x1bPq#0\x1b\\x\x1b(Bb\x1b7c\x1b=", "xbc"),
        ("\u{9b}31mx\u{9d}title\u{9c}y", "\x1b[31mxy\x1b[0m"),
        ("\x1b[3\x001mx", "\x1b[31mx\x1b[0m"),
        ("\x1b[31\x18mx", "mx"),
        ("\x1b[31éx", "éx"),
        ("\x1b[1?31mx\x1b[32my", "x\x1b[32my\x1b[0m"),
        ("\x1b[31 mx\x1b[=31my", "xy"),
        (&format!("\x1b[{}31mx", "1;".repeat(40)), "x"),
        ("\u{9b}\u{9b}31mx\u{85}y", "\x1b[31mxy\x1b[0m"),
        ("\x1b\x1b[4mx\x1b[4:0my\x1b[99999mz", "\x1b[4mx\x1b[0myz"),
        ("a\x1b", "a"),
        ("\x1b[31m\x1b[0m", ""),
    ];
    for (text, line) in table {
        assert_eq!(lines_of(text.as_bytes()).concat(), line, "{text:?}");
    }
}

#[test]
fn a_colour_is_closed_at_the_end_of_a_line_and_opened_again_on_the_next_that_has_text() {
    assert_eq!(lines_of(b"\x1b[31ma\n\nb\x1b[39m\nc"), ["\x1b[31ma\x1b[0m", "", "\x1b[31mb\x1b[0m", "c"]);
}

#[test]
fn a_stray_string_opener_ends_at_the_line_and_hides_at_most_4096_characters() {
    assert_eq!(lines_of(b"\x1b]0;never ended\nseen"), ["", "seen"]);
    assert_eq!(lines_of(&[b"\x1bP".as_slice(), &[b'x'; 5000]].concat()), ["x".repeat(5000 - 4096)]);
}

#[test]
fn a_line_is_cut_at_16_kib_but_never_inside_a_character_a_chip_or_a_colour() {
    assert_eq!(lines_of(&[b'x'; LINE_LIMIT]).len(), 1);
    assert_eq!(lines_of(&[vec![b'x'; LINE_LIMIT], b"\n".to_vec()].concat()).len(), 1);
    assert_eq!(lines_of(&vec![b'x'; 1_000_000]).concat().len(), 1_000_000);
    let text = "\x1b[32mé\u{202e}\x1b[1m€".repeat(4000);
    let lines = lines_of(text.as_bytes());
    assert!(lines.len() > 1);
    for line in &lines {
        assert!(line.len() <= LINE_LIMIT && line.starts_with("\x1b[") && line.ends_with("\x1b[0m"), "{}", line.len());
        assert!(!line.contains(char::REPLACEMENT_CHARACTER) && line.matches('⟨').count() == line.matches('⟩').count());
    }
}

#[test]
fn a_line_is_shown_at_once_when_its_end_is_known_to_follow() {
    let mut cleaner = Cleaner::new(Arc::default());
    assert_eq!(cleaner.push(b"working"), [""; 0]);
    assert_eq!(cleaner.line_end_follows(), ["working"]);
    assert_eq!(cleaner.push(b"\nmore"), [""; 0]);
    assert_eq!(cleaner.finish(), ["more"]);
}

#[test]
fn a_secret_is_covered_in_all_its_forms() {
    let mask = Arc::new(Mask::new(["it's a s3cret+", "first line\nsecond line", "short"]));
    for (text, line) in [
        ("pw=it's a s3cret+;", "pw=***;"),
        ("echo 'it'\\''s a s3cret+'", "echo '***'"),
        ("?pw=it%27s%20a%20s3cret%2B&", "?pw=***&"),
        ("first line", "***"),
        ("second line", "***"),
        ("short", "short"),
        ("it's a s3cret", "it's a s3cret"),
    ] {
        assert_eq!(lines_in_pieces(&[text.as_bytes()], &mask), [line]);
    }
    for before in ["", "u", "us", "user:"] {
        let encoded = base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            format!("{before}it's a s3cret+ and so on"),
        );
        assert!(lines_in_pieces(&[encoded.as_bytes()], &mask)[0].contains("***"), "{before:?} {encoded}");
    }
}

#[test]
fn the_allowance_says_once_that_the_rest_is_missing() {
    let allowance = Allowance::new(2 * LINE_COST + 10);
    let verdicts: Vec<Verdict> = ["1234", "1234567", "", "x"].iter().map(|line| allowance.pay_for(line)).collect();
    assert_eq!(verdicts, [Verdict::Shown, Verdict::FirstDropped, Verdict::Dropped, Verdict::Dropped]);
}

#[test]
fn a_flood_of_empty_or_escaped_lines_takes_no_more_of_the_journal_than_one_of_long_ones() {
    for line in ["", "x", "\"\"\"\"", &"\\".repeat(4000), &"x".repeat(16_000)] {
        let (allowance, mut taken, mut shown) = (Allowance::new(1 << 20), 0, 0);
        let event = |n: u64| Record {
            n,
            at: At::from_millis(1_795_255_200_000),
            event: Event::Line {
                command: 12,
                host: Some("web041.example.com".to_owned()),
                stream: Stream::Out,
                line: n,
                text: line.to_owned(),
            },
        };
        while allowance.pay_for(line) == Verdict::Shown {
            shown += 1;
            taken += serde_json::to_string(&event(shown)).unwrap().len() + 1;
        }
        assert!((700_000..1_300_000).contains(&taken), "{shown} lines of {} bytes take {taken}", line.len());
    }
}

/// Bytes as hostile programs write them: escapes, line ends, parts of characters and of the secret.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<Vec<u8>>(),
        Just(b"secret".to_vec()),
        Just(b"secretsecrets".to_vec()),
        Just(b"sec".to_vec()),
        Just(b"\x1b[31;1m".to_vec()),
        Just(b"\x1b]8;;x".to_vec()),
        Just(b"\x1b[".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\n".to_vec()),
        Just("é\u{202e}€😀".as_bytes().to_vec()),
        Just(vec![b'x'; 6000]),
    ];
    proptest::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn the_lines_are_the_same_however_the_bytes_are_cut(bytes in hostile(), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let mask = Arc::new(Mask::new(["secret", "secretsecret", "cretxxxxxx"]));
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let pieces: Vec<&[u8]> = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(lines_in_pieces(&pieces, &mask), lines_in_pieces(&[&bytes], &mask));
    }

    #[test]
    fn no_control_byte_no_long_line_and_no_secret_gets_through(bytes in hostile()) {
        let mask = Arc::new(Mask::new(["secret"]));
        for line in lines_in_pieces(&[&bytes], &mask) {
            prop_assert!(line.len() <= LINE_LIMIT);
            let plain = line.split('\u{1b}').enumerate().map(|(n, part)| match n {
                0 => part,
                _ => part.split_once('m').expect("an escape is a colour").1,
            });
            for part in plain {
                prop_assert!(!part.chars().any(|c| (c.is_control() && c != '\t') || is_invisible(c)), "{:?}", line);
                prop_assert!(!part.contains("secret"));
            }
        }
    }
}
