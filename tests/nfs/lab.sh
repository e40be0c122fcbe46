#!/usr/bin/env bash
# Runs a command against real Linux NFSv4.1 servers, mounted by the real kernel client.
#
# It boots a User-mode Linux kernel (an ordinary process, no virtual machine) whose root is
# this machine's own file system below a throw-away overlay. In it run two kernel NFS servers,
# each in a network of its own, with a latency between them and the client that can be set.
# docs/nfs.md says how to use it.
set -u

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
packages=(user-mode-linux nfs-kernel-server nfs-common iproute2 kmod e2fsprogs dmsetup util-linux strace rsync faketime)
kernel=${NFS_LAB_KERNEL:-/usr/bin/linux.uml}
export PATH=$PATH:/usr/sbin:/sbin

die() {
  echo "nfs lab: $*" >&2
  exit 125
}

usage() {
  cat << 'END'
usage: lab.sh check                   say whether this machine can run it (0 = yes)
       lab.sh install                 install the Debian packages it needs (as root)
       lab.sh run [OPTION]... -- COMMAND [ARGUMENT]...

run mounts two servers at /mnt/nfs-src and /mnt/nfs-dst (the servers' own view of them is
/srv/src and /srv/dst), runs the command as root in the same working directory, and ends
with the command's status; 124 when it was timed out, 125 when the lab itself failed.
What the command writes to this machine's files is thrown away.

  --latency-ms N      round-trip time to both servers (may be 0.5)
  --rw DIR            let the command write to this directory (may be repeated)
  --env NAME=VALUE    set one more variable (may be repeated)
  --timeout SECONDS   limit on the command (default 600)
  --server-fs FS      tmpfs (default), or ext4 on a loop device, which `eio` needs
  --server-size SIZE  size of each server's file system (default 1536M)
  --mem SIZE          the guest's memory (default 4096M; only what is touched is used)
  --no-mount          start the servers, mount nothing
  --log FILE          keep the guest's kernel log here
END
}

# The guest's memory is a file; on a disk it would be written back.
memory_dir() {
  local dir
  for dir in "${TMPDIR:-}" /dev/shm; do
    if [ ! -w "$dir" ] || [ "$(stat -f -c %T "$dir")" != tmpfs ]; then continue; fi
    case ",$(findmnt -n -o OPTIONS --target "$dir")," in
      *,noexec,*) ;;
      *) echo "$dir" && return ;;
    esac
  done
  return 1
}

# 1 when something can be installed, 2 when this is no machine for it.
check() {
  local missing=() tool
  [ "$(uname -m)" = x86_64 ] || { echo "not an x86-64 machine" && return 2; }
  [ "$(id -u)" = 0 ] || { echo "not root" && return 2; }
  for tool in "$kernel" exportfs rpc.nfsd rpc.mountd nfsdcld mount.nfs4 ip tc modprobe mkfs.ext4 \
    dmsetup setpriv nsenter unshare taskset findmnt strace rsync faketime; do
    command -v "$tool" > /dev/null || missing+=("$tool")
  done
  [ ${#missing[@]} = 0 ] || { echo "missing: ${missing[*]}; Debian's packages: ${packages[*]}" && return 1; }
  memory_dir > /dev/null || { echo "no tmpfs for the guest's memory in TMPDIR or /dev/shm" && return 2; }
  unshare --fork --pid --mount-proc --kill-child=KILL true 2> /dev/null ||
    { echo "no PID namespace can be made here" && return 2; }
}

install_packages() {
  check > /dev/null
  [ $? = 1 ] || return 0
  command -v apt-get > /dev/null || { echo "the lab's packages are Debian's: ${packages[*]}" && return 1; }
  apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${packages[@]}"
}

# The CPU that was least busy over a tenth of a second. The guest's kernel and processes hand
# over to each other at each system call, which costs five times less on one CPU.
idlest_cpu() {
  local name idle cpu best=0 most=-1
  local -A before
  # The file changes while it is read: a line may come out empty.
  while read -r name _ _ _ idle _; do [ -z "$name" ] || before[$name]=$idle; done < /proc/stat
  sleep 0.1
  while read -r name _ _ _ idle _; do
    cpu=${name#cpu}
    { [[ $name =~ ^cpu[0-9]+$ ]] && taskset -c "$cpu" true 2> /dev/null; } || continue
    [ $((idle - before[$name])) -gt $most ] && most=$((idle - before[$name])) best=$cpu
  done < /proc/stat
  echo "$best"
}

# Directories of a lab that was itself killed by SIGKILL (its guest died with it).
remove_leftovers() {
  local dir pid memory
  for dir in "$1"/nfs-lab.????????; do
    { [ -O "$dir" ] && read -r pid memory 2> /dev/null < "$dir/owner"; } || continue
    kill -0 "$pid" 2> /dev/null && continue
    case $memory in */nfs-lab.????????) rm -rf -- "$memory" ;; esac
    rm -rf -- "$dir"
  done
}

# Never inherited by the guest: what may be a secret.
write_environment() {
  local name
  for name in $(compgen -e); do
    case $name in
      *TOKEN* | *SECRET* | *PASSWORD* | *CREDENTIAL* | *KEY*) ;;
      PATH | HOME | LANG | LC_* | TERM | TZ | CI | RUST* | CARGO* | EFS*) printf '%s=%s\0' "$name" "${!name}" ;;
    esac
  done
  [ $# = 0 ] || printf '%s\0' "$@"
}

# shellcheck disable=SC2034  # boot writes the settings by their names
run() {
  local timeout=600 fs=tmpfs size=1536M mem=4096M latency=0 mount=1 log='' cwd
  local -a rw=() environment=()
  while [ $# -gt 0 ]; do
    case $1 in
      --) shift && break ;;
      --no-mount) mount=0 && shift && continue ;;
      --*) [ $# -ge 2 ] || die "$1 needs a value" ;;
      *) break ;;
    esac
    case $1 in
      --latency-ms) latency=$2 ;;
      --rw) rw+=("$(realpath -e -- "$2")") || die "--rw $2: no such directory" ;;
      --env) environment+=("$2") ;;
      --timeout) timeout=$2 ;;
      --mem) mem=$2 ;;
      --server-fs) fs=$2 ;;
      --server-size) size=$2 ;;
      --log) log=$2 ;;
      *) die "unknown option $1" ;;
    esac
    shift 2
  done
  [ $# -gt 0 ] || die "no command; see lab.sh --help"
  [[ $latency =~ ^[0-9]+(\.[0-9]+)?$ ]] || die "--latency-ms $latency: not a number"
  [[ $timeout =~ ^[1-9][0-9]*$ ]] || die "--timeout $timeout: not a number of seconds"
  [[ $fs =~ ^(tmpfs|ext4)$ ]] || die "--server-fs is tmpfs or ext4"
  check >&2 || exit 125
  cwd=$(pwd -P)
  boot "$@"
}

