#!/usr/bin/env bash
# `make test-ansible-sanity`: Ansible's own checks of the collection.
# usage: sanity.sh FOLDER PYTHON-ENVIRONMENT [ARGUMENT OF ansible-test]...
# What the checks need of PyPI is kept in FOLDER; nothing outside it is written.
set -euo pipefail
mkdir -p "$1"
folder=$(realpath "$1") venv=$(realpath "$2")
shift 2
collections=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../examples/ansible/ansible_collections" && pwd -P)
export HOME=$folder PATH=$venv/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1
# The locale that it asks for need not be there.
checks() {
  ansible-test sanity --color no "$@" 2>&1 | { grep -vE '^WARNING: (Using locale|Reviewing previous 1 )' || true; }
}

# One at a time: each begins with a copy of its own.
exec 9> "$folder/lock"
flock 9

# It would download pip from Ansible's own site; what comes with Python does as well.
cache=$folder/.ansible/test/cache
mkdir -p "$cache"
known=$(python -c 'from ansible_test._internal import python_requirements as known; print(known.__file__)')
while read -r version; do
  cat > "$cache/get_pip_${version//./_}.py" << 'PYTHON'
import subprocess, sys
subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL)
PYTHON
done < <(sed -n "s/.* pip='\([0-9.]*\)'.*/\1/p" "$known")

# It checks what git knows, in a folder of this name.
rm -rf "$folder/ansible_collections"
cp -r "$collections" "$folder/"
cd "$folder/ansible_collections/efsbackup/ops"
find . -name __pycache__ -prune -exec rm -rf {} +
git init --quiet
git add .

own=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
checks --python "$own" "$@"
[ $# = 0 ] || exit 0
for other in 3.10 3.11 3.12 3.13; do
  [ "$other" != "$own" ] || continue
  # What lies on PATH may be a shim.
  if interpreter=$("python$other" -c 'import sys; print(sys.executable)' 2> /dev/null); then
    checks --python "$other" --python-interpreter "$interpreter" --test compile --test import
  else
    echo "not checked on Python $other, which is not here"
  fi
done
