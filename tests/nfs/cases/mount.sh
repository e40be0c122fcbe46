# shellcheck shell=bash
# shellcheck disable=SC2086,SC2154  # src, dst and scratch are set in common.sh
# Mounting and unmounting, also where nothing answers.

mkdir -p /mnt/x /mnt/y

expect 0 "mount a server by name" "$EFSBACKUP" mount nfs-src:/ /mnt/x
line=$(grep ' /mnt/x nfs4 ' /proc/mounts)
for option in vers=4.1 rsize=1048576 wsize=1048576 hard timeo=600 retrans=2 noresvport; do
  case ",${line// /,}," in *",$option,"*) ;; *) fail "mounted without $option: $line" ;; esac
done
if [ "$(cat /sys/class/bdi/"$(mountpoint -d /mnt/x)"/read_ahead_kb)" = 15360 ]; then
  pass "the kernel reads 15 MiB ahead"
else
  fail "read-ahead is $(cat /sys/class/bdi/"$(mountpoint -d /mnt/x)"/read_ahead_kb) KiB"
fi
expect 0 "the same mount again is left as it is" "$EFSBACKUP" mount nfs-src:/ /mnt/x
says "and said to be there" "already"
expect 1 "the same source with other options is refused" "$EFSBACKUP" mount --read-only nfs-src:/ /mnt/x
says "and why" "but writable"
expect 1 "another source is refused" "$EFSBACKUP" mount nfs-dst:/ /mnt/x
if [ "$(mounted /mnt/x)" = 1 ]; then pass "nothing is mounted twice"; else fail "mounted $(mounted /mnt/x) times"; fi

exec 7> /mnt/x/held
expect 1 "a busy mount stays" "$EFSBACKUP" unmount --timeout 1s /mnt/x
says "and who holds it is said" "in use by $$ (bash)"
expect 0 "a lazy unmount" "$EFSBACKUP" unmount --lazy --timeout 1s /mnt/x
exec 7>&-
expect 1 "what is not mounted cannot be unmounted" "$EFSBACKUP" unmount /mnt/x

expect 0 "mount a directory, read-only" "$EFSBACKUP" mount --read-only 10.99.1.2:/ /mnt/y
if touch /mnt/y/file 2> /dev/null; then fail "a read-only mount is written to"; else pass "no writing"; fi
expect 0 "unmount" "$EFSBACKUP" unmount /mnt/y
expect 1 "a directory that is not there" "$EFSBACKUP" mount nfs-src:/nowhere /mnt/x
says "and said so" "exports no directory /nowhere"
expect 1 "a name without an address" "$EFSBACKUP" mount nowhere.invalid:/ /mnt/x
says "and said so" "nowhere.invalid has no address"
expect 0 "the address of a mount target stands in for its name" \
  "$EFSBACKUP" mount --region eu-west-1 --address 10.99.1.2 fs-0123456789abcdef0 /mnt/x
expect 0 "unmount" "$EFSBACKUP" unmount /mnt/x
expect 2 "options that exclude each other" "$EFSBACKUP" mount --tls --options port=2050 nfs-src:/ /mnt/x
expect 1 "an option that the kernel does not know" "$EFSBACKUP" mount --options nosuchthing nfs-src:/ /mnt/x
says "and named" "nosuchthing"

# A kernel without fsopen(2): mount(2) is taken.
expect 0 "mount where the kernel has no fsopen" strace -f -o $scratch/strace \
  -e trace=fsopen,mount -e inject=fsopen:error=ENOSYS "$EFSBACKUP" mount --read-only nfs-src:/ /mnt/x
if grep -q 'mount("nfs-src:/", "/mnt/x", "nfs4", MS_RDONLY' $scratch/strace; then pass "by mount(2)"; else fail "$(cat $scratch/strace)"; fi
expect 0 "unmount" "$EFSBACKUP" unmount /mnt/x

