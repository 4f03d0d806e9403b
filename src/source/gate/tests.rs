use super::*;
use crate::source::build::judge;
use crate::source::tree::walk;
use std::fs;

const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";

/// Makes a checkout: a path that ends with `/` is a directory, any other a file.
fn passed(paths: &[(&str, &str)], ship: &str, gate: &Gate) -> Result<(), String> {
    let dir = tempfile::tempdir().unwrap();
    let checkout = dir.path().canonicalize().unwrap();
    for (path, text) in paths {
        let place = checkout.join(path);
        match path.ends_with('/') {
            true => fs::create_dir_all(place).unwrap(),
            false => {
                fs::create_dir_all(place.parent().unwrap()).unwrap();
                fs::write(place, text).unwrap();
            }
        }
    }
    let from = if ship.is_empty() { checkout.clone() } else { checkout.join(ship) };
    let items = walk(&from, judge).unwrap();
    gate.pass(&checkout, &from, &items).map_err(|error| error.to_string())
}

#[test]
fn what_is_no_content_is_refused_by_name_and_count_with_the_cure() {
    let legacy = POINTER.replace("git-lfs.github.com", "hawser.github.com");
    let modules =
        "[submodule \"x\"]\n\tpath = vendor/x\n\turl = ../x\n[submodule \"y\"]\n\tpath = \"dist/y y\"\n\turl = ../y\n";
    let many: Vec<(String, &str)> = (0..9).map(|n| (format!("img/{n}.png"), POINTER)).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    for (paths, ship, wanted) in [
        (&[("dist/", ""), ("src/a", "x")][..], "dist", "dist has no files"),
        (&[("a/b/", "")], "", "the build has no files"),
        (
            &[("a", "x"), ("img/b.png", POINTER)],
            "",
            "1 file is a Git LFS pointer instead of its content (img/b.png): set lfs = true",
        ),
        (&[("a", legacy.as_str())], "", "1 file is a Git LFS pointer"),
        (
            &many,
            "",
            "9 files are Git LFS pointers instead of their content (img/0.png, img/1.png, img/2.png, img/3.png, img/4.png and 4 more)",
        ),
        (
            &[("a", "x"), (".gitmodules", modules), ("vendor/x/", "")],
            "",
            "1 submodule is empty (vendor/x): set submodules = true",
        ),
        (&[(".gitmodules", modules), ("dist/y y/", ""), ("dist/a", "x")], "dist", "1 submodule is empty (y y)"),
        (&[("a", "x"), ("in/.gitmodules", modules), ("in/vendor/x/", "")], "", "1 submodule is empty (in/vendor/x)"),
        (&[("a", "x"), ("lib/known/", "")], "", "1 submodule is empty (lib/known)"),
        (
            &[("a", "x"), ("._a", "\0\u{5}"), ("css/._b", "x")],
            "",
            "2 files are what macOS keeps beside a file, not content (._a, css/._b): pack with",
        ),
    ] {
        let gate = Gate { submodules: vec!["lib/known".to_owned()], ..Gate::default() };
        let refused = passed(paths, ship, &gate).unwrap_err();
        assert!(refused.contains(wanted), "{wanted}: {refused}");
    }
}

#[test]
fn what_only_looks_like_it_passes() {
    let modules = "[submodule \"x\"]\n\tpath = vendor/x\n";
    for (paths, ship) in [
        (&[("a", "")][..], ""),
        (&[("doc", "A pointer begins with version https://git-lfs.github.com/spec/v1\n")], ""),
        (&[("doc", "version https://git-lfs.github.com/spec/v1\nis how one begins\n")], ""),
        (&[(".gitmodules", modules), ("vendor/x/a", "x")], ""),
        (&[(".gitmodules", modules), ("vendor/x/", ""), ("dist/a", "x")], "dist"),
        (&[("a", "x"), ("empty/", "")], ""),
        (&[("a._b", "x"), (".hidden", "x")], ""),
    ] {
        assert_eq!(passed(paths, ship, &Gate::default()), Ok(()), "{paths:?}");
    }
}

#[test]
fn far_fewer_files_than_before_are_asked_about_with_both_numbers() {
    let names: Vec<String> = (0..10).map(|n| n.to_string()).collect();
    let ten: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let gate = |files, shrink| Gate {
        before: Some(Before { build: "3f2c1ab-7".to_owned(), files, shrink }),
        ..Gate::default()
    };
    for (files, shrink, passes) in
        [(20, 50, true), (21, 50, false), (21, 60, true), (4000, 100, true), (11, 0, false), (5, 0, true)]
    {
        assert_eq!(passed(&ten, "", &gate(files, shrink)).is_ok(), passes, "{files} {shrink}");
    }
    assert_eq!(
        passed(&ten[..3], "", &gate(40, 50)).unwrap_err(),
        "it has 3 files, and build 3f2c1ab-7 before it has 40; if that is right, confirm it, or set shrink = \"93%\" in \
         `source` and remove it afterwards"
    );
    // What the words say lets it pass.
    assert!(passed(&ten[..3], "", &gate(40, 93)).is_ok());
}
