//! What a repository may try, and what comes of it.

use super::*;

#[tokio::test]
async fn hostile_subjects_and_authors_come_as_one_plain_line_each() {
    let world = World::new().await;
    world.commit("\u{1b}]0;title\u{7}\u{1b}[31mred\u{202e}gnp.exe\n\nbody").await;
    world.commit("<script>alert(1)</script>\ttab\rreturn").await;
    world.commit(&"x".repeat(100_000)).await;
    world.commit("").await;
    world
        .git(&[
            "-c",
            "user.name=M\u{202e}a\u{1b}ry",
            "-c",
            "i18n.commitEncoding=ISO-8859-1",
            "commit",
            "--quiet",
            "--allow-empty",
            "-m",
            "caf\u{e9}",
        ])
        .await;
    let head: Revision = world.git(&["rev-parse", "HEAD"]).await.trim().parse().unwrap();
    let root: Revision = world.git(&["rev-list", "--max-parents=0", "HEAD"]).await.trim().parse().unwrap();
    let mirror = world.mirror();
    mirror.fetch().await.unwrap();
    let (commits, count) = mirror.log(Some(&root), &head, 10).await.unwrap();
    assert_eq!((commits.len(), count), (4, 4));
    assert_eq!(commits[1].subject, "");
    assert_eq!(commits[2].subject, format!("{}…", "x".repeat(199)));
    assert_eq!(commits[3].subject, "<script>alert(1)</script> tab return");
    let (newest, _) = mirror.log(None, &root, 1).await.unwrap();
    assert_eq!(newest[0].subject, "]0;title [31mred⟨U+202E⟩gnp.exe");
    assert!(!commits.iter().any(|c| c.author.contains(|c: char| c.is_control() || c == '\u{202e}')), "{commits:?}");
}

#[tokio::test]
async fn evil_branch_names_are_names_and_nothing_else() {
    let world = World::new().await;
    let main = world.commit("first").await;
    let evil = [
        "a;touch${IFS}pwned",
        "$(touch${IFS}pwned)",
        "`touch${IFS}pwned`",
        "--upload-pack=touch${IFS}pwned",
        "-x",
        "a'b\"c",
        "|pwned",
        "HEAD",
    ];
    for name in evil {
        world.git(&["update-ref", &format!("refs/heads/{name}"), main.as_str()]).await;
    }
    let mirror = world.mirror();
    mirror.fetch().await.unwrap();
    for name in evil {
        assert_eq!(mirror.head(name).await.unwrap(), main, "{name}");
    }
    for not_a_name in
        ["", "main~0", "main^{commit}", "@{-1}", "../heads/main", "main..main", "nope", "main\0x", "main\n", "*"]
    {
        assert!(mirror.head(not_a_name).await.is_err(), "{not_a_name:?}");
    }
    assert!(!world.pwned());
}

#[tokio::test]
async fn an_address_is_never_an_option_nor_a_command() {
    let world = World::new().await;
    let pwned = world.path("pwned");
    let pwned = pwned.display();
    for (url, why) in [
        (format!("--upload-pack=touch {pwned}"), "must not be empty, begin with -"),
        ("-v".to_owned(), "must not be empty, begin with -"),
        (String::new(), "must not be empty"),
        ("/a\nb".to_owned(), "control characters"),
        (format!("ext::sh -c touch% {pwned}"), "addresses may be https, http, ssh, git, file"),
        ("fd::17".to_owned(), "addresses may be https, http, ssh, git, file"),
        (format!("ssh://-oProxyCommand=touch\t{pwned}/x"), "control characters"),
        (format!("ssh://-oProxyCommand=touch${{IFS}}{pwned}/x"), "blocked"),
        (format!("/nowhere;touch {pwned}"), "is the stack's address right"),
        (format!("$(touch {pwned})"), "is the stack's address right"),
    ] {
        let error = world.mirror_of(&url).fetch().await.unwrap_err().to_string();
        assert!(error.starts_with("fetching ") && error.contains(why), "{url:?}: {error}");
    }
    assert!(!world.pwned());
}

#[tokio::test]
async fn an_ssh_configuration_whose_path_a_shell_could_read_otherwise_is_refused() {
    let world = World::new().await;
    for path in ["/data/ssh config", "/data/$(touch pwned)", "relative", "/data/'x"] {
        let mirror = Mirror::new(&world.path("mirrors"), "ssh://127.0.0.1/x", Some(path.into()));
        let error = mirror.fetch().await.unwrap_err().to_string();
        assert!(error.contains("the ssh configuration's path"), "{path}: {error}");
    }
}

