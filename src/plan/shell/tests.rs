use super::forms::rsync;
use super::*;
use crate::process::Program;
use crate::stack::{Host, Rsync};
use proptest::prelude::*;
use std::time::Duration;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_quoted_value_is_the_same_value_to_every_shell(value in "([A-C_é]|[ -~é\n\t]){0,40}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
            let text = format!("export V={}\nprintf %s. \"$V\"", quoted(&value));
            let text = format!("eval \"$(cat {})\"", document(&format!("{text}\n")));
            let program = Program::new(shell[0]).args(&shell[1..]).args(["-c", &text]);
            let output = runtime.block_on(program.output(Duration::from_secs(20))).unwrap();
            prop_assert_eq!(String::from_utf8_lossy(&output.stdout).into_owned(), format!("{value}."));
        }
    }
}

#[tokio::test]
async fn a_secret_comes_to_the_other_shell_as_it_is_by_hand() {
    let value = "c4n'ary-\"$x `y` \\ \\n %s\nits second line";
    let text =
        format!("{}\neval \"$(secrets)\"\nprintf %s. \"$PUSH_SECRET_A\"", SECRETS.replace("NAMES", "PUSH_SECRET_A"));
    for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
        let program = Program::new(shell[0]).args(&shell[1..]).args(["-c", &text]).env("PUSH_SECRET_A", value);
        let output = program.output(Duration::from_secs(20)).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{value}."), "{shell:?}");
    }
}

#[tokio::test]
async fn a_jump_host_by_hand_is_what_ssh_must_read_whoever_signs_in_there() {
    let jump: Host = r"DOM\user@[fe80::1%eth0]:2222".parse().unwrap();
    let place = quoted(&place(&"DOM\\deploy@[::1]:2201".parse().unwrap()));
    let text = format!("case {place} in\n{}esac", way(&["'other'".to_owned(), place.clone()], &jump.jump_word()));
    for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
        let program = Program::new(shell[0]).args(&shell[1..]).args(["-c", &text]);
        let output = program.output(Duration::from_secs(20)).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "DOM\\\\user@[fe80::1%%eth0]:2222\n", "{shell:?}: {text}");
    }
}

#[test]
fn a_path_by_hand_is_one_word_and_a_value_that_leads_elsewhere_stops_the_script() {
    let what = |from: &str, to: &str| Rsync {
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        delete: true,
        exclude: vec![],
        options: vec![],
        compress: false,
    };
    let values = |branch: &str| {
        BTreeMap::from(
            [("PUSH_REF", branch), ("PUSH_SHA", "3f2c1ab")].map(|(name, value)| (name.to_owned(), value.to_owned())),
        )
    };
    for (what, branch, expected) in [
        (what("./", "/srv/a/"), "main", "  copy \"$1\" \"$build\"/'./' '/srv/a/' --delete-delay\n"),
        (
            what("{ref}/", "/srv/{sha}-x/"),
            "main",
            "  copy \"$1\" \"$build\"/'main/' '/srv/3f2c1ab-x/' --delete-delay\n",
        ),
        (
            what("./", "/srv/{host}/{sha}"),
            "main",
            "  parts \"$1\"; name=${host#\\[} name=${name%\\]}\n  copy \"$1\" \"$build\"/'./' '/srv/'\"$name\"'/3f2c1ab' --delete-delay\n",
        ),
    ] {
        assert_eq!(rsync(&what, &values(branch)), expected);
    }
    let stopped = rsync(&what("./", "/srv/{ref}/"), &values("it's/x"));
    assert!(
        stopped.starts_with("  echo '{ref} in the path /srv/{ref}/ is `it'\\''s/x`, and must")
            && stopped.ends_with(">&2; exit 1\n"),
        "{stopped}"
    );
}

#[test]
fn a_document_ends_only_at_its_end() {
    assert_eq!(document("a\nA_END\n"), "<<'A_END_'\na\nA_END\nA_END_\n");
    assert_eq!(document("Aé\nB_END\nB_é\n"), "<<'C_END'\nAé\nB_END\nB_é\nC_END\n");
    let every: String = ('A'..='Z').map(|letter| format!("{letter}é\n")).collect();
    assert!(document(&every).starts_with("<<'END___'\n"), "longer than any line");
}
