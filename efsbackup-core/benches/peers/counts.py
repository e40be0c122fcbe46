"""Counts system calls (strace) and instructions (callgrind) an entry.

Each is counted on two trees, one twice the other; what the larger takes more, divided by
the entries it has more, leaves out what a program needs to start and to end.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from data import small_files
from programs import Places, Program, Tools, programs
from works import WORKS, Work

WHO = ("floor", "efsbackup")
WHAT = ("first copy", "first snapshot", "nothing changed", "nothing changed, `--link-dest`")


def system_calls(line: list[str], scratch: Path) -> int:
    out = scratch / "strace"
    subprocess.run(["strace", "-f", "-c", "-o", str(out), *line], check=True, capture_output=True)
    total = out.read_text().strip().splitlines()[-1].split()
    return int(total[3])


def instructions(line: list[str], scratch: Path) -> int:
    out = f"--callgrind-out-file={scratch / 'callgrind'}"
    wrapped = ["valgrind", "--tool=callgrind", out, *line]
    ran = subprocess.run(wrapped, check=True, capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", ran.stderr)
    if not found:
        raise RuntimeError(f"callgrind tells no total: {ran.stderr}")
    return int(found[1])


Counter = Callable[[list[str], Path], int]


def an_entry(
    counter: Counter, work: Work, program: Program, trees: list[tuple[Places, int]]
) -> float:
    counted = []
    for at, _ in trees:
        work.prepare(at, program)
        (line,) = program.commands[work.command_of(program)](at)
        counted.append(counter(line, at.scratch))
    return (counted[1] - counted[0]) / (trees[1][1] - trees[0][1])


def count(
    tools: Tools, folder: Path, seed: int, scale: float
) -> dict[tuple[str, str], tuple[float, float | None]]:
    """By work and program: system calls and instructions an entry."""
    trees = []
    for times in (1, 2):
        root = folder / f"times-{times}"
        at = Places.below(root)
        trees.append((at, small_files(at.source, seed, scale * times)))
        subprocess.run(["cp", "-a", str(at.source), str(at.previous)], check=True)
    known = {program.name: program for program in programs(tools)}
    measured = {}
    for work in WORKS:
        if work.data != "S" or work.title not in WHAT:
            continue
        for name in WHO:
            calls = an_entry(system_calls, work, known[name], trees)
            has_valgrind = shutil.which("valgrind") is not None
            executed = an_entry(instructions, work, known[name], trees) if has_valgrind else None
            measured[work.title, name] = (calls, executed)
    return measured
