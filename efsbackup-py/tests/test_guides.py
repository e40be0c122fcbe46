"""The guides to running pipelines, followed to the letter; efsbackup-core's tests follow the others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typed import DOCS, TOOLS, commands, type_in


def test_a_pipeline_is_written_run_here_and_deployed_to_a_service(tmp_path: Path) -> None:
    if not (TOOLS / "aws").exists():
        assert os.environ.get("EFSBACKUP_REQUIRE_TOOLS") != "1", "the AWS CLI is not installed"
        pytest.skip("the AWS CLI is not installed")
    (tmp_path / "mnt" / "app").mkdir(parents=True)
    (tmp_path / "mnt" / "backups").mkdir()
    (tmp_path / "mnt" / "app" / "file").write_text("kept")
    aws = "service='--aws --region us-east-1'"
    here = "service='--endpoint http://127.0.0.1:4664 --keys keys'"
    script = commands("recipe.md") + commands("engine.md") + commands("deploy.md")
    assert script.count(aws) == 1
    assert f"`{here}`" in (DOCS / "deploy.md").read_text()
    said = type_in(script.replace(aws, here), tmp_path)

    assert "activate it" in said and "FINISHED" in said, said
    taken = [found for found in (tmp_path / "mnt/backups/fs-0123456789abcdef0").glob("2*") if found.is_dir()]
    assert len(taken) == 2, "one by `run --once`, one by the service"
    assert all((snapshot / "file").read_text() == "kept" for snapshot in taken)
    assert (tmp_path / "efsbackup-logs" / "notifications.jsonl").read_text().count("onSuccess") == 2


def test_a_spec_becomes_the_stack_that_the_guide_shows(tmp_path: Path) -> None:
    spec = (DOCS / "stack.md").read_text().split("```toml\n")[1].split("```")[0]
    (tmp_path / "nightly.toml").write_text(spec)
    script = commands("stack.md")
    assert script.count("\nefsbackup stack ") == 3
    said = type_in(script, tmp_path)
    assert "elasticfilesystem:" in said, said
    assert 'resource "aws_sns_topic"' in (tmp_path / "nightly.tf").read_text()
    assert "AWS::DataPipeline::Pipeline" in (tmp_path / "nightly.yaml").read_text()
