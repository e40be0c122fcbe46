"""The command that the wheel installs, and the examples."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

import efsbackup

SCRIPT = os.path.join(sysconfig.get_path("scripts"), "efsbackup")
EXAMPLES = Path(__file__).parents[2] / "examples" / "python"


def run(*command: object) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("command", [[SCRIPT], [sys.executable, "-m", "efsbackup"]])
def test_the_command_mirrors(command: list[str], source: Path, tmp_path: Path) -> None:
    assert run(*command, "--version").stdout == f"efsbackup {efsbackup.__version__}\n"
    done = run(*command, "mirror", "--json", source, tmp_path / "copy")
    assert done.returncode == 0, done.stderr
    report = efsbackup.Report.from_dict(json.loads(done.stdout))
    assert report.outcome is efsbackup.Outcome.COMPLETE
    assert report.entries.created.total == 7
    assert run(*command, "mirror").returncode == 2
    assert run(*command, "mirror", tmp_path / "missing", tmp_path / "copy").returncode == 1


def test_ctrl_c_ends_the_command(many: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    child = subprocess.Popen(
        [SCRIPT, "mirror", "--jobs", "1", "--fsync", "files", str(many), str(copy)],
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not copy.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)
    assert child.returncode == 130


def test_the_example_runs(source: Path, tmp_path: Path) -> None:
    done = run(sys.executable, EXAMPLES / "mirror.py", source, tmp_path / "copy")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "complete: 7 entries, 8 bytes copied\n"
    done = run(sys.executable, EXAMPLES / "mirror.py", tmp_path / "missing", tmp_path / "copy")
    assert done.returncode == 1
    assert "missing" in done.stderr and "Traceback" not in done.stderr
