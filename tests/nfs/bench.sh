#!/usr/bin/env bash
# `make bench-nfs`: what latency costs the mirror and rsync, and how many calls an entry takes.
# On the host: bench.sh EFSBACKUP [MILLISECONDS]...; it runs itself in the guest.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
dirs=20 files=2000
src=/mnt/nfs-src dst=/mnt/nfs-dst

# Calls of each kind since the mount, those above a hundredth per file, as calls per file.
calls() {
  awk -v mount="$1" -v files=$files '
    $1 == "device" { here = ($5 == mount) }
    here && /^\t +[A-Z_]+:/ && $2 / files >= 0.01 { name = $1; sub(":", "", name)
      printf " %s %.2f", name, $2 / files }' /proc/self/mountstats
}

# timed WHAT COMMAND...: with cold client caches.
timed() {
  local what=$1 begin end
  shift
  nfs-ctl remount all
  begin=${EPOCHREALTIME/./}
  "$@" > /dev/null || echo "exit status $?: $*"
  end=${EPOCHREALTIME/./}
  printf '%-12s %-10s %6.2f s   source:%s   destination:%s\n' "${copier:?}" "$what" \
    "$(((end - begin) / 10000))e-2" "$(calls $src)" "$(calls $dst)"
}

in_guest() {
  # No delegations: EFS is not known to grant any.
  echo 0 > /proc/sys/fs/leases-enable
  local latency dir file name
  for ((dir = 0; dir < dirs; dir++)); do
    mkdir -p "/srv/src/tree/d$dir"
    for ((file = 0; file < files / dirs; file++)); do
      printf '%4096d' $file > "/srv/src/tree/d$dir/f$file"
    done
  done
  for latency in "$@"; do
    nfs-ctl latency all "$latency"
    echo "-- $latency ms a round trip, $files files of 4 KiB in $dirs directories"
    for copier in rsync 16 32 64; do
      name=$latency-$copier
      local -a copy=("$EFSBACKUP" mirror --quiet --jobs "$copier")
      [ $copier != rsync ] || copy=(rsync -aHAX)
      [ $copier = rsync ] || copier="jobs $copier"
      timed first "${copy[@]}" $src/tree/ $dst/"$name"
      timed unchanged "${copy[@]}" $src/tree/ $dst/"$name"
      timed link-dest "${copy[@]}" --link-dest $dst/"$name" $src/tree/ $dst/"$name-linked"
      rm -rf /srv/dst/*
    done
  done
}

if [ "${1:-}" = in-guest ]; then
  in_guest "${@:2}"
else
  export EFSBACKUP=${1:?usage: bench.sh EFSBACKUP [MILLISECONDS]...}
  shift
  [ $# -gt 0 ] || set -- 1 2 5
  "$here/lab.sh" run --timeout 3600 -- /bin/bash "${BASH_SOURCE[0]}" in-guest "$@"
fi
