# shellcheck shell=bash
# shellcheck disable=SC2086,SC2154  # src, dst and scratch are set in common.sh
# A snapshot in steps over NFS: a large file with holes is cut by bytes, and a process is killed
# inside a piece of it.

tree=/srv/src/shard
made=$dst/shard/files
job=("$src/shard" "$dst/shard" --name files --run-id nightly-1)
mkdir -p $tree/few
for number in {1..40}; do echo "$number" > "$tree/few/$number"; done
ln "$tree/few/7" "$tree/linked"
truncate -s 40M $tree/image
for at in 0 25; do
  head -c 10M /dev/urandom | dd of=$tree/image bs=1M seek=$at conv=notrunc status=none
done

expect 0 "shard plan" "$EFSBACKUP" shard plan "${job[@]}" --nodes 2 --units 4 --json
says "cuts the large file" '"pieces"'
"$EFSBACKUP" shard unit "${job[@]}" --node 1/2 --limit-bytes 2M > $scratch/killed 2>&1 &
unit=$!
for ((wait = 0; wait < 200; wait++)); do
  claim=$(find $made/.incomplete-*/ -maxdepth 1 -name 'piece-*-0' 2> /dev/null | head -n 1)
  [ -z "$claim" ] || [ ! -s "$(dirname "$claim")/content" ] || break
  sleep 0.05
done
kill -KILL "$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "${claim:-/dev/null}" | head -n 1)"
if wait $unit; then fail "the unit was not killed"; else pass "a unit is killed inside a piece"; fi
expect 23 "finish publishes nothing without it" "$EFSBACKUP" shard finish "${job[@]}"
expect 0 "its retry" "$EFSBACKUP" shard unit "${job[@]}" --node 1/2
if grep -qs '"blocks":"' "${claim%-0}-1"; then pass "copies the piece again"; else fail "the piece was not copied again: $(ls $made/.incomplete-*/piece-*)"; fi
expect 0 "the other node" "$EFSBACKUP" shard unit "${job[@]}" --node 2/2
expect 0 "shard finish" "$EFSBACKUP" shard finish "${job[@]}"
snapshot=$(find $made -maxdepth 1 -name '2*' | sort | tail -n 1)
equal "the snapshot equals its source" $src/shard "${snapshot:-/nonexistent}"
expect 0 "the snapshot verifies" "$EFSBACKUP" verify $dst/shard "${snapshot##*/}"
blocks=$(stat -c %b "/srv/dst${snapshot#"$dst"}/image")
if [ "$blocks" -lt 50000 ]; then pass "its holes are holes"; else fail "its holes take $blocks blocks"; fi
rm -rf $tree /srv/dst/shard
