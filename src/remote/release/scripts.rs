//! What a release runs on a host: constant texts for any POSIX shell with GNU find and coreutils; all that varies comes as
//! environment. Called by the release.

/// Looks what is there. Says `verified` when nothing is to be done, otherwise `live NAME` or `live` of the release that
/// is live, or `there NAME` when something of the build is there that was never verified; then the build counts as not
/// verified until it is verified again.
pub(super) const PREPARE: &str = r#"set -eu
mkdir -p -- "$PUSH_DIR/releases" "$PUSH_DIR/.verified"
cd -- "$PUSH_DIR"
if [ -d "releases/$PUSH_BUILD" ] && [ "$(cat ".verified/$PUSH_BUILD" 2>/dev/null)" = "$PUSH_ROOT" ]; then
  echo verified; exit 0
fi
rm -f -- ".verified/$PUSH_BUILD"
link=$(readlink current) || link=
name=${link#releases/}
case $name in "$link" | */* | . | ..) name= ;; esac
[ -n "$name" ] && [ -d "releases/$name" ] || name=
if [ -n "$(find "releases/$PUSH_BUILD" -mindepth 1 -type f ! -path '*/.~tmp~/*' -print -quit 2>/dev/null)" ]; then
  echo "there $name"; exit 0
fi
echo "live $name"
"#;

/// Puts what the host adds into the release: REVISION, and links to what releases share (`NAME TAB TARGET` lines).
/// What is shared and not there yet is made as a directory.
pub(super) const FINISH: &str = r#"set -eu
cd -- "$PUSH_DIR/releases/$PUSH_BUILD"
chmod 755 .
rm -f REVISION
printf '%s\n' "$PUSH_SHA" >REVISION
tab=$(printf '\t')
while IFS=$tab read -r name target; do
  [ -n "$name" ] || continue
  if [ -e "$name" ] && [ ! -L "$name" ]; then
    echo "the build holds $name itself, so $name cannot be shared" >&2; exit 1
  fi
  [ -e "$PUSH_DIR/shared/$name" ] || mkdir -p -- "$PUSH_DIR/shared/$name"
  ln -sfn -- "$target" "$name"
done <<LINKS
$PUSH_SHARED
LINKS
"#;

/// Lists the release as a manifest and compares its hash with the root. Says `root HASH`; on a mismatch the list follows,
/// and the code is 3. On a match the build is verified from now on, which is on the disk after the bytes are.
pub(super) const VERIFY: &str = r#"set -eu
LC_ALL=C; export LC_ALL
tab=$(printf '\t')
cd -- "$PUSH_DIR/releases/$PUSH_BUILD"
verified=$PUSH_DIR/.verified/$PUSH_BUILD
fail() { rm -f -- "$verified"; echo "$1" >&2; exit 1; }
[ ! -L "$PUSH_DIR/releases/$PUSH_BUILD" ] || fail "releases/$PUSH_BUILD is a link"
[ -f REVISION ] && [ ! -L REVISION ] && [ "$(cat REVISION)" = "$PUSH_SHA" ] || fail "REVISION does not say $PUSH_SHA"
set --
while IFS=$tab read -r name target; do
  [ -n "$name" ] || continue
  [ "$(readlink "$name")" = "$target" ] || fail "$name is not the link to what releases share"
  set -- "$@" ! -path "./$name"
done <<LINKS
$PUSH_SHARED
LINKS
t=$PUSH_DIR/.verified/.list.$PUSH_BUILD
rm -rf -- "$t"; mkdir -- "$t"; trap 'rm -rf -- "$t"' EXIT
find . -mindepth 1 ! -path ./REVISION "$@" -type f -print0 | sort -z >"$t/files"
tr '\0' '\n' <"$t/files" | cut -c3- >"$t/paths"
xargs -0 -r sha256sum -- <"$t/files" | sed 's/^\\//' | cut -c1-64 >"$t/digests"
xargs -0 -r stat -c %a -- <"$t/files" >"$t/modes"
{ paste "$t/modes" "$t/digests" "$t/paths" | sed "/./s/^/f$tab/"
  find . -mindepth 1 "$@" -type d -printf 'd\t%m\t-\t%P\n'
  find . -mindepth 1 "$@" -type l -printf 'l\t777\t%l\t%P\n'
  find . -mindepth 1 "$@" ! -type d ! -type f ! -type l -printf '%y\t%m\t-\t%P\n'
} | sort -t "$tab" -k 4 >"$t/list"
root=$(sha256sum <"$t/list"); root=${root%% *}
echo "root $root"
if [ "$root" != "$PUSH_ROOT" ]; then rm -f -- "$verified"; cat "$t/list"; exit 3; fi
sync -f . 2>/dev/null || sync
printf '%s\n' "$root" >"$t/verified"
mv -T -- "$t/verified" "$verified"
"#;

/// Removes the oldest releases until `keep` are left, but never the live one, the one live before it, nor this one.
pub(super) const PRUNE: &str = r#"set -eu
cd -- "$PUSH_DIR"
live=$(readlink current) || live=
before=$(cat .previous 2>/dev/null) || before=
total=$(ls -1 releases | wc -l)
ls -1tr releases | while IFS= read -r name; do
  [ "$total" -gt "$PUSH_KEEP" ] || break
  case $name in *[!a-z0-9_-]* | -* | "$PUSH_BUILD") continue ;; esac
  case releases/$name in "$live" | "$before") continue ;; esac
  rm -f -- ".verified/$name"
  find "releases/$name" -type d ! -perm -u+w -exec chmod u+w {} +
  rm -rf -- "releases/$name"
  total=$((total - 1))
  echo "removed releases/$name"
done
"#;

/// The flip (TRUST section 6): the new link beside, renamed over the old; the old one's target is kept in `.previous`
/// first. Says the link and the verified root afterwards.
pub(super) const FLIP: &str = r#"cd -- "$PUSH_DIR" || exit 1
if [ "$(cat ".verified/$PUSH_BUILD" 2>/dev/null)" != "$PUSH_ROOT" ] || [ ! -d "releases/$PUSH_BUILD" ]; then
  echo "build $PUSH_BUILD is not verified on this host: it must be brought first" >&2; exit 1
fi
old=$(readlink current) || old=
if [ -n "$old" ] && [ "$old" != "releases/$PUSH_BUILD" ]; then
  printf '%s\n' "$old" >".previous.$PUSH_ID" && mv -T -- ".previous.$PUSH_ID" .previous || exit 1
fi
t=.current.$PUSH_ID && ln -sfn -- "releases/$PUSH_BUILD" "$t" && mv -T -- "$t" current && sync . || exit 1
readlink current && cat ".verified/$PUSH_BUILD"
"#;

/// Says the link and the verified root.
pub(super) const READ_BACK: &str = r#"cd -- "$PUSH_DIR" && readlink current && cat ".verified/$PUSH_BUILD"
"#;

/// Says of each directory (a line each in `PUSH_DIRS`) which releases count as verified (`has NAME ROOT`), then what is
/// live: `none`, or where `current` points, the root that its release was verified with, and its REVISION: all three of the
/// same release, also while `current` is flipped. A NUL ends what is said of a directory.
pub(super) const LOOK: &str = r#"while IFS= read -r dir; do
  [ -n "$dir" ] || continue
  cd -- "$dir" 2>/dev/null || { printf 'none\n\0'; continue; }
  for mark in .verified/*; do
    name=${mark#.verified/}
    case $name in *[!a-z0-9_-]*) continue ;; esac
    [ -d "releases/$name" ] && IFS= read -r root <"$mark" && printf 'has %s %s\n' "$name" "$root"
  done
  if link=$(readlink current); then
    printf 'link %s\n' "$link"
    printf 'root %s\n' "$(head -n 1 -- ".verified/${link#releases/}" 2>/dev/null)"
    printf 'sha %s\n\0' "$(head -n 1 -- "$link/REVISION" 2>/dev/null)"
  else
    printf 'none\n\0'
  fi
done <<DIRS
$PUSH_DIRS
DIRS
"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Program;
    use std::time::Duration;

    #[tokio::test]
    async fn the_scripts_are_correct_in_each_shell() {
        for text in [super::super::peer::FETCH, PREPARE, FINISH, VERIFY, PRUNE, FLIP, READ_BACK, LOOK] {
            for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "sh"]] {
                let check = Program::new(shell[0]).args(&shell[1..]).args(["-n", "-c", text]);
                let output = check.output(Duration::from_secs(20)).await.unwrap();
                assert!(output.status.success(), "{shell:?}: {}", String::from_utf8_lossy(&output.stderr));
            }
        }
    }
}
