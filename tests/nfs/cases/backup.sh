# shellcheck shell=bash
# shellcheck disable=SC2086,SC2154  # src, dst and scratch are set in common.sh
# Snapshots on NFS, of a file system whose identity is proved by what is mounted.

region=eu-west-1
name=fs-0123456789abcdef0.efs.$region.amazonaws.com
echo "10.99.1.2 $name" >> /etc/hosts
mkdir -p /mnt/efs /mnt/address

# Two mounts of one export show the name of the first, so the lab's own goes.
nfs-ctl umount src
expect 0 "mount by the name EFS gives" "$EFSBACKUP" mount "$name:/" /mnt/efs
backup=("$EFSBACKUP" backup --name files --keep-last 5)
expect 0 "backup, proved by the mount's name" \
  "${backup[@]}" --expect-id fs-0123456789abcdef0 /mnt/efs/tree $dst/backups
snapshot=$(find $dst/backups/files -maxdepth 1 -name '2*' | sort | tail -n 1)
equal "the snapshot equals its source" /mnt/efs/tree "${snapshot:-/nonexistent}"
expect 0 "the snapshot verifies" "$EFSBACKUP" verify $dst/backups "${snapshot##*/}"
expect 3 "another file system is refused" \
  "${backup[@]}" --expect-id fs-0fedcba9876543210 /mnt/efs/tree $dst/backups
says "and named" "fs-0123456789abcdef0"
expect 0 "unmount" "$EFSBACKUP" unmount /mnt/efs
expect 0 "mount by address" "$EFSBACKUP" mount 10.99.1.2:/ /mnt/address
expect 0 "an address is proof where the name stands for it" \
  env AWS_REGION=$region "${backup[@]}" --expect-id fs-0123456789abcdef0 /mnt/address/tree $dst/backups
expect 3 "where it cannot be looked up, an address is none" \
  "${backup[@]}" --expect-id fs-0123456789abcdef0 /mnt/address/tree $dst/backups
says "and the backup is refused" "nothing proves"
expect 0 "unmount" "$EFSBACKUP" unmount /mnt/address
nfs-ctl mount src
