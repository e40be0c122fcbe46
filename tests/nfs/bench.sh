#!/usr/bin/env bash
# `make bench-nfs`: what latency costs efsbackup and others, how many calls an entry takes, and
# whether what was aimed at is met.
# On the host: bench.sh EFSBACKUP [MILLISECONDS]...; it runs itself in the guest.
#   ROUNDS=3   how often each program runs, in turn
#   PROGRAMS="auto floor16 fpsync rsync cp jobs-1 jobs-4 jobs-16 jobs-32 jobs-64"
#              which; jobs-N is efsbackup with N threads
#   WORKS="first unchanged snapshot next large"   which; each needs those before it but `snapshot`
#   FILES=1500 small files, 100 a directory; 1 % symbolic links, 0.5 % hard links, mixed owners
#   LARGE=256M the size of the one large file
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
src=/mnt/nfs-src dst=/mnt/nfs-dst works=${WORKS:-first unchanged snapshot next large}
rounds=${ROUNDS:-3} files=${FILES:-1500} large=${LARGE:-256M}
read -ra programs <<< "${PROGRAMS:-auto floor16 fpsync rsync cp jobs-1 jobs-4 jobs-16 jobs-32 jobs-64}"

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

# The works of one program, which leave nothing behind. What few threads take long for is done
# for the first copy only.
works() {
  local program=$1 copy=() threads=()
  case $program in
    auto | jobs-*) threads=(--jobs "${program#jobs-}") && copy=("$EFSBACKUP" mirror --quiet "${threads[@]}") ;;
    rsync) copy=(rsync -aHAX) ;;
    fpsync) copy=(fpsync -n 16 -f 100 -o '-lptgoDHAX --numeric-ids') ;;
    floor16) copy=(/run/bench/floor copy /run/bench/tree.names) && mkdir $dst/floor16 ;;
    cp) timed large cp cp -a $src/large $dst && rm -rf /srv/dst/* && return ;;
  esac
  timed first "$program" "${copy[@]}" $src/tree/ "$dst/$program"
  [ "$program" != floor16 ] || copy[1]=compare
  case $program in
    fpsync | jobs-1 | jobs-4) ;;
    *) timed unchanged "$program" "${copy[@]}" $src/tree/ "$dst/$program" ;;
  esac
  case $program in
    auto)
      timed large auto "${copy[@]}" $src/large $dst
      rm -rf "/srv/dst/$program"
      timed snapshot auto "$EFSBACKUP" backup --quiet --name b $src/tree $dst/b
      timed next auto "$EFSBACKUP" backup --quiet --name b $src/tree $dst/b
      ;;
    rsync)
      timed large rsync rsync -aHAX $src/large $dst
      timed next rsync rsync -aHAX --link-dest $dst/rsync $src/tree/ $dst/rsync-b
      ;;
    floor16)
      mkdir $dst/floor16-b
      timed next floor16 /run/bench/floor link /run/bench/tree.names $src/tree $dst/floor16-b $dst/floor16
      ;;
  esac
  rm -rf /srv/dst/*
}

# The least, median and most seconds of a program's work.
spread() { # spread WORK PROGRAM
  awk -F'|' -v work="$1" -v program="$2" '$1 == work && $2 == program { print $3 }' /run/bench-times |
    sort -n | awk '{ t[NR] = $1 / 1000 }
      END { if (NR) printf "%.2f %.2f %.2f", t[1], t[int((NR + 1) / 2)], t[NR] }'
}

# aim WORK PROGRAM RELATION LIMIT: whether PROGRAM's median divided by that of `auto` is so.
aim() {
  local ours theirs
  read -r _ ours _ < <(spread "$1" auto)
  read -r _ theirs _ < <(spread "$1" "$2")
  [ -n "${ours:-}" ] && [ -n "${theirs:-}" ] || return 0
  awk -v ours="$ours" -v theirs="$theirs" -v work="$1" -v program="$2" -v relation="$3" -v limit="$4" 'BEGIN {
    ratio = theirs / ours
    met = relation == ">=" ? ratio >= limit : ours / theirs <= limit
    if (relation == ">=") printf "%-10s %5.1f times as fast as %-8s aim: %s times      ", work, ratio, program, limit
    else printf "%-10s %5.2f of the time of %-10s aim: at most %-5s", work, ours / theirs, program, limit
    print met ? "met" : "NOT MET" }'
}

aims() {
  local work program best least median
  aim first rsync '>=' 10
  aim first fpsync '>=' 3
  aim first floor16 '<=' 1.3
  aim unchanged rsync '>=' 8
  aim next rsync '>=' 10
  for work in first unchanged; do
    best='' least=''
    for program in "${programs[@]}"; do
      case $program in jobs-*) ;; *) continue ;; esac
      read -r _ median _ < <(spread $work "$program")
      [ -n "${median:-}" ] || continue
      if [ -z "$least" ] || awk "BEGIN { exit !($median < $least) }"; then least=$median best=$program; fi
    done
    [ -z "$best" ] || aim $work "$best" '<=' 1.15
  done
}

# What manifest and digests cost: the median over the rounds of snapshot against first copy.
cost() {
  awk -F'|' '$2 == "auto" && $1 == "first" { first = $3 }
    $2 == "auto" && $1 == "snapshot" && first { printf "%.1f\n", 100 * $3 / first - 100 }' /run/bench-times |
    sort -n | awk '{ c[NR] = $1 } END { if (NR) printf "manifest and digests cost %+.1f %% of the first copy\n", c[int((NR + 1) / 2)] }'
}

in_guest() {
  # No delegations: EFS is not known to grant any.
  echo 0 > /proc/sys/fs/leases-enable
  cp -a /run/bench/tree /srv/src/tree
  head -c "$large" /dev/urandom > /srv/src/large
  # What is run is then in memory; and memory that the guest uses for the first time is slow.
  head -c 768M /dev/zero > /run/bench-memory && rm /run/bench-memory
  "$EFSBACKUP" mirror --quiet --dry-run $src/tree $dst/none
  rsync -n --version > /dev/null
  local latency round program work low median high
  for latency in "$@"; do
    : > /run/bench-times
    nfs-ctl latency all "$latency"
    for ((round = 0; round < rounds; round++)); do
      for program in "${programs[@]}"; do works "$program"; done
    done
    echo "-- $latency ms a round trip, $files files: median of $rounds (least to most), calls a file"
    for work in first unchanged snapshot next large; do
      for program in "${programs[@]}"; do
        low=
        read -r low median high < <(spread $work "$program")
        [ -n "$low" ] || continue
        printf '%-10s %-8s %6s s (%s to %s)' $work "$program" "$median" "$low" "$high"
        [ $work = large ] || printf '   source %s   destination %s' \
          "$(< "/run/bench-calls-$work-$program-src")" "$(< "/run/bench-calls-$work-$program-dst")"
        echo
      done
    done
    cost
    aims
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
    --env "ROUNDS=$rounds" --env "FILES=$files" --env "LARGE=$large" --env "PROGRAMS=${programs[*]}" --env "WORKS=$works" \
    -- /bin/bash "${BASH_SOURCE[0]}" in-guest "$@"
fi
