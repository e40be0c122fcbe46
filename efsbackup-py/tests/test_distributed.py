"""One snapshot by several processes, also when some of them are killed."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from efsbackup import (
    CancelledError,
    CancelToken,
    IncompleteError,
    Repository,
    SafetyStopError,
    distributed,
)
from efsbackup.distributed import Cost, Unit, UnitsProgress

COST = Cost(entry_seconds=0.001, bytes_per_second=1e8)
FILES = 300


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Most files in one folder, some with names in two."""
    root = tmp_path / "source"
    for folder in ("big", "few"):
        (root / folder).mkdir(parents=True)
    for number in range(FILES):
        folder = "few" if number % 10 == 0 else "big"
        (root / folder / f"{number:04}").write_bytes(b"%d" % number)
    for number in range(1, 30, 10):
        os.link(root / "big" / f"{number:04}", root / "few" / f"linked-{number:04}")
    os.utime(root / "big", ns=(5, 5))
    return root


def content(root: Path) -> dict[str, Any]:
    """All that two equal trees have in common."""
    found: dict[str, Any] = {}
    inodes: dict[int, list[str]] = {}
    for folder, _, names in os.walk(root):
        for name in ["", *names]:
            path = Path(folder, name)
            stat = path.stat()
            key = str(path.relative_to(root))
            is_file = path.is_file()
            found[key] = (stat.st_mode, stat.st_uid, stat.st_mtime_ns, is_file and path.read_bytes())
            if is_file:
                inodes.setdefault(stat.st_ino, []).append(key)
    found["names of one file"] = sorted(sorted(names) for names in inodes.values() if len(names) > 1)
    return found


def assert_equal(repository: Repository, tree: Path, snapshot: str) -> None:
    """Fail unless it is what one process makes of the tree."""
    assert content(Path(repository.snapshot_path(snapshot))) == content(tree)
    assert repository.verify(snapshot).good
    again = repository.backup(tree, fsync="none").snapshot
    assert again is not None
    assert list(repository.diff(snapshot, again)) == []


def processes() -> ProcessPoolExecutor:
    """Two workers, as on two machines: nothing is inherited."""
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


def test_units_are_plain(tree: Path, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "root", name="fs-1")
    with distributed.plan(repository, tree, units=4, cost=COST, fsync="none", jobs=2) as plan:
        assert len(plan.units) == 4 and plan.cost == COST
        seconds = [unit.seconds for unit in plan.units]
        assert max(seconds) < 1.1 * min(seconds)
        units = pickle.loads(pickle.dumps(plan.units))
        assert units == plan.units
        copied = [pickle.loads(pickle.dumps(distributed.copy(unit))) for unit in units]
        # Once more, one of them.
        copied.append(distributed.copy(units[1]))
        done = plan.finish(copied)
    assert done.snapshot is not None and done.report.entries.failed.total == 0
    assert done.report.entries.created.file == FILES
    assert done.report.entries.created.hardlink == 3
    assert_equal(repository, tree, done.snapshot.id)


