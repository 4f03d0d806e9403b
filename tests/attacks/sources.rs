//! Addresses of sources that are open, hold a secret, or run a program: refused by `check`, and nothing of them is shown.

use crate::cli::{Said, check_of};

async fn check(source: &str) -> Said {
    let stack = format!("source = {source}\n[[stage]]\nname = \"qa\"\nhosts = [\"web1\"]\ncommands = [\"true\"]\n");
    check_of(&stack).await
}

#[tokio::test]
async fn an_address_that_is_open_holds_a_secret_or_runs_a_program_is_refused_with_its_cure() {
    for (source, cure) in [
        ("{ git = \"git://h/web\", branch = \"main\" }", "insecure = true"),
        ("{ git = \"http://h/web\", branch = \"main\" }", "insecure = true"),
        ("{ git = \"Http://h/web\", branch = \"main\" }", "insecure = true"),
        ("{ svn = \"svn://h/web\" }", "insecure = true"),
        ("{ svn = \"http://h/web\" }", "insecure = true"),
        ("{ git = \"https://CANARY@h/web\", branch = \"main\" }", "token_file"),
        ("{ git = \"https://x:CANARY@h/web\", branch = \"main\" }", "token_file"),
        ("{ git = \"https://CANARY:x-oauth-basic@h/web\", branch = \"main\" }", "token_file"),
        ("{ git = \"ssh://git:CANARY@h/web\", branch = \"main\" }", "key"),
        ("{ svn = \"https://CANARY@h/web\" }", "token_file"),
        ("{ svn = \"svn+ssh://x:CANARY@h/web\" }", "key"),
        ("{ git = \"ext::sh -c touch% /tmp/pwned-by-git\", branch = \"main\" }", "git clone"),
        ("{ git = \"--upload-pack=touch /tmp/pwned-by-git\", branch = \"main\" }", "git clone"),
        ("{ svn = \"svn+touch://h/web\" }", "svn+ssh"),
        ("{ git = \"https://h/web\", branch = \"--upload-pack=x\" }", "branch"),
        ("{ git = \"https://h/web\", branch = \"main\", token = \"CANARY\" }", "unknown key"),
        ("{ git = \"https://h/web\", branch = \"main\", password = \"CANARY\" }", "unknown key"),
        (
            "{ git = \"https://h/web\", branch = \"main\", token_file = \"/none/CANARY-file\" }",
            "write the password into it",
        ),
        ("{ git = \"git@h:web\", branch = \"main\", key_file = \"/none/key\" }", "ssh-keygen -t ed25519"),
        ("{ git = \"git@h:web\", branch = \"main\", key_file = \"/etc/passwd\" }", "can be read by others"),
        ("{ git = \"git@h:web\", branch = \"main\", key_file = \"/k -oProxyCommand=x\" }", "letters, digits"),
        ("{ git = \"https://h/web\", branch = \"main\", key_file = \"/k\" }", "token_file"),
    ] {
        let said = check(source).await;
        assert_eq!(said.code, Some(1), "{source}: {}{}", said.out, said.err);
        assert!(said.err.contains(cure), "{source}: {}", said.err);
        let secret = said.err.contains("CANARY") && !source.contains("CANARY-file") && !source.contains("unknown");
        assert!(!secret || cure == "unknown key", "{source}: {}", said.err);
    }
    assert!(!std::path::Path::new("/tmp/pwned-by-git").exists());
}
