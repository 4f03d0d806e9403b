use super::*;
use proptest::prelude::*;

#[test]
fn a_star_stands_for_letters_of_one_part_and_two_for_any() {
    for (pattern, names, others) in [
        ("main", &["main"][..], &["mainx", "xmain", "", "Main"][..]),
        ("release/*", &["release/1", "release/"], &["release", "release/1/2", "xrelease/1"]),
        ("release/**", &["release/1", "release/1/2"], &["release"]),
        ("*", &["main", ""], &["a/b"]),
        ("**", &["main", "a/b/c"], &[]),
        ("v*-rc*", &["v1-rc2", "v-rc"], &["v1rc2", "v1-r", "v1/-rc"]),
        ("**/hot", &["a/hot", "a/b/hot"], &["hot", "a/hots"]),
    ] {
        for (names, wanted) in [(names, true), (others, false)] {
            for name in names {
                assert_eq!(Refs::only(pattern).allow(name), wanted, "{pattern} and {name}");
            }
        }
    }
}

proptest! {
    #[test]
    fn a_name_without_stars_allows_itself_alone(a in "[a-z/]{0,8}", b in "[a-z/]{0,8}") {
        prop_assert_eq!(Refs::only(&a).allow(&b), a == b);
    }

    #[test]
    fn many_stars_do_not_take_long(stars in "[a*]{0,200}") {
        Refs::only(&stars).allow(&"a".repeat(200));
    }
}

const STAGE: &str = "[[stage]]\nname = \"qa\"\nhosts = [\"h\"]\ncommands = [\"true\"]\n";

