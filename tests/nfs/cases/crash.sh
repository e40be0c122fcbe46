# shellcheck shell=bash
# shellcheck disable=SC2086,SC2154  # src, dst and scratch are set in common.sh
# Mirrors and backups over NFS that are killed at many moments: for `make soak-nfs`.

make_tree /srv/src/crash 300
backup=("$EFSBACKUP" backup --name crash "$src/crash" "$dst/crash-backups")
expect 0 "a first backup" "${backup[@]}"
whole=0
for moment in 0.1 0.2 0.3 0.4 0.5 0.6 0.8 1.0 1.3 1.6; do
  timeout -s KILL $moment "$EFSBACKUP" mirror $src/crash $dst/crash > /dev/null 2>&1
  timeout -s KILL $moment "${backup[@]}" --checksum > /dev/null 2>&1
  # What has a dated name is whole.
  for snapshot in /srv/dst/crash-backups/crash/2*; do
    [ -d "$snapshot" ] || continue
    whole=$((whole + 1))
    rsync -aHAXn --delete --checksum --itemize-changes /srv/src/crash/ "$snapshot/" > $scratch/rsync
    [ ! -s $scratch/rsync ] || fail "$snapshot is not whole after $moment s: $(head -n 5 $scratch/rsync)"
  done
  # What others can look into is whole too, but for what is still missing.
  while IFS= read -r -d '' file; do
    cmp -s "$file" "/srv/src/crash/${file#/srv/dst/crash/}" || fail "$file is torn after $moment s"
  done < <(find /srv/dst/crash -type d -perm 700 -prune -o -type f ! -name '.efsbackup*' -print0 2> /dev/null)
done
pass "killed ten times, no snapshot and nothing to be seen is torn ($whole looks at whole snapshots)"
nfs-ctl remount all
expect 0 "the next mirror completes" "$EFSBACKUP" mirror --delete $src/crash $dst/crash
equal "and the trees are equal" $src/crash $dst/crash
expect 0 "the next backup completes" "${backup[@]}"
expect 0 "and all verifies" "$EFSBACKUP" verify $dst/crash-backups --all