expect 1 "encryption without amazon-efs-utils" "$EFSBACKUP" mount --tls --region eu-west-1 fs-0123456789abcdef0 /mnt/x
says "and what is missing" "need amazon-efs-utils, which is not installed here"
# A stand-in for its mount.efs: it notes its arguments, and mounts.
# shellcheck disable=SC2016
printf '%s\n' '#!/bin/bash' "printf '%s\\n' \"\$@\" > $scratch/efs-arguments" \
  'exec mount -t nfs4 -o nfsvers=4.1 nfs-src:/ "$2"' > /sbin/mount.efs
chmod +x /sbin/mount.efs
expect 0 "encryption, an access point and IAM through mount.efs" "$EFSBACKUP" mount --tls --iam \
  --access-point fsap-0123456789abcdef0 --region eu-west-1 --az eu-west-1b fs-0123456789abcdef0 /mnt/x
for word in 'fs-0123456789abcdef0:/' /mnt/x -o; do
  grep -qx -- "$word" $scratch/efs-arguments || fail "$word is not an argument of mount.efs"
done
options=,$(tail -n 1 $scratch/efs-arguments),
for option in tls iam accesspoint=fsap-0123456789abcdef0 region=eu-west-1 az=eu-west-1b; do
  case $options in *",$option,"*) ;; *) fail "mount.efs is not told $option: $options" ;; esac
done
expect 0 "unmount" "$EFSBACKUP" unmount /mnt/x
printf '#!/bin/bash\necho "no stunnel here" >&2\nexit 1\n' > /sbin/mount.efs
expect 1 "a mount.efs that fails" "$EFSBACKUP" mount --tls --region eu-west-1 fs-0123456789abcdef0 /mnt/x
says "and what it says" "no stunnel here"
printf '#!/bin/bash\nsleep 60\n' > /sbin/mount.efs
expect 1 "a mount.efs that hangs" "$EFSBACKUP" mount --tls --timeout 1s --region eu-west-1 fs-0123456789abcdef0 /mnt/x
says "is ended in time" "it did not end in time"
rm /sbin/mount.efs

nfs-ctl umount dst
nfs-ctl stop dst
expect 1 "a server that refuses" "$EFSBACKUP" mount nfs-dst:/ /mnt/x
says "and said so" "refuses"
if [ $took -lt 15000 ]; then pass "it is given up after $took ms"; else fail "it took $took ms"; fi
nfs-ctl start dst
nfs-ctl mount dst

# An address whose packets go nowhere. The kernel itself would try for three minutes.
expect 1 "a silent address" "$EFSBACKUP" mount --timeout 2s 10.99.3.2:/ /mnt/x
says "and said so" "does not answer in time"
if [ $took -ge 2000 ] && [ $took -lt 5000 ]; then pass "it is given up in time ($took ms)"; else fail "it took $took ms"; fi
"$EFSBACKUP" mount 10.99.3.2:/ /mnt/x > $scratch/output 2>&1 &
mount=$!
sleep 1
begin=$(milliseconds)
kill -INT $mount
wait $mount
status=$?
took=$(($(milliseconds) - begin))
if [ $status = 130 ] && [ $took -lt 2000 ]; then pass "Ctrl-C ends it ($took ms)"; else fail "Ctrl-C: status $status after $took ms"; fi
sleep 1
left=$(pgrep -f "$EFSBACKUP mount")
if [ -z "$left" ]; then pass "no process is left"; else fail "left: $left"; fi
if [ "$(mounted /mnt/x)" = 0 ]; then pass "no mount is left"; else fail "left: $(grep /mnt/x /proc/mounts)"; fi

# A server that is silent now, and answers when the child that asked has been given up.
nfs-ctl umount src
nfs-ctl blackhole src on
expect 1 "a server that is silent for a while" "$EFSBACKUP" mount --timeout 2s nfs-src:/ /mnt/x
nfs-ctl blackhole src off
sleep 3
if [ "$(mounted /mnt/x)" = 0 ]; then pass "nothing is mounted later"; else fail "mounted later"; fi
nfs-ctl mount src
