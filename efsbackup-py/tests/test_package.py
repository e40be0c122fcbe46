"""The package itself: types, documentation, what importing it does."""

from __future__ import annotations

import doctest
import importlib.resources
import inspect
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import efsbackup
from efsbackup import _definition, _mirror, _repository, _run, _service, distributed


@pytest.mark.parametrize("module", [_definition, _mirror, _repository, _run, _service, distributed])
def test_the_examples_in_the_documentation_run(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 3 and result.failed == 0


def test_every_public_name_is_documented() -> None:
    for name in efsbackup.__all__:
        if name != "__version__":
            assert inspect.getdoc(getattr(efsbackup, name)), name
    documentation = inspect.getdoc(efsbackup.mirror)
    assert documentation is not None
    for parameter in inspect.signature(efsbackup.mirror).parameters:
        assert f"    {parameter}: " in documentation, parameter


def test_the_package_says_that_it_is_typed() -> None:
    files = importlib.resources.files("efsbackup")
    assert files.joinpath("py.typed").is_file()
    assert files.joinpath("_efsbackup.pyi").is_file()


def test_the_types_are_right() -> None:
    if os.environ.get("EFSBACKUP_REQUIRE_TOOLS") != "1":
        pytest.importorskip("mypy", reason="mypy is not installed")
    tests = Path(__file__).parent
    examples = tests.parents[1] / "examples" / "python"
    for command in (
        ["mypy.stubtest", "efsbackup._efsbackup"],
        ["mypy", "--strict", "-p", "efsbackup"],
        ["mypy", "--strict", str(examples), str(tests)],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_importing_starts_no_thread() -> None:
    program = "import efsbackup, os; print(len(os.listdir('/proc/self/task')))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "1\n"
