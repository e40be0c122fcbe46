# shellcheck shell=bash
# Random trees and random edits of them, on one server, mirrored to the other: what rsync and
# the tests' own lister find is compared as the servers have it.

seeds=0..2
[ "${EFSBACKUP_SOAK:-0}" != 1 ] || seeds=0..40
if [ -n "${EFSBACKUP_ORACLE:-}" ]; then
  limit=1000 expect 0 "mirrors of random trees are exact (seeds $seeds)" env EFSBACKUP_SCRATCH=/mnt/nfs-src \
    EFSBACKUP_DESTINATION=/mnt/nfs-dst EFSBACKUP_SEEN=/mnt/nfs-:/srv/ "EFSBACKUP_SEEDS=$seeds" \
    "$EFSBACKUP_ORACLE" --test-threads=1 after_a_mirror hard_linked
  says "both tests ran" "test result: ok. 2 passed"
else
  skip "random trees: the test \`oracle\` is not built"
fi
