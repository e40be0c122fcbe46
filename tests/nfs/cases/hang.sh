# shellcheck shell=bash
# shellcheck disable=SC2086,SC2154  # src, dst and scratch are set in common.sh
# Ctrl-C while a server is silent. A thread that waits for written data to arrive may hold the
# process until the server is back, whatever signal it gets; all others end at once.

mkdir -p /srv/src/hang
for number in {1..12}; do head -c 1000000 /dev/urandom > "/srv/src/hang/f$number"; done
nfs-ctl latency all 20
"$EFSBACKUP" mirror $src/hang $dst/hang > $scratch/output 2>&1 &
mirror=$!
for _ in {1..500}; do [ -e /srv/dst/hang ] && break; sleep 0.02; done
nfs-ctl blackhole dst on
sleep 1
if kill -0 $mirror; then pass "a run waits for a silent server"; else fail "the run ended"; fi
kill -INT $mirror
sleep 1
kill -INT $mirror 2> /dev/null
sleep 1
if kill -0 $mirror 2> /dev/null; then when="once the server is back"; else when="at once"; fi
nfs-ctl blackhole dst off
for _ in {1..300}; do kill -0 $mirror 2> /dev/null || break; sleep 0.1; done
if kill -0 $mirror 2> /dev/null; then
  fail "two Ctrl-C do not end a run, and neither does the server's return"
  kill -KILL $mirror
else
  wait $mirror
  status=$?
  if [ $status = 130 ]; then pass "two Ctrl-C end the run ($when)"; else fail "Ctrl-C: exit status $status"; fi
fi
nfs-ctl latency all 1
expect 0 "the next run completes it" "$EFSBACKUP" mirror --delete $src/hang $dst/hang
equal "the trees are equal" $src/hang $dst/hang