fn parsed(top: &str, stage: &str) -> Result<crate::stack::Stack, String> {
    let text = format!("{top}\n{STAGE}{stage}");
    let stack = crate::stack::parse("web".parse().unwrap(), "stacks/web.toml", &text);
    stack.map_err(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[test]
fn a_stack_has_one_source_and_says_what_does_not_fit_it() {
    for (top, source) in [
        (
            "source = { svn = \"svn://h/web/trunk\", insecure = true }",
            Source::Svn { url: "svn://h/web/trunk".to_owned(), login: None },
        ),
        (
            "source = { svn = \"https://h/web/trunk\", user = \"ci\", token_file = \"/etc/t\" }",
            Source::Svn {
                url: "https://h/web/trunk".to_owned(),
                login: Some(SourceLogin::Token { user: "ci".to_owned(), token_file: "/etc/t".to_owned() }),
            },
        ),
        (
            "source = { svn = \"svn+ssh://ci@h/web/trunk\", key_file = \"/etc/k\" }",
            Source::Svn {
                url: "svn+ssh://ci@h/web/trunk".to_owned(),
                login: Some(SourceLogin::Key { key_file: "/etc/k".to_owned() }),
            },
        ),
        ("source = { dir = \"/srv/a/\" }", Source::Dir { path: "/srv/a".to_owned() }),
        ("source = { published = true }", Source::Published),
    ] {
        assert_eq!(parsed(top, "").unwrap().source, source, "{top}");
    }
    for (top, words) in [
        ("source = { svn = \"svn://h/x\", dir = \"/x\" }", "a stack has one source"),
        ("source = { svn = \"svn://127.0.0.1/x\" }", "insecure = true"),
        ("source = { git = \"git://localhost/x\", branch = \"main\" }", "insecure = true"),
        ("source = { git = \"HTTP://h/x\", branch = \"main\" }", "insecure = true"),
        ("source = { git = \"http://h/x\", branch = \"main\", insecure = false }", "insecure = true"),
        ("source = { git = \"https://ghp_s3cret@h/x\", branch = \"main\" }", "token_file"),
        ("source = { git = \"https://me:s3cret@h/x\", branch = \"main\" }", "token_file"),
        ("source = { svn = \"https://me@h/x\" }", "token_file"),
        ("source = { git = \"ssh://git@h/x\", branch = \"main\", token_file = \"/t\" }", "takes no password"),
        ("source = { git = \"git@h:x\", branch = \"main\", token_file = \"/t\" }", "takes no password"),
        ("source = { git = \"https://h/x\", branch = \"main\", token_file = \"t\" }", "token_file"),
        ("source = { git = \"https://h/x\", branch = \"main\", user = \"me\" }", "has no effect without a token"),
        ("source = { git = \"https://h/x\", branch = \"main\", user = \"a:b\", token_file = \"/t\" }", "user"),
        ("source = { dir = \"/x\", token_file = \"/t\" }", "`dir` has no `token_file`"),
        ("source = { dir = \"/x\", key_file = \"/k\" }", "`dir` has no `key_file`"),
        ("source = { git = \"https://h/x\", branch = \"main\", key_file = \"/k\" }", "belongs to an address of ssh"),
        ("source = { git = \"/srv/x\", branch = \"main\", key_file = \"/k\" }", "belongs to an address of ssh"),
        ("source = { svn = \"https://h/x\", key_file = \"/k\" }", "belongs to an address of ssh"),
        ("source = { git = \"git@h:x\", branch = \"main\", key_file = \"k\" }", "key_file"),
        ("source = { git = \"git@h:x\", branch = \"main\", key_file = \"/k -o ProxyCommand=x\" }", "key_file"),
        ("source = { git = \"git@h:x\", branch = \"main\", key_file = \"/k;x\" }", "key_file"),
        ("source = { git = \"git@h:x\", branch = \"main\", key_file = \"/k/%h\" }", "key_file"),
        (
            "source = { git = \"git@h:x\", branch = \"main\", key_file = \"/k\", user = \"me\" }",
            "belongs to `token_file`",
        ),
        ("source = { git = \"git@h:x\", branch = \"main\", key_file = \"/k\", token_file = \"/t\" }", "both set"),
        ("source = { published = true, insecure = true }", "`published` has no `insecure`"),
        ("source = { dir = \"/x\", branch = \"main\" }", "`dir` has no `branch`"),
        ("source = { dir = \"/x\", lfs = true }", "`dir` has no `lfs`"),
        ("source = { published = true, submodules = true }", "`published` has no `submodules`"),
        ("source = { dir = \"/x\", shrink = \"half\" }", "shrink `half` is not allowed"),
        ("source = { git = \"/x\", branch = \"main\", lfs = \"yes\" }", "must be true or false"),
        ("source = { git = \"/x\" }", "has no `branch`"),
        ("source = { branch = \"main\" }", "has no `git`"),
        ("source = { published = false }", "`published` can only be true"),
        ("source = { published = true }\nbuild = [\"make\"]", "`build` makes a build"),
        ("source = { published = true }\nship = \"dist\"", "`ship` makes a build"),
        ("source = { dir = \"srv\" }", "srv"),
        ("source = { svn = \"svn://h/x\", insecure = true }\nrefs = [\"main\"]", "`refs` needs branches"),
        ("source = { published = true }\nrefs = []", "allows no branch"),
        ("source = { published = true }\nrefs = [\"a b\"]", "not the name of a branch"),
        ("source = { git = \"/x\", branch = \"main\" }\nrefs = [\"release/*\"]", "never the branch `main`"),
    ] {
        let found = parsed(top, "").unwrap_err();
        assert!(found.contains(words), "{top}: {found}");
    }
}

#[test]
fn a_stage_pushes_its_own_branches_or_those_of_the_stack() {
    let git = "source = { git = \"/x\", branch = \"main\" }";
    let stack = parsed(git, "").unwrap();
    assert!(stack.allows(0, "main") && !stack.allows(0, "topic"));
    let stack = parsed(&format!("{git}\nrefs = [\"main\", \"release/*\"]"), "").unwrap();
    assert!(stack.allows(0, "release/1") && !stack.allows(0, "topic"));
    let stack = parsed(&format!("{git}\nrefs = [\"release/*\"]"), "refs = [\"main\"]").unwrap();
    assert!(stack.allows(0, "main") && !stack.allows(0, "release/1"));
    let stack = parsed("source = { published = true }", "").unwrap();
    assert!(stack.allows(0, "") && stack.allows(0, "any"));
}

#[test]
fn a_source_says_what_its_revisions_stand_on() {
    let svn = |url: &str| Source::Svn { url: url.to_owned(), login: None };
    for (source, branch) in [
        (svn("https://svn.example.com/web/trunk"), "trunk"),
        (svn("https://svn.example.com/web/trunk/"), "trunk"),
        (Source::Dir { path: "/srv/artifacts/web".to_owned() }, "web"),
        (
            Source::Git {
                url: "/srv/git".to_owned(),
                branch: "main".to_owned(),
                submodules: false,
                lfs: false,
                login: None,
            },
            "main",
        ),
    ] {
        assert_eq!(source.branch(), branch);
    }
}
