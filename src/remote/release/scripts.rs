//! What a release runs on a host: constant texts for any POSIX shell with GNU find and coreutils; all that varies comes as
//! environment. Those that ask what is live stand behind [`LOCATE`]. Called by the release.

pub(super) use crate::plan::shell::LOCATE;

/// A script behind the part that finds out what is live.
pub(super) fn located(script: &str) -> String {
    format!("{LOCATE}{script}")
}

/// [`AHEAD`] and [`PREPARE`] in one.
pub(super) fn prepare() -> String {
    format!("{AHEAD}{PREPARE}")
}

/// [`AHEAD`] and [`READY`] in one.
pub(super) fn ready() -> String {
    format!("{AHEAD}{READY}")
}

/// The code of a script that found something in the way of a push, and changed nothing; what it is stands in its last lines,
/// from `stop` on (see [`super::obstacle`]).
pub(super) const STOPPED: i32 = 5;

/// Looks what is there, and changes nothing: what a flip could not replace, where nothing can be written, or what releases share and
/// is not there, stops it.
pub(super) const AHEAD: &str = r#"set -eu
if [ -d "$PUSH_DIR" ]; then
  cd -- "$PUSH_DIR"
  stands
  sweep
  try=.current.$PUSH_ID
  if ! why=$(ln -s -- "releases/$PUSH_BUILD" "$try" 2>&1); then
    case $why in *"Permission denied"*) echo "stop closed / $(id -un) $(stat -c %U .)"; exit 5 ;; esac
    echo "$why" >&2; exit 1
  fi
  rm -f -- "$try"
  for part in releases .verified .made .previous .before; do
    if [ ! -e "$part" ] && [ ! -L "$part" ]; then continue; fi
    case $part in
      .previous | .before) [ -f "$part" ] || { echo "stop wrong $part file"; exit 5; } ;;
      *) [ -d "$part" ] || { echo "stop wrong $part directory"; exit 5; }
        [ -w "$part" ] || { echo "stop closed /$part $(id -un) $(stat -c %U -- "$part")"; exit 5; } ;;
    esac
  done
  if [ -L "releases/$PUSH_BUILD" ] || { [ -e "releases/$PUSH_BUILD" ] && [ ! -d "releases/$PUSH_BUILD" ]; }; then
    echo "stop wrong releases/$PUSH_BUILD directory"; exit 5
  fi
  if [ -k . ] && [ "$kind" != nothing ] && [ "$(id -u)" != 0 ] && [ ! -O . ]; then
    [ "$(stat -c %u current)" = "$(id -u)" ] || { echo "stop closed /current $(id -un) $(stat -c %U current)"; exit 5; }
  fi
else
  kind=nothing name=
fi
tab=$(printf '\t') bad=
look() {
  place=$PUSH_DIR/shared/$1
  if [ -L "$PUSH_DIR/shared" ] && [ ! -e "$PUSH_DIR/shared" ]; then place=$PUSH_DIR/shared; fi
  if [ -L "$place" ] && [ ! -e "$place" ]; then bad="$bad${nl}nowhere$tab${place#"$PUSH_DIR/"}$tab$(readlink -- "$place")"
  elif [ "$2" = directory ] && [ -e "$place" ] && [ ! -d "$place" ]; then bad="$bad${nl}file${tab}shared/$1"
  elif [ "$2" = any ] && [ ! -e "$place" ]; then bad="$bad${nl}missing${tab}shared/$1"; fi
}
while IFS=$tab read -r link target what; do
  [ -z "$link" ] || look "$link" "$what"
done <<LINKS
$PUSH_SHARED
LINKS
[ -z "$bad" ] || { echo "stop shared$bad"; exit 5; }
"#;

/// Stands behind [`AHEAD`] and makes room. Says `over PATH` when someone else's directory is live and `made NAME` of each shared
/// directory that it made; last `verified` when nothing is to be done, otherwise `live NAME` or `live` of the release of ours that
/// is live, or `there NAME` when something of the build is there that was never verified; then the build counts as not verified
/// until it is verified again.
pub(super) const PREPARE: &str = r#"mkdir -p -- "$PUSH_DIR/releases" "$PUSH_DIR/.verified" "$PUSH_DIR/.made"
cd -- "$PUSH_DIR"
while IFS=$tab read -r link target what; do
  if [ "$what" = directory ] && [ ! -d "shared/$link" ]; then mkdir -p -- "shared/$link"; echo "made shared/$link"; fi
