# shellcheck shell=bash
# What main.sh and ctl.sh know of the servers `src` and `dst`.
lab=/run/nfs-lab

# EFS's recommended options.
mount_options=nfsvers=4.1,rsize=1048576,wsize=1048576,timeo=600,retrans=2,hard,noresvport

network() {
  case $1 in src) echo 10.99.1 ;; dst) echo 10.99.2 ;; esac
}

in_server() { # in_server SERVER COMMAND...
  local pid
  read -r pid < "$lab/$1.pid"
  shift
  nsenter -t "$pid" -n -m -u -- "$@"
}

mount_server() {
  mount -t nfs4 -o "$mount_options" "nfs-$1:/" "/mnt/nfs-$1"
}

# The file system that a server exports.
make_disk() {
  local server=$1 image=$lab/disk/$1.img device sectors
  : "${fs:?}" "${size:?}"
  echo "$fs" > "$lab/$server.fs"
  echo "/srv/$server *(rw,no_root_squash,no_subtree_check,insecure,sync,fsid=0)" > "$lab/$server.exports"
  if [ "$fs" = tmpfs ]; then
    mount -n -t tmpfs -o "size=$size,mode=755" "srv-$server" "/srv/$server"
    return
  fi
  mkdir -p $lab/disk "$lab/fs-$server"
  mountpoint -q $lab/disk || mount -n -t tmpfs -o size=90% tmpfs $lab/disk || return 1
  truncate -s "$size" "$image"
  mkfs.ext4 -q -m 0 -E lazy_itable_init=1,lazy_journal_init=1 -O ^metadata_csum,quota "$image" || return 1
  device=$(losetup --show -f "$image") || return 1
  echo "$device" > "$lab/$server.device"
  sectors=$(blockdev --getsz "$device")
  DM_DISABLE_UDEV=1 dmsetup create "srv-$server" --table "0 $sectors linear $device 0" || return 1
  mount -n -t ext4 -o errors=continue,usrquota "/dev/mapper/srv-$server" "$lab/fs-$server" || return 1
  # Blocks set aside for delayed allocation would make `free` inexact.
  for device in /sys/fs/ext4/dm-*/reserved_clusters; do echo 0 > "$device"; done
  mkdir "$lab/fs-$server/export"
  mount -n --bind "$lab/fs-$server/export" "/srv/$server"
}

# Starts a server in network, mount and host-name namespaces of its own; says `ok` or `failed`
# on the FIFO SERVER.up. Nothing of the host's settings for NFS is used.
start_server() {
  local server=$1 net
  net=$(network "$server")
  mkfifo "$lab/$server.up"
  printf '%s\n' '[general]' 'pipefs-directory=/run/rpc_pipefs' '[nfsdcld]' \
    'storagedir=/var/lib/nfs/nfsdcld' '[nfsd]' 'vers3=n' > $lab/nfs.conf
  printf '%s\n' 'nfs /var/lib/nfs tmpfs mode=755' "$lab/$server.exports /etc/exports none bind" \
    "$lab/nfs.conf /etc/nfs.conf none bind" 'rpc_pipefs /run/rpc_pipefs rpc_pipefs defaults' \
    'nfsd /proc/fs/nfsd nfsd defaults' > "$lab/$server.fstab"
  printf '%s\n' \
    "link add eth0 address 02:99:00:00:00:02 type veth peer name v$server address 02:99:00:00:00:01 netns 1" \
    'link set lo up' "addr add $net.2/24 dev eth0" 'link set eth0 up' \
    "neigh replace $net.1 lladdr 02:99:00:00:00:01 nud permanent dev eth0" > "$lab/$server.ip"
  # shellcheck disable=SC2016
  unshare --net --mount --uts /bin/bash -c '
    lab=$1 server=$2
    set_up() {
      echo "nfs-$server" > /proc/sys/kernel/hostname
      ip -batch "$lab/$server.ip" && mount -n -a -T "$lab/$server.fstab" || return 1
      mkdir /var/lib/nfs/nfsdcld /var/lib/nfs/v4recovery
      : > /var/lib/nfs/etab
      : > /var/lib/nfs/rmtab
      nfsdcld
      echo 1048576 > /proc/fs/nfsd/max_block_size
      echo 10 > /proc/fs/nfsd/nfsv4leasetime
      echo 10 > /proc/fs/nfsd/nfsv4gracetime
      exportfs -ra && rpc.mountd -N 3 2> /dev/null && rpc.nfsd -N 3 -V 4.1 16
    }
    echo $$ > "$lab/$server.pid"
    if set_up; then echo ok; else echo failed; fi > "$lab/$server.up"
    exec sleep infinity' server "$lab" "$server" < /dev/null &
}

# Waits until a server is up, and joins its network.
connect() {
  local server=$1 net up
  net=$(network "$server")
  read -r up < "$lab/$server.up"
  [ "$up" = ok ] || return 1
  printf '%s\n' "addr add $net.1/24 dev v$server" "link set v$server up" \
    "neigh replace $net.2 lladdr 02:99:00:00:00:02 nud permanent dev v$server" | ip -batch - || return 1
  shape "$server"
}

# Applies a server's latency and black hole, half of the latency to each direction.
shape() {
  local server=$1 latency blackhole microseconds
  latency=$(< "$lab/$server.latency")
  blackhole=$(< "$lab/$server.blackhole")
  microseconds=$(awk -v ms="$latency" 'BEGIN { printf "%d", ms * 500 }')
  local -a netem=(delay "${microseconds}us" limit 1000000)
  [ "$blackhole" = off ] || netem+=(loss '100%')
  if [ "$blackhole" = off ] && [ "$microseconds" = 0 ]; then
    tc qdisc del dev "v$server" root 2> /dev/null
    in_server "$server" tc qdisc del dev eth0 root 2> /dev/null
    return 0
  fi
  tc qdisc replace dev "v$server" root netem "${netem[@]}" &&
    in_server "$server" tc qdisc replace dev eth0 root netem "${netem[@]}"
}
