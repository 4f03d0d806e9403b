use super::*;

fn table<T>(parse: fn(&str) -> Result<T, Refused>, good: &[&str], bad: &[&str]) {
    for text in good {
        assert!(parse(text).is_ok(), "{text:?} must be taken");
    }
    for text in bad {
        assert!(parse(text).is_err(), "{text:?} must be refused");
    }
}

#[test]
fn times_have_one_unit() {
    table(timeout, &["1s", "30s", "15m", "24h"], &["", "s", "0s", "30", "1.5h", "+1s", "1d", "25h", "1h30m", "é"]);
    assert_eq!(timeout("2h").unwrap(), Duration::from_secs(7200));
}

#[test]
fn a_percentage_is_of_the_hosts_and_rounded_down() {
    table(percent, &["1%", "100%"], &["", "%", "0%", "101%", "25", "-1%", "2.5%"]);
    table(max_failed, &["0%", "5%", "100%"], &["", "%", "101%", "5", "-1%", "2.5%"]);
    for (percent, hosts, share) in [(25, 40, 10), (25, 10, 2), (1, 3, 0), (100, 7, 7), (0, 7, 0)] {
        assert_eq!(Share::Percent(percent).of(hosts), share, "{percent}% of {hosts}");
    }
}

#[test]
fn paths_stay_where_they_belong() {
    table(
        absolute_path,
        &["/srv/web", "/srv/web/", "/srv/my app", "/srv/é"],
        &["", "/", "//", "srv", "/srv/../etc", "/srv//web", "/srv/.", "/a\nb", "/srv/$x", "/a;b", "/srv/{sha}", "/-x"],
    );
    table(inner_path, &[".", "./", "dist", "a/b/", "./a"], &["", "/", "/a", "..", "a/../b", "-x", "a//b", "a/{sha}"]);
}

#[test]
fn branches_follow_check_ref_format() {
    table(
        branch,
        &["main", "feature/x", "v1.2", "a@b", "ünï"],
        &[
            "", "-x", ".a", "a/.b", "a..b", "a.lock", "a/", "/a", "a//b", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[",
            "a\\b", "a.", "@", "a@{1}", "HEAD", "a\u{7f}",
        ],
    );
}

#[test]
fn a_diff_is_a_web_address() {
    table(
        diff_url,
        &["https://h/c/{old_sha}...{sha}", "http://[::1]/x", "https://h"],
        &[
            "",
            "ftp://h/",
            "javascript:alert(1)",
            "https://",
            "https:///x",
            "https://h/{who}",
            "https://h/ x",
            "https://me@h/",
            "https://me:secret@h/c/{sha}",
            "https://h/\"",
            "https://h/{",
        ],
    );
}

#[test]
fn rsync_options_that_could_run_a_program_are_refused() {
    table(
        rsync_option,
        &["--checksum", "-z", "--bwlimit=10m", "--chmod=D755,F644", "--include=*.css"],
        &[
            "",
            "-e",
            "-e sh",
            "--rsh=sh",
            "--rsync-path=x",
            "-M--x",
            "--files-from=/etc/passwd",
            "--log-file=x",
            "--checksum=1",
            "--bwlimit",
            "--bwlimit=$(x)",
            "--remove-source-files",
            "-cz",
            "--",
        ],
    );
    assert_eq!(rsync_option("--checksums").unwrap_err().cures, ["did you mean `--checksum`?"]);
}

#[test]
fn words_for_people_are_one_line() {
    table(line, &["PROD!!!", "Save the Princess", "é"], &["", " ", " a", "a\nb", "a\u{1b}[0m"]);
    table(var, &["", "a b", "$(x)"], &["-x", "a\nb", "x {sha} y"]);
}

#[test]
fn a_path_that_is_spelt_in_a_roundabout_way_is_told_its_plain_spelling() {
    for (text, plain) in [("/srv//app", "/srv/app"), ("//srv/app/", "/srv/app"), ("/srv/./app", "/srv/app")] {
        assert_eq!(absolute_path(text).unwrap_err().cures, [format!("a directory has one spelling here: {plain}")]);
    }
    for (text, plain) in [("a//b", "a/b"), ("a/./b/", "a/b/")] {
        assert_eq!(inner_path(text).unwrap_err().cures, [format!("a path has one spelling here: {plain}")]);
    }
    // Where these lead, a spelling does not say.
    for text in ["/srv/x/../app", "/srv/a;b", "/", "srv/app"] {
        assert!(absolute_path(text).unwrap_err().cures[0].starts_with("write an absolute path"), "{text}");
    }
}
