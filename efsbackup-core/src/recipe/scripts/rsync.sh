# shellcheck shell=bash disable=SC2034,SC2154
# The engine `rsync`: a snapshot grows in a hidden folder, hard-linked to the newest
# one, and gets its name only when it is whole.

attach() { mount_nfs "$@"; }
finish() { rm -rf -- "$temporary"; }

prepare() {
  need rsync rsync rsync
  # rsync compares nanoseconds since 3.1.3, which also brought the short form -@.
  exact=() mounts=/mnt/efsbackup source_mode=ro destination_mode=rw
  [[ $(rsync --help) != *-@* ]] || exact=(--modify-window=-1)
  [[ -f /usr/share/zoneinfo/$timezone || $timezone == UTC ]] ||
    stop 2 "this machine knows no time zone '$timezone'"
}

# What is refused, before anything is changed.
guard() {
  local first
  prove "$from" "$source" "$source_id"
  prove "$to" "$destination" "$destination_id"
  if [[ $(realpath -- "$to")/ == "$(realpath -- "$from")"/* ]]; then
    stop 3 "the destination lies inside the source"
  fi
  if ! first=$(find "$from/" -mindepth 1 -maxdepth 1 ! -name .efsbackup-id -print -quit) ||
    [[ -z $first ]]; then
    stop 3 "the source $source is empty or cannot be read"
  fi
  if [[ -e $to/.efsbackup || -e $root/.efsbackup ]]; then
    stop 3 "$to belongs to the engine efsbackup: use that engine, or another destination"
  fi
  if [[ -d $root ]] && [[ -z $(find "$root" -maxdepth 0 -user "$(id -u)" ! -perm /022) ]]; then
    stop 3 "$root must belong to this user, and others must not be able to write in it"
  fi
}

# Sets `old`, what killed runs left, and `links`, what the copy may link from: the
# newest snapshot, and of `old` what is sure to be on disk: what went through NFS (a
# close there reaches the server), or was written since this machine started.
find_links() {
  local folder
  links=() old=()
  for folder in "$root"/[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]-[0-9][0-9]-[0-9][0-9]*; do
    [[ ! -d $folder ]] || links=("--link-dest=$folder")
  done
  for folder in "$root"/.incomplete-*; do
    [[ -d $folder ]] || continue
    old+=("$folder")
    # rsync takes at most 20 of them.
    if [[ $destination != /* || $folder == *"-$boot-"* ]] && ((${#links[@]} < 20)); then
      links+=("--link-dest=$folder")
    fi
  done
}

# copy INTO [OPTION…]: rsync's status, or 124 when the time is up.
copy() {
  local into=$1 left=$((seconds - SECONDS)) status
  shift
  ((left > 0)) || return 124
  mkdir -- "$into" || return 1
  timeout --foreground -k 60 "$left" rsync -aHAX --numeric-ids --stats \
    ${exact[@]+"${exact[@]}"} "$@" -- "$from/" "$into/" 2>"$errors"
  status=$?
  cat -- "$errors" >&2
  return "$status"
}

# flush FOLDER: its file system's data are on disk or at the server afterwards.
flush() {
  if [[ $(sync --help) == *--file-system* ]]; then
    sync --file-system -- "$1"
  else
    sync
  fi
}

now() { stamp=$(TZ=$timezone date +%Y-%m-%d-%H-%M_%S_%z); }

# publish: the incomplete tree gets its name, with seconds and offset where it is taken.
publish() {
  name=${stamp%%_*}
  [[ ! -e $root/$name ]] || name=${stamp%_*} name=${name/_/-}
  [[ ! -e $root/$name ]] || name=$name${stamp##*_}
  if [[ -e $root/$name ]]; then
    sleep 1
    now && publish
    return
  fi
  flush "$incomplete" && mv -T -- "$incomplete" "$root/$name" && flush "$root"
}

work() {
  local root=$to/$source_id boot stamp incomplete name status links old gone=0
  guard
  [[ -d $root ]] || mkdir -- "$root" || stop 1 "cannot make $root"
  if ! exec 9>"$root/.rsync-lock" || ! flock -w 120 9; then
    stop 3 "another run holds $root/.rsync-lock"
  fi
  boot=$(cut -c 1-8 /proc/sys/kernel/random/boot_id)
  now
  incomplete=$root/.incomplete-${stamp%%_*}-$boot-$$
  find_links
  errors=$temporary/errors
  copy "$incomplete" ${links[@]+"${links[@]}"}
  status=$?
  if ((status == 23)) && grep -q 'Too many links' "$errors"; then
    # EFS allows a file 177 names, and rsync cannot split a group of hard links.
    say "a group of hard links has reached the limit: copying everything anew"
    old+=("$incomplete")
    incomplete=$incomplete-anew
    copy "$incomplete"
    status=$?
  fi
  case $status in
    0) ;;
    24) gone=$(grep -c 'has vanished: ' "$errors") ;;
    23) stop 23 "some entries failed: nothing is published, the next run links from what is there" ;;
    124 | 137) stop 26 "the time is up: nothing is published, the next run links from what is there" ;;
    *) stop 1 "rsync ended with status $status: nothing is published" ;;
  esac
  publish || stop 1 "cannot publish $incomplete as $root/$name"
  ((${#old[@]} == 0)) || rm -rf --one-file-system -- "${old[@]}" ||
    say "could not remove all of: ${old[*]}"
  say "complete: $source_id/$name"
  ((status == 0)) || say "$gone source entries vanished while they were copied"
}

start "$@"
