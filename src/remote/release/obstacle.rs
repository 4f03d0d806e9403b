//! What stood in the way of a release or a flip, in words: the host, what is there, and the line that fixes it. Pure; it must never
//! advise a line that takes a site down or removes anything. Called by the release, with what a script said.

use super::scripts::STOPPED;
use crate::diagnostic::shown;
use crate::remote::Ending;

/// The ending of a script that may have stopped at something; any other ending stays what it is.
pub(super) fn judged(ending: Ending, said: &str, host: &str, dir: &str) -> Ending {
    if ending != Ending::Exited(STOPPED) {
        return ending;
    }
    words(said, dir).map_or(ending, |words| Ending::Stopped(format!("{host}: {words}")))
}

/// What a script says from `stop` on, for people.
fn words(said: &str, dir: &str) -> Option<String> {
    let said = said.strip_prefix("stop ").or_else(|| Some(said.split_once("\nstop ")?.1))?;
    let (first, rest) = said.split_once('\n').unwrap_or((said, ""));
    let fields: Vec<&str> = first.split(' ').collect();
    let current = format!("{dir}/current");
    match fields.as_slice() {
        ["directory", entries, free] => {
            let entries = if *entries == "1" { "1 entry".to_owned() } else { format!("{entries} entries") };
            let (from, to) = (word(&current), word(&format!("{dir}/{free}")));
            Some(format!(
                "{current} is a real directory with {entries}, not a link, so nothing can be flipped there. To fix it, while the \
                 site stays as it is: mv {from} {to} && ln -s {free} {from}"
            ))
        }
        ["mount", entries, _] => Some(format!(
            "{current} is a mount point ({entries} entries), not a link, so nothing can be flipped there. To fix it: umount {}",
            word(&current)
        )),
        ["file", free] => Some(format!(
            "{current} is a file, not a link, so nothing can be flipped there. To fix it: mv {} {}",
            word(&current),
            word(&format!("{dir}/{free}"))
        )),
        ["wrong", part, what] => Some(format!(
            "{dir}/{part} is not a {what}, as it must be. To fix it: mv {} {}",
            word(&format!("{dir}/{part}")),
            word(&format!("{dir}/{}.before-pushbutton", part.replace('/', "-")))
        )),
        ["closed", part, user, owner] => {
            let place = format!("{dir}{}", part.trim_end_matches('/'));
            Some(format!(
                "{user} may not write to {place}, which belongs to {owner}. To fix it, as root: chown -h {user} {}",
                word(&place)
            ))
        }
        ["shared"] => {
            let all: Vec<String> = rest.lines().filter_map(|line| shared(line, dir)).collect();
            (!all.is_empty()).then(|| all.join("; "))
        }
        _ => None,
    }
}

/// One name that releases are to share and cannot.
fn shared(line: &str, dir: &str) -> Option<String> {
    let fields: Vec<&str> = line.split('\t').collect();
    let at = |part: &str| shown(&format!("{dir}/{part}"));
    match fields.as_slice() {
        ["missing", part] => {
            let name = shown(part.strip_prefix("shared/").unwrap_or(part));
            Some(format!(
                "{} is missing, and every release links to it: put it there, then push again (if it is a directory that can start \
                 empty, write \"{name}/\" in `shared`: then it is created)",
                at(part)
            ))
        }
        ["file", part] => {
            let name = shown(part.strip_prefix("shared/").unwrap_or(part));
            Some(format!(
                "{} is a file, but `shared` says \"{name}/\", a directory: move the file away, or write \"{name}\"",
                at(part)
            ))
        }
        ["nowhere", part, target] => {
            Some(format!("{} is a broken link ({}): fix or remove the link, then push again", at(part), shown(target)))
        }
        _ => None,
    }
}

/// A path as one word of a shell.
fn word(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@,=:".contains(&byte);
    match path.bytes().all(plain) {
        true => path.to_owned(),
        false => format!("'{}'", path.replace('\'', r"'\''")),
    }
}

/// Why something of ours was not done.
pub(super) fn unable(ending: &Ending) -> String {
    match ending {
        Ending::Exited(code) => format!("exited with {code}"),
        Ending::TimedOut { .. } => "not done in time".to_owned(),
        Ending::Cancelled { .. } => "cancelled".to_owned(),
        Ending::Refused(why) | Ending::Stopped(why) | Ending::Unreachable(why) | Ending::Unknown(why) => why.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_way_is_named_with_its_place_and_the_line_that_mends_it() {
        let table = [
            (
                "stop directory 12 current.before-pushbutton\n",
                "web2: /srv/my web/current is a real directory with 12 entries, not a link, so nothing can be flipped there. To \
                 fix it, while the site stays as it is: mv '/srv/my web/current' '/srv/my web/current.before-pushbutton' && ln \
                 -s current.before-pushbutton '/srv/my web/current'",
            ),
            (
                "made shared/log\nstop file current.before-pushbutton-2\n",
                "web2: /srv/my web/current is a file, not a link, so nothing can be flipped there. To fix it: mv '/srv/my \
                 web/current' '/srv/my web/current.before-pushbutton-2'",
            ),
            (
                "stop mount 3 x\n",
                "web2: /srv/my web/current is a mount point (3 entries), not a link, so nothing can be flipped there. To fix \
                 it: umount '/srv/my web/current'",
            ),
            (
                "stop wrong releases/abc-1 directory\n",
                "web2: /srv/my web/releases/abc-1 is not a directory, as it must be. To fix it: mv '/srv/my \
                 web/releases/abc-1' '/srv/my web/releases-abc-1.before-pushbutton'",
            ),
            (
                "stop closed / deploy root\n",
                "web2: deploy may not write to /srv/my web, which belongs to root. To fix it, as root: chown -h deploy \
                 '/srv/my web'",
            ),
            (
                "stop shared\nmissing\tshared/.env\nnowhere\tshared/config/app.env\t/etc/gone\nfile\tshared/log\n",
                "web2: /srv/my web/shared/.env is missing, and every release links to it: put it there, then push again (if it is \
                 a directory that can start empty, write \".env/\" in `shared`: then it is created); /srv/my \
                 web/shared/config/app.env is a broken link (/etc/gone): fix or remove the link, then push again; /srv/my \
                 web/shared/log is a file, but `shared` says \"log/\", a directory: move the file away, or write \"log\"",
            ),
        ];
        for (said, words) in table {
            let judged = judged(Ending::Exited(STOPPED), said, "web2", "/srv/my web");
            assert_eq!(judged, Ending::Stopped(words.to_owned()), "{said}");
        }
        for said in ["", "stop", "stop weather\n", "nonstop file x\n"] {
            assert_eq!(judged(Ending::Exited(STOPPED), said, "web2", "/srv/web"), Ending::Exited(STOPPED), "{said}");
        }
        assert_eq!(judged(Ending::Exited(1), "stop file x\n", "web2", "/srv/web"), Ending::Exited(1));
    }
}
