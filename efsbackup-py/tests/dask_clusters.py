"""What docs/several-machines.md says of dask's clusters, against their packages: `make test-dask`.

Stand-ins for Slurm and PBS run the jobs that they are given, here and at once. No other host and no
cloud is at hand: of SSH and Fargate the arguments are looked at.
"""

# mypy: disable-error-code="import-not-found,import-untyped,no-untyped-call"

from __future__ import annotations

import ast
import inspect
import os
from pathlib import Path
from typing import Any

import dask
import dask_cloudprovider.aws
import dask_jobqueue
import distributed
import pytest
from typed import blocks

from efsbackup import Repository
from efsbackup import distributed as shared

def call_of(name: str) -> dict[str, Any]:
    """The arguments that the guide gives to what is called so."""
    calls = [
        node
        for block in blocks("several-machines.md", "python")
        for node in ast.walk(ast.parse(block.text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    ]
    assert len(calls) == 1, f"{name} is shown {len(calls)} times"
    arguments = {str(word.arg): ast.literal_eval(word.value) for word in calls[0].keywords}
    hosts = [ast.literal_eval(argument) for argument in calls[0].args]
    return {"hosts": hosts[0], **arguments} if hosts else arguments


@pytest.mark.parametrize(
    ("name", "asks_for"),
    [
        ("SLURMCluster", ["#SBATCH --cpus-per-task=1", "#SBATCH --mem=4G"]),
        ("PBSCluster", ["#PBS -l select=1:ncpus=1:mem=3815MB"]),
    ],
)
def test_a_batch_system_is_asked_for_workers(name: str, asks_for: list[str]) -> None:
    no_dashboard = {"dashboard_address": None}
    with getattr(dask_jobqueue, name)(**call_of(name), scheduler_options=no_dashboard) as cluster:
        script = cluster.job_script().splitlines()
        inspect.signature(cluster.scale).bind(jobs=4)
    assert set(asks_for) <= set(script), script
    assert any("--nthreads 1 " in line for line in script), script


@pytest.mark.parametrize(
    ("system", "name", "submit", "cancel"),
    [("slurm", "SLURMCluster", "sbatch", "scancel"), ("pbs", "PBSCluster", "qsub", "qdel")],
)
def test_the_guide_s_jobs_make_a_backup(
    system: str, name: str, submit: str, cancel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_ins, jobs = tmp_path / "bin", tmp_path / "jobs"
    for folder in (stand_ins, jobs, tmp_path / "source", tmp_path / "backups"):
        folder.mkdir()
    for number in range(40):
        (tmp_path / "source" / f"file-{number}").write_text(f"{number}")
    run = f'setsid bash "${{@: -1}}" > {jobs}/$$ 2>&1 &\necho "Submitted batch job $!"\n'
    for tool, does in ((submit, run), (cancel, 'kill -- "-$1"\n')):
        (stand_ins / tool).write_text(f"#!/bin/bash\n{does}")
        (stand_ins / tool).chmod(0o755)
    monkeypatch.setenv("PATH", f"{stand_ins}:{os.environ['PATH']}")
    (program,) = (one.text for one in blocks("several-machines.md", "python") if f"{name}(" in one.text)
    told: dict[str, Any] = {}
    options = {"interface": "lo", "scheduler-options": {"dashboard_address": None}}
    with dask.config.set({f"jobqueue.{system}.{key}": value for key, value in options.items()}):
        exec(program, told)
    with told["cluster"] as cluster:
        repository = Repository(tmp_path / "backups", name="app")
        shared.backup(repository, tmp_path / "source", told["executor"], units=8)
        assert len(list(jobs.iterdir())) == len(cluster.workers) == 4
    (taken,) = (tmp_path / "backups" / "app").glob("2*")
    assert {path.name: path.read_text() for path in taken.iterdir()} == {
        f"file-{number}": f"{number}" for number in range(40)
    }


def test_fargate_takes_these_arguments() -> None:
    cluster = dask_cloudprovider.aws.ECSCluster
    assert issubclass(dask_cloudprovider.aws.FargateCluster, cluster)
    inspect.signature(cluster.__init__).bind(None, **call_of("FargateCluster"))
    known = inspect.signature(cluster.__init__).parameters
    assert set(call_of("FargateCluster")) <= set(known), "it would be passed on unseen"


def test_ssh_takes_these_arguments() -> None:
    inspect.signature(distributed.SSHCluster).bind(**call_of("SSHCluster"))
