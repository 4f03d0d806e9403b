//! What lies at `current`: the one script part by which a host answers that, whoever asks. It resolves on the file system (device
//! and inode, physical paths) and must never compare the texts of links. Constant text for any POSIX shell; used by the release's
//! scripts, and by a plan by hand.

/// Functions over the working directory, which is the directory of a release.
///
/// `ours NAME`: whether a release is one that a record of ours says we made. `within PATH`: `name` is then the release of ours
/// that the path is or lies in, `exact` is not empty when it is that very directory. `locate`: `kind` is then `nothing`, `ours`
/// (a link to the release `name`), `elsewhere`, `directory`, `file` or `nowhere`; `text` is what the link says. `tell` does the same,
/// and `more` is then what a reader wants to know of it: the release, the place, the number of entries, what the link says. `sweep` removes
/// the links that a flip left behind which was killed. `stands` says what keeps a flip from `current`, and then ends the script with
/// code 5.
pub const LOCATE: &str = r#"CDPATH= LC_ALL=C
umask 022
nl='
'
ours() {
  case $1 in *[!a-z0-9-]* | -* | *-) return 1 ;; *-by-hand) ;; *-*-*) return 1 ;; *-*) ;; *) return 1 ;; esac
  [ -d "releases/$1" ] && [ ! -L "releases/$1" ] && { [ -f ".verified/$1" ] || [ -f ".made/$1" ]; }
}
within() {
  name= exact=yes
  part=$(cd -P -- "$1" 2>/dev/null && pwd -P) || { exact=; return 1; }
  while [ -n "$part" ]; do
    for mark in .verified/* .made/*; do
      name=${mark#.*/}
      if ours "$name" && [ "$part" -ef "releases/$name" ]; then return 0; fi
    done
    part=${part%/*} exact=
  done
  name=; return 1
}
locate() {
  kind=nothing name= exact= text=
  if [ -L current ]; then
    text=$(readlink current)
    if [ ! -e current ]; then kind=nowhere
    elif within current && [ -n "$exact" ]; then kind=ours
    else kind=elsewhere; fi
  elif [ -d current ]; then
    kind=directory; within ./current || :
  elif [ -e current ]; then kind=file; fi
}
tell() {
  locate
  case $kind in
    ours) more=$name ;;
    elsewhere) more=$(readlink -f current) ;;
    directory) more=$(ls -A ./current 2>/dev/null | wc -l | tr -d ' ') ;;
    *) more=$text ;;
  esac
}
sweep() {
  for old in .current.[0-9]*.[0-9]* .current.by-hand; do [ ! -L "$old" ] || rm -f -- "$old"; done
  for old in .previous.[0-9]*.[0-9]* .before.[0-9]*.[0-9]*; do [ ! -f "$old" ] || rm -f -- "$old"; done
}
mounted() {
  here=$(cd -P -- "$1" && pwd -P | sed 's/ /\\040/g') || return 1
  mounts=$nl$(cut -d ' ' -f 5 /proc/self/mountinfo 2>/dev/null)$nl
  case $mounts in *"$nl$here$nl"*) return 0 ;; *"$nl$here/"*) [ "$2" = within ] ;; *) return 1 ;; esac
}
free() {
  free=current.before-pushbutton n=2
  while [ -e "$free" ] || [ -L "$free" ]; do free=current.before-pushbutton-$n n=$((n + 1)); done
}
stands() {
  locate
  case $kind in
    directory) free; what=directory; ! mounted ./current itself || what=mount
      echo "stop $what $(ls -A ./current 2>/dev/null | wc -l | tr -d ' ') $free"; exit 5 ;;
    file) free; echo "stop file $free"; exit 5 ;;
  esac
}
"#;
