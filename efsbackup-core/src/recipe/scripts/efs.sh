# shellcheck shell=bash disable=SC2034,SC2154
# Further arguments, before the options of the backup: --program=S3-URI and --sha256=HEX, where
# the program is fetched from and what it must be; --mount=tls or --mount=tls,iam, with which
# options of amazon-efs-utils file systems are mounted.

# options ARGUMENT…: sets what they say, and `more`, the options of the backup.
options() {
  program_uri='' sha256='' tunnel='' mounts=/mnt/efsbackup mounted_here=()
  while (($# > 0)); do
    case $1 in
      --program=s3://?*/?*) program_uri=${1#*=} ;;
      --sha256=*) sha256=${1#*=} ;;
      --mount=tls | --mount=tls,iam) tunnel=${1#*=} mounts=/mnt/efsbackup/$$ ;;
      *) break ;;
    esac
    shift
  done
  more=("$@")
  [[ -z $program_uri || $sha256 =~ ^[0-9a-f]{64}$ ]] ||
    stop 2 "'$sha256' is no SHA-256 in 64 hexadecimal digits"
}

# fetch: sets `program`, from S3 where it is told to.
fetch() {
  program=${EFSBACKUP:-$(command -v efsbackup)}
  if [[ -n $program_uri ]]; then
    need aws awscli awscli
    program=$temporary/efsbackup
    aws s3 cp --only-show-errors "$program_uri" "$program" || stop 1 "cannot fetch $program_uri"
    printf '%s  %s\n' "$sha256" "$program" | sha256sum --check --status ||
      stop 3 "what lies at $program_uri is not what was to be run: its SHA-256 is not $sha256"
    chmod 0500 "$program"
  fi
  [[ -x $program ]] || stop 1 "efsbackup is neither on PATH nor named by EFSBACKUP"
}

# attach HOST:/PATH FOLDER ro|rw: mounts it. The tunnel of amazon-efs-utils is watched by a
# service of the machine, which ends it where it sees no mount: these mounts are for all to see.
attach() {
  local options="$3,nosuid,nodev,noexec"
  if [[ -z $tunnel ]]; then
    mount_nfs "$@"
    return
  fi
  [[ $1 =~ ^(([^.:]+)\.)?(fs-[0-9a-f]+)\.efs\.([a-z0-9-]+)\.[^:]+:(/.*)$ ]] ||
    stop 2 "encryption needs EFS's own name of the file system, not '$1'"
  need mount.efs amazon-efs-utils amazon-efs-utils
  options+=",$tunnel,region=${BASH_REMATCH[4]}${BASH_REMATCH[2]:+,az=${BASH_REMATCH[2]}}"
  mounted_here=("$2" ${mounted_here[@]+"${mounted_here[@]}"})
  mount_at efs "$options" "${BASH_REMATCH[3]}:${BASH_REMATCH[5]}" "$2" "127.0.0.1:${BASH_REMATCH[5]}"
}

finish() {
  local folder
  rm -rf -- "$temporary"
  for folder in ${mounted_here[@]+"${mounted_here[@]}"}; do
    umount -- "$folder" 2>/dev/null || umount -l -- "$folder" 2>/dev/null
    rmdir -- "$folder" 2>/dev/null
  done
  [[ -z ${tunnel-} ]] || rmdir -- "$mounts" 2>/dev/null
}

