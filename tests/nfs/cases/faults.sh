# shellcheck shell=bash
# shellcheck disable=SC2086,SC2154  # src, dst and scratch are set in common.sh
# Servers that restart, fill up and fail.

# torn DIR: files that differ from the source's.
torn() {
  local file
  while IFS= read -r -d '' file; do
    cmp -s "$file" "/srv/src/fault/${file#"$1"/}" || echo "$file"
  done < <(find "$1" -type f ! -name '.efsbackup*' -print0)
}

mkdir -p /srv/src/fault
for number in {1..12}; do head -c 1000000 /dev/urandom > "/srv/src/fault/f$number"; done

nfs-ctl latency all 10
"$EFSBACKUP" mirror $src/fault $dst/restarted > $scratch/output 2>&1 &
mirror=$!
for _ in {1..500}; do [ -e /srv/dst/restarted ] && break; sleep 0.02; done
nfs-ctl stop dst
sleep 1
if kill -0 $mirror; then pass "a run waits for a server that is gone"; else fail "the run did not wait"; fi
nfs-ctl start dst
if wait $mirror; then
  pass "a server that restarted in mid-run, its state lost, is gone on with"
else
  fail "mirror over a restart of the server" && cat $scratch/output
fi
nfs-ctl latency all 1
equal "after the restart the trees are equal" $src/fault $dst/restarted

nfs-ctl free dst 5M
expect 1 "a full server fails the run" "$EFSBACKUP" mirror $src/fault $dst/full
says "and says so" "no space left on device"
if [ -z "$(torn /srv/dst/full)" ]; then pass "no file is torn"; else fail "torn: $(torn /srv/dst/full)"; fi
nfs-ctl free dst off
expect 0 "with room again the next run completes it" "$EFSBACKUP" mirror $src/fault $dst/full
equal "and the trees are equal" $src/fault $dst/full

mkdir $dst/failing
nfs-ctl eio dst writes
expect 1 "a server whose disk fails writes fails the run" "$EFSBACKUP" mirror $src/fault $dst/failing
says "and says so" "input/output error"
nfs-ctl eio dst off
if [ -z "$(torn /srv/dst/failing)" ]; then pass "no file is torn"; else fail "torn: $(torn /srv/dst/failing)"; fi
