//! `docs/stack-file.md` beside the parser: the same keys in each table, defaults that change nothing when they are written down, and
//! limits that are taken at both ends and refused one further.

use super::page;
use pushbutton::stack::variables::BUILT_IN;
use pushbutton::stack::{Stack, keys, parse};
use std::collections::BTreeSet;

const PAGE: &str = "docs/stack-file.md";

/// The first thing between backticks.
fn code(cell: &str) -> &str {
    cell.split('`').nth(1).unwrap_or_else(|| panic!("no code in {cell:?}"))
}

#[test]
fn every_key_that_the_parser_knows_is_on_the_page_and_no_other() {
    for (of, known) in keys::keys() {
        let rows = page(PAGE).table(&format!("<!-- keys: {of} -->"));
        let shown: Vec<&str> = rows.iter().map(|row| code(&row[0])).collect();
        let (known, told): (BTreeSet<&str>, BTreeSet<&str>) =
            (known.iter().copied().collect(), shown.iter().copied().collect());
        assert_eq!(told, known, "the table of {of} in {PAGE} beside the parser");
        assert_eq!(shown.len(), told.len(), "{of}: no key has two rows");
        for row in &rows {
            assert_eq!(row.len(), 5, "key, type, default, limits, meaning: {row:?}");
            assert!(!row[1].is_empty() && !row[4].is_empty(), "{row:?}");
        }
    }
    let tables = page(PAGE).text.matches("<!-- keys: ").count();
    assert_eq!(tables, keys::keys().len(), "{PAGE} has a table for each");
}

#[test]
fn every_variable_is_on_the_page_with_its_name_in_scripts() {
    let rows = page(PAGE).table("<!-- variables -->");
    let shown: Vec<(&str, &str)> = rows.iter().map(|row| (code(&row[0]), code(&row[1]))).collect();
    let known: Vec<(String, String)> =
        BUILT_IN.iter().map(|(name, env)| (format!("{{{name}}}"), format!("${env}"))).collect();
    let known: Vec<(&str, &str)> = known.iter().map(|(name, env)| (name.as_str(), env.as_str())).collect();
    assert_eq!(shown, known);
}

/// Whole files in which `•` is where a key of a table can stand; the first that takes it is used. `known` are its other keys.
fn places(of: &str) -> Vec<String> {
    let file = |top: &str, hosts: &str, command: &str| {
        format!(
            "{top}\n[hosts]\nall = {hosts}\n[[stage]]\nname = \"qa\"\nhosts = \"all\"\ncommands = [{{ release = \"/srv/web\" }}, {command}]\n"
        )
    };
    const SOURCE: &str = "source = { git = \"https://git.example.com/web.git\", branch = \"main\" }";
    const HOSTS: &str = "[\"a\", \"b\", \"c\"]";
    let of_source = |source: &str| file(&format!("source = {{ {source}• }}"), HOSTS, "\"true\"");
    let of_command = |command: &str| file(SOURCE, HOSTS, &format!("{{ {command}• }}"));
    match of {
        "a stack file" => vec![file(&format!("{SOURCE}\n•"), HOSTS, "\"true\"")],
        "a stage" => [
            format!("{}•\n", file(SOURCE, HOSTS, "\"true\"")),
            format!(
                "{}on_failure = \"drop\"\ndrop = [\"./out {{host}}\"]\n•\n",
                file(SOURCE, HOSTS, "{ run = \"true\" }")
            ),
            format!("{}approval = 1\n•\n", file(SOURCE, HOSTS, "\"true\"")),
            format!(
                "{}[[stage]]\nname = \"prod\"\nhosts = \"all\"\ncommands = [\"true\"]\nauto = true\n•\n",
                file(SOURCE, HOSTS, "\"true\"")
            ),
        ]
        .to_vec(),
        "a command" => [
            "run = \"true\", ",
            "rsync = \"a/\", to = \"/srv/a/\", ",
            "release = \"/srv/a\", ",
            "check = \"http://{host}/\", ",
        ]
        .map(of_command)
        .to_vec(),
        "`check`" => vec![file(SOURCE, HOSTS, "{ check = { • } }")],
        "`confirm`" => {
            vec![file(SOURCE, HOSTS, "{ run = \"true\", chunk = [1, 2], confirm = { ask = \"Fine?\", • } }")]
        }
        "`watch`" => ["max = 1, ", "min = 1, "]
            .map(|bound| {
                let of = "watch = { url = \"http://p.example.com\", query = \"up\", ";
                file(SOURCE, HOSTS, &format!("{{ run = \"true\", chunk = [1, 2], {of}{bound}• }} }}"))
            })
            .to_vec(),
        "a graph" => vec![file(&format!("{SOURCE}\ngraphs = [{{ title = \"Load\", • }}]"), HOSTS, "\"true\"")],
        "a host group" => vec![file(SOURCE, "{ command = \"./inventory\", • }", "{ run = \"true\" }")],
        "`source`" => [
            "git = \"https://git.example.com/web.git\", branch = \"main\", ",
            "git = \"https://git.example.com/web.git\", branch = \"main\", token_file = \"/etc/t\", ",
        ]
        .map(of_source)
        .to_vec(),
        "`relay`" => vec![file(&format!("{SOURCE}\nfan_out = \"relay\"\nrelay = {{ • }}"), HOSTS, "\"true\"")],
        "a secret" => Vec::new(),
        other => panic!("no place for a key of {other}"),
    }
}

