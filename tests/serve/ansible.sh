#!/usr/bin/env bash
# `make test-ansible`: Ansible's own module drives `efsbackup serve`.
# usage: ansible.sh EFSBACKUP PYTHON-ENVIRONMENT
set -eu
efsbackup=$1 venv=$(realpath "$2") here=$(cd "$(dirname "$0")" && pwd -P)
folder=$(mktemp -d)
server=
# shellcheck disable=SC2317,SC2329  # called by the trap
finish() {
  [ -z "$server" ] || kill "$server" || true
  wait
  rm -rf "$folder"
}
trap finish EXIT

"$efsbackup" serve --new-key --allow-root --quiet --listen 127.0.0.1:0 --worker-group here \
  --state "$folder/state.db" --keys "$folder/keys" --log-dir "$folder/logs" > "$folder/address" &
server=$!
until [ -s "$folder/address" ]; do sleep 0.1; done
export AWS_SHARED_CREDENTIALS_FILE=$folder/keys AWS_EC2_METADATA_DISABLED=true
"$venv/bin/ansible-playbook" -i localhost, -e "ansible_python_interpreter=$venv/bin/python" \
  -e "endpoint=$(sed 's/^listening at //' "$folder/address")" "$here/ansible.yml"
