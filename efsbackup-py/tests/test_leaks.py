"""What was used is given back; `make leaks-python` says it of many more calls."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parent / "leaks.py"
HEAP = {"MALLOC_ARENA_MAX": "1", "PYTHONMALLOC": "malloc"}


def test_nothing_is_left_behind() -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "150"],
        env={**os.environ, **HEAP},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\n") > 20


def test_a_leak_is_found() -> None:
    program = (
        "import leaks, sys\n"
        "kept = []\n"
        "leaks.actions = lambda folder: {'keeping': (lambda: kept.append(bytes(500)), 1)}\n"
        "sys.exit(leaks.main(500))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **HEAP, "PYTHONPATH": str(PROGRAM.parent)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 1 and "LEAKS" in done.stdout, done.stdout + done.stderr
