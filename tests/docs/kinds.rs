//! What nobody is led to by a compiler who adds a source or a way to sign in: the pages that list them, and the packages of their programs.

use super::page;
use pushbutton::config::AuthMode;
use pushbutton::stack::SourceKind;

#[test]
fn every_kind_of_source_has_its_row_on_its_page() {
    let rows = page("docs/sources.md").table("<!-- sources -->");
    let shown: Vec<&str> = rows.iter().filter_map(|row| row[0].strip_prefix("`{ ")?.split(' ').next()).collect();
    assert_eq!(shown, SourceKind::ALL.map(SourceKind::word), "the table of docs/sources.md");
}

#[test]
fn every_way_to_sign_in_is_in_the_example_and_on_the_page_for_installing() {
    for place in ["config.example.toml", "docs/install.md"] {
        let text = page(place).text;
        for mode in AuthMode::ALL {
            let word = format!("\"{}\"", mode.word());
            assert!(text.contains(&word), "{place} does not say {word}");
        }
    }
}

/// The packages that a file says how to get.
fn packages(file: &str) -> Vec<String> {
    let text = page(file).text;
    let behind = text.split("\"apt install ").skip(1);
    behind.map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect()).collect()
}

#[test]
fn the_tests_have_every_program_that_a_source_or_a_command_starts() {
    let script = page("script/bootstrap").text;
    for (file, least) in [("src/stack/source/kind.rs", 3), ("src/stack/form/mod.rs", 1)] {
        let packages = packages(file);
        assert!(packages.len() >= least, "this test finds what it looks for in {file}: {packages:?}");
        for package in packages {
            assert!(script.contains(&format!("need {package} /")), "script/bootstrap does not need {package}");
        }
    }
}
