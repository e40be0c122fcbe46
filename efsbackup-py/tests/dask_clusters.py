"""What docs/several-machines.md says of dask's clusters, against their packages: `make test-dask`.

No scheduler and no cloud is at hand: the scripts that a batch system would be given are looked
at, and the arguments of the others.
"""

# mypy: disable-error-code="import-not-found,import-untyped,no-untyped-call"

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import dask_cloudprovider.aws
import dask_jobqueue
import distributed
import pytest

GUIDE = Path(__file__).parents[2] / "docs/several-machines.md"


def call_of(name: str) -> dict[str, Any]:
    """The arguments that the guide gives to what is called so."""
    snippets = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    calls = [
        node
        for snippet in snippets
        for node in ast.walk(ast.parse(snippet))
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


def test_fargate_takes_these_arguments() -> None:
    cluster = dask_cloudprovider.aws.ECSCluster
    assert issubclass(dask_cloudprovider.aws.FargateCluster, cluster)
    inspect.signature(cluster.__init__).bind(None, **call_of("FargateCluster"))
    known = inspect.signature(cluster.__init__).parameters
    assert set(call_of("FargateCluster")) <= set(known), "it would be passed on unseen"


def test_ssh_takes_these_arguments() -> None:
    inspect.signature(distributed.SSHCluster).bind(**call_of("SSHCluster"))
