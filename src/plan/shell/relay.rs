//! A release that goes from host to host, by hand: in rounds, in each of which every host that has it feeds one more. Hosts
//! know each other by their own `known_hosts` here; where one cannot feed, the push host does. Pure.

use super::{document, quoted};
use crate::stack::Relay;

/// Put before the commands of a plan that passes releases on.
pub(super) const IN_ROUNDS: &str = r#"
# in_rounds COMMAND N HOST…: the push host feeds one host in each of the first N rounds, each that is done one in every other
in_rounds() {
  command=$1 seeds=$2 from=-; shift 2
  while [ $# -gt 0 ]; do
    pids= fed= bad=
    for source in $from; do
      [ $# -gt 0 ] || break
      "$command" "$1" "$source" &
      pids="$pids $!" fed="$fed $1"; shift
    done
    for pid in $pids; do wait "$pid" || bad=1; done
    [ -z "$bad" ] || { echo "$command failed; nothing more was begun" >&2; exit 1; }
    from=$from$fed seeds=$((seeds - 1))
    [ "$seeds" -gt 0 ] || from=${from#- }
  done
}
"#;

/// Lines that let host `$1` take the release `path` from host `$2`, or, where that does not work, run `direct`. `$live` is
/// the release that is live; `options` are words for rsync.
pub(super) fn fed(relay: &Relay, path: &str, options: &str, direct: &str) -> String {
    let mut ssh = "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o ForwardAgent=no".to_owned();
    // All of them plain words, as the stack file allows them.
    ssh.extend(relay.key.iter().map(|key| format!(" -o IdentitiesOnly=yes -i {key}")));
    ssh.extend(relay.agent.iter().map(|agent| format!(" -o IdentityAgent={agent}")));
    ssh.extend(relay.user.iter().map(|user| format!(" -l {user}")));
    let path = quoted(path);
    let script = format!(
        "port=\ncase $source in *\\]) ;; *:*) port=\"-p ${{source##*:}}\" source=${{source%:*}} ;; esac\nrsync -rlpt --no-owner --no-group \
         --delay-updates --timeout=60 --delete {options} ${{live:+\"--link-dest=../$live\"}} \\\n  -e \"{ssh} $port\" -- \
         \"$source\":{path} {path}\n"
    );
    format!(
        "  fed=\n  if [ \"$2\" != - ]; then\n    {{ printf \"source='%s' live='%s'\\n\" \"$2\" \"$live\"; cat {}    }} | \
         remote \"$1\" /bin/sh -s && fed=yes\n  fi\n  [ -n \"$fed\" ] || {direct}",
        document(&script)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Program;
    use std::time::Duration;

    #[tokio::test]
    async fn by_hand_each_host_that_has_it_feeds_one_more_in_every_round() {
        let hosts = "h1 h2 h3 h4 h5 h6 h7 h8";
        let text = format!("set -eu\n{IN_ROUNDS}\nfeed() {{ echo \"$2>$1\"; }}\nin_rounds feed 2 {hosts}\n");
        for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
            let program = Program::new(shell[0]).args(&shell[1..]).args(["-c", &text]);
            let output = program.output(Duration::from_secs(20)).await.unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            let mut said: Vec<&str> = said.lines().collect();
            said.sort_unstable();
            assert_eq!(said, ["->h1", "->h2", "h1>h3", "h1>h4", "h1>h7", "h2>h5", "h2>h8", "h3>h6"], "{shell:?}");
            let direct = "copy \"$1\"\n";
            let fed = format!("{{\n{}}}\n", fed(&Relay::default(), "/srv/w b/", "-z", direct));
            let program = Program::new(shell[0]).args(&shell[1..]).args(["-n", "-c", &fed]);
            assert!(program.output(Duration::from_secs(20)).await.unwrap().status.success(), "{shell:?}: {fed}");
        }
    }
}