def test_progress_ends_with_what_the_report_tells(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(50):
        (source / f"{number:02}").write_bytes(b"x" * number)
    os.link(source / "07", source / "linked")
    (source / "image").write_bytes(os.urandom(1 << 20) * 40)
    (source / "pipe").symlink_to("nowhere")
    repository = Repository(tmp_path / "root", name="fs-1")
    for is_first in (True, False):
        seen: list[UnitsProgress] = []
        with ThreadPoolExecutor(2) as threads:
            done = distributed.backup(
                repository, source, threads, units=4, cost=COST, fsync="none", progress=seen.append
            )
        entries, last = done.report.entries, seen[-1]
        assert last.entries == entries.scanned.total == 54
        # The root was there.
        assert last.entries_written == entries.created.total + entries.linked.total
        assert (last.bytes, last.bytes_written) == (
            done.report.bytes.scanned,
            done.report.bytes.copied,
        )
        assert last.bytes == sum(range(50)) + (40 << 20)
        assert (last.bytes_written > 0) is is_first
        for before, after in zip(seen, seen[1:]):
            assert before.entries <= after.entries and before.bytes <= after.bytes
            assert before.seconds <= after.seconds


def test_a_callback_and_a_token_end_the_run(tree: Path, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "root", name="fs-1")
    token = CancelToken()

    def stop(progress: UnitsProgress) -> bool:
        return False

    def cancel(progress: UnitsProgress) -> None:
        token.cancel()

    for how in ({"progress": stop}, {"progress": cancel, "cancel": token}):
        with ThreadPoolExecutor(1) as threads:
            with pytest.raises(CancelledError):
                arguments: dict[str, Any] = {"units": 6, "cost": COST, "fsync": "none", **how}
                distributed.backup(repository, tree, threads, **arguments)
        assert repository.snapshots() == []


INTERRUPTED = """
import sys, time
from efsbackup import Repository, distributed
from test_distributed import COST, processes

if __name__ == "__main__":
    repository = Repository(sys.argv[2], name="fs-1")
    # At this pace a unit takes minutes.
    slow = {"limit_bytes": 2, "jobs": 1, "fsync": "none"}
    try:
        distributed.backup(repository, sys.argv[1], processes, units=4, cost=COST, **slow)
    except KeyboardInterrupt:
        print(time.monotonic(), repository.snapshots(), flush=True)
"""


def interrupted(program: str, tree: Path, repository: Repository) -> tuple[subprocess.Popen[str], float]:
    """Runs a program that backs up, and presses Ctrl-C when two units are under way; tells when.

    Its workers do not hear of it, as on other machines.
    """
    begun = Path(repository.path)
    script = begun.parents[1] / "interrupted.py"
    script.write_text(program)
    run = subprocess.Popen(
        [sys.executable, script, tree, begun.parent],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])},
        stdout=subprocess.PIPE,
        text=True,
    )
    while len(list(begun.glob(".incomplete-*/*"))) < 2 and run.poll() is None:
        time.sleep(0.01)
    pressed = time.monotonic()
    run.send_signal(signal.SIGINT)
    return run, pressed


def test_ctrl_c_ends_units_that_are_under_way(tree: Path, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "root", name="fs-1")
    begun = Path(repository.path)
    run, pressed = interrupted(INTERRUPTED, tree, repository)
    # Their end is waited for by the process that made them.
    said, _ = run.communicate(timeout=60)
    raised, snapshots = said.split(maxsplit=1)
    print(
        f"KeyboardInterrupt after {1000 * (float(raised) - pressed):.0f} ms, "
        f"the last worker ended after {time.monotonic() - pressed:.1f} s"
    )
    assert snapshots.strip() == "[]" and run.returncode == 0
    assert list(begun.glob(".efsbackup/lease-*")) == []
    done = distributed.backup(repository, tree, processes, units=4, cost=COST, fsync="none")
    assert done.snapshot is not None
    assert_equal(repository, tree, done.snapshot.id)
    assert list(begun.glob(".incomplete-*")) == []


def test_a_missing_unit_publishes_nothing(tree: Path, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "root", name="fs-1")
    with distributed.plan(repository, tree, units=3, cost=COST, fsync="none") as plan:
        copied = [distributed.copy(unit) for unit in plan.units[:2]]
        with pytest.raises(IncompleteError, match="is missing"):
            plan.finish(copied)
        assert repository.snapshots() == []
    with pytest.raises(SafetyStopError, match="over"):
        distributed.copy(plan.units[2])


def test_options_are_those_of_a_backup(tree: Path, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "root", name="fs-1")
    with pytest.raises(TypeError, match="'delete'"):
        distributed.plan(repository, tree, delete=True)
    with ThreadPoolExecutor(2) as threads:
        seen: list[UnitsProgress] = []
        done = distributed.backup(
            repository,
            tree,
            threads,
            units=3,
            filter=["- /few/"],
            fsync="none",
            progress=seen.append,
        )
    assert [one.units_copied for one in seen[:3]] == [1, 2, 3]
    assert all(one.units == 3 for one in seen)
    assert done.snapshot is not None
    assert not Path(repository.snapshot_path(done), "few").exists()
    assert done.snapshot.entries.file == FILES - FILES // 10


def kill_one(pids: Callable[[], list[int]], tree: Path, repository: Repository) -> threading.Thread:
    """Kill one worker as soon as it has copied something."""

    def kill() -> None:
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            begun = list(Path(repository.path).glob(".incomplete-*/*/*"))
            if begun and pids():
                os.kill(pids()[0], signal.SIGKILL)
                return
            time.sleep(0.002)

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


