#!/usr/bin/env bash
# usage: run.sh BUILD_DIR SECONDS [TARGET…]   — libFuzzer on each target for so many seconds.
# What it finds worth keeping goes to BUILD_DIR/corpus, what crashes, hangs or takes over a
# second to BUILD_DIR/found; the exit status is that of the worst target.
set -euo pipefail
build=$(mkdir -p "$1" && cd "$1" && pwd)
seconds=$2
shift 2
cd "$(dirname "$0")"

# libFuzzer's eyes, which a stable compiler has too. The target is named so that the flags do
# not reach build scripts.
triple=$(rustc -vV | sed -n 's/^host: //p')
flags=(-Cpasses=sancov-module -Clink-dead-code)
for option in level=4 inline-8bit-counters pc-table trace-compares; do
  flags+=("-Cllvm-args=-sanitizer-coverage-$option")
done
RUSTFLAGS="${flags[*]}" cargo build --release --locked --target "$triple" --target-dir "$build"

targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  mapfile -t targets < <(cd corpus && printf '%s\n' *)
fi
status=0
mkdir -p "$build/found"
for target in "${targets[@]}"; do
  mkdir -p "$build/corpus/$target"
  echo "$target: $seconds s"
  export EFSBACKUP_FUZZ=$target
  fuzzer=$build/$triple/release/efsbackup-fuzz
  # Time on the clock: of a machine that sleeps or a process that is stopped, too.
  "$fuzzer" -max_total_time="$seconds" -timeout=300 -report_slow_units=1 -rss_limit_mb=2048 \
    -max_len=4096 -artifact_prefix="$build/found/$target-" "$build/corpus/$target" \
    "corpus/$target" > "$build/found/$target.log" 2>&1 || {
    status=$?
    grep -E 'panicked|ERROR|Test unit written' "$build/found/$target.log" || true
  }
  # So what was slow is tried again.
  for slow in "$build/found/$target"-slow-unit-*; do
    [ -e "$slow" ] || continue
    if timeout 2 "$fuzzer" "$slow" > /dev/null 2>&1; then
      rm "$slow"
    else
      echo "slow: $slow"
      status=1
    fi
  done
  grep -E 'DONE' "$build/found/$target.log" || true
done
exit "$status"