done <<LINKS
$PUSH_SHARED
LINKS
case $kind in elsewhere) tell; echo "over $more" ;; esac
linked() {
  while IFS=$tab read -r link target what; do
    [ -z "$link" ] || [ "$(readlink -- "releases/$PUSH_BUILD/$link")" = "$target" ] || return 1
  done <<LINKS
$PUSH_SHARED
LINKS
}
if [ -d "releases/$PUSH_BUILD" ] && [ "$(cat ".verified/$PUSH_BUILD" 2>/dev/null)" = "$PUSH_ROOT" ]; then
  if [ "$name" = "$PUSH_BUILD" ] || linked; then echo verified; exit 0; fi
fi
[ -f ".made/$PUSH_BUILD" ] || : >".made/$PUSH_BUILD"
rm -f -- ".verified/$PUSH_BUILD"
if [ -n "$(find "releases/$PUSH_BUILD" -mindepth 1 -type f ! -path '*/.~tmp~/*' -print -quit 2>/dev/null)" ]; then
  echo "there $name"; exit 0
fi
echo "live $name"
"#;

/// Stands behind [`AHEAD`]: whether the build is verified here, as the flip will ask.
pub(super) const READY: &str = r#"
if [ "$(cat "$PUSH_DIR/.verified/$PUSH_BUILD" 2>/dev/null)" != "$PUSH_ROOT" ] || [ ! -d "$PUSH_DIR/releases/$PUSH_BUILD" ]; then
  echo "build $PUSH_BUILD is not verified on this host: it must be uploaded first" >&2; exit 1
fi
"#;

/// Puts what the host adds into the release: REVISION, links to what releases share (`NAME TAB TARGET TAB KIND` lines), and the
/// directories that lead to these (`PUSH_PARENTS`), as far as the build does not hold them.
pub(super) const FINISH: &str = r#"set -eu
umask 022
cd -- "$PUSH_DIR/releases/$PUSH_BUILD"
chmod 755 .
rm -f REVISION
printf '%s\n' "$PUSH_SHA" >REVISION
tab=$(printf '\t')
while IFS= read -r parent; do
  if [ -n "$parent" ] && [ ! -e "$parent" ]; then mkdir -- "$parent"; fi
done <<PARENTS
$PUSH_PARENTS
PARENTS
while IFS=$tab read -r name target what; do
  [ -n "$name" ] || continue
  rest=$name above=
  while case $rest in */*) ;; *) false ;; esac; do
    above=$above${above:+/}${rest%%/*} rest=${rest#*/}
    if [ ! -d "$above" ] || [ -L "$above" ]; then
      echo "the build holds $above as something else than a directory, so $name cannot be shared" >&2; exit 1
    fi
  done
  if [ -e "$name" ] && [ ! -L "$name" ]; then
    echo "the build holds $name itself, so $name cannot be shared" >&2; exit 1
  fi
  ln -sfn -- "$target" "$name"
  if [ ! "$name" -ef "$PUSH_DIR/shared/$name" ]; then
    echo "$PUSH_DIR/releases/$PUSH_BUILD/$name -> $target leads to nowhere or elsewhere, not to $PUSH_DIR/shared/$name" >&2; exit 1
  fi
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
while IFS=$tab read -r name target what; do
  [ -n "$name" ] || continue
  [ "$(readlink "$name")" = "$target" ] || fail "$name is not the link to what releases share"
  set -- "$@" ! -path "./$name"
done <<LINKS
$PUSH_SHARED
LINKS
while IFS= read -r parent; do
  [ -n "$parent" ] || continue
  [ -d "$parent" ] && [ ! -L "$parent" ] || fail "$parent is not the directory of what releases share"
  set -- "$@" ! -path "./$parent"
done <<PARENTS
$PUSH_PARENTS
PARENTS
umask 022
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

/// Removes the oldest releases until `keep` are left; never one that `current`, the one before, or another link beside them
/// resolves to or into, nor this one, nor those that a rollback may need (`PUSH_SPARED`), nor anything that we did not make or that
/// something is mounted in. Says what it did. What cannot be removed stops nothing: whose it is stands in `.made/NAME` from then on,
/// as `PATH TAB OWNER`, and such a release is not counted.
pub(super) const PRUNE: &str = r#"set -u
cd -- "$PUSH_DIR" || exit 1
locate
case $kind in
  file | nowhere) echo "no old release is removed: $PUSH_DIR/current is a $kind, so nobody knows what is live"; exit 0 ;;
