"""Each module of the Ansible collection, in check mode and for good; the steps are in tests/ansible."""

from __future__ import annotations

import configparser
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

STEPS = Path(__file__).parents[2] / "tests" / "ansible"
COMMAND = [sys.executable, "-m", "efsbackup"]


if os.environ.get("EFSBACKUP_REQUIRE_TOOLS") != "1":
    pytest.importorskip("ansible.module_utils.testing", reason="ansible-core 2.19 is not installed")
sys.path.insert(0, str(STEPS))


def test_efs_mirror(tmp_path: Path) -> None:
    importlib.import_module("matrix").mirrors(tmp_path)


def test_efs_snapshot(tmp_path: Path) -> None:
    importlib.import_module("matrix").snapshots(tmp_path)


def test_data_pipeline_and_data_pipeline_info(tmp_path: Path) -> None:
    definition, keys = tmp_path / "definition.json", tmp_path / "keys"
    ids = ["--source-id", "fs-0123456789abcdef0", "--destination-id", "fs-0fedcba9876543210"]
    folders = ["--source", str(tmp_path / "tree"), "--destination", str(tmp_path / "backups")]
    line = [*COMMAND, "pipeline", "new", *folders, *ids, "-o", str(definition)]
    subprocess.run(line, check=True, capture_output=True)
    serve = [*COMMAND, "serve", "--new-key", "--keys", str(keys), "--listen", "127.0.0.1:0"]
    serve += ["--tasks", "0", "--state", str(tmp_path / "state.db"), "--log-dir", str(tmp_path)]
    serve += ["--allow-root"] if os.geteuid() == 0 else []
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().removeprefix("listening at ").strip()
            key = configparser.ConfigParser()
            key.read(keys)
            connection = {
                "endpoint_url": url,
                "region": "us-east-1",
                "access_key": key["default"]["aws_access_key_id"],
                "secret_key": key["default"]["aws_secret_access_key"],
            }
            importlib.import_module("matrix_pipelines").pipelines(definition, connection)
        finally:
            server.terminate()
