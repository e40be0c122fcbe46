"""The Ansible collection, driven by Ansible on this machine, as docs/ansible.md tells."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from textwrap import indent
from typing import Any, Callable

import pytest
from typed import commands, type_in

ROOT = Path(__file__).parents[2]
COLLECTION = ROOT / "examples" / "ansible" / "ansible_collections" / "efsbackup" / "ops"
MODULES = sorted(path.stem for path in (COLLECTION / "plugins" / "modules").glob("*.py"))
TOOLS = Path(sys.executable).parent

if not (TOOLS / "ansible-playbook").exists():
    if os.environ.get("EFSBACKUP_REQUIRE_TOOLS") == "1":
        raise RuntimeError("ansible-core is not installed, and no test may skip")
    pytest.skip("ansible-core is not installed", allow_module_level=True)

sys.path.insert(0, str(ROOT / "tests" / "ansible"))

SETTINGS = {"ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false"}


def mark(folder: Path, identity: str) -> None:
    line = [sys.executable, "-m", "efsbackup", "mark", str(folder), "--id", identity]
    subprocess.run(line, check=True, capture_output=True)


def test_the_guide_s_commands_do_the_whole_job(tmp_path: Path) -> None:
    """From the collection's tarball to a snapshot, by a playbook and by a pipeline that a playbook starts."""
    mounts = tmp_path / "mnt"
    (mounts / "app" / "sub").mkdir(parents=True)
    (mounts / "backups").mkdir()
    (mounts / "app" / "sub" / "file").write_text("kept")
    mark(mounts / "app", "fs-0123456789abcdef0")
    mark(mounts / "backups", "fs-0fedcba9876543210")
    shutil.copytree(ROOT / "examples" / "ansible", tmp_path / "examples" / "ansible")
    said = type_in(commands("ansible.md"), tmp_path, **SETTINGS, ANSIBLE_HOME=str(tmp_path / "home"))
    assert "efsbackup.ops:0.1.0 was installed" in said, said
    assert said.count("failed=0") == 3, said

    backups = mounts / "backups"
    (taken,) = (found for found in (backups / "app").iterdir() if found.name[0] == "2")
    (run,) = (found for found in (backups / "fs-0123456789abcdef0").iterdir() if found.name[0] == "2")
    for snapshot in (taken, run):
        assert (snapshot / "sub" / "file").read_text() == "kept"
    stack = (tmp_path / "generated" / "nightly.tf").read_text()
    for kind in ("aws_iam_role", "aws_sns_topic", "aws_s3_bucket", "aws_datapipeline_pipeline"):
        assert f'resource "{kind}"' in stack
    logs = tmp_path / "efsbackup-logs"
    assert list(logs.glob("df-*/ShellCommandActivityObj/*/*/Activity.log.gz"))
    (told,) = map(json.loads, (logs / "notifications.jsonl").read_text().splitlines())
    assert (told["event"], told["subject"]) == ("onSuccess", "[Info] EFS Backup Succeeded")
    assert told["topicArn"] == "arn:aws:sns:eu-west-1:123456789012:backups"


