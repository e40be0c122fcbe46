"""The programs and files of the guides, run and read as they stand there; test_guides.py has the commands."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from typed import ROOT, all_blocks, blocks, shown

def place(folder: Path) -> None:
    """What the guides take for given: two file systems, known by their markers, and pipelines."""
    for name, file_system in (("source", "fs-0123456789abcdef0"), ("backups", "fs-0fedcba9876543210")):
        (folder / name / "logs").mkdir(parents=True)
        (folder / name / "logs" / "audit.log").write_text("kept")
        command(folder, "mark", str(folder / name), "--id", file_system)
    for form in ("json", "yaml"):
        line = ["pipeline", "new", "--source", str(folder / "source")]
        command(folder, *line, "--destination", str(folder / "backups"), "-o", f"pipeline.{form}")


def command(folder: Path, *arguments: str) -> str:
    line = [sys.executable, "-m", "efsbackup", *arguments]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (arguments, done.stderr)
    return done.stdout


WITH_PYTHON = sorted({block.guide for block in all_blocks("python")})


@pytest.mark.parametrize("guide", WITH_PYTHON)
def test_the_guides_programs_run(guide: str, tmp_path: Path) -> None:
    place(tmp_path)
    # A block that begins in the middle of a program names the folders of the ones before it.
    begin = "import efsbackup\nsource, destination = '/mnt/source', '/mnt/copy'\n"
    for block in blocks(guide, "python"):
        if block.why_not:
            compile(block.text, guide, "exec")
            continue
        if "Service.aws(" in block.text:  # test_guides.py has a service for these
            continue
        program = tmp_path / f"line_{block.line}.py"
        program.write_text((begin + block.text).replace("/mnt/", f"{tmp_path}/"))
        done = subprocess.run(
            [sys.executable, str(program)],
            cwd=tmp_path,
            env={**os.environ, "PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{guide}, line {block.line}\n{block.text}{done.stderr}"


def test_every_guide_of_python_has_a_program() -> None:
    assert {"README.md", "python.md", "several-machines.md"} <= set(WITH_PYTHON)


def test_the_guides_specs_are_read(tmp_path: Path) -> None:
    """TOML is what a backup is made from, but for what stands in a Cargo.toml."""
    specs = [block for block in all_blocks("toml") if not block.text.startswith("[dependencies]")]
    assert {block.guide for block in specs} == {"recipe.md", "stack.md"}
    for block in specs:
        # One that leaves the destination out has it made.
        stack = "[environment]" in block.text
        line = ["stack", "spec.toml"] if stack else ["pipeline", "new", "--spec", "spec.toml"]
        (tmp_path / "spec.toml").write_text(block.text)
        assert "ShellCommandActivityObj" in command(tmp_path, *line)
        (tmp_path / "spec.toml").write_text(block.text.replace("period ", "perriod "))
        with pytest.raises(AssertionError, match="perriod"):
            command(tmp_path, *line)


def test_cargo_takes_the_guides_dependencies(tmp_path: Path) -> None:
    if shutil.which("cargo") is None:
        assert os.environ.get("EFSBACKUP_REQUIRE_TOOLS") != "1", "cargo is not installed"
        pytest.skip("cargo is not installed")
    found = [block for block in all_blocks("toml") if block.text.startswith("[dependencies]")]
    assert {block.guide for block in found} == {"README.md", "rust.md"}
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "lib.rs").touch()
    (tmp_path / "Cargo.lock").write_bytes((ROOT / "Cargo.lock").read_bytes())
    for block in found:
        package = '[package]\nname = "guide"\nversion = "0.0.0"\nedition = "2024"\n\n'
        (tmp_path / "Cargo.toml").write_text(package + block.text.replace("…/", f"{ROOT}/"))
        # Features that are not there are found when versions are chosen.
        line = ["cargo", "metadata", "--offline", "--format-version", "1"]
        done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        nodes: list[dict[str, Any]] = json.loads(done.stdout)["resolve"]["nodes"]
        (library,) = (node for node in nodes if "efsbackup-core" in node["id"])
        asked = set(re.findall('"([a-z]+)"', block.text.split("features = ")[-1]))
        assert asked and asked <= set(library["features"])


def test_the_guides_tasks_of_ansible_are_done(tmp_path: Path) -> None:
    if importlib.util.find_spec("ansible") is None:
        assert os.environ.get("EFSBACKUP_REQUIRE_TOOLS") != "1", "ansible-core is not installed"
        pytest.skip("ansible-core is not installed")
    sys.path.insert(0, str(ROOT / "tests" / "ansible"))
    run, yaml = importlib.import_module("harness").run, importlib.import_module("yaml")
    place(tmp_path)
    found = all_blocks("yaml")
    assert {block.guide for block in found} == {"README.md"}
    for block in found:
        for task in yaml.safe_load(block.text.replace("/mnt/", f"{tmp_path}/")):
            ((module, arguments),) = ((key, value) for key, value in task.items() if key != "name")
            answer = run(module.removeprefix("efsbackup.ops."), arguments)
            assert answer["changed"] and not answer.get("failed"), answer
    (snapshot,) = (tmp_path / "backups" / "fs-0123456789abcdef0").glob("2*")
    assert (snapshot / "logs" / "audit.log").read_text() == "kept"


def test_each_place_that_contributors_are_told_of_is_there() -> None:
    (places,) = shown("CONTRIBUTING.md")
    inside = ROOT
    for line in places.splitlines():
        names = re.split(r" {2,}", line.strip())[0]
        if not line.startswith(" "):
            inside = ROOT / names
            assert inside.is_dir(), names
        else:
            for name in names.split(", "):
                assert (inside / name).exists() or (inside / f"{name}.rs").exists(), name


def test_the_benchmark_prints_what_the_guide_shows() -> None:
    (figures,) = shown("libraries.md")
    source = (ROOT / "efsbackup-core/benches/walk/src/main.rs").read_text()
    for line in figures.splitlines():
        label = line.strip().split(":")[0]
        assert re.sub(r"\d+", "{", label).split("{")[0] in source, label
