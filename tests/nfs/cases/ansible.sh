# shellcheck shell=bash
# shellcheck disable=SC2086,SC2154  # src, dst and scratch are set in common.sh
# The Ansible modules that work on files, in check mode and for good, each step twice.

if [ -n "${EFSBACKUP_PYTHON:-}" ]; then
  mkdir -p $dst/ansible $scratch/mounted
  expect 0 "efs_mount, efs_mirror and efs_snapshot, step by step" \
    "$EFSBACKUP_PYTHON" "$here/../ansible/matrix.py" $scratch/mounted $dst/ansible nfs-src:/ nfs-dst:/
  # A server that is silent: the module ends in time, and the mount is out of sight.
  "$EFSBACKUP" mount nfs-src:/ $scratch/mounted > /dev/null 2>&1
  nfs-ctl blackhole src on
  expect 0 "efs_mount ends where the server is silent" "$EFSBACKUP_PYTHON" -c '
import sys
sys.path.insert(0, sys.argv[1])
from harness import run
gone = run("efs_mount", {"path": sys.argv[2], "state": "unmounted", "lazy": True, "timeout": 1})
assert gone.get("changed"), gone' "$here/../ansible" $scratch/mounted
  nfs-ctl blackhole src off
  if [ "$(mounted $scratch/mounted)" = 0 ]; then pass "no mount is left"; else fail "left: $(grep mounted /proc/mounts)"; fi
else
  skip "the Ansible modules: the package is not installed (\`make test-python\` does)"
fi
