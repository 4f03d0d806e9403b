use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn manifest(text: &str) -> Manifest {
    Manifest::parse(&text.replace('|', "\t")).unwrap()
}

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

#[test]
fn a_tree_reads_as_the_text_that_the_page_of_the_module_shows() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("a")).unwrap();
    std::fs::write(dir.path().join("a/with space"), "x").unwrap();
    std::fs::write(dir.path().join("a.b"), "").unwrap();
    std::fs::write(dir.path().join(r"back\slash"), "").unwrap();
    std::fs::write(dir.path().join("REVISION"), "not in it").unwrap();
    std::os::unix::fs::symlink("a/with space", dir.path().join("link")).unwrap();
    for (path, mode) in [("a", 0o755), ("a/with space", 0o600), ("a.b", 0o644), (r"back\slash", 0o755)] {
        std::fs::set_permissions(dir.path().join(path), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let x = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    let read = Manifest::of_tree(dir.path()).unwrap();
    assert_eq!(
        read.to_text(),
        format!(
            "d\t755\t-\ta\n\
             f\t644\t{empty}\ta.b\n\
             f\t600\t{x}\ta/with space\n\
             f\t755\t{empty}\tback\\slash\n\
             l\t777\ta/with space\tlink\n"
        )
    );
    assert_eq!(Manifest::parse(&read.to_text()).unwrap(), read);
}

#[test]
fn the_root_of_an_empty_tree_is_the_hash_of_nothing() {
    let root = Manifest::default().root();
    assert_eq!(root.as_str(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(Manifest::parse("").unwrap(), Manifest::default());
}

#[test]
fn what_would_not_have_been_written_is_not_read() {
    for (text, line, why) in [
        ("d|755|-|a", 1, "line feed"),
        ("\n", 1, "four fields"),
        ("d|755|-\n", 1, "four fields"),
        ("d|755|-|a\nd|755|-|a\n", 2, "behind"),
        ("d|755|-|b\nd|755|-|a\n", 2, "behind"),
        ("d|0755|-|a\n", 1, "octal"),
        ("d|+75|-|a\n", 1, "octal"),
        ("d|77777|-|a\n", 1, "octal"),
        ("d||-|a\n", 1, "octal"),
        ("d|755|x|a\n", 1, "not -"),
        ("f|644|-|a\n", 1, "SHA-256"),
        ("l|644|x|a\n", 1, "777"),
        ("l|777||a\n", 1, "target"),
        ("p|644|-|a\n", 1, "type"),
        ("d|755|-|\n", 1, "path"),
        ("d|755|-|/a\n", 1, "path"),
        ("d|755|-|a/\n", 1, "path"),
        ("d|755|-|a//b\n", 1, "path"),
        ("d|755|-|./a\n", 1, "path"),
        ("d|755|-|a/../b\n", 1, "path"),
        ("d|755|-|a|b\n", 1, "path"),
        ("d|755|-|a\r\n", 1, "path"),
        ("d|755|-|REVISION\n", 1, "REVISION"),
    ] {
        let error = Manifest::parse(&text.replace('|', "\t")).unwrap_err();
        assert_eq!(error.line, line, "{text:?}");
        assert!(error.why.contains(why), "{text:?}: {error}");
    }
}

#[test]
fn differences_are_said_in_words() {
    let wanted = manifest(&format!(
        "d|755|-|assets\nf|644|{A}|assets/a.css\nf|755|{A}|bin/run\nf|644|{A}|index.html\nl|777|a|now\nf|644|{A}|same\nd|755|-|was\n"
    ));
    let found = manifest(&format!(
        "d|755|-|assets\nf|644|{A}|bin/run\nf|600|{B}|index.html\nl|777|b|now\nf|644|{A}|same\nf|644|{A}|was\nf|644|{A}|x\n"
    ));
    assert_eq!(
        wanted.differences(&found),
        [
            "missing assets/a.css",
            "mode of bin/run is 644 instead of 755",
            "changed index.html",
            "mode of index.html is 600 instead of 644",
            "link now points to b instead of a",
            "was is a file instead of a directory",
            "extra x",
        ]
    );
    assert!(wanted.differences(&wanted).is_empty());
}

/// Any manifest: paths of one to three odd names, every kind of content.
fn any_manifest() -> impl Strategy<Value = Manifest> {
    let name = "[a-c .\\\\'\"$é-]{1,4}".prop_filter("a name", |name| name != "." && name != "..");
    let path = proptest::collection::vec(name, 1..4).prop_map(|names| names.join("/"));
    let content = prop_oneof![
        Just(Content::Directory),
        "[0-9a-f]{64}".prop_map(|sha256| Content::File { sha256 }),
        "[a-c ./-]{1,6}".prop_map(|target| Content::Link { target }),
    ];
    let entries = proptest::collection::btree_map(path, (content, 0..0o10000_u32), 0..12);
    entries.prop_map(|entries: BTreeMap<_, _>| {
        let entry = |(path, (content, mode))| {
            let mode = if matches!(content, Content::Link { .. }) { 0o777 } else { mode };
            Entry { path, mode, content }
        };
        Manifest::of_sorted(entries.into_iter().map(entry).collect())
    })
}

proptest! {
    #[test]
    fn a_manifest_is_read_back_as_it_was_written(manifest in any_manifest()) {
        prop_assert_eq!(Manifest::parse(&manifest.to_text()).unwrap(), manifest);
    }

    #[test]
    fn two_manifests_have_one_root_exactly_when_no_difference_is_said(a in any_manifest(), b in any_manifest()) {
        prop_assert_eq!(a.differences(&b).is_empty(), a.root() == b.root());
        prop_assert!(a.differences(&a).is_empty());
    }

    #[test]
    fn no_text_makes_the_parser_fall_over(text in "[dfl\t\n0-7a-c/.-]{0,80}") {
        if let Ok(manifest) = Manifest::parse(&text) {
            prop_assert_eq!(manifest.to_text(), text);
        }
    }
}
