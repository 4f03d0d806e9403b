use super::super::variables::Place;
use super::*;
use crate::stack::script::Piece;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn own() -> BTreeSet<String> {
    BTreeSet::from(["colour".to_owned()])
}

fn compiled(text: &str) -> Result<Script, Vec<Flaw>> {
    compile(text, Scope { place: Place::Stage, own: &own(), secrets: &BTreeSet::new(), vars: &BTreeMap::new() })
}

fn titles(text: &str) -> Vec<String> {
    match compiled(text) {
        Ok(script) => panic!("this must be refused: {text}\n{}", script.text),
        Err(flaws) => flaws.into_iter().map(|flaw| flaw.title).collect(),
    }
}

#[test]
fn a_variable_becomes_a_reference_and_the_rest_stays() {
    for (written, constant) in [
        ("echo {sha}", "echo \"$PUSH_SHA\""),
        ("echo a{sha}b", "echo a\"$PUSH_SHA\"b"),
        ("echo \"a {sha}b\"", "echo \"a ${PUSH_SHA}b\""),
        ("echo {push} at-{ref} {colour}", "echo \"$PUSH_ID\" at-\"$PUSH_REF\" \"$PUSH_VAR_COLOUR\""),
        (
            "echo \"$(git log heads/{ref} | grep \"{sha}\")\"",
            "echo \"$(git log heads/\"$PUSH_REF\" | grep \"${PUSH_SHA}\")\"",
        ),
        ("curl -fsS http://{host}/health", "curl -fsS http://\"$PUSH_HOST\"/health"),
        ("A={sha} B=\"{who}\" make x", "A=\"$PUSH_SHA\" B=\"${PUSH_WHO}\" make x"),
        ("echo '{{sha}}' {sha} '}}'", "echo '{sha}' \"$PUSH_SHA\" '}}'"),
        ("echo {{{sha}}}", "echo {\"$PUSH_SHA\"}"),
        ("echo 'it'{reason}", "echo 'it'\"$PUSH_REASON\""),
        ("2>{sha} cmd >log-{ref}", "2>\"$PUSH_SHA\" cmd >log-\"$PUSH_REF\""),
        (
            "case {stage} in qa) echo {sha};; *) false;; esac",
            "case \"$PUSH_STAGE\" in qa) echo \"$PUSH_SHA\";; *) false;; esac",
        ),
        (
            "x=$(case {stage} in qa) echo {sha};; esac); echo \"{sha}\"",
            "x=$(case \"$PUSH_STAGE\" in qa) echo \"$PUSH_SHA\";; esac); echo \"${PUSH_SHA}\"",
        ),
        ("for x in {sha} {push}; do echo $x; done", "for x in \"$PUSH_SHA\" \"$PUSH_ID\"; do echo $x; done"),
        ("f() { echo {sha}; }; f", "f() { echo \"$PUSH_SHA\"; }; f"),
        (
            "cat <<E; echo {sha}\nbody 'x\nE\necho by-{who}",
            "cat <<E; echo \"$PUSH_SHA\"\nbody 'x\nE\necho by-\"$PUSH_WHO\"",
        ),
        ("echo $((1+(2*3))) {sha}", "echo $((1+(2*3))) \"$PUSH_SHA\""),
        ("cat <<<{sha}", "cat <<<\"$PUSH_SHA\""),
        ("sh -c 'echo \"$1\"' sh ref={ref}", "sh -c 'echo \"$1\"' sh ref=\"$PUSH_REF\""),
        ("awk -v x={ref} '{ print x }' y", "awk -v x=\"$PUSH_REF\" '{ print x }' y"),
        ("sudo -u deploy ./note --by={who} {sha}", "sudo -u deploy ./note --by=\"$PUSH_WHO\" \"$PUSH_SHA\""),
        ("sed s/x/{sha}/ y; echo a{ref}", "sed s/x/\"$PUSH_SHA\"/ y; echo a\"$PUSH_REF\""),
        ("cp -r . x/. y/{ref}", "cp -r . x/. y/\"$PUSH_REF\""),
        ("ssh box echo {sha}", "ssh box echo \"$PUSH_SHA\""),
    ] {
        match compiled(written) {
            Ok(script) => assert_eq!(script.text, constant, "{written}"),
            Err(flaws) => panic!("{written} must be taken: {flaws:#?}"),
        }
    }
}

#[test]
fn braces_of_a_shell_stay_as_they_are() {
    for text in [
        "echo ${HOME} ${x:-y} ${x#*/}",
        "{ a; b; }",
        "cp x.{a,b} y",
        "echo {1..9}",
        "find . -exec rm {} +",
        "awk '{ print $1 }' x",
        "echo ${a:-${b}}",
        "echo \\{sha}",
        "echo \"\\{sha}\"",
        "# don't {nope}\necho 'x' # it's",
        "echo \"it's\" \"${x:-it's}\"",
        "x=`echo 'a\\`b'`",
        "git log '@{1}'",
        "a=$((x<<2))",
        "echo $'it\\'s'",
        "cat <<'E'\n${x \" ' `\nE",
        "cat <<-E\n\tx\n\tE\ntrue",
        "(cd x && ls)",
        "echo a#b'c'",
    ] {
        let script = compiled(text).unwrap_or_else(|flaws| panic!("{text} must be taken: {flaws:#?}"));
        assert_eq!(script.text, text);
        assert_eq!(script.show(&BTreeMap::new()), text);
    }
}

