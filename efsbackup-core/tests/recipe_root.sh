#!/usr/bin/env bash
# usage: recipe_root.sh WORK PROGRAM SCRIPT ARGUMENT…
# Runs SCRIPT as an activity does, in a root of its own (namespaces of mounts, processes and
# network). WORK/targets/HOST are the file systems that can be mounted; WORK/fake comes first on
# PATH; WORK/record takes what fakes tell. The rest is this machine's /usr, read-only.
set -euo pipefail
work=$1 program=$2
shift 2
if [[ ${INSIDE-} != 1 ]]; then
  INSIDE=1 exec unshare --mount --propagation private --pid --fork --kill-child --net --uts -- \
    "$0" "$work" "$program" "$@"
fi
root=$work/root
mkdir -p "$root"
mount -t tmpfs tmpfs "$root"
cd "$root"
mkdir usr proc dev tmp mnt run etc targets fake record program
mount --bind /usr usr
mount -o remount,bind,ro usr
for folder in bin sbin lib lib64; do
  if [[ -L /$folder ]]; then
    cp -a "/$folder" .
  elif [[ -d /$folder ]]; then
    mkdir "$folder"
    mount --bind "/$folder" "$folder"
  fi
done
cp /etc/passwd /etc/group /etc/ld.so.cache etc/
ln -s /proc/self/mounts etc/mtab
mount -t proc proc proc
for device in null zero urandom; do
  : > "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mount --bind "$work/targets" targets
mount --bind "$work/fake" fake
mount --bind "$work/record" record
mount --bind "$(dirname "$program")" program
name=$(basename "$program")
exec chroot . /usr/bin/env -i PATH=/fake:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp \
  "EFSBACKUP=/program/$name" "THE_PROGRAM=/program/$name" /bin/bash -c "$@"
