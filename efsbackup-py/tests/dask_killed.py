"""A worker of dask.distributed is killed while it copies: `make test-dask`."""

# mypy: disable-error-code="import-not-found,import-untyped,no-untyped-call"

from __future__ import annotations

import os
from pathlib import Path

from distributed import Client, LocalCluster
from test_distributed import COST, SLOW, assert_equal, kill_one, tree

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