#[test]
fn variables_are_refused_where_a_shell_would_not_keep_them_a_word() {
    for (text, title) in [
        ("echo '{sha}'", "a variable cannot stand within single quotes"),
        ("echo $'{sha}'", "a variable cannot stand within $'…'"),
        ("echo `echo {sha}`", "a variable cannot stand within backticks"),
        ("cat <<E\n{sha}\nE", "a variable cannot stand within a here-document"),
        ("cat <<'E' | sh\nx\n{ref}\nE\ntrue", "a variable cannot stand within a here-document"),
        ("echo $(({push}+1))", "a variable cannot stand within $((…))"),
        ("echo ${x:-{sha}}", "a variable cannot stand within ${…}"),
        ("echo \"${x:-\"{sha}\"}\"", "a variable cannot stand within ${…}"),
        ("echo $(( $(echo {push}) ))", "a variable cannot stand within $((…))"),
        ("{sha}", "a variable cannot be (part of) a command's name"),
        ("true; {who} x", "a variable cannot be (part of) a command's name"),
        ("./{stage}.sh", "a variable cannot be (part of) a command's name"),
        ("\"./{stage}.sh\"", "a variable cannot be (part of) a command's name"),
        ("A=1 {sha}", "a variable cannot be (part of) a command's name"),
        ("if true; then {sha}; fi", "a variable cannot be (part of) a command's name"),
        ("{ {sha}; }", "a variable cannot be (part of) a command's name"),
        ("f() { {sha}; }", "a variable cannot be (part of) a command's name"),
        ("x=$({sha})", "a variable cannot be (part of) a command's name"),
        (">x {sha}", "a variable cannot be (part of) a command's name"),
        ("(true)\n{sha}", "a variable cannot be (part of) a command's name"),
        ("echo \"{ref}\"", "this variable may hold any text, so it cannot stand within double quotes"),
        ("sh -c \"x {colour}\"", "this variable may hold any text, so it cannot stand within double quotes"),
        ("eval echo {reason}", "`eval` reads its arguments as code, and this variable may hold any text"),
        ("ssh box echo {ref}", "`ssh` reads its arguments as code, and this variable may hold any text"),
        ("sudo sh -ec {ref}", "`sh` reads its arguments as code, and this variable may hold any text"),
        ("sed s/x/{ref}/ y", "`sed` reads its arguments as code, and this variable may hold any text"),
        ("awk {ref} y", "`awk` reads its arguments as code, and this variable may hold any text"),
        ("python3 -c {colour}", "`python3` reads its arguments as code, and this variable may hold any text"),
        ("trap {reason} EXIT", "`trap` reads its arguments as code, and this variable may hold any text"),
        (". {ref}", "`.` reads its arguments as code, and this variable may hold any text"),
        ("sudo {who}", "a variable cannot be (part of) a command's name"),
        ("exec ./{stage}", "a variable cannot be (part of) a command's name"),
        ("echo {shaa}", "unknown variable `{shaa}`"),
        ("echo {HOME}", "unknown variable `{HOME}`"),
        ("curl -w '%{http_code}' x", "unknown variable `{http_code}`"),
    ] {
        assert_eq!(titles(text), [title], "{text}");
    }
}

#[test]
fn what_people_write_begins_no_word_whatever_command_it_is_given_to() {
    let wrappers = [
        "ls",
        "echo",
        "setsid",
        "nice -n 5",
        "timeout 5",
        "env",
        "env -i",
        "stdbuf -o0",
        "chroot /x",
        "git tag",
        "xargs -n1",
        "flock /tmp/l",
        "sudo",
        "sudo -u deploy",
        "watch",
        "find . -exec",
        "parallel",
        "logger -t x --",
        "exec",
        "time",
        "ls >",
        "ls 2>>",
        "cat <",
        "cat <<<",
        "A=1 ls",
        "true && ls",
        "x=$(ls",
        "(ls",
        "case x in x) ls",
        "for x in",
        "ls ''",
        "ls \"\"",
        "ls -",
        "ls --",
        "ls '-'",
        "ls \"-",
        "ls $EMPTY",
        "ls ${EMPTY}",
        "ls \\\n",
        "[",
    ];
    let glued = ["ls ''", "ls \"\"", "ls -", "ls --", "ls '-'", "ls \"-", "ls $EMPTY", "ls ${EMPTY}", "ls \\\n"];
    for wrapper in wrappers {
        for name in ["reason", "who", "ref"] {
            let gap = if glued.contains(&wrapper) { "" } else { " " };
            let flaws = compiled(&format!("{wrapper}{gap}{{{name}}}")).expect_err(wrapper);
            let words = ["begin a word", "command's name", "within double quotes"];
            assert!(words.iter().any(|words| flaws[0].title.contains(words)), "{wrapper} {name}: {flaws:#?}");
        }
    }
    for text in [
        "ls --by={who}",
        "git tag v-{ref}",
        "logger 'push: '{reason}",
        "logger \"by {who}\"",
        "logger \"by \"{reason}",
        "case {ref} in x) ;; esac",
        "A={reason} ./note",
        "ls \\a{ref}",
        "curl https://x/{ref}",
        "ls {colour} {host} {build} {old_sha} {url}",
    ] {
        assert!(compiled(text).is_ok(), "{text}: {:#?}", compiled(text));
    }
}

