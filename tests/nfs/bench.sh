#!/usr/bin/env bash
# `make bench-nfs`: what latency costs efsbackup and others, and how many calls an entry takes.
# On the host: bench.sh EFSBACKUP [MILLISECONDS]...; it runs itself in the guest.
#   ROUNDS=3   how often each program runs, in turn
#   PROGRAMS="auto floor16 fpsync rsync"   which; jobs-N is efsbackup with N threads
#   WORKS="first unchanged snapshot next"   which; each needs those before it but `snapshot`
#   FILES=1500 small files, 100 a directory; 1 % symbolic links, 0.5 % hard links, mixed owners
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
src=/mnt/nfs-src dst=/mnt/nfs-dst works=${WORKS:-first unchanged snapshot next}
rounds=${ROUNDS:-3} files=${FILES:-1500}
read -ra programs <<< "${PROGRAMS:-auto floor16 fpsync rsync}"

# Calls of each kind since the mount, those above two hundredths per file, as calls per file.
calls() {
  awk -v mount="$1" -v files="$files" '
    $1 == "device" { here = ($5 == mount) }
    here && /^\t +[A-Z_]+:/ && $2 / files >= 0.02 { name = $1; sub(":", "", name)
      total += $2; list = list sprintf(" %s %.2f", name, $2 / files) }
    END { printf "%.2f =%s", total / files, list }' /proc/self/mountstats
}

# timed WORK PROGRAM COMMAND...: with cold client caches; notes the time and the last calls.
timed() {
  local work=$1 program=$2 begin end status
  shift 2
  [[ " $works " == *" $work "* ]] || return 0
  nfs-ctl remount all
  begin=${EPOCHREALTIME/./}
  "$@" > /run/bench-output 2>&1
  status=$?
  end=${EPOCHREALTIME/./}
  [ $status = 0 ] || { echo "exit status $status: $*" && tail -n 3 /run/bench-output; }
  echo "$work|$program|$(((end - begin) / 1000))" >> /run/bench-times
  calls $src > "/run/bench-calls-$work-$program-src"
  calls $dst > "/run/bench-calls-$work-$program-dst"
}

# The works of one program, which leave nothing behind.
works() {
  local program=$1 copy=() threads=
  case $program in
    auto | jobs-*) threads=(--jobs "${program#jobs-}") && copy=("$EFSBACKUP" mirror --quiet "${threads[@]}") ;;
    rsync) copy=(rsync -aHAX) ;;
    fpsync) copy=(fpsync -n 16 -f 100 -o '-lptgoDHAX --numeric-ids') ;;
    floor16) copy=(/run/bench/floor copy /run/bench/tree.names) && mkdir $dst/floor16 ;;
  esac
  timed first "$program" "${copy[@]}" $src/tree/ "$dst/$program"
  case $program in floor16) copy[1]=compare ;; esac
  [ "$program" = fpsync ] || timed unchanged "$program" "${copy[@]}" $src/tree/ "$dst/$program"
  case $program in
    auto | jobs-*)
      rm -rf "/srv/dst/$program"
      timed snapshot "$program" "$EFSBACKUP" backup --quiet "${threads[@]}" --name b $src/tree "$dst/$program-b"
      timed next "$program" "$EFSBACKUP" backup --quiet "${threads[@]}" --name b $src/tree "$dst/$program-b"
      ;;
    rsync) timed next rsync rsync -aHAX --link-dest $dst/rsync $src/tree/ $dst/rsync-b ;;
    floor16)
      mkdir $dst/floor16-b
      timed next floor16 /run/bench/floor link /run/bench/tree.names $src/tree $dst/floor16-b $dst/floor16
      ;;
  esac
  rm -rf /srv/dst/*
}

median() { # median WORK PROGRAM
  awk -F'|' -v work="$1" -v program="$2" '$1 == work && $2 == program { print $3 }' /run/bench-times |
    sort -n | awk '{ t[NR] = $1 } END { if (NR) printf "%.2f", t[int((NR + 1) / 2)] / 1000 }'
}

# What manifest and digests cost: the median over the rounds of snapshot against first copy.
cost() { # cost PROGRAM
  awk -F'|' -v program="$1" '$2 == program && $1 == "first" { first = $3 }
    $2 == program && $1 == "snapshot" && first { printf "%.1f\n", 100 * $3 / first - 100 }' /run/bench-times |
    sort -n | awk '{ c[NR] = $1 } END { if (NR) printf "%+.1f", c[int((NR + 1) / 2)] }'
}

in_guest() {
  # No delegations: EFS is not known to grant any.
  echo 0 > /proc/sys/fs/leases-enable
  cp -a /run/bench/tree /srv/src/tree
  local latency round program work seconds cost
  for latency in "$@"; do
    : > /run/bench-times
    nfs-ctl latency all "$latency"
    for ((round = 0; round < rounds; round++)); do
      for program in "${programs[@]}"; do works "$program"; done
    done
    echo "-- $latency ms a round trip, $files files, median of $rounds"
    for work in first unchanged snapshot next; do
      for program in "${programs[@]}"; do
        seconds=$(median $work "$program")
        [ -z "$seconds" ] || printf '%-10s %-8s %6s s   source %s   destination %s\n' $work "$program" "$seconds" \
          "$(< "/run/bench-calls-$work-$program-src")" "$(< "/run/bench-calls-$work-$program-dst")"
      done
    done
    for program in "${programs[@]}"; do
      cost=$(cost "$program")
      [ -z "$cost" ] || echo "manifest and digests, $program: $cost % of the first copy"
    done
  done
}

if [ "${1:-}" = in-guest ]; then
  mkdir /run/bench
  mount -n --bind "$BENCH_DIR" /run/bench
  in_guest "${@:2}"
else
  EFSBACKUP=${1:?usage: bench.sh EFSBACKUP [MILLISECONDS]...}
  shift
  [ $# -gt 0 ] || set -- 0.5 2 10
  made=$(mktemp -d)
  trap 'rm -rf "$made"' EXIT
  peers=$here/../../efsbackup-core/benches/peers
  "${CC:-cc}" -O2 -pthread -DTHREADS=16 -o "$made/floor" "$peers/floor.c" || exit
  PYTHONPATH=$peers python3 -B -c 'import sys, pathlib, data
data.small_files(pathlib.Path(sys.argv[1]), 1, int(sys.argv[2]) / 100_000)' "$made/tree" "$files" || exit
  "$here/lab.sh" run --timeout 7200 --env "EFSBACKUP=$EFSBACKUP" --env "BENCH_DIR=$made" \
    --env "ROUNDS=$rounds" --env "FILES=$files" --env "PROGRAMS=${programs[*]}" --env "WORKS=$works" \
    -- /bin/bash "${BASH_SOURCE[0]}" in-guest "$@"
fi
