#!/usr/bin/env bash
# usage: glibc.sh VERSION PROGRAM…: fails where a program asks for a newer glibc than VERSION, or
# for a library that is not part of it.
set -euo pipefail
most=$1
shift
for program; do
  newest=$(objdump -T "$program" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
  newest=${newest#GLIBC_}
  if [[ -z $newest || $(printf '%s\n' "$newest" "$most" | sort -V | tail -n 1) != "$most" ]]; then
    echo "$program needs glibc ${newest:-of no known version}, newer than $most" >&2
    exit 1
  fi
  others=$(objdump -p "$program" | awk '$1 == "NEEDED" { print $2 }' |
    grep -v -e '^lib\(c\|m\|dl\|rt\|pthread\)\.so' -e '^ld-linux' || true)
  if [[ -n $others ]]; then
    echo "$program needs $others" >&2
    exit 1
  fi
  echo "$program: glibc $newest"
done