#[test]
fn quotes_that_are_never_closed_are_found() {
    for (text, title) in [
        ("echo 'x", "single quotes are opened here and never closed"),
        ("echo \"x", "this double quote is never closed"),
        ("echo `x", "backticks are opened here and never closed"),
        ("echo $'x\\'", "$'…' are opened here and never closed"),
        ("echo $(x", "this `$(` is never closed"),
        ("echo \"$(x \"a\"", "this `$(` is never closed"),
        ("echo ${x", "this `${` is never closed"),
        ("echo $((1+(2))", "this `$((` is never closed"),
        ("(cd x", "this `(` is never closed"),
        ("cat <<E\nx", "this here-document has no end"),
        ("cat <<E", "this here-document has no end"),
        ("", "this command is empty"),
        (" \n\t", "this command is empty"),
        ("a\u{0}b", "the character \\u{0} cannot be in a command"),
        ("a\u{1b}[0m", "the character \\u{1b} cannot be in a command"),
    ] {
        assert_eq!(titles(text), [title], "{text:?}");
    }
}

#[test]
fn a_build_knows_no_host() {
    let scope = Scope { place: Place::Build, own: &own(), secrets: &BTreeSet::new(), vars: &BTreeMap::new() };
    let flaws = compile("echo {host} {sha}", scope).unwrap_err();
    assert_eq!(flaws.len(), 1);
    assert_eq!(flaws[0].title, "`{host}` cannot be used in `build`");
    assert_eq!(flaws[0].at, 5..11);
}

#[test]
fn a_reader_sees_the_values_in_place() {
    let script = compiled("echo \"{sha}\" {{x}} at-{ref}").unwrap();
    let values =
        BTreeMap::from([("PUSH_SHA".to_owned(), "3f2c1ab".to_owned()), ("PUSH_REF".to_owned(), "main".to_owned())]);
    assert_eq!(script.show(&values), "echo \"3f2c1ab\" {x} at-main");
    assert!(!script.names_host());
    assert!(compiled("curl {host}").unwrap().names_host());
}

/// Pieces of shell text, good and bad.
fn shell_text() -> impl Strategy<Value = String> {
    let pieces = proptest::sample::select(vec![
        "echo ",
        "{sha}",
        "{ref}",
        "{host}",
        "\"",
        "'",
        "`",
        "$(",
        ")",
        "(",
        "$((",
        "))",
        "${x:-",
        "}",
        "{",
        "{{",
        "}}",
        "\\",
        " ",
        "\n",
        ";",
        "#",
        "<<E\n",
        "E\n",
        "$'",
        "é",
        "x=",
        "case x in a)",
        "esac",
        "|",
        "<",
        ">",
        "eval ",
        "$",
    ]);
    proptest::collection::vec(pieces, 1..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn compiling_never_panics_and_keeps_its_places(text in shell_text()) {
        if let Err(flaws) = compiled(&text) {
            for flaw in flaws {
                prop_assert!(text.get(flaw.at).is_some());
            }
        }
    }

    #[test]
    fn any_text_is_taken_or_refused(text in "\\PC{0,80}") {
        let _ = compiled(&text);
    }

    #[test]
    fn a_value_never_changes_the_script(text in shell_text(), value in "\\PC{0,40}") {
        if let Ok(script) = compiled(&text) {
            let before = script.text.clone();
            let values = ["PUSH_SHA", "PUSH_REF", "PUSH_HOST"].map(|name| (name.to_owned(), value.clone()));
            let _ = script.show(&BTreeMap::from(values));
            prop_assert_eq!(&script.text, &before);
            // Every variable is a reference: as many as there are pieces, and each reads the environment.
            let variables = script.pieces.iter().filter(|piece| matches!(piece, Piece::Var(_))).count();
            let references = script.text.matches("\"$PUSH_").count() + script.text.matches("${PUSH_").count();
            prop_assert_eq!(variables, references);
        }
    }

    #[test]
    fn text_without_braces_is_never_changed(text in "[a-z $()\"'`;|&<>\\\\#\n]{1,60}") {
        if let Ok(script) = compiled(&text) {
            prop_assert_eq!(script.text, text);
        }
    }
}
