"""Definitions as a Python program meets them."""

from __future__ import annotations

import copy
import gzip
import os
import pickle
import signal
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import efsbackup
from efsbackup import Definition, DefinitionError, EfsBackupError, NotFoundError

TEXT = """{
  "objects": [
    {"id": "Default", "schedule": {"ref": "Hourly"}, "pipelineLogUri": "#{myLogs}"},
    {"id": "Hourly", "type": "Schedule", "period": "1 hours", "startAt": "FIRST_ACTIVATION_DATE_TIME"},
    {"id": "Run", "type": "ShellCommandActivity", "workerGroup": "g", "command": "date",
     "scriptArgument": ["#{myArguments}"], "*password": "#{*myPassword}"}
  ],
  "parameters": [{"id": "myLogs"}, {"id": "myArguments", "isArray": "true"}, {"id": "*myPassword"}],
  "values": {"*myPassword": "s3cr3t"}
}"""

FORMS = ["cli", "api", "cfn-yaml", "cfn-json", "terraform", "terraform-json"]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_found_out_and_means_the_same(form: str, tmp_path: Path) -> None:
    definition = Definition.parse(TEXT)
    file = tmp_path / "pipeline"
    file.write_text(definition.to(form), encoding="utf-8")
    again = Definition.load(file)
    assert again.form == form
    assert again == definition
    assert again.to(form) == file.read_text(encoding="utf-8")


def test_values_come_in_and_secrets_do_not_come_out() -> None:
    definition = Definition.parse(TEXT)
    resolved = definition.resolve({"myLogs": "s3://logs/", "myArguments": ["a", "b"]})
    shown = [resolved.draw(kind) for kind in ("svg", "dot", "mermaid", "text")]
    assert "s3://logs/" in shown[3]
    assert "scriptArgument a\n  scriptArgument b\n" in shown[3]
    shown += [resolved.to(form) for form in FORMS if form.startswith(("c", "a"))]
    shown += [str(definition.diff(resolved)), repr(resolved), str(resolved.validate())]
    assert not any("s3cr3t" in text for text in shown)
    with pytest.raises(NotFoundError, match="did you mean myLogs?"):
        definition.resolve({"myLog": "x"})


def test_findings_have_code_place_and_words() -> None:
    broken = Definition.parse(TEXT.replace('{"ref": "Hourly"}', '{"ref": "Hourle"}'))
    finding = broken.validate()[0]
    assert (finding.code, finding.is_error) == ("E301", True)
    assert str(finding).startswith("E301 Default.schedule: there is no object Hourle; did you")
    assert not [found for found in Definition.parse(TEXT).validate() if found.is_error]


def test_what_is_wrong_with_a_file_is_an_exception_with_its_place() -> None:
    with pytest.raises(DefinitionError, match="line 1, column 14"):
        Definition.parse('{"objects": [,]}')
    assert Definition.parse('{"objects": [/* none */]}', lenient=True).form == "cli"
    with pytest.raises(EfsBackupError, match="the forms are cli, api"):
        Definition.parse(TEXT).to("xml")


def test_a_picture_shows_how_runs_went() -> None:
    picture = Definition.parse(TEXT).draw(theme="dark", states={"Run": "FAILED"})
    assert ">FAILED 1</text>" in picture and "#0f172a" in picture
    assert Definition.parse(TEXT)._repr_svg_().startswith("<svg ")


PLAYED = """{
  "objects": [
    {"id": "Default", "schedule": {"ref": "Hourly"}, "scheduleType": "cron"},
    {"id": "Hourly", "type": "Schedule", "period": "1 hours", "startDateTime": "2026-03-01T00:00:00"},
    {"id": "Run", "type": "ShellCommandActivity", "workerGroup": "g", "onFail": {"ref": "Told"},
     "command": "#{myCommand} #{@scheduledStartTime}", "maximumRetries": "0"},
    {"id": "Told", "type": "SnsAlarm", "topicArn": "arn:aws:sns:us-east-1:012345678901:t",
     "subject": "#{node.name}", "message": "m", "role": "r"}
  ],
  "parameters": [{"id": "myCommand"}]
}"""


