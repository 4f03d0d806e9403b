//! `docs/cli.md` is made from the program: each subcommand with its arguments and options, as clap has them. `WRITE_DOCS=1` writes it:
//! `WRITE_DOCS=1 cargo nextest run -E 'test(/^docs::program/)'`.

use super::{page, root};
use clap::{Arg, Command};
use pushbutton::cli::push::follow::code_of;
use pushbutton::journal::Ended;
use std::fmt::Write;

const PAGE: &str = "docs/cli.md";
const BEGIN: &str = "<!-- commands -->\n";
const END: &str = "<!-- end: commands -->";

/// What stands in front of a person's own word.
fn usage(name: &str, command: &Command) -> String {
    let mut usage = format!("pushbutton {name}");
    if command.has_subcommands() && command.is_subcommand_required_set() {
        usage += " COMMAND";
    }
    for argument in command.get_positionals() {
        let word = shown(argument);
        usage += &if argument.is_required_set() { format!(" {word}") } else { format!(" [{word}]") };
    }
    for option in options(command).filter(|option| option.is_required_set()) {
        let _ = write!(usage, " {}", shown(option));
    }
    usage
}

/// An argument or an option as it is typed.
fn shown(argument: &Arg) -> String {
    let value = || {
        let names = argument.get_value_names().unwrap_or_default();
        names.first().map_or_else(|| argument.get_id().to_string().to_uppercase(), ToString::to_string)
    };
    let many = argument.get_num_args().is_some_and(|number| number.max_values() > 1);
    match argument.get_long() {
        Some(long) if argument.get_action().takes_values() => format!("--{long} {}", value()),
        Some(long) => format!("--{long}"),
        None if many => format!("{}…", value()),
        None => value(),
    }
}

fn options(command: &Command) -> impl Iterator<Item = &Arg> {
    let everywhere = ["help", "version", "config", "server", "token-file", "ca-file", "plain-http"];
    command
        .get_arguments()
        .filter(move |it| it.get_long().is_some_and(|long| !everywhere.contains(&long)) && !it.is_hide_set())
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn about(command: &Command) -> String {
    let words = command.get_about().unwrap_or_else(|| panic!("{} says what it does", command.get_name())).to_string();
    format!("{}.", words.trim_end_matches('.'))
}

fn described(argument: &Arg) -> String {
    let mut words = argument.get_help().unwrap_or_else(|| panic!("{} is described", argument.get_id())).to_string();
    let defaults: Vec<String> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    let said = defaults.first().filter(|value| !value.is_empty() && argument.get_action().takes_values());
    if let Some(value) = said {
        let _ = write!(words, " (default: `{value}`)");
    }
    words
}

/// A subcommand and those within it.
fn section(path: &str, command: &Command, out: &mut String) {
    let _ = write!(out, "### `{}`\n\n{}\n\n", usage(path, command), about(command));
    let rows: Vec<&Arg> = command.get_positionals().chain(options(command)).collect();
    if !rows.is_empty() {
        out.push_str("| | |\n|---|---|\n");
        for row in rows {
            let _ = writeln!(out, "| `{}` | {} |", cell(&shown(row)), cell(&described(row)));
        }
        out.push('\n');
    }
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help") {
        section(&format!("{path} {}", inner.get_name()), inner, out);
    }
}

fn commands() -> String {
    let mut program = pushbutton::cli::command();
    // So that what is global to a command is known to those within it.
    program.build();
    let mut out = String::from("\n");
    for command in program.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help") {
        section(command.get_name(), command, &mut out);
    }
    out
}

#[test]
fn every_end_of_a_push_has_its_exit_code_on_the_page() {
    let rows = page(PAGE).table("<!-- exit codes -->");
    for ended in Ended::ALL {
        let (code, word) = (code_of(ended).to_string(), format!("*{}*", ended.word()));
        assert!(rows.iter().any(|row| row[0] == code && row[1].contains(&word)), "{code} for {word}: {rows:?}");
    }
}

#[test]
fn every_subcommand_and_option_is_on_the_page() {
    let mut page = page(PAGE);
    let from = page.text.find(BEGIN).unwrap_or_else(|| panic!("{PAGE} has {BEGIN}")) + BEGIN.len();
    let to = page.text.find(END).unwrap_or_else(|| panic!("{PAGE} has {END}"));
    let wanted = commands();
    if std::env::var_os("WRITE_DOCS").is_some() {
        page.text.replace_range(from..to, &wanted);
        std::fs::write(root().join(PAGE), page.text).unwrap();
        return;
    }
    let there = &page.text[from..to];
    let first = there.lines().zip(wanted.lines()).find(|(there, wanted)| there != wanted);
    assert!(there == wanted, "{PAGE} is not what the program says (WRITE_DOCS=1 writes it): {first:?}");
}
