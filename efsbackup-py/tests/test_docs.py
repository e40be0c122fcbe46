"""What the guides tell Python programmers to write, run as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDES = sorted(
    path for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")] if "```python\n" in path.read_text()
)
ELSEWHERE = ("distributed ", "dask_jobqueue ", "dask_cloudprovider")
"""Packages that are not installed here, for clusters that are not there."""


def place(folder: Path) -> None:
    """What the guides take for given: two file systems, known by their markers, and pipelines."""
    for name, file_system in (("source", "fs-0123456789abcdef0"), ("backups", "fs-0fedcba9876543210")):
        (folder / name / "logs").mkdir(parents=True)
        (folder / name / "logs" / "audit.log").write_text("kept")
        command(folder, "mark", str(folder / name), "--id", file_system)
    for form in ("json", "yaml"):
        line = ["pipeline", "new", "--source", str(folder / "source")]
        command(folder, *line, "--destination", str(folder / "backups"), "-o", f"pipeline.{form}")


def command(folder: Path, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "efsbackup", *arguments], cwd=folder, check=True, capture_output=True
    )


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_the_guides_programs_run(guide: Path, tmp_path: Path) -> None:
    place(tmp_path)
    blocks = re.findall(r"(-->\n)?```python\n(.*?)```", guide.read_text(), re.DOTALL)
    # A block that begins in the middle of a program names the folders of the ones before it.
    begin = "import efsbackup\nsource, destination = '/mnt/source', '/mnt/copy'\n"
    for number, (not_run, block) in enumerate(blocks):
        if not_run or any(f"from {package}" in block for package in ELSEWHERE):
            compile(block, guide.name, "exec")
            continue
        program = tmp_path / f"block_{number}.py"
        program.write_text((begin + block).replace("/mnt/", f"{tmp_path}/"))
        done = subprocess.run(
            [sys.executable, str(program)],
            cwd=tmp_path,
            env={**os.environ, "PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{guide.name}, block {number + 1}\n{block}{done.stderr}"


def test_every_guide_of_python_has_a_program() -> None:
    assert {"README.md", "python.md", "several-machines.md"} <= {path.name for path in GUIDES}
