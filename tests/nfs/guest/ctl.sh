#!/usr/bin/env bash
# nfs-ctl, in the guest: changes the network and the servers under a running test.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=/dev/null
. "$here/server.sh"
# shellcheck source=/dev/null
. "${lab:?}/settings"

die() {
  echo "nfs-ctl: $*" >&2
  exit 125
}

usage() {
  cat << 'END'
usage: nfs-ctl VERB SERVER [VALUE]      SERVER is src, dst or all
  latency SERVER MS           set the round-trip time
  stop | start SERVER         no server: new connections are refused, hard mounts wait
  restart SERVER              all of the server's state is lost; clients reclaim
  blackhole SERVER on|off     drop every packet in both directions
  unreachable SERVER on|off   no way leads to the server's address
  export SERVER on|off|squash what it exports: all, nothing (handles go stale), all but to root
  expire SERVER               the server forgets its client's lease, and all state with it
  free SERVER SIZE|off        leave only SIZE (1M, 512K) free on the server
  quota SERVER SIZE|off       how much those who are squashed may have (needs --server-fs ext4)
  eio SERVER all|writes|off   the server's disk fails (needs --server-fs ext4)
  mount | umount | remount SERVER
  drop-caches                 of client and servers
END
}

# Leaves only so much room on the server's file system.
free() {
  local server=$1 bytes=$2 used
  if [ "$(< "$lab/$server.fs")" = tmpfs ]; then
    [ "$bytes" != off ] || { mount -n -o "remount,size=${size:?}" "/srv/$server" && return; }
    used=$(stat -f -c '%b %f %S' "/srv/$server" | awk '{ print ($1 - $2) * $3 }')
    mount -n -o "remount,size=$((used + $(numfmt --from=iec "$bytes")))" "/srv/$server"
    return
  fi
  rm -f "$lab/fs-$server/filler"
  sync -f "$lab/fs-$server"
  [ "$bytes" != off ] || return 0
  used=$(stat -f -c '%f %S' "$lab/fs-$server" | awk '{ print $1 * $2 }')
  fallocate -l $((used - $(numfmt --from=iec "$bytes"))) "$lab/fs-$server/filler"
}

# Limits what user 65534, whom exports squash others to, has on the server: quotactl(2). Root has
# no limits.
quota() {
  local server=$1 kib=0
  [ "$(< "$lab/$server.fs")" = ext4 ] || die "quota needs --server-fs ext4"
  [ "$2" = off ] || kib=$(($(numfmt --from=iec "$2") / 1024))
  python3 - "/dev/mapper/srv-$server" $kib << 'END'
import ctypes, struct, sys
SET_QUOTA, USER, BLOCK_LIMITS = 0x800008, 0, 1
limits = struct.pack("=8QI4x", int(sys.argv[2]), 0, 0, 0, 0, 0, 0, 0, BLOCK_LIMITS)
libc = ctypes.CDLL(None, use_errno=True)
if libc.quotactl(ctypes.c_int(SET_QUOTA << 8 | USER), sys.argv[1].encode(), 65534, limits):
    sys.exit("quotactl: errno %d" % ctypes.get_errno())
END
}

# Makes the server's disk fail.
eio() {
  local server=$1 what=$2 device sectors table
  [ "$(< "$lab/$server.fs")" = ext4 ] || die "eio needs --server-fs ext4"
  device=$(< "$lab/$server.device")
  sectors=$(blockdev --getsz "$device")
  case $what in
    off) table="0 $sectors linear $device 0" ;;
    all) table="0 $sectors error" ;;
    writes) table="0 $sectors flakey $device 0 0 3600 1 error_writes" ;;
    *) die "eio: all, writes or off" ;;
  esac
  export DM_DISABLE_UDEV=1
  dmsetup suspend --nolockfs "srv-$server" && dmsetup load "srv-$server" --table "$table" &&
    dmsetup resume "srv-$server"
}

# Changes what the server exports; its /etc/exports is this file.
export_again() {
  local server=$1 file=$lab/$1.exports
  [ -e "$file.first" ] || cp "$file" "$file.first"
  case $2 in
    on) cat "$file.first" ;;
    off) ;;
    squash) sed 's/no_root_squash/root_squash/' "$file.first" ;;
    *) die "export: on, off or squash" ;;
  esac > "$file"
  in_server "$server" exportfs -ra && in_server "$server" exportfs -f
}

# The kernel's answer to a client that was away for too long.
expire() {
  local client
  for client in /proc/fs/nfsd/clients/*/ctl; do
    [ ! -e "$client" ] || echo expire > "$client"
  done
}

apply() { # apply VERB SERVER [VALUE]
  local server=$2
  case $1 in
    latency) echo "${3:?milliseconds}" > "$lab/$server.latency" && shape "$server" ;;
    blackhole) echo "${3:?on or off}" > "$lab/$server.blackhole" && shape "$server" ;;
    unreachable)
      case ${3:?on or off} in
        on) ip route add unreachable "$(network "$server").2/32" ;;
        off) ip route del unreachable "$(network "$server").2/32" ;;
      esac
      ;;
    export) export_again "$server" "${3:?on, off or squash}" ;;
    expire) in_server "$server" /bin/bash -c "$(declare -f expire); expire" ;;
    stop) in_server "$server" rpc.nfsd 0 ;;
    start) in_server "$server" rpc.nfsd -N 3 -V 4.1 16 ;;
    restart) apply stop "$server" && apply start "$server" ;;
    mount) mount_server "$server" ;;
    umount) umount "/mnt/nfs-$server" ;;
    remount) umount "/mnt/nfs-$server" && mount_server "$server" ;;
    free | quota | eio) "$1" "$server" "${3:?}" ;;
    *) usage >&2 && exit 125 ;;
  esac
}

case ${1:-} in
  drop-caches)
    sync
    echo 3 > /proc/sys/vm/drop_caches
    exit
    ;;
esac
case ${2:-} in
  src | dst) apply "$@" || exit 1 ;;
  all) for server in src dst; do apply "$1" $server "${@:3}" || exit 1; done ;;
  *) usage >&2 && exit 125 ;;
esac
