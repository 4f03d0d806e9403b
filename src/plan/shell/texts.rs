//! The shell texts of a plan by hand. Words in capitals are filled in by `shell`, which must never fill in anything but its own
//! constants and quoted words.

/// What every script begins with, behind its values. A host is `[user@]name[:port]`, an IPv6 address always in brackets.
pub(super) const FUNCTIONS: &str = r#"
# parts HOST: its user, its name or address, its port
parts() {
  host=${1##*@} user= port=
  case $1 in *@*) user=${1%@*} ;; esac
  case $host in *\]) ;; *:*) port=${host##*:} host=${host%:*} ;; esac
}

# remote HOST COMMAND…
remote() {
  jump=$(way "$1"); parts "$1"; shift; host=${host#\[}
  ssh SSH_OPTIONS ${jump:+-J "$jump"} ${user:+-l "$user"} ${port:+-p "$port"} -- "${host%\]}" "$@"
}

# copy HOST FROM TO OPTION…
copy() {
  from=$2 to=$3 jump=$(way "$1"); parts "$1"; shift 3
  rsync -rlpt --no-owner --no-group --delay-updates -s --mkpath --timeout=60 "$@" \
    --rsync-path='umask 022; rsync' -e "ssh SSH_OPTIONS ${jump:+-J $jump} ${user:+-l $user} ${port:+-p $port}" -- "$from" "$host:$to" </dev/null
}

# locate: what a host needs to find out what is live
located() {
  cat LOCATED}

# here DIRECTORY: runs its input there, on the push host
here() { (cd -- "$1" && exec /bin/sh -s); }

# outside: runs its input in an empty directory, on the push host; the build is in $PUSH_TREE
outside() { (PUSH_TREE=$build; export PUSH_TREE; cd -- "$(mktemp -d)" && exec /bin/sh -s); }

# the name of a host, for {host}
named() { parts "$1"; name=${host#\[} name=${name%\]}; printf "export PUSH_HOST='%s'\n" "$name"; }

# asked QUESTION: goes on only after a yes
asked() {
  printf '%s [yes/no] ' "$1" >&2
  read -r answer </dev/tty && [ "$answer" = yes ] || { echo "not confirmed; nothing more was begun" >&2; exit 1; }
}

# at_once COMMAND N HOST…: on at most N hosts at a time; nothing more is begun after a failure
at_once() {
  command=$1 most=$2; shift 2
  while [ $# -gt 0 ]; do
    pids= n=0 bad=
    while [ $# -gt 0 ] && [ "$n" -lt "$most" ]; do
      "$command" "$1" &
      pids="$pids $!" n=$((n + 1)); shift
    done
    for pid in $pids; do wait "$pid" || bad=1; done
    [ -z "$bad" ] || { echo "$command failed; nothing more was begun" >&2; exit 1; }
  done
}
"#;

/// Hands the secrets to the shell on the other side, over its input; `printf` is built in, so no argument list shows them.
pub(super) const SECRETS: &str = r#"
# secrets: what nobody may see, for the shell on the other side
secrets() {
  for name in NAMES; do
    eval "value=\$$name"
    printf "export %s='%s'\n" "$name" "$(printf '%s\n' "$value" | sed "s/'/'\\\\''/g")"
  done
}
"#;

/// Asks a host what is live, and makes room beside it; stops at what a flip could not replace.
pub(super) const PREPARE: &str = r#"set -eu
mkdir -p -- DIR/releases DIR/.verified DIR/.made
cd -- DIR
stands >&2 || exit 1
sweep
: >.made/BUILD
rm -f -- .verified/BUILD
case $name in BUILD) ;; ?*) echo "$name" ;; esac
"#;

/// Flips `current`, and keeps where it pointed.
pub(super) const FLIP: &str = r#"set -eu
cd -- DIR
[ -d releases/BUILD ]
stands >&2 || exit 1
case $kind:$name in nothing:* | nowhere:* | ours:BUILD) ;; *) printf '%s\n' "$text" >.previous ;; esac
ln -sfn -- releases/BUILD .current.by-hand
mv -T -- .current.by-hand current
locate; echo "$text"
"#;

/// Says what is live, and fails when that is not the build.
pub(super) const READ_BACK: &str = r#"set -eu
cd -- DIR
locate; echo "$text"
[ "$kind:$name" = ours:BUILD ]
"#;
