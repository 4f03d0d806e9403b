//! What is linked in: deny.toml is the policy, and `cargo deny` looks at it in `script/test`, where it is to be had. These hold
//! what needs no other program.

use std::path::Path;

fn text(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

#[test]
fn every_crate_comes_from_the_registry_by_its_hash() {
    let lock: toml::Table = text("Cargo.lock").parse().unwrap();
    for package in lock["package"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        if name == "pushbutton" {
            continue;
        }
        let source = package["source"].as_str().unwrap_or("a path");
        assert_eq!(source, "registry+https://github.com/rust-lang/crates.io-index", "{name}");
        assert!(package.get("checksum").is_some(), "{name} has no hash");
    }
}

#[test]
fn every_line_of_the_policy_says_why_it_is_there() {
    let policy = text("deny.toml");
    let _: toml::Table = policy.parse().unwrap();
    let mut explained = false;
    for line in policy.lines().map(str::trim) {
        match line {
            "" => explained = false,
            line if line.starts_with('#') => explained = true,
            // What opens or closes says nothing itself; lines below one reason share it.
            line if line.starts_with('[') || line.starts_with(']') || line.ends_with('[') => {}
            line => assert!(explained || line.contains("reason ="), "deny.toml does not say why: {line}"),
        }
    }
}
