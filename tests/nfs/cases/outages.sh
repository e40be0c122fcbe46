# shellcheck shell=bash
# shellcheck disable=SC2086,SC2154  # src, dst and scratch are set in common.sh
# Faults that take longer to show: for `make soak-nfs`.

make_faulty

during unreachable nfs-ctl unreachable dst on
for _ in {1..100}; do grep -q 'has not answered' $scratch/output && break; sleep 0.1; done
if kill -0 $mirror; then pass "a run waits where no way leads to the server"; else fail "the run did not wait"; fi
says "and says so" "has not answered for 5 s"
nfs-ctl unreachable dst off
ends 0 "with a way again it goes on and succeeds"
equal "and the trees are equal" $src/fault $dst/unreachable

# As when only the export is taken away: what is left of the client's state makes no difference.
unexport_and_expire() {
  nfs-ctl export dst off
  nfs-ctl expire dst
}
during shut unexport_and_expire
ends 23 "an export taken away, and the client's lease with it, fails all further entries"
if grep -qE 'stale file handle|permission denied' $scratch/output; then pass "and says why"; else fail "$(cat $scratch/output)"; fi
nfs-ctl export dst on
expect 0 "exported again, the next run completes it" "$EFSBACKUP" mirror $src/fault $dst/shut
equal "and the trees are equal" $src/fault $dst/shut

# The servers' clock is this machine's; the client's is an hour ahead, then an hour behind.
for skew in +1h -1h; do
  expect 0 "a client's clock of $skew" faketime -f "$skew" "$EFSBACKUP" mirror $src/fault "$dst/skewed$skew"
  equal "does no harm" $src/fault "$dst/skewed$skew"
  expect 0 "and nor does a second run" "$EFSBACKUP" mirror --itemize $src/fault "$dst/skewed$skew"
  if [ -s $scratch/output ] && grep -q '^[<>ch.][fdLDS]' $scratch/output; then fail "which copied again"; else pass "which has nothing to do"; fi
done
