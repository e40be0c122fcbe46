#!/usr/bin/env bash
# Installs the commands that only the tests use, as far as this user may, and says what is
# missing. Writes the file $1 when nothing is: from then on a test may not skip.
set -eu
complete=$1
commands=(rsync shellcheck valgrind setpriv getfacl getfattr pkg-config c++ mkfs.ext4 mkfs.xfs systemd-analyze)

missing() {
  for command in "${commands[@]}"; do
    command -v "$command" > /dev/null || echo "$command"
  done
}

if [ -n "$(missing)" ] && [ "$(id -u)" = 0 ]; then
  if command -v apt-get > /dev/null; then
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
      --no-install-recommends rsync shellcheck valgrind util-linux acl attr pkg-config g++ \
      e2fsprogs xfsprogs systemd; } || true
  elif command -v dnf > /dev/null; then
    # Amazon Linux 2023 has no ShellCheck.
    dnf install -q -y rsync valgrind util-linux acl attr pkgconf-pkg-config gcc-c++ \
      e2fsprogs xfsprogs systemd || true
  fi
fi

rm -f "$complete"
mapfile -t left < <(missing)
if [ "${#left[@]}" -gt 0 ]; then
  echo "missing: ${left[*]}; the tests that need them will say that they skip"
elif [ "$(id -u)" != 0 ]; then
  echo "not root: the tests of owners, devices and mounts will say that they skip"
else
  mkdir -p "$(dirname "$complete")"
  touch "$complete"
fi
