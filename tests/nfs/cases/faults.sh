# shellcheck shell=bash
# shellcheck disable=SC2086,SC2154  # src, dst and scratch are set in common.sh
# Servers that restart, fill up and fail.

make_faulty

nfs-ctl latency all 200
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

during expired nfs-ctl expire dst
ends 0 "a lease that was lost in mid-run is renewed, and the run succeeds"
equal "and the trees are equal" $src/fault $dst/expired

# By NFSv4 the client is led back to the server's root, where nothing is left to it.
during unexported nfs-ctl export dst off
ends 23 "an export that is taken away in mid-run fails all further entries"
if grep -qE 'stale file handle|permission denied' $scratch/output; then pass "and says why"; else fail "$(cat $scratch/output)"; fi
nfs-ctl export dst on
# What is half written cannot be removed then, but nobody is let in to it.
if [ -z "$(torn /srv/dst/unexported)" ] || [ "$(stat -c %a /srv/dst/unexported)" = 700 ]; then
  pass "no torn file is to be seen"
else
  fail "torn: $(torn /srv/dst/unexported)"
fi
expect 0 "exported again, the next run completes it" "$EFSBACKUP" mirror $src/fault $dst/unexported
equal "and the trees are equal" $src/fault $dst/unexported

mkdir /srv/src/owned /srv/dst/squashed
printf 'a' > /srv/src/owned/mine
printf 'b' > /srv/src/owned/theirs
chown 1000 /srv/src/owned/theirs
chown 65534:65534 /srv/dst/squashed
nfs-ctl export dst squash
expect 23 "where root is squashed each entry of another owner fails" "$EFSBACKUP" mirror $src/owned $dst/squashed/copy
says "and says why" "chown: operation not permitted: theirs"
expect 0 "without owners it succeeds" "$EFSBACKUP" mirror --no-owner $src/owned $dst/squashed/copy

nfs-ctl quota dst 3M
expect 1 "a quota that is used up fails the run" "$EFSBACKUP" mirror --no-owner $src/fault $dst/squashed/quota
says "and says so" "disk quota exceeded"
if [ -z "$(torn /srv/dst/squashed/quota)" ]; then pass "no file is torn"; else fail "torn: $(torn /srv/dst/squashed/quota)"; fi
nfs-ctl quota dst off
expect 0 "with a quota again the next run completes it" "$EFSBACKUP" mirror --no-owner $src/fault $dst/squashed/quota
expect 0 "and the contents are equal" diff -r /srv/src/fault /srv/dst/squashed/quota
nfs-ctl export dst on

# Last: the server's file system is read-only from then on.
mkdir $dst/failing
nfs-ctl eio dst writes
expect 1 "a server whose disk fails writes fails the run" "$EFSBACKUP" mirror $src/fault $dst/failing
says "and says so" "input/output error"
nfs-ctl eio dst off
if [ -z "$(torn /srv/dst/failing)" ]; then pass "no file is torn"; else fail "torn: $(torn /srv/dst/failing)"; fi