esac
kept=" $PUSH_BUILD $name ${PUSH_SPARED-} "
if [ -f .previous ] && within "$(cat .previous)"; then kept="$kept$name "; fi
for link in *; do if [ -L "$link" ] && within "./$link"; then kept="$kept$name "; fi; done
tab=$(printf '\t') me=$(id -u) total=0 foreign= more=0
set -f; IFS=$nl; set -- $(ls -1tr releases); IFS=" $tab$nl"; set +f
for name do
  if ! ours "$name"; then
    if [ "${#foreign}" -lt 200 ]; then foreign="$foreign${foreign:+, }$name"; else more=$((more + 1)); fi
  elif [ ! -s ".made/$name" ]; then total=$((total + 1)); fi
done
stays() {
  echo "releases/$1 stays: $2"
}
for name do
  ours "$name" || continue
  case $kept in *" $name "*) continue ;; esac
  [ "$total" -gt "$PUSH_KEEP" ] || [ -s ".made/$name" ] || continue
  [ -s ".made/$name" ] || total=$((total - 1))
  if mounted "releases/$name" within; then stays "$name" "something is mounted in it"; continue; fi
  [ -s ".made/$name" ] || printf '.%s-\n' "$tab" >".made/$name" || { stays "$name" ".made cannot be written"; continue; }
  rm -f -- ".verified/$name"
  find "releases/$name" -type d ! -perm -u+w -exec chmod u+w {} + 2>/dev/null
  if why=$(rm -rf -- "releases/$name" 2>&1); then
    rm -f -- ".made/$name"; echo "removed releases/$name"; continue
  fi
  odd=$(find "releases/$name" ! -user "$me" -print 2>/dev/null | head -n 1)
  if [ -n "$odd" ]; then
    whose=$(stat -c %U -- "$odd" 2>/dev/null) || whose=someone
    [ "$whose" != UNKNOWN ] || whose="user $(stat -c %u -- "$odd")"
    slash=; if [ -d "$odd" ] && [ ! -L "$odd" ]; then slash=/; fi
    odd=${odd#"releases/$name"}; odd=${odd#/}$slash
    case $odd in / | "") odd=. what=it ;; *) what=$odd ;; esac
    printf '%s\t%s\n' "$odd" "$whose" >".made/$name"
    stays "$name" "$what belongs to $whose"
  else
    why=${why%%"$nl"*}
    printf '\t%s\n' "${why#rm: }" >".made/$name"
    stays "$name" "${why#rm: }"
  fi
done
[ -z "$foreign" ] || [ "$more" = 0 ] || foreign="$foreign and $more more"
[ -z "$foreign" ] || echo "left alone in releases/, since Pushbutton did not make it: $foreign"
"#;

/// The flip (TRUST section 6): the new link beside, renamed over the old; the old one's target is kept in `.previous`
/// first, and what was there before this push in `.before`, word for word. Says the release and the verified root afterwards, and
/// when it flipped and when it says so, by the clock that runs since the host was started: writing to a slow disk lies between
/// the two.
pub(super) const FLIP: &str = r#"cd -- "$PUSH_DIR" || exit 1
if [ "$(cat ".verified/$PUSH_BUILD" 2>/dev/null)" != "$PUSH_ROOT" ] || [ ! -d "releases/$PUSH_BUILD" ]; then
  echo "build $PUSH_BUILD is not verified on this host: it must be uploaded first" >&2; exit 1
fi
sweep
stands
if [ "$(head -n 1 .before 2>/dev/null)" != "push $PUSH_ID" ]; then
  { echo "push $PUSH_ID"; [ "$kind" = nothing ] || printf 'link %s\n' "$text"; } >".before.$PUSH_ID" &&
    mv -T -- ".before.$PUSH_ID" .before || exit 1
fi
case $kind:$name in
  nothing:* | nowhere:* | "ours:$PUSH_BUILD") ;;
  *) printf '%s\n' "$text" >".previous.$PUSH_ID" && mv -T -- ".previous.$PUSH_ID" .previous || exit 1 ;;
