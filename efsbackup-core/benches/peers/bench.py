#!/usr/bin/env python3
"""Measures efsbackup beside its peers and prints Markdown: see `make bench-peers`.

Every round runs every program once, so that whatever else the machine does meets all
alike. Ratios are medians over the rounds. Everything made is removed at the end.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import counts
import tables
from data import MAKERS, change, names_of
from measure import Failed, Series, run
from programs import WITHOUT_MANIFEST, Places, Program, Tools, programs
from works import WORKS, Work, differences, file_system, remove

# What one data set needs at most, all copies of it together, at scale 1. On a disk they are kept
# to its end.
ROOM = {"S": 6 << 30, "L": 7 << 30, "W": 2 << 30, "D": 1 << 30, "M": 5 << 30}


def measure(
    work: Work, at: Places, who: list[Program], rounds: int, runner: str
) -> dict[str, Series]:
    """All runs of one work. Whoever fails is told, and left out."""
    measured: dict[str, Series] = {program.name: Series() for program in who}
    for number in range(rounds):
        for program in who:
            if program.name not in measured:
                continue
            series = measured[program.name]
            try:
                work.prepare(at, program)
                subprocess.run(["sync", "-f", str(at.scratch)], check=True)
                lines = program.commands[work.command_of(program)](at)
                series.samples.append(run(runner, lines, at.scratch, program.times_itself))
                if number == 0:
                    series.differences = differences(at, work, program)
            except Failed as failed:
                if program.is_ours:
                    raise
                print(f"{program.name} failed and is left out: {failed}\n")
                del measured[program.name]
            if program.is_ours and series.differences:
                raise Failed(f"{program.name}, {work.title}: {series.differences} entries differ")
    return measured


def touch(folder: Path, room: int) -> None:
    """Uses all memory that will be needed once. A virtual machine may get it from its host
    only then, slowly, which whichever program comes first would pay for."""
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(room >> 20):
            file.write(bytes(1 << 20))


def data_set(name: str, folder: Path, who: list[Program], arguments: argparse.Namespace) -> None:
    """Makes one data set, measures all works on it, removes it."""
    at = Places.below(folder / name)
    entries = MAKERS[name](at.source, arguments.seed, arguments.scale)
    kind = file_system(folder)
    changed = replace(at, source=at.source.with_name("changed"))
    works = [work for work in WORKS if work.data == name and arguments.work in ("", work.title)]
    if len(works) > 1:
        subprocess.run(["cp", "-a", str(at.source), str(at.previous)], check=True)
    if any(work.changed for work in works):
        subprocess.run(["cp", "-a", str(at.source), str(changed.source)], check=True)
        shutil.copy(names_of(at.source), names_of(changed.source))
        change(changed.source, arguments.seed)
    for work in works:
        chosen = [
            program
            for program in who
            if program.name in work.who and not (program.only_on_disk and kind == "tmpfs")
        ]
        print(f"### {name}: {work.title}, {kind}, {entries:,} entries\n", flush=True)
        measured = measure(
            work, changed if work.changed else at, chosen, arguments.rounds, arguments.runner
        )
        print(tables.times(measured), end="\n\n", flush=True)
        if WITHOUT_MANIFEST in measured:
            cost = measured["efsbackup"].ratio_to(measured[WITHOUT_MANIFEST]) - 1
            print(f"Manifest and digests cost {cost:+.1%} of the copy.\n", flush=True)
    remove(at.source.parent)


def one_place(place: Path, tools: Tools, arguments: argparse.Namespace) -> None:
    """All data sets on one file system."""
    place.mkdir(parents=True, exist_ok=True)
    without = arguments.without.split(",")
    who = [
        program
        for program in programs(tools)
        if program.is_installed() and program.name not in without
    ]
    with tempfile.TemporaryDirectory(dir=place, prefix="efsbackup-bench.") as folder:
        for name in arguments.data:
            room = int(ROOM[name] * arguments.scale)
            if file_system(Path(folder)) != "tmpfs":
                room += int(room / 3) * len(who) * arguments.rounds
            if shutil.disk_usage(folder).free < room:
                print(f"{name} left out: {place} has less than {room >> 20} MiB free\n")
                continue
            if file_system(Path(folder)) == "tmpfs":
                touch(Path(folder), room)
            data_set(name, Path(folder), who, arguments)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--efsbackup", required=True, type=os.path.abspath)
    parser.add_argument("--floor", required=True, type=os.path.abspath)
    parser.add_argument("--runner", required=True, type=os.path.abspath)
    parser.add_argument("--place", action="append", required=True, type=Path)
    parser.add_argument("--data", default="SLWDM", help="which data sets, by their letters")
    parser.add_argument("--work", default="", help="only this work, by its title")
    parser.add_argument("--scale", default=1.0, type=float, help="size of the data sets")
    parser.add_argument("--rounds", default=5, type=int)
    parser.add_argument("--seed", default=1, type=int)
    parser.add_argument("--without", default="", help="programs to leave out, with commas between")
    parser.add_argument("--no-counts", action="store_true")
    arguments = parser.parse_args()
    # Ends through the `with` blocks, which clean up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    tools = Tools(arguments.efsbackup, arguments.floor)
    missing = [program.name for program in programs(tools) if not program.is_installed()]
    print(
        f"Linux {platform.release()}, {os.cpu_count()} cores, scale {arguments.scale:g}, "
        f"{arguments.rounds} rounds, load before {os.getloadavg()[0]:.1f}"
    )
    print(f"Not installed: {', '.join(missing)}\n" if missing else "", flush=True)
    for place in arguments.place:
        one_place(place, tools, arguments)
    if shutil.which("strace") and not arguments.no_counts:
        with tempfile.TemporaryDirectory(
            dir=arguments.place[0], prefix="efsbackup-bench."
        ) as folder:
            print("### Counts an entry\n")
            print(
                tables.counts(
                    counts.count(tools, Path(folder), arguments.seed, min(arguments.scale, 0.01))
                )
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
