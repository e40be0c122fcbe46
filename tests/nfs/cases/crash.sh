# shellcheck shell=bash
# shellcheck disable=SC2086,SC2154  # src, dst and scratch are set in common.sh
# Mirrors and backups over NFS that are killed at random moments.

deaths=2
[ "${EFSBACKUP_SOAK:-0}" != 1 ] || deaths=10
RANDOM=$deaths
[ -d /srv/src/crash ] || make_tree /srv/src/crash 300
looks=0

# killed COMMAND...: kills it after 0.1 to 1.7 seconds.
killed() {
  moment=$(printf '%d.%03d' $((RANDOM % 2)) $((100 + RANDOM % 600)))
  { timeout -s KILL $moment "$@" > /dev/null 2>&1; } 2> /dev/null
}

# look_at_snapshots NAME: what has a dated name is whole.
look_at_snapshots() {
  local snapshot
  for snapshot in "/srv/dst/crash-backups/$1"/2*; do
    [ -d "$snapshot" ] || continue
    looks=$((looks + 1))
    rsync -aHAXn --delete --checksum --itemize-changes /srv/src/crash/ "$snapshot/" > $scratch/rsync
    [ ! -s $scratch/rsync ] || fail "$snapshot is not whole after $moment s: $(head -n 5 $scratch/rsync)"
  done
}

# look_at_files DIR: what others can look into is whole too, but for what is still missing.
look_at_files() {
  local file
  while IFS= read -r -d '' file; do
    cmp -s "$file" "/srv/src/crash/${file#"$1"/}" || fail "$file is torn after $moment s"
  done < <(find "$1" -type d -perm 700 -prune -o -type f ! -name '.efsbackup*' -print0 2> /dev/null)
}

# What follows --name.
backup=("$src/crash" "$dst/crash-backups")

before=$failures
for ((death = 0; death < deaths; death++)); do
  killed "$EFSBACKUP" mirror $src/crash $dst/crash
  look_at_files /srv/dst/crash
  killed "$EFSBACKUP" backup --name first$death "${backup[@]}"
  look_at_snapshots first$death
done
[ $failures -gt $before ] || pass "killed $deaths times, mirrors and first backups show nothing torn"
nfs-ctl remount all
expect 0 "the next mirror completes" "$EFSBACKUP" mirror --delete $src/crash $dst/crash
equal "and the trees are equal" $src/crash $dst/crash
before=$failures
for ((death = 0; death < deaths; death++)); do
  "$EFSBACKUP" backup --name first$death "${backup[@]}" > $scratch/output 2>&1 || fail "first$death: $(cat $scratch/output)"
  "$EFSBACKUP" verify --name first$death --all $dst/crash-backups > $scratch/output 2>&1 || fail "first$death: $(cat $scratch/output)"
  [ "$(find /srv/dst/crash-backups/first$death -maxdepth 1 -name '2*' | wc -l)" -ge 1 ] || fail "first$death has no snapshot"
  look_at_snapshots first$death
done
[ $failures -gt $before ] || pass "each next backup completes, and all verifies"

before=$failures
for ((death = 0; death < deaths; death++)); do
  killed "$EFSBACKUP" backup --name first0 --checksum "${backup[@]}"
  look_at_snapshots first0
done
[ $failures -gt $before ] || pass "killed $deaths times, later backups publish nothing torn ($looks looks at whole snapshots)"
expect 0 "the next backup completes" "$EFSBACKUP" backup --name first0 "${backup[@]}"
expect 0 "and all verifies" "$EFSBACKUP" verify --name first0 --all $dst/crash-backups