@pytest.mark.parametrize("form", FORMS)
def test_definitions_survive_pickle_and_copy(form: str) -> None:
    definition = Definition.parse(Definition.parse(TEXT).to(form)).resolve({"myLogs": "s3://l/"})
    for again in (pickle.loads(pickle.dumps(definition)), copy.deepcopy(definition)):
        assert again == definition
        assert (again.form, again.pipeline) == (form, definition.pipeline)
        assert again.unresolved == definition.unresolved


def test_one_scheduled_run_is_resolved() -> None:
    definition = Definition.parse(PLAYED)
    at = datetime(2026, 3, 1, 5, tzinfo=timezone(timedelta(hours=3)))
    resolved = definition.resolve({"myCommand": "date"}, at=at)
    assert "command date 2026-03-01T02:00:00" in resolved.draw("text")
    assert [left.name for left in definition.resolve().unresolved] == [
        "myCommand",
        "@scheduledStartTime",
        "node.name",
    ]
    with pytest.raises(efsbackup.UnresolvedParameterError, match="myCommand"):
        definition.resolve(require_values=True)
    with pytest.raises(TypeError, match="need at"):
        definition.resolve(simulated=True)


def test_what_would_be_is_played() -> None:
    played = Definition.parse(PLAYED).simulate(
        {"myCommand": "date"},
        until=datetime(2026, 3, 1, 2, 30),
        takes={"Run": timedelta(minutes=5)},
        fail=["Run@2026-03-01T01:00:00"],
    )
    runs = [(run.scheduled_start.hour, run.status) for run in played.runs if run.is_activity]
    assert runs == [(0, "FINISHED"), (1, "FAILED"), (2, "FINISHED")]
    assert played.runs[0].end == datetime(2026, 3, 1, 0, 5, tzinfo=timezone.utc)
    assert [(told.event, told.subject) for told in played.messages] == [("onFail", "Run")]
    assert pickle.loads(pickle.dumps(played)) == played
    with pytest.raises(NotFoundError, match="no object Walk"):
        Definition.parse(PLAYED).simulate({"myCommand": "date"}, lose=["Walk"])
    with pytest.raises(TypeError, match="give a list"):
        Definition.parse(PLAYED).simulate({"myCommand": "date"}, fail="Run")


def on_demand(command: str) -> Definition:
    """One activity, run once."""
    return Definition.parse(
        '{"objects": [{"id": "Default", "scheduleType": "ondemand"}, {"id": "Run", '
        '"type": "ShellCommandActivity", "workerGroup": "g", "maximumRetries": "0", '
        f'"command": "{command}"}}]}}'
    )


def test_a_definition_is_run_here(tmp_path: Path) -> None:
    good = efsbackup.run(on_demand("echo hello"), log_dir=tmp_path / "logs", once=True)
    assert (good.outcome, good.instances[0].status) == ("finished", "FINISHED")
    (output,) = tmp_path.rglob("StdOutput*")
    assert gzip.decompress(output.read_bytes()) == b"hello\n"
    assert pickle.loads(pickle.dumps(good)) == good
    bad = efsbackup.run(
        on_demand("exit 3"), log_dir=tmp_path / "logs", state=tmp_path / "state", once=True
    )
    assert (bad.outcome, bad.instances[0].status) == ("failed", "FAILED")
    with pytest.raises(NotFoundError):
        efsbackup.run(on_demand("date"), {"myNone": "x"}, log_dir=tmp_path / "logs", once=True)


def test_ctrl_c_ends_a_run_and_its_scripts(tmp_path: Path) -> None:
    other_thread_ran = threading.Event()

    def interrupt() -> None:
        deadline = time.monotonic() + 60
        while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        other_thread_ran.set()
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    command = f"echo $$ > {tmp_path}/new && mv {tmp_path}/new {tmp_path}/pid && exec sleep 600"
    with pytest.raises(KeyboardInterrupt):
        efsbackup.run(on_demand(command), log_dir=tmp_path / "logs", once=True)
    thread.join()
    assert other_thread_ran.is_set()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