# Boots the guest, which finds the command and the variables of `run` in files.
boot() {
  local name memory status
  local -a guest_environment=("${environment[@]}")
  remove_leftovers /tmp
  work=$(mktemp -d /tmp/nfs-lab.XXXXXXXX) || die "mktemp failed"
  memory=$(mktemp -d "$(memory_dir)/nfs-lab.XXXXXXXX") || die "mktemp failed"
  guest='' timer='' readers=()
  trap 'stop_guest "$memory"' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  echo "$$ $memory" > "$work/owner"
  printf '#!/bin/bash\nexec /bin/bash %q %q\n' "$here/guest/init.sh" "$work" > "$work/init"
  chmod 0755 "$work/init"
  printf '%s\0' "$@" > "$work/command"
  write_environment ${guest_environment[@]+"${guest_environment[@]}"} > "$work/environment"
  printf '%s\0' ${rw[@]+"${rw[@]}"} > "$work/rw"
  for name in here cwd latency fs size mount timeout; do
    printf '%s=%q\n' "$name" "${!name}"
  done > "$work/settings"
  : > "$work/status"
  mkfifo "$work/out" "$work/err" || die "mkfifo failed"
  # The guest holds a descriptor here for each of this machine's files that it has open.
  ulimit -n "$(ulimit -Hn)"
  # The kernel sets O_NONBLOCK on its consoles, so it never gets our own stdout.
  cat "$work/out" &
  readers+=($!)
  cat "$work/err" >&2 &
  readers+=($!)
  # The first process of the namespace is a shell: when it ends, or anything above it is
  # killed, the kernel ends every process of the guest.
  # shellcheck disable=SC2016
  TMPDIR=$memory setpriv --pdeathsig KILL -- taskset -c "$(idlest_cpu)" \
    unshare --fork --pid --mount-proc --kill-child=KILL /bin/bash -c '"$@"; exit $?' uml \
    "$kernel" "mem=$mem" umid=lab "uml_dir=$memory" root=/dev/root rootfstype=hostfs rootflags=/ \
    hostfs=/ ro "init=$work/init" con=null con0=null,fd:3 con1=null,fd:4 con2=null,fd:5 ssl=null \
    panic=-1 < /dev/null > "$work/kernel.log" 2>&1 3>> "$work/kernel.log" 4> "$work/out" 5> "$work/err" &
  guest=$!
  # The guest has its own timer; this one nothing inside can hold up.
  setpriv --pdeathsig KILL -- sleep $((timeout + 20)) &
  timer=$!
  wait -n "$guest" "$timer"
  if kill -0 "$guest" 2> /dev/null; then
    echo "nfs lab: the guest did not stop; killed after $((timeout + 20)) s" >&2
    echo 124 > "$work/status"
    kill -KILL "$guest"
  fi
  wait "$guest" 2> /dev/null
  wait "${readers[@]}"
  [ -z "$log" ] || cp -- "$work/kernel.log" "$log"
  status=$(cat "$work/status")
  if ! [[ $status =~ ^[0-9]+$ ]]; then
    echo "nfs lab: the guest ended without a result; the end of its log:" >&2
    tail -n 40 "$work/kernel.log" >&2
    exit 125
  fi
  exit "$status"
}

stop_guest() {
  local status=$? pid
  trap '' HUP INT TERM
  trap - EXIT
  for pid in $guest $timer ${readers[@]+"${readers[@]}"}; do
    kill -KILL "$pid" 2> /dev/null && wait "$pid" 2> /dev/null
  done
  rm -rf -- "$work" "$1"
  exit $status
}

case ${1:-} in
  check) check ;;
  install) install_packages ;;
  run) shift && run "$@" ;;
  *) usage && [ "${1:-}" = --help ] ;;
esac