# So slow that a worker is killed while it copies.
SLOW: dict[str, Any] = {"limit_ops": 1500, "jobs": 2, "fsync": "none"}


def test_a_process_of_a_pool_is_killed(tree: Path, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "root", name="fs-1")
    pools: list[ProcessPoolExecutor] = []

    def pool() -> Executor:
        pools.append(processes())
        return pools[-1]

    def pids() -> list[int]:
        return [] if not pools else list(pools[0]._processes)

    killer = kill_one(pids, tree, repository)
    done = distributed.backup(repository, tree, pool, units=6, cost=COST, **SLOW)
    killer.join()
    assert len(pools) > 1, "no worker was killed"
    assert done.snapshot is not None and done.report.entries.failed.total == 0
    assert_equal(repository, tree, done.snapshot.id)


def test_units_are_ranges_of_paths(tree: Path, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "root", name="fs-1")
    with distributed.plan(repository, tree, units=5, cost=COST) as plan:
        ranges = [unit.range for unit in plan.units]
    assert ranges[0]["from"] == "" and ranges[-1]["to"] is None
    assert all(one["to"] == other["from"] for one, other in zip(ranges, ranges[1:]))
    assert all(isinstance(unit, Unit) for unit in plan.units)


def test_what_an_interrupted_run_copied_serves_the_next(tree: Path, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "root", name="fs-1")

    def interrupt(progress: UnitsProgress) -> None:
        if progress.units_copied == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        distributed.backup(
            repository,
            tree,
            lambda: ThreadPoolExecutor(1),
            units=6,
            cost=COST,
            fsync="none",
            progress=interrupt,
        )
    assert repository.snapshots() == []
    done = repository.backup(tree, fsync="none")
    assert done.snapshot is not None and done.report.entries.linked.file > 0
    assert_equal(repository, tree, done.snapshot.id)


def test_several_workers_copy_one_large_file(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with open(source / "image", "wb") as image:
        image.truncate((40 << 20) + 5)
        image.seek(33 << 20)
        image.write(b"data")
    repository = Repository(tmp_path / "root", name="fs-1")
    with distributed.plan(repository, source, units=4, cost=COST, fsync="none") as plan:
        assert [len(unit.range.get("pieces", [])) for unit in plan.units] == [1, 1, 1, 1]
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
            copied = distributed.run(plan.units, pool)
        done = plan.finish(copied)
    assert done.snapshot is not None and done.report.bytes.scanned == (40 << 20) + 5
    copy = Path(repository.snapshot_path(done), "image").stat()
    assert copy.st_blocks == (source / "image").stat().st_blocks
    assert_equal(repository, source, done.snapshot.id)


def test_a_process_is_killed_inside_a_piece(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with open(source / "image", "wb") as image:
        image.truncate(64 << 20)
        for at in (0, 40 << 20):
            image.seek(at)
            image.write(os.urandom(12 << 20))
    repository = Repository(tmp_path / "root", name="fs-1")
    # So slow that the first piece takes a second and more.
    slow: dict[str, Any] = {"limit_bytes": 8 << 20, "fsync": "none"}
    killed: list[int] = []

    def kill() -> None:
        limit = time.monotonic() + 60
        while not killed and time.monotonic() < limit:
            time.sleep(0.002)
            for claim in Path(repository.path).glob(".incomplete-*/piece-0-0"):
                said = claim.read_text().splitlines()
                if len(said) == 1 and (claim.parent / "content").stat().st_blocks > 0:
                    killed.append(json.loads(said[0])["pid"])
                    os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    with distributed.plan(repository, source, units=4, cost=COST, **slow) as plan:
        assert [len(unit.range.get("pieces", [])) for unit in plan.units] == [1, 1, 1, 1]
        killer.start()
        copied = distributed.run(plan.units, processes)
        killer.join()
        assert killed, "no worker was killed"
        # None is left to the last step, which would copy the whole file.
        pieces = [json.loads(unit.result)["pieces"][0] for unit in copied]
        assert all(piece["blocks"] for piece in pieces)
        done = plan.finish(copied)
    assert done.snapshot is not None and done.report.entries.failed.total == 0
    copy = Path(repository.snapshot_path(done), "image").stat()
    assert copy.st_blocks <= (source / "image").stat().st_blocks + 64
    assert_equal(repository, source, done.snapshot.id)
