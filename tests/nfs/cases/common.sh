# shellcheck shell=bash
# What the cases share. Each case is a file; all of a run share a guest and both mounts.
set -u
export LC_ALL=C
export src=/mnt/nfs-src dst=/mnt/nfs-dst scratch=/run/nfs-test
failures=0
mkdir -p $scratch

pass() {
  echo "ok      $*"
}

fail() {
  echo "FAILED  $*"
  failures=$((failures + 1))
}

# skip WHY: what cannot be shown here, which is a failure where nothing may be left out.
skip() {
  if [ "${EFSBACKUP_REQUIRE_TOOLS:-0}" = 1 ]; then fail "$*"; else echo "SKIPPED $*"; fi
}

# expect STATUS WHAT COMMAND...: what the command writes is kept in $scratch/output, and how many
# milliseconds it took in $took.
expect() {
  local wanted=$1 what=$2 status begin
  shift 2
  begin=$(milliseconds)
  timeout -s KILL "${limit:-120}" "$@" > $scratch/output 2>&1
  status=$?
  took=$(($(milliseconds) - begin))
  if [ "$status" = "$wanted" ]; then
    pass "$what (exit $status, $took ms)"
  else
    fail "$what: exit status $status instead of $wanted: $*"
    tail -n 20 $scratch/output
  fi
}

# says WHAT TEXT: the last command's output holds the text.
says() {
  if grep -qF -- "$2" $scratch/output; then
    pass "$1"
  else
    fail "$1: '$2' is not in:"
    tail -n 20 $scratch/output
  fi
}

# equal WHAT SOURCE DESTINATION: both rsync and we find nothing left to do.
equal() {
  rsync -aHAXn --delete --checksum --itemize-changes "$2/" "$3/" > $scratch/rsync 2>&1
  "$EFSBACKUP" mirror --dry-run --delete --checksum --itemize --quiet "$2" "$3" > $scratch/mirror 2>&1
  if [ -s $scratch/rsync ] || [ -s $scratch/mirror ]; then
    fail "$1: the trees differ"
    head -n 20 $scratch/rsync $scratch/mirror
  else
    pass "$1"
  fi
}

milliseconds() {
  local now=${EPOCHREALTIME/./}
  echo $((now / 1000))
}

# How many mounts of NFS there are at a directory.
mounted() {
  grep -c " $1 nfs" /proc/mounts
}

# make_tree DIR FILES: directories of 20 small files each, with all kinds of entries.
make_tree() {
  local dir=$1 number
  mkdir -p "$dir/empty" "$dir/odd names"
  for ((number = 0; number < $2; number++)); do
    [ $((number % 20)) != 0 ] || mkdir -p "$dir/d$((number / 20))"
    printf 'file %d\n' "$number" > "$dir/d$((number / 20))/f$number"
  done
  printf 'x' > "$dir/odd names/"$'new\nline \xff'
  head -c 3000000 /dev/urandom > "$dir/large"
  truncate -s 5M "$dir/holes"
  ln "$dir/large" "$dir/d0/large, once more"
  ln -s ../large "$dir/d0/link"
  ln -s nowhere "$dir/dangling"
  mkfifo "$dir/fifo"
  chmod 2750 "$dir/d0"
  chmod 4755 "$dir/d0/f0"
  chown 1234:2345 "$dir/d0/f1" "$dir/dangling" -h
  touch -d '2001-02-03 04:05:06.123456789' "$dir/d0/f2" "$dir/empty"
}

# make_faulty: what the cases of faults copy: few files, each several calls long.
make_faulty() {
  local number
  mkdir -p /srv/src/fault
  for number in {1..12}; do head -c 1000000 /dev/urandom > "/srv/src/fault/f$number"; done
}

# torn DIR: files that differ from the source's.
torn() {
  local file
  while IFS= read -r -d '' file; do
    cmp -s "$file" "/srv/src/fault/${file#"$1"/}" || echo "$file"
  done < <(find "$1" -type f ! -name '.efsbackup*' -print0)
}

# during DIR COMMAND...: starts a mirror to DIR, and runs the command when it has begun. The
# mirror's process is $mirror, what it says in $scratch/output.
during() {
  nfs-ctl latency all 200
  timeout -s KILL 100 "$EFSBACKUP" mirror $src/fault "$dst/$1" > $scratch/output 2>&1 &
  mirror=$!
  for _ in {1..500}; do [ -n "$(ls -A "/srv/dst/$1" 2> /dev/null)" ] && break; sleep 0.02; done
  shift
  "$@"
  nfs-ctl latency all 1
}

# ends STATUS WHAT: how that mirror ends.
ends() {
  local status
  wait "$mirror"
  status=$?
  if [ $status = "$1" ]; then pass "$2"; else fail "$2: exit status $status" && cat $scratch/output; fi
}
