"""The guides, followed to the letter; tests/nfs follows those of mounts, on servers."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from typed import GUIDES, TOOLS, blocks, commands, shown, type_in

import efsbackup

MARKED = """
efsbackup mark /mnt/source --id fs-0123456789abcdef0
efsbackup mark /mnt/backups --id fs-0fedcba9876543210
"""
# What is told of AWS is asked of a service here.
HERE = "--endpoint http://127.0.0.1:4664 --keys keys"

# A pipeline with the faults of the one that went round.
OLD = {
    "objects": [
        {"id": "Default", "scheduleType": "cron", "schedule": {"ref": "Every"}, "pipelineLogUri": "s3://logs"},
        {"id": "Every", "type": "Schedule", "period": "1 days", "startAt": "FIRST_ACTIVATION_DATE_TIME"},
        {
            "id": "Machine",
            "type": "Ec2Resource",
            "terminateAfter": "30 Minutes",
            "subnetId": "subnet-0123456789abcdef0",
            "securityGroupIds": "sg-0123456789abcdef0",
        },
        {
            "id": "Copy",
            "type": "ShellCommandActivity",
            "runsOn": {"ref": "Machine"},
            "command": 'sudo mount -t nfs "$1" /from\nsudo mount -t nfs "$2" /to\n'
            "sudo rsync -a --delete /from/ /to/$3/",
            "scriptArgument": [
                "fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com:/",
                "fs-0fedcba9876543210.efs.eu-west-1.amazonaws.com:/",
                "fs-0123456789abcdef0",
            ],
        },
    ]
}


def lay(folder: Path, **files: str) -> Path:
    """Writes files below ``folder/mnt``, by their paths with ``__`` for each slash and ``_`` for each dot."""
    mounts = folder / "mnt"
    (mounts / "backups").mkdir(parents=True)
    for name, text in files.items():
        path = mounts / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return mounts


def snapshots(repository: Path) -> list[Path]:
    """The trees in a repository, the oldest first."""
    return sorted(path for path in repository.glob("2*") if path.is_dir())


def test_the_first_backup_is_made_restored_and_undone(tmp_path: Path) -> None:
    mounts = lay(tmp_path, app__conf__app_conf="first", app__notes_txt="notes\n")
    between = "echo changed > /mnt/app/conf/app.conf; touch /mnt/app/new\n"
    script = commands("first-backup.md") + between + commands("restore.md")
    assert script.count("\nefsbackup ") >= 18
    # The folders are there; tests/nfs/cases/guides.sh mounts them.
    said = type_in(script.replace("\nefsbackup mount ", "\n: efsbackup mount "), tmp_path)

    assert said.count("\ncomplete snapshot /") == 3, said
    assert (mounts / "app.conf.old").read_text() == "first"
    assert (mounts / "restored/notes.txt").read_text() == "notes\na change\n"
    assert (mounts / "some/conf/app.conf").read_text() == "first"
    # The undo put back what the restore had replaced and removed.
    assert (mounts / "app/conf/app.conf").read_text() == "changed\n"
    assert (mounts / "app/new").exists()


def test_the_steps_of_several_machines_make_a_snapshot(tmp_path: Path) -> None:
    mounts = lay(tmp_path, source__folder__file="content", source__other="other")
    script = commands("several-machines.md")
    assert script.count("\nefsbackup shard ") == 4
    type_in(script, tmp_path)
    (snapshot,) = snapshots(mounts / "backups/fs-0123456789abcdef0")
    assert (snapshot / "folder/file").read_text() == "content"


def test_the_commands_of_the_readme_succeed(tmp_path: Path) -> None:
    mounts = lay(tmp_path, source__file="kept")
    script = commands("README.md")
    assert script.count("\nefsbackup ") == 10
    said = type_in(script, tmp_path)
    assert "ShellCommandActivityObj" in said, said
    assert (mounts / "restored" / "file").read_text() == "kept"
    # One by `backup`, one by the pipeline.
    taken = snapshots(mounts / "backups/fs-0123456789abcdef0")
    assert [(snapshot / "file").read_text() for snapshot in taken] == ["kept", "kept"]


def test_a_pipeline_is_written_run_here_and_deployed_to_a_service(tmp_path: Path) -> None:
    if not (TOOLS / "aws").exists():
        assert os.environ.get("EFSBACKUP_REQUIRE_TOOLS") != "1", "the AWS CLI is not installed"
        pytest.skip("the AWS CLI is not installed")
    mounts = lay(tmp_path, app__file="kept")
    aws = "service='--aws --region us-east-1'"
    here = f"service='{HERE}'"
    script = commands("recipe.md") + commands("engine.md") + commands("deploy.md")
    assert script.count(aws) == 1
    assert f"`{here}`" in GUIDES["deploy.md"].read_text()
    # What goes on by its schedule is stopped as by a service manager, once it has run.
    by_schedule = "\nefsbackup run pipeline.json --state state.db\n"
    stopped = f"{by_schedule.rstrip()} 2> run.log &\nuntil grep -q ^finished run.log; do sleep 0.1; done\n"
    stopped += "kill $!\nwait $! || [ $? = 130 ]\n"
    assert script.count(by_schedule) == 1
    said = type_in(script.replace(by_schedule, stopped).replace(aws, here), tmp_path)

    assert "activate it" in said and "FINISHED" in said, said
    taken = snapshots(mounts / "backups/fs-0123456789abcdef0")
    assert len(taken) == 4, "two by `run --once`, one by `run`, one by the service"
    assert all((snapshot / "file").read_text() == "kept" for snapshot in taken)
    assert (tmp_path / "now.svg").read_text().startswith("<svg")
    logs = tmp_path / "efsbackup-logs"
    assert (logs / "notifications.jsonl").read_text().count("onSuccess") == 4
    # Each log lies where the guide shows it.
    (layout,) = shown("engine.md")
    attempt, names, notifications = layout.replace("<log folder>/", "").splitlines()
    assert notifications == "notifications.jsonl"
    kinds = set(names.split()[:3])
    folders = list(logs.glob(re.sub(r"<\w+>", "*", attempt)))
    assert len(folders) >= 4
    for folder in folders:
        assert {path.name for path in folder.iterdir()} <= kinds | {f"{kind}.gz" for kind in kinds}


def test_a_program_has_a_pipeline_on_a_service(tmp_path: Path) -> None:
    mounts = lay(tmp_path, source__file="kept")
    programs = [block.text for block in blocks("python.md", "python") if "Service.aws(" in block.text]
    (program,) = (
        text.replace('.aws(region="us-east-1")', '.remote("http://127.0.0.1:4664", keys="keys")')
        for text in programs
    )
    begin = "import efsbackup\ndefinition = efsbackup.Definition.load('pipeline.yaml')\n"
    end = "print([run.status for run in service.runs('nightly')])\n"
    script = f"""{MARKED}
