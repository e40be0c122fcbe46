# shellcheck shell=bash
# shellcheck disable=SC2086,SC2154  # src, dst and scratch are set in common.sh
# Copies between two NFS servers are exact, and durable file by file.

make_tree /srv/src/tree 100
expect 0 "a first mirror over NFS" "$EFSBACKUP" mirror $src/tree $dst/mirror
equal "mirror: the trees are equal" $src/tree $dst/mirror

rm -r /srv/src/tree/d1
printf 'changed' > /srv/src/tree/d2/f41
nfs-ctl remount src
expect 0 "a second mirror, with --delete" "$EFSBACKUP" mirror --delete $src/tree $dst/mirror
equal "mirror --delete: the trees are equal" $src/tree $dst/mirror

# On NFS an error of writing may come with fsync only, so `auto` asks for every file's.
mkdir /srv/src/ten
for number in {1..10}; do printf 'x' > "/srv/src/ten/f$number"; done
expect 0 "a mirror under strace" strace -f -e trace=fsync,fdatasync -o $scratch/strace \
  "$EFSBACKUP" mirror $src/ten $dst/ten
calls=$(grep -c 'sync(' $scratch/strace)
if [ "$calls" -ge 10 ]; then pass "each of 10 files is synced"; else fail "$calls syncs for 10 files"; fi