/// What a file means; of a file that is refused, why. Its text is not part of it.
fn meaning(text: &str) -> Result<Stack, String> {
    match parse("web".parse().unwrap(), "web.toml", text) {
        Ok(stack) => Ok(Stack { text_hash: String::new(), ..stack }),
        Err(errors) => Err(errors.iter().map(ToString::to_string).collect()),
    }
}

/// Where a value of a key is taken, with the file without it.
fn taken(of: &str, key: &str, value: &str) -> Option<(Stack, Stack)> {
    places(of).iter().find_map(|place| {
        let with = meaning(&place.replace('•', &format!("{key} = {value}"))).ok()?;
        let without = meaning(&place.replace(", •", "").replace("• ", "").replace('•', "")).unwrap();
        Some((with, without))
    })
}

#[test]
fn a_default_on_the_page_changes_nothing_when_it_is_written_down() {
    let mut tried = 0;
    for (of, _) in keys::keys() {
        for row in page(PAGE).table(&format!("<!-- keys: {of} -->")) {
            // A default that is one value, and not in words.
            let Some(value) = row[2].strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) else { continue };
            if value.contains('`') || value.contains("NAME") {
                continue;
            }
            let key = code(&row[0]);
            let (with, without) =
                taken(of, key, value).unwrap_or_else(|| panic!("{of}: {key} = {value} is taken nowhere"));
            assert_eq!(with, without, "{of}: {key} = {value} is not the default");
            tried += 1;
        }
    }
    assert!(tried >= 20, "{tried}");
}

/// One less, or one more, in the number that a value holds: `"24h"` becomes `"25h"`.
fn moved(value: &str, by: i64) -> String {
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    value.replace(&digits, &(digits.parse::<i64>().unwrap() + by).to_string())
}

#[test]
fn the_limits_on_the_page_are_taken_at_both_ends_and_refused_beyond() {
    let mut tried = 0;
    for (of, _) in keys::keys() {
        for row in page(PAGE).table(&format!("<!-- keys: {of} -->")) {
            let key = code(&row[0]);
            let values: Vec<&str> = row[3].split('`').collect();
            // `1` to `1000`: what stands between the two code spans says that they are ends.
            for ends in values.windows(3).filter(|three| three[1] == " to ") {
                let (least, most) = (ends[0], ends[2]);
                for value in [least, most] {
                    assert!(taken(of, key, value).is_some(), "{of}: {key} = {value} is refused");
                }
                for value in [moved(least, -1), moved(most, 1)] {
                    assert!(taken(of, key, &value).is_none(), "{of}: {key} = {value} is taken");
                }
                tried += 1;
            }
            // "stop", "continue": words and nothing else.
            let words: Vec<&str> = values.iter().copied().skip(1).step_by(2).collect();
            let listed = row[3].starts_with("`\"")
                && values.iter().skip(2).step_by(2).all(|between| matches!(*between, ", " | ""));
            if listed && words.len() > 1 {
                for word in words {
                    let drop = word == "\"drop\"";
                    assert!(taken(of, key, word).is_some() || drop, "{of}: {key} = {word} is refused");
                }
                assert!(taken(of, key, "\"maybe\"").is_none(), "{of}: {key}");
                tried += 1;
            }
        }
    }
    assert!(tried >= 30, "{tried}");
}
