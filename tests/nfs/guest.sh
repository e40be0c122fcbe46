#!/usr/bin/env bash
# Runs cases in the guest: guest.sh CASE...
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=/dev/null
. "$here/cases/common.sh"
for name in "$@"; do
  echo "-- $name"
  begin=$SECONDS
  # shellcheck source=/dev/null
  . "$here/cases/$name.sh"
  echo "-- $name: $((SECONDS - begin)) s"
done
if [ "${failures:?}" -gt 0 ]; then
  echo "$failures failed"
  exit 1
fi
