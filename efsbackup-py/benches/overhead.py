"""What a call from Python costs over the command, on the same data: overhead.py COMMAND SCRATCH ROUNDS

Both are run in turn, so that what else the machine does hits both. Times are whole: the command
with the start of its process, the call as its caller sees it; then what the processors did for it,
which hardly changes when the machine is busy. Also how long Ctrl-C takes.
"""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import efsbackup

SIZES = (1_000, 20_000)


def make_tree(root: Path, entries: int) -> None:
    """Files of 1 KiB, a hundred a folder."""
    for folder in range(entries // 100):
        path = root / f"{folder:04}"
        path.mkdir(parents=True)
        for file in range(99):
            (path / f"{file:02}").write_bytes(b"x" * 1024)


def processor_seconds() -> float:
    """Of this process, its threads and its children."""
    return sum(os.times()[:4])


def seconds(call: Callable[[], object]) -> tuple[float, float]:
    begin, busy = time.perf_counter(), processor_seconds()
    call()
    return time.perf_counter() - begin, processor_seconds() - busy


def told(times: list[float]) -> str:
    return f"{statistics.median(times) * 1e3:9.1f} ({min(times) * 1e3:.1f}…{max(times) * 1e3:.1f})"


def compare(command: str, scratch: Path, rounds: int) -> None:
    names = ("command", "call", "progress")
    head = "".join(f"{name:>26}" for name in ("command, ms", "call, ms", "with progress=, ms"))
    print(f"{'entries':>8}  {'work':17}{'':10}{head}  call - command")
    for entries in SIZES:
        source = scratch / f"source-{entries}"
        make_tree(source, entries)
        copies = {name: scratch / f"{name}-{entries}" for name in names}
        calls: dict[str, Callable[[], object]] = {
            "command": lambda: subprocess.run(
                [command, "mirror", str(source), str(copies["command"])],
                check=True,
                capture_output=True,
            ),
            "call": lambda: efsbackup.mirror(source, copies["call"]),
            "progress": lambda: efsbackup.mirror(
                source, copies["progress"], progress=lambda progress: None
            ),
        }
        for work in ("first copy", "nothing changed"):
            taken: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
            for number in range(rounds + 1):
                for name in names:
                    if work == "first copy":
                        shutil.rmtree(copies[name], ignore_errors=True)
                    both = seconds(calls[name])
                    if number > 0:  # the first one fills caches
                        taken[name].append(both)
            for which, kind in enumerate(("time", "processor")):
                times = {name: [both[which] for both in taken[name]] for name in names}
                shown = "".join(f"{told(times[name]):>26}" for name in names)
                more = statistics.median(
                    call - native for call, native in zip(times["call"], times["command"])
                )
                print(
                    f"{entries:8}  {work:17}{kind:10}{shown}  {more * 1e3:+.1f} ms, "
                    f"{more / entries * 1e6:+.2f} µs an entry",
                    flush=True,
                )


def interrupt(scratch: Path, rounds: int) -> None:
    """How long after SIGINT the call has ended and raised."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    source, times = scratch / f"source-{SIZES[-1]}", []
    for number in range(rounds):
        sent: list[float] = []

        def send(sent: list[float] = sent) -> None:
            time.sleep(0.2)
            sent.append(time.perf_counter())
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=send).start()
        try:
            efsbackup.mirror(source, scratch / f"interrupted-{number}", limit_ops=2000)
            raise SystemExit("it ended before it was interrupted")
        except KeyboardInterrupt:
            times.append(time.perf_counter() - sent[0])
    print(f"from Ctrl-C to KeyboardInterrupt, ms: {told(times).strip()} of {rounds}")


def main() -> None:
    command, scratch, rounds = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    print(f"Python {sys.version.split()[0]}, efsbackup {efsbackup.__version__}; median (least…most) of {rounds}")
    folder = scratch / f"efsbackup-overhead-{os.getpid()}"
    folder.mkdir(parents=True)
    try:
        compare(command, folder, rounds)
        interrupt(folder, rounds)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
