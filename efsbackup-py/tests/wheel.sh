#!/usr/bin/env bash
# Installs a wheel into an environment with nothing else in it, and runs the tests there, for each
# Python: wheel.sh WHEEL PYTEST_FOLDER FOLDER PYTHON... A PYTHON is a program, or a folder that
# debian.sh has made, which is entered by chroot (root).
set -eu
wheel=$(realpath "$1") pytest=$(realpath "$2") folder=$(realpath "$3")
shift 3
export PIP_DISABLE_PIP_VERSION_CHECK=1
repository=$(realpath "$(dirname "$0")/../..")

# Runs a command below the folder $root, which sees this one's repository and processes, or here.
# Environment variables name files that are not there below another root.
within() {
  if [ -z "$root" ]; then "$@"; return; fi
  # shellcheck disable=SC2016 # expanded by the inner shell
  unshare --mount sh -c '
    for shared in /proc /dev /tmp "$2"; do
      mkdir -p "$1$shared"
      mount --rbind "$shared" "$1$shared"
    done
    root=$1
    shift 2
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root chroot "$root" "$@"' sh "$root" "$repository" "$@"
}

for python; do
  root=""
  if [ -d "$python" ]; then
    root=$(realpath "$python")
    python=$(basename "$(ls -d "$root"/usr/bin/python3.??)")
  fi
  version=$(within "$python" -c 'import platform; print(platform.python_version(), *platform.libc_ver())')
  echo "== Python $version"
  environment=$folder/$(basename "$python")${root:+-debian}
  rm -rf "$environment"
  within "$python" -m venv "$environment"
  within "$environment/bin/python" -m pip install --quiet --no-index "$wheel"
  # Nothing else: what an environment is born with, and the wheel.
  installed=$(within "$environment/bin/python" -m pip list --format=freeze |
    grep -v -e '^pip==' -e '^setuptools==')
  [ "$(wc -l <<< "$installed")" = 1 ] || { echo "more than the wheel is there: $installed" >&2; exit 1; }
  # But those that need more: other packages, which are not built for every Python.
  within env -C "$repository" PYTHONPATH="$pytest" PYTHONDONTWRITEBYTECODE=1 EFSBACKUP_REQUIRE_TOOLS=0 \
    "$environment/bin/python" -m pytest -q -p no:cacheprovider efsbackup-py/tests \
    --ignore=efsbackup-py/tests/test_format.py --ignore-glob='*/test_ansible*.py'
done
