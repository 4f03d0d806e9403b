use super::*;
use crate::process::Program;
use std::time::Duration;

#[tokio::test]
async fn the_scripts_are_correct_in_each_shell() {
    let located = [AHEAD, &prepare(), &ready(), PRUNE, FLIP, HAD, UNFLIP, READ_BACK, LOOK].map(located);
    let plain = [super::super::peer::FETCH, FINISH, VERIFY].map(str::to_owned);
    for text in located.iter().chain(&plain) {
        for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
            let check = Program::new(shell[0]).args(&shell[1..]).args(["-n", "-c", text]);
            let output = check.output(Duration::from_secs(20)).await.unwrap();
            assert!(output.status.success(), "{shell:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[tokio::test]
async fn what_a_host_had_is_judged_by_where_its_link_led_and_put_back_only_where_this_push_flipped() {
    let room = tempfile::tempdir().unwrap();
    let web = room.path();
    for dir in ["releases/old-1", "releases/new-2", "releases/x-3", ".made", ".verified", "site"] {
        std::fs::create_dir_all(web.join(dir)).unwrap();
    }
    ["old-1", "new-2", "x-3"].iter().for_each(|name| std::fs::write(web.join(".made").join(name), "").unwrap());
    let at = |path: &str| web.join(path).display().to_string();
    let own = |was: &str| format!("push 5.1\n{was}");
    let (site, old) = (format!("link {}\n", at("site")), format!("link {}\n", at("releases/old-1/")));
    // What stood there before, what is there now, whether the flip was taken over; whether it had old-1; and what putting back new-2 says.
    let table = [
        (own("link releases/old-1\n"), "releases/new-2", "", "same", "back ours releases/old-1".to_owned()),
        (own(&old), "releases/new-2", "", "same", format!("back ours {}", at("releases/old-1/"))),
        (own(&site), "releases/new-2", "", "other", format!("back elsewhere {}", at("site"))),
        (own(""), "releases/new-2", "", "other", "back nothing ".to_owned()),
        (own("link releases/x-3\n"), "releases/new-2", "", "other", "back ours releases/x-3".to_owned()),
        (own("link releases/old-1\n"), "releases/x-3", "", "same", "other ours releases/x-3".to_owned()),
        (format!("push 4.1\n{site}"), "releases/old-1", "", "same", "untouched".to_owned()),
        (format!("push 4.1\n{site}"), "releases/new-2", "", "other", "untouched".to_owned()),
        (format!("push 4.1\n{site}"), "releases/new-2", "yes", "other", format!("back elsewhere {}", at("site"))),
        (String::new(), "releases/new-2", "yes", "other", "untouched".to_owned()),
    ];
    for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
        for (before, current, taken, had, back) in &table {
            let said = async |script: &str, build: &str| {
                let script = located(script);
                let program = Program::new(shell[0]).args(&shell[1..]).args(["-c", &script]);
                let program = program.env("PUSH_DIR", web).env("PUSH_BUILD", build).env("PUSH_ID", "5.1");
                let output = program.env("PUSH_TAKEN", taken).output(Duration::from_secs(20)).await.unwrap();
                String::from_utf8(output.stdout).unwrap().trim_end_matches('\n').to_owned()
            };
            let _ = std::fs::remove_file(web.join("current"));
            std::os::unix::fs::symlink(current, web.join("current")).unwrap();
            let _ = std::fs::remove_file(web.join(".before"));
            if !before.is_empty() {
                std::fs::write(web.join(".before"), before).unwrap();
            }
            assert_eq!(said(HAD, "old-1").await, *had, "{shell:?}, {before:?}, {current}");
            assert_eq!(said(UNFLIP, "new-2").await, *back, "{shell:?}, {before:?}, {current}");
        }
    }
}