def test_each_module_is_explained_and_the_playbook_is_one(tmp_path: Path) -> None:
    assert len(MODULES) == 5
    settings = {**os.environ, **SETTINGS, "ANSIBLE_HOME": str(tmp_path)}
    settings["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT / "examples" / "ansible")
    names = [f"efsbackup.ops.{module}" for module in MODULES]
    playbook = str(ROOT / "examples" / "ansible" / "backup.yml")
    for line in (["ansible-doc", "--json", *names], ["ansible-playbook", "--syntax-check", playbook]):
        done = subprocess.run(
            [str(TOOLS / line[0]), *line[1:]],
            env=settings,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        if line[0] == "ansible-doc":
            explained: dict[str, Any] = json.loads(done.stdout)
            assert sorted(explained) == names
            assert all(one["examples"] and one["return"] for one in explained.values())


def examples_text(module: str) -> str:
    """A module's EXAMPLES."""
    text = (COLLECTION / "plugins" / "modules" / f"{module}.py").read_text()
    return text.split('EXAMPLES = r"""')[1].split('"""')[0]


def examples(module: str) -> list[dict[str, Any]]:
    """The tasks of a module's EXAMPLES."""
    yaml = importlib.import_module("yaml")
    tasks = yaml.safe_load(examples_text(module))
    assert tasks and all(task["name"] and f"efsbackup.ops.{module}" in task for task in tasks)
    return [task[f"efsbackup.ops.{module}"] for task in tasks]


def test_the_examples_of_the_modules_on_files_run(tmp_path: Path) -> None:
    run = importlib.import_module("harness").run
    mounts = tmp_path / "mnt"
    (mounts / "source").mkdir(parents=True)
    (mounts / "backups").mkdir()
    (mounts / "source" / "file").write_text("kept")
    mark(mounts / "source", "fs-0123456789abcdef0")
    for module in ("efs_mirror", "efs_snapshot", "efs_mount"):
        for arguments in examples(module):
            text = json.dumps(arguments).replace("/mnt/", f"{mounts}/")
            # Nothing here answers at the address of a file system of EFS.
            check = module == "efs_mount"
            answer = run(module, json.loads(text), check=check)
            assert not answer.get("failed"), (module, arguments, answer)
    assert (mounts / "copy" / "file").read_text() == "kept"


def play(folder: Path, endpoint: str, keys: Path) -> str:
    """The examples of a pipeline on this machine, played in check mode, for good, and where the run fails."""
    text = "".join(
        "- name: " + task.split("\n\n")[0].rstrip() + "\n"
        for module, start in (("data_pipeline", "Have one on this"), ("data_pipeline_info", "Wait for"))
        for task in examples_text(module).split("- name: ")
        if task.startswith(start)
    )
    assert text.count("- name: ") == 2
    text = text.replace("http://127.0.0.1:4664", endpoint).replace("/etc/efsbackup/keys", str(keys))
    failing = text.replace("name: hello", "name: sorry").replace("echo hello", "echo sorry >&2; exit 7")
    failing = failing.replace("ondemand,", "ondemand, maximumRetries: '0',")
    settings = {**os.environ, **SETTINGS, "ANSIBLE_HOME": str(folder / "home"), "ANSIBLE_NOCOLOR": "1"}
    settings["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT / "examples" / "ansible")
    said = ""
    for tasks, how, status in ((text, ["--check"], 0), (text + failing, [], 2)):
        tasks = tasks.replace("  retries: 60\n", "  retries: 60\n  delay: 0.2\n")
        playbook = folder / "play.yml"
        playbook.write_text("- hosts: localhost\n  gather_facts: false\n  tasks:\n" + indent(tasks, "  "))
        line = [sys.executable, "-m", "ansible", "playbook", *how, str(playbook)]
        done = subprocess.run(line, env=settings, capture_output=True, text=True, check=False, timeout=100)
        assert done.returncode == status, done.stdout + done.stderr
        said = done.stdout
    return said


def wait_for(status: str, ask: Callable[[], dict[str, Any]]) -> None:
    for _ in range(300):
        (found,) = ask()["pipelines"]
        if any(run["status"] == status for run in found["runs"]):
            return
        time.sleep(0.2)
    pytest.fail(f"not {status}: {ask()}")


def test_the_examples_of_the_modules_of_pipelines_run(tmp_path: Path) -> None:
    run = importlib.import_module("harness").run
    keys, definition = tmp_path / "keys", tmp_path / "pipeline.json"
    new = [sys.executable, "-m", "efsbackup", "pipeline", "new", "--retries", "0", "-o", str(definition)]
    new += ["--source", "/source", "--source-id", "fs-0123456789abcdef0"]
    new += ["--destination", "/backups", "--destination-id", "fs-0fedcba9876543210"]
    subprocess.run(new, check=True, capture_output=True)
    serve = [sys.executable, "-m", "efsbackup", "serve", "--new-key", "--keys", str(keys)]
    serve += ["--listen", "127.0.0.1:0", "--state", str(tmp_path / "state.db")]
    serve += ["--log-dir", str(tmp_path), "--worker-group", "here"]
    serve += ["--allow-root"] if os.geteuid() == 0 else []
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().removeprefix("listening at ").strip()
            # What is said of AWS is asked of the service here.
            here = {"endpoint_url": url, "keys_file": str(keys)}
            said = play(tmp_path, url, keys)
            assert "ok=3 " in said and "failed=1 " in said, said
            (sorry,) = run("data_pipeline_info", {"name": "sorry", "runs": True, **here})["pipelines"]
            assert sorry["runs"][0]["error"] == "the command ended with exit status 7: sorry"
            for name in ("hello", "sorry"):
                run("data_pipeline", {"name": name, "state": "absent", **here})
            missing = {name: "none" for name in ("myTopicArn", "myImageId", "mySubnetId")}
            missing |= {"mySecurityGroupId": "none", "myKeyPair": "none", "myS3LogBucket": "s3://none"}
            for arguments in examples("data_pipeline"):
                given = {**arguments, **here}
                if "src" in given:
                    given |= {"src": str(definition), "values": {**missing, **given["values"]}}
                answer = run("data_pipeline", given)
                assert not answer.get("failed") and answer["changed"], (arguments, answer)
            named, waiting = examples("data_pipeline_info")
            assert run("data_pipeline_info", {**named, **here})["pipelines"] == []
            # The source is missing, so this one fails.
            failing = {**examples("data_pipeline")[0], "name": "failing", "src": str(definition)}
            failing |= {"values": {**missing, **failing["values"]}}
            assert run("data_pipeline", {**failing, **here})["changed"]
            for asked, status in ((waiting, "FINISHED"), ({"name": "failing", "runs": True}, "FAILED")):
                wait_for(status, partial(run, "data_pipeline_info", {**asked, **here}))
        finally:
            server.terminate()
    told = (tmp_path / "notifications.jsonl").read_text()
    assert "[Alert] EFS Backup Failed" in told and "Succeeded" not in told


def test_ansible_finds_no_fault_in_modules_and_their_documentation() -> None:
    """One check of ``make test-ansible-sanity``, which runs them all."""
    sanity = ROOT / "tests" / "ansible" / "sanity.sh"
    line = [str(sanity), str(Path(sys.prefix).parent / "sanity"), sys.prefix]
    done = subprocess.run(
        [*line, "--test", "validate-modules"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
