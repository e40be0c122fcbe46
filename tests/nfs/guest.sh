#!/usr/bin/env bash
# Runs cases in the guest: guest.sh CASE...
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=/dev/null
. "$here/cases/common.sh"
for case_name in "$@"; do
  echo "-- $case_name"
  case_begin=$SECONDS
  # shellcheck source=/dev/null
  . "$here/cases/$case_name.sh"
  echo "-- $case_name: $((SECONDS - case_begin)) s"
done
if [ "${failures:?}" -gt 0 ]; then
  echo "$failures failed"
  exit 1
fi