#[tokio::test]
async fn no_hook_runs_and_no_filter_neither_in_a_fetch_nor_in_a_checkout() {
    let world = World::new().await;
    world.write(".gitattributes", "* filter=evil diff=evil export-subst\n");
    world.write("a", "a $Format:%H$");
    let head = world.commit("first").await;
    let mirror = world.mirror();
    mirror.fetch().await.unwrap();
    for hooks in [world.repo().join(".git/hooks"), world.mirror().dir().join("hooks")] {
        std::fs::create_dir_all(&hooks).unwrap();
        for name in ["post-checkout", "reference-transaction", "post-update", "pre-receive", "post-receive", "update"] {
            let hook = hooks.join(name);
            std::fs::write(&hook, format!("#!/bin/sh\ntouch '{}'\n", world.path("pwned").display())).unwrap();
            std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
    }
    world.git(&["config", "filter.evil.smudge", "touch pwned"]).await;
    mirror.fetch().await.unwrap();
    mirror.checkout(&head, &world.path("checkout")).await.unwrap();
    assert_eq!(std::fs::read_to_string(world.path("checkout/a")).unwrap(), "a $Format:%H$");
    assert!(!world.pwned());
}

#[tokio::test]
async fn a_tree_that_would_write_into_a_checkouts_git_directory_is_not_even_fetched() {
    let world = World::new().await;
    let good = world.commit("first").await;
    let mirror = world.mirror();
    mirror.fetch().await.unwrap();
    world.write("x", "[core]\n");
    let blob = world.git(&["hash-object", "-w", "x"]).await;
    let entry = format!("100644 blob {}\tconfig\n", blob.trim());
    let inner = world.git_reading(&["mktree"], &entry).await;
    let tree = world.git_reading(&["mktree"], &format!("040000 tree {}\t.git\n", inner.trim())).await;
    let evil = world.git(&["commit-tree", "-m", "evil", tree.trim()]).await;
    world.git(&["update-ref", "refs/heads/main", evil.trim()]).await;
    let error = mirror.fetch().await.unwrap_err().to_string();
    assert!(error.contains("hasDotgit") && error.contains("git's own check refuses"), "{error}");
    assert_eq!(mirror.head("main").await.unwrap(), good);
    assert!(!mirror.has(&evil.trim().parse().unwrap()).await);
}

#[tokio::test]
async fn submodules_are_left_out() {
    let world = World::new().await;
    let inner = world.path("inner");
    std::fs::create_dir(&inner).unwrap();
    git(&inner, &["init", "--quiet", "."]).await;
    std::fs::write(inner.join("secret"), "x").unwrap();
    git(&inner, &["add", "."]).await;
    git(&inner, &["commit", "--quiet", "-m", "inner"]).await;
    world.git(&["submodule", "--quiet", "add", inner.to_str().unwrap(), "vendor"]).await;
    let head = world.commit("with a submodule").await;
    let mirror = world.mirror();
    mirror.fetch().await.unwrap();
    let checkout = world.path("checkout");
    mirror.checkout(&head, &checkout).await.unwrap();
    assert!(checkout.join(".gitmodules").is_file());
    assert_eq!(std::fs::read_dir(checkout.join("vendor")).unwrap().count(), 0);
}

#[tokio::test]
async fn evil_file_names_are_checked_out_as_they_are_and_only_the_unshowable_are_refused() {
    let world = World::new().await;
    let names = ["--help", "-rf", "a b", "$(touch pwned)", "a;b", "quote'\"", "back\\slash", "émoji 🚀", "*"];
    for name in names {
        world.write(name, name);
    }
    let fine = world.commit("odd names").await;
    world.write("new\nline", "x");
    let unshowable = world.commit("a name with a line end").await;
    let mirror = world.mirror();
    mirror.fetch().await.unwrap();

    mirror.checkout(&fine, &world.path("fine")).await.unwrap();
    freeze(&world.path("fine"), None, &world.build("aaaaaaa-1"), None, &Gate::default()).unwrap();
    for name in names {
        assert_eq!(std::fs::read_to_string(world.build("aaaaaaa-1").tree().join(name)).unwrap(), name);
    }
    mirror.checkout(&unshowable, &world.path("unshowable")).await.unwrap();
    let error = freeze(&world.path("unshowable"), None, &world.build("bbbbbbb-2"), None, &Gate::default())
        .unwrap_err()
        .to_string();
    assert_eq!(error, "cannot be part of a build: new\\nline (its name has control characters)");
    assert!(!world.pwned());
}

#[tokio::test]
async fn a_commit_with_a_link_that_leaves_the_tree_cannot_become_a_build() {
    let world = World::new().await;
    world.write("dir/page", "x");
    symlink("../../../../etc/passwd", world.repo().join("dir/evil")).unwrap();
    symlink("../dir/page", world.repo().join("dir/fine")).unwrap();
    let head = world.commit("links").await;
    let mirror = world.mirror();
    mirror.fetch().await.unwrap();
    mirror.checkout(&head, &world.path("checkout")).await.unwrap();
    let error = freeze(&world.path("checkout"), None, &world.build("aaaaaaa-1"), None, &Gate::default())
        .unwrap_err()
        .to_string();
    assert_eq!(error, "cannot be part of a build: dir/evil (the link leaves the tree)");
}
