#!/usr/bin/env bash
# The guest's first process, on the bare root of the host: puts a throw-away overlay over it
# and goes on in there with main.sh. Its argument is the lab's directory on the host.
set -eu
work=$1
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

host_mount() { # host_mount DIR MOUNT-POINT
  mount -n -t hostfs -o "$1" none "$2" 2> /dev/null || mount -n -t hostfs -o "hostfs=$1" none "$2"
}

mount -n -t proc proc /proc
# shellcheck source=/dev/null
. "$work/settings"
release=$(uname -r)
modules=/usr/lib/uml/modules/$release
mount -n -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
grep -qw overlay /proc/filesystems || insmod "$modules/kernel/fs/overlayfs/overlay.ko"
mount -n -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work root /mnt/root
cd /mnt/root
mkdir -p "lib/modules/$release" srv/src srv/dst mnt/nfs-src mnt/nfs-dst
# One command for all of them: starting a process is what takes time in here.
root=/mnt/root
printf '%s\n' \
  "proc $root/proc proc defaults" "sysfs $root/sys sysfs defaults" \
  "devtmpfs $root/dev devtmpfs defaults" "devpts $root/dev/pts devpts X-mount.mkdir" \
  "shm $root/dev/shm tmpfs mode=1777,X-mount.mkdir" "run $root/run tmpfs mode=755" \
  "lab $root/run/nfs-lab tmpfs mode=755,X-mount.mkdir" \
  "$root$modules $root/lib/modules/$release none bind" > /mnt/fstab
mount -n -a -T /mnt/fstab
[ -e dev/fd ] || ln -s /proc/self/fd dev/fd
for pair in 0:stdin 1:stdout 2:stderr; do
  [ -e "dev/${pair#*:}" ] || ln -s "/proc/self/fd/${pair%:*}" "dev/${pair#*:}"
done
mkdir -p run/nfs-lab/bin run/nfs-lab/host run/lock run/rpc_pipefs run/old
host_mount "$work" run/nfs-lab/host
while IFS= read -r -d '' dir; do
  [ -z "$dir" ] || { mkdir -p ".$dir" && host_mount "$dir" ".$dir"; }
done < "$work/rw"
# Not chroot: the servers' mount namespaces must have the overlay as their root.
pivot_root . run/old
cd /
umount -n -l /run/old
exec /bin/bash "${here:?}/guest/main.sh"