esac
t=.current.$PUSH_ID
trap 'rm -f -- "$t"' EXIT; trap 'exit 143' HUP INT TERM
ln -sfn -- "releases/$PUSH_BUILD" "$t" && mv -T -- "$t" current || exit 1
IFS=' ' read -r flip _ </proc/uptime
sync . || exit 1
locate
[ "$kind" = ours ] && echo "releases/$name" && cat ".verified/$name" && IFS=' ' read -r now _ </proc/uptime &&
  echo "since $flip $now"
"#;

/// Says `same` where `current` was the build before this push flipped it, by whatever link, or is where it has not; else `other`. A
/// push that resumes another has taken its flip over (`PUSH_TAKEN`). A link by name to a release that is gone is one all the same: it
/// can be brought again.
pub(super) const HAD: &str = r#"cd -- "$PUSH_DIR" || exit 1
if [ -f .before ] && { [ -n "${PUSH_TAKEN-}" ] || [ "$(head -n 1 .before)" = "push $PUSH_ID" ]; }; then
  was=$(tail -n +2 .before)
  case $was in
    "link releases/$PUSH_BUILD" | "link $PUSH_DIR/releases/$PUSH_BUILD") echo same ;;
    "link "*) if within "${was#link }" && [ -n "$exact" ] && [ "$name" = "$PUSH_BUILD" ]; then echo same; else echo other; fi ;;
    *) echo other ;;
  esac
else
  locate
  if [ "$kind:$name" = "ours:$PUSH_BUILD" ]; then echo same; else echo other; fi
fi
"#;

/// Puts `current` back as it was before this push, word for word, also to nothing. Says `untouched` where this push has not
/// flipped, `other` where something else has been put there since, which is left; otherwise `back` and what is there now.
pub(super) const UNFLIP: &str = r#"cd -- "$PUSH_DIR" || exit 1
sweep
stands
if [ ! -f .before ] || { [ -z "${PUSH_TAKEN-}" ] && [ "$(head -n 1 .before)" != "push $PUSH_ID" ]; }; then
  echo untouched; exit 0
fi
was=$(tail -n +2 .before)
case $kind:$name in
  "ours:$PUSH_BUILD")
    case $was in
      "link "*)
        t=.current.$PUSH_ID
        trap 'rm -f -- "$t"' EXIT; trap 'exit 143' HUP INT TERM
        ln -sfn -- "${was#link }" "$t" && mv -T -- "$t" current || exit 1 ;;
      *) rm -f -- current || exit 1 ;;
    esac
    sync . || exit 1
    locate ;;
esac
case $was in "link "*) now="link $text" ;; *) now= ;; esac
if { [ "$kind" = nothing ] && [ -z "$was" ]; } || { [ "$kind" != nothing ] && [ "$was" = "$now" ]; }; then
  echo "back $kind $text"
else
  echo "other $kind $text"
fi
"#;

/// Says the release that is live and its verified root.
pub(super) const READ_BACK: &str = r#"cd -- "$PUSH_DIR" && locate && [ "$kind" = ours ] && echo "releases/$name" && cat ".verified/$name"
"#;

/// Says of each directory (a line each in `PUSH_DIRS`) which releases count as verified (`has NAME ROOT`) and which could not be
/// removed (`left NAME TAB PATH TAB OWNER`), then what is live: `is KIND` and more, the root that its release was verified with,
/// and its REVISION: all three of the same release, also while `current` is flipped. A NUL ends what is said of a directory.
pub(super) const LOOK: &str = r#"tab=$(printf '\t')
while IFS= read -r dir; do
  [ -n "$dir" ] || continue
  cd -- "$dir" 2>/dev/null || { printf 'is nothing \nroot \nsha \n\0'; continue; }
  for mark in .verified/*; do
    name=${mark#.verified/}
    ours "$name" && IFS= read -r root <"$mark" && printf 'has %s %s\n' "$name" "$root"
  done
  for mark in .made/*; do
    name=${mark#.made/}
    [ -s "$mark" ] && ours "$name" && IFS= read -r why <"$mark" && printf 'left %s\t%s\n' "$name" "$why"
  done
  tell
  root= sha=
  if [ "$kind" = ours ]; then
    root=$(head -n 1 -- ".verified/$name" 2>/dev/null) sha=$(head -n 1 -- "releases/$name/REVISION" 2>/dev/null)
  fi
  printf 'is %s %s\nroot %s\nsha %s\n\0' "$kind" "$more" "$root" "$sha"
done <<DIRS
$PUSH_DIRS
DIRS
"#;

#[cfg(test)]
mod tests;
