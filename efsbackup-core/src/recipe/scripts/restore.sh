# shellcheck shell=bash disable=SC2034,SC2154
# A restore, with the same arguments as a backup and before all options: --snapshot=NAME (or
# `latest`), and --into=FOLDER below the source, or --in-place. Both file systems are proved.

prepare() {
  snapshot='' into='' in_place='' source_mode=rw destination_mode=ro
  while (($# > 0)); do
    case $1 in
      --snapshot=*) snapshot=${1#*=} ;;
      --into=*) into=${1#*=} ;;
      # What is replaced is kept as one more snapshot.
      --in-place) in_place=1 destination_mode=rw ;;
      *) break ;;
    esac
    shift
  done
  [[ $snapshot == latest || $snapshot =~ ^[0-9]{4}(-[0-9]{2}){4}[0-9+-]*$ ]] ||
    stop 2 "'$snapshot' is no snapshot's name: give latest, or one such as 2026-01-31-04-00"
  if [[ -z $in_place ]]; then
    [[ -n $into && $into != /* && /$into/ != */../* && /$into/ != */./* ]] ||
      stop 2 "'$into' is no folder below the source"
  fi
  options "$@"
  fetch
}

# newest: sets `snapshot` to the newest complete one, the last that is listed.
newest() {
  local name state
  snapshot=''
  "$program" snapshots "$to" --name "$source_id" >"$temporary/list" ||
    stop 1 "cannot list the snapshots of $source_id"
  while read -r name _ state _; do
    [[ $state != complete ]] || snapshot=$name
  done <"$temporary/list"
}

work() {
  local place=$from left status
  prove "$from" "$source" "$source_id"
  prove "$to" "$destination" "$destination_id"
  [[ $snapshot != latest ]] || newest
  [[ -n $snapshot ]] || stop 3 "there is no complete snapshot of $source_id"
  if [[ -z $in_place ]]; then
    place=$from/$into
    # A link there would lead elsewhere.
    [[ ! -e $place && ! -L $place ]] || stop 3 "$into is there already, in the source"
    [[ $(realpath -m -- "$place") == "$(realpath -- "$from")/"* ]] ||
      stop 3 "$into leads out of the source"
    mkdir -p -- "$place" || stop 1 "cannot make $into in the source"
  else
    more+=(--in-place --timezone "$timezone")
  fi
  left=$((seconds > SECONDS ? seconds - SECONDS : 1))
  "$program" restore "$to" "$snapshot" "$place" --name "$source_id" --stop-after "${left}s" \
    ${more[@]+"${more[@]}"}
  status=$?
  ((status == 0)) || stop "$status" "the restore of $snapshot ended with status $status"
  say "restored: $source_id/$snapshot${into:+ to $into}"
}

start "$@"