efsbackup pipeline new --source /mnt/source --destination /mnt/backups -o pipeline.yaml
efsbackup serve --state state.db --keys keys --new-key --allow-root --quiet &
sleep 1
python << 'END_OF_FILE'
{begin}{program}{end}END_OF_FILE
"""
    said = type_in(script, tmp_path)
    assert "['FINISHED', 'FINISHED']" in said, said
    (taken,) = snapshots(mounts / "backups/fs-0123456789abcdef0")
    assert (taken / "file").read_text() == "kept"


def spec_of(guide: str) -> str:
    return GUIDES[guide].read_text().split("```toml\n")[1].split("```")[0]


def test_a_spec_becomes_the_stack_that_the_guide_shows(tmp_path: Path) -> None:
    (tmp_path / "nightly.toml").write_text(spec_of("stack.md"))
    script = commands("stack.md")
    assert script.count("\nefsbackup stack ") == 3
    said = type_in(script, tmp_path)
    assert "elasticfilesystem:" in said, said
    assert 'resource "aws_sns_topic"' in (tmp_path / "nightly.tf").read_text()
    assert "AWS::DataPipeline::Pipeline" in (tmp_path / "nightly.yaml").read_text()


def test_an_old_pipeline_becomes_what_the_guide_says(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text(json.dumps(OLD))
    address = "fs-0123456789abcdef0.efs.eu-west-1.amazonaws.com:/"
    asks = json.loads(json.dumps(OLD).replace(address, "#{myEFSSource}"))
    asks["parameters"] = [{"id": "myEFSSource", "type": "String"}]
    (tmp_path / "asks.json").write_text(json.dumps(asks))
    template = "efsbackup pipeline convert asks.json --to cfn-yaml -o old.yaml\n"
    script = commands("migrate.md")
    assert script.count("\nefsbackup pipeline migrate ") == 5
    said = type_in(template + script, tmp_path)

    # The spec of both is one and the same, and each time the dangers are told.
    source = f'source = "{address}"'
    assert said.count(f"\n{source}\n") + said.startswith(source) == 2, said
    assert said.count("danger: unchecked-mount Copy: ") == 5
    assert "AWS::StepFunctions::StateMachine" in said and "REGISTRY/efsbackup:1" in said
    assert "efsbackup backup" in (tmp_path / "pipeline.yaml").read_text()
    units = {path.name for path in (tmp_path / "units").iterdir()}
    assert units == {"nightly.sh", "efsbackup-nightly.service", "efsbackup-nightly.timer"}


def test_an_expression_is_resolved_as_the_guide_says(tmp_path: Path) -> None:
    new = "efsbackup pipeline new --source /mnt/source --destination /mnt/backups -o pipeline.json\n"
    lay(tmp_path, source__file="kept")
    said = type_in(MARKED + new + commands("expressions.md"), tmp_path)
    resolved = json.loads(said[said.index("{") : said.rindex("}") + 1])
    (alarm,) = resolved["objects"]
    assert alarm["id"] == "FailureNotify" and "2026-03-01T05:00:00" in alarm["message"], alarm
    assert "#{" not in alarm["message"], "all of it is known or made up"


# What stands in docs/expressions.md, and what it gives for the t below.
GIVES = {
    "makeDate(2011, 5, 24)": "2011-05-24T00:00:00",
    "makeDateTime(2011, 5, 24, 14, 21)": "2011-05-24T14:21:00",
    "plusPeriod(t, '1 day')": "2011-04-01T17:10:00",
    "inTimeZone(t, 'Asia/Tokyo')": "2011-04-01T02:10:00",
    "format(t, 'YYYY-MM-dd')": "2011-03-31",
    "t.format('YYYY-MM-dd')": "2011-03-31",
    "format(t, 'yyyy-MM-dd''T''HH:mm')": "2011-03-31T17:10",
    "format(#{t}, 'YYYY')": "2011",
}
# What it says in words.
SAYS = {"7 / 2": "3", "2 ^ 2": "4.0", "2 ^ 3 ^ 0 * 3": "6.0", "-2 ^ 2": "-4.0", "1 / 2.0": "0.5", "007 + 1": "8"}
SAYS |= {"midnight(t)": "2011-03-31T00:00:00", "minusMonths(t, 1)": "2011-02-28T17:10:00"}


def test_expressions_give_what_the_guide_says() -> None:
    guide = GUIDES["expressions.md"].read_text()
    assert [text for text in GIVES if text not in guide] == []
    cases = {**GIVES, **SAYS}
    fields = {f"field{number}": f"#{{{text}}}" for number, text in enumerate(cases)}
    source = {"id": "A", "type": "ShellCommandActivity", "t": "2011-03-31T17:10:00", **fields}
    definition = efsbackup.Definition.parse(json.dumps({"objects": [source]}))
    (resolved,) = json.loads(definition.resolve().to("cli"))["objects"]
    assert {text: resolved[f"field{number}"] for number, text in enumerate(cases)} == cases


def test_a_repository_is_laid_out_as_the_format_shows(tmp_path: Path) -> None:
    """One with an undo, a damaged snapshot, and a run that goes on in steps."""
    mounts = lay(tmp_path, source__folder__file="one", source__other="two")
    repository = mounts / "backups" / "NAME"
    backup = "efsbackup backup /mnt/source /mnt/backups --name NAME\n"
    undo = "echo more > /mnt/source/other; touch /mnt/source/new\n"
    undo += "efsbackup restore /mnt/backups $(ls /mnt/backups/NAME) /mnt/source --in-place --delete\n"
    type_in(backup + undo, tmp_path)
    first, _ = snapshots(repository)
    times = (first / "other").stat()
    (first / "other").write_text("TWO")
    os.utime(first / "other", ns=(times.st_atime_ns, times.st_mtime_ns))
    shard = "efsbackup shard {} /mnt/source /mnt/backups --name NAME --run-id run {}\n"
    verify = f"efsbackup verify /mnt/backups {first.name} || [ $? = 23 ]\n"
    type_in(verify + shard.format("plan", "--nodes 1") + shard.format("unit", "--node 1/1"), tmp_path)

    def shape(name: str) -> str:
        for pattern in (r"\d{8}T\d{6}Z", r"\d{4}(-\d\d){4,5}(\+0000)?", r"\b[0-9a-f]{16}\b"):
            name = re.sub(pattern, "?", name)
        return re.sub(r"(note-\w+-).*", r"\1…", name)

    (layout,) = shown("format.md")
    columns = [re.split(r" {2,}", line.strip())[0] for line in layout.splitlines()]
    told = {shape(name.rstrip("/")) for names in columns for name in names.split(", ")}
    meta = repository / ".efsbackup"
    there = [repository, *repository.iterdir(), *meta.iterdir(), *(meta / "snapshots").iterdir()]
    found = {shape(path.name) for path in there}
    assert found - told == set(), "the format does not tell of these"
    assert told - found == {"ROOT", ".removing-…", "nothing-to-keep"}
