#!/usr/bin/env bash
# `make bench-shard`: what a second process gains over a latency, with planning and putting
# together counted in.
# On the host: bench-shard.sh BENCH-PROGRAM [MILLISECONDS]...; it runs itself in the guest.
#   ROUNDS=5     how often each is run, in turn
#   FILES=20000  small files, 100 a directory; 1 % symbolic links, 0.5 % hard links, mixed owners
#   JOBS=4       threads of each process
#   RUNS="one two"  with one process, and with two
#   UNITS=4      how many the tree is cut into
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
src=/mnt/nfs-src dst=/mnt/nfs-dst
rounds=${ROUNDS:-5} files=${FILES:-20000} jobs=${JOBS:-4} units=${UNITS:-4} runs=${RUNS:-one two}

# timed NAME WORD...: one snapshot with cold client caches; notes the seconds of all of it.
timed() {
  local name=$1 said
  [[ " $runs " == *" $name "* ]] || return 0
  shift
  nfs-ctl remount all
  said=$("$@") || { echo "failed: $*" && exit 1; }
  echo "  $name: $said"
  echo "$name ${said##*all }" >> /run/bench-times
  rm -rf /srv/dst/*
}

# The median seconds of NAME, and the least and most.
spread() {
  awk -v name="$1" '$1 == name { print $2 }' /run/bench-times | sort -n |
    awk '{ t[NR] = $1 } END { printf "%s s (%s to %s)", t[int((NR + 1) / 2)], t[1], t[NR] }'
}

in_guest() {
  local latency round one two
  # No delegations: EFS is not known to grant any.
  echo 0 > /proc/sys/fs/leases-enable
  cp -a /run/bench/tree /srv/src/tree
  # Memory that the guest uses for the first time is slow.
  head -c 768M /dev/zero > /run/bench-memory && rm /run/bench-memory
  for latency in "$@"; do
    : > /run/bench-times
    nfs-ctl latency all "$latency"
    echo "-- $latency ms a round trip, $files files, $jobs threads a process, $units units"
    for ((round = 0; round < rounds; round++)); do
      timed one "$BENCH" alone $src/tree $dst/root "$jobs"
      timed two "$BENCH" shared $src/tree $dst/root "$jobs" 2 "$units"
    done
    [ "$runs" = "one two" ] || continue
    one=$(spread one) two=$(spread two)
    echo "one process $one, two $two"
    # Of each round, so that what else the machine does counts for both.
    awk '$1 == "one" { one = $2 } $1 == "two" { print (one / $2) }' /run/bench-times | sort -n |
      awk '{ r[NR] = $1 } END { m = r[int((NR + 1) / 2)]
        printf "two are %.2f times as fast as one (%.2f to %.2f); aim: 1.7 times, %s\n", m, r[1], r[NR], (m >= 1.7 ? "met" : "NOT MET") }'
  done
}

if [ "${1:-}" = in-guest ]; then
  mkdir /run/bench
  mount -n --bind "$BENCH_DIR" /run/bench
  in_guest "${@:2}"
else
  program=${1:?usage: bench-shard.sh BENCH-PROGRAM [MILLISECONDS]...}
  shift
  [ $# -gt 0 ] || set -- 2
  made=$(mktemp -d)
  trap 'rm -rf "$made"' EXIT
  peers=$here/../../efsbackup-core/benches/peers
  PYTHONPATH=$peers python3 -B -c 'import sys, pathlib, data
data.small_files(pathlib.Path(sys.argv[1]), 1, int(sys.argv[2]) / 100_000)' "$made/tree" "$files" || exit
  "$here/lab.sh" run --timeout 7200 --env "BENCH=$(realpath -e -- "$program")" --env "BENCH_DIR=$made" \
    --env "ROUNDS=$rounds" --env "FILES=$files" --env "JOBS=$jobs" --env "UNITS=$units" --env "RUNS=$runs" \
    -- /bin/bash "${BASH_SOURCE[0]}" in-guest "$@"
fi
