#!/usr/bin/env bash
# The guest's first process, in the overlay: starts the servers, mounts them, runs the command
# and ends the guest with its status.
set -u
lab=/run/nfs-lab
host=$lab/host
# shellcheck source=/dev/null
. "$host/settings"
: "${here:?}" "${cwd:?}" "${latency:?}" "${fs:?}" "${size:?}" "${mount:?}" "${timeout:?}"
cp "$host/settings" "$lab/settings"
# shellcheck source=/dev/null
. "$here/guest/server.sh"

finish() { # finish STATUS; never returns
  local dir
  stty -F /dev/tty1 raw -echo # waits until all is written out
  stty -F /dev/tty2 raw -echo
  echo "$1" > "$host/status"
  sync -f "$host/status"
  while IFS= read -r -d '' dir; do [ -z "$dir" ] || sync -f "$dir"; done < "$host/rw"
  echo o > /proc/sysrq-trigger
  while :; do sleep 1; done
}

# Ends the guest when the command takes too long, and says what hangs in the kernel.
watch_time() {
  local task state
  sleep "$timeout"
  echo "nfs lab: timed out after $timeout s; what hangs in the kernel:"
  for task in /proc/[0-9]*/task/[0-9]*; do
    state=$(awk '/^State/ { print $2 }' "$task/status" 2> /dev/null)
    [ "$state" = D ] || continue
    echo "  $(tr '\0' ' ' < "$task/cmdline" | cut -c1-150) [$(cat "$task/wchan")]"
  done
  finish 124
}

set_up() {
  echo nfs-lab > /proc/sys/kernel/hostname
  printf '%s\n' '127.0.0.1 localhost nfs-lab' '10.99.1.2 nfs-src' '10.99.2.2 nfs-dst' \
    '10.99.3.2 nfs-dead' > /etc/hosts
  modprobe -a sunrpc nfsd nfs nfsv4 veth sch_netem dummy || return 1
  [ "$fs" = tmpfs ] || modprobe -a loop dm-mod dm-flakey quota_v2 || return 1
  # nfs-dead: an address whose packets go nowhere, as behind a closed security group.
  printf '%s\n' 'link set lo up' 'link add dead type dummy' 'addr add 10.99.3.1/24 dev dead' \
    'link set dead up' | ip -batch - || return 1
  local server
  for server in src dst; do make_disk $server || return 1; done
  for server in src dst; do
    echo "$latency" > "$lab/$server.latency"
    echo off > "$lab/$server.blackhole"
    start_server $server
  done
  for server in src dst; do connect $server || return 1; done
  [ "$mount" = 0 ] || { mount_server src && mount_server dst; }
}

run_command() {
  local -a command environment
  mapfile -d '' command < "$host/command"
  mapfile -d '' environment < "$host/environment"
  environment+=(NFS_LAB=1 "PATH=$lab/bin:$PATH")
  printf '#!/bin/bash\nexec /bin/bash %q "$@"\n' "$here/guest/ctl.sh" > $lab/bin/nfs-ctl
  chmod 0755 $lab/bin/nfs-ctl
  mkfifo $lab/out $lab/err
  cat $lab/out > /dev/tty1 &
  local out=$!
  cat $lab/err > /dev/tty2 &
  local err=$!
  (cd "$cwd" && exec env -i "${environment[@]}" "${command[@]}") < /dev/null > $lab/out 2> $lab/err 8>&- 9>&- &
  wait $!
  local status=$?
  # Something the command left running may hold the pipes: it is not waited for.
  (sleep 5 && kill $out $err 2> /dev/null) &
  wait $out $err
  return $status
}

exec 8> /dev/tty1 9> /dev/tty2
stty -F /dev/tty1 raw -echo
stty -F /dev/tty2 raw -echo
watch_time > /dev/tty2 2>&1 &
if set_up 2> /dev/tty2; then
  run_command
  finish $?
fi
echo "nfs lab: setting up the guest failed" > /dev/tty2
finish 125
