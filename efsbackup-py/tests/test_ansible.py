"""The Ansible collection, driven by Ansible on this machine; the playbooks are in tests/ansible."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COLLECTION = ROOT / "examples" / "ansible" / "ansible_collections" / "efsbackup" / "ops"
MODULES = sorted(path.stem for path in (COLLECTION / "plugins" / "modules").glob("*.py"))
TOOLS = Path(sys.executable).parent
COMMAND = [sys.executable, "-m", "efsbackup"]

if not (TOOLS / "ansible-playbook").exists():
    if os.environ.get("EFSBACKUP_REQUIRE_TOOLS") == "1":
        raise RuntimeError("ansible-core is not installed, and no test may skip")
    pytest.skip("ansible-core is not installed", allow_module_level=True)


def ansible(tool: str, *arguments: str, home: Path) -> str:
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "examples" / "ansible"),
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_LOCALHOST_WARNING": "false",
    }
    done = subprocess.run(
        [str(TOOLS / tool), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def new_state(path: Path) -> None:
    """Make the state of an embedded service that has no pipeline."""
    line = [*COMMAND, "serve", "--new-key", "--keys", str(path.with_suffix(".keys"))]
    line += ["--listen", "127.0.0.1:0", "--state", str(path)]
    line += ["--allow-root"] if os.geteuid() == 0 else []
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert "listening at" in server.stdout.readline()
        server.terminate()
    assert path.exists()


def test_what_check_mode_foretells_is_done_and_once_only(tmp_path: Path) -> None:
    definition = tmp_path / "definition.json"
    ids = ["--source-id", "fs-0123456789abcdef0", "--destination-id", "fs-0fedcba9876543210"]
    folders = ["--source", str(tmp_path / "tree"), "--destination", str(tmp_path / "backups")]
    line = [*COMMAND, "pipeline", "new", *folders, *ids, "-o", str(definition)]
    subprocess.run(line, check=True, capture_output=True)
    new_state(tmp_path / "state.db")
    variables = {
        "ansible_python_interpreter": sys.executable,
        "folder": tmp_path,
        "definition": definition,
        "state_file": tmp_path / "state.db",
    }
    extra = [f"-e{name}={value}" for name, value in variables.items()]
    playbook = str(ROOT / "tests" / "ansible" / "modules.yml")
    said = ansible("ansible-playbook", "-i", "localhost,", *extra, playbook, home=tmp_path)
    assert "failed=0" in said


def test_every_module_is_explained_and_the_playbook_is_one(tmp_path: Path) -> None:
    assert len(MODULES) == 5
    for module in MODULES:
        said = ansible("ansible-doc", f"efsbackup.ops.{module}", home=tmp_path)
        assert "EXAMPLES:" in said
        assert "RETURN VALUES:" in said
    playbook = str(ROOT / "examples" / "ansible" / "backup.yml")
    ansible("ansible-playbook", "-i", "localhost,", "--syntax-check", playbook, home=tmp_path)


def test_ansible_finds_no_fault_in_modules_and_their_documentation() -> None:
    """One check of ``make test-ansible-sanity``, which runs them all."""
    sanity = ROOT / "tests" / "ansible" / "sanity.sh"
    line = [str(sanity), str(Path(sys.prefix).parent / "sanity"), sys.prefix]
    done = subprocess.run(
        [*line, "--test", "validate-modules"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
