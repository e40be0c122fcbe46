#!/usr/bin/env bash
# `make test-nfs`: runs the cases on real NFS servers where this machine can have them.
# ORACLE and LIBRARY are the test `oracle` and libefsbackup.so, PYTHON an interpreter that has the
# package; what is not given is not shown.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
export EFSBACKUP=${1:?usage: test.sh EFSBACKUP [CASE]...}
shift
[ $# -gt 0 ] || set -- guides copy oracle crash backup shard pipeline mount languages ansible hang faults

"$here/lab.sh" install > /dev/null
reason=$("$here/lab.sh" check)
status=$?
if [ $status != 0 ]; then
  echo "test-nfs: skipped, no NFS server can be run here: $reason"
  # What can be installed must be, where no test may skip.
  [ $status = 2 ] || [ "${EFSBACKUP_REQUIRE_TOOLS:-0}" != 1 ]
  exit
fi
made=$(mktemp -d) || exit
trap 'rm -rf "$made"' EXIT
export EFSBACKUP_ORACLE=${ORACLE:-} EFSBACKUP_PYTHON=${PYTHON:-} EFSBACKUP_C=
if [ -n "${LIBRARY:-}" ]; then
  ln -s "$LIBRARY" "$made/libefsbackup.so.0"
  "${CC:-cc}" -Wall -Wextra -I"$here/../../include" -I"$here/../../efsbackup-ffi/tests" -o "$made/mount" \
    "$here/mount.c" "$made/libefsbackup.so.0" "-Wl,-rpath,$made" || exit
  EFSBACKUP_C=$made/mount
fi
# 125: the guest itself did not come up, as may be when its processes are stopped meanwhile.
for _ in 1 2; do
  "$here/lab.sh" run --latency-ms 1 --server-fs ext4 --server-size 256M --timeout "${LIMIT:-600}" -- \
    /bin/bash "$here/guest.sh" "$@"
  status=$?
  [ $status = 125 ] || break
done
exit $status
