# shellcheck shell=bash disable=SC2034,SC2154
# marked FOLDER: sets `id` to what the marker in FOLDER says, if it was written there: a
# marker that came with copied files has another inode number than it names.
marked() {
  local head inode
  { read -r head && read -r _ id && read -r _ inode; } 2>/dev/null <"$1/.efsbackup-id" &&
    [[ $head == 'efsbackup-id 1' && $inode == "$(stat -c %i -- "$1/.efsbackup-id")" ]]
}

# prove FOLDER NAME ID: is FOLDER, called NAME in the definition, on file system ID? EFS's
# own host names tell, and so does a marker in FOLDER or above it on the same mount.
prove() {
  local folder top id
  if ! folder=$(realpath -- "$1") ||
    ! top=$(findmnt --kernel --noheadings --output TARGET --target "$1"); then
    stop 3 "cannot tell which file system $1 is on"
  fi
  if [[ $2 =~ ^([^/]*\.)?(fs-[0-9a-f]+)\.efs\. ]]; then
    [[ ${BASH_REMATCH[2]} == "$3" ]] || stop 3 "$2 is ${BASH_REMATCH[2]}, not $3"
    return
  fi
  until marked "$folder"; do
    [[ $folder != "$top" && $folder != / ]] ||
      stop 3 "nothing proves that $2 is $3: run 'efsbackup mark' on it once"
    folder=$(dirname -- "$folder")
  done
  [[ $id == "$3" ]] || stop 3 "$2 should be $3, but the marker in $folder says $id"
}

