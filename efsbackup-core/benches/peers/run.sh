#!/usr/bin/env bash
# Compares whole runs of efsbackup with cp -a and rsync: `run.sh EFSBACKUP [DIR] [ROUNDS]`.
#
# Every round runs every peer once, so that whatever else the machine does meets all alike.
# What counts is the ratio; seconds are told for scale. The page cache is warm. Peers without
# the ability (cp cannot leave alone what is unchanged and removes nothing) are left out of
# a case. rsync and cp leave the data in the page cache; so does `--fsync none`, and
# `efsbackup` without it has made everything durable when it ends.
set -euo pipefail

efsbackup=$(realpath "$1")
dir=${2:-target/bench}
rounds=${3:-5}
mkdir -p "$dir"
work=$(mktemp -d "$dir/peers.XXXXXX")
trap 'rm -rf "$work"' EXIT

copy_cp() { cp -a "$1/." "$2"; }
copy_rsync() { rsync -aHAX --numeric-ids --delete "$1/" "$2/"; }
copy_efsbackup() { "$efsbackup" mirror --quiet --delete "$1" "$2"; }
copy_efsbackup_no_sync() { "$efsbackup" mirror --quiet --delete --fsync none "$1" "$2"; }

make_small() { # 20,000 files of 4 KiB in 200 directories
  head -c 4096 /dev/urandom > "$work/block"
  local d f
  for d in $(seq 200); do
    mkdir -p "$1/$d"
    for f in $(seq 100); do cp "$work/block" "$1/$d/$f"; done
  done
}

make_big() { # one file of 512 MiB
  mkdir -p "$1"
  head -c $((512 << 20)) /dev/urandom > "$1/big"
}

change_some() { # 1 % of the small files
  local d
  for d in $(seq 200); do echo changed >> "$1/$d/1"; done
}

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# measure CASE SOURCE PREPARE PEER…: PREPARE makes the destination as it is before the run.
measure() {
  local name=$1 source=$2 prepare=$3 peer begin
  shift 3
  rm -f "$work"/times.*
  for _ in $(seq "$rounds"); do
    for peer in "$@"; do
      rm -rf "$work/destination"
      mkdir "$work/destination"
      "$prepare" "$work/destination"
      sync -f "$work"
      begin=$EPOCHREALTIME
      "copy_$peer" "$source" "$work/destination"
      awk "BEGIN { print $EPOCHREALTIME - $begin }" >> "$work/times.$peer"
      diff -rq "$source" "$work/destination" > /dev/null
    done
  done
  local base
  base=$(median < "$work/times.rsync")
  for peer in "$@"; do
    median < "$work/times.$peer" | awk -v name="$name" -v peer="$peer" -v base="$base" \
      '{ printf "%-22s %-20s %8.3f s  %5.2f of rsync\n", name, peer, $1, $1 / base }'
  done
}

empty() { :; }
copied() { cp -a "$work/small/." "$1"; }
old() { cp -a "$work/old/." "$1"; }

echo "$(uname -sr), $(nproc) cores, $(stat -f -c %T "$work"), $(rsync --version | head -1)"
make_small "$work/small"
make_big "$work/big"
measure "20,000 files" "$work/small" empty cp rsync efsbackup efsbackup_no_sync
measure "one file of 512 MiB" "$work/big" empty cp rsync efsbackup efsbackup_no_sync
measure "20,000, unchanged" "$work/small" copied rsync efsbackup efsbackup_no_sync
cp -a "$work/small" "$work/old"
change_some "$work/small"
measure "20,000, 1 % changed" "$work/small" old rsync efsbackup efsbackup_no_sync
