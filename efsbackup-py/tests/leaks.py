"""Finds what leaks: does everything many times, and counts the memory in use before and after.

``MALLOC_ARENA_MAX=1 PYTHONMALLOC=malloc python leaks.py CALLS`` prints for each action how many
bytes of the heap, which is Python's and Rust's together then, a call leaves behind in that of five
rounds that left the least: what leaks does so in every round, and caches do not. Then how many
descriptors it left, and how much the process grew in all. Exits with 1 when one leaks.
"""

from __future__ import annotations

import ctypes
import gc
import io
import os
import pickle
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import efsbackup
from efsbackup import CancelToken, Definition, EfsBackupError, Progress, Report, Repository, Service

TEXT = """{"objects": [
  {"id": "Default", "schedule": {"ref": "Hourly"}, "failureAndRerunMode": "CASCADE"},
  {"id": "Hourly", "type": "Schedule", "period": "1 hours", "startDateTime": "2026-03-01T00:00:00"},
  {"id": "Run", "type": "ShellCommandActivity", "workerGroup": "g", "command": "#{myCommand}"}],
  "parameters": [{"id": "myCommand"}]}"""

ROUNDS = 5

BYTES_OF_A_CALL = 8
"""A call that lost its smallest object would lose 16."""

BYTES_OF_A_ROUND = 16384
"""How far the heap comes and goes by itself: what is free in it is not always of the right size."""


class Heap(ctypes.Structure):
    """glibc's ``struct mallinfo2``."""

    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"
    )]  # fmt: skip


MALLINFO2 = ctypes.CDLL(None).mallinfo2
MALLINFO2.restype = Heap


class State(NamedTuple):
    """What the process holds now."""

    heap: int
    descriptors: int
    resident: int


def state() -> State:
    gc.collect()
    heap = MALLINFO2()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return State(
        heap.uordblks + heap.hblkhd,
        len(os.listdir("/proc/self/fd")),
        pages * os.sysconf("SC_PAGESIZE"),
    )


def fails(call: Callable[[], object]) -> Callable[[], None]:
    """What calls it, and wants an error of ours, which goes through pickle too."""

    def act() -> None:
        try:
            call()
        except EfsBackupError as error:
            pickle.loads(pickle.dumps(error))
        else:
            raise AssertionError("there was no error")

    return act


def actions(folder: Path) -> dict[str, tuple[Callable[[], object], int]]:
    """What is done, each with how many times less often than the quickest."""
    source, copy, missing = folder / "source", folder / "copy", folder / "missing"
    source.mkdir()
    for name in ("one", "two"):
        (source / name).write_text(name)
    other = folder / "other"
    other.mkdir()
    (other / "extra").touch()
    efsbackup.mirror(source, copy)
    repository = Repository(folder / "backups", name="leaks")
    snapshot = repository.backup(source).snapshot
    (source / "one").write_text("changed")
    second = repository.backup(source).snapshot
    assert snapshot is not None and second is not None
    (source / "one").write_text("changed again")
    definition = Definition.parse(TEXT)
    resolved = definition.resolve({"myCommand": "date"})
    report = efsbackup.mirror(source, copy)
    service = Service.embedded(folder / "state.db")
    served = Definition.parse(
        TEXT.replace('"startDateTime": "2026-03-01T00:00:00"', '"startAt": "FIRST_ACTIVATION_DATE_TIME"')
    ).resolve({"myCommand": "date"})
    service.apply(service.plan("nightly", served), activate=True, patience=5)
    cancelled = CancelToken()
    cancelled.cancel()

    def interrupted(progress: Progress) -> None:
        raise ZeroDivisionError

    def fail_in_the_callback() -> None:
        try:
            efsbackup.mirror(source, copy, progress=interrupted)
        except ZeroDivisionError:
            return

    def play() -> None:
        played = resolved.simulate(until="2026-03-01T03:00:00", fail=["Run#1"])
        pickle.loads(pickle.dumps(played))

    return {
        "CancelToken": (lambda: CancelToken().cancel(), 1),
        "Report, to and from a dict and pickle": (
            lambda: pickle.loads(pickle.dumps(Report.from_dict(report.to_dict()))),
            1,
        ),
        "mirror": (lambda: efsbackup.mirror(source, copy, progress=str), 10),
        "mirror with bytes": (lambda: efsbackup.mirror(bytes(source), bytes(copy)), 10),
        "mirror of nothing": (fails(lambda: efsbackup.mirror(missing, copy)), 10),
        "mirror, wrongly asked": (fails(lambda: efsbackup.mirror(source, copy, jobs=0)), 1),
        "mirror, cancelled": (fails(lambda: efsbackup.mirror(source, copy, cancel=cancelled)), 10),
        "mirror, withheld": (
            fails(lambda: efsbackup.mirror(source, other, delete=True, max_delete=0)),
            10,
        ),
        "mirror, failing in the callback": (fail_in_the_callback, 10),
        "Repository.snapshots": (repository.snapshots, 10),
        "Repository.verify": (lambda: repository.verify(snapshot), 10),
        "Repository.diff": (lambda: list(repository.diff(snapshot, second)), 10),
        "Repository.history": (lambda: list(repository.history("one")), 10),
        "Repository.restore of nothing": (fails(lambda: repository.restore("none", other)), 10),
        "Definition.parse": (lambda: Definition.parse(TEXT), 10),
        "Definition.parse of nonsense": (fails(lambda: Definition.parse("{")), 1),
        "Definition.load of nothing": (fails(lambda: Definition.load(missing)), 1),
        "Definition.validate": (definition.validate, 10),
        "Definition.resolve": (lambda: definition.resolve({"myCommand": "date"}), 10),
        "Definition.to": (lambda: [definition.to(form) for form in ("cli", "cfn-yaml", "terraform")], 10),
        "Definition.diff": (lambda: definition.diff(resolved), 10),
        "Definition.draw": (lambda: [definition.draw(kind) for kind in ("svg", "text")], 10),
        "Definition.simulate": (play, 100),
        "Service.embedded": (lambda: Service.embedded(folder / "state.db").status(), 100),
        "Service.plan": (lambda: str(service.plan("nightly", definition)), 10),
        "Service.runs": (lambda: service.runs("nightly"), 10),
        "Service.activate of nothing": (fails(lambda: service.activate("none")), 10),
        "Definition, through pickle": (lambda: pickle.loads(pickle.dumps(definition)), 10),
    }


def main(calls: int) -> int:
    leaks = 0
    table = io.StringIO()
    print(f"{'a call of':40}{'calls':>8}{'bytes':>9}{'fds':>5}{'KiB in all':>12}", file=table)
    with tempfile.TemporaryDirectory() as folder:
        for name, (act, seldom) in actions(Path(folder)).items():
            times = max(calls // seldom // ROUNDS, 5)
            for _ in range(2 * times):
                act()
            states = [state()]
            for _ in range(ROUNDS):
                for _ in range(times):
                    act()
                states.append(state())
            rounds = list(zip(states, states[1:]))
            heap = min(after.heap - before.heap for before, after in rounds)
            descriptors = states[-1].descriptors - states[0].descriptors
            resident = (states[-1].resident - states[0].resident) // 1024
            leaked = heap > BYTES_OF_A_ROUND + BYTES_OF_A_CALL * times or descriptors > 0
            leaks += leaked
            print(
                f"{name:40}{times * ROUNDS:8}{heap / times:9.2f}{descriptors:5}{resident:12}"
                f"{'  LEAKS' if leaked else ''}",
                file=table,
            )
    print(table.getvalue(), end="")
    return 1 if leaks else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
