#!/usr/bin/env bash
# A backup pipeline from its definition to a proved restore, on this machine alone.
#
#   SOURCE  the folder to back up (default /usr/include); it is copied and not touched
#   DEST    where everything goes (default target/demo); made anew each time
#   EFSBACKUP  the command to use (default: built here)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=${CARGO_TARGET_DIR:-$here/target}
SOURCE=$(realpath -- "${SOURCE:-/usr/include}")
DEST=$(realpath -m -- "${DEST:-$target/demo}")
source_id=fs-0123456789abcdef0
backup_id=fs-0fedcba9876543210

bold='' plain=''
if [[ -t 1 ]]; then
  bold=$'\e[1m' plain=$'\e[0m'
fi
number=0

step() {
  number=$((number + 1))
  printf '\n%s%2d  %s%s\n' "$bold" "$number" "$*" "$plain"
}

# Indented, and with short names for what lies below this folder.
tell() {
  printf '    %s\n' "${*//"$PWD"\//}"
}

# Runs a command and tells what it prints, errors too; keeps its exit status.
show() {
  "$@" 2>&1 | while IFS= read -r line; do
    tell "$line"
  done
}

die() {
  printf 'demo: %s\n' "$*" >&2
  exit 1
}

efsbackup() {
  "$EFSBACKUP" "$@"
}

# The demo's folder is emptied only if an earlier demo made it.
prepare() {
  [[ -d $SOURCE ]] || die "SOURCE: $SOURCE is no folder"
  [[ $DEST/ != "$SOURCE"/* ]] || die "DEST: $DEST lies inside $SOURCE"
  [[ $SOURCE/ != "$DEST"/* ]] || die "SOURCE: $SOURCE lies inside $DEST, which is made anew"
  if [[ -e $DEST && ! -e $DEST/.made-by-demo && -n $(ls -A -- "$DEST") ]]; then
    die "DEST: $DEST is not empty and no demo made it"
  fi
  [[ ! -e $DEST ]] || printf 'Removing what the last demo left in %s\n' "${DEST#"$PWD"/}"
  rm -rf -- "$DEST"
  mkdir -p -- "$DEST/backups"
  touch -- "$DEST/.made-by-demo"
  work=$DEST/source
  before=$DEST/source-before
  pipeline=$DEST/pipeline.json
}

build() {
  step "Build"
  if [[ -z ${EFSBACKUP:-} ]]; then
    (cd "$here" && cargo build --quiet --release --locked -p efsbackup-core --features cli)
    EFSBACKUP=$target/release/efsbackup
  fi
  export EFSBACKUP
  tell "$(efsbackup --version)"
}

define() {
  step "Write the pipeline that backs one EFS file system up to another"
  efsbackup pipeline new --quiet --output "$pipeline" \
    --source "$source_id.efs.ap-northeast-1.amazonaws.com:/" \
    --destination "$backup_id.efs.ap-northeast-1.amazonaws.com:/" \
    --period '1 hours' \
    --notify arn:aws:sns:ap-northeast-1:123456789012:backups --log-uri s3://example-logs/efs \
    --image ami-0123456789abcdef0 --subnet subnet-0123456789abcdef0 \
    --security-group sg-0123456789abcdef0 --key-pair ops
  efsbackup pipeline convert "$pipeline" --to cfn-yaml --output "$DEST/pipeline.yaml" --quiet
  tell "$pipeline"
  tell "$DEST/pipeline.yaml (the same for CloudFormation)"

  step "Check it, resolve it, draw it"
  show efsbackup pipeline validate "$pipeline"
  show efsbackup pipeline resolve "$pipeline" --object EC2ResourceObj
  efsbackup pipeline draw "$pipeline" --to svg --output "$DEST/pipeline.svg" --quiet
  tell "$DEST/pipeline.svg"
}

copy_source() {
  step "Copy $SOURCE, and mark both folders as the file systems they stand for"
  cp -a -- "$SOURCE" "$work"
  efsbackup mark "$work" --id "$source_id" --quiet 2>/dev/null
  efsbackup mark "$DEST/backups" --id "$backup_id" --quiet 2>/dev/null
  cp -a -- "$work" "$before"
  tell "$(find "$work" | wc -l) entries, $(du -sh -- "$work" | cut -f 1)"
}

run_pipeline() {
  show efsbackup run "$pipeline" --quiet --once --state "$DEST/state.db" --log-dir "$DEST/logs" \
    --value "myEFSSource=$work" --value "myEFSBackup=$DEST/backups"
}

change_source() {
  local files
  step "Change, add, remove and chmod files"
  mapfile -d '' -t files < <(find "$work" -type f ! -name .efsbackup-id -print0 | sort -z | head -z -n 3)
  ((${#files[@]} == 3)) || die "SOURCE: three files at least are needed"
  echo 'one more line' >>"${files[0]}"
  rm -- "${files[1]}"
  chmod u=rw,go= -- "${files[2]}"
  echo new >"$work/added by the demo"
  tell "changed  ${files[0]#"$work"/}"
  tell "removed  ${files[1]#"$work"/}"
  tell "chmod    ${files[2]#"$work"/}"
  tell "added    added by the demo"
}

restore_first() {
  local first
  step "The snapshots"
  show efsbackup snapshots "$DEST/backups"
  first=$(efsbackup snapshots "$DEST/backups" --json | sed -n 's/^ *"id": "\(.*\)",$/\1/p' | head -n 1)

  step "Restore the first one, and prove it equal to the source before the changes"
  show efsbackup restore "$DEST/backups" "$first" "$DEST/restored"
  same "efsbackup mirror --dry-run --checksum" \
    efsbackup mirror --dry-run --delete --checksum --itemize --quiet "$before" "$DEST/restored"
  if command -v rsync >/dev/null; then
    same "rsync -aHAXn --checksum" rsync -aHAXn --numeric-ids --delete --checksum \
      --modify-window=-1 --itemize-changes "$before/" "$DEST/restored/"
  fi
}

# same NAME COMMAND…: COMMAND must find nothing to do.
same() {
  local name=$1 found
  shift
  found=$("$@")
  [[ -z $found ]] || die "$name finds differences:"$'\n'"$found"
  tell "$name: no difference, metadata included"
}

prepare
build
define
copy_source
step "Run the pipeline: the first backup"
run_pipeline
change_source
step "Run it again: only what changed is stored"
run_pipeline
restore_first
printf '\n%sDone in %d s.%s  Look around in %s\n' "$bold" "$SECONDS" "$plain" "${DEST#"$PWD"/}"
