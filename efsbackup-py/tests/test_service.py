"""Pipelines on a service: the embedded one, one behind a port, and AWS's client for it."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import efsbackup
from efsbackup import Definition, Service
from efsbackup._efsbackup import WITH_AWS

KEY = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


def definition(command: str = "true") -> Definition:
    return Definition.parse(
        f"""{{"objects": [
          {{"id": "Default", "scheduleType": "cron", "schedule": {{"ref": "Daily"}}}},
          {{"id": "Daily", "type": "Schedule", "period": "1 days",
            "startAt": "FIRST_ACTIVATION_DATE_TIME"}},
          {{"id": "Work", "type": "ShellCommandActivity", "workerGroup": "nobody",
            "command": "{command} #{{myWord}}", "*password": "the password"}}
        ], "parameters": [{{"id": "myWord", "type": "String"}}]}}"""
    )


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    """``efsbackup serve`` on a free port."""
    environment = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    words = ["serve", "--state", "served.db", "--listen", "127.0.0.1:0", "--allow-root"]
    process = subprocess.Popen(
        [sys.executable, "-m", "efsbackup", *words],
        cwd=tmp_path,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        heard = process.stdout.readline()
        assert heard.startswith("listening at http://"), heard
        yield heard.split()[-1]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def life(service: Service) -> None:
    plan = service.plan("nightly", definition(), {"myWord": "a"}, tags={"team": "ops"})
    assert plan and plan.pipeline is None and plan.refusal is None
    assert plan.steps == ["create the pipeline", "put the definition"]
    assert "Work" in [change.place for change in plan.changes]
    assert "the password" not in str(plan) + repr(plan) + str(plan.document)
    pipeline = plan.apply(activate=True, patience=5)
    again = service.plan("nightly", definition(), {"myWord": "a"}, activate=True)
    assert not again and again.pipeline == pipeline
    assert str(again).endswith("nothing to do")
    with pytest.raises(efsbackup.ConflictError, match="plan again"):
        plan.apply()

    (status,) = service.status("nightly")
    assert (status.id, status.state) == (pipeline, "SCHEDULED") and status.created is not None
    (run,) = service.runs(pipeline)
    assert (run.component, run.status, run.actual_end) == ("Work", "WAITING_FOR_RUNNER", None)
    assert service.cancel("nightly", [run.id]) == [run.id]
    seen: list[efsbackup.Standing] = []
    standing = service.wait("nightly", patience=10, progress=seen.append)
    assert standing.failed == 1 and seen[-1] == standing
    assert service.rerun("nightly", status="canceled") == [run.id]
    assert service.mark_finished("nightly", [run.id]) == [run.id]
    assert service.wait("nightly", patience=10).failed == 0
    with pytest.raises(efsbackup.InvalidInputError, match="inactive"):
        service.wait("nightly", "later")

    assert service.tag("nightly", {"who": "me"}, remove=["team"]) == pipeline
    second = service.clone("nightly", "second")
    with pytest.raises(efsbackup.EfsBackupError, match="called 'second' already"):
        service.clone("nightly", "second")
    assert {status.name for status in service.status()} == {"nightly", "second"}
    assert service.delete("second") == second
    with pytest.raises(efsbackup.NotFoundError, match="no pipeline has this id or name"):
        service.activate("second")

    changed = service.plan("nightly", definition("false"), {"myWord": "a"}, description="new")
    assert changed.refusal is not None and "history" in changed.losses[0]
    with pytest.raises(efsbackup.SafetyStopError, match="recreate"):
        changed.apply()
    assert service.deactivate("nightly") == pipeline
    service.wait("nightly", "inactive", patience=10)
    assert service.activate("nightly", {"myWord": "b"}) == pipeline
    stored = service.definition("nightly", active=True)
    assert [change.place for change in stored.diff(definition())] == ["myWord"]


def test_a_pipelines_life_in_a_file(tmp_path: Path) -> None:
    life(Service.embedded(os.fsencode(tmp_path / "state.db")))


def test_a_pipelines_life_over_the_wire(endpoint: str) -> None:
    service = Service.remote(endpoint, access_key_id=KEY, secret_access_key=SECRET)
    life(service)
    assert SECRET not in repr(service)
    wrong = Service.remote(endpoint, access_key_id=KEY, secret_access_key="x" * 40)
    with pytest.raises(efsbackup.AuthError):
        wrong.status()


def test_a_pipelines_life_through_awss_sdk(endpoint: str) -> None:
    def open_it() -> Service:
        return Service.aws(
            region="us-east-1",
            endpoint=endpoint,
            access_key_id=KEY,
            secret_access_key=SECRET,
        )

    if WITH_AWS:
        life(open_it())
    else:
        with pytest.raises(efsbackup.UnsupportedError, match="built without AWS"):
            open_it()


def test_what_is_done_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="efsbackup")
    service = Service.embedded(tmp_path / "state.db")
    service.plan("nightly", definition(), {"myWord": "a"}).apply()
    assert caplog.record_tuples == [
        ("efsbackup.apply", logging.INFO, "create the pipeline"),
        ("efsbackup.apply", logging.INFO, "put the definition"),
    ]
    caplog.clear()
    caplog.set_level(logging.WARNING, logger="efsbackup")
    service.wait("nightly", "inactive")
    assert not caplog.records


def test_copying_is_logged(
    source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="efsbackup")
    efsbackup.mirror(source, tmp_path / "copy")
    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert ("DEBUG", ">f+++++++++ linked") in lines or ("DEBUG", "hf+++++++++ linked") in lines
    assert all("\n" not in text for _, text in lines)
    level, summary = lines[-1]
    assert level == "INFO" and summary.startswith("complete: 7 entries, 7 created")
    caplog.clear()
    repository = efsbackup.Repository(tmp_path, name="fs-1")
    caplog.set_level(logging.INFO, logger="efsbackup")
    snapshot = repository.backup(source).snapshot
    assert snapshot is not None
    assert caplog.records[-1].getMessage() == f"complete snapshot {snapshot.id}"
    assert caplog.records[-1].name == "efsbackup.snapshot"
    caplog.clear()
    repository.verify(snapshot)
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("efsbackup.snapshot", "INFO")
    assert record.getMessage().startswith("as it should be: 7 entries, ")
    caplog.clear()
    repository.backup(source)
    repository.prune(keep_last=1)
    assert caplog.records[-1].getMessage() == f"removed snapshot {snapshot.id}"


def test_a_run_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="efsbackup")
    work = Definition.parse(
        """{"objects": [
          {"id": "Default", "scheduleType": "ondemand", "maximumRetries": "0"},
          {"id": "Work", "type": "ShellCommandActivity", "workerGroup": "g", "command": "exit 7",
               "scriptArguments": "x"}
        ]}"""
    )
    assert efsbackup.run(work, log_dir=tmp_path, once=True).outcome == "failed"
    levels = [record.levelno for record in caplog.records if record.name == "efsbackup.run"]
    assert levels == [logging.WARNING, logging.INFO, logging.ERROR]
    assert "7" in caplog.records[-1].getMessage()


@pytest.fixture
def silent() -> Iterator[str]:
    """A service that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_ctrl_c_ends_a_call_to_a_silent_service(silent: str) -> None:
    program = textwrap.dedent(
        """
        import signal, sys, time, efsbackup
        signal.signal(signal.SIGINT, signal.default_int_handler)
        key = {"access_key_id": sys.argv[2], "secret_access_key": sys.argv[3]}
        if sys.argv[4] == "aws":
            service = efsbackup.Service.aws(region="us-east-1", endpoint=sys.argv[1], **key)
        else:
            service = efsbackup.Service.remote(sys.argv[1], **key)
        print("ready", flush=True)
        try:
            service.status()
        except KeyboardInterrupt:
            print(time.monotonic(), flush=True)
        """
    )
    for kind in ["remote", "aws"] if WITH_AWS else ["remote"]:
        child = subprocess.Popen(
            [sys.executable, "-c", program, silent, KEY, SECRET, kind],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
        time.sleep(0.3)
        sent = time.monotonic()
        child.send_signal(signal.SIGINT)
        rest, _ = child.communicate(timeout=60)
        print(f"{kind}: {float(rest) - sent:.3f} s from Ctrl-C to KeyboardInterrupt")
        assert child.returncode == 0


def test_a_token_ends_a_call_and_other_threads_go_on(silent: str) -> None:
    service = Service.remote(silent, access_key_id=KEY, secret_access_key=SECRET)
    token = efsbackup.CancelToken()
    # That this timer's thread gets to run shows that the interpreter is free.
    threading.Timer(0.1, token.cancel).start()
    with pytest.raises(efsbackup.CancelledError):
        service.status(cancel=token)


def test_a_forked_process_is_told_to_open_its_own(tmp_path: Path) -> None:
    service = Service.embedded(tmp_path / "state.db")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            service.status()
        except BaseException as error:
            os.write(write, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        assert "InvalidInputError" in (text := pipe.read()) and "forked" in text, text
    os.waitpid(child, 0)
    assert service.status() == []


def test_arguments_that_cannot_be_meant(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="or neither"):
        Service.remote("http://127.0.0.1:1", access_key_id=KEY)
    with pytest.raises(efsbackup.InvalidInputError, match="not this machine"):
        Service.remote("http://192.0.2.1:1", access_key_id=KEY, secret_access_key=SECRET)
    service = Service.embedded(tmp_path / "state.db")
    with pytest.raises(TypeError, match="give a list"):
        service.rerun("nightly", "@Work_1")
    with pytest.raises(efsbackup.InvalidInputError, match="patience"):
        service.wait("nightly", patience=-1)
