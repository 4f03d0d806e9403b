//! Over ssh, and the tools of a host.

use super::*;
use pushbutton::stack::SourceLogin;

/// A git server behind a real sshd without a port: ssh starts it by itself, as `ProxyCommand`. Answers the configuration
/// for ssh, and the file that says which host keys are known.
async fn ssh_server(world: &World) -> (PathBuf, PathBuf) {
    let home = world.path("ssh");
    std::fs::create_dir(&home).unwrap();
    if nix::unistd::geteuid().is_root() {
        // sshd wants its empty directory there; as anybody else it does without.
        std::fs::create_dir_all("/run/sshd").unwrap();
    }
    for key in ["host", "person"] {
        let args = ["-q", "-t", "ed25519", "-N", "", "-f", home.join(key).to_str().unwrap()].map(str::to_owned);
        assert!(Program::new("ssh-keygen").args(args).output(LIMIT).await.unwrap().status.success());
    }
    let at = home.display();
    let server = format!(
        "HostKey {at}/host\nAuthorizedKeysFile {at}/person.pub\nStrictModes no\nUsePAM no\nPidFile none\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n"
    );
    std::fs::write(home.join("sshd_config"), server).unwrap();
    let sshd = ["/usr/sbin/sshd", "/usr/bin/sshd"].into_iter().find(|path| Path::new(path).exists()).unwrap();
    let client = format!(
        "Host git-server\n  ProxyCommand {sshd} -i -f {at}/sshd_config\n  IdentityFile {at}/person\n  IdentitiesOnly yes\n  \
         UserKnownHostsFile {at}/known\n  GlobalKnownHostsFile none\n"
    );
    std::fs::write(home.join("ssh_config"), client).unwrap();
    let public = std::fs::read_to_string(home.join("host.pub")).unwrap();
    std::fs::write(home.join("known"), format!("git-server {public}")).unwrap();
    (home.join("ssh_config"), home.join("known"))
}

#[tokio::test]
async fn over_ssh_our_configuration_is_used_and_an_unknown_host_key_is_refused() {
    let world = World::new().await;
    let head = world.commit("first").await;
    let (config, known) = ssh_server(&world).await;
    let who = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
    let url = format!("ssh://{who}@git-server{}", world.repo().display());
    let mirror = Mirror::new(&world.path("mirrors"), &url, Some(config.clone()));
    mirror.fetch().await.unwrap();
    assert_eq!(mirror.head("main").await.unwrap(), head);

    let good = std::fs::read_to_string(&known).unwrap();
    std::fs::write(&known, "").unwrap();
    let error = mirror.fetch().await.unwrap_err().to_string();
    assert!(error.contains("add the git server's host key to known_hosts"), "{error}");
    assert_eq!(std::fs::read_to_string(&known).unwrap(), "", "no key is learnt by itself");

    std::fs::write(&known, good).unwrap();
    std::fs::write(config.with_file_name("person.pub"), "").unwrap();
    let error = mirror.fetch().await.unwrap_err().to_string();
    assert!(error.contains("give the push host's ssh key read access"), "{error}");
    assert_eq!(mirror.head("main").await.unwrap(), head, "what was fetched before is still there");
}

