# shellcheck shell=bash disable=SC2034,SC2154
# The engine `efsbackup`, from $EFSBACKUP or PATH. It proves both ids, refuses an empty
# source, keeps its reports beside the snapshots and publishes only what is whole.
# Before all options: --share=plan, unit or finish, a step of a backup that nodes share.

prepare() {
  source_mode=ro destination_mode=rw verb=(backup)
  if [[ ${1-} == --share=* ]]; then
    verb=(shard "${1#*=}")
    shift
  fi
  options "$@"
  fetch
}

# vanished REPORT: the sum of the report's entries.vanished, over all types.
vanished() {
  local number sum=0
  for number in $(tr -d '[:space:]' <"$1" | grep -o '"vanished":{[^}]*}' | head -n 1 | grep -o '[0-9]*'); do
    sum=$((sum + number))
  done
  printf '%s' "$sum"
}

work() {
  local status message
  report=$temporary/report
  "$program" "${verb[@]}" "$from" "$to" --json --name "$source_id" --timezone "$timezone" \
    --expect-id "$source_id" --expect-destination-id "$destination_id" \
    --stop-after "$((seconds > SECONDS ? seconds - SECONDS : 1))s" \
    ${more[@]+"${more[@]}"} >"$report"
  status=$?
  cat -- "$report"
  if ((status == 24)); then
    say "complete; $(vanished "$report") source entries vanished or changed while they were copied"
    status=0
  elif ((status != 0)); then
    message=$(sed -n 's/^ *"message": "\(.*\)".*/\1/p' "$report" | head -n 1)
    say "ended with status $status${message:+: $message}" >&2
  fi
  return "$status"
}

start "$@"
