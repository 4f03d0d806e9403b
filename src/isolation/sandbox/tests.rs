use super::*;

fn sandbox(user: Option<u32>) -> Sandbox {
    Sandbox {
        dir: "/srv/data/pushes/7/checkout".into(),
        writable: true,
        tmp: "/srv/data/pushes/7/scratch".into(),
        caches: vec![Cache { kept: "/srv/data/caches/web/node_modules".into(), path: "node_modules".to_owned() }],
        network: false,
        commits: Some("/srv/data/pushes/7/commits.json".into()),
        etc: "/srv/data/isolation".into(),
        user,
        settings: Settings::default(),
    }
}

fn line(sandbox: &Sandbox) -> String {
    sandbox.words().iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_command_gets_its_own_namespaces_its_directories_and_no_more() {
    let words = line(&sandbox(None));
    for part in [
        "bwrap --die-with-parent --new-session --unshare-all --disable-userns --unshare-user --uid 1000 ",
        " --clearenv ",
        " --ro-bind /usr /usr ",
        " --bind /srv/data/pushes/7/scratch /tmp --bind /srv/data/pushes/7/checkout /build ",
        " --ro-bind /srv/data/pushes/7/commits.json /commits.json ",
        " --bind /srv/data/caches/web/node_modules /build/node_modules --remount-ro / --chdir /build --seccomp 9 -- prlimit ",
        " --nproc=4096 --cpu=3600 --data=8589934592 --fsize=21474836480 -- ",
    ] {
        assert!(words.contains(part), "{part} is not in {words}");
    }
    assert!(!words.contains("--share-net") && !words.contains("setpriv"));
    assert!(words.starts_with("/bin/sh -c exec 9<\"$0\"; exec \"$@\" /srv/data/isolation/calls bwrap "), "{words}");
}

#[test]
fn a_frozen_build_is_only_read() {
    let words = line(&Sandbox { writable: false, caches: Vec::new(), network: true, ..sandbox(None) });
    assert!(words.contains(" --ro-bind /srv/data/pushes/7/checkout /build ") && words.contains(" --share-net "));
}

#[test]
fn as_root_the_directories_are_brought_to_where_the_user_of_the_stack_reaches_them() {
    let words = line(&sandbox(Some(1_900_000_007)));
    let (first, second) =
        words.split_once(" -- setpriv --reuid 1900000007 --regid 1900000007 --clear-groups ").unwrap();
    assert!(first.contains("--bind /srv/data/pushes/7/checkout /mnt/"), "{first}");
    assert!(second.starts_with("--inh-caps=-all --bounding-set=-all --no-new-privs -- bwrap "));
    assert!(!second.contains("/srv/data"), "{second}");
}

#[test]
fn what_the_server_keeps_in_a_directory_that_is_seen_is_covered() {
    let room = tempfile::tempdir().unwrap();
    let (tools, data) = (room.path().join("tools"), room.path().join("tools/pushbutton/data"));
    std::fs::create_dir_all(&data).unwrap();
    let settings = Settings {
        read_only: vec![tools],
        hidden: vec![data.clone(), room.path().to_owned(), "/usr/sbin".into()],
        ..Settings::default()
    };
    let words = line(&Sandbox { settings, ..sandbox(None) });
    let data = data.display();
    assert!(words.contains(&format!(" --tmpfs {data} --remount-ro {data} ")), "{words}");
    assert!(!words.contains("--tmpfs /usr/sbin") && !words.contains(&format!("--tmpfs {} ", room.path().display())));
}

#[test]
fn each_stack_has_a_user_of_its_own_where_the_server_is_root() {
    let (web, api) = (build_user("web"), build_user("api"));
    assert_eq!(web.is_some(), nix::unistd::geteuid().is_root());
    assert_eq!(web, build_user("web"));
    assert!(web.is_none() || web != api);
    assert!(web.is_none_or(|user| (FIRST_USER..FIRST_USER + USERS).contains(&user)));
}