#[tokio::test]
async fn a_source_signs_in_with_a_key_of_its_own_and_no_other_and_only_its_name_is_seen() {
    let world = World::new().await;
    world.write("index.html", "x");
    let head = world.commit("first").await;
    let (config, _) = ssh_server(&world).await;
    // The key of the push host is not one of this repository: what ssh is configured with would be refused.
    let (home, at) = (world.path("ssh"), |name: &str| world.path("ssh").join(name).display().to_string());
    let args = ["-q", "-t", "ed25519", "-N", "", "-C", "canary-comment", "-f", &at("deploy-key")].map(str::to_owned);
    assert!(Program::new("ssh-keygen").args(args).output(LIMIT).await.unwrap().status.success());
    std::fs::copy(home.join("deploy-key.pub"), home.join("person.pub")).unwrap();
    let who = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
    let url = format!("ssh://{who}@git-server{}", world.repo().display());
    let mirror =
        |login: Option<SourceLogin>| Mirror::new(&world.path("mirrors"), &url, Some(config.clone())).signing_in(login);
    let error = mirror(None).fetch().await.unwrap_err().to_string();
    assert!(error.contains("give the push host's ssh key read access"), "{error}");

    let key = |name: &str| Some(SourceLogin::Key { key_file: at(name) });
    let with = mirror(key("deploy-key"));
    with.fetch().await.unwrap();
    assert_eq!(with.head("main").await.unwrap(), head);
    with.checkout(&head, &world.path("out")).await.unwrap();
    assert_eq!(std::fs::read_to_string(world.path("out/index.html")).unwrap(), "x");
    assert!(mirror(None).head("main").await.is_err(), "what one key may read, others get no copy of");

    // Refused before ssh is asked, with the cure; and nothing of the key is told, kept or shown.
    std::fs::set_permissions(at("deploy-key"), std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = with.fetch().await.unwrap_err().to_string();
    assert!(error.contains("can be read by others: chmod 600"), "{error}");
    for (name, words) in [("deploy-key.pub", "no private key"), ("none", "ssh-keygen -t ed25519")] {
        if Path::new(&at(name)).exists() {
            std::fs::set_permissions(at(name), std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let error = mirror(key(name)).fetch().await.unwrap_err().to_string();
        assert!(error.contains("key_file: ") && error.contains(words), "{error}");
    }
    let secret = std::fs::read_to_string(at("deploy-key")).unwrap();
    let secret = secret.lines().nth(2).unwrap();
    for dir in ["mirrors", "out"] {
        let found = Program::new("grep").args(["-raFl", secret]).arg(world.path(dir)).output(LIMIT).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&found.stdout), "", "{dir}");
    }
    let source = pushbutton::stack::Source::Git {
        url,
        branch: "main".to_owned(),
        submodules: false,
        lfs: false,
        login: key("deploy-key"),
    };
    let plan = serde_json::to_string(&source).unwrap();
    assert!(plan.contains("deploy-key") && !plan.contains(secret), "{plan}");
    assert_eq!(serde_json::from_str::<pushbutton::stack::Source>(&plan).unwrap(), source, "a runner reads it back");
}

#[tokio::test]
async fn the_tools_of_a_host_write_the_very_same_manifest() {
    let world = World::new().await;
    let tree = world.path("tree");
    for path in ["a/b", "a.b", "a b", "z/back\\slash", "z/'quote\"", "z/-x", "é/deep/er", "REVISION"] {
        std::fs::create_dir_all(tree.join(path).parent().unwrap()).unwrap();
        std::fs::write(tree.join(path), path).unwrap();
    }
    std::fs::set_permissions(tree.join("a b"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::create_dir(tree.join("empty")).unwrap();
    symlink("../a b", tree.join("z/link")).unwrap();
    let script = r#"cd "$TREE" && f=$(mktemp -d) && {
        find . -mindepth 1 -type d -printf 'd\t%m\t-\t%P\n'
        find . -type l -printf 'l\t777\t%l\t%P\n'
        find . -type f ! -path ./REVISION -print0 | sort -z >"$f/names"
        xargs -0 -r stat -c %a <"$f/names" >"$f/modes"
        xargs -0 -r sha256sum <"$f/names" | sed 's/^\\//' | cut -c 1-64 >"$f/hashes"
        tr '\0' '\n' <"$f/names" | cut -c 3- | paste "$f/modes" "$f/hashes" - | sed 's/^/f\t/'
    } | sort -t "$(printf '\t')" -k 4; rm -r "$f""#;
    let output = Program::new("sh").args(["-c", script]).env("TREE", &tree).output(LIMIT).await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, Manifest::of_tree(&tree).unwrap().to_text());
    assert_eq!(said.lines().count(), 13);
}
