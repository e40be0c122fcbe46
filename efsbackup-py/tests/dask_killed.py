"""A run by dask.distributed is hurt while it copies: `make test-dask`."""

# mypy: disable-error-code="import-not-found,import-untyped,no-untyped-call"

from __future__ import annotations

import os
import time
from pathlib import Path

from distributed import Client, LocalCluster
from test_distributed import COST, SLOW, assert_equal, interrupted, kill_one, tree

from efsbackup import Repository, distributed

__all__ = ["tree"]


def test_a_worker_of_dask_is_killed(tree: Path, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "root", name="fs-1")
    with (
        LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        first = dict(client.run(os.getpid))
        killer = kill_one(lambda: list(first.values()), tree, repository)
        executor = client.get_executor(pure=False)
        done = distributed.backup(repository, tree, executor, units=6, cost=COST, **SLOW)
        killer.join()
        assert set(first.values()) != set(client.run(os.getpid).values()), "no worker was killed"
    assert done.snapshot is not None and done.report.entries.failed.total == 0
    assert_equal(repository, tree, done.snapshot.id)


INTERRUPTED = """
import sys, time
from distributed import Client, LocalCluster
from efsbackup import Repository, distributed
from test_distributed import COST

if __name__ == "__main__":
    repository = Repository(sys.argv[2], name="fs-1")
    # At this pace a unit takes minutes.
    slow = {"limit_bytes": 2, "jobs": 1, "fsync": "none"}
    with (
        LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        executor = client.get_executor(pure=False)
        try:
            distributed.backup(repository, sys.argv[1], executor, units=4, cost=COST, **slow)
        except KeyboardInterrupt:
            print(time.monotonic(), flush=True)
        # The workers have nothing to do any more, and go on to live.
        while any(client.processing().values()):
            time.sleep(0.05)
        print(time.monotonic(), len(client.scheduler_info()["workers"]), flush=True)
"""


def test_ctrl_c_ends_units_on_workers_of_dask(tree: Path, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "root", name="fs-1")
    begun = Path(repository.path)
    run, pressed = interrupted(INTERRUPTED, tree, repository)
    # What a worker copies keeps the repository.
    while list(begun.glob(".efsbackup/lease-*")):
        time.sleep(0.01)
    ended = time.monotonic() - pressed
    said, _ = run.communicate(timeout=60)
    raised, _, workers = said.split()
    print(
        f"KeyboardInterrupt after {1000 * (float(raised) - pressed):.0f} ms, "
        f"the last unit ended after {ended:.1f} s"
    )
    assert workers == "2" and run.returncode == 0
    assert repository.snapshots() == []
    done = repository.backup(tree, fsync="none")
    assert done.snapshot is not None
    assert_equal(repository, tree, done.snapshot.id)
