# shellcheck shell=bash
# shellcheck disable=SC2154  # scratch is set in common.sh
# Mounting from C and Python.

mkdir -p /mnt/x
echo "read me" > /srv/src/read-me
if [ -n "${EFSBACKUP_C:-}" ]; then
  expect 0 "a C program mounts, reads and unmounts" "$EFSBACKUP_C" nfs-src:/ /mnt/x /mnt/x/read-me
  if [ "$(mounted /mnt/x)" = 0 ]; then pass "no mount is left"; else fail "left: $(grep /mnt/x /proc/mounts)"; fi
else
  skip "mounting from C: the library is not built"
fi
if [ -n "${EFSBACKUP_PYTHON:-}" ]; then
  cat > "$scratch/mounts.py" << 'END'
import os
import efsbackup

place, file = "/mnt/x", "/mnt/x/read-me"
with efsbackup.mounted("nfs-src:/", place, read_only=True) as source:
    assert source == place and open(file).read() == "read me\n"
    assert not efsbackup.mount("nfs-src:/", place, read_only=True), "it is mounted already"
    with efsbackup.mounted("nfs-src:/", place, read_only=True):
        pass
    assert os.path.exists(file), "what was mounted before stays mounted"
assert not os.path.exists(file)
try:
    with efsbackup.mounted("nfs-src:/", place):
        held = open(file)
        raise KeyError("the block's own error")
except KeyError:
    pass
assert not os.path.exists(file), "a mount in use is taken out of sight"
held.close()
try:
    efsbackup.mount("10.99.3.2:/", place, timeout=1)
except efsbackup.EfsBackupError as error:
    assert "does not answer in time" in str(error), error
else:
    raise AssertionError("a silent address was mounted")
END
  expect 0 "Python mounts for as long as a block lasts" "$EFSBACKUP_PYTHON" "$scratch/mounts.py"
  if [ "$(mounted /mnt/x)" = 0 ]; then pass "no mount is left"; else fail "left: $(grep /mnt/x /proc/mounts)"; fi
else
  skip "mounting from Python: the package is not installed (\`make test-python\` does)"
fi
