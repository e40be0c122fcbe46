# shellcheck shell=bash
# shellcheck disable=SC2086,SC2154  # here and scratch are set in common.sh and guest.sh
# The commands of the guides that mount, typed as they stand there.

if [ -n "${EFSBACKUP_PYTHON:-}" ]; then
  # The names that the guides have for the two servers.
  for zone in us-east-1 eu-west-1; do
    printf '%s\n' "10.99.1.2 fs-0123456789abcdef0.efs.$zone.amazonaws.com" \
      "10.99.2.2 fs-0fedcba9876543210.efs.$zone.amazonaws.com"
  done >> /etc/hosts
  echo '10.99.1.2 nas' >> /etc/hosts
  nfs-ctl umount all
  mkdir -p /srv/src/export /mnt/source /mnt/app /mnt/backups $scratch/bin
  ln -sf "$EFSBACKUP" $scratch/bin/efsbackup

  "$EFSBACKUP_PYTHON" "$here/../../efsbackup-py/tests/typed.py" nfs.md > $scratch/nfs-guide.sh
  expect 0 "the commands of docs/nfs.md" env "PATH=$scratch/bin:$PATH" bash -eu $scratch/nfs-guide.sh
  says "the source was mounted" "fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com:/ is mounted at /mnt/source"
  if [ "$(mounted /mnt/source)$(mounted /mnt/backups)" = 00 ]; then pass "no mount is left"; else fail "left: $(grep ' /mnt/' /proc/mounts)"; fi

  "$EFSBACKUP_PYTHON" "$here/../../efsbackup-py/tests/typed.py" first-backup.md > $scratch/first-backup.sh
  expect 0 "the commands of docs/first-backup.md" env "PATH=$scratch/bin:$PATH" bash -eu $scratch/first-backup.sh
  says "the source is known" "/mnt/app is marked as fs-0123456789abcdef0"
  if [ "$(grep -c '^complete snapshot /mnt/backups/app/' $scratch/output)" = 3 ]; then
    pass "three snapshots on the server"
  else
    fail "not three snapshots: $(cat $scratch/output)"
  fi
  expect 0 "unmount" "$EFSBACKUP" unmount /mnt/app
  expect 0 "unmount" "$EFSBACKUP" unmount /mnt/backups

  # Ansible takes half a minute here.
  if [ -n "${EFSBACKUP_SOAK:-}" ]; then
    playbook=examples/ansible/backup.yml
    line=$(sed -n 's/\\$//; s/^#   *//p' "$here/../../$playbook" | tr -d '\n')
    expect 0 "what the head of $playbook says" env -C "$here/../.." "PATH=${EFSBACKUP_PYTHON%/*}:$PATH" \
      HOME=$scratch LC_ALL=C.UTF-8 bash -euc "$line"
    says "it mounts, takes a snapshot, proves it and unmounts" "ok=6    changed=4    unreachable=0    failed=0"
  fi
  rm -rf /srv/src/export /srv/src/notes.txt /srv/dst/app /srv/{src,dst}/.efsbackup-id
  nfs-ctl mount all
else
  skip "the guides: the package is not installed (\`make test-python\` does)"
fi
