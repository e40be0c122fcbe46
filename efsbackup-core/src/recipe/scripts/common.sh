# shellcheck shell=bash disable=SC2034,SC2154
# Arguments: $1 source and $2 destination, each HOST:/PATH (mounted by NFS for this
# run alone) or an absolute path (used as it is); $3 id of the source file system;
# $4 time zone of the snapshots' names; $5 id of the destination file system;
# $6 seconds the run may last; all others are options of the backup.
# Exit status: that of `efsbackup backup`, but 24 (done, though some source entries
# vanished or kept changing) is told on stdout and becomes 0.
set -u -o pipefail

say() {
  printf 'efsbackup: %s\n' "$*"
}

# stop STATUS TEXT
stop() {
  say "$2" >&2
  exit "$1"
}

# need COMMAND PACKAGE PACKAGE-OF-DEBIAN: installs what is missing.
need() {
  local manager package
  command -v "$1" >/dev/null && return
  for manager in dnf yum apt-get; do
    command -v "$manager" >/dev/null || continue
    package=$2
    if [[ $manager == apt-get ]]; then
      package=$3
      export DEBIAN_FRONTEND=noninteractive
      "$manager" -q update >&2
    fi
    "$manager" -q -y install "$package" >&2
    break
  done
  command -v "$1" >/dev/null || stop 1 "$1 is missing and could not be installed"
}

# mount_at TYPE OPTIONS WHAT FOLDER SHOWN, and proof of it
mount_at() {
  local mounted
  mkdir -p -- "$4" || stop 1 "cannot make the mount point $4"
  timeout --foreground -k 10 300 mount -t "$1" -o "$2" -- "$3" "$4" || stop 1 "cannot mount $3"
  mounted=$(findmnt --kernel --raw --noheadings --output FSTYPE,SOURCE --mountpoint "$4" | tail -n 1)
  [[ ${mounted%/} == "nfs4 ${5%/}" ]] || stop 3 "$4 should hold $5, but it holds '$mounted'"
}

# mount_nfs HOST:/PATH FOLDER ro|rw
mount_nfs() {
  local options="$3,nosuid,nodev,noexec,nfsvers=4.1,rsize=1048576,wsize=1048576"
  need mount.nfs4 nfs-utils nfs-common
  mount_at nfs4 "$options,hard,timeo=600,retrans=2,noresvport" "$1" "$2" "$1"
}

# reach HOST:/PATH-or-/PATH MOUNT-POINT ro|rw: sets `reached` to the folder.
reach() {
  case $1 in
    /*) reached=$1 ;;
    *:/*) attach "$1" "$2" "$3" && reached=$2 ;;
    *) stop 2 "'$1' is neither HOST:/PATH nor an absolute path" ;;
  esac
  [[ -d $reached ]] || stop 3 "$reached is not a folder"
}

main() {
  (($# >= 6)) || stop 2 "6 arguments are needed, $# were given"
  source=$1 destination=$2 source_id=$3 timezone=$4 destination_id=$5 seconds=$6
  shift 6
  [[ $source_id =~ ^fs-[0-9a-f]{8,40}$ ]] || stop 2 "'$source_id' is no file system id"
  [[ $destination_id =~ ^fs-[0-9a-f]{8,40}$ ]] || stop 2 "'$destination_id' is no file system id"
  [[ $timezone =~ ^[A-Za-z0-9_+/-]+$ ]] || stop 2 "'$timezone' is no time zone"
  [[ $seconds =~ ^[1-9][0-9]*$ ]] || stop 2 "'$seconds' is no number of seconds"
  [[ $source_id != "$destination_id" ]] || stop 3 "source and destination are both $source_id"
  [[ ${source%/} != "${destination%/}" ]] || stop 3 "source and destination are both $source"
  umask 077
  export LC_ALL=C
  temporary=$(mktemp -d) || stop 1 "cannot make a temporary folder"
  trap finish EXIT
  prepare "$@"
  reach "$source" "$mounts/source" "$source_mode"
  from=$reached
  reach "$destination" "$mounts/backups" "$destination_mode"
  to=$reached
  work
}

# start ARGUMENT…: runs main, as root in a mount namespace of its own where anything is
# to be mounted: no other sees the mounts, and they end with the run. --mount forbids it.
start() {
  local again word alone=(unshare --mount --propagation private --)
  PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  if [[ ${1-} == *:/* && $1 != /* || ${2-} == *:/* && $2 != /* ]]; then
    again="set -u -o pipefail; $(declare -f); main \"\$@\""
    for word; do [[ $word != --mount=tls* ]] || alone=(); done
    set -- ${alone[@]+"${alone[@]}"} bash -c "$again" efsbackup "$@"
    (($(id -u) == 0)) || set -- sudo -n -- env "PATH=$PATH" "EFSBACKUP=${EFSBACKUP-}" "$@"
    exec "$@"
  fi
  main "$@"
}
